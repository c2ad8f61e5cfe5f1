package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// purgeClauses are about removing for good.
var purgeClauses = []Clause{
	clause("purge/gone",
		"A purged thread is gone: not found, not listed, not counted.",
		func(s *script) {
			s.populate("ada")
			s.purge("ada", far, far, 100)
			s.are("ada", "single=gone bulk1=gone bulk2=gone")
			s.lists("ada", every(threads.Both), "live member")
			s.counts("ada", threads.All(), 2, 0)
			s.lists("ada", within("d2"), "")
		}),

	clause("purge/live",
		"A purge never touches a live thread: neither one that was never deleted nor one that was restored.",
		func(s *script) {
			s.populate("ada")
			s.restoreThread("ada", "bulk1")
			s.restore("ada", "d1")
			want := s.list("ada", every(threads.Live))
			s.purge("ada", far, at(900), 100)
			s.purge("ada", far, at(901), 100)
			s.equal("List(ada, both)", s.list("ada", every(threads.Both)), want)
		}),

	clause("purge/before",
		"Only what was deleted strictly before the time is purged.",
		func(s *script) {
			s.createOf("ada", "", "", "", "")
			s.delete("ada", "t0", "d0", on(at(4)))
			s.delete("ada", "t1", "d1", on(at(5).Add(-time.Microsecond)))
			s.delete("ada", "t2", "d2", on(at(5)))
			s.deleteAll("ada", threads.All(), "d3", on(at(6)))
			s.equal("Purge(ada, at 5)", s.purge("ada", at(5), far, 100), threads.PurgeResult{Threads: 2, Deletions: 2})
			s.are("ada", "t0=gone t1=gone t2=d2 t3=d3")
			s.equal("Purge(ada, at 5) again", s.purge("ada", at(5), far, 100), threads.PurgeResult{})
			s.are("ada", "t2=d2 t3=d3")
		}),

	clause("purge/oldest-first",
		"The deletions made earliest are purged first, and of those made at the same time the one with the least id, whatever the order they were made in.",
		func(s *script) {
			s.createOf("ada", "", "", "", "", "")
			s.delete("ada", "t0", "d3", on(at(7)))
			s.delete("ada", "t1", "d2", on(at(5)))
			s.delete("ada", "t2", "b", on(at(6)))
			s.delete("ada", "t3", "B", on(at(6)))
			s.delete("ada", "t4", "a", on(at(6)))
			for i, want := range []string{"t1", "t3", "t4", "t2", "t0"} {
				s.purge("ada", at(100), far, 1)
				s.are("ada", want+"=gone")
				s.counts("ada", threads.All(), 0, int64(4-i))
			}
		}),

	clause("purge/limit",
		"A purge removes no more than its limit, and as much as that if it is there; each thread and each record of a deletion that holds none counts.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "", "org_b", "")
			s.deleteAll("ada", threads.InOrganization("org_none"), "d0", keyed("k0"), on(at(1)))
			s.deleteAll("ada", threads.InOrganization("org_none"), "d1", keyed("k1"), on(at(2)))
			s.deleteAll("ada", threads.All(), "d2", on(at(3)))
			s.equal("Purge(ada, limit 1), of a record", s.purge("ada", far, far, 1), threads.PurgeResult{Deletions: 1, More: true})
			s.counts("ada", threads.All(), 0, 5)
			s.equal("Purge(ada, limit 3), of a record and two threads", s.purge("ada", far, far, 3), threads.PurgeResult{Threads: 2, Deletions: 1, More: true})
			s.counts("ada", threads.All(), 0, 3)
			s.equal("Purge(ada, limit 2), of two threads", s.purge("ada", far, far, 2), threads.PurgeResult{Threads: 2, More: true})
			s.counts("ada", threads.All(), 0, 1)
			s.equal("Purge(ada, limit 2), of the last thread", s.purge("ada", far, far, 2), threads.PurgeResult{Threads: 1, Deletions: 1})
		}),

	clause("purge/more",
		"More says whether anything due is left because of the limit; a limit that is just enough leaves nothing.",
		func(s *script) {
			s.createOf("ada", "", "", "", "", "", "", "")
			s.delete("ada", "t0", "d0", on(at(5)))
			s.delete("ada", "t1", "d1", on(at(5)))
			s.delete("ada", "t2", "later", on(at(9)))
			s.deleteAll("ada", threads.All(), "d2", on(at(5)))
			s.equal("Purge(ada, limit 1 of 6).More", s.purge("ada", at(6), far, 1).More, true)
			s.equal("Purge(ada, limit 2 of 5).More", s.purge("ada", at(6), far, 2).More, true)
			s.equal("Purge(ada, limit 3 of 3).More", s.purge("ada", at(6), far, 3).More, false)
			s.equal("Purge(ada, limit 3 of 0).More", s.purge("ada", at(6), far, 3).More, false)
			s.are("ada", "t2=later")
		}),

	clause("purge/again",
		"A purge can be stopped anywhere and called again: all calls together remove just what was due, each thread and deletion counted once.",
		func(s *script) {
			for limit := 1; limit <= 5; limit++ {
				user := fmt.Sprint("ada", limit)
				s.populate(user)
				s.deleteAll(user, threads.All(), "d4")
				s.deleteAll(user, threads.Personal(), "d5", keyed("k5"))
				s.restore(user, "d1")
				sum, calls := threads.PurgeResult{More: true}, 0
				for ; sum.More; calls++ {
					r := s.purge(user, far, far, limit)
					sum.Threads, sum.Deletions, sum.More = sum.Threads+r.Threads, sum.Deletions+r.Deletions, r.More
				}
				s.equal(fmt.Sprintf("sum of Purge(%s, limit %d)", user, limit), sum, threads.PurgeResult{Threads: 4, Deletions: 5})
				s.equal(fmt.Sprintf("number of calls of Purge(%s, limit %d)", user, limit), calls, (7+limit-1)/limit) // four threads, three records
			}
		}),

	clause("purge/nothing",
		"A purge of a user of whom nothing is due removes nothing.",
		func(s *script) {
			s.equal("Purge(ada)", s.purge("ada", far, far, 10), threads.PurgeResult{})
			s.populate("ada")
			s.unchanged(func() {
				s.equal("Purge(ada, early)", s.purge("ada", at(-10), far, 10), threads.PurgeResult{})
			}, "ada")
		}),

	clause("purge/begun",
		"The first purge that touches a deletion sets PurgedAt to its own now, for good; Held goes down as threads go, Thread is none when that has gone, and the rest of the record stays.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "", "")
			one := s.delete("ada", "t0", "d0", on(at(5)))
			all := s.deleteAll("ada", threads.All(), "d1", keyed("k1"), on(at(6)))
			s.purge("ada", at(9), at(20), 2)
			one.Thread, one.Held, one.PurgedAt = "", 0, at(20)
			all.Held, all.PurgedAt = 2, at(20)
			s.equal("GetDeletion(ada, d0)", s.deletion("ada", "d0"), one)
			s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), all)
			s.purge("ada", at(9), at(21), 1)
			all.Held = 1
			s.equal("GetDeletion(ada, d1) after the second purge", s.deletion("ada", "d1"), all)
			s.purge("ada", at(9), at(22), 1)
			all.Held = 0
			s.equal("GetDeletion(ada, d1) after the third purge", s.deletion("ada", "d1"), all)
		}),

	clause("purge/no-way-back",
		"From then on Restore of the deletion is ErrPurged, and so is RestoreThread of a thread still in it; the threads still in it stay deleted and listed there.",
		func(s *script) {
			s.createOf("ada", "", "", "", "org_a")
			s.delete("ada", "t0", "d0", on(at(5)))
			s.deleteAll("ada", threads.All(), "d1", on(at(6)))
			s.purge("ada", at(9), far, 2)
			left := s.list("ada", within("d1"))
			s.equal("number of threads in d1 after two of four were purged", len(left), 2)
			s.unchanged(func() {
				for _, id := range []string{"d0", "d1"} {
					_, err := s.env.store.Restore(s.ctx, "ada", id, at(1))
					s.refused("Restore(ada, "+id+")", err, threads.ErrPurged)
				}
				for _, t := range left {
					_, err := s.env.store.RestoreThread(s.ctx, "ada", t.ID)
					s.refused("RestoreThread(ada, "+t.ID+")", err, threads.ErrPurged)
				}
			}, "ada")
		}),

	clause("purge/id-taken",
		"The id of a thread stays taken until it is purged, although the purge of its deletion has begun.",
		func(s *script) {
			s.createOf("ada", "", "", "org_a")
			s.deleteAll("ada", threads.All(), "d1")
			s.purge("ada", far, far, 1)
			s.unchanged(func() {
				for _, t := range s.list("ada", within("d1")) {
					s.refused("Create(ada, "+t.ID+")", s.env.store.Create(s.ctx, "ada", s.thread("ada", t.ID)), threads.ErrExists)
				}
			}, "ada")
		}),

	clause("purge/id-free",
		"The id of a purged thread is free, and a new thread of that id shows nothing of the old one, nor has a part in its deletion.",
		func(s *script) {
			s.put(full("ada", "t1"))
			s.put(full("ada", "t2"))
			s.delete("ada", "t1", "d1")
			s.deleteAll("ada", threads.All(), "d2")
			s.purge("ada", at(800), at(900), 10)
			var want []threads.Thread
			for i := range 2 {
				t := threads.Thread{
					ID: fmt.Sprint("t", i+1), User: "ada", Metadata: map[string]string{},
					CreatedAt: at(700), UpdatedAt: at(700), LastActivityAt: at(700), Version: 1,
				}
				want = append(want, s.put(t))
			}
			s.equal("List(ada, both)", s.list("ada", every(threads.Both)), want)
			for _, id := range []string{"d1", "d2"} {
				_, err := s.env.store.Restore(s.ctx, "ada", id, at(901))
				s.refused("Restore(ada, "+id+")", err, threads.ErrPurged)
				s.lists("ada", within(id), "")
			}
			s.purge("ada", far, at(902), 10)
			s.equal("List(ada, both) after another purge", s.list("ada", every(threads.Both)), want)
			q := every(threads.Live)
			q.Assistant = full("ada", "t1").Assistant
			s.lists("ada", q, "")
		}),

	clause("purge/record-stays",
		"The record of a deletion that a purge has emptied stays, to answer ErrPurged, until a purge whose time is after PurgedAt; that does not count it again.",
		func(s *script) {
			s.createOf("ada", "", "", "")
			s.delete("ada", "t0", "d0", on(at(5)))
			s.deleteAll("ada", threads.All(), "d1", on(at(6)))
			s.equal("Purge(ada)", s.purge("ada", at(10), at(50), 10), threads.PurgeResult{Threads: 3, Deletions: 2})
			for _, before := range []time.Time{at(10), at(49), at(50)} {
				s.equal("Purge(ada, "+timeText(before)+")", s.purge("ada", before, at(60), 10), threads.PurgeResult{})
				for _, id := range []string{"d0", "d1"} {
					s.equal("GetDeletion(ada, "+id+").PurgedAt", s.deletion("ada", id).PurgedAt, at(50))
				}
			}
			s.equal("Purge(ada, at 51)", s.purge("ada", at(51), at(60), 1), threads.PurgeResult{More: true})
			s.absent("ada", "d0")
			s.equal("Purge(ada, at 51) again", s.purge("ada", at(51), at(60), 1), threads.PurgeResult{})
			s.absent("ada", "d1")
			_, err := s.env.store.Restore(s.ctx, "ada", "d1", at(61))
			s.refused("Restore(ada, d1) after its record went", err, threads.ErrNotFound)
		}),

	clause("purge/emptied-in-their-turn",
		"The records of deletions that a purge has emptied go in the order of PurgedAt, among the other deletions in the order of their times.",
		func(s *script) {
			s.createOf("ada", "", "", "", "")
			s.delete("ada", "t0", "d0", on(at(5)))
			s.delete("ada", "t1", "d1", on(at(6)))
			s.purge("ada", at(7), at(40), 1)
			s.purge("ada", at(7), at(30), 1) // clocks may go backwards
			s.delete("ada", "t2", "d2", on(at(35)))
			s.delete("ada", "t3", "d3", on(at(45)))
			left := func(want string) {
				s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), want)
			}
			left("d0 d1 d2 d3")
			s.purge("ada", at(60), at(70), 1)
			left("d0 d2 d3")
			s.purge("ada", at(60), at(70), 1)
			s.are("ada", "t2=gone t3=d3")
			left("d0 d2 d3")
			s.purge("ada", at(60), at(70), 1)
			left("d2 d3")
			s.are("ada", "t3=d3")
		}),

	clause("purge/records-that-hold-none",
		"The record of a deletion that holds none, because it was restored, as a whole or thread by thread, or deleted none, goes when its own time is before that of the purge, and is counted.",
		func(s *script) {
			s.createOf("ada", "", "", "", "")
			s.delete("ada", "t0", "d0", on(at(1)))
			s.delete("ada", "t1", "d1", on(at(2)))
			s.deleteAll("ada", threads.All(), "d2", on(at(3)))
			s.deleteAll("ada", threads.All(), "d3", keyed("k3"), on(at(4)))
			s.restore("ada", "d0")
			s.restoreThread("ada", "t1")
			s.restore("ada", "d2")
			s.unchanged(func() {
				s.equal("Purge(ada, at 1)", s.purge("ada", at(1), far, 10), threads.PurgeResult{})
			}, "ada")
			s.equal("Purge(ada, at 4)", s.purge("ada", at(4), far, 10), threads.PurgeResult{Deletions: 3})
			s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), "d3")
			s.equal("Purge(ada, at 5)", s.purge("ada", at(5), far, 10), threads.PurgeResult{Deletions: 1})
			s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), "")
			s.are("ada", "t0=live t1=live t2=live t3=live")
		}),

	clause("purge/clock-that-goes-back",
		"No rule depends on the clock going forward: a purge whose now is before its time drops a record in the same call that emptied it, and counts the deletion once.",
		func(s *script) {
			s.createOf("ada", "", "", "")
			s.delete("ada", "t0", "d0", on(at(50)))
			s.deleteAll("ada", threads.All(), "d1", on(at(40)))
			s.equal("Purge(ada)", s.purge("ada", at(60), at(30), 10), threads.PurgeResult{Threads: 3, Deletions: 2})
			s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), "")
			s.equal("Purge(ada) again", s.purge("ada", at(60), at(30), 10), threads.PurgeResult{})
		}),

	clause("purge/deletion-id-free",
		"The id of a deletion whose record went is free, and nothing of the old one shows.",
		func(s *script) {
			s.createOf("ada", "", "")
			s.deleteAll("ada", threads.All(), "d1", keyed("k1"))
			s.purge("ada", far, at(900), 10)
			s.purge("ada", far, at(901), 10)
			s.create("ada", "t3", in("org_a"))
			s.create("ada", "t4", in("org_a"))
			d := s.delete("ada", "t3", "d1", on(at(7)))
			s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), d)
			s.lists("ada", within("d1"), "t3")
			s.restores("ada", "d1", 1)
		}),

	clause("preview/changes-nothing",
		"PreviewPurge changes nothing.",
		func(s *script) {
			s.makeTrash("ada")
			before := s.state("ada")
			for range 3 {
				s.preview("ada", far)
			}
			s.equal("what ada has after PreviewPurge", s.state("ada"), before)
			s.restores("ada", "d2", 2)
		}),

	clause("preview/sum",
		"PreviewPurge returns the sum of what purges with that time would remove, until there is no more.",
		func(s *script) {
			s.makeTrash("ada")
			for minutes := 0; minutes <= 60; minutes += 3 {
				user := fmt.Sprint("ada at ", minutes)
				s.makeTrash(user)
				p := s.preview(user, at(minutes))
				var sum threads.Preview
				for more := true; more; {
					r := s.purge(user, at(minutes), far, 2)
					sum.Threads, sum.Deletions, more = sum.Threads+r.Threads, sum.Deletions+r.Deletions, r.More
				}
				s.equal(fmt.Sprintf("PreviewPurge(ada, at %d), compared with what was purged", minutes), p, sum)
			}
			s.equal("PreviewPurge(ada)", s.preview("ada", far), threads.Preview{Threads: 5, Deletions: 5})
			s.equal("PreviewPurge(bob)", s.preview("bob", far), threads.Preview{})
		}),
}

// makeTrash gives the user two live threads and deletions of every kind, of
// which a purge would remove five threads and end five:
//
//	d0  at 5   emptied by a purge at 20
//	d1  at 6   its purge begun, holds two
//	d2  at 30  holds two
//	d3  at 31  of one thread
//	d4  at 40  restored
//	d5  at 50  deleted none, has a key
func (s *script) makeTrash(user string) {
	s.createOf(user, strings.Split("|org_a||org_a", "|")...)
	s.delete(user, "t0", "d0", on(at(5)))
	s.deleteAll(user, threads.All(), "d1", on(at(6)))
	s.purge(user, at(7), at(20), 2)
	for i := range 5 {
		s.create(user, fmt.Sprint("u", i), in([]string{"org_b", "org_b", "", "org_a", "org_a"}[i]))
	}
	s.deleteAll(user, threads.InOrganization("org_b"), "d2", on(at(30)))
	s.delete(user, "u2", "d3", on(at(31)))
	s.deleteAll(user, threads.All(), "d4", on(at(40)))
	s.restore(user, "d4")
	s.deleteAll(user, threads.Personal(), "d5", keyed("k5"), on(at(50)))
}

// usersDueClauses are about finding the users whom a purge concerns.
var usersDueClauses = []Clause{
	clause("users-due/only-due",
		"UsersDue names the users who have a deletion that is due strictly before the time, and no others.",
		func(s *script) {
			s.equal("UsersDue of an empty store", s.usersDue(far, "", 10), []string(nil))
			s.create("live", "t1")
			for _, user := range []string{"early", "late"} {
				s.create(user, "t1")
				s.create(user, "t2")
			}
			s.delete("early", "t1", "d1", on(at(5)))
			s.deleteAll("early", threads.All(), "d2", on(at(50)))
			s.deleteAll("late", threads.All(), "d1", on(at(9)))
			s.deleteAll("none", threads.All(), "d1", keyed("k"), on(at(20)))
			for _, c := range []struct {
				before int
				want   []string
			}{{5, nil}, {6, []string{"early"}}, {9, []string{"early"}}, {10, []string{"early", "late"}}, {21, []string{"early", "late", "none"}}} {
				s.equal(fmt.Sprintf("UsersDue(at %d)", c.before), s.usersDue(at(c.before), "", 10), c.want)
			}
		}),

	clause("users-due/after-purge",
		"A user is due until the last record is: a deletion that a purge has emptied is due after PurgedAt, and without any the user is not named.",
		func(s *script) {
			s.create("ada", "t1")
			s.create("ada", "t2")
			s.deleteAll("ada", threads.All(), "d1", on(at(5)))
			s.purge("ada", at(6), at(50), 1)
			s.equal("UsersDue(at 6) with half of it purged", s.usersDue(at(6), "", 10), []string{"ada"})
			s.purge("ada", at(6), at(51), 1)
			s.equal("UsersDue(at 50) with all of it purged at 50", s.usersDue(at(50), "", 10), []string(nil))
			s.equal("UsersDue(at 51) with all of it purged at 50", s.usersDue(at(51), "", 10), []string{"ada"})
			s.purge("ada", at(51), at(60), 1)
			s.equal("UsersDue with nothing left", s.usersDue(far, "", 10), []string(nil))
			s.create("ada", "t3")
			s.delete("ada", "t3", "d2")
			s.restore("ada", "d2")
			s.equal("UsersDue with a record that holds none", s.usersDue(far, "", 10), []string{"ada"})
		}),

	clause("users-due/order",
		"Users come in the order of their bytes, those after the one given, as many as the limit if there are as many.",
		func(s *script) {
			users := strings.Fields("B Z _ a aa ab b é \uff01 🧶")
			for _, i := range []int{4, 0, 9, 2, 7, 5, 1, 8, 3, 6} {
				s.create(users[i], "t1")
				s.delete(users[i], "t1", "d1")
			}
			s.equal("UsersDue", s.usersDue(far, "", 100), users)
			for i := range users {
				s.equal(fmt.Sprintf("UsersDue(after %q, 2)", users[i]), s.usersDue(far, users[i], 2), users[i+1:min(i+3, len(users))])
			}
			s.equal(`UsersDue(after "ac", 1)`, s.usersDue(far, "ac", 1), []string{"b"})
		}),
}
