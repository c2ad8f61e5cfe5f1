package bolt_test

import (
	"errors"
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

// TestAStoreThatIsFullCanBeEmptied fills a store to its limit, by each of
// some sizes of threads, and sees how it goes on.
func TestAStoreThatIsFullCanBeEmptied(t *testing.T) {
	for _, size := range []int{60, threads.MaxMetadataValue} {
		t.Run(fmt.Sprintf("threads with %d characters of metadata", 16*size), func(t *testing.T) {
			store, path := newStore(t, &bolt.Options{MaxSize: 2 << 20})
			fillAndEmpty(t, store, path, size)
			require.NoError(t, store.Close())
			store = openAt(t, path, &bolt.Options{MaxSize: 6 << 20})
			require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "thrd_larger")), "with a larger limit it goes on")
		})
	}
}

// fillAndEmpty creates threads until the store is full, and empties it.
func fillAndEmpty(t *testing.T, store *bolt.Store, path string, size int) {
	t.Helper()
	ctx := t.Context()
	metadata := map[string]string{}
	for i := range threads.MaxMetadataPairs {
		metadata[fmt.Sprint("key ", i)] = strings.Repeat("x", size)
	}
	large := func(id string) threads.Thread {
		th := thread("ada", id)
		th.Metadata = metadata
		return th
	}
	fill := func(name string) (ids []string) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		refused := map[string]error{}
		create := func(w int) {
			for i := 0; ; i++ {
				id := fmt.Sprintf("thrd_%s_%d_%d", name, w, i)
				err := store.Create(ctx, "ada", large(id))
				mu.Lock()
				if err != nil {
					refused[id] = err
				} else {
					ids = append(ids, id)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}
		for w := range 16 {
			wg.Go(func() { create(w) })
		}
		wg.Wait()
		create(16) // what has no room beside others may have some alone
		for id, err := range refused {
			require.ErrorIs(t, err, threads.ErrFull)
			require.NotErrorIs(t, err, threads.ErrUnknownOutcome)
			require.ErrorContains(t, err, "nothing was changed")
			require.ErrorContains(t, err, "purge", "the error says what to do")
			_, err = store.Get(ctx, "ada", id, threads.Both)
			require.ErrorIs(t, err, threads.ErrNotFound, "what was refused is not there, and reads go on")
		}
		n, err := store.Count(ctx, "ada", threads.All())
		require.NoError(t, err)
		require.EqualValues(t, len(ids), n.Live)
		_, err = store.Check(ctx)
		require.NoError(t, err)
		return ids
	}
	first := fill("first")
	require.Greater(t, len(first), 32)
	_, err := store.Delete(ctx, "ada", first[0], threads.Deletion{ID: "del_one", User: "ada", DeletedAt: probe.Epoch})
	require.NoError(t, err, "one thread can be deleted")
	d, err := store.SoftDeleteAll(ctx, "ada", threads.Deletion{ID: "del_all", User: "ada", Scope: threads.All(), DeletedAt: probe.Epoch})
	require.NoError(t, err, "all threads can be deleted")
	require.EqualValues(t, len(first)-1, d.Count)
	_, err = store.Restore(ctx, "ada", "del_one", probe.Epoch)
	require.NoError(t, err, "and restored")
	_, err = store.Delete(ctx, "ada", first[0], threads.Deletion{ID: "del_again", User: "ada", DeletedAt: probe.Epoch})
	require.NoError(t, err)
	var purged int64
	for r := (threads.PurgeResult{More: true}); r.More; {
		r, err = store.Purge(ctx, "ada", probe.Far, probe.Far, threads.MaxPurge)
		require.NoError(t, err, "a full store can be purged")
		purged += r.Threads
	}
	require.EqualValues(t, len(first), purged)
	_, err = store.Check(ctx)
	require.NoError(t, err)

	second := fill("second")
	t.Logf("full with %d threads; after a purge, with %d others", len(first), len(second))
	require.Greater(t, len(second), len(first)/2, "what was purged made room")
	e, err := store.Erase(ctx, "ada")
	if errors.Is(err, threads.ErrFull) {
		require.NoFileExists(t, path+".compact", "a copy that did not fit is removed")
	} else {
		require.NoError(t, err)
	}
	assert.EqualValues(t, len(second), e.Threads, "an erasure removes the records at least")
	require.NoError(t, store.Create(ctx, "ada", large("thrd_after")))
}

func TestALimitBelowWhatThereIsRefusesGrowthAlone(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 250, "ada", "ad", "bob")
	store := openAt(t, path, &bolt.Options{MaxSize: bolt.MinMaxSize})
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
	before, err := store.Stats(ctx)
	require.NoError(t, err)
	require.Greater(t, before.FileBytes, int64(bolt.MinMaxSize))
	n := 0
	for ; err == nil; n++ { // there may be free pages
		err = store.Create(ctx, "eve", thread("eve", fmt.Sprint("thrd_", n)))
	}
	require.ErrorIs(t, err, threads.ErrFull)
	after, err := store.Stats(ctx)
	require.NoError(t, err)
	assert.Equal(t, before.FileBytes, after.FileBytes, "the file did not grow")
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
}
