package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

func TestMainJob(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "db")
	store, err := bolt.Open(ctx, path, nil)
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	for i := range 42 {
		_, err := svc.Create(ctx, "ada", threads.Draft{Organization: []string{"", "org_a", "org_b"}[i%3], Title: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	d1, err := svc.SoftDeleteAll(ctx, "ada", threads.InOrganization("org_a"))
	require.NoError(t, err)
	require.EqualValues(t, 14, d1.Count)
	d2, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
	require.NoError(t, err)
	require.EqualValues(t, 28, d2.Count)
	require.NoError(t, store.Close())
	store, err = bolt.Open(ctx, path, nil)
	require.NoError(t, err)
	svc = threads.NewService(store, nil)
	n, err := svc.Restore(ctx, "ada", d1.ID)
	require.NoError(t, err)
	require.EqualValues(t, 14, n)
	c, err := svc.Count(ctx, "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 14, Deleted: 28}, c)
	p, err := svc.List(ctx, "ada", threads.Query{Scope: threads.All(), State: threads.Deleted}, threads.Paging{Limit: 100})
	require.NoError(t, err)
	require.Len(t, p.Threads, 28)
	r, err := store.Check(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 42, r.Threads)
	require.EqualValues(t, 2, r.Deletions)
	e, err := svc.Erase(ctx, "ada")
	require.NoError(t, err)
	require.EqualValues(t, 42, e.Threads)
	require.EqualValues(t, 2, e.Deletions)
	require.NoError(t, store.Close())
}

// TestWhatADeletionWritesDoesNotGrow counts the pages that deleting and
// restoring all threads of a user write, with few threads and with many.
func TestWhatADeletionWritesDoesNotGrow(t *testing.T) {
	ctx := t.Context()
	type pages struct{ deleted, restored int64 }
	wrote := map[int]pages{}
	for _, n := range []int{10, 1_000, 20_000} {
		db := unsynced(t)
		store, err := bolt.New(ctx, db, nil)
		require.NoError(t, err)
		list := make([]threads.Thread, n)
		for i := range list {
			list[i] = thread("ada", fmt.Sprintf("thrd_%06d", i))
		}
		createAll(t, store, list...)
		for i := range 500 { // so that the ledger is a tree too
			other := fmt.Sprintf("user_%03d", i)
			require.NoError(t, store.Create(ctx, other, thread(other, "thrd_1")))
		}
		svc := threads.NewService(store, nil)
		written := func(f func()) int64 {
			before, err := store.Stats(ctx)
			require.NoError(t, err)
			f()
			after, err := store.Stats(ctx)
			require.NoError(t, err)
			return after.PagesWritten - before.PagesWritten
		}
		var d threads.Deletion
		var p pages
		p.deleted = written(func() { d, err = svc.SoftDeleteAll(ctx, "ada", threads.All()) })
		require.NoError(t, err)
		require.EqualValues(t, n, d.Count)
		var restored int64
		p.restored = written(func() { restored, err = svc.Restore(ctx, "ada", d.ID) })
		require.NoError(t, err)
		require.EqualValues(t, n, restored)
		wrote[n] = p
	}
	t.Logf("%+v", wrote)
	require.Positive(t, wrote[10].deleted)
	require.Equal(t, wrote[10], wrote[1_000])
	require.Equal(t, wrote[10], wrote[20_000])
}
