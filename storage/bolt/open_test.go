package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

func TestAFileThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, path string){
		"the database of another program": func(t *testing.T, path string) {
			t.Helper()
			db, err := bbolt.Open(path, 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucket([]byte("theirs"))
				if err != nil {
					return err
				}
				return b.Put([]byte("key"), []byte("value"))
			}))
			require.NoError(t, db.Close())
		},
		"a database with a bucket of our name but not ours": func(t *testing.T, path string) {
			t.Helper()
			db, err := bbolt.Open(path, 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("skein"))
				return err
			}))
			require.NoError(t, db.Close())
		},
		"a short text":                     text(100),
		"a text of one page":               text(4096),
		"a text of less than two pages":    text(5000),
		"a long text":                      text(100_000),
		"a text of a megabyte and a half":  text(3 << 19),
		"zeros":                            zeros,
		"the first half of a new database": half(1 << 13),
		"the first page of a database":     half(1 << 12),
		"the first bytes of a database":    half(100),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "threads.db")
			write(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = bolt.Open(t.Context(), path, nil)
			require.ErrorIs(t, err, threads.ErrCorrupt)
			require.ErrorContains(t, err, path, "the error names the file")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(before, after), "the file was changed")
			assert.NoError(t, os.Rename(path, path+".old"))
			store, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: time.Millisecond})
			require.NoError(t, err, "the refused file is not held")
			require.NoError(t, store.Close())
		})
	}
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

func zeros(t *testing.T, path string) {
	t.Helper()
	writeFile(t, path, make([]byte, 1<<16))
}

func text(n int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		writeFile(t, path, []byte(strings.Repeat("a line of text\n", n/15+1))[:n])
	}
}

// half is the beginning of a good file.
func half(n int64) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		store, err := bolt.Open(t.Context(), path, nil)
		require.NoError(t, err)
		require.NoError(t, store.Close())
		require.NoError(t, os.Truncate(path, n))
	}
}

// TestRefusedFilesAreNotHeld opens a damaged file again and again: what is
// refused must not stay locked in this process.
func TestADamagedFileIsNotHeld(t *testing.T) {
	path, _, _ := populated(t, 12, "ada")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	clear(b[2*os.Getpagesize():]) // every page but those that say where the others are
	writeFile(t, path, b)
	for range 2 {
		_, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: time.Millisecond})
		require.ErrorIs(t, err, threads.ErrCorrupt)
		require.NotErrorIs(t, err, threads.ErrLocked)
	}
}

func TestAnEmptyFileBecomesAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "threads.db")
	writeFile(t, path, nil) // as a process leaves it that ends right after creating it
	store := openAt(t, path, nil)
	require.NoError(t, probe.Populate(t.Context(), probe.Clockwork(store), "ada", 5))
}

func TestAPathThatCannotBeAFileIsSaidSo(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), []byte("x"))
	for name, c := range map[string]struct {
		path string
		want error
	}{
		"a directory":             {dir, nil},
		"in no directory":         {filepath.Join(dir, "absent", "threads.db"), fs.ErrNotExist},
		"below a file":            {filepath.Join(dir, "file", "threads.db"), nil},
		"a name with a zero":      {filepath.Join(dir, "a\x00b"), nil},
		"a name that is too long": {filepath.Join(dir, strings.Repeat("n", 300)), nil},
		"no name":                 {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bolt.Open(t.Context(), c.path, nil)
			require.Error(t, err)
			require.ErrorContains(t, err, "bolt: open "+c.path)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			for _, class := range []error{threads.ErrLocked, threads.ErrClosed, threads.ErrFull, threads.ErrUnknownOutcome} {
				require.NotErrorIs(t, err, class)
			}
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "nothing was created")
		})
	}
}

func TestAnOpenThatIsCancelledCreatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "threads.db")
	_, err := bolt.Open(ctx, path, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, path)
}

func TestFiveOpenersAtOnceTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "threads.db")
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			store, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: role.Deadline})
			if err != nil {
				t.Errorf("Open = %v", err)
				return
			}
			_, err = threads.NewService(store, nil).Create(t.Context(), "ada", threads.Draft{Title: fmt.Sprint(i)})
			assert.NoError(t, err)
			assert.NoError(t, store.Close())
		})
	}
	wg.Wait()
	n, err := openAt(t, path, nil).Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 5}, n)
}

func TestOneOfFiveOpenersHasTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "threads.db")
	var mu sync.Mutex
	var open []*bolt.Store
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			store, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: time.Millisecond})
			if err != nil {
				assert.ErrorIs(t, err, threads.ErrLocked)
				assert.ErrorContains(t, err, path)
				return
			}
			mu.Lock()
			open = append(open, store)
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Len(t, open, 1)
	require.NoError(t, open[0].Close())
	openAt(t, path, &bolt.Options{LockTimeout: time.Millisecond})
}

// TestTheFileBehindALinkIsTheStore holds that a compaction replaces the file
// and not the link to it.
func TestTheFileBehindALinkIsTheStore(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 12, "ada")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	store := openAt(t, link, nil)
	_, err := store.Erase(ctx, "nobody")
	require.NoError(t, err)
	require.NoError(t, store.Compact(ctx))
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_late")))
	require.NoError(t, store.Close())
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSymlink, info.Mode().Type(), "the link is still one")
	store = openAt(t, path, nil)
	_, err = store.Get(ctx, "ada", "thrd_late", threads.Live)
	require.NoError(t, err, "the write after the compaction is in the file itself")
	assert.Equal(t, facts["ListDeletions(ada, order 0)"], c.Facts(ctx, store)["ListDeletions(ada, order 0)"])
}

// thread is a plain live thread.
func thread(user, id string) threads.Thread {
	return threads.Thread{
		ID: id, User: user, Title: "title of " + id, CreatedAt: probe.Epoch, UpdatedAt: probe.Epoch, LastActivityAt: probe.Epoch, Version: 1,
	}
}

// TestAPathIsKeptWhenTheProcessMovesAway opens a relative path.
func TestAPathIsKeptWhenTheProcessMovesAway(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	t.Chdir(dir)
	store := openAt(t, "threads.db", nil)
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_1")))
	t.Chdir(t.TempDir())
	require.NoError(t, store.Compact(ctx))
	_, err := store.Stats(ctx)
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	_, err = store.Get(ctx, "ada", "thrd_1", threads.Live)
	require.NoError(t, err)
}

func TestStatsAreOfTheFile(t *testing.T) {
	ctx := t.Context()
	path, _, _ := populated(t, 300, "ada")
	store := openAt(t, path, nil)
	require.NoError(t, store.Create(ctx, "ada", thread("ada", "thrd_1")))
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"at first", func() error { return nil }},
		{"after a purge", func() error { _, err := store.Purge(ctx, "ada", probe.Far, probe.Far, threads.MaxPurge); return err }},
		{"after a compaction", func() error { return store.Compact(ctx) }},
		{"after another", func() error { return store.Compact(ctx) }},
	} {
		require.NoError(t, step.do(), step.name)
		st, err := store.Stats(ctx)
		require.NoError(t, err, step.name)
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, info.Size(), st.FileBytes, step.name)
		assert.Positive(t, st.PageBytes, step.name)
		assert.Positive(t, st.PagesWritten, step.name)
		assert.Less(t, st.FreeBytes, st.FileBytes, step.name)
		assert.Equal(t, path, store.Path(), step.name)
	}
	require.NoError(t, store.Close())
	_, err := store.Stats(ctx)
	require.ErrorIs(t, err, threads.ErrClosed)
}

// opener is a process that says how opening a path ends.
func opener(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	fmt.Println(map[bool]string{true: "permission", false: "other"}[errors.Is(err, fs.ErrPermission)], err)
	if err == nil {
		return store.Close()
	}
	return nil
}
