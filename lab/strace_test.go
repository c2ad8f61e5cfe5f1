package lab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
)

// fault is what strace does at the n-th of some system calls.
type fault struct {
	call, what string
	n          int
}

func (f fault) String() string { return fmt.Sprintf("%s:%s:%d", f.call, f.what, f.n) }

// under runs this binary in a role while the fault happens. It returns what
// that said, and which of all calls of that kind the fault hit, or 0 for none:
// strace counts by thread, and Go may change threads at each of them.
func under(t *testing.T, f fault, name string, arguments any) (lines []string, point int) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	p := role.Start(t, name, arguments, "strace", "-f", "-qq", "-o", trace, "-e", "trace="+f.call,
		"-e", fmt.Sprintf("inject=%s:%s:when=%d", f.call, f.what, f.n), "-E", "GOMAXPROCS=1", "--")
	lines, err := p.Finish()
	point, killed := readTrace(t, trace, f.call)
	if err != nil && !killed {
		t.Errorf("%v: %v", f, err)
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
	for line := range strings.Lines(string(b)) {
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
// each number until the fault does not come any more; or with some numbers,
// about twice that of the kind apart. The long form repeats that until every
// call was hit, or five times. SKEIN_FAULT=call:what:n tries that one alone.
func everyFault(t *testing.T, kinds []fault, try func(t *testing.T, f fault) (point int)) (runs int) {
	t.Helper()
	if text := os.Getenv("SKEIN_FAULT"); text != "" {
		part := strings.Split(text, ":")
		require.Len(t, part, 3)
		f := fault{call: part[0], what: part[1]}
		_, err := fmt.Sscan(part[2], &f.n)
		require.NoError(t, err)
		try(t, f)
		return 1
	}
	random := rand.New(rand.NewPCG(seed(t), 3))
	gate := make(chan struct{}, 2)
	hits := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, kind := range kinds {
		step, passes := 1, 5
		if !long() {
			step, passes = 1+kind.n+random.IntN(2*kind.n+1), 1
		}
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			hit, last, ran := map[int]bool{}, 0, 0
			for pass := 0; pass < passes && (pass == 0 || len(hit) < last); pass++ {
				for n := step; ; n += step {
					ran++
					point := try(t, fault{kind.call, kind.what, n})
					if point == 0 {
						break
					}
					hit[point] = true
					last = max(last, point)
				}
			}
			t.Logf("%s, %s: %d runs, %d different calls hit of at least %d", kind.what, kind.call, ran, len(hit), last)
			mu.Lock()
			defer mu.Unlock()
			runs += ran
			hits += len(hit)
		})
	}
	wg.Wait()
	require.Positive(t, hits, "no fault came at all")
	return runs
}

// writeCalls are the system calls with which each store writes, syncs, and
// changes names, and about how many of them lie between two points of the
// short form.
var writeCalls = map[string]map[string]int{
	"bolt":   {"pwrite64": 10, "fdatasync": 5, "fsync": 1, "ftruncate": 0, "renameat": 0, "unlinkat": 0},
	"sqlite": {"pwrite64": 40, "fsync": 4, "ftruncate": 0, "linkat": 0, "unlinkat": 0, "unlink": 0},
}
