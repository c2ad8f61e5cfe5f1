package bolt_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

func harness() storagetest.Harness {
	return storagetest.Harness{
		Open: func(dir string) (threads.Store, error) {
			return bolt.Open(context.Background(), filepath.Join(dir, "db"), nil)
		},
		Persistent: true,
	}
}

func TestConformance(t *testing.T) { storagetest.Run(t, harness()) }

// TestConformanceOfABorrowedDatabase also takes the smallest steps there are.
func TestConformanceOfABorrowedDatabase(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(dir string) (threads.Store, error) {
			db, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, &bbolt.Options{NoSync: true})
			if err != nil {
				return nil, err
			}
			store, err := bolt.New(context.Background(), db, &bolt.Options{MaxGroup: 1, PurgeBatch: 1})
			return &lent{Store: store, db: db}, err
		},
		Persistent: true,
		Gaps:       []string{"erase/no-bytes"}, // the free pages are the host's to compact; the erasure says so
	})
}

// lent closes the database with the store, as its host would.
type lent struct {
	*bolt.Store
	db   *bbolt.DB
	once sync.Once
	err  error
}

func (l *lent) Close() error {
	err := l.Store.Close()
	l.once.Do(func() { l.err = l.db.Close() })
	return errors.Join(err, l.err)
}
