package lab

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/powercut"
	"github.com/skein-go/skein/lab/results"
)

// succession is how one process dies after a sync that failed, and another
// opens the file.
type succession struct {
	later int  // syncs from that which fails to that at which it is killed
	fails int  // syncs that fail
	swap  bool // the first process has the user who is not erased, and the second the other
}

var successions = map[string]succession{
	"killed at once":                            {later: 0, fails: 1},
	"killed at once; the next one erases":       {later: 0, fails: 1, swap: true},
	"killed at once; three of the next's fail":  {later: 0, fails: 4},
	"killed two syncs later; the next's fails":  {later: 2, fails: 4},
	"killed three syncs later; the next erases": {later: 3, fails: 1, swap: true},
}

// run has the n-th sync fail, and hands over what a power cut makes of places
// from the death of the first process on: those of one in some soon after it,
// and of one in more later on. It reports whether that process was killed: a
// store whose sync failed syncs less, so it may have come to its end before.
func (s succession) run(t *testing.T, k kind, n int, open string, soon, later int, came func(at int, c powercut.Chance, err error)) (killed bool) {
	t.Helper()
	disk := &powercut.Disk{FailSync: n, Fails: s.fails, KillSync: n + s.later}
	one, next := 0, 1
	if s.swap {
		one, next = next, one
	}
	dead := 0
	recordedAfter(t, disk, workload{Kind: k.name, Users: 1, From: next, Looks: []int{one}, Open: open}, func(w workload) {
		w.From, w.Looks, w.Open = one, nil, ""
		_, err := role.Start(t, "worker", w).Finish()
		if killed = disk.Syncs() >= n+s.later; killed {
			require.ErrorContains(t, err, "killed", "sync %d", n)
		} else {
			require.NoError(t, err, "sync %d", n)
			disk.Spare()
		}
		dead = disk.Replay().Len()
	})
	oneIn := func(at int) int {
		switch {
		case at <= dead:
			return 0
		case at <= dead+40: // bolt would lose it only until its next meta page
			return soon
		}
		return later
	}
	cutsAt(t, disk, workload{Kind: k.name, Users: 2}, seed(t), oneIn, func(at int, c powercut.Chance, _ *ledger, err error) {
		came(at, c, err)
	})
	return killed
}

// failing returns which syncs of a user's workload to fail: all, or in the short
// form some, of which with bolt most are of a meta page alone.
func failing(t *testing.T, k kind, user int) (which []int, most int) {
	t.Helper()
	var whole powercut.Disk
	recorded(t, &whole, workload{Kind: k.name, From: user, Users: 1})
	most = whole.Syncs()
	if long() {
		for n := 1; n <= most; n++ {
			which = append(which, n)
		}
		return which, most
	}
	for n := 1; n <= most; n += 1 + most/3 {
		which = append(which, n)
	}
	if k.name == boltKind.name {
		meta := whole.SyncsBefore(2 * int64(os.Getpagesize()))
		require.NotEmpty(t, meta)
		for i := 2; i < len(meta); i += 1 + len(meta)/3 {
			which = append(which, meta[i])
		}
	}
	slices.Sort(which)
	return slices.Compact(which), most
}

// TestProcessesAfterSyncsThatFail has the disk give up what it could not write
// while the system goes on to show it, and the process die; the next one opens
// the file and works, and then the power goes. What either was told is done,
// and what the next one saw of the first, must be there.
func TestProcessesAfterSyncsThatFail(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{
				Fault: "a sync fails, the process dies, another goes on, power cut", Store: k.name,
				Outcomes: map[string]int{}, Controls: map[string]int{},
			}
			soon, later := 4, 40
			if !long() {
				soon, later = 16, 120
			}
			for _, name := range slices.Sorted(maps.Keys(successions)) {
				s := successions[name]
				user := 0
				if s.swap {
					user = 1
				}
				which, most := failing(t, k, user)
				for _, n := range which {
					if n+s.later > most {
						continue
					}
					cuts := 0
					killed := s.run(t, k, n, "", soon, later, func(at int, c powercut.Chance, err error) {
						cuts++
						assert.NoError(t, err, "sync %d, %s, cut at %d, %s; SKEIN_SEED=%d SKEIN_LAB=long go test -run '%s' .",
							n, name, at, chances[c], seed(t), t.Name())
					})
					r.Runs += cuts
					if killed {
						r.Outcomes[name] += cuts
					} else {
						assert.Positive(t, s.later, "sync %d, %s: the process came to its end", n, name)
						r.Outcomes["came to its end before it was to be killed"] += cuts
					}
				}
			}
			const control = "killed at once"
			which, _ := failing(t, k, 0)
			for _, n := range which[len(which)/2:] { // by then the first process has made the file
				successions[control].run(t, k, n, "borrowed", min(3, soon), later, func(_ int, _ powercut.Chance, err error) {
					if err != nil {
						r.Controls["a database that the host opens: lost"]++
					} else {
						r.Controls["a database that the host opens: kept"]++
					}
				})
			}
			assert.Positive(t, r.Controls["a database that the host opens: lost"], "what Open does must make a difference, or this test could not tell")
			record(t, r)
		})
	}
}
