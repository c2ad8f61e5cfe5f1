package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

func openBolt(dir, name string, fill bool, buckets ...string) (*bbolt.DB, error) {
	db, err := bbolt.Open(filepath.Join(dir, name), 0o600, &bbolt.Options{NoSync: fill, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	return db, db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// place is the key of a thread in the order of lists: the user, when it was
// created, its id.
func place(t threads.Thread) []byte {
	b := append([]byte(t.User), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(t.CreatedAt.UnixMicro()))
	return append(b, t.ID...)
}

// before moves a cursor to the last entry before a key.
func before(c *bbolt.Cursor, key []byte) (k, v []byte) {
	if k, _ := c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// backwards calls do with the entries of a user, newest first, from before the
// place of a thread, until it returns false.
func backwards(b *bbolt.Bucket, user string, after *threads.Thread, do func(k, v []byte) (bool, error)) error {
	c := b.Cursor()
	prefix := append([]byte(user), 0)
	from := append([]byte(user), 1)
	if after != nil {
		from = place(*after)
	}
	for k, v := before(c, from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Prev() {
		if on, err := do(k, v); err != nil || !on {
			return err
		}
	}
	return nil
}

var stampedBolt = Contender{
	Name: "stamped-bolt", Engine: "bbolt",
	About: "By hand on bbolt, its free list not synced: threads as JSON with a `deleted_at`, an index of the live ones and one of the deleted ones. Deleting all rewrites every record in one transaction.",
	Open: func(_ context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openBolt(dir, "stamped.db", fill, "threads", "live", "deleted")
		return &boltStamped{db: db}, err
	},
}

// boltStamped is the design that most would write: in bucket "threads" records
// by user and id; in "live" and "deleted" their places.
type boltStamped struct {
	db   *bbolt.DB
	last time.Time
}

type stampedRecord struct {
	threads.Thread
	DeletedAt time.Time `json:"deleted_at,omitzero"`
}

func recordKey(user, id string) []byte { return append(append([]byte(user), 0), id...) }

func idAt(user string, place []byte) string { return string(place[len(user)+1+8:]) }

func put(tx *bbolt.Tx, bucket string, r stampedRecord) error {
	v, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := tx.Bucket([]byte("threads")).Put(recordKey(r.User, r.ID), v); err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put(place(r.Thread), nil)
}

func record(tx *bbolt.Tx, user, id string) (r stampedRecord, err error) {
	v := tx.Bucket([]byte("threads")).Get(recordKey(user, id))
	if v == nil {
		return r, errAbsent
	}
	return r, json.Unmarshal(v, &r)
}

// move stamps threads, or takes the stamp away, and moves them from one index
// to the other.
func move(tx *bbolt.Tx, user, from, to string, places [][]byte, at time.Time) error {
	for _, place := range places {
		r, err := record(tx, user, idAt(user, place))
		if err != nil {
			return err
		}
		r.DeletedAt = at
		if err := put(tx, to, r); err != nil {
			return err
		}
		if err := tx.Bucket([]byte(from)).Delete(place); err != nil {
			return err
		}
	}
	return nil
}

// all returns the first places of a user's threads in an index.
func all(tx *bbolt.Tx, bucket, user string, most int) (places [][]byte) {
	prefix := append([]byte(user), 0)
	c := tx.Bucket([]byte(bucket)).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(places) < most; k, _ = c.Next() {
		places = append(places, bytes.Clone(k))
	}
	return places
}

func (s *boltStamped) Fill(_ context.Context, user string, from, to int) error {
	return batches(from, to, 10_000, func(from, to int) error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			for n := from; n < to; n++ {
				if err := put(tx, "live", stampedRecord{Thread: numbered(user, n)}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *boltStamped) Create(_ context.Context, user string, t threads.Thread) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("threads")).Get(recordKey(user, t.ID)) != nil {
			return threads.ErrExists
		}
		return put(tx, "live", stampedRecord{Thread: t})
	})
}

func (s *boltStamped) Get(_ context.Context, user, id string) (t threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		r, err := record(tx, user, id)
		if err == nil && !r.DeletedAt.IsZero() {
			err = errAbsent
		}
		t = r.Thread
		return err
	})
	return t, err
}

func (s *boltStamped) Page(_ context.Context, user string, from Place, limit int) (list []threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return backwards(tx.Bucket([]byte("live")), user, from.After, func(k, _ []byte) (bool, error) {
			r, err := record(tx, user, idAt(user, k))
			list = append(list, r.Thread)
			return len(list) < limit, err
		})
	})
	return list, err
}

func (s *boltStamped) Count(_ context.Context, user string) (n int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		prefix := append([]byte(user), 0)
		c := tx.Bucket([]byte("live")).Cursor()
		for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			n++
		}
		return nil
	})
	return n, err
}

func (s *boltStamped) Delete(_ context.Context, user, id string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		r, err := record(tx, user, id)
		if err != nil {
			return err
		}
		return move(tx, user, "live", "deleted", [][]byte{place(r.Thread)}, time.Now())
	})
}

func (s *boltStamped) DeleteAll(_ context.Context, user string) (n int, err error) {
	at := time.Now()
	err = s.db.Update(func(tx *bbolt.Tx) error {
		places := all(tx, "live", user, math.MaxInt)
		n = len(places)
		return move(tx, user, "live", "deleted", places, at)
	})
	s.last = at
	return n, err
}

func (s *boltStamped) Restore(_ context.Context, user string) (n int, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		var back [][]byte
		for _, place := range all(tx, "deleted", user, math.MaxInt) {
			r, err := record(tx, user, idAt(user, place))
			if err != nil {
				return err
			}
			if r.DeletedAt.Equal(s.last) {
				back = append(back, place)
			}
		}
		n = len(back)
		return move(tx, user, "deleted", "live", back, time.Time{})
	})
	return n, err
}

func (s *boltStamped) Purge(_ context.Context, user string) (n int, err error) {
	const batch = 500 // as many as other writers can wait for
	for more := true; more && err == nil; {
		err = s.db.Update(func(tx *bbolt.Tx) error {
			places := all(tx, "deleted", user, batch)
			more = len(places) == batch
			n += len(places)
			for _, place := range places {
				if err := tx.Bucket([]byte("threads")).Delete(recordKey(user, idAt(user, place))); err != nil {
					return err
				}
				if err := tx.Bucket([]byte("deleted")).Delete(place); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return n, err
}

func (s *boltStamped) Close() error { return s.db.Close() }

var bareBolt = Contender{
	Name: "bare-bolt", Engine: "bbolt",
	About: "The least that bbolt can do, its free list not synced: one record a thread under one key, no index by id beside it, no check of anything. Deleting or restoring all is a commit of one small record, whatever it would have to say.",
	Open: func(_ context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openBolt(dir, "bare.db", fill, "threads", "small")
		return &boltBare{db: db, deleted: map[string]int{}}, err
	},
}

// boltBare does for each operation only what no store on bbolt can do without.
// So it does not delete: it counts what it would have to say.
type boltBare struct {
	db      *bbolt.DB
	deleted map[string]int
}

func (s *boltBare) Fill(ctx context.Context, user string, from, to int) error {
	err := batches(from, to, 10_000, func(from, to int) error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			for n := from; n < to; n++ {
				if err := bare(tx, numbered(user, n)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	n, err := s.Count(ctx, user)
	if err != nil {
		return err
	}
	return s.small(user, n+to-from)
}

// bare puts a record where its id finds it: ids rise with the time, as those
// of the benchmarks do.
func bare(tx *bbolt.Tx, t threads.Thread) error {
	v, err := cbor.Marshal(t)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte("threads")).Put(recordKey(t.User, t.ID), v)
}

func (s *boltBare) Create(_ context.Context, _ string, t threads.Thread) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return bare(tx, t) })
}

func (s *boltBare) Get(_ context.Context, user, id string) (t threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte("threads")).Get(recordKey(user, id))
		if v == nil {
			return errAbsent
		}
		return cbor.Unmarshal(v, &t)
	})
	return t, err
}

func (s *boltBare) Page(_ context.Context, user string, from Place, limit int) (list []threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("threads")).Cursor()
		start := append([]byte(user), 1)
		if from.After != nil {
			start = recordKey(user, from.After.ID)
		}
		for k, v := before(c, start); k != nil && len(list) < limit; k, v = c.Prev() {
			var t threads.Thread
			if err := cbor.Unmarshal(v, &t); err != nil {
				return err
			}
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

func (s *boltBare) Count(_ context.Context, user string) (n int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket([]byte("small")).Get([]byte(user)); v != nil {
			n = int(binary.BigEndian.Uint64(v))
		}
		return nil
	})
	return n, err
}

func (s *boltBare) Delete(_ context.Context, user, id string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("threads")).Delete(recordKey(user, id))
	})
}

// small commits one small record.
func (s *boltBare) small(user string, n int) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("small")).Put([]byte(user), binary.BigEndian.AppendUint64(nil, uint64(n)))
	})
}

func (s *boltBare) DeleteAll(ctx context.Context, user string) (int, error) {
	n, err := s.Count(ctx, user)
	if err != nil {
		return 0, err
	}
	s.deleted[user] = n
	return n, s.small(user, 0)
}

func (s *boltBare) Restore(_ context.Context, user string) (int, error) {
	n := s.deleted[user]
	return n, s.small(user, n)
}

func (s *boltBare) Purge(_ context.Context, user string) (n int, err error) {
	const batch = 500
	prefix := append([]byte(user), 0)
	for more := true; more && err == nil; {
		err = s.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("threads"))
			var keys [][]byte
			c := b.Cursor()
			for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(keys) < batch; k, _ = c.Next() {
				keys = append(keys, bytes.Clone(k))
			}
			more = len(keys) == batch
			n += len(keys)
			for _, k := range keys {
				if err := b.Delete(k); err != nil {
					return fmt.Errorf("delete %q: %w", k, err)
				}
			}
			return nil
		})
	}
	return n, err
}

func (s *boltBare) Close() error { return s.db.Close() }
