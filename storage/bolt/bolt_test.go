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
	t.Logf("%+v", r)
	e, err := svc.Erase(ctx, "ada")
	require.NoError(t, err)
	t.Logf("%+v", e)
	require.EqualValues(t, 42, e.Threads)
	require.EqualValues(t, 2, e.Deletions)
	require.NoError(t, store.Close())
}
