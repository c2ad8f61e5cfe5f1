package bolt_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

func TestADoneContextChangesNothing(t *testing.T) {
	store, _ := newStore(t, nil)
	require.NoError(t, probe.Populate(t.Context(), probe.Clockwork(store), "ada", 24))
	c, err := probe.CatalogOf(t.Context(), store, "ada")
	require.NoError(t, err)
	facts := c.Facts(t.Context(), store)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range everyCall(store) {
		require.ErrorIs(t, call(ctx), context.Canceled, name)
	}
	assert.Empty(t, probe.Differences(c.Facts(t.Context(), store), facts))
}

// countdown is a context that is cancelled at the n-th look at it.
type countdown struct {
	context.Context
	mu     sync.Mutex
	left   int
	cancel context.CancelFunc
}

func newCountdown(parent context.Context, n int) *countdown {
	ctx, cancel := context.WithCancel(parent)
	return &countdown{Context: ctx, left: n, cancel: cancel}
}

func (c *countdown) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left <= 0 {
		c.cancel()
	}
}

func (c *countdown) Err() error            { c.look(); return c.Context.Err() }
func (c *countdown) Done() <-chan struct{} { c.look(); return c.Context.Done() }

// bulk gives a user many threads in one deletion.
func bulk(t *testing.T, store *bolt.Store, user string, n int) threads.Deletion {
	t.Helper()
	var list []threads.Thread
	for i := range n {
		th := thread(user, fmt.Sprintf("thrd_%016d", i))
		th.CreatedAt = probe.Epoch.Add(time.Duration(i) * time.Second)
		list = append(list, th)
	}
	createAll(t, store, list...)
	d, err := store.SoftDeleteAll(t.Context(), user, threads.Deletion{
		ID: fmt.Sprintf("del_%s_%d", user, n), User: user, Scope: threads.All(), DeletedAt: probe.Epoch,
	})
	require.NoError(t, err)
	return d
}

// TestAPurgeStoppedBetweenItsBatchesIsConsistent cancels at every look that
// a purge of several batches takes at its context.
func TestAPurgeStoppedBetweenItsBatchesIsConsistent(t *testing.T) {
	store, _ := newStore(t, nil)
	const many = 1200
	bulk(t, store, "ada", many)
	left, stopped, seen := int64(many), 0, map[int64]bool{}
	for looks := 1; left > 0; looks++ {
		r, err := store.Purge(newCountdown(t.Context(), looks), "ada", probe.Far, probe.Far, threads.MaxPurge)
		left -= r.Threads
		n, cerr := store.Count(t.Context(), "ada", threads.All())
		require.NoError(t, cerr)
		require.Equal(t, threads.Counts{Deleted: left}, n, "Purge says what it removed, stopped or not")
		_, cerr = store.Check(t.Context())
		require.NoError(t, cerr)
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			stopped++
			seen[left] = true
		}
	}
	assert.Greater(t, stopped, 2)
	assert.Greater(t, len(seen), 1, "some calls were stopped after a batch of their own")
}

// TestAnErasureStoppedAnywhereCanBeFinished cancels at every look that an
// erasure takes at its context, until one runs through.
func TestAnErasureStoppedAnywhereCanBeFinished(t *testing.T) {
	ctx := t.Context()
	for looks, done := 1, false; !done; looks += 1 + looks/8 {
		path, _, _ := populated(t, 24, "ada", "bob")
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err)
		c, err := probe.CatalogOf(ctx, store, "bob")
		require.NoError(t, err)
		facts := c.Facts(ctx, store)
		before := totals(t, store, "ada")
		live, err := probe.List(ctx, store, "ada", threads.Query{Scope: threads.All()}, threads.MaxPage)
		require.NoError(t, err)

		first, err := store.Erase(newCountdown(ctx, looks), "ada")
		if done = err == nil; !done {
			require.ErrorIs(t, err, context.Canceled)
		}
		between := totals(t, store, "ada")
		own := int64(0) // the deletion that the erasure keeps the live threads in
		if _, err := store.GetDeletion(ctx, "ada", "del_erasure_1"); err == nil {
			own = 1
		}
		assert.Equal(t, before.threads-between.threads, first.Threads, "after %d looks: threads removed", looks)
		assert.Equal(t, before.deletions-(between.deletions-own), first.Deletions, "after %d looks: deletions removed", looks)
		if n, err := store.Count(ctx, "ada", threads.All()); assert.NoError(t, err) && n.Live == 0 {
			for _, th := range live {
				_, err := store.RestoreThread(ctx, "ada", th.ID)
				assert.Error(t, err)
				assert.True(t, is(err, threads.ErrPurged, threads.ErrNotFound), "RestoreThread while half erased = %v", err)
			}
		} else {
			assert.Equal(t, threads.Erasure{}, first, "an erasure that hid nothing removed nothing")
		}
		_, err = store.Check(ctx)
		require.NoError(t, err)
		second, err := store.Erase(ctx, "ada")
		require.NoError(t, err)
		assert.Equal(t, before.threads, first.Threads+second.Threads, "after %d looks", looks)
		assert.Equal(t, between.deletions, second.Deletions, "after %d looks", looks)
		assert.Equal(t, total{}, totals(t, store, "ada"))
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts), "others are untouched")
		_, err = store.Check(ctx)
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
}

func TestAWriterThatWaitsForACompactionCanGiveUp(t *testing.T) {
	store, _ := newStore(t, nil)
	bulk(t, store, "ada", 400)
	// The compaction ends when this context does, at some look that it takes
	// while it copies: until then writers wait.
	inside := make(chan struct{})
	release := make(chan struct{})
	var once sync.Once
	looks := 0
	watched := &watchedContext{Context: t.Context(), look: func() {
		if looks++; looks == 4 {
			once.Do(func() { close(inside); <-release })
		}
	}}
	compacted := make(chan error)
	go func() { compacted <- store.Compact(watched) }()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() { waits <- store.Create(ctx, "ada", thread("ada", "thrd_gone")) }()
	go func() { waits <- store.Create(ctx, "bob", thread("bob", "thrd_gone")) }()
	n, err := store.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err, "reads are answered meanwhile")
	require.EqualValues(t, 400, n.Deleted)
	cancel()
	require.ErrorIs(t, <-waits, context.Canceled)
	require.ErrorIs(t, <-waits, context.Canceled)
	patient := make(chan error)
	go func() { patient <- store.Create(t.Context(), "ada", thread("ada", "thrd_stays")) }()
	close(release)
	require.NoError(t, <-compacted)
	require.NoError(t, <-patient)
	_, err = store.Get(t.Context(), "ada", "thrd_stays", threads.Live)
	require.NoError(t, err)
	_, err = store.Get(t.Context(), "ada", "thrd_gone", threads.Both)
	require.ErrorIs(t, err, threads.ErrNotFound)
}

// TestAWriterThatWaitsForACommitCanGiveUp: the host of a borrowed database
// holds up the commit that others wait for.
func TestAWriterThatWaitsForACommitCanGiveUp(t *testing.T) {
	db := unsynced(t)
	store, err := bolt.New(t.Context(), db, nil)
	require.NoError(t, err)
	host, err := db.Begin(true)
	require.NoError(t, err)
	leader := make(chan error)
	go func() { leader <- store.Create(t.Context(), "ada", thread("ada", "thrd_leader")) }()
	for !strings.Contains(stacks(), "(*DB).beginRWTx") {
		time.Sleep(time.Millisecond) // until it waits for the host
	}
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		begun := make(chan struct{})
		waits := make(chan error)
		looks := 0
		go func() {
			waits <- store.Create(&watchedContext{Context: ctx, look: func() {
				if looks++; looks == 2 { // the last before it waits
					close(begun)
				}
			}}, "ada", thread("ada", fmt.Sprint("thrd_", i)))
		}()
		<-begun
		cancel()
		require.ErrorIs(t, <-waits, context.Canceled, "while the commit is still held up")
	}
	require.NoError(t, host.Rollback())
	require.NoError(t, <-leader)
	list, err := probe.List(t.Context(), store, "ada", threads.Query{Scope: threads.All(), State: threads.Both}, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "thrd_leader", list[0].ID)
}

// watchedContext calls look at each look at it.
type watchedContext struct {
	context.Context
	look func()
}

func (c *watchedContext) Err() error { c.look(); return c.Context.Err() }

// TestACancelledCompactionLeavesTheOldFile stops it at every look it takes.
func TestACancelledCompactionLeavesTheOldFile(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 60, "ada", "bob")
	store := openAt(t, path, nil)
	for looks := 1; ; looks++ {
		err := store.Compact(newCountdown(ctx, looks))
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
		assert.NoFileExists(t, path+".compact")
		if err == nil {
			assert.Greater(t, looks, 3, "it looks at its context while it copies")
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
}

type total struct{ threads, deletions int64 }

// totals is how much of a user there is.
func totals(t *testing.T, store threads.Store, user string) total {
	t.Helper()
	ctx := context.Background()
	n, err := store.Count(ctx, user, threads.All())
	require.NoError(t, err)
	d, err := store.ListDeletions(ctx, user, threads.OldestFirst, threads.Cursor{}, threads.MaxPage)
	require.NoError(t, err)
	return total{n.Live + n.Deleted, int64(len(d))}
}
