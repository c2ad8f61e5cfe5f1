package lab

import (
	"context"
	"testing"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// check has a store look through all that it keeps, if it keeps anything.
func check(t *testing.T, store threads.Store) {
	t.Helper()
	if err := checked(t.Context(), store); err != nil {
		t.Errorf("Check() = %v; want no problem", err)
	}
}

func checked(ctx context.Context, store threads.Store) (err error) {
	switch s := store.(type) {
	case *bolt.Store:
		_, err = s.Check(ctx)
	case *sqlite.Store:
		_, err = s.Check(ctx)
	}
	return err
}
