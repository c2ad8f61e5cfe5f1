package bolt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// golden is what was in a file when it was written.
type golden struct {
	Catalog probe.Catalog
	Facts   map[string]string
}

// goldenUsers are in the files of testdata.
var goldenUsers = []string{"a", "ab"}

// TestEveryLayoutIsRead opens files that were written when each layout was
// new. SKEIN_UPDATE=1 writes that of the present layout anew; do it only
// until the layout is released.
func TestEveryLayoutIsRead(t *testing.T) {
	ctx := t.Context()
	const file, facts = "testdata/layout1.db", "testdata/layout1.json"
	if os.Getenv("SKEIN_UPDATE") == "1" {
		path, c, f := populated(t, 24, goldenUsers...)
		copyFile(t, path, file)
		b, err := json.MarshalIndent(golden{c, f}, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(facts, append(b, '\n'), 0o600))
	}
	var want golden
	b, err := os.ReadFile(facts)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &want))
	path := filepath.Join(t.TempDir(), "threads.db")
	copyFile(t, file, path)

	store := openAt(t, path, nil)
	assert.Empty(t, probe.Differences(want.Catalog.Facts(ctx, store), want.Facts), "every record is read as it was written")
	_, err = store.Check(ctx)
	require.NoError(t, err)

	svc := threads.NewService(store, nil)
	for _, user := range goldenUsers {
		before, err := svc.Count(ctx, user, threads.All())
		require.NoError(t, err)
		d, err := svc.SoftDeleteAll(ctx, user, threads.All())
		require.NoError(t, err)
		assert.Equal(t, before.Live, d.Count, "SoftDeleteAll(%s) deletes what was live", user)
		n, err := svc.Restore(ctx, user, d.ID)
		require.NoError(t, err)
		assert.Equal(t, before.Live, n, "Restore(%s) brings it back", user)
		replay, err := svc.SoftDeleteAll(ctx, user, threads.All(), threads.WithIdempotencyKey("every"))
		require.NoError(t, err)
		old, err := svc.Deletion(ctx, user, replay.ID)
		require.NoError(t, err)
		assert.Equal(t, old, replay, "an idempotency key of the old file is still known")
		for r := (threads.PurgeResult{More: true}); r.More; {
			r, err = svc.Purge(ctx, user, probe.Far, 7)
			require.NoError(t, err)
			before.Deleted -= r.Threads
		}
		after, err := svc.Count(ctx, user, threads.All())
		require.NoError(t, err)
		assert.Equal(t, threads.Counts{Live: before.Live}, after, "Purge(%s) removes what was deleted, and that alone", user)
		assert.Zero(t, before.Deleted, "and says so")
		created, err := svc.Create(ctx, user, threads.Draft{Organization: "org_a", Title: "new"})
		require.NoError(t, err)
		got, err := svc.Get(ctx, user, created.ID, threads.Live)
		require.NoError(t, err)
		assert.Equal(t, created, got)
	}
	_, err = store.Check(ctx)
	require.NoError(t, err)
}

func TestANewerLayoutIsRefusedAndLeftAlone(t *testing.T) {
	path, _, _ := populated(t, 12, "ada")
	remove := bolt.AddUpgrade(func(*bbolt.Tx) error { return nil })
	t.Cleanup(func() { remove() })
	store, err := bolt.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	remove()
	remove = func() {}
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	_, err = bolt.Open(t.Context(), path, nil)
	require.ErrorIs(t, err, threads.ErrNewerLayout)
	require.ErrorContains(t, err, "layout 2", "the error says which it is")
	require.ErrorContains(t, err, path)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the file was changed")

	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 1})
	require.NoError(t, err, "Open let go of the file")
	defer func() { require.NoError(t, db.Close()) }()
	_, err = bolt.New(t.Context(), db, nil)
	require.ErrorIs(t, err, threads.ErrNewerLayout, "a borrowed database is held to the same")
}

func TestAnOlderLayoutIsUpgradedInPlace(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 12, "ada")
	runs := 0
	defer bolt.AddUpgrade(func(tx *bbolt.Tx) error {
		runs++
		if tx.Bucket([]byte("skein")).Get([]byte("\x00layout")) == nil {
			return errors.New("the step found no layout")
		}
		return nil
	})()
	for range 2 {
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err)
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
		require.NoError(t, store.Close())
	}
	assert.Equal(t, 1, runs, "the second Open found nothing to do")

	fresh := filepath.Join(t.TempDir(), "fresh.db")
	require.NoError(t, openAt(t, fresh, nil).Close())
	assert.Equal(t, 1, runs, "a new file begins with the last layout")
}

func TestAnUpgradeThatFailsLeavesTheFileAsItWas(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 12, "ada")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	refused := errors.New("refused")
	remove := bolt.AddUpgrade(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("skein"))
		for range 3 {
			key, _ := b.Cursor().Last()
			if err := b.Delete(bytes.Clone(key)); err != nil {
				return err
			}
		}
		return refused
	})
	_, err = bolt.Open(ctx, path, nil)
	remove()
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "upgrade from layout 1")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the file was changed")
	assert.Empty(t, probe.Differences(c.Facts(ctx, openAt(t, path, nil)), facts))
}
