package storagetest

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/skein-go/skein/threads"
)

// concurrentClauses are about many goroutines at once. Each is bounded in the
// number of its calls, not in time.
var concurrentClauses = []Clause{
	clause("concurrent/one-create",
		"Of any number of creates of one id at once, one succeeds and the others are ErrExists.",
		func(s *script) {
			for round := range 10 {
				id := fmt.Sprint("t", round)
				won := s.race(8, threads.ErrExists, func(s *script, i int) (string, error) {
					t := s.thread("ada", id, func(t *threads.Thread) { t.Title = fmt.Sprint("by ", i) })
					return "Create(ada, " + id + ")", s.env.store.Create(s.ctx, "ada", t)
				})
				s.equal("Get(ada, "+id+").Title", s.get("ada", id).Title, fmt.Sprint("by ", won))
			}
			s.consistent("ada")
		}),

	clause("concurrent/one-update",
		"Of any number of updates for one version at once, one succeeds and the others are ErrVersionMismatch.",
		func(s *script) {
			t := s.create("ada", "t1")
			for range 10 {
				won := s.race(8, threads.ErrVersionMismatch, func(s *script, i int) (string, error) {
					next := t
					next.Title = fmt.Sprint("by ", i)
					return "Update(ada, t1)", s.env.store.Update(s.ctx, "ada", next)
				})
				t.Version++
				t.Title = fmt.Sprint("by ", won)
				s.equal("Get(ada, t1)", s.get("ada", "t1"), t)
			}
		}),

	clause("concurrent/one-delete",
		"Of any number of deletes of one thread at once, one succeeds and the others are ErrNotFound.",
		func(s *script) {
			for round := range 10 {
				thread := s.create("ada", fmt.Sprint("t", round)).ID
				won := s.race(8, threads.ErrNotFound, func(s *script, i int) (string, error) {
					_, err := s.env.store.Delete(s.ctx, "ada", thread, s.newDeletion("ada", threads.All(), fmt.Sprint("d", round, "by", i)))
					return "Delete(ada, " + thread + ")", err
				})
				s.are("ada", fmt.Sprintf("%s=d%dby%d", thread, round, won))
			}
			s.equal("number of deletions", len(s.consistent("ada").Deletions), 10)
		}),

	clause("concurrent/one-key",
		"Of any number of calls with one key at once, one deletes and all return its deletion.",
		func(s *script) {
			for round := range 10 {
				s.create("ada", fmt.Sprint("t", round))
				key, answers := fmt.Sprint("k", round), make([]threads.Deletion, 8)
				s.race(8, nil, func(s *script, i int) (call string, err error) {
					d := s.newDeletion("ada", threads.All(), fmt.Sprint("d", round, "by", i), keyed(key))
					answers[i], err = s.env.store.SoftDeleteAll(s.ctx, "ada", d)
					return "SoftDeleteAll(ada, all, key " + key + ")", err
				})
				for _, d := range answers {
					s.equal("answer to one of the calls with key "+key, d, answers[0])
				}
				s.equal("Count of that answer", answers[0].Count, int64(1))
			}
			s.equal("number of deletions", len(s.consistent("ada").Deletions), 10)
		}),

	clause("concurrent/one-restore",
		"Any number of restores of one deletion at once bring back its threads once: their answers add up to what it held.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "org_a", "")
			for round := range 10 {
				id := fmt.Sprint("d", round)
				s.deleteAll("ada", threads.All(), id)
				var sum atomic.Int64
				s.race(8, nil, func(s *script, _ int) (string, error) {
					n, err := s.env.store.Restore(s.ctx, "ada", id, at(1))
					sum.Add(n) // if it failed, race ends the check
					return "Restore(ada, " + id + ")", err
				})
				s.equal("sum of the answers of Restore(ada, "+id+")", sum.Load(), int64(5))
			}
			s.consistent("ada")
		}),

	clause("concurrent/delete-all-and-creates",
		"SoftDeleteAll is linearizable against create: a thread whose create returned before the call began is deleted by it or was before, one whose create began after it returned is not; and the counts add up to what was created and is not live.",
		deleteAllAndCreates),

	clause("concurrent/pages",
		"Whoever pages through a list while threads are deleted, restored and created sees each thread that stays exactly once.",
		func(s *script) {
			var stay []string
			for i := range 60 {
				id := fmt.Sprintf("t%02d", i)
				s.create("ada", id, in([]string{"", "org_a"}[i%2]))
				if i%3 != 0 {
					stay = append(stay, id)
				}
			}
			const limit = 20
			pace := newPace(3)
			read := func(s *script) {
				pace.loop(8, func(int) {
					var seen []string
					for after := (threads.Cursor{}); ; {
						page := s.page("ada", every(threads.Live), after, limit)
						for _, t := range page {
							if slices.Contains(stay, t.ID) {
								seen = append(seen, t.ID)
							}
						}
						if len(page) < limit {
							break
						}
						after = page[limit-1].Cursor()
						runtime.Gosched()
					}
					s.equal("threads that stay, as pages showed them", strings.Join(seen, " "), strings.Join(stay, " "))
				})
			}
			s.together(read, read, func(s *script) {
				pace.loop(8, func(turn int) {
					for i := 5 * turn; i < 5*turn+5; i++ {
						s.delete("ada", fmt.Sprintf("t%02d", i*3%60), fmt.Sprint("d", i))
						s.create("ada", fmt.Sprint("new", i), created(at(i)))
						runtime.Gosched()
						if i >= 6 { // so that some are always away
							s.restore("ada", fmt.Sprint("d", i-6))
							s.delete("ada", fmt.Sprint("new", i-6), fmt.Sprint("of-new", i-6))
						}
					}
				})
			})
		}),

	clause("concurrent/all-or-nothing",
		"SoftDeleteAll and Restore are atomic: whoever counts or lists meanwhile sees all of the threads live or all deleted.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "", "org_a", "org_c")
			const n = 6
			pace := newPace(3)
			look := func(s *script) {
				pace.loop(40, func(int) {
					switch c := s.count("ada", threads.All()); c {
					case threads.Counts{Live: n}, threads.Counts{Deleted: n}:
					default:
						s.fail("Count(ada, all) = %+v while all are deleted and restored; want all %d live or all deleted", c, n)
					}
					for _, state := range []threads.State{threads.Live, threads.Deleted} {
						q := every(state)
						if got := len(s.page("ada", q, threads.Cursor{}, 100)); got != 0 && got != n {
							s.fail("List(ada, %s) has %d threads while all are deleted and restored; want none or %d", queryText(q), got, n)
						}
					}
				})
			}
			s.together(look, look, func(s *script) {
				pace.loop(40, func(i int) {
					id := fmt.Sprint("d", i)
					s.deleteAll("ada", threads.All(), id)
					runtime.Gosched()
					s.restore("ada", id)
				})
			})
		}),

	clause("concurrent/ledger",
		"With creates, deletes, restores and purges at once nothing is lost or counted twice: what was created, less what was deleted, and what was restored, is live; what was deleted, less what was restored or purged, is deleted.",
		ledger),

	clause("concurrent/users",
		"Users do not get into each other's way: each sees what they would see alone, although all do the same at once.",
		func(s *script) {
			one := func(user string) func(*script) {
				return func(s *script) {
					for i := range 10 {
						for j, o := range []string{"", "org_a", "org_b"} {
							s.create(user, fmt.Sprintf("t%d_%d", i, j), in(o))
						}
						s.update(s.get(user, fmt.Sprintf("t%d_0", i)))
						all, few := fmt.Sprint("all", i), fmt.Sprint("few", i)
						s.equal("SoftDeleteAll("+user+", org_a).Count", s.deleteAll(user, threads.InOrganization("org_a"), few, keyed(few)).Count, int64(1+i))
						s.equal("SoftDeleteAll("+user+", all).Count", s.deleteAll(user, threads.All(), all).Count, int64(2+2*i))
						s.restores(user, few, int64(1+i))
						s.restores(user, all, int64(2+2*i))
						s.counts(user, threads.All(), int64(3+3*i), 0)
					}
					s.consistent(user)
				}
			}
			s.together(one("ada"), one("bob"), one("cyd"), one("dan"))
		}),

	clause("concurrent/close",
		"Calls under way when the store is closed finish first: each succeeds or is ErrClosed. All of any number of calls to Close succeed.",
		func(s *script) {
			const workers, closers = 3, 2
			var begun, ended, closed atomic.Int64
			work := func(name string) func(*script) {
				return func(s *script) {
					defer ended.Add(1)
					for i := 0; closed.Load() < closers; i++ {
						begun.Add(1)
						err := s.env.store.Create(s.ctx, "ada", s.thread("ada", fmt.Sprint(name, i)))
						if err != nil {
							s.refused("Create(ada) while the store is closed", err, threads.ErrClosed)
							return
						}
						if _, err = s.env.store.Count(s.ctx, "ada", threads.All()); err != nil {
							s.refused("Count(ada) while the store is closed", err, threads.ErrClosed)
							return
						}
						runtime.Gosched()
					}
				}
			}
			s.env.closed = true // from here on it is this check's own doing
			closer := func(s *script) {
				defer closed.Add(1)
				for begun.Load() < 20 && ended.Load() < workers {
					runtime.Gosched()
				}
				for range 100 { // so that calls are under way
					runtime.Gosched()
				}
				s.ok("Close()", s.env.store.Close())
			}
			s.together(work("a"), work("b"), work("c"), closer, closer)
			s.refused("Create(ada) after Close", s.env.store.Create(s.ctx, "ada", s.thread("ada", "t1")), threads.ErrClosed)
		}),
}

// race runs n calls at once and returns which succeeded: the only one, and
// the others of class lost; or, if lost is nil, all of them.
func (s *script) race(n int, lost error, call func(s *script, i int) (string, error)) (won int) {
	var start sync.WaitGroup
	start.Add(n)
	winners := make([]bool, n)
	all := make([]func(*script), n)
	for i := range all {
		all[i] = func(s *script) {
			start.Done()
			start.Wait()
			text, err := call(s, i)
			if err != nil && lost != nil {
				s.refused(text, err, lost)
				return
			}
			s.ok(text, err)
			winners[i] = true
		}
	}
	s.together(all...)
	count := 0
	for i, w := range winners {
		if w {
			won = i
			count++
		}
	}
	if lost != nil && count != 1 {
		s.fail("%d of %d calls at once succeeded; want one, and %q of the others", count, n, lost)
	}
	return won
}

// deleteAllAndCreates creates threads from several goroutines while another
// deletes all, and holds what became of each against when the calls began and
// ended, on a clock that counts both.
func deleteAllAndCreates(s *script) {
	const creators = 4
	type span struct{ began, ended int64 }
	type made struct {
		span
		organization string
	}
	type deleted struct {
		span
		threads.Deletion
	}
	var (
		clock, total atomic.Int64
		creates      [creators]map[string]made
		deletes      []deleted
	)
	pace := newPace(creators + 1)
	all := []func(*script){func(s *script) {
		pace.loop(40, func(i int) {
			scope := threads.All()
			if i%3 == 1 {
				scope = threads.InOrganization("org_a")
			}
			began := clock.Add(1)
			d := s.deleteAll("ada", scope, fmt.Sprint("d", i))
			deletes = append(deletes, deleted{span{began, clock.Add(1)}, d})
		})
	}}
	for c := range creators {
		creates[c] = map[string]made{}
		all = append(all, func(s *script) {
			pace.loop(40, func(i int) {
				id, o := fmt.Sprint("t", c, "_", i), []string{"", "org_a"}[i%2]
				began := clock.Add(1)
				s.create("ada", id, in(o))
				creates[c][id] = made{span{began, clock.Add(1)}, o}
				total.Add(1)
			})
		})
	}
	s.together(all...)

	st := s.consistent("ada")
	s.equal("number of threads, live and deleted", int64(len(st.Threads)), total.Load())
	var counted int64
	for _, d := range deletes {
		counted += d.Count
	}
	s.equal("threads counted by all calls of SoftDeleteAll", counted, st.Counts[0].Deleted)
	for _, t := range st.Threads {
		var c made
		for _, m := range creates {
			if found, ok := m[t.ID]; ok {
				c = found
			}
		}
		for _, d := range deletes {
			if !d.Scope.Contains(c.organization) {
				continue
			}
			if d.ID != "" && t.DeletionID == d.ID {
				if c.began > d.ended {
					s.fail("thread %s, whose create began after SoftDeleteAll(ada, %s, %s) returned, was deleted by it", t.ID, d.Scope, d.ID)
				}
				break
			}
			if c.ended < d.began {
				s.fail("thread %s, whose create returned before SoftDeleteAll(ada, %s, %s) began, was not deleted by it nor before: it is in %q", t.ID, d.Scope, d.ID, t.DeletionID)
			}
		}
	}
	for _, d := range deletes {
		if d.ID != "" {
			s.equal("Held of "+d.ID+", which nobody restored", s.deletion("ada", d.ID).Held, d.Count)
		}
	}
}

// ledger does everything at once and adds up what the calls say they did.
func ledger(s *script) {
	const turns = 60
	var (
		created, deleted, restored, purged, minute atomic.Int64

		mu    sync.Mutex
		live  []string // ids of threads, and of deletions, in the order they were made
		trash []string
	)
	// newest returns one of the last that were made, if there is any.
	newest := func(list *[]string, back int) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		n := len(*list)
		if n == 0 {
			return "", false
		}
		return (*list)[n-1-back%n], true
	}
	note := func(list *[]string, id string) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, id)
	}
	noteDeletion := func(d threads.Deletion) {
		deleted.Add(d.Count)
		if d.ID != "" {
			note(&trash, d.ID)
		}
	}
	now := func(d *threads.Deletion) { d.DeletedAt = at(int(minute.Add(1))) }
	// worked reports whether a call did, and fails unless it either did or
	// returned one of the classes.
	worked := func(s *script, call string, err error, allowed ...error) bool {
		if err != nil && !slices.ContainsFunc(allowed, func(class error) bool { return sameClass(err, class) }) {
			s.ok(call, err)
		}
		return err == nil
	}
	pace := newPace(7)
	create := func(name string) func(*script) {
		return func(s *script) {
			pace.loop(turns, func(i int) {
				id := fmt.Sprint(name, i)
				s.create("ada", id, in([]string{"", "org_a", "org_b"}[i%3]))
				created.Add(1)
				note(&live, id)
			})
		}
	}
	restore := func(back int) func(*script) {
		return func(s *script) {
			pace.loop(turns, func(i int) {
				if id, ok := newest(&trash, i%back); ok {
					n, err := s.env.store.Restore(s.ctx, "ada", id, at(1))
					if worked(s, "Restore(ada, "+id+")", err, threads.ErrNotFound, threads.ErrPurged) {
						restored.Add(n)
					}
				}
			})
		}
	}
	s.together(
		create("x"), create("y"), restore(3), restore(7),
		func(s *script) {
			pace.loop(turns, func(i int) {
				scope := []threads.Scope{threads.All(), threads.InOrganization("org_a")}[i%2]
				noteDeletion(s.deleteAll("ada", scope, fmt.Sprint("all", i), now))
			})
		},
		func(s *script) {
			pace.loop(turns, func(i int) {
				if id, ok := newest(&live, i%5); ok {
					d, err := s.env.store.Delete(s.ctx, "ada", id, s.newDeletion("ada", threads.All(), fmt.Sprint("one", i), now))
					if worked(s, "Delete(ada, "+id+")", err, threads.ErrNotFound) {
						noteDeletion(d)
					}
				}
			})
		},
		func(s *script) {
			pace.loop(turns, func(int) {
				before := at(int(minute.Load()) - 2)
				purged.Add(s.purge("ada", before, before, 7).Threads)
			})
		},
	)
	st := s.consistent("ada")
	s.equal("what is live and deleted after calls that, by their answers, "+
		fmt.Sprintf("created %d, deleted %d, restored %d and purged %d", created.Load(), deleted.Load(), restored.Load(), purged.Load()),
		st.Counts[0], threads.Counts{
			Live:    created.Load() - deleted.Load() + restored.Load(),
			Deleted: deleted.Load() - restored.Load() - purged.Load(),
		})
}

// lead is how many turns a loop may be ahead of another.
const lead = 4

// pace keeps loops that run at once close together, so that no part of a
// check runs alone because it is quicker.
type pace struct {
	mu    sync.Mutex
	turn  *sync.Cond
	turns []int // how many each has done; past counting if it has ended
	next  int
}

// newPace returns a pace for so many loops. None begins before all are there.
func newPace(loops int) *pace {
	p := &pace{turns: make([]int, loops)}
	p.turn = sync.NewCond(&p.mu)
	return p
}

// loop calls f with 0 to n-1.
func (p *pace) loop(n int, f func(i int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	me := p.next
	p.next++
	defer func() { // f may end the check
		p.turns[me] = math.MaxInt
		p.turn.Broadcast()
	}()
	for i := range n {
		for i > slices.Min(p.turns)+lead {
			p.turn.Wait()
		}
		p.unlocked(func() { f(i) })
		p.turns[me]++
		p.turn.Broadcast()
	}
}

func (p *pace) unlocked(f func()) {
	p.mu.Unlock()
	defer p.mu.Lock()
	f()
	runtime.Gosched()
}
