package bolt

import (
	"bytes"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

// The names of the buckets; see keys.go for what is in them.
var (
	ledgerName = []byte("skein")
	rowsName   = []byte("skein.threads")
)

// layoutKey is in the ledger, before every other key.
var layoutKey = []byte("\x00layout")

// layoutRecord says which layout the buckets have.
type layoutRecord struct {
	Version int `cbor:"1,keyasint"`
}

// upgrades brings the buckets from each layout to the next: upgrades[0] from
// layout 1 to 2. Layout 1 is the first.
var upgrades []func(*bbolt.Tx) error

// layout is the version this package writes.
func layout() int { return 1 + len(upgrades) }

// prepare makes the buckets in a new database and upgrades an older one, in one
// transaction. In a file of its own there must be no other buckets, or it is
// somebody else's.
//
// bbolt does not sync the directory of a file that it creates. So that is done
// before there is a bucket, also for a file that a process has left without
// one; from then on the file can have acknowledged writes.
func prepare(db *database, file string) error {
	var fresh, current bool
	err := db.view(func(tx *bbolt.Tx) error {
		if file != "" {
			if err := unshared(tx); err != nil {
				return err
			}
		}
		if fresh = tx.Bucket(ledgerName) == nil; fresh {
			return nil
		}
		version, err := layoutOf(tx)
		if current = version == layout(); !current || err != nil {
			return err
		}
		return apart(tx)
	})
	if err == nil && file != "" { // it is not refused any more
		err = db.settle()
	}
	if err != nil || current {
		return err
	}
	if fresh && file != "" {
		if err := syncDir(filepath.Dir(file)); err != nil {
			return err
		}
	}
	return guard(func() error { return classify(db.Update(upgrade)) })
}

// unshared refuses a database that has something else in it: a compaction
// would leave that out.
func unshared(tx *bbolt.Tx) error {
	return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if bytes.Equal(name, ledgerName) || bytes.Equal(name, rowsName) {
			return nil
		}
		return fmt.Errorf("%w: it is a bbolt database with other data, in bucket %q; to keep threads beside that, open it and call New", threads.ErrCorrupt, name)
	})
}

// upgrade leaves the buckets with the present layout.
func upgrade(tx *bbolt.Tx) error {
	version := layout()
	if tx.Bucket(ledgerName) == nil {
		for _, name := range [][]byte{ledgerName, rowsName} {
			if _, err := tx.CreateBucket(name); err != nil {
				return fmt.Errorf("%w: bucket %q: %w", threads.ErrCorrupt, name, err)
			}
		}
	} else {
		var err error
		if version, err = layoutOf(tx); err != nil {
			return err
		}
	}
	for ; version < layout(); version++ {
		if err := upgrades[version-1](tx); err != nil {
			return fmt.Errorf("upgrade from layout %d: %w", version, err)
		}
	}
	v, err := viewOf(tx, "")
	if err != nil {
		return err
	}
	return v.put(layoutKey, layoutRecord{Version: layout()})
}

// apart holds that each bucket has keys of its own kinds: a bucket of one page
// has no branch whose keys would show that the page is another's.
func apart(tx *bbolt.Tx) error {
	v, err := viewOf(tx, "")
	if err != nil {
		return err
	}
	for _, b := range []struct {
		*bbolt.Bucket
		kinds []byte
	}{{v.rows, rowKinds}, {v.ledger, append(layoutKey[:1:1], ledgerKinds...)}} {
		c := b.Cursor()
		first, _ := c.First()
		last, _ := c.Last()
		for _, key := range [][]byte{first, last} {
			if key != nil && bytes.IndexByte(b.kinds, key[0]) < 0 {
				return corrupt(key, "is in another bucket than its own")
			}
		}
	}
	return nil
}

// layoutOf reads nothing but the one record that every layout has.
func layoutOf(tx *bbolt.Tx) (int, error) {
	var l layoutRecord
	v := view{ledger: tx.Bucket(ledgerName)}
	if err := v.need(layoutKey, &l); err != nil {
		return 0, err
	}
	switch {
	case l.Version > layout():
		return 0, fmt.Errorf("%w: it has layout %d and this version knows up to %d", threads.ErrNewerLayout, l.Version, layout())
	case l.Version < 1:
		return 0, corrupt(layoutKey, "names no layout")
	}
	return l.Version, nil
}
