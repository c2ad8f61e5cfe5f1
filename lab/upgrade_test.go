package lab

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// golden puts a copy of a golden file where the store has its own.
func golden(t *testing.T, k kind, file string) (dir string) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, k.file), b, 0o600))
	return dir
}

// TestFilesOfEveryLayoutAreUsed opens every golden file of every layout, and
// does to each user in it what users do: list, delete all, undo, delete all,
// purge; and opens it again. (That every record is read as it was written, the
// stores' own tests show.)
func TestFilesOfEveryLayoutAreUsed(t *testing.T) {
	ctx, far := t.Context(), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, k := range fileKinds {
		files, err := filepath.Glob(filepath.Join("..", "storage", k.name, "testdata", "layout*.db"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		var deleted int64
		for _, file := range files {
			dir := golden(t, k, file)
			store := k.openIn(t, dir)
			check(t, store)
			users, err := store.UsersDue(ctx, far, "", threads.MaxPage)
			require.NoError(t, err)
			require.NotEmpty(t, users, file)
			svc := threads.NewService(store, nil)
			want := map[string]threads.Counts{}
			for _, user := range users {
				before := all(t, store, user)
				live := before[2].counts.Live
				require.Positive(t, live, user)
				require.Positive(t, before[2].counts.Deleted, user)
				d, err := svc.SoftDeleteAll(ctx, user, threads.All())
				require.NoError(t, err)
				require.Equal(t, live, d.Count, "SoftDeleteAll(%s).Count in %s", user, file)
				n, err := svc.Restore(ctx, user, d.ID)
				require.NoError(t, err)
				require.Equal(t, live, n, "Restore(%s) in %s", user, file)
				require.True(t, before[0].equal(all(t, store, user)[0]), "what %s has in %s after an undo", user, file)
				deleted += n

				r := threads.PurgeResult{More: true}
				var purged int64
				for r.More {
					r, err = svc.Purge(ctx, user, far, 3)
					require.NoError(t, err)
					purged += r.Threads
				}
				require.Equal(t, before[2].counts.Deleted, purged, "threads purged of %s in %s", user, file)
				_, err = svc.Create(ctx, user, threads.Draft{Organization: "org_new", Title: "new"})
				require.NoError(t, err)
				want[user] = threads.Counts{Live: live + 1}
			}
			check(t, store)
			require.NoError(t, store.Close())
			store = k.openIn(t, dir)
			check(t, store)
			for user, counts := range want {
				n, err := store.Count(ctx, user, threads.All())
				require.NoError(t, err)
				require.Equal(t, counts, n, "Count(%s, all) in %s, opened again", user, file)
			}
		}
		record(t, results.Result{Fault: "files of every layout", Store: k.name, Runs: len(files), Outcomes: map[string]int{"threads deleted and restored": int(deleted)}})
	}
}

// TestANewerSQLiteFileIsLeftByteForByte is for storage/sqlite what the store's
// own test is for storage/bolt.
func TestANewerSQLiteFileIsLeftByteForByte(t *testing.T) {
	dir := golden(t, sqliteKind, filepath.Join("..", "storage", "sqlite", "testdata", "layout1.db"))
	path := filepath.Join(dir, sqliteKind.file)
	host, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(FULL)")
	require.NoError(t, err)
	for _, statement := range []string{`UPDATE skein_layout SET version = 99`, `PRAGMA user_version = 99`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		_, err = host.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, host.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	_, err = sqlite.Open(t.Context(), path, nil)
	require.ErrorIs(t, err, threads.ErrNewerLayout)
	host, err = sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(FULL)")
	require.NoError(t, err)
	_, err = sqlite.New(t.Context(), host, nil)
	require.ErrorIs(t, err, threads.ErrNewerLayout, "a borrowed database is held to the same")
	require.NoError(t, host.Close())

	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, string(before) == string(after), "the file was changed")
	left, err := filepath.Glob(path + "?*")
	require.NoError(t, err)
	assert.Empty(t, left, "files beside it")
	record(t, results.Result{Fault: "a file of a newer version", Store: "sqlite", Runs: 2, Outcomes: map[string]int{"refused, and left as it was": 2}})
}
