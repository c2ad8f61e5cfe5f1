package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// filledVariable names a directory in which filled files are kept for the next
// run. Without it they are made for each. Empty it after a change to how a
// contender keeps threads: the files are known by its name and their size.
const filledVariable = "SKEIN_BENCH_FILLED"

var templates string

func TestMain(m *testing.M) {
	templates = os.Getenv(filledVariable)
	temporary := templates == ""
	if temporary {
		dir, err := os.MkdirTemp("", "skein-bench-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		templates = dir
	}
	code := m.Run()
	if temporary {
		_ = os.RemoveAll(templates)
	}
	os.Exit(code)
}

// filled returns a keeper in which ada has so many threads, for the time of
// the benchmark. It is warm: what it does at the first call of each operation,
// such as to prepare a statement, it has done for bob.
func filled(b *testing.B, c Contender, n int) Keeper {
	b.Helper()
	dir := b.TempDir()
	if c.Engine != "memory" {
		copyDir(b, template(b, c, n), dir)
	}
	keeper, err := c.Open(b.Context(), dir, false)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, keeper.Close())
		keeper = nil
		runtime.GC() // or the next would pay for what this one leaves
	})
	if c.Engine == "memory" {
		fill(b, keeper, n)
	}
	warm(b, keeper)
	runtime.GC()
	return keeper
}

func warm(b *testing.B, keeper Keeper) {
	b.Helper()
	const n = 100
	ctx := b.Context()
	require.NoError(b, keeper.Fill(ctx, "bob", bobs, n))
	deleted, err := keeper.DeleteAll(ctx, "bob")
	require.NoError(b, err)
	require.Equal(b, n, deleted)
	_, err = keeper.Restore(ctx, "bob")
	if errors.Is(err, errors.ErrUnsupported) {
		err = keeper.Fill(ctx, "bob", 0, n)
	}
	require.NoError(b, err)
	for _, do := range []func() error{
		func() error { _, err := keeper.Get(ctx, "bob", threadID(0)); return err },
		func() error { _, err := keeper.Page(ctx, "bob", Place{}, 50); return err },
		func() error { _, err := keeper.Count(ctx, "bob"); return err },
		func() error { return keeper.Create(ctx, "bob", numbered("bob", n)) },
		func() error { return keeper.Delete(ctx, "bob", threadID(0)) },
		func() error { _, err := keeper.Purge(ctx, "bob"); return err },
	} {
		if err := do(); !errors.Is(err, errors.ErrUnsupported) {
			require.NoError(b, err)
		}
	}
}

// template returns a directory that was filled once.
func template(b *testing.B, c Contender, n int) string {
	b.Helper()
	dir := filepath.Join(templates, fmt.Sprintf("%s-%d", c.Name, n))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	making := dir + ".part"
	require.NoError(b, os.RemoveAll(making))
	require.NoError(b, os.MkdirAll(making, 0o700))
	keeper, err := c.Open(context.Background(), making, true)
	require.NoError(b, err)
	fill(b, keeper, n)
	require.NoError(b, keeper.Close())
	entries, err := os.ReadDir(making)
	require.NoError(b, err)
	for _, entry := range entries { // it was filled without syncs
		f, err := os.OpenFile(filepath.Join(making, entry.Name()), os.O_RDWR, 0)
		require.NoError(b, err)
		require.NoError(b, errors.Join(f.Sync(), f.Close()))
	}
	require.NoError(b, os.Rename(making, dir))
	return dir
}

// copyDir copies files and waits until they are on the disk, or what is
// measured would.
func copyDir(b *testing.B, from, to string) {
	b.Helper()
	require.NoError(b, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = source.Close() }()
		target, err := os.OpenFile(filepath.Join(to, entry.Name()), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(target, source)
		return errors.Join(err, target.Sync(), target.Close())
	}))
}
