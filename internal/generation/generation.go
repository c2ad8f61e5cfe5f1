// Package generation is the arithmetic by which one small commit deletes, or
// brings back, any number of threads.
//
// Every thread of a user is in a generation: a group of threads of one
// organization that live and die together. Nothing is stamped on the thread
// itself. Deleting all threads hands their few generations to the deletion;
// restoring it makes them live again. Neither looks at a thread.
//
// Threads that are deleted one by one go into one generation an organization,
// the singles, and there each row names its own deletion. So the number of
// generations grows with bulk deletions only, and counting and listing, whose
// cost it is, stay cheap however many threads a person throws away singly.
//
// Everything here is a pure function of plain data: a store loads the
// generations that matter, asks for a [Plan], and carries it out in the same
// transaction. [Purge] is the one rule with a loop, written over a small
// interface.
package generation

import (
	"cmp"
	"slices"

	"github.com/skein-go/skein/threads"
)

// State is what a generation's threads are.
type State uint8

// The states of a generation.
const (
	Live    State = iota // its threads are live
	Deleted              // its threads are in the deletion it names
	Singles              // its threads were deleted one by one; each row names its deletion
)

// Generation is the record of one generation. One without threads does not
// exist: stores drop it.
type Generation struct {
	ID           uint64 // unique for the user, never used again; 0 is none
	Organization string // empty: the user's personal threads
	State        State
	Deletion     string // the deletion it belongs to, if Deleted
	Threads      int64  // how many threads are in it
}

// Ledger is generations of one user, in any order: all of them, or as many as
// the method at hand says it needs.
type Ledger []Generation

// Plan is what a store has to do, in one transaction.
type Plan struct {
	Put     []Generation // records to write; one with no threads is to be dropped
	Into    uint64       // the generation that the one thread of the call goes into
	Moves   []Move       // generations to be emptied into others
	Threads int64        // how many threads the call deletes or restores
	Recount bool         // of records that are there, only the number of threads changes
}

// Move is every thread of one generation going into another.
type Move struct{ From, To uint64 }

// Small is the most threads that a restore moves from generation to
// generation so that live ones do not pile up. It bounds what a restore costs
// beyond its few records.
const Small = 1_000

// Create places a new thread of the organization. It needs the youngest live
// generation of that organization, the one with the highest id. If there is
// none it opens one with the fresh id.
func (l Ledger) Create(organization string, fresh uint64) Plan {
	return put(l.take(organization, Live, fresh))
}

// DeleteAll hands every live generation in the scope to the deletion. It
// needs the live generations of the scope.
func (l Ledger) DeleteAll(scope threads.Scope, deletion string) Plan {
	var p Plan
	for _, g := range l {
		if g.State != Live || !scope.Contains(g.Organization) {
			continue
		}
		g.State, g.Deletion = Deleted, deletion
		p.Put = append(p.Put, g)
		p.Threads += g.Threads
	}
	return p
}

// DeleteOne moves one thread out of a live generation into the singles of its
// organization. It needs that generation and those singles, if there are any,
// and otherwise opens them with the fresh id.
func (l Ledger) DeleteOne(from, fresh uint64) Plan {
	g := l.get(from)
	g.Threads--
	return put(g, l.take(g.Organization, Singles, fresh))
}

// RestoreOne moves one thread out of a generation that is not live into a
// live one of its organization. It needs that generation and the youngest live
// one of the organization; if there is none it opens one with the fresh id.
func (l Ledger) RestoreOne(from, fresh uint64) Plan {
	g := l.get(from)
	g.Threads--
	return put(g, l.take(g.Organization, Live, fresh))
}

// Restore makes the generations of a deletion live again. It needs them and
// the live ones of their organizations.
//
// Live generations cost every list something, so the small ones among them
// are moved into the largest of their organization: the smallest of all
// first, as long as the call moves no more than small threads in all. What
// stays apart is therefore large, or will be taken by a later restore.
func (l Ledger) Restore(deletion string, small int64) Plan {
	var p Plan
	largest := map[string]Generation{} // of each organization concerned
	for _, g := range l {
		if g.State == Deleted && g.Deletion == deletion {
			p.Threads += g.Threads
			largest[g.Organization] = g
		}
	}
	var gens Ledger
	for _, g := range l {
		other, concerned := largest[g.Organization]
		if !concerned || g.State != Live && (g.State != Deleted || g.Deletion != deletion) {
			continue
		}
		gens = append(gens, g)
		if bySize(g, other) > 0 {
			largest[g.Organization] = g
		}
	}
	slices.SortFunc(gens, bySize)
	for _, g := range gens {
		into := largest[g.Organization]
		switch {
		case g.ID == into.ID: // it comes last of its organization, and has all it will get
			if into.Threads > g.Threads || g.State == Deleted {
				p.Put = append(p.Put, into.revived())
			}
		case g.Threads <= small:
			small -= g.Threads
			into.Threads += g.Threads
			largest[g.Organization] = into
			p.Moves = append(p.Moves, Move{From: g.ID, To: into.ID})
			g.Threads = 0
			p.Put = append(p.Put, g)
		case g.State == Deleted:
			p.Put = append(p.Put, g.revived())
		}
	}
	return p
}

func bySize(a, b Generation) int {
	return cmp.Or(cmp.Compare(a.Threads, b.Threads), cmp.Compare(a.ID, b.ID))
}

// Remove takes n threads out of a generation for good.
func (l Ledger) Remove(from uint64, n int64) Plan {
	g := l.get(from)
	g.Threads -= n
	return Plan{Put: []Generation{g}, Threads: n, Recount: true}
}

// Counts sums up the scope. It needs every generation of it.
func (l Ledger) Counts(scope threads.Scope) threads.Counts {
	var n threads.Counts
	for _, g := range l {
		switch {
		case !scope.Contains(g.Organization):
		case g.State == Live:
			n.Live += g.Threads
		default:
			n.Deleted += g.Threads
		}
	}
	return n
}

// get returns the generation with that id. The caller has just read it; that
// it should be missing is a mistake in the store, not a state of the data.
func (l Ledger) get(id uint64) Generation {
	for _, g := range l {
		if g.ID == id {
			return g
		}
	}
	panic("generation: the plan needs a generation that was not given")
}

// take returns the organization's youngest generation of that state with one
// thread more, or else a new one.
func (l Ledger) take(organization string, state State, fresh uint64) Generation {
	found := Generation{Organization: organization, State: state}
	for _, g := range l {
		if g.Organization == organization && g.State == state && g.ID > found.ID {
			found = g
		}
	}
	if found.ID == 0 {
		found.ID = fresh
	}
	found.Threads++
	return found
}

func (g Generation) revived() Generation {
	g.State, g.Deletion = Live, ""
	return g
}

// put is the plan for one thread going into the last of the generations.
func put(gens ...Generation) Plan {
	return Plan{Put: gens, Into: gens[len(gens)-1].ID, Threads: 1, Recount: true}
}
