package storagetest

import (
	"fmt"

	"github.com/skein-go/skein/threads"
)

// restoreThreadClauses are about bringing back one thread.
var restoreThreadClauses = []Clause{
	clause("restore-thread/of-all",
		"One thread of a deletion can be restored alone; it is as it was, and the others stay.",
		func(s *script) {
			want := s.put(full("ada", "one"))
			s.createOf("ada", "", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.equal("RestoreThread(ada, one)", s.restoreThread("ada", "one"), want)
			s.equal("Get(ada, one)", s.get("ada", "one"), want)
			s.are("ada", "t0=d1 t1=d1")
		}),

	clause("restore-thread/leaves",
		"The thread then is in no deletion: that holds one less, does not list it, and neither does RestoredAt change nor anything else of the record.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_a")
			want := s.deleteAll("ada", threads.All(), "d1", keyed("k1"))
			for i, left := range []string{"t0 t2", "t0", ""} {
				s.restoreThread("ada", []string{"t1", "t2", "t0"}[i])
				want.Held--
				s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), want)
				s.lists("ada", within("d1"), left)
			}
		}),

	clause("restore-thread/of-one",
		"A thread deleted alone is restored alone too; the record of its deletion then holds and names none, and is otherwise as it was.",
		func(s *script) {
			t := full("ada", "t1")
			s.put(t)
			s.create("ada", "t2")
			want := s.delete("ada", "t1", "d1")
			s.delete("ada", "t2", "d2")
			s.equal("RestoreThread(ada, t1)", s.restoreThread("ada", "t1"), t)
			s.equal("Get(ada, t1)", s.get("ada", "t1"), t)
			want.Held, want.Thread = 0, ""
			s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), want)
			s.are("ada", "t2=d2")
		}),

	clause("restore-thread/live",
		"A live thread is returned as it is, and nothing changes: restoring twice is success.",
		func(s *script) {
			s.populate("ada")
			s.restoreThread("ada", "single")
			s.unchanged(func() {
				for _, id := range []string{"live", "member", "single"} {
					s.equal("RestoreThread(ada, "+id+")", s.restoreThread("ada", id), s.get("ada", id))
				}
			}, "ada")
		}),

	clause("restore-thread/absent",
		"Restoring a thread that is not there is ErrNotFound.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				_, err := s.env.store.RestoreThread(s.ctx, "ada", "t0")
				s.refused("RestoreThread(ada, t0)", err, threads.ErrNotFound)
			}, "ada")
		}),

	clause("restore-thread/deleted-again",
		"A thread restored alone is live like any other: it can be updated, and is deleted by the next call for all, or alone.",
		func(s *script) {
			s.createOf("ada", "org_a", "org_a", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.update(s.restoreThread("ada", "t0"))
			s.update(s.restoreThread("ada", "t1"))
			s.delete("ada", "t1", "d2")
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d3").Count, int64(1))
			s.are("ada", "t0=d3 t1=d2 t2=d1")
		}),
}

// deletionClauses are about the records of deletions.
var deletionClauses = []Clause{
	clause("deletions/absent",
		"The record of a deletion that is not there is ErrNotFound.",
		func(s *script) {
			s.absent("ada", "d1")
			s.populate("ada")
			s.absent("ada", "d0")
		}),

	clause("deletions/list",
		"The user's deletions are listed whole, each as GetDeletion returns it, with how many threads it holds now.",
		func(s *script) {
			s.populate("ada")
			s.restoreThread("ada", "bulk1")
			var want []threads.Deletion
			for i, id := range []string{"d1", "d2", "d3"} {
				want = append(want, s.deletion("ada", id))
				s.equal(fmt.Sprintf("GetDeletion(ada, %s).Held", id), want[i].Held, []int64{1, 1, 0}[i])
			}
			s.equal("ListDeletions(ada)", s.state("ada").Deletions, want)
			s.equal("ListDeletions(bob)", s.deletions("bob", threads.NewestFirst, threads.Cursor{}, 10), "")
		}),

	clause("deletions/order",
		"Deletions are listed in the order of their times, and those of the same time in that of the bytes of their ids, or in the reverse; times may go backwards from one call to the next.",
		func(s *script) {
			s.makeDeletions("ada")
			s.equal("ListDeletions(ada, oldest first)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), "d6 B a b d1 d2 d5")
			s.equal("ListDeletions(ada, newest first)", s.deletions("ada", threads.NewestFirst, threads.Cursor{}, 10), "d5 d2 d1 b a B d6")
		}),

	clause("deletions/pages",
		"A list of deletions begins just after the place given, whether or not a deletion is there, and has as many as the limit if there are as many.",
		func(s *script) {
			s.makeDeletions("ada")
			for _, c := range []struct {
				order threads.Order
				after threads.Cursor
				limit int
				want  string
			}{
				{threads.OldestFirst, threads.Cursor{}, 3, "d6 B a"},
				{threads.OldestFirst, threads.Cursor{Time: at(5), ID: "a"}, 2, "b d1"},
				{threads.OldestFirst, threads.Cursor{Time: at(5), ID: "c"}, 2, "d1 d2"},
				{threads.OldestFirst, threads.Cursor{Time: at(30), ID: "d5"}, 2, ""},
				{threads.NewestFirst, threads.Cursor{}, 1, "d5"},
				{threads.NewestFirst, threads.Cursor{Time: at(5), ID: "b"}, 101, "a B d6"},
				{threads.NewestFirst, threads.Cursor{Time: at(6), ID: "x"}, 2, "b a"},
				{threads.NewestFirst, threads.Cursor{Time: at(-9), ID: "x"}, 2, ""},
			} {
				s.equal(fmt.Sprintf("ListDeletions(ada, %d, after %s, %d)", c.order, placeText(c.after), c.limit),
					s.deletions("ada", c.order, c.after, c.limit), c.want)
			}
			s.restore("ada", "a")
			s.purge("ada", at(6), far, 10)
			s.absent("ada", "a")
			s.equal("ListDeletions(ada) after one that was purged",
				s.deletions("ada", threads.OldestFirst, threads.Cursor{Time: at(5), ID: "a"}, 10), "b d1 d2 d5")
		}),
}

// makeDeletions makes deletions at times that go back and forth, of which
// three are the same.
func (s *script) makeDeletions(user string) {
	for i, d := range []struct {
		id string
		at int
	}{{"d1", 10}, {"a", 5}, {"d2", 20}, {"B", 5}, {"b", 5}, {"d5", 30}, {"d6", -7}} {
		id := fmt.Sprint("t", i)
		s.create(user, id)
		if i%2 == 0 {
			s.deleteAll(user, threads.All(), d.id, on(at(d.at)))
		} else {
			s.delete(user, id, d.id, on(at(d.at)))
		}
	}
}
