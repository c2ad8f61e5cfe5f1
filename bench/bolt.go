package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

// batchDelay is how long the first of a batch of creates waits for company,
// about as long as a commit takes; bbolt's 10 ms would be most of the time.
const batchDelay = 500 * time.Microsecond

// ascending is how full pages are left where keys arrive in order, with room
// for a stamp in each record.
const ascending = 0.9

func openBolt(dir, name string, fill bool, buckets ...string) (*boltFile, error) {
	db, err := bbolt.Open(filepath.Join(dir, name), 0o600, &bbolt.Options{NoSync: fill, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = batchDelay
	return &boltFile{DB: db}, db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// boltFile is a file of bbolt in which creates that meet share a commit.
type boltFile struct {
	*bbolt.DB

	creating atomic.Int32
}

// create commits at once if no other create is under way, and otherwise with
// those that come meanwhile.
func (f *boltFile) create(do func(*bbolt.Tx) error) error {
	defer f.creating.Add(-1)
	if f.creating.Add(1) == 1 {
		return f.Update(do)
	}
	return f.Batch(do)
}

// bucket returns a bucket whose keys come in order.
func bucket(tx *bbolt.Tx, name string) *bbolt.Bucket {
	b := tx.Bucket([]byte(name))
	b.FillPercent = ascending
	return b
}

// boltRecord is what the key of a thread does not say, in the encoding of our
// own store: CBOR, with numbers for names.
type boltRecord struct {
	Organization string            `cbor:"1,keyasint,omitempty"`
	Assistant    string            `cbor:"2,keyasint,omitempty"`
	Title        string            `cbor:"3,keyasint,omitempty"`
	Metadata     map[string]string `cbor:"4,keyasint,omitempty"`
	Hidden       bool              `cbor:"5,keyasint,omitempty"`
	PinnedAt     int64             `cbor:"6,keyasint,omitempty"` // this and the other times in microseconds; 0: never
	CreatedAt    int64             `cbor:"7,keyasint"`
	UpdatedAt    int64             `cbor:"8,keyasint"`
	ActiveAt     int64             `cbor:"9,keyasint"`
	Version      int64             `cbor:"10,keyasint"`
	DeletedAt    int64             `cbor:"11,keyasint,omitempty"` // the stamp
}

func boltRecordOf(t threads.Thread) boltRecord {
	r := boltRecord{
		Organization: t.Organization, Assistant: t.Assistant, Title: t.Title, Metadata: t.Metadata, Hidden: t.Hidden,
		CreatedAt: t.CreatedAt.UnixMicro(), UpdatedAt: t.UpdatedAt.UnixMicro(), ActiveAt: t.LastActivityAt.UnixMicro(), Version: t.Version,
	}
	if !t.PinnedAt.IsZero() {
		r.PinnedAt = t.PinnedAt.UnixMicro()
	}
	return r
}

func (r boltRecord) thread(user, id string) threads.Thread {
	t := threads.Thread{
		ID: id, User: user, Organization: r.Organization, Assistant: r.Assistant, Title: r.Title, Metadata: r.Metadata, Hidden: r.Hidden,
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC(),
		LastActivityAt: time.UnixMicro(r.ActiveAt).UTC(), Version: r.Version,
	}
	if r.PinnedAt != 0 {
		t.PinnedAt = time.UnixMicro(r.PinnedAt).UTC()
	}
	return t
}

// place is the key of a thread in the order of lists: the user, when it was
// created, its id.
func place(user string, created int64, id string) []byte {
	b := append([]byte(user), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(created))
	return append(b, id...)
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
		from = place(user, after.CreatedAt.UnixMicro(), after.ID)
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
	About: "By hand on bbolt, its free list not synced: threads in the encoding of ours (CBOR) with a `deleted_at`, an index of the live ones and one of the deleted ones, pages filled to 90 %; " +
		"creates that meet share a commit by bbolt's `Batch`. Deleting all rewrites every record in one transaction; a count walks the index.",
	Open: func(_ context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openBolt(dir, "stamped.db", fill, "threads", "live", "deleted")
		return &boltStamped{db: db}, err
	},
}

// boltStamped is the design that most would write: in bucket "threads" records
// by user and id; in "live" and "deleted" their places.
type boltStamped struct {
	db   *boltFile
	last int64
}

func recordKey(user, id string) []byte { return append(append([]byte(user), 0), id...) }

func idAt(user string, place []byte) string { return string(place[len(user)+1+8:]) }

func put(tx *bbolt.Tx, index, user, id string, r boltRecord) error {
	v, err := cbor.Marshal(r)
	if err != nil {
		return err
	}
	if err := bucket(tx, "threads").Put(recordKey(user, id), v); err != nil {
		return err
	}
	return bucket(tx, index).Put(place(user, r.CreatedAt, id), nil)
}

func record(tx *bbolt.Tx, user, id string) (r boltRecord, err error) {
	v := tx.Bucket([]byte("threads")).Get(recordKey(user, id))
	if v == nil {
		return r, errAbsent
	}
	return r, cbor.Unmarshal(v, &r)
}

// move gives threads with one stamp another, moves them from one index to the
// other, and returns how many they were. Stamp 0 is of the live ones.
func move(tx *bbolt.Tx, user, from, to string, places [][]byte, was, stamp int64) (n int, err error) {
	for _, place := range places {
		id := idAt(user, place)
		r, err := record(tx, user, id)
		if err != nil {
			return n, err
		}
		if r.DeletedAt != was {
			continue
		}
		r.DeletedAt = stamp
		if err := put(tx, to, user, id, r); err != nil {
			return n, err
		}
		if err := tx.Bucket([]byte(from)).Delete(place); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// all returns the first places of a user's threads in an index.
func all(tx *bbolt.Tx, index, user string, most int) (places [][]byte) {
	prefix := append([]byte(user), 0)
	c := tx.Bucket([]byte(index)).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(places) < most; k, _ = c.Next() {
		places = append(places, bytes.Clone(k))
	}
	return places
}

func (s *boltStamped) Fill(_ context.Context, user string, from, to int) error {
	return batches(from, to, 10_000, func(from, to int) error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			for n := from; n < to; n++ {
				t := numbered(user, n)
				if err := put(tx, "live", user, t.ID, boltRecordOf(t)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *boltStamped) Create(_ context.Context, user string, t threads.Thread) error {
	return s.db.create(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("threads")).Get(recordKey(user, t.ID)) != nil {
			return threads.ErrExists
		}
		return put(tx, "live", user, t.ID, boltRecordOf(t))
	})
}

func (s *boltStamped) Get(_ context.Context, user, id string) (t threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		r, err := record(tx, user, id)
		if err == nil && r.DeletedAt != 0 {
			err = errAbsent
		}
		t = r.thread(user, id)
		return err
	})
	return t, err
}

func (s *boltStamped) Page(_ context.Context, user string, from Place, limit int) (list []threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return backwards(tx.Bucket([]byte("live")), user, from.After, func(k, _ []byte) (bool, error) {
			id := idAt(user, k)
			r, err := record(tx, user, id)
			list = append(list, r.thread(user, id))
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
		if r.DeletedAt != 0 {
			return errAbsent
		}
		r.DeletedAt = time.Now().UnixMicro()
		if err := put(tx, "deleted", user, id, r); err != nil {
			return err
		}
		return tx.Bucket([]byte("live")).Delete(place(user, r.CreatedAt, id))
	})
}

func (s *boltStamped) DeleteAll(_ context.Context, user string) (n int, err error) {
	at := time.Now().UnixMicro()
	err = s.db.Update(func(tx *bbolt.Tx) error {
		n, err = move(tx, user, "live", "deleted", all(tx, "live", user, math.MaxInt), 0, at)
		return err
	})
	s.last = at
	return n, err
}

func (s *boltStamped) Restore(_ context.Context, user string) (n int, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		n, err = move(tx, user, "deleted", "live", all(tx, "deleted", user, math.MaxInt), s.last, 0)
		return err
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
	About: "The least that bbolt can do, its free list not synced: one record a thread under one key, in the encoding of ours (CBOR), no index by id beside it, no check of anything; creates that meet share a commit by bbolt's `Batch`. Deleting or restoring all is a commit of one small record, whatever it would have to say.",
	Open: func(_ context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openBolt(dir, "bare.db", fill, "threads", "small")
		return &boltBare{db: db, deleted: map[string]int{}}, err
	},
}

// boltBare does for each operation only what no store on bbolt can do without.
// So it does not delete: it counts what it would have to say.
type boltBare struct {
	db      *boltFile
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
	v, err := cbor.Marshal(boltRecordOf(t))
	if err != nil {
		return err
	}
	return bucket(tx, "threads").Put(recordKey(t.User, t.ID), v)
}

func (s *boltBare) Create(_ context.Context, _ string, t threads.Thread) error {
	return s.db.create(func(tx *bbolt.Tx) error { return bare(tx, t) })
}

func (s *boltBare) Get(_ context.Context, user, id string) (t threads.Thread, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte("threads")).Get(recordKey(user, id))
		if v == nil {
			return errAbsent
		}
		var r boltRecord
		err := cbor.Unmarshal(v, &r)
		t = r.thread(user, id)
		return err
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
			var r boltRecord
			if err := cbor.Unmarshal(v, &r); err != nil {
				return err
			}
			list = append(list, r.thread(user, string(k[len(user)+1:])))
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
