package generation_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// world keeps the threads of one user as a store does: in generations, by
// carrying out plans. Where it sees a plan that cannot be right it panics.
type world struct {
	random    *rand.Rand
	small     int64
	rows      map[string]*row
	ledger    map[uint64]generation.Generation
	deletions map[string]threads.Deletion
	last      uint64   // the last generation that was opened
	removed   []string // the rows that the purge under way took, in order
}

type row struct {
	organization string
	generation   uint64
	single       string // the deletion it is in, among singles
}

func newWorld(random *rand.Rand, small int64) *world {
	return &world{
		random: random, small: small,
		rows: map[string]*row{}, ledger: map[uint64]generation.Generation{}, deletions: map[string]threads.Deletion{},
	}
}

// given is the ledger for a method that needs certain generations: now and
// then only those, now and then all there are, in any order.
func (w *world) given(needed func(generation.Generation) bool) generation.Ledger {
	all := w.random.IntN(2) == 0
	var l generation.Ledger
	for _, id := range slices.Sorted(maps.Keys(w.ledger)) {
		if g := w.ledger[id]; all || needed(g) {
			l = append(l, g)
		}
	}
	w.random.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	return l
}

// plan asks for a plan and checks that asking changed nothing.
func (w *world) plan(l generation.Ledger, ask func(generation.Ledger) generation.Plan) generation.Plan {
	before := slices.Clone(l)
	p := ask(l)
	if !slices.Equal(l, before) {
		panic(fmt.Sprintf("the ledger became %+v; it was %+v, and a plan changes nothing by itself", l, before))
	}
	return p
}

// apply carries out the records and moves of a plan.
func (w *world) apply(p generation.Plan) {
	put := map[uint64]generation.Generation{}
	for _, g := range p.Put {
		if _, twice := put[g.ID]; twice {
			panic(fmt.Sprintf("the plan puts generation %d twice: %+v", g.ID, p))
		}
		put[g.ID] = g
		if _, known := w.ledger[g.ID]; !known {
			if g.ID != w.last+1 {
				panic(fmt.Sprintf("the plan opens generation %d; the fresh id was %d", g.ID, w.last+1))
			}
			w.last++
		}
	}
	var moved int64
	for _, m := range p.Moves {
		from, to := w.ledger[m.From], w.ledger[m.To]
		if emptied, ok := put[m.From]; !ok || emptied.Threads != 0 || from.Organization != to.Organization {
			panic(fmt.Sprintf("the plan moves %+v into %+v and leaves %+v", from, to, emptied))
		}
		for _, r := range w.rows {
			if r.generation == m.From {
				r.generation = m.To
				moved++
			}
		}
	}
	if moved > w.small {
		panic(fmt.Sprintf("the plan moves %d threads; the most is %d", moved, w.small))
	}
	for id, g := range put {
		if g.Threads == 0 {
			delete(w.ledger, id)
		} else {
			w.ledger[id] = g
		}
	}
}

// place carries out a plan for one thread, which must go into a generation of
// that state, and into a new one only if there was none.
func (w *world) place(r *row, state generation.State, p generation.Plan) {
	opened := p.Into > w.last
	for _, g := range w.ledger {
		if opened && g.Organization == r.organization && g.State == state {
			panic(fmt.Sprintf("the plan opens a generation; %+v was there", g))
		}
	}
	w.apply(p)
	r.generation = p.Into
	if g := w.ledger[p.Into]; g.State != state || p.Threads != 1 {
		panic(fmt.Sprintf("the plan puts %d threads into %+v; want 1 into one of state %d", p.Threads, g, state))
	}
}

func live(organization string) func(generation.Generation) bool {
	return func(g generation.Generation) bool {
		return g.State == generation.Live && g.Organization == organization
	}
}

func (w *world) create(id, organization string) {
	r := &row{organization: organization}
	w.place(r, generation.Live, w.plan(w.given(live(organization)), func(l generation.Ledger) generation.Plan {
		return l.Create(organization, w.last+1)
	}))
	w.rows[id] = r
}

func (w *world) deleteOne(id string, d threads.Deletion) {
	r := w.rows[id]
	l := w.given(func(g generation.Generation) bool {
		return g.ID == r.generation || g.State == generation.Singles && g.Organization == r.organization
	})
	from := r.generation
	w.place(r, generation.Singles, w.plan(l, func(l generation.Ledger) generation.Plan { return l.DeleteOne(from, w.last+1) }))
	r.single = d.ID
	d.Scope, d.Thread, d.Count, d.Held = threads.ScopeOf(r.organization), id, 1, 1
	w.deletions[d.ID] = d
}

// deleteAll returns how many it deleted. It records what deleted nothing if
// the deletion has a key.
func (w *world) deleteAll(d threads.Deletion) int64 {
	l := w.given(func(g generation.Generation) bool {
		return g.State == generation.Live && d.Scope.Contains(g.Organization)
	})
	p := w.plan(l, func(l generation.Ledger) generation.Plan { return l.DeleteAll(d.Scope, d.ID) })
	w.apply(p)
	if d.Count, d.Held = p.Threads, p.Threads; d.Count > 0 || d.Key != "" {
		w.deletions[d.ID] = d
	}
	return p.Threads
}

func (w *world) restore(id string, now time.Time) (int64, error) {
	d := w.deletions[id]
	held, single := d.Held, d.Thread
	if err := d.Restorable(); err != nil {
		return 0, err
	}
	d = d.Restored(now)
	switch {
	case held == 0:
	case single != "":
		w.revive(w.rows[single])
	default:
		concerned := map[string]bool{}
		for _, g := range w.ledger {
			if g.State == generation.Deleted && g.Deletion == id {
				concerned[g.Organization] = true
			}
		}
		l := w.given(func(g generation.Generation) bool {
			return concerned[g.Organization] && (g.State == generation.Live || g.State == generation.Deleted && g.Deletion == id)
		})
		p := w.plan(l, func(l generation.Ledger) generation.Plan { return l.Restore(id, w.small) })
		w.apply(p)
		held = p.Threads
	}
	w.deletions[id] = d
	return held, nil
}

func (w *world) restoreOne(id string) error {
	r := w.rows[id]
	deletion := w.deletionOf(r)
	if deletion == "" {
		return nil
	}
	d := w.deletions[deletion]
	if err := d.Restorable(); err != nil {
		return err
	}
	w.revive(r)
	w.deletions[deletion] = d.Without(1)
	return nil
}

// revive moves one deleted row among the live.
func (w *world) revive(r *row) {
	l := w.given(func(g generation.Generation) bool { return g.ID == r.generation || live(r.organization)(g) })
	from := r.generation
	w.place(r, generation.Live, w.plan(l, func(l generation.Ledger) generation.Plan { return l.RestoreOne(from, w.last+1) }))
	r.single = ""
}

// deletionOf is the deletion that a row is in; "" if it is live.
func (w *world) deletionOf(r *row) string {
	if g := w.ledger[r.generation]; g.State != generation.Singles {
		return g.Deletion
	}
	return r.single
}

// purge returns with the result the rows that are gone, in order.
func (w *world) purge(before, now time.Time, limit int) (threads.PurgeResult, []string) {
	w.removed = nil
	r, err := generation.Purge(w, before, now, limit)
	if err != nil {
		panic(err)
	}
	return r, w.removed
}

func (w *world) preview(before time.Time) threads.Preview {
	var p threads.Preview
	for _, d := range w.deletions {
		if d.Due().Before(before) {
			generation.Preview(&p, d)
		}
	}
	return p
}

// Earliest implements [generation.Trash].
func (w *world) Earliest(before time.Time) (first threads.Deletion, ok bool, err error) {
	for _, d := range w.deletions {
		a, b := threads.Cursor{Time: d.Due(), ID: d.ID}, threads.Cursor{Time: first.Due(), ID: first.ID}
		if d.Due().Before(before) && (!ok || a.Compare(b) < 0) {
			first, ok = d, true
		}
	}
	return first, ok, nil
}

// Remove implements [generation.Trash]. It takes from one generation of the
// deletion, whichever.
func (w *world) Remove(d threads.Deletion, limit int64) (int64, error) {
	var ids []string
	var from uint64
	for _, id := range slices.Sorted(maps.Keys(w.rows)) {
		r := w.rows[id]
		if w.deletionOf(r) != d.ID || from != 0 && r.generation != from {
			continue
		}
		if from = r.generation; int64(len(ids)) < limit {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	n := int64(len(ids))
	l := w.given(func(g generation.Generation) bool { return g.ID == from })
	p := w.plan(l, func(l generation.Ledger) generation.Plan { return l.Remove(from, n) })
	w.apply(p)
	for _, id := range ids {
		delete(w.rows, id)
	}
	w.removed = append(w.removed, ids...)
	return p.Threads, nil
}

// Put implements [generation.Trash].
func (w *world) Put(d threads.Deletion) error {
	w.deletions[d.ID] = d
	return nil
}

// Drop implements [generation.Trash].
func (w *world) Drop(d threads.Deletion) error {
	if d.Held != 0 {
		panic(fmt.Sprintf("the purge drops %+v, which holds threads", d))
	}
	delete(w.deletions, d.ID)
	return nil
}

// check holds the world to what is true of generations at any time.
func (w *world) check() {
	rows := map[uint64]int64{}
	for id, r := range w.rows {
		g, ok := w.ledger[r.generation]
		if !ok || g.Organization != r.organization {
			panic(fmt.Sprintf("thread %s of %q is in generation %+v; all of a generation are of its organization", id, r.organization, g))
		}
		if (g.State == generation.Singles) != (r.single != "") {
			panic(fmt.Sprintf("thread %s names deletion %q in generation %+v; just singles name one", id, r.single, g))
		}
		rows[r.generation]++
	}
	singles := map[string]bool{}
	for id, g := range w.ledger {
		if g.ID != id || g.Threads < 1 || g.Threads != rows[id] {
			panic(fmt.Sprintf("generation %d = %+v has %d rows; want its count to be that, and none empty", id, g, rows[id]))
		}
		if (g.State == generation.Deleted) != (g.Deletion != "") {
			panic(fmt.Sprintf("generation %+v: just deleted ones name a deletion", g))
		}
		if _, recorded := w.deletions[g.Deletion]; g.Deletion != "" && !recorded {
			panic(fmt.Sprintf("generation %+v is of a deletion that is not recorded", g))
		}
		if g.State == generation.Singles {
			if singles[g.Organization] {
				panic(fmt.Sprintf("organization %q has two generations of singles", g.Organization))
			}
			singles[g.Organization] = true
		}
	}
}
