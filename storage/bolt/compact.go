package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

// openFilesKeepTheirNames says that an open file cannot be replaced.
var openFilesKeepTheirNames = runtime.GOOS == "windows"

// compactBatch is the bytes that a compaction copies in one transaction.
const compactBatch = 1 << 20

// ErrBorrowed is what [Store.Compact] returns for a database that is the
// host's.
var ErrBorrowed = errors.New("bolt: the database is the host's, and so is its file")

// Compact copies what the file holds into a new one, which takes its place,
// and so gives up the bytes of everything that was removed and the space it
// took. It needs room for the copy beside the file.
//
// The program goes on meanwhile: reads are answered, writes wait until it
// ends or their context does. It takes time with the size of what is kept.
// When it fails, or the process ends in it, the old file is still in place; a
// leftover copy is removed by the next Compact. A damaged file is not
// replaced, nor one that was put in the place of the store's. The copy has
// the mode and the owner of the file; who may not give it the latter gets an
// error.
//
// A store made by [New] returns [ErrBorrowed].
func (s *Store) Compact(ctx context.Context) error {
	old, err := s.enter(ctx, compacting)
	if err != nil {
		return err
	}
	if old.file == nil {
		s.leave(old, compacting)
		return ErrBorrowed
	}
	s.writers.Wait()
	replaced, err := s.compact(ctx, old)
	s.leave(old, compacting)
	if replaced != nil {
		old.calls.Wait() // those who still read it
		err = errors.Join(err, old.close())
		replaced.calls.Done()
	}
	if err != nil {
		return fmt.Errorf("bolt: compact %s: %w", s.path, err)
	}
	return nil
}

// compact returns the database that has taken the place of the old one. The
// caller is among its calls.
func (s *Store) compact(ctx context.Context, old *database) (*database, error) {
	if err := s.inPlace(old); err != nil {
		return nil, err
	}
	path := s.path + ".compact"
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	db, err := openFile(ctx, path, s.opts)
	if err != nil {
		return nil, errors.Join(err, removeIfThere(path))
	}
	if err := s.copyTo(ctx, old, db); err != nil {
		return nil, errors.Join(err, db.close(), os.Remove(path))
	}
	return s.replace(ctx, old, db, path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// inPlace refuses to go on if the file that is open is not the one at the path
// any more: the copy would replace somebody else's.
func (s *Store) inPlace(db *database) error {
	same, err := db.isAt(s.path)
	if err == nil && !same {
		err = fmt.Errorf("the file at that path is another by now, or none; the store goes on in the one it has open")
	}
	return err
}

// copyTo copies every record, and the mode of the file, and makes the copy
// durable.
func (s *Store) copyTo(ctx context.Context, from, to *database) error {
	info, err := from.file.Stat()
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(to.Path(), info.Mode().Perm()), keepOwner(to.Path(), info)); err != nil {
		return err
	}
	if err := from.verify(ctx); err != nil {
		return err
	}
	return from.view(func(tx *bbolt.Tx) error {
		v, err := viewOf(tx, "")
		if err != nil {
			return err
		}
		to.NoSync = true
		for _, b := range []struct {
			name []byte
			*bbolt.Bucket
		}{{ledgerName, v.ledger}, {rowsName, v.rows}} {
			c := b.Cursor()
			key, value := c.First()
			for more := true; more; more = key != nil { // once for an empty bucket too
				if key, value, err = copySome(to.DB, b.name, b.Sequence(), c, key, value); err != nil {
					return classify(err)
				}
				if err := s.ended(ctx); err != nil {
					return err
				}
			}
		}
		to.NoSync = false
		return classify(to.Sync())
	})
}

// ended is why a compaction must not go on.
func (s *Store) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable()
}

// copySome copies records, from the one given on, and returns the first that
// it has not copied.
func copySome(to *bbolt.DB, bucket []byte, sequence uint64, c *bbolt.Cursor, key, value []byte) (nextKey, nextValue []byte, err error) {
	err = to.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		if err := b.SetSequence(sequence); err != nil {
			return err
		}
		b.FillPercent = 1 // for the keys come in their order
		for size := 0; key != nil && size < compactBatch; key, value = c.Next() {
			if _, err := unseal(key, value); err != nil {
				return err
			}
			if err := b.Put(key, value); err != nil {
				return err
			}
			size += len(key) + len(value)
		}
		return nil
	})
	return key, value, err
}

// replace puts the copy in the place of the file. The lock of the copy is
// held all the while, so no other process comes in between; one that waits
// for the lock of the old file sees that it is gone, and opens the new one.
func (s *Store) replace(ctx context.Context, old, db *database, path string) (*database, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, errors.Join(err, db.close(), os.Remove(path))
	}
	if err := s.inPlace(old); err != nil {
		return nil, errors.Join(err, db.close(), os.Remove(path))
	}
	if openFilesKeepTheirNames {
		return s.replaceClosed(ctx, old, db, path)
	}
	if err := os.Rename(path, s.path); err != nil {
		return nil, errors.Join(err, db.close(), os.Remove(path))
	}
	db.calls.Add(1)
	s.db = db
	err := syncDir(filepath.Dir(s.path))
	if err != nil {
		s.fail(err) // the old file may come back after a power cut
	}
	return db, err
}

// replaceClosed does so where neither file can be open meanwhile. All calls
// wait.
func (s *Store) replaceClosed(ctx context.Context, old, db *database, path string) (*database, error) {
	old.calls.Done() // of the compaction itself
	old.calls.Wait()
	old.calls.Add(1)
	err := errors.Join(db.close(), old.close(), os.Rename(path, s.path))
	if err == nil {
		db, err = openFile(context.WithoutCancel(ctx), s.path, s.opts)
	}
	if err != nil {
		s.fail(err)
		return nil, err
	}
	db.calls.Add(1)
	s.db = db
	return db, nil
}
