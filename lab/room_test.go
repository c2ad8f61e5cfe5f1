package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// mount mounts a file system for the time of the test. It needs root.
func mount(t *testing.T, arguments ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.Command("mount", append(arguments, dir)...).CombinedOutput()
	require.NoError(t, err, "mount %v: %s", arguments, out)
	t.Cleanup(func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		require.NoError(t, err, "umount: %s", out)
	})
	return dir
}

// TestADiskThatIsFull fills a small file system, by one who writes and
// by many at once. What is refused has changed nothing, and reads go on; with
// the room that an error may ask for, what is deleted and purged makes room.
// (It is not smaller because the log of SQLite takes some 4 MiB before it begins
// anew.)
func TestADiskThatIsFull(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: "a file system of 20 MiB that is full", Store: k.name, Outcomes: map[string]int{}}
			for _, writers := range []int{1, 8} {
				for _, size := range []int{20, threads.MaxMetadataValue} {
					dir := mount(t, "-t", "tmpfs", "-o", "size=20m", "tmpfs")
					var others []string // what the log of SQLite and a large purge can take
					for i := range 12 {
						others = append(others, filepath.Join(dir, fmt.Sprint("other ", i)))
						require.NoError(t, os.WriteFile(others[i], make([]byte, 1<<20), 0o600))
					}
					store := k.openIn(t, dir)
					r.Runs++
					fillAndEmpty(t, store, writers, size, r.Outcomes, func() bool {
						if len(others) == 0 {
							return false
						}
						require.NoError(t, os.Remove(others[0]))
						others = others[1:]
						return true
					})
					require.NoError(t, store.Close())
					require.NoError(t, checked(t.Context(), k.openIn(t, dir)))
				}
			}
			record(t, r)
		})
	}
}

// TestALimitOfTheFile fills a store to its MaxSize. It has kept the room that
// it takes to empty it.
func TestALimitOfTheFile(t *testing.T) {
	limited := map[string]func(dir string) (threads.Store, error){
		"bolt": func(dir string) (threads.Store, error) {
			return bolt.Open(t.Context(), filepath.Join(dir, boltKind.file), &bolt.Options{MaxSize: 1 << 20})
		},
		"sqlite": func(dir string) (threads.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(dir, sqliteKind.file), &sqlite.Options{MaxSize: 1 << 20})
		},
	}
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: "a limit of 1 MiB", Store: k.name, Outcomes: map[string]int{}}
			for _, writers := range []int{1, 8} {
				for _, size := range []int{20, threads.MaxMetadataValue} {
					dir := t.TempDir()
					store, err := limited[k.name](dir)
					require.NoError(t, err)
					r.Runs++
					fillAndEmpty(t, store, writers, size, r.Outcomes, func() bool { return false })
					require.NoError(t, store.Close())
					info, err := os.Stat(filepath.Join(dir, k.file))
					require.NoError(t, err)
					require.LessOrEqual(t, info.Size(), int64(1<<20))
				}
			}
			record(t, r)
		})
	}
}

// fillAndEmpty creates threads until there is no room, deletes and purges them
// all, and creates others. It calls makeRoom where an error says that it takes
// some, which reports whether it could.
func fillAndEmpty(t *testing.T, store threads.Store, writers, size int, outcomes map[string]int, makeRoom func() bool) {
	t.Helper()
	ctx := t.Context()
	first := fill(t, store, "first", writers, size)
	outcomes["creates refused with ErrFull, nothing changed"]++
	require.Greater(t, len(first), 8)
	svc := probe.Clockwork(store)
	retry := func(what string, call func() error) {
		t.Helper()
		err := call()
		for errors.Is(err, threads.ErrFull) {
			require.ErrorContains(t, err, "free some space on the disk", "it says what to do")
			require.True(t, makeRoom(), "%s = %v; want that it has room", what, err)
			outcomes[what+" needed a MiB of room, as the error said"]++
			err = call()
		}
		require.NoError(t, err, what)
	}
	retry("SoftDeleteAll", func() error {
		d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
		if err == nil {
			require.EqualValues(t, len(first), d.Count)
		}
		return err
	})
	purged := int64(0)
	for more := true; more; {
		retry("Purge", func() error {
			r, err := svc.Purge(ctx, "ada", probe.Far, threads.MaxPurge)
			purged, more = purged+r.Threads, r.More
			return err
		})
	}
	require.EqualValues(t, len(first), purged)
	require.NoError(t, checked(ctx, store))
	second := fill(t, store, "second", writers, size)
	require.Greater(t, len(second), len(first)/2, "what was purged made room")
	outcomes["a purge made room for as much"]++
}

// fill creates threads until there is no room, and returns the ids of those
// there are. What was refused is not there.
func fill(t *testing.T, store threads.Store, name string, writers, size int) (ids []string) {
	t.Helper()
	metadata := map[string]string{}
	for i := range threads.MaxMetadataPairs {
		metadata[fmt.Sprint("key ", i)] = strings.Repeat("x", size)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	refused := map[string]error{}
	for w := range writers {
		wg.Go(func() {
			for i, err := 0, error(nil); err == nil; i++ {
				id := fmt.Sprintf("thrd_%s_%d_%d", name, w, i)
				th := threads.Thread{
					ID: id, User: "ada", Metadata: metadata, Version: 1,
					CreatedAt: probe.Epoch, UpdatedAt: probe.Epoch, LastActivityAt: probe.Epoch,
				}
				err = store.Create(context.Background(), "ada", th)
				mu.Lock()
				if err != nil {
					refused[id] = err
				} else {
					ids = append(ids, id)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, err := range refused {
		require.ErrorIs(t, err, threads.ErrFull)
		require.NotErrorIs(t, err, threads.ErrUnknownOutcome)
		require.ErrorContains(t, err, "nothing was changed")
		_, err = store.Get(t.Context(), "ada", id, threads.Both)
		require.ErrorIs(t, err, threads.ErrNotFound, "what was refused is not there, and reads go on")
	}
	n, err := store.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: int64(len(ids))}, n)
	require.NoError(t, checked(t.Context(), store))
	return ids
}

// TestAReadOnlyFileSystem cannot be opened, and is left alone.
func TestAReadOnlyFileSystem(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			file := populatedFile(t, k, 12)
			before, err := os.ReadFile(file)
			require.NoError(t, err)
			r := results.Result{Fault: "a file system that is read-only", Store: k.name, Outcomes: map[string]int{}}
			empty := t.TempDir()
			for _, at := range []string{filepath.Dir(file), empty} {
				dir := mount(t, "--bind", at)
				out, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput()
				require.NoError(t, err, "%s", out)
				_, err = k.open(t.Context(), dir)
				require.Error(t, err)
				require.ErrorContains(t, err, k.file, "it says which")
				require.False(t, is(err, threads.ErrCorrupt, threads.ErrUnknownOutcome, threads.ErrFull, threads.ErrLocked), "Open = %v", err)
				r.Runs++
				if errors.Is(err, syscall.EROFS) {
					r.Outcomes["refused with EROFS"]++
				} else {
					r.Outcomes["refused with an error of the engine"]++
				}
				t.Log(err)
			}
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, before, after)
			left, err := os.ReadDir(empty)
			require.NoError(t, err)
			require.Empty(t, left)
			require.NoError(t, checked(t.Context(), k.openIn(t, filepath.Dir(file))))
			record(t, r)
		})
	}
}

// TestTwoProcessesOnOneFile: a file of package bolt is for one at a time, and
// the other is told so; in package sqlite both write, and each has what it
// was told it has.
func TestTwoProcessesOnOneFile(t *testing.T) {
	t.Run("bolt", func(t *testing.T) {
		dir := t.TempDir()
		p := role.Start(t, "holder", workload{Kind: "bolt", Dir: dir})
		require.Equal(t, "open", p.Line())
		_, err := boltKind.open(t.Context(), dir)
		require.ErrorIs(t, err, threads.ErrLocked)
		require.NoError(t, p.Process.Kill())
		_, err = p.Finish()
		require.Error(t, err)
		require.NoError(t, checked(t.Context(), boltKind.openIn(t, dir)), "a lock ends with its process")
		record(t, results.Result{
			Fault: "two processes on one file", Store: "bolt", Runs: 1,
			Outcomes: map[string]int{"ErrLocked while the other lives": 1, "opened when it was killed": 1},
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		r := results.Result{Fault: "two processes on one file", Store: "sqlite", Outcomes: map[string]int{}}
		rounds := 3
		if long() {
			rounds = 100
		}
		for range rounds {
			dir := t.TempDir()
			w := workload{Kind: "sqlite", Dir: dir, Users: 4}
			one, two := w, w
			two.From = w.Users
			first, second := role.Start(t, "worker", one), role.Start(t, "worker", two)
			whole := workload{Kind: "sqlite", Dir: dir, Users: 2 * w.Users}
			l := newLedger(whole)
			for _, p := range []*role.Process{first, second} {
				lines, err := p.Finish()
				require.NoError(t, err)
				for _, line := range lines {
					l.hear(line)
				}
			}
			require.Zero(t, l.words["unknown"]+l.words["failed"]+l.words["full"]+l.words["no"], "%v", l.words)
			require.NoError(t, l.hold(t.Context()))
			r.Runs++
			r.Outcomes["both wrote all they had to"]++
		}
		record(t, r)
	})
}

// holder is a process that has a store open until it is killed.
func holder(ctx context.Context, decode func(any) error) error {
	var w workload
	if err := decode(&w); err != nil {
		return err
	}
	if _, err := kindNamed(w.Kind).open(ctx, w.Dir); err != nil {
		return err
	}
	fmt.Println("open")
	select {}
}
