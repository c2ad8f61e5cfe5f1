package sqlite_test

import (
	"database/sql"
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

// What is erased must not turn up in a log of the host, so no caveat repeats it.
func TestEraseSaysThatAnotherHasTheSame(t *testing.T) {
	_, svc := open(t, filepath.Join(t.TempDir(), "db"), nil)
	const title = "The same words for two people"
	for _, user := range []string{"ada", "bob"} {
		_, err := svc.Create(t.Context(), user, threads.Draft{Title: title})
		require.NoError(t, err)
	}
	e, err := svc.Erase(t.Context(), "ada")
	require.NoError(t, err)
	caveats := strings.Join(e.Caveats, " ")
	require.Contains(t, caveats, "The file holds an erased id or title")
	require.NotContains(t, caveats, title)
	require.NotContains(t, strings.Join(e.Verified, " "), "scan")
}
