package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// holder is a process that has a store open, and does as it is told.
func holder(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	orders := map[string]func() error{
		"create":  func() error { return store.Create(ctx, "ada", thread("ada", "thrd_holder")) },
		"compact": func() error { return store.Compact(ctx) },
		"close":   store.Close,
	}
	fmt.Println("open")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := orders[in.Text()](); err != nil {
			return err
		}
		fmt.Println("done", in.Text())
	}
	return nil
}

func TestAFileOfAnotherProcessIsLocked(t *testing.T) {
	path, c, facts := populated(t, 12, "ada")
	p := role.Start(t, "holder", path)
	require.Equal(t, "open", p.Line())
	for _, timeout := range []time.Duration{0, time.Millisecond} {
		_, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: timeout})
		require.ErrorIs(t, err, threads.ErrLocked)
		require.ErrorContains(t, err, path)
	}
	p.Say(t, "close")
	require.Equal(t, "done close", p.Line())
	store := openAt(t, path, nil)
	assert.Empty(t, probe.Differences(c.Facts(t.Context(), store), facts))
	require.NoError(t, p.In.Close())
	_, err := p.Finish()
	require.NoError(t, err)
}

func TestAnOpenerWaitsForTheLock(t *testing.T) {
	path, _, _ := populated(t, 12, "ada")
	p := role.Start(t, "holder", path)
	require.Equal(t, "open", p.Line())
	opened := make(chan *bolt.Store)
	go func() {
		store, err := bolt.Open(context.Background(), path, &bolt.Options{LockTimeout: role.Deadline})
		assert.NoError(t, err)
		opened <- store
	}()
	p.Say(t, "create")
	require.Equal(t, "done create", p.Line())
	p.Say(t, "close")
	store := <-opened
	require.NotNil(t, store)
	_, err := store.Get(t.Context(), "ada", "thrd_holder", threads.Live)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, p.In.Close())
	_, err = p.Finish()
	require.NoError(t, err)
}

type creation struct{ Path, User, ID string }

// creator is a process that waits for a store and creates a thread.
func creator(ctx context.Context, decode func(any) error) error {
	var c creation
	if err := decode(&c); err != nil {
		return err
	}
	fmt.Println("opening")
	store, err := bolt.Open(ctx, c.Path, &bolt.Options{LockTimeout: role.Deadline})
	if err != nil {
		return err
	}
	if err := store.Create(ctx, c.User, thread(c.User, c.ID)); err != nil {
		return err
	}
	return store.Close()
}
