package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// The tests below make the system calls of a process fail, or kill it at one
// of them, with strace. SKEIN_FAULTS=1 runs them at some points, chosen by
// SKEIN_SEED, SKEIN_FAULTS=all at every point.

// faultsWanted skips the test unless faults are asked for; then strace must be
// there.
func faultsWanted(t *testing.T) (all bool) {
	t.Helper()
	wanted := os.Getenv("SKEIN_FAULTS")
	if wanted == "" {
		t.Skip("set SKEIN_FAULTS=1 to make system calls fail")
	}
	_, err := exec.LookPath("strace")
	require.NoError(t, err)
	return wanted == "all"
}

// fault is what is to happen at the n-th of some system calls.
type fault struct {
	call, what string
	n          int
}

func (f fault) String() string { return fmt.Sprintf("%s, %s, number %d", f.what, f.call, f.n) }

// under runs this binary in a role while the fault happens. It returns what
// that said, and which of all calls of that kind the fault hit, or 0 for none:
// strace counts by thread, and Go may change threads at each of them.
func under(t *testing.T, f fault, role string, arguments any) (lines []string, point int) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	p := start(t, role, arguments, "strace", "-f", "-qq", "-o", trace, "-e", "trace="+f.call,
		"-e", fmt.Sprintf("inject=%s:%s:when=%d", f.call, f.what, f.n), "-E", "GOMAXPROCS=1", "--")
	lines, err := p.finish()
	point, killed := readTrace(t, trace, f.call)
	if err != nil && !killed {
		t.Errorf("%v: %v", f, err)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "WRONG") {
			t.Errorf("%v: %s", f, line)
		}
	}
	return lines, point
}

// readTrace returns which of the calls was made to fail, or had the process
// killed.
func readTrace(t *testing.T, trace, call string) (point int, killed bool) {
	t.Helper()
	b, err := os.ReadFile(trace)
	require.NoError(t, err)
	calls := 0
	for _, line := range strings.Split(string(b), "\n") {
		switch {
		case strings.Contains(line, call+"("):
			calls++
			if strings.Contains(line, "(INJECTED)") {
				point = calls
			}
		case strings.Contains(line, "killed by SIGKILL"):
			return calls, true
		}
	}
	return point, false
}

// everyFault calls try with faults of each kind, two kinds at once, and with
// each number until the fault does not come any more; or with some numbers. It
// repeats that until every call was hit, or five times.
func everyFault(t *testing.T, kinds []fault, try func(t *testing.T, f fault) (point int)) {
	t.Helper()
	all := faultsWanted(t)
	var seed uint64 = 1
	if text := os.Getenv("SKEIN_SEED"); text != "" {
		_, err := fmt.Sscan(text, &seed)
		require.NoError(t, err)
	}
	r := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	gate := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for _, kind := range kinds {
		step, passes := 1, 5
		if !all {
			step, passes = 1+r.IntN(2*kind.n), 1
		}
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			hit := map[int]bool{}
			runs, last := 0, 0
			for pass := 0; pass < passes && (pass == 0 || len(hit) < last); pass++ {
				for n := step; ; n += step {
					runs++
					point := try(t, fault{kind.call, kind.what, n})
					if point == 0 {
						break
					}
					hit[point] = true
					last = max(last, point)
				}
			}
			t.Logf("%s, %s: %d runs, %d different calls hit of at least %d", kind.what, kind.call, runs, len(hit), last)
		})
	}
	wg.Wait()
}

// kinds are faults of every kind that a disk or a process can have. The number
// is about a half of the distance between two points of the short form.
func kinds() []fault {
	return []fault{
		{"pwrite64", "error=EIO", 15}, {"pwrite64", "error=ENOSPC", 15}, {"pwrite64", "signal=KILL", 15},
		{"fdatasync", "error=EIO", 5}, {"fdatasync", "error=ENOSPC", 5}, {"fdatasync", "signal=KILL", 5},
		{"fsync", "error=EIO", 2}, {"fsync", "signal=KILL", 2},
		{"ftruncate", "error=EIO", 1}, {"ftruncate", "error=ENOSPC", 1}, {"ftruncate", "signal=KILL", 1},
	}
}

// TestWritesThatFail holds that after a fault at any point a store has what it
// acknowledged, wholly has or has not what it called unknown, has nothing of
// what it refused, and passes its Check.
func TestWritesThatFail(t *testing.T) {
	outcomes := map[string]int{}
	var mu sync.Mutex
	everyFault(t, kinds(), func(t *testing.T, f fault) int {
		t.Helper()
		path := filepath.Join(t.TempDir(), "threads.db")
		lines, point := under(t, f, "writer", path)
		did := map[int]bool{}
		uncertain, outcome := -1, "not opened"
		for _, line := range lines {
			word, rest, _ := strings.Cut(line, " ")
			var place int
			_, _ = fmt.Sscan(rest, &place)
			switch word {
			case "try":
				uncertain = place
				if outcome == "not opened" {
					outcome = "killed"
				}
			case "done":
				did[place] = true
				uncertain = -1
			case "full", "refused":
				uncertain = -1
			}
			if word == "full" || word == "unknown" {
				outcome = word
			}
		}
		switch {
		case point == 0:
			outcome = "no fault"
		case outcome == "killed" && slices.Contains(lines, "end"):
			outcome = "went on"
		}
		mu.Lock()
		outcomes[fmt.Sprintf("%s %s: %s", f.call, f.what, outcome)]++
		mu.Unlock()
		got := after(t, f, path)
		want := expected(t, did)
		if lines := differences(got, want); len(lines) > 0 {
			if uncertain >= 0 {
				did[uncertain] = true
				want = expected(t, did)
			}
			assert.Empty(t, differences(got, want), "%v: after %v, uncertain %d: %v", f, did, uncertain, lines)
		}
		return point
	})
	for outcome, n := range outcomes {
		t.Logf("%4d times %s", n, outcome)
	}
}

// TestSharedCommitsThatFail holds the same of writes that share commits.
func TestSharedCommitsThatFail(t *testing.T) {
	everyFault(t, kinds(), func(t *testing.T, f fault) int {
		t.Helper()
		path := filepath.Join(t.TempDir(), "threads.db")
		lines, point := under(t, f, "crowd", path)
		ctx := context.Background()
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err, "%v", f)
		defer func() { assert.NoError(t, store.Close()) }()
		_, err = store.Check(ctx)
		require.NoError(t, err, "%v", f)
		for _, line := range lines {
			word, id, _ := strings.Cut(line, " ")
			if word == "done" || word == "refused" {
				_, err := store.Get(ctx, "ada", id, threads.Both)
				assert.Equal(t, word == "refused", errors.Is(err, threads.ErrNotFound), "%v: %s, and Get = %v", f, line, err)
			}
		}
		return point
	})
}

// after opens the file that a process has left, which must be whole, and
// returns what is in it.
func after(t *testing.T, f fault, path string) map[string]string {
	t.Helper()
	ctx := context.Background()
	store, err := bolt.Open(ctx, path, nil)
	require.NoError(t, err, "%v", f)
	defer func() { assert.NoError(t, store.Close()) }()
	_, err = store.Check(ctx)
	require.NoError(t, err, "%v", f)
	facts := scriptCatalog().facts(ctx, store)
	require.NoError(t, store.Create(ctx, "eve", thread("eve", "thrd_after")), "%v: the store goes on", f)
	return facts
}

// expected is what there is after those steps of the script, by the reference.
func expected(t *testing.T, did map[int]bool) map[string]string {
	t.Helper()
	ctx := context.Background()
	store := memory.New()
	for place, step := range script() {
		if did[place] {
			require.NoError(t, step(ctx, at(store, place)), "step %d", place)
		}
	}
	return scriptCatalog().facts(ctx, store)
}

// TestCompactionsThatFail holds that a fault leaves the old file or the new
// one, whole.
func TestCompactionsThatFail(t *testing.T) {
	faultsWanted(t)
	from, c, facts := populated(t, 45, "ada", "bob")
	more := []fault{
		{"renameat", "error=EIO", 1}, {"renameat", "signal=KILL", 1},
		{"unlinkat", "error=EIO", 1}, {"unlinkat", "signal=KILL", 1}, {"fchmodat", "error=EIO", 1},
	}
	everyFault(t, append(kinds(), more...), func(t *testing.T, f fault) int {
		t.Helper()
		path := filepath.Join(t.TempDir(), "threads.db")
		copyFile(t, from, path)
		lines, point := under(t, f, "compactor", path)
		ctx := context.Background()
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err, "%v", f)
		_, err = store.Check(ctx)
		require.NoError(t, err, "%v", f)
		assert.Empty(t, differences(c.facts(ctx, store), facts), "%v", f)
		for _, line := range lines {
			if word, place, _ := strings.Cut(line, " "); word == "done" {
				_, err := store.Get(ctx, "eve", "thrd_"+place, threads.Live)
				assert.NoError(t, err, "%v: an acknowledged write", f)
			}
		}
		require.NoError(t, store.Compact(ctx), "%v", f)
		assert.NoFileExists(t, path+".compact", "%v: what was left over is gone", f)
		assert.Empty(t, differences(c.facts(ctx, store), facts), "%v", f)
		require.NoError(t, store.Close(), "%v", f)
		return point
	})
}

// TestErasuresThatFail holds that a fault leaves the user whole, or on the way
// out, and that a second erasure finishes.
func TestErasuresThatFail(t *testing.T) {
	faultsWanted(t)
	from, c, _ := populated(t, 45, "ada", "bob")
	everyFault(t, append(kinds(), fault{"renameat", "signal=KILL", 1}), func(t *testing.T, f fault) int {
		t.Helper()
		path := filepath.Join(t.TempDir(), "threads.db")
		copyFile(t, from, path)
		ctx := context.Background()
		store, err := bolt.Open(ctx, path, nil)
		require.NoError(t, err)
		bob := c
		bob.Users = []string{"bob"}
		facts := bob.facts(ctx, store)
		live, err := listAll(ctx, store, "ada", threads.Query{Scope: threads.All()}, threads.MaxPage)
		require.NoError(t, err)
		require.NoError(t, store.Close())

		lines, point := under(t, f, "eraser", path)
		store, err = bolt.Open(ctx, path, nil)
		require.NoError(t, err, "%v", f)
		defer func() { assert.NoError(t, store.Close()) }()
		_, err = store.Check(ctx)
		require.NoError(t, err, "%v", f)
		n, err := store.Count(ctx, "ada", threads.All())
		require.NoError(t, err)
		if n.Live == 0 {
			for _, th := range live {
				_, err := store.RestoreThread(ctx, "ada", th.ID)
				assert.True(t, errors.Is(err, threads.ErrPurged) || errors.Is(err, threads.ErrNotFound), "%v: RestoreThread = %v", f, err)
			}
		} else {
			assert.Len(t, live, int(n.Live), "%v: it was not begun", f)
		}
		if strings.Contains(strings.Join(lines, "\n"), "erased: <nil>") {
			assert.Equal(t, total{}, totals(t, store, "ada"), "%v: it said that it was done", f)
		}
		_, err = store.Erase(ctx, "ada")
		require.NoError(t, err, "%v", f)
		assert.Equal(t, total{}, totals(t, store, "ada"), "%v", f)
		assert.Zero(t, traces(t, path, "ada"), "%v: in the bytes", f)
		assert.Empty(t, differences(bob.facts(ctx, store), facts), "%v", f)
		_, err = store.Check(ctx)
		require.NoError(t, err, "%v", f)
		return point
	})
}

// TestTheDirectoryIsSynced: else a power cut could take a new file away, and
// all that was acknowledged in it. A file that a process has left right after
// creating it counts as new.
func TestTheDirectoryIsSynced(t *testing.T) {
	faultsWanted(t)
	for name, prepare := range map[string]func(path string){
		"of a new file":            func(string) {},
		"of a file without a byte": func(path string) { writeFile(t, path, nil) },
		"of a database without a bucket": func(path string) {
			p := start(t, "writer", path, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync",
				"-e", "inject=fsync:signal=KILL:when=1", "-E", "GOMAXPROCS=1", "--")
			_, err := p.finish()
			require.Error(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "threads.db")
			prepare(path)
			trace := filepath.Join(t.TempDir(), "trace")
			_, err := start(t, "writer", path, "strace", "-f", "-y", "-qq", "-o", trace, "-e", "trace=fsync,pwrite64,fdatasync", "--").finish()
			require.NoError(t, err)
			b, err := os.ReadFile(trace)
			require.NoError(t, err)
			synced := strings.Index(string(b), "<"+filepath.Dir(path)+">)")
			require.GreaterOrEqual(t, synced, 0, "no fsync of the directory")
			assert.Greater(t, strings.Count(string(b[synced:]), "pwrite64("), 10, "it comes before what is acknowledged")
		})
	}
}

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

// TestADiskThatIsFull fills a file system of a megabyte.
func TestADiskThatIsFull(t *testing.T) {
	faultsWanted(t)
	ctx := t.Context()
	dir := mount(t, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
	other := filepath.Join(dir, "other")
	writeFile(t, other, make([]byte, 100<<10))
	path := filepath.Join(dir, "threads.db")
	store, err := bolt.Open(ctx, path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	n := 0
	for ; err == nil; n++ {
		th := thread("ada", fmt.Sprintf("thrd_%06d", n))
		th.Metadata = map[string]string{"key": strings.Repeat("x", 512)}
		err = store.Create(ctx, "ada", th)
	}
	n--
	require.ErrorIs(t, err, threads.ErrFull)
	require.ErrorContains(t, err, "free some space on the disk", "the error says what to do")
	counts, err := store.Count(ctx, "ada", threads.All())
	require.NoError(t, err, "reads go on")
	require.Equal(t, threads.Counts{Live: int64(n)}, counts, "nothing was changed")
	_, err = store.Check(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, store.Compact(ctx), threads.ErrFull)
	require.NoFileExists(t, path+".compact")

	all := threads.Deletion{ID: "del_all", User: "ada", Scope: threads.All(), DeletedAt: epoch}
	_, err = store.SoftDeleteAll(ctx, "ada", all)
	if err != nil {
		require.ErrorIs(t, err, threads.ErrFull)
		t.Log("it was as the error said: a delete needs some space on the disk")
		require.NoError(t, os.Remove(other))
		_, err = store.SoftDeleteAll(ctx, "ada", all)
		require.NoError(t, err)
	}
	for r := (threads.PurgeResult{More: true}); r.More; {
		r, err = store.Purge(ctx, "ada", far, far, threads.MaxPurge)
		if errors.Is(err, threads.ErrFull) {
			require.NoError(t, os.Remove(other))
			t.Log("it was as the error said: a purge needs some space on the disk")
			r.More = true
			continue
		}
		require.NoError(t, err)
	}
	for i := range n / 2 {
		th := thread("ada", fmt.Sprintf("thrd_%06d", i))
		th.Metadata = map[string]string{"key": strings.Repeat("x", 512)}
		require.NoError(t, store.Create(ctx, "ada", th), "what was purged made room")
	}
	_, err = store.Check(ctx)
	require.NoError(t, err)
	t.Logf("full with %d threads", n)
}

// TestAReadOnlyFileSystem cannot be opened, and is left alone.
func TestAReadOnlyFileSystem(t *testing.T) {
	faultsWanted(t)
	path, _, _ := populated(t, 12, "ada")
	dir := mount(t, "--bind", filepath.Dir(path))
	out, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"threads.db", "new.db"} {
		_, err := bolt.Open(t.Context(), filepath.Join(dir, name), nil)
		require.ErrorIs(t, err, syscall.EROFS)
		require.ErrorContains(t, err, name)
	}
	openAt(t, path, nil)
}
