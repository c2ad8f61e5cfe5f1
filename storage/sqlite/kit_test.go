package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

func harness() storagetest.Harness {
	return storagetest.Harness{
		Open: func(dir string) (threads.Store, error) {
			return sqlite.Open(context.Background(), filepath.Join(dir, "db"), nil)
		},
		Persistent: true,
	}
}

func TestConformance(t *testing.T) { storagetest.Run(t, harness()) }
