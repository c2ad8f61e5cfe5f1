package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

// The race detector watches all of SQLite, which is Go here, and makes it ten
// times as slow: SKEIN_HISTORIES=50 plays what other stores do.
func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(dir string) (threads.Store, error) {
			return sqlite.Open(context.Background(), filepath.Join(dir, "db"), nil)
		},
		Persistent: true,
		Histories:  5,
	})
}
