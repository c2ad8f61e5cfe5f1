package lab

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skein-go/skein/lab/results"
)

// TestProcessesThatAreKilled kills a process at a write, a sync, or a change
// of names.
func TestProcessesThatAreKilled(t *testing.T) {
	workloadsUnder(t, "SIGKILL at a system call", []string{"signal=KILL"})
}

// TestCallsThatFail has such a call fail. What has no room is refused or
// unknown, what failed is unknown or had no effect, nothing is a wrong answer,
// and the store goes on, after it was reopened where it says so.
func TestCallsThatFail(t *testing.T) {
	workloadsUnder(t, "EIO or ENOSPC of a system call", []string{"error=EIO", "error=ENOSPC"})
}

// workloadsUnder runs workloads of one user and of many under faults, and
// holds what is left against what the processes said.
func workloadsUnder(t *testing.T, what string, faults []string) {
	t.Helper()
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: what, Store: k.name, Outcomes: map[string]int{}}
			var mu sync.Mutex
			for _, users := range []int{1, 8} {
				var kinds []fault
				for _, call := range slices.Sorted(maps.Keys(writeCalls[k.name])) {
					for _, what := range faults {
						kinds = append(kinds, fault{call, what, writeCalls[k.name][call] * (1 + users/4)})
					}
				}
				r.Runs += everyFault(t, kinds, func(t *testing.T, f fault) int {
					t.Helper()
					w := workload{Kind: k.name, Dir: t.TempDir(), Users: users}
					l := newLedger(w)
					lines, point := under(t, f, "worker", w)
					for _, line := range lines {
						l.hear(line)
					}
					outcome := l.outcome()
					switch {
					case l.words["full"] > 0 && f.what != "error=ENOSPC":
						t.Errorf("%v: a step was refused as full: %v", f, lines)
					case point == 0:
						outcome = "no fault came"
					}
					mu.Lock()
					r.Outcomes[fmt.Sprintf("%s: %s", strings.TrimPrefix(f.what, "error="), outcome)]++
					mu.Unlock()
					if err := l.hold(context.Background()); err != nil {
						t.Errorf("%d users, %v: %v\n%s\nSKEIN_FAULT=%v go test -run '%s' .", users, f, err, strings.Join(lines, "\n"), f, t.Name())
					}
					return point
				})
			}
			record(t, r)
		})
	}
}
