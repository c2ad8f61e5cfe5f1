package bolt_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// fillUp creates threads, some at once, until the store is full for each.
func fillUp(t *testing.T, store threads.Store, users ...string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, user := range users {
		wg.Go(func() {
			var err error
			for i := 0; err == nil; i++ {
				th := thread(user, fmt.Sprintf("thrd_%s_%06d", user, i))
				th.Metadata = map[string]string{"key": strings.Repeat("x", 100)}
				err = store.Create(context.Background(), user, th)
			}
			assert.ErrorIs(t, err, threads.ErrFull)
		})
	}
	wg.Wait()
}

// TestNobodyTakesTheRoomThatIsKeptForPurges: not creates in one commit with
// calls that may, either.
func TestNobodyTakesTheRoomThatIsKeptForPurges(t *testing.T) {
	ctx := t.Context()
	store, _ := newStore(t, &bolt.Options{MaxSize: 2 * bolt.MinMaxSize})
	users := []string{"ada", "bob", "cid", "dan"}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				_, err := store.Delete(ctx, "eve", "thrd_absent", threads.Deletion{ID: "del_1", User: "eve", DeletedAt: probe.Epoch})
				assert.ErrorIs(t, err, threads.ErrNotFound)
				_, err = store.Purge(ctx, "eve", probe.Far, probe.Far, 10)
				assert.NoError(t, err, "there is nothing to write")
			}
		})
	}
	fillUp(t, store, users...)
	close(done)
	wg.Wait()
	for _, user := range users {
		n, err := store.Count(ctx, user, threads.All())
		require.NoError(t, err)
		d, err := store.SoftDeleteAll(ctx, user, threads.Deletion{ID: "del_all", User: user, Scope: threads.All(), DeletedAt: probe.Epoch})
		require.NoError(t, err)
		require.Equal(t, n.Live, d.Count)
		for r := (threads.PurgeResult{More: true}); r.More; {
			r, err = store.Purge(ctx, user, probe.Far, probe.Far, threads.MaxPurge)
			require.NoError(t, err)
		}
	}
}

// TestWhatHasNoRoomTouchesNobodyElse: threads can be deleted while others try
// to create what does not fit.
func TestWhatHasNoRoomTouchesNobodyElse(t *testing.T) {
	ctx := t.Context()
	store, _ := newStore(t, &bolt.Options{MaxSize: 2 * bolt.MinMaxSize})
	fillUp(t, store, "ada")
	var wg sync.WaitGroup
	begun := make(chan struct{}, 100)
	done := make(chan struct{})
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				th := thread("bob", fmt.Sprintf("thrd_%d_%d", w, i))
				th.Metadata = map[string]string{"key": strings.Repeat("x", threads.MaxMetadataValue)}
				_ = store.Create(ctx, "bob", th)
				if i == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	<-begun
	for i := range 8 {
		_, err := store.Delete(ctx, "ada", fmt.Sprintf("thrd_ada_%06d", i),
			threads.Deletion{ID: fmt.Sprint("del_", i), User: "ada", DeletedAt: probe.Epoch})
		assert.NoError(t, err)
	}
	close(done)
	wg.Wait()
	n, err := store.Count(ctx, "ada", threads.All())
	require.NoError(t, err)
	require.EqualValues(t, 8, n.Deleted)
}
