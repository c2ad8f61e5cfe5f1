package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// host opens a database with a bucket of its own.
func host(t *testing.T, opts *bbolt.Options) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "host.db"), 0o600, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("theirs"))
		if err != nil {
			return err
		}
		for i := range 500 {
			if err := b.Put(fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %d", i)); err != nil {
				return err
			}
		}
		return nil
	}))
	return db
}

// theirs is everything that the host has beside the store.
func theirs(t *testing.T, db *bbolt.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if strings.HasPrefix(string(name), "skein") {
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				all[string(name)+"/"+string(k)] = string(v)
				return nil
			})
		})
	}))
	return all
}

func TestABorrowedDatabaseIsSharedAndStaysTheHosts(t *testing.T) {
	ctx := t.Context()
	db := host(t, nil)
	before := theirs(t, db)
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	svc := probe.Clockwork(store)
	require.NoError(t, probe.Populate(ctx, svc, "ada", 60))
	require.NoError(t, probe.Populate(ctx, svc, "bob", 60))
	assert.Equal(t, db.Path(), store.Path())
	_, err = store.Check(ctx)
	require.NoError(t, err)

	require.ErrorIs(t, store.Compact(ctx), bolt.ErrBorrowed)

	e, err := store.Erase(ctx, "ada")
	require.NoError(t, err)
	assert.Positive(t, e.Threads)
	assert.Contains(t, strings.Join(e.Caveats, " "), "host", "Erase says that the bytes are not its to give up")
	assert.Contains(t, strings.Join(e.Verified, " "), "no record", "and what it did verify")

	c, err := probe.CatalogOf(ctx, store, "bob")
	require.NoError(t, err)
	facts := c.Facts(ctx, store)
	require.NoError(t, store.Close())
	_, err = store.Count(ctx, "bob", threads.All())
	require.ErrorIs(t, err, threads.ErrClosed)
	assert.Equal(t, before, theirs(t, db), "what is the host's is untouched, and its database open")

	again, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	assert.Empty(t, probe.Differences(c.Facts(ctx, again), facts))
	_, err = again.Check(ctx)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestAHostThatClosesFirstClosesTheStore(t *testing.T) {
	ctx := t.Context()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "host.db"), 0o600, nil)
	require.NoError(t, err)
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	require.NoError(t, probe.Populate(ctx, probe.Clockwork(store), "ada", 12))
	require.NoError(t, db.Close())
	calls := everyCall(store)
	for _, name := range []string{"Check", "Stats"} {
		_, ok := calls[name]
		require.True(t, ok)
	}
	for name, call := range calls {
		if name == "Compact" {
			continue // the file is the host's in any case
		}
		require.ErrorIs(t, call(ctx), threads.ErrClosed, name)
	}
	require.NoError(t, store.Close())
	_, err = bolt.New(ctx, db, nil)
	require.ErrorIs(t, err, threads.ErrClosed)
}

func TestNewNeedsADatabase(t *testing.T) {
	_, err := bolt.New(t.Context(), nil, nil)
	require.ErrorContains(t, err, "needs a database")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = bolt.New(ctx, host(t, nil), nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	ctx := t.Context()
	db := host(t, nil)
	for _, opts := range []bolt.Options{{LockTimeout: -1}, {MaxSize: -1}, {MaxGroup: -1}, {PurgeBatch: -1}} {
		_, err := bolt.Open(ctx, filepath.Join(t.TempDir(), "threads.db"), &opts)
		require.ErrorContains(t, err, "negative option", "Open with %+v", opts)
		_, err = bolt.New(ctx, db, &opts)
		require.Error(t, err, "New with %+v", opts)
	}
	_, err := bolt.Open(ctx, filepath.Join(t.TempDir(), "threads.db"), &bolt.Options{MaxSize: bolt.MinMaxSize - 1})
	require.ErrorContains(t, err, "must be at least 262144")
	for _, opts := range []bolt.Options{{LockTimeout: 1}, {MaxSize: 1 << 20}} {
		_, err := bolt.New(ctx, db, &opts)
		require.ErrorContains(t, err, "set them in its bbolt.Options")
	}
}

func TestTheOptionsOfABorrowedDatabaseAreTheHosts(t *testing.T) {
	ctx := t.Context()
	db := host(t, &bbolt.Options{NoSync: true, NoFreelistSync: true, NoStatistics: true})
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	require.NoError(t, probe.Populate(ctx, probe.Clockwork(store), "ada", 30))
	_, err = store.Check(ctx)
	require.NoError(t, err)
	st, err := store.Stats(ctx)
	require.NoError(t, err)
	assert.Positive(t, st.FileBytes)
	assert.True(t, db.NoSync, "the store leaves it as it is")
	require.NoError(t, store.Close())
}

func TestAReadOnlyHostCanBeReadFrom(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 12, "ada")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
	require.Error(t, store.Create(ctx, "ada", thread("ada", "thrd_new")))
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts), "a refused write changes nothing, and reads go on")
}

func TestABucketThatIsGoneIsCorrupt(t *testing.T) {
	for _, name := range []string{"skein", "skein.threads"} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			db := host(t, nil)
			store, err := bolt.New(ctx, db, nil)
			require.NoError(t, err)
			require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_0")))
			require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(name)) }))
			_, err = store.Count(ctx, "ada", threads.All())
			require.ErrorIs(t, err, threads.ErrCorrupt)
			require.NotContains(t, err.Error(), "nil pointer")
			err = store.Create(ctx, "ada", thread("ada", "thrd_1"))
			require.ErrorIs(t, err, threads.ErrCorrupt)
			_, err = store.Check(ctx)
			require.ErrorIs(t, err, threads.ErrCorrupt)

			again, err := bolt.New(ctx, db, nil)
			if err == nil {
				_, err = again.Count(ctx, "ada", threads.All())
			}
			require.ErrorIs(t, err, threads.ErrCorrupt, "what is left is not taken for a new store")
		})
	}
}

// TestTwoStoresInOneDatabase: the host may make several, or make one again.
func TestTwoStoresInOneDatabase(t *testing.T) {
	ctx := t.Context()
	db := host(t, nil)
	one, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	two, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	require.NoError(t, one.Create(ctx, "ada", thread("ada", "thrd_1")))
	require.ErrorIs(t, two.Create(ctx, "ada", thread("ada", "thrd_1")), threads.ErrExists)
	require.NoError(t, one.Close())
	_, err = two.Get(ctx, "ada", "thrd_1", threads.Live)
	require.NoError(t, err)
	require.NoError(t, two.Close())
}
