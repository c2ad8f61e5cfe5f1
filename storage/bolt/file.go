package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

// openFile opens or creates the file with what it takes to be safe:
//
//   - bbolt waits for a lock for ever unless told how long.
//   - The free list is kept in the file (no NoFreelistSync): without it, every
//     open walks all pages in a goroutine whose panics and faults on a damaged
//     file nobody can catch. The price is paid after big purges, when a long
//     free list is written with each commit, until [Store.Compact].
//
// The directory is not synced yet; see [prepare].
func openFile(ctx context.Context, path string, o Options) (*database, error) {
	for deadline := time.Now().Add(o.LockTimeout); ; {
		left := time.Until(deadline)
		db, err := tryOpen(path, o.MaxSize, min(max(left, time.Millisecond), lockSlice))
		if errors.Is(err, threads.ErrLocked) && left > lockSlice {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		same, err := db.isAt(path)
		if err == nil && same {
			return db, nil
		}
		// While we waited for the lock its holder put a compacted file in
		// place of the one we opened; or that is not to be had.
		if err := errors.Join(err, db.close()); err != nil {
			return nil, err
		}
	}
}

// lockSlice is how long to wait for a lock before looking at the context.
const lockSlice = 100 * time.Millisecond

func tryOpen(path string, maxSize int, timeout time.Duration) (*database, error) {
	db := newDatabase()
	err := guard(func() (err error) {
		db.DB, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: timeout, FreelistType: bbolt.FreelistMapType, MaxSize: maxSize,
			OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
				db.file, err = os.OpenFile(name, flag, mode)
				return db.file, err
			},
		})
		return classify(err)
	})
	if err == nil {
		db.pageSize = int64(db.Info().PageSize)
		if maxSize > 0 {
			db.AllocSize = min(db.AllocSize, maxSize/16)
		}
		return db, nil
	}
	if isPanic(err) && db.file != nil {
		abandon(db.file)
	}
	if classOf(err) == nil && isTooShort(path) {
		err = fmt.Errorf("%w: the file is too short: %w", threads.ErrCorrupt, err)
	}
	return nil, err
}

// isTooShort reports whether there is something in the file, but less than the
// two pages that every database begins with.
func isTooShort(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Size() < 2*int64(os.Getpagesize())
}

// isAt reports whether the file is still the one at path, and refuses one
// that is shorter than its pages.
func (db *database) isAt(path string) (same bool, err error) {
	open, err := db.file.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := db.view(func(tx *bbolt.Tx) error {
		if need := tx.Size(); need > open.Size() {
			return fmt.Errorf("%w: the file has %d bytes and its pages need %d: it was cut short", threads.ErrCorrupt, open.Size(), need)
		}
		return nil
	}); err != nil {
		return false, err
	}
	return os.SameFile(open, there), nil
}

// settle makes durable what the file was opened with. After a sync that failed
// the system may show bytes that are not on the disk, and will not write them:
// with a meta page of that kind, the next commit would overwrite pages that the
// one on the disk still needs. All other pages of a commit are synced before
// its meta page is written, but those of a new database, which are the first
// four together with the meta pages.
func (db *database) settle() error {
	b := make([]byte, 4*db.pageSize)
	n, err := db.file.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil {
		_, err = db.file.WriteAt(b[:n], 0)
	}
	if err == nil {
		err = db.file.Sync()
	}
	return classify(err)
}

// syncDir makes the names in a directory durable. Windows has no such call,
// and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
