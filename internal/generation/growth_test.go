package generation_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Live generations cost every list something. So however often a user deletes
// all and undoes it, with new threads in between, they must not pile up: a
// live generation besides the largest of its organization is a large one.
func TestLiveGenerationsStayFew(t *testing.T) {
	const rounds, small = 60, 18
	for name, grow := range map[string]func(random *rand.Rand, organization int) int{
		"a thread a round":               func(*rand.Rand, int) int { return 1 },
		"as many as a restore may move":  func(*rand.Rand, int) int { return small },
		"more than a restore may move":   func(*rand.Rand, int) int { return small + 1 },
		"many in the first organization": func(_ *rand.Rand, organization int) int { return []int{small, 1, 1}[organization] },
		"many in the last organization":  func(_ *rand.Rand, organization int) int { return []int{1, 1, small}[organization] },
		"any number":                     func(random *rand.Rand, _ int) int { return random.IntN(2 * small) },
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 3))
			w := newWorld(random, small)
			three := organizations[:3]
			for round := range rounds {
				d := threads.Deletion{ID: fmt.Sprint("d", round), Scope: threads.All(), DeletedAt: at(round)}
				w.deleteAll(d)
				for i, organization := range three {
					for j := range grow(random, i) {
						w.create(fmt.Sprint(round, "-", i, "-", j), organization)
					}
				}
				if round == 0 {
					continue // there was nothing to delete
				}
				if _, err := w.restore(d.ID, at(round)); err != nil {
					t.Fatal(err)
				}
				w.wantFewLive(t, round, small/(2*int64(len(three))))
			}
			w.check()
		})
	}
}

// wantFewLive checks that every live generation but the largest of its
// organization holds at least so many threads.
func (w *world) wantFewLive(t *testing.T, round int, atLeast int64) {
	t.Helper()
	for _, organization := range organizations {
		var largest, low generation.Generation
		lows := 0
		for _, g := range w.ledger {
			if !live(organization)(g) {
				continue
			}
			if g.Threads > largest.Threads {
				g, largest = largest, g
			}
			if g.ID != 0 && g.Threads < atLeast {
				low, lows = g, lows+1
			}
		}
		if lows > 0 {
			t.Fatalf("after round %d organization %q has %d small live generations, %+v among them; want none of less than %d threads besides the largest",
				round, organization, lows, low, atLeast)
		}
	}
}

// A thread thrown away and brought back, again and again, leaves nothing.
func TestSinglesLeaveNoGenerations(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(1, 4)), generation.Small)
	w.create("a", "org_a")
	w.create("b", "org_a")
	for i := range 100 {
		d := threads.Deletion{ID: fmt.Sprint("d", i), DeletedAt: at(i)}
		w.deleteOne("a", d)
		w.deleteOne("b", threads.Deletion{ID: d.ID + "b", DeletedAt: at(i)})
		if len(w.ledger) != 1 {
			t.Fatalf("round %d: %d generations with both threads deleted singly; want 1, the singles", i, len(w.ledger))
		}
		if _, err := w.restore(d.ID, at(i)); err != nil {
			t.Fatal(err)
		}
		if err := w.restoreOne("b"); err != nil {
			t.Fatal(err)
		}
		if w.check(); len(w.ledger) != 1 {
			t.Fatalf("round %d: %d generations with both threads live; want 1", i, len(w.ledger))
		}
	}
}
