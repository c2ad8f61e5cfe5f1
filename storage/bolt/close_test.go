package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
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

func is(err error, classes ...error) bool {
	for _, class := range classes {
		if errors.Is(err, class) {
			return true
		}
	}
	return err == nil
}

// stacks is what every goroutine is doing.
func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// noStrays holds that the store has left no goroutine behind.
func noStrays(t *testing.T) {
	t.Helper()
	var strays []string
	for range 1000 { // those that have done their work may still be ending
		strays = nil
		for _, stack := range strings.Split(stacks(), "\n\n") {
			if (strings.Contains(stack, "skein/storage/bolt.") || strings.Contains(stack, "go.etcd.io/bbolt")) &&
				!strings.Contains(stack, "testing.tRunner") {
				strays = append(strays, stack)
			}
		}
		if len(strays) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines are left:\n%s", len(strays), strings.Join(strays, "\n\n"))
}

func TestAfterCloseEveryCallIsErrClosed(t *testing.T) {
	store, _ := newStore(t, nil)
	require.NoError(t, probe.Populate(t.Context(), probe.Clockwork(store), "ada", 12))
	require.NoError(t, store.Close())
	require.NoError(t, store.Close(), "a second Close does nothing")
	for name, call := range everyCall(store) {
		require.ErrorIs(t, call(t.Context()), threads.ErrClosed, name)
	}
	require.NoError(t, store.Close())
	noStrays(t)
}

func TestCloseDuringManyCalls(t *testing.T) {
	ctx := t.Context()
	for round := range 6 {
		path, c, facts := populated(t, 24, "bob")
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		begun := make(chan struct{}, 1000)
		var mu sync.Mutex
		acknowledged := map[string]bool{}
		for w := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("thrd_%d_%d", w, i)
					err := store.Create(ctx, "ada", thread("ada", id))
					if err != nil {
						assert.ErrorIs(t, err, threads.ErrClosed)
						return
					}
					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		for name, call := range everyCall(store) {
			if name == "Create" {
				continue
			}
			if round%2 == 0 && (name == "Erase" || name == "SoftDeleteAll" || name == "Purge" || name == "Compact") {
				continue // so that the others get probe.Far, too
			}
			wg.Go(func() {
				for {
					err := call(ctx)
					if errors.Is(err, threads.ErrClosed) {
						return
					}
					if !is(err, threads.ErrNotFound, threads.ErrExists, threads.ErrPurged) {
						t.Errorf("%s = %v", name, err)
						return
					}
				}
			})
		}
		for range 20 {
			<-begun
		}
		for range 3 {
			wg.Go(func() { assert.NoError(t, store.Close()) })
		}
		wg.Wait()
		noStrays(t)
		store = openAt(t, path, nil)
		if round%2 == 0 {
			for id := range acknowledged {
				_, err := store.Get(ctx, "ada", id, threads.Both)
				require.NoError(t, err, "a create that returned nil is missing")
			}
		}
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
	}
}

// TestCloseDuringACompaction: the compaction ends, one way or the other, and
// the file is whole.
func TestCloseDuringACompaction(t *testing.T) {
	ctx := t.Context()
	for looks := 1; looks < 12; looks++ {
		path, c, facts := populated(t, 60, "ada")
		store, err := bolt.Open(ctx, path, &bolt.Options{LockTimeout: time.Millisecond})
		require.NoError(t, err)
		var wg sync.WaitGroup
		n := 0
		started := make(chan struct{})
		watched := &watchedContext{Context: ctx, look: func() {
			if n++; n == looks {
				close(started)
				for range 100 {
					runtime.Gosched()
				}
			}
		}}
		var compacted error
		wg.Go(func() {
			compacted = store.Compact(watched)
			if n < looks {
				close(started)
			}
		})
		<-started
		require.NoError(t, store.Close())
		wg.Wait()
		assert.True(t, is(compacted, threads.ErrClosed), "Compact = %v; want nil or ErrClosed", compacted)
		noStrays(t)
		assert.NoFileExists(t, path+".compact")
		store, err = bolt.Open(ctx, path, &bolt.Options{LockTimeout: time.Millisecond})
		require.NoError(t, err, "the file is free and whole")
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
		require.NoError(t, store.Close())
	}
}

// TestALongReadHoldsNobodyUp keeps a read open while a compaction begins and
// ends, and other calls are made.
func TestALongReadHoldsNobodyUp(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 60, "ada")
	store := openAt(t, path, nil)
	inside, release := make(chan struct{}), make(chan struct{})
	n := 0
	long := &watchedContext{Context: ctx, look: func() {
		if n++; n == 30 {
			close(inside)
			<-release
		}
	}}
	checked := make(chan error)
	go func() { _, err := store.Check(long); checked <- err }()
	<-inside
	compacted := make(chan error)
	go func() { compacted <- store.Compact(ctx) }()
	before, err := os.Stat(path)
	require.NoError(t, err)
	for {
		assert.Empty(t, probe.Differences(c.Facts(ctx, store), facts))
		now, err := os.Stat(path)
		require.NoError(t, err)
		if !os.SameFile(before, now) {
			break // the new file is in place, and the old one is still being read
		}
	}
	require.NoError(t, store.Create(ctx, "bob", thread("bob", "thrd_new")))
	expired, cancel := context.WithCancel(ctx)
	cancel()
	_, err = store.Count(expired, "ada", threads.All())
	require.ErrorIs(t, err, context.Canceled, "a call whose context is done does not wait")
	close(release)
	require.NoError(t, <-checked)
	require.NoError(t, <-compacted)
	_, err = store.Get(ctx, "bob", "thrd_new", threads.Live)
	require.NoError(t, err)
}
