package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// kind is a kind of store under test.
type kind struct {
	name string
	file string // its file in a directory; empty: it keeps nothing
	open func(ctx context.Context, dir string) (threads.Store, error)
}

var (
	memoryKind = kind{"memory", "", func(context.Context, string) (threads.Store, error) { return memory.New(), nil }}
	boltKind   = kind{"bolt", "threads.db", func(ctx context.Context, dir string) (threads.Store, error) {
		return bolt.Open(ctx, filepath.Join(dir, "threads.db"), nil)
	}}
	sqliteKind = kind{"sqlite", "threads.sqlite", func(ctx context.Context, dir string) (threads.Store, error) {
		return sqlite.Open(ctx, filepath.Join(dir, "threads.sqlite"), nil)
	}}
	kinds     = []kind{memoryKind, boltKind, sqliteKind}
	fileKinds = []kind{boltKind, sqliteKind}
)

// openIn opens a store in a directory until the test ends.
func (k kind) openIn(t *testing.T, dir string) threads.Store {
	t.Helper()
	store, err := k.open(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// kindNamed is for a process that is told which.
func kindNamed(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	panic("no kind of store is named " + name)
}

// checked has a store look through all that it keeps, if it keeps anything.
func checked(ctx context.Context, store threads.Store) (err error) {
	switch s := store.(type) {
	case *bolt.Store:
		_, err = s.Check(ctx)
	case *sqlite.Store:
		_, err = s.Check(ctx)
	case *memory.Store:
	default:
		err = fmt.Errorf("%T has no Check", store)
	}
	return err
}

// check is checked, for a test.
func check(t *testing.T, store threads.Store) {
	t.Helper()
	if err := checked(t.Context(), store); err != nil {
		t.Errorf("Check() = %v; want no problem", err)
	}
}
