package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// TestContendersDoTheSameWork: figures of one that does less would say
// nothing.
func TestContendersDoTheSameWork(t *testing.T) {
	for _, c := range Contenders() {
		t.Run(c.Name, func(t *testing.T) {
			const n = 250
			ctx, dir := t.Context(), t.TempDir()
			keeper, err := c.Open(ctx, dir, c.Engine != "memory")
			require.NoError(t, err)
			fill(t, keeper, n)
			if c.Engine != "memory" { // what was filled without syncs is read by one that syncs
				require.NoError(t, keeper.Close())
				keeper, err = c.Open(ctx, dir, false)
				require.NoError(t, err)
			}
			defer func() { require.NoError(t, keeper.Close()) }()

			count := func(want int) {
				t.Helper()
				got, err := keeper.Count(ctx, "ada")
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			page := func(from Place, newest int) {
				t.Helper()
				list, err := keeper.Page(ctx, "ada", from, 50)
				require.NoError(t, err)
				require.Len(t, list, 50)
				for i, got := range list {
					same(t, c, numbered("ada", newest-i), got)
				}
			}
			count(n)
			page(Place{}, n-1)
			last := numbered("ada", n-50)
			page(Place{Offset: 50, After: &last}, n-51)

			require.NoError(t, keeper.Create(ctx, "ada", numbered("ada", n)))
			got, err := keeper.Get(ctx, "ada", threadID(n))
			require.NoError(t, err)
			same(t, c, numbered("ada", n), got)
			_, err = keeper.Get(ctx, "bob", threadID(n))
			require.Error(t, err, "of another user")
			require.NoError(t, keeper.Delete(ctx, "ada", threadID(n)))
			_, err = keeper.Get(ctx, "ada", threadID(n))
			require.Error(t, err)
			page(Place{}, n-1)

			if deletes := c.Name != bareBolt.Name && c.Name != bareSQLite.Name; !deletes {
				deleted, err := keeper.DeleteAll(ctx, "ada")
				require.NoError(t, err)
				require.Equal(t, n, deleted, "it says what it would have to")
				count(0)
				restored, err := keeper.Restore(ctx, "ada")
				require.NoError(t, err)
				require.Equal(t, n, restored)
				count(n)
				return
			}
			deleted, err := keeper.DeleteAll(ctx, "ada")
			require.NoError(t, err)
			require.Equal(t, n, deleted)
			count(0)
			list, err := keeper.Page(ctx, "ada", Place{}, 50)
			require.NoError(t, err)
			require.Empty(t, list)
			_, err = keeper.Get(ctx, "ada", threadID(0))
			require.Error(t, err)
			restored, err := keeper.Restore(ctx, "ada")
			if errors.Is(err, errors.ErrUnsupported) {
				_, err = keeper.Purge(ctx, "ada")
				require.ErrorIs(t, err, errors.ErrUnsupported, "a delete is final")
				return
			}
			require.NoError(t, err)
			require.Equal(t, n, restored, "and not the thread that was deleted before")
			count(n)
			page(Place{}, n-1)
			_, err = keeper.DeleteAll(ctx, "ada")
			require.NoError(t, err)
			purged, err := keeper.Purge(ctx, "ada")
			require.NoError(t, err)
			require.Equal(t, n+1, purged, "all, and the one from before")
			restored, err = keeper.Restore(ctx, "ada")
			require.True(t, err != nil || restored == 0, "Restore = %d, %v", restored, err)
		})
	}
}

// same compares all that a contender does not say it leaves out.
func same(t *testing.T, c Contender, want, got threads.Thread) {
	t.Helper()
	if strings.Contains(c.About, noTimes) {
		want.CreatedAt, want.UpdatedAt, want.LastActivityAt, want.Version = got.CreatedAt, time.Time{}, time.Time{}, 0
	}
	require.Equal(t, want, got)
}

// bobs is how many threads bob has, who is not measured.
const bobs = 3

// fill adds threads to ada, and some to bob.
func fill(tb testing.TB, keeper Keeper, n int) {
	tb.Helper()
	require.NoError(tb, keeper.Fill(context.Background(), "ada", 0, n))
	require.NoError(tb, keeper.Fill(context.Background(), "bob", 0, bobs))
}
