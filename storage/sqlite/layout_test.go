package sqlite_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

func TestFiveOpenersAtOnce(t *testing.T) {
	for round := range 5 {
		path := filepath.Join(t.TempDir(), "db")
		stores := make([]*sqlite.Store, 5)
		var wg sync.WaitGroup
		for i := range stores {
			wg.Go(func() {
				store, err := sqlite.Open(t.Context(), path, nil)
				if err != nil {
					t.Errorf("round %d: Open by one of five = %v; want a store", round, err)
					return
				}
				stores[i] = store
				if _, err := threads.NewService(store, nil).Create(t.Context(), "ada", threads.Draft{}); err != nil {
					t.Errorf("Create by one of five = %v; want no error", err)
				}
			})
		}
		wg.Wait()
		for _, store := range stores {
			if store == nil {
				continue
			}
			n, err := store.Count(t.Context(), "ada", threads.All())
			require.NoError(t, err)
			require.EqualValues(t, 5, n.Live)
			require.NoError(t, store.Close())
		}
	}
}

func TestANewerLayoutIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	_, svc := open(t, path, nil)
	shell(t, path, `UPDATE skein_layout SET version = version + 1`, `PRAGMA user_version = 2`)
	if store, err := sqlite.Open(t.Context(), path, nil); !errors.Is(err, threads.ErrNewerLayout) {
		t.Errorf("Open of a newer layout = %v, %v; want ErrNewerLayout", store, err)
	}
	if _, err := svc.Create(t.Context(), "ada", threads.Draft{}); !errors.Is(err, threads.ErrNewerLayout) {
		t.Errorf("Create when another has upgraded the open file = %v; want ErrNewerLayout", err)
	}
}

func TestMigrationsByTheHostsTool(t *testing.T) {
	db, err := hostDatabase(filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	names, err := fs.Glob(sqlite.Migrations(), "*.sql")
	require.NoError(t, err)
	require.Equal(t, []string{"0001_threads.sql"}, names)
	for _, name := range names {
		text, err := fs.ReadFile(sqlite.Migrations(), name)
		require.NoError(t, err)
		_, err = db.Exec(string(text))
		require.NoError(t, err)
	}
	objects := func() (n int) {
		require.NoError(t, db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&n))
		return n
	}
	before := objects()
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	require.Equal(t, before, objects(), "New finds all it needs")
	_, err = threads.NewService(store, nil).Create(t.Context(), "ada", threads.Draft{})
	require.NoError(t, err)
	var version, application int
	require.NoError(t, db.QueryRow(`PRAGMA user_version`).Scan(&version))
	require.NoError(t, db.QueryRow(`PRAGMA application_id`).Scan(&application))
	require.Zero(t, version+application, "both are the host's")
	require.NoError(t, store.Close())
}

var makeGolden = flag.Bool("golden", false, "write the golden file of the present layout, if there is none")

// fillGolden puts into a store what the golden file of layout 1 has.
func fillGolden(t *testing.T, store *sqlite.Store) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)
	n := 0
	svc := threads.NewService(store, &threads.Options{
		Now:           func() time.Time { now = now.Add(time.Second); return now },
		NewDeletionID: func() string { n++; return fmt.Sprintf("del_%d", n) },
	})
	for i := range 10 {
		_, err := svc.Create(t.Context(), "ada", threads.Draft{
			ID: fmt.Sprint("t", i), Organization: []string{"", "org_a"}[i%2], Assistant: "asst", Title: fmt.Sprint("title ", i),
			Metadata: map[string]string{"key": "value <&>"}, Hidden: i%3 == 0, Pinned: i%4 == 0,
		})
		require.NoError(t, err)
	}
	_, err := svc.Delete(t.Context(), "ada", "t4")
	require.NoError(t, err)
	_, err = svc.SoftDeleteAll(t.Context(), "ada", threads.InOrganization("org_a"))
	require.NoError(t, err)
	title := "changed"
	_, err = svc.Update(t.Context(), "ada", "t2", 1, threads.Patch{Title: &title})
	require.NoError(t, err)
}

// golden lists all that is in a store.
func golden(t *testing.T, store *sqlite.Store) (all []string) {
	t.Helper()
	list, err := store.List(t.Context(), "ada", threads.Query{Scope: threads.All(), State: threads.Both}, threads.Cursor{}, threads.MaxPage)
	require.NoError(t, err)
	for _, th := range list {
		all = append(all, fmt.Sprintf("%+v", th))
	}
	deletions, err := store.ListDeletions(t.Context(), "ada", threads.NewestFirst, threads.Cursor{}, threads.MaxPage)
	require.NoError(t, err)
	for _, d := range deletions {
		all = append(all, fmt.Sprintf("%+v", d))
	}
	return all
}

// The file was written by the first version of this package, and stays as it
// is: what was stored then must be read for ever.
func TestTheGoldenFileOfLayout1(t *testing.T) {
	const name = "testdata/layout1.db"
	if _, err := os.Stat(name); *makeGolden && errors.Is(err, fs.ErrNotExist) {
		store, err := sqlite.Open(t.Context(), name, nil)
		require.NoError(t, err)
		fillGolden(t, store)
		require.NoError(t, store.Close())
	}
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	old, svc := open(t, path, nil)
	fresh, _ := open(t, filepath.Join(t.TempDir(), "fresh"), nil)
	fillGolden(t, fresh)
	require.Equal(t, golden(t, fresh), golden(t, old))
	_, err = old.Check(t.Context())
	require.NoError(t, err)
	n, err := svc.Restore(t.Context(), "ada", "del_2")
	require.NoError(t, err)
	require.EqualValues(t, 5, n)
	var version, application int
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.QueryRow(`PRAGMA user_version`).Scan(&version))
	require.NoError(t, db.QueryRow(`PRAGMA application_id`).Scan(&application))
	require.Equal(t, []int{1, 0x534b4549}, []int{version, application})
}
