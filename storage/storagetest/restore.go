package storagetest

import (
	"fmt"
	"strings"

	"github.com/skein-go/skein/threads"
)

// restoreClauses are about undoing a deletion.
var restoreClauses = []Clause{
	clause("restore/all-of-it",
		"Restore brings back every thread of the deletion and returns how many those are.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.restores("ada", "d1", 4)
			s.are("ada", "t0=live t1=live t2=live t3=live")
		}),

	clause("restore/of-one",
		"The deletion of one thread is restored like any other.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_a")
			s.delete("ada", "t0", "d0")
			s.delete("ada", "t1", "d1")
			s.delete("ada", "t2", "d2")
			s.restores("ada", "d1", 1)
			s.restores("ada", "d0", 1)
			s.are("ada", "t0=live t1=live t2=d2")
		}),

	clause("restore/as-it-was",
		"Restored threads are exactly as they were: every field, the version and updated-at too; and an update for that version succeeds.",
		func(s *script) {
			t1, t2, t3 := full("ada", "t1"), full("ada", "t2"), s.thread("ada", "t3")
			t2.Organization = ""
			want := []threads.Thread{s.put(t1), s.put(t2), s.put(t3)}
			s.delete("ada", "t1", "d1")
			s.deleteAll("ada", threads.All(), "d2")
			s.restore("ada", "d2")
			s.restore("ada", "d1")
			s.equal("List(ada, both)", s.list("ada", every(threads.Both)), want)
			for _, t := range want {
				s.update(t)
			}
		}),

	clause("restore/twice",
		"Restoring twice is success with 0; what was deleted by another call meanwhile stays deleted.",
		func(s *script) {
			s.createOf("ada", "", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.restores("ada", "d1", 2)
			s.restores("ada", "d1", 0)
			s.deleteAll("ada", threads.All(), "d2")
			s.restores("ada", "d1", 0)
			s.are("ada", "t0=d2 t1=d2")
			s.delete("bob", s.create("bob", "t0").ID, "d1")
			s.restores("bob", "d1", 1)
			s.restores("bob", "d1", 0)
		}),

	clause("restore/record",
		"A restore sets RestoredAt, the first time only, Held to 0 and Thread, of a deletion of one, to none; Count and the rest of the record stay.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "")
			want := []threads.Deletion{
				s.delete("ada", "t0", "d1"),
				s.deleteAll("ada", threads.All(), "d2", keyed("k2")),
				s.deleteAll("ada", threads.All(), "d3", keyed("k3")), // has nothing to restore
			}
			for i := range want {
				for j := range 2 {
					_, err := s.env.store.Restore(s.ctx, "ada", want[i].ID, at(60+10*i+j))
					s.ok("Restore(ada, "+want[i].ID+")", err)
				}
				want[i].Held, want[i].Thread, want[i].RestoredAt = 0, "", at(60+10*i)
				s.equal("GetDeletion(ada, "+want[i].ID+")", s.deletion("ada", want[i].ID), want[i])
			}
		}),

	clause("restore/absent",
		"Restoring a deletion that is not there is ErrNotFound, and changes nothing.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				_, err := s.env.store.Restore(s.ctx, "ada", "d0", at(1))
				s.refused("Restore(ada, d0)", err, threads.ErrNotFound)
			}, "ada")
		}),

	clause("restore/not-those-deleted-before",
		"Threads that were deleted before, alone or by another call for all, are not brought back.",
		func(s *script) {
			s.createOf("ada", "", "", "org_a", "org_a", "org_b")
			s.delete("ada", "t0", "d1")
			s.deleteAll("ada", threads.InOrganization("org_a"), "d2")
			s.deleteAll("ada", threads.All(), "d3")
			s.restores("ada", "d3", 2)
			s.are("ada", "t0=d1 t1=live t2=d2 t3=d2 t4=live")
			s.restores("ada", "d1", 1)
			s.are("ada", "t0=live t2=d2 t3=d2")
		}),

	clause("restore/not-those-that-left",
		"Threads that have left the deletion, restored alone, are not its any more, even when they are deleted again by another call.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_a", "")
			s.deleteAll("ada", threads.All(), "d1")
			s.restoreThread("ada", "t0")
			s.restoreThread("ada", "t1")
			s.restoreThread("ada", "t2")
			s.delete("ada", "t1", "d2")
			s.deleteAll("ada", threads.InOrganization("org_a"), "d3")
			s.restores("ada", "d1", 1)
			s.are("ada", "t0=live t1=d2 t2=d3 t3=live")
		}),

	clause("restore/deletion-of-one-that-left",
		"The deletion of one thread that was restored and deleted again does not hold it: to restore it brings back nothing.",
		func(s *script) {
			s.createOf("ada", "", "org_a")
			s.delete("ada", "t0", "d0")
			s.delete("ada", "t1", "d1")
			s.restoreThread("ada", "t0")
			s.restore("ada", "d1")
			s.delete("ada", "t0", "d2")
			s.deleteAll("ada", threads.All(), "d3")
			for _, id := range []string{"d0", "d1"} {
				s.restores("ada", id, 0)
				s.lists("ada", within(id), "")
			}
			s.are("ada", "t0=d2 t1=d3")
		}),

	clause("restore/among-live-ones",
		"Threads created or restored since are left alone, and all together are live: another call for all deletes them all.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.create("ada", "new", in("org_a"))
			s.create("ada", "newer", in("org_b"))
			s.restores("ada", "d1", 3)
			s.are("ada", "t0=live t1=live t2=live new=live newer=live")
			s.equal("SoftDeleteAll(ada, org_a).Count", s.deleteAll("ada", threads.InOrganization("org_a"), "d2").Count, int64(3))
			s.are("ada", "t0=live t1=d2 t2=d2 new=d2 newer=live")
			s.restores("ada", "d1", 0)
			s.restores("ada", "d2", 3)
		}),

	clause("restore/any-order",
		"Overlapping deletions can be undone in any order, each bringing back its own, whatever their times: equal ones, or going backwards.",
		func(s *script) {
			permutations([]string{"d1", "d2", "d3", "d4"}, func(order []string) {
				user := strings.Join(order, "")
				s.createOf(user, "org_a", "org_a", "org_a", "", "org_b", "", "org_a")
				s.delete(user, "t0", "d1", on(at(9)))
				s.deleteAll(user, threads.InOrganization("org_a"), "d2", on(at(9)))
				s.restoreThread(user, "t6")
				s.create(user, "t7", in("org_b"))
				s.delete(user, "t3", "d0", on(at(9)))
				s.deleteAll(user, threads.All(), "d3", on(at(9)))
				s.create(user, "t8", in("org_a"))
				s.create(user, "t9")
				s.deleteAll(user, threads.All(), "d4", on(at(8)))
				states := "t0=d1 t1=d2 t2=d2 t3=d0 t4=d3 t5=d3 t6=d3 t7=d3 t8=d4 t9=d4"
				s.are(user, states)
				for _, id := range order {
					s.restores(user, id, int64(strings.Count(states, "="+id)))
					states = strings.ReplaceAll(states, "="+id, "=live")
					s.are(user, states)
				}
			})
		}),

	clause("restore/many",
		"However many deletions are made and undone, none takes or loses what is another's.",
		func(s *script) {
			const rounds = 24
			states := map[string]string{} // of every thread: "live", or a deletion
			move := func(from, to string) (n int64) {
				for thread, state := range states {
					if state == from {
						states[thread] = to
						n++
					}
				}
				return n
			}
			deleteAll := func(id string) {
				s.equal("SoftDeleteAll(ada, all, "+id+").Count", s.deleteAll("ada", threads.All(), id).Count, move("live", id))
			}
			for i := range rounds {
				for j, o := range []string{"", "org_a", "org_b"} {
					id := fmt.Sprintf("t%d_%d", i, j)
					s.create("ada", id, in(o))
					states[id] = "live"
				}
				deleteAll(fmt.Sprint("d", i))
			}
			for i := range rounds {
				id := fmt.Sprint("d", i*7%rounds)
				s.restores("ada", id, move(id, "live"))
				if i%5 == 4 {
					deleteAll(fmt.Sprint("e", i))
				}
				if i%8 == 7 {
					id := fmt.Sprint("e", i/8*5+4)
					s.restores("ada", id, move(id, "live"))
				}
			}
			for thread, state := range states {
				s.are("ada", thread+"="+state)
			}
		}),
}

// permutations calls f with the elements in each order. It puts them back.
func permutations(list []string, f func([]string)) {
	var permute func(int)
	permute = func(n int) {
		if n == len(list) {
			f(list)
			return
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			permute(n + 1)
			list[n], list[i] = list[i], list[n]
		}
	}
	permute(0)
}
