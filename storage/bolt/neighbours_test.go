package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// TestAFileThatIsSharedIsNotOpened: a compaction would leave out what is not
// the store's.
func TestAFileThatIsSharedIsNotOpened(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "app.db")
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	}))
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_1")))
	require.NoError(t, store.Close())
	require.NoError(t, db.Close())
	_, err = bolt.Open(ctx, path, nil)
	require.ErrorIs(t, err, threads.ErrCorrupt)
	require.ErrorContains(t, err, `"theirs"`)
	require.ErrorContains(t, err, "call New", "the error says what would be right")
}

// TestAnErasureTellsNothingOfOthers: a user may choose ids to find out what
// others have.
func TestAnErasureTellsNothingOfOthers(t *testing.T) {
	ctx := t.Context()
	store, _ := newStore(t, nil)
	th := thread("bob", "thrd_id_of_bob")
	th.Title = "the secret title of bob"
	require.NoError(t, store.Create(ctx, "bob", th))
	require.NoError(t, store.Create(ctx, "amallory", thread("amallory", "thrd_of_amallory")))
	var answers []threads.Erasure
	for _, id := range []string{"thrd_nobody_has_this", "thrd_id_of_bob", "the secret title of bob", "thrd_of_amallory"} {
		require.NoError(t, store.Create(ctx, "mallory", thread("mallory", id)))
		e, err := store.Erase(ctx, "mallory")
		require.NoError(t, err)
		e.Verified = []string{e.Verified[0]} // the other has the size of the file
		answers = append(answers, e)
	}
	for _, e := range answers[1:] {
		assert.Equal(t, answers[0], e)
	}
}

// TestAFileInThePlaceOfOursIsNotReplaced by a compaction.
func TestAFileInThePlaceOfOursIsNotReplaced(t *testing.T) {
	ctx := t.Context()
	store, path := newStore(t, nil)
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_1")))
	require.NoError(t, os.Rename(path, path+".moved"))
	require.ErrorContains(t, store.Compact(ctx), "is another by now, or none")
	other, err := bolt.Open(ctx, path, nil)
	require.NoError(t, err)
	require.NoError(t, other.Create(ctx, "bob", thread("bob", "thrd_2")))
	require.ErrorContains(t, store.Compact(ctx), "is another by now, or none")
	_, err = store.Get(ctx, "ada", "thrd_1", threads.Live)
	require.NoError(t, err, "the store goes on")
	require.NoError(t, other.Close())
	_, err = openAt(t, path, nil).Get(ctx, "bob", "thrd_2", threads.Live)
	require.NoError(t, err)
	assert.NoFileExists(t, path+".compact")
}

// TestOpenGivesUpWithItsContext while another holds the lock.
func TestOpenGivesUpWithItsContext(t *testing.T) {
	store, path := newStore(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	_, err := bolt.Open(&watchedContext{Context: ctx, look: func() {
		if looks++; looks == 2 { // the first after a while
			cancel()
		}
	}}, path, &bolt.Options{LockTimeout: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, store.Close())
}

func TestAPreviewGivesUpWithItsContext(t *testing.T) {
	store, _ := newStore(t, nil)
	for _, id := range []string{"1", "2", "3"} {
		require.NoError(t, store.Create(t.Context(), "ada", thread("ada", id)))
		_, err := store.Delete(t.Context(), "ada", id, threads.Deletion{ID: "del_" + id, User: "ada", DeletedAt: probe.Epoch})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	_, err := store.PreviewPurge(&watchedContext{Context: ctx, look: func() {
		if looks++; looks == 2 {
			cancel()
		}
	}}, "ada", probe.Far)
	require.ErrorIs(t, err, context.Canceled)
}
