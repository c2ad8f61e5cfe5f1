package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// A reader, of this process or another, keeps the log from being emptied. An
// erasure says so and ends; the one after it promises everything.
func TestEraseWhileAReaderHoldsTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	_, svc := open(t, path, &sqlite.Options{BusyTimeout: time.Second})
	createMany(t, svc, "ada", 20)
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	tx, err := db.Begin()
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRow(`SELECT count(*) FROM skein_thread`).Scan(&n))

	e, err := svc.Erase(t.Context(), "ada")
	require.NoError(t, err)
	require.EqualValues(t, 20, e.Threads)
	require.NotContains(t, strings.Join(e.Verified, " "), "log")
	require.Contains(t, strings.Join(e.Caveats, " "), "A reader held the write-ahead log")
	require.NoError(t, tx.Rollback())

	e, err = svc.Erase(t.Context(), "ada")
	require.NoError(t, err)
	require.Contains(t, strings.Join(e.Verified, " "), "The write-ahead log was emptied.")
}

// TestAnErasureTellsNothingOfOthers: a user may choose ids and titles to find
// out what others have.
func TestAnErasureTellsNothingOfOthers(t *testing.T) {
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), nil)
	const secret = "The secret title of bob"
	mine := thread("mallory", "thrd_id_of_bob")
	mine.Title = secret
	for _, other := range []string{"bob", "amallory"} {
		th := thread(other, "thrd_id_of_bob")
		th.Title = secret
		require.NoError(t, store.Create(t.Context(), other, th))
		require.NoError(t, store.Create(t.Context(), "mallory", mine))
		e, err := store.Erase(t.Context(), "mallory")
		require.NoError(t, err)
		require.Len(t, e.Caveats, 1, "%v", e)
		require.Contains(t, strings.Join(e.Verified, " "), "found none of 1 erased rows")
	}
}

// A copy that somebody has made in the file is found, whatever the row holds.
func TestEraseFindsWhatIsLeft(t *testing.T) {
	for name, alter := range map[string]func(*threads.Thread){
		"a small row": func(*threads.Thread) {},
		"a full row": func(th *threads.Thread) {
			th.Assistant, th.Title, th.Hidden, th.PinnedAt, th.Version = "a1", "title", true, epoch, 70_000
			th.Metadata = map[string]string{"a": "b"}
		},
		"old times": func(th *threads.Thread) {
			th.CreatedAt = time.UnixMicro(1).UTC()
			th.UpdatedAt, th.LastActivityAt, th.Version = time.UnixMicro(300).UTC(), time.UnixMicro(1<<40).UTC(), 1<<23
		},
	} {
		path := filepath.Join(t.TempDir(), "db")
		store, _ := open(t, path, nil)
		th := thread("ada", "t1")
		alter(&th)
		require.NoError(t, store.Create(t.Context(), "ada", th))
		shell(t, path, `CREATE TABLE skein_copy AS SELECT * FROM skein_thread`)
		e, err := store.Erase(t.Context(), "ada")
		require.NoError(t, err)
		require.Contains(t, e.Caveats, "A scan of the file found bytes of an erased thread.", name)
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func thread(user, id string) threads.Thread {
	return threads.Thread{ID: id, User: user, CreatedAt: epoch, UpdatedAt: epoch, LastActivityAt: epoch, Version: 1}
}

// No valid time of a deletion is after an erasure.
func TestEraseAtTheEndOfTime(t *testing.T) {
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), nil)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "t1")))
	_, err := store.SoftDeleteAll(t.Context(), "ada", threads.Deletion{ID: "d1", User: "ada", Scope: threads.All(), DeletedAt: last})
	require.NoError(t, err)
	e, err := store.Erase(t.Context(), "ada")
	require.NoError(t, err)
	require.EqualValues(t, 1, e.Threads)
	require.EqualValues(t, 1, e.Deletions)
	require.Contains(t, e.Verified, "The store holds no record of the user.")
}

// endsAfter is a context that ends after it was asked so many times.
type endsAfter struct {
	context.Context
	asked int
}

func (c *endsAfter) Err() error {
	if c.asked--; c.asked < 0 {
		return context.Canceled
	}
	return nil
}

// What a stopped erasure leaves is like any other deletion, and goes on.
func TestAStoppedEraseLeavesAnOrdinaryDeletion(t *testing.T) {
	store, svc := open(t, filepath.Join(t.TempDir(), "db"), &sqlite.Options{PurgeBatch: 1})
	createMany(t, svc, "ada", 20)
	for n := 1; n <= 2; n++ {
		_, err := store.Erase(&endsAfter{t.Context(), 12}, "ada")
		require.ErrorIs(t, err, context.Canceled)
		d, err := store.GetDeletion(t.Context(), "ada", fmt.Sprintf("del_erasure_%d", n))
		require.NoError(t, err)
		require.Positive(t, d.Held)
		_, err = svc.Restore(t.Context(), "ada", d.ID)
		require.ErrorIs(t, err, threads.ErrPurged)
		createMany(t, svc, "ada", 1)
	}
	list, err := store.ListDeletions(t.Context(), "ada", threads.OldestFirst, threads.Cursor{}, 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	list, err = store.ListDeletions(t.Context(), "ada", threads.OldestFirst, list[0].Cursor(), 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	_, err = store.Check(t.Context())
	require.NoError(t, err)
	_, err = svc.Erase(t.Context(), "ada")
	require.NoError(t, err)
	n, err := svc.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.Zero(t, n)
}
