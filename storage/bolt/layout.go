package bolt

import (
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

var bucketName = []byte("skein")

// layoutKey sorts before every other key.
var layoutKey = []byte("\x00layout")

// layoutRecord says which layout the bucket has.
type layoutRecord struct {
	Version int `cbor:"1,keyasint"`
}

// upgrades brings the bucket from each layout to the next: upgrades[0] from
// layout 1 to 2. Layout 1 is the first.
var upgrades []func(*bbolt.Bucket) error

// layout is the version this package writes.
func layout() int { return 1 + len(upgrades) }

// prepare makes the bucket in a new database and upgrades an older one, in one
// transaction. In a file of its own there must be no other buckets, or it is
// somebody else's.
//
// bbolt does not sync the directory of a file that it creates. So that is done
// before there is a bucket, also for a file that a process has left without
// one; from then on the file can have acknowledged writes.
func prepare(db *database, file string) error {
	var fresh, current bool
	err := db.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketName)
		if fresh = b == nil; fresh {
			if first, _ := tx.Cursor().First(); first != nil && file != "" {
				return fmt.Errorf("%w: it is a bbolt database without threads; to keep threads beside other data, open it and call New", threads.ErrCorrupt)
			}
			return nil
		}
		version, err := layoutOf(b)
		current = version == layout()
		return err
	})
	if err != nil || current {
		return err
	}
	if fresh && file != "" {
		if err := syncDir(filepath.Dir(file)); err != nil {
			return err
		}
	}
	return guard(func() error { return classify(db.Update(func(tx *bbolt.Tx) error { return upgrade(tx, fresh) })) })
}

func upgrade(tx *bbolt.Tx, fresh bool) error {
	b, err := tx.CreateBucketIfNotExists(bucketName)
	if err != nil {
		return err
	}
	version := layout()
	if !fresh {
		if version, err = layoutOf(b); err != nil {
			return err
		}
	}
	for ; version < layout(); version++ {
		if err := upgrades[version-1](b); err != nil {
			return fmt.Errorf("upgrade from layout %d: %w", version, err)
		}
	}
	v := view{bucket: b}
	return v.put(layoutKey, layoutRecord{Version: layout()})
}

func layoutOf(b *bbolt.Bucket) (int, error) {
	var l layoutRecord
	v := view{bucket: b}
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
