package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// The kit holds the methods of every store to this; these are the others.
func TestOwnMethodsOfAClosedStoreAndADoneContext(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "db"), nil)
	require.NoError(t, err)
	copied := filepath.Join(dir, "copy")
	calls := map[string]func(context.Context) error{
		"Check":  func(ctx context.Context) error { _, err := store.Check(ctx); return err },
		"Stats":  func(ctx context.Context) error { _, err := store.Stats(ctx); return err },
		"Backup": func(ctx context.Context) error { return store.Backup(ctx, copied) },
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		require.ErrorIs(t, call(done), context.Canceled, name)
		require.NoFileExists(t, copied, name)
	}
	require.NoError(t, store.Close())
	require.NoError(t, store.Close(), "a second Close does nothing")
	for name, call := range calls {
		require.ErrorIs(t, call(t.Context()), threads.ErrClosed, name)
		require.NoFileExists(t, copied, name)
	}
}
