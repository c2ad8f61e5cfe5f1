package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// TestAFullStoreCanBeEmptied: creates, of many users with a thread each, leave
// room to delete and purge them all.
func TestAFullStoreCanBeEmptied(t *testing.T) {
	ctx := t.Context()
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), &sqlite.Options{MaxSize: 256 << 10})
	var users []string
	for i := 0; ; i++ {
		th := thread(fmt.Sprintf("user-%06d", i), "t1")
		th.Title = strings.Repeat("x", i%50)
		err := store.Create(ctx, th.User, th)
		if err != nil {
			require.ErrorIs(t, err, threads.ErrFull)
			require.ErrorContains(t, err, "allow a larger file", "it says what to do")
			break
		}
		users = append(users, th.User)
	}
	th, err := store.Get(ctx, users[0], "t1", threads.Live)
	require.NoError(t, err)
	require.NoError(t, store.Update(ctx, users[0], th), "what takes no room")
	th.Version++
	th.Title = "longer"
	require.ErrorIs(t, store.Update(ctx, users[0], th), threads.ErrFull)
	for _, user := range users {
		_, err := store.SoftDeleteAll(ctx, user, threads.Deletion{ID: "d1", User: user, Scope: threads.All(), DeletedAt: epoch})
		require.NoError(t, err)
		_, err = store.Purge(ctx, user, epoch.Add(time.Hour), epoch.Add(time.Hour), threads.MaxPurge)
		require.NoError(t, err)
	}
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "t1")))
}

// Nobody's write fails because the file is being rewritten.
func TestWritesWaitForAnErasure(t *testing.T) {
	store, svc := open(t, filepath.Join(t.TempDir(), "db"), &sqlite.Options{BusyTimeout: time.Millisecond})
	createMany(t, svc, "bob", 3000)
	var wg sync.WaitGroup
	erased, stop := context.WithCancel(t.Context())
	wg.Go(func() {
		defer stop()
		for range 5 {
			if _, err := store.Erase(context.Background(), "ada"); err != nil {
				t.Errorf("Erase = %v; want nil", err)
			}
		}
	})
	for i := 0; erased.Err() == nil; i++ {
		if err := store.Create(context.Background(), "eve", thread("eve", fmt.Sprint("t", i))); err != nil {
			t.Errorf("Create beside an erasure = %v; want nil", err)
			break
		}
	}
	wg.Wait()
}
