package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/powercut"
	"github.com/skein-go/skein/lab/results"
)

// seed is what chooses points and chances: SKEIN_SEED, or 1.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := uint64(1)
	if text := os.Getenv("SKEIN_SEED"); text != "" {
		_, err := fmt.Sscan(text, &n)
		require.NoError(t, err)
	}
	return n
}

// chances have a word each for the results.
var chances = map[powercut.Chance]string{
	powercut.None: "all that was not synced is lost",
	powercut.Some: "sectors that were not synced are lost at random",
	powercut.All:  "nothing is lost",
}

// recorded runs a workload on a disk, which has the log of it then.
func recorded(t *testing.T, disk *powercut.Disk, w workload) {
	t.Helper()
	recordedAfter(t, disk, w, func(workload) {})
}

// recordedAfter does so after something else has been done to the disk.
func recordedAfter(t *testing.T, disk *powercut.Disk, w workload, prepare func(workload)) {
	t.Helper()
	w.Dir, w.Marks = t.TempDir(), true
	unmount, err := disk.Mount(w.Dir)
	require.NoError(t, err, "it takes root and /dev/fuse")
	defer func() { require.NoError(t, unmount()) }()
	prepare(w)
	_, err = role.Start(t, "worker", w).Finish()
	require.NoError(t, err)
}

// cuts replays what was done to a disk, and cuts the power at every place, or
// with a probability of one in some. Each time it holds what is left against
// what the process had said by then, and hands over what came of that.
func cuts(t *testing.T, disk *powercut.Disk, w workload, seed uint64, oneIn int, came func(at int, c powercut.Chance, l *ledger, err error)) (places int) {
	t.Helper()
	return cutsAt(t, disk, w, seed, func(int) int { return oneIn }, came)
}

// cutsAt does so with a probability that depends on the place; 0: never.
func cutsAt(t *testing.T, disk *powercut.Disk, w workload, seed uint64, oneIn func(at int) int, came func(at int, c powercut.Chance, l *ledger, err error)) (places int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 4))
	replay, l := disk.Replay(), newLedger(w)
	for {
		mark, more := replay.Next()
		if !more {
			return places
		}
		places++
		if mark != "" {
			l.hear(mark)
			if places < disk.Replay().Len() {
				continue // it changes nothing by itself; the next place has it
			}
		}
		one := oneIn(places)
		if one == 0 {
			continue
		}
		for _, c := range []powercut.Chance{powercut.None, powercut.Some, powercut.All} {
			// Each cut has a source of its own, so that the same seed
			// and place are the same cut in every form.
			own := rand.New(rand.NewPCG(seed, uint64(places)<<2|uint64(c)))
			if random.IntN(one) != 0 {
				continue
			}
			dir := filepath.Join(t.TempDir(), "cut")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, replay.Cut(c, own).WriteTo(dir))
			l.Dir = dir
			came(places, c, l, l.hold(context.Background()))
			require.NoError(t, os.RemoveAll(dir))
		}
	}
}

// TestPowerCuts cuts the power while users work, one or many at once.
func TestPowerCuts(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: "power cut", Store: k.name, Outcomes: map[string]int{}, Controls: map[string]int{}}
			for _, users := range []int{1, 8} {
				var disk powercut.Disk
				w := workload{Kind: k.name, Users: users}
				recorded(t, &disk, w)
				oneIn := 1
				if !long() {
					oneIn = 1 + disk.Replay().Len()*3/250
				}
				places := cuts(t, &disk, w, seed(t), oneIn, func(at int, c powercut.Chance, l *ledger, err error) {
					r.Runs++
					r.Outcomes[chances[c]]++
					assert.NoError(t, err, "%d users, cut at %d, %s; SKEIN_SEED=%d SKEIN_LAB=long go test -run '%s' .",
						users, at, chances[c], seed(t), t.Name())
				})
				t.Logf("%d users: %d places", users, places)
			}
			// A disk that only says it has synced, and a store that
			// does not wait for it.
			for name, control := range map[string]struct {
				disk     *powercut.Disk
				workload workload
			}{
				"a disk that lies":      {&powercut.Disk{Lies: true}, workload{Kind: k.name, Users: 1}},
				"a store without syncs": {&powercut.Disk{}, workload{Kind: k.name, Users: 1, Open: "unsafe"}},
			} {
				recorded(t, control.disk, control.workload)
				cuts(t, control.disk, control.workload, seed(t), 20, func(_ int, _ powercut.Chance, _ *ledger, err error) {
					if err != nil {
						r.Controls[name+": lost"]++
					} else {
						r.Controls[name+": kept"]++
					}
				})
				assert.Positive(t, r.Controls[name+": lost"], "%s must lose something, or this test could not tell", name)
			}
			record(t, r)
		})
	}
}

// TestSyncsThatFail has the disk give up what it could not write, once, and
// later the power go.
func TestSyncsThatFail(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: "a sync fails, and what it should have kept is lost", Store: k.name, Outcomes: map[string]int{}}
			w := workload{Kind: k.name, Users: 1}
			var whole powercut.Disk
			recorded(t, &whole, w)
			step, oneIn := 1, 5
			if !long() {
				step, oneIn = 1+whole.Syncs()/12, 60
			}
			for n := 1; n <= whole.Syncs(); n += step {
				disk := &powercut.Disk{FailSync: n}
				recorded(t, disk, w)
				var last *ledger
				cuts(t, disk, w, seed(t), oneIn, func(at int, c powercut.Chance, l *ledger, err error) {
					r.Runs++
					last = l
					assert.NoError(t, err, "sync %d fails, cut at %d, %s; SKEIN_SEED=%d SKEIN_LAB=long go test -run '%s' .",
						n, at, chances[c], seed(t), t.Name())
				})
				if last != nil {
					r.Outcomes[last.outcome()]++
				}
			}
			record(t, r)
		})
	}
}

// TestNewFilesKeepTheirNames: a power cut could take a new file away, and all
// that was acknowledged in it, if nobody had synced its directory. A file that
// another process has left right after creating it counts as new.
func TestNewFilesKeepTheirNames(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			r := results.Result{Fault: "power cut after another process made the file", Store: k.name, Outcomes: map[string]int{}}
			for name, prepare := range map[string]func(workload){
				"a file without a byte": func(w workload) {
					require.NoError(t, os.WriteFile(filepath.Join(w.Dir, k.file), nil, 0o600))
				},
				"a process killed at its first sync": func(w workload) {
					_, point := under(t, fault{"fsync", "signal=KILL", 1}, "worker", w)
					require.Positive(t, point)
				},
			} {
				disk, w := &powercut.Disk{}, workload{Kind: k.name, Users: 1}
				recordedAfter(t, disk, w, prepare)
				oneIn := 1
				if !long() {
					oneIn = 1 + disk.Replay().Len()*3/60
				}
				cuts(t, disk, w, seed(t), oneIn, func(at int, c powercut.Chance, _ *ledger, err error) {
					r.Runs++
					r.Outcomes[name+": all that was acknowledged is there"]++
					assert.NoError(t, err, "%s, cut at %d, %s; SKEIN_SEED=%d SKEIN_LAB=long go test -run '%s' .",
						name, at, chances[c], seed(t), t.Name())
				})
			}
			record(t, r)
		})
	}
}
