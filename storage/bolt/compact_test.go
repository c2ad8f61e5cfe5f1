package bolt_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

func TestCompactingKeepsEverythingAndGivesBackSpace(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 60, "ada", "bob")
	store := openAt(t, path, nil)
	bulk(t, store, "eve", 1500)
	for r := (threads.PurgeResult{More: true}); r.More; {
		var err error
		r, err = store.Purge(ctx, "eve", probe.Far, probe.Far, threads.MaxPurge)
		require.NoError(t, err)
	}
	require.NoError(t, os.Chmod(path, 0o640))
	before, err := store.Stats(ctx)
	require.NoError(t, err)
	writeFile(t, path+".compact", bytes.Repeat([]byte("left over"), 1000))

	require.NoError(t, store.Compact(ctx))
	after, err := store.Stats(ctx)
	require.NoError(t, err)
	assert.Less(t, after.FileBytes, before.FileBytes, "the file shrinks after a purge")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left beside the file")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm(), "the file has the mode it had")
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))

	d, err := probe.Clockwork(store).SoftDeleteAll(ctx, "bob", threads.All())
	require.NoError(t, err)
	assert.Positive(t, d.Count)
	created := thread("bob", "thrd_new")
	require.NoError(t, store.Create(ctx, "bob", created))
	_, err = store.Check(ctx)
	require.NoError(t, err, "numbers of generations go on where they were")
	require.NoError(t, store.Close())
	store = openAt(t, path, nil)
	_, err = store.Get(ctx, "bob", "thrd_new", threads.Live)
	require.NoError(t, err)
}

// TestALeftoverThatIsNoFileIsNotRemoved: what a compaction removes is its own.
func TestALeftoverThatIsNoFileIsNotRemoved(t *testing.T) {
	store, path := newStore(t, nil)
	require.NoError(t, os.Mkdir(path+".compact", 0o700))
	writeFile(t, filepath.Join(path+".compact", "precious"), []byte("x"))
	require.Error(t, store.Compact(t.Context()))
	assert.FileExists(t, filepath.Join(path+".compact", "precious"))
	require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "thrd_1")), "and the store goes on")
}

func TestCompactingWhileTheProgramRuns(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 24, "bob")
	store := openAt(t, path, nil)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { // a writer, who reads what it wrote
			user := fmt.Sprintf("writer %d", w)
			for i := 0; ; i++ {
				select {
				case <-done:
					n, err := store.Count(ctx, user, threads.All())
					assert.NoError(t, err)
					assert.EqualValues(t, i, n.Live, "no acknowledged write is lost")
					return
				default:
				}
				id := fmt.Sprintf("thrd_%d", i)
				if !assert.NoError(t, store.Create(ctx, user, thread(user, id))) {
					return
				}
				got, err := store.Get(ctx, user, id, threads.Live)
				if !assert.NoError(t, err) || !assert.Equal(t, "title of "+id, got.Title) {
					return
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() { // a reader
			for {
				select {
				case <-done:
					return
				default:
				}
				if lines := probe.Differences(c.Facts(ctx, store), facts); !assert.Empty(t, lines) {
					return
				}
			}
		})
	}
	for range 10 {
		assert.NoError(t, store.Compact(ctx))
	}
	close(done)
	wg.Wait()
	_, err := store.Check(ctx)
	require.NoError(t, err)
}

// TestCompactingWhereOpenFilesKeepTheirNames goes the way of Windows.
func TestCompactingWhereOpenFilesKeepTheirNames(t *testing.T) {
	defer bolt.KeepNamesOfOpenFiles()()
	TestCompactingWhileTheProgramRuns(t)
}

func TestCompactionsTakeTurns(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 24, "ada")
	store := openAt(t, path, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { assert.NoError(t, store.Compact(ctx)) })
	}
	wg.Wait()
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
}

// secrets are what only the user's threads have.
func secrets(user string) []threads.Thread {
	var all []threads.Thread
	for i := range 300 {
		th := thread(user, fmt.Sprintf("thrd_of_%s_%06d", user, i))
		th.Title = fmt.Sprintf("a secret of %s, number %d", user, i)
		th.Metadata = map[string]string{"key of " + user: fmt.Sprintf("value %d of %s", i, user)}
		th.CreatedAt = probe.Epoch.Add(time.Duration(i) * time.Second)
		all = append(all, th)
	}
	return all
}

// traces counts the user's texts and ids in the bytes of every file of the
// store's directory.
func traces(t *testing.T, path, user string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		require.NoError(t, err)
		for _, text := range []string{"secret of " + user, "of " + user, "key of " + user, "thrd_of_" + user, user + "\x00"} {
			n += bytes.Count(b, []byte(text))
		}
	}
	return n
}

func TestErasedBytesAreGone(t *testing.T) {
	ctx := t.Context()
	store, path := newStore(t, nil)
	createAll(t, store, append(secrets("mallory"), secrets("trent")...)...)
	svc := probe.Clockwork(store)
	_, err := svc.Delete(ctx, "mallory", "thrd_of_mallory_000007")
	require.NoError(t, err)
	_, err = svc.SoftDeleteAll(ctx, "mallory", threads.All(), threads.WithIdempotencyKey("a secret of mallory"))
	require.NoError(t, err)
	th := thread("mallory", "thrd_of_mallory_live")
	th.Assistant, th.PinnedAt = "asst_of mallory", probe.Epoch
	require.NoError(t, store.Create(ctx, "mallory", th))
	require.Positive(t, traces(t, path, "mallory"))
	c, err := probe.CatalogOf(ctx, store, "trent")
	require.NoError(t, err)
	facts := c.Facts(ctx, store)

	e, err := store.Erase(ctx, "mallory")
	require.NoError(t, err)
	assert.EqualValues(t, 301, e.Threads)
	assert.EqualValues(t, 2, e.Deletions)
	assert.Len(t, e.Verified, 2, "the records, and the bytes")
	assert.Zero(t, traces(t, path, "mallory"))
	assert.Positive(t, traces(t, path, "trent"))
	assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))

	again, err := store.Erase(ctx, "mallory")
	require.NoError(t, err, "a user that has nothing is success")
	assert.Zero(t, again.Threads+again.Deletions)
}

func TestPurgedAndCompactedBytesAreGone(t *testing.T) {
	ctx := t.Context()
	store, path := newStore(t, nil)
	createAll(t, store, append(secrets("mallory"), secrets("trent")...)...)
	_, err := probe.Clockwork(store).SoftDeleteAll(ctx, "mallory", threads.All())
	require.NoError(t, err)
	for range 2 { // the threads, and then the record
		_, err = store.Purge(ctx, "mallory", probe.Far.AddDate(1, 0, 0), probe.Far, threads.MaxPurge)
		require.NoError(t, err)
	}
	require.NoError(t, store.Compact(ctx))
	assert.Zero(t, traces(t, path, "mallory"))
	assert.Positive(t, traces(t, path, "trent"))
}

// TestAnErasureReachesTheLastMoment: every time that a deletion can have.
func TestAnErasureReachesEveryMoment(t *testing.T) {
	ctx := t.Context()
	store, _ := newStore(t, nil)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	first := time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	for i, at := range []time.Time{first, probe.Epoch, last.Add(-time.Second), last} {
		id := fmt.Sprintf("thrd_%d", i)
		require.NoError(t, store.Create(ctx, "ada", thread("ada", id)))
		_, err := store.SoftDeleteAll(ctx, "ada", threads.Deletion{
			ID: fmt.Sprintf("del_%d", i), User: "ada", Scope: threads.All(), DeletedAt: at,
		})
		require.NoError(t, err)
	}
	e, err := store.Erase(ctx, "ada")
	require.NoError(t, err)
	assert.EqualValues(t, 4, e.Threads)
	assert.EqualValues(t, 4, e.Deletions)
	assert.Equal(t, total{}, totals(t, store, "ada"))
}

// TestAHalfErasedUserIsConsistent: what is left is in a deletion like any
// other, but that it cannot be restored.
func TestAHalfErasedUserIsConsistent(t *testing.T) {
	ctx := t.Context()
	store, _ := newStore(t, nil)
	var list []threads.Thread
	for i := range 600 {
		list = append(list, thread("ada", fmt.Sprintf("thrd_%d", i)))
	}
	createAll(t, store, list...)
	svc := threads.NewService(store, nil)
	for looks, stopped := 1, false; !stopped; looks++ {
		_, err := store.Erase(newCountdown(ctx, looks), "ada")
		require.Error(t, err)
		n, err := store.Count(ctx, "ada", threads.All())
		require.NoError(t, err)
		stopped = n.Live == 0
	}
	page, err := svc.Deletions(ctx, "ada", threads.Paging{})
	require.NoError(t, err)
	require.Len(t, page.Deletions, 1)
	d := page.Deletions[0]
	_, err = svc.Deletions(ctx, "ada", threads.Paging{After: d.Cursor()})
	require.NoError(t, err, "one can page on from it")
	inside := 0
	for th, err := range svc.All(ctx, "ada", threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: d.ID}) {
		require.NoError(t, err)
		require.Equal(t, d.ID, th.DeletionID)
		inside++
	}
	assert.EqualValues(t, d.Held, inside)
	_, err = svc.Restore(ctx, "ada", d.ID)
	require.ErrorIs(t, err, threads.ErrPurged)
	_, err = svc.RestoreThread(ctx, "ada", "thrd_99")
	require.ErrorIs(t, err, threads.ErrPurged)
	users, err := store.UsersDue(ctx, probe.Far, "", 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"ada"}, users, "a purge finds it, and can finish it")

	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_new")), "the user begins again")
	for looks, stopped := 1, false; !stopped; looks++ {
		_, err := store.Erase(newCountdown(ctx, looks), "ada")
		require.Error(t, err)
		n, err := store.Count(ctx, "ada", threads.All())
		require.NoError(t, err)
		stopped = n.Live == 0
	}
	page, err = svc.Deletions(ctx, "ada", threads.Paging{})
	require.NoError(t, err)
	assert.Len(t, page.Deletions, 2, "and is stopped in a second erasure")
	_, err = store.Check(ctx)
	require.NoError(t, err)
	e, err := store.Erase(ctx, "ada")
	require.NoError(t, err)
	assert.EqualValues(t, 2, e.Deletions)
	assert.Equal(t, total{}, totals(t, store, "ada"))
}
