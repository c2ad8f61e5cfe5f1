package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// newStore opens a store in a new directory. It is checked and closed when the
// test ends.
func newStore(t *testing.T, opts *bolt.Options) (*bolt.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "threads.db")
	return openAt(t, path, opts), path
}

func openAt(t *testing.T, path string, opts *bolt.Options) *bolt.Store {
	t.Helper()
	store, err := bolt.Open(t.Context(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		if _, err := store.Check(context.Background()); err != nil && !errors.Is(err, threads.ErrClosed) {
			t.Errorf("Check at the end of the test = %v", err)
		}
		require.NoError(t, store.Close())
	})
	return store
}

// populated returns the path of a file with the users, what to ask about it,
// and the right answers. Each is made once, without syncs, and copied.
func populated(t *testing.T, n int, users ...string) (path string, c probe.Catalog, facts map[string]string) {
	t.Helper()
	name := fmt.Sprint(n, users)
	made, ok := fixtures[name]
	if !ok {
		made = fixture(t, n, users)
		fixtures[name] = made
	}
	path = filepath.Join(t.TempDir(), "threads.db")
	writeFile(t, path, made.bytes)
	return path, made.catalog, made.facts
}

type populatedFile struct {
	bytes   []byte
	catalog probe.Catalog
	facts   map[string]string
}

var fixtures = map[string]populatedFile{}

func fixture(t *testing.T, n int, users []string) (made populatedFile) {
	t.Helper()
	ctx := t.Context()
	db := unsynced(t)
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	svc := probe.Clockwork(store)
	for _, user := range users {
		require.NoError(t, probe.Populate(ctx, svc, user, n))
	}
	made.catalog, err = probe.CatalogOf(ctx, store, users...)
	require.NoError(t, err)
	made.facts = made.catalog.Facts(ctx, store)
	_, err = store.Check(ctx)
	require.NoError(t, err)
	path := db.Path()
	require.NoError(t, db.Close())
	made.bytes, err = os.ReadFile(path)
	require.NoError(t, err)
	return made
}

// unsynced opens a new database that does not wait for the disk.
func unsynced(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "unsynced.db"), 0o600, &bbolt.Options{
		NoSync: true, NoGrowSync: true, FreelistType: bbolt.FreelistMapType,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// createAll creates threads, many at once.
func createAll(t *testing.T, store threads.Store, list ...threads.Thread) {
	t.Helper()
	const at = 32
	var wg sync.WaitGroup
	for w := range at {
		wg.Go(func() {
			for i := w; i < len(list); i += at {
				if !assert.NoError(t, store.Create(t.Context(), list[i].User, list[i])) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// copyFile copies a file, for a test to spoil.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}
