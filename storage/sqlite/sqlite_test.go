package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

func open(t testing.TB, path string, o *sqlite.Options) (*sqlite.Store, *threads.Service) {
	t.Helper()
	store, err := sqlite.Open(context.Background(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, threads.NewService(store, nil)
}

func createMany(t testing.TB, svc *threads.Service, user string, n int) {
	t.Helper()
	var wg sync.WaitGroup
	const at = 64
	for w := range at {
		wg.Go(func() {
			for i := w; i < n; i += at {
				if _, err := svc.Create(context.Background(), user, threads.Draft{Title: fmt.Sprintf("%s's thread %d", user, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// shell runs statements as another program would.
func shell(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, text := range statements {
		_, err := db.Exec(text)
		require.NoError(t, err, text)
	}
}

func TestSettingsAreThoseOfEveryConnection(t *testing.T) {
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), &sqlite.Options{Readers: 5, BusyTimeout: 1234 * time.Millisecond})
	for name, want := range map[string][2]string{
		"journal_mode": {"wal", "wal"}, "synchronous": {"2", "2"}, "foreign_keys": {"1", "1"}, "busy_timeout": {"1234", "1234"},
		"secure_delete": {"1", "1"}, "query_only": {"0", "1"}, "trusted_schema": {"0", "0"}, "encoding": {"UTF-8", "UTF-8"},
	} {
		writer, readers, err := store.Pragmas(t.Context(), name, 5)
		require.NoError(t, err)
		if writer != want[0] {
			t.Errorf("PRAGMA %s of the writer = %s; want %s", name, writer, want[0])
		}
		for i, got := range readers {
			if got != want[1] {
				t.Errorf("PRAGMA %s of reader %d = %s; want %s", name, i, got, want[1])
			}
		}
	}
}

func TestPathsMayHoldAnything(t *testing.T) {
	for _, name := range []string{"a b", "q?mode=memory", "h#h", "100%", "%41", "semi;colon", "quote'\"", "é🧶", "amp&x=1", ":memory:", "file:x"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			store, err := sqlite.Open(t.Context(), path, nil)
			require.NoError(t, err)
			_, err = threads.NewService(store, nil).Create(t.Context(), "ada", threads.Draft{})
			require.NoError(t, err)
			for _, suffix := range []string{"", "-wal", "-shm"} {
				info, err := os.Stat(path + suffix)
				require.NoError(t, err)
				if info.Mode().Perm() != 0o600 {
					t.Errorf("mode of the file%s = %v; want 0600", suffix, info.Mode().Perm())
				}
			}
			require.NoError(t, store.Close())
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			if len(entries) != 1 || entries[0].Name() != name {
				t.Errorf("the directory has %v after Close; want the one file %q", entries, name)
			}
		})
	}
}

func TestFilesOfOthersAreRefusedAndLeftAlone(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"not a database": func(t *testing.T, p string) {
			require.NoError(t, os.WriteFile(p, bytes.Repeat([]byte("no database "), 500), 0o600))
		},
		"another's tables":        func(t *testing.T, p string) { shell(t, p, `CREATE TABLE other (x)`) },
		"another's application":   func(t *testing.T, p string) { shell(t, p, `PRAGMA application_id = 7`) },
		"its identity is damaged": func(t *testing.T, p string) { mustOpenAndClose(t, p); shell(t, p, `PRAGMA application_id = 7`) },
		"no layout is named":      func(t *testing.T, p string) { mustOpenAndClose(t, p); shell(t, p, `DELETE FROM skein_layout`) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			spoil(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			if store, err := sqlite.Open(t.Context(), path, nil); !errors.Is(err, threads.ErrCorrupt) {
				t.Errorf("Open = %v, %v; want ErrCorrupt", store, err)
			}
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			if !bytes.Equal(before, after) {
				t.Error("Open refused the file and changed it; want it as it was")
			}
		})
	}
}

func mustOpenAndClose(t *testing.T, path string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestErrorClasses(t *testing.T) {
	for _, size := range []int64{200 << 10, 204 << 10, 208 << 10, 300 << 10} { // full at another place each
		t.Run(fmt.Sprintf("a file that is full at %d bytes is ErrFull, and a purge makes room", size), func(t *testing.T) {
			store, svc := open(t, filepath.Join(t.TempDir(), "db"), &sqlite.Options{MaxSize: size})
			ctx := t.Context()
			var err error
			created := int64(0)
			for ; err == nil; created++ {
				_, err = svc.Create(ctx, "ada", threads.Draft{Title: strings.Repeat("t", 200)})
			}
			created--
			if !errors.Is(err, threads.ErrFull) {
				t.Fatalf("Create in a full file = %v; want ErrFull", err)
			}
			n, err := svc.Count(ctx, "ada", threads.All())
			require.NoError(t, err)
			require.Equal(t, threads.Counts{Live: created}, n, "nothing of the create that had no room")
			d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
			if err != nil || d.Count != created {
				t.Fatalf("SoftDeleteAll in a full file = %d, %v; want %d, nil", d.Count, err, created)
			}
			_, err = svc.Purge(ctx, "ada", time.Now().Add(time.Hour), threads.MaxPurge)
			require.NoError(t, err)
			_, err = svc.Create(ctx, "ada", threads.Draft{})
			require.NoError(t, err, "there is room again")
			st, err := store.Stats(ctx)
			require.NoError(t, err)
			require.LessOrEqual(t, st.FileBytes, size)
			_, err = store.Check(ctx)
			require.NoError(t, err)
		})
	}

	t.Run("a lock that another keeps is ErrLocked", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		_, svc := open(t, path, &sqlite.Options{BusyTimeout: time.Millisecond})
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		tx, err := db.Begin()
		require.NoError(t, err)
		if _, err := svc.Create(t.Context(), "ada", threads.Draft{}); !errors.Is(err, threads.ErrLocked) {
			t.Errorf("Create while another writes = %v; want ErrLocked", err)
		}
		n, err := svc.Count(t.Context(), "ada", threads.All())
		require.NoError(t, err, "reads do not wait for writers")
		require.Zero(t, n)
		require.NoError(t, tx.Rollback())
		_, err = svc.Create(t.Context(), "ada", threads.Draft{})
		require.NoError(t, err)
	})

	t.Run("rows that were tampered with are ErrCorrupt", func(t *testing.T) {
		for _, statement := range []string{
			`UPDATE skein_thread SET title = 'another'`,
			`UPDATE skein_thread SET metadata = '{"a":"b"}'`,
			`UPDATE skein_thread SET created_at = created_at + 1`,
			`UPDATE skein_thread SET pinned_at = 1`,
			`UPDATE skein_thread SET version = 2`,
			`UPDATE skein_thread SET generation = (SELECT max(number) FROM skein_generation)`,
			`UPDATE skein_thread SET user = 'bob' WHERE user = 'ada'; UPDATE skein_generation SET user = 'bob' WHERE user = 'ada'`,
			`UPDATE skein_generation SET threads = threads + 1`,
			`UPDATE skein_generation SET organization = 'org_x'`,
			`UPDATE skein_deletion SET held = 0`,
			`UPDATE skein_deletion SET deleted_at = 1`,
		} {
			path := filepath.Join(t.TempDir(), "db")
			store, svc := open(t, path, nil)
			_, err := svc.Create(t.Context(), "ada", threads.Draft{ID: "t1", Title: "one"})
			require.NoError(t, err)
			_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t2", Organization: "org_a"})
			require.NoError(t, err)
			_, err = svc.SoftDeleteAll(t.Context(), "ada", threads.InOrganization("org_a"))
			require.NoError(t, err)
			_, err = store.Check(t.Context())
			require.NoError(t, err)
			shell(t, path, statement)
			var errs error
			for _, user := range []string{"ada", "bob"} {
				_, err1 := svc.List(t.Context(), user, threads.Query{Scope: threads.All(), State: threads.Both}, threads.Paging{})
				_, err2 := svc.Deletions(t.Context(), user, threads.Paging{})
				errs = errors.Join(errs, err1, err2)
			}
			if !errors.Is(errs, threads.ErrCorrupt) {
				t.Errorf("lists after %s = %v; want ErrCorrupt", statement, errs)
			}
			if r, err := store.Check(t.Context()); !errors.Is(err, threads.ErrCorrupt) || len(r.Problems) == 0 {
				t.Errorf("Check after %s = %v, %v; want ErrCorrupt", statement, r.Problems, err)
			}
		}
	})
}

func TestEraseLeavesNoBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	store, svc := open(t, path, nil)
	const secret = "the-secret-of-"
	for i := range 300 { // rows of several users on the same pages
		for _, user := range []string{"ada", "bob"} {
			th, err := svc.Create(t.Context(), user, threads.Draft{
				Title: secret + user + fmt.Sprint(i), Metadata: map[string]string{"note": secret + user}, Assistant: secret + user,
			})
			require.NoError(t, err)
			if i%5 == 0 {
				title := strings.Repeat(secret+user, 5)
				_, err = svc.Update(t.Context(), user, th.ID, threads.AnyVersion, threads.Patch{Title: &title})
				require.NoError(t, err)
			}
			if i%7 == 0 {
				_, err = svc.Delete(t.Context(), user, th.ID)
				require.NoError(t, err)
			}
		}
	}
	e, err := svc.Erase(t.Context(), "ada")
	require.NoError(t, err)
	require.EqualValues(t, 300, e.Threads)
	require.Len(t, e.Verified, 3, "%v", e)
	_, err = store.Check(t.Context())
	require.NoError(t, err)
	// The files are read by another process, for to close one that SQLite has
	// open would drop its locks.
	for _, suffix := range []string{"", "-wal"} {
		data := copyOf(t, path+suffix)
		if n := bytes.Count(data, []byte(secret+"ada")); n != 0 {
			t.Errorf("the file db%s has %d times what was ada's; want none of it", suffix, n)
		}
		if suffix == "" && !bytes.Contains(data, []byte(secret+"bob")) {
			t.Errorf("the file db does not have what is bob's")
		}
	}
}

// copyOf is the bytes of a file that SQLite has open, read by a process of
// its own.
func copyOf(t *testing.T, path string) []byte {
	t.Helper()
	cmd := helper(t, "cat", path)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

// helper is this test program doing another's work.
func helper(t *testing.T, work, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITE_TEST_HELPER="+work, "SQLITE_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestMain(m *testing.M) {
	work, path := os.Getenv("SQLITE_TEST_HELPER"), os.Getenv("SQLITE_TEST_PATH")
	if work == "" {
		code := m.Run()
		removeFilled()
		os.Exit(code)
	}
	if err := help(work, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// each is how many threads a helper creates.
const each = 100

func help(work, path string) error {
	if work == "cat" {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(data)
		return err
	}
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	svc := threads.NewService(store, nil)
	for i := range each {
		if _, err := svc.Create(ctx, "ada", threads.Draft{Title: work}); err != nil {
			return err
		}
		if i%10 == 9 {
			d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
			if err != nil {
				return err
			}
			if _, err := svc.Restore(ctx, "ada", d.ID); d.ID != "" && err != nil {
				return err
			}
		}
	}
	return store.Close()
}

func TestTwoProcessesOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	first, second := helper(t, "first", path), helper(t, "second", path)
	require.NoError(t, first.Start())
	require.NoError(t, second.Start())
	errs := errors.Join(first.Wait(), second.Wait())
	require.NoError(t, errs)
	store, svc := open(t, path, nil)
	n, err := svc.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 2 * each}, n, "nothing is lost or counted twice")
	_, err = store.Check(t.Context())
	require.NoError(t, err)
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	store, svc := open(t, filepath.Join(dir, "db"), nil)
	createMany(t, svc, "ada", 50)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // the program goes on
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := svc.Create(context.Background(), "bob", threads.Draft{}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	path := filepath.Join(dir, "it's a copy")
	err := store.Backup(t.Context(), path)
	close(stop)
	wg.Wait()
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	copied, copiedService := open(t, path, nil)
	_, err = copied.Check(t.Context())
	require.NoError(t, err)
	n, err := copiedService.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.EqualValues(t, 50, n.Live)
	if err := store.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("Backup over a file = %v; want that it exists", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Backup(ctx, filepath.Join(dir, "none")); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup with a cancelled context = %v; want context.Canceled", err)
	}
	require.NoFileExists(t, filepath.Join(dir, "none"))
}

func TestThePersonsView(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	_, svc := open(t, path, nil)
	_, err := svc.Create(t.Context(), "ada", threads.Draft{ID: "t1", Organization: "org_a", Title: "one"})
	require.NoError(t, err)
	_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t2"})
	require.NoError(t, err)
	_, err = svc.Delete(t.Context(), "ada", "t2")
	require.NoError(t, err)
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var all, title string
	require.NoError(t, db.QueryRow(`SELECT group_concat(user || organization || id), max(title) FROM live_threads`).Scan(&all, &title))
	require.Equal(t, "adaorg_at1 one", all+" "+title)
}
