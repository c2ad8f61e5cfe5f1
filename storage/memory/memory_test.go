package memory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func TestMainJob(t *testing.T) {
	ctx := t.Context()
	svc := threads.NewService(memory.New(), nil)
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
	n, err := svc.Restore(ctx, "ada", d1.ID)
	require.NoError(t, err)
	require.EqualValues(t, 14, n)
	c, err := svc.Count(ctx, "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 14, Deleted: 28}, c)
	p, err := svc.List(ctx, "ada", threads.Query{Scope: threads.All(), State: threads.Deleted}, threads.Paging{Limit: 100})
	require.NoError(t, err)
	require.Len(t, p.Threads, 28)
}
