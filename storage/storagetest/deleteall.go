package storagetest

import (
	"fmt"

	"github.com/skein-go/skein/threads"
)

// union is of the organization that most clauses use, and more.
var union = threads.Union(threads.InOrganization("org_a"), threads.InOrganization("org_b"), threads.Personal())

// deleteAllClauses are about SoftDeleteAll, the main job.
var deleteAllClauses = []Clause{
	clause("delete-all/all",
		"SoftDeleteAll of everything deletes every live thread of the user, personal and of every organization, and returns the exact number.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "org_a", "")
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d1").Count, int64(5))
			s.are("ada", "t0=d1 t1=d1 t2=d1 t3=d1 t4=d1")
		}),

	clause("delete-all/organization",
		"SoftDeleteAll of an organization deletes the user's live threads there, and neither personal ones nor those of organizations with another id.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "org_a", "org_A", "org_ab", "org_a-")
			s.equal("SoftDeleteAll(ada, org_a).Count", s.deleteAll("ada", threads.InOrganization("org_a"), "d1").Count, int64(2))
			s.are("ada", "t0=live t1=d1 t2=live t3=d1 t4=live t5=live t6=live")
		}),

	clause("delete-all/personal",
		"SoftDeleteAll of the personal threads deletes those and none of an organization.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "")
			s.equal("SoftDeleteAll(ada, personal).Count", s.deleteAll("ada", threads.Personal(), "d1").Count, int64(2))
			s.are("ada", "t0=d1 t1=live t2=live t3=d1")
		}),

	clause("delete-all/union",
		"SoftDeleteAll of a union of organizations, personal threads among them or not, deletes the live threads of each and no others, in one deletion.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_b", "org_a", "org_ab", "")
			scope := threads.Union(threads.InOrganization("org_b"), threads.InOrganization("org_a"), threads.InOrganization("org_none"))
			s.equal("SoftDeleteAll(ada, org_a and org_b).Count", s.deleteAll("ada", scope, "d1").Count, int64(3))
			s.are("ada", "t0=live t1=d1 t2=d1 t3=d1 t4=live t5=live")
			scope = threads.Union(threads.Personal(), threads.InOrganization("org_ab"), threads.InOrganization("org_a"))
			s.equal("SoftDeleteAll(ada, org_a, org_ab and personal).Count", s.deleteAll("ada", scope, "d2").Count, int64(3))
			s.are("ada", "t0=d2 t1=d1 t2=d1 t3=d1 t4=d2 t5=d2")
		}),

	clause("delete-all/hidden-and-pinned",
		"Hidden and pinned threads are deleted like any other.",
		func(s *script) {
			s.create("ada", "t1", hidden)
			s.create("ada", "t2", pinned)
			s.create("ada", "t3", hidden, pinned, in("org_a"))
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d1").Count, int64(3))
			s.are("ada", "t1=d1 t2=d1 t3=d1")
		}),

	clause("delete-all/record",
		"The answer is the record of the deletion: its id, user, scope, key and time as given, Count and Held the number it deleted, and the rest empty, whatever was given. GetDeletion returns the same.",
		func(s *script) {
			s.createOf("ada", "", "org_a", "org_a")
			given := threads.Deletion{
				ID: "d1", User: "ada", Scope: threads.InOrganization("org_a"), Key: "k1", DeletedAt: at(50),
				Thread: "t0", Count: 77, Held: 78, RestoredAt: at(51), PurgedAt: at(52),
			}
			d, err := s.env.store.SoftDeleteAll(s.ctx, "ada", given)
			s.ok("SoftDeleteAll(ada, org_a)", err)
			want := threads.Deletion{
				ID: "d1", User: "ada", Scope: threads.InOrganization("org_a"), Key: "k1", DeletedAt: at(50), Count: 2, Held: 2,
			}
			s.equal("SoftDeleteAll(ada, org_a)", d, want)
			s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), want)
			for i, scope := range []threads.Scope{threads.All(), threads.Personal(), union} {
				id := fmt.Sprint("d", i+2)
				s.create("ada", "more"+id)
				s.equal("SoftDeleteAll(ada).Scope", s.deleteAll("ada", scope, id).Scope, scope)
				s.equal(fmt.Sprintf("GetDeletion(ada, %s).Scope", id), s.deletion("ada", id).Scope, scope)
			}
		}),

	clause("delete-all/deleted-before",
		"Threads deleted before, alone or with all, are not counted again and stay with their own deletion.",
		func(s *script) {
			s.createOf("ada", "", "", "org_a", "org_a", "org_b")
			s.delete("ada", "t0", "d1")
			s.deleteAll("ada", threads.InOrganization("org_a"), "d2")
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d3").Count, int64(2))
			s.are("ada", "t0=d1 t1=d3 t2=d2 t3=d2 t4=d3")
			s.holds("ada", "d1", 1)
			s.holds("ada", "d2", 2)
			s.holds("ada", "d3", 2)
		}),

	clause("delete-all/none",
		"None to delete is success: the answer is the deletion given with Count 0 and without an id, and nothing is recorded.",
		func(s *script) {
			none := threads.Deletion{ID: "d1", User: "ada", Scope: threads.All(), DeletedAt: at(9)}
			for range 2 {
				d, err := s.env.store.SoftDeleteAll(s.ctx, "ada", none)
				s.ok("SoftDeleteAll(ada, all)", err)
				s.equal("SoftDeleteAll(ada, all)", d, threads.Deletion{User: "ada", Scope: threads.All(), DeletedAt: at(9)})
				s.absent("ada", "d1")
				s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.NewestFirst, threads.Cursor{}, 10), "")
			}
			s.create("ada", "t1")
			s.equal("SoftDeleteAll(ada, org_a).Count", s.deleteAll("ada", threads.InOrganization("org_a"), "d1").Count, int64(0))
			s.are("ada", "t1=live")
			s.equal("SoftDeleteAll(ada, all).ID", s.deleteAll("ada", threads.All(), "d1").ID, "d1")
		}),

	clause("delete-all/none-with-key",
		"A call that deleted none is recorded if it has a key.",
		func(s *script) {
			d := s.deleteAll("ada", threads.All(), "d1", keyed("k1"), on(at(9)))
			want := threads.Deletion{ID: "d1", User: "ada", Scope: threads.All(), Key: "k1", DeletedAt: at(9)}
			s.equal("SoftDeleteAll(ada, all, key k1)", d, want)
			s.equal("GetDeletion(ada, d1)", s.deletion("ada", "d1"), want)
		}),

	clause("delete-all/id-exists",
		"A new deletion with an id that a deletion of the user has is ErrExists, whether or not there is anything to delete, and deletes nothing.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				for _, id := range []string{"d1", "d2", "d3"} {
					for _, scope := range []threads.Scope{threads.All(), threads.InOrganization("org_b")} {
						for _, key := range []string{"", "new"} {
							_, err := s.env.store.SoftDeleteAll(s.ctx, "ada", s.newDeletion("ada", scope, id, keyed(key)))
							s.refused(fmt.Sprintf("SoftDeleteAll(ada, %s, %s, key %q)", scope, id, key), err, threads.ErrExists)
						}
					}
				}
			}, "ada")
		}),

	clause("delete-all/order-of-calls",
		"A thread whose create returned before the call began is deleted, and one created after it returned is live: order comes from the calls, never from times.",
		func(s *script) {
			s.create("ada", "early", created(at(900)))
			s.create("ada", "early-in-a", created(at(900)), in("org_a"))
			s.equal("SoftDeleteAll(ada, all, at 500).Count", s.deleteAll("ada", threads.All(), "d1", on(at(500))).Count, int64(2))
			s.create("ada", "late", created(at(100)))
			s.create("ada", "late-in-a", created(at(500)), in("org_a"))
			s.are("ada", "early=d1 early-in-a=d1 late=live late-in-a=live")
			s.counts("ada", threads.All(), 2, 2)
			s.equal("SoftDeleteAll(ada, all, at 50).Count", s.deleteAll("ada", threads.All(), "d2", on(at(50))).Count, int64(2))
		}),

	clause("delete-all/again-and-again",
		"Each call deletes what is live then and counts that alone, however often threads are created and deleted.",
		func(s *script) {
			for i := range 12 {
				for j := range i%3 + 1 {
					s.create("ada", fmt.Sprint("t", i, "_", j), in([]string{"", "org_a"}[j%2]))
				}
				id := fmt.Sprint("d", i)
				s.equal(fmt.Sprintf("SoftDeleteAll(ada, all, %s).Count", id), s.deleteAll("ada", threads.All(), id).Count, int64(i%3+1))
			}
			for i := range 12 {
				s.are("ada", fmt.Sprintf("t%d_0=d%d", i, i))
				s.holds("ada", fmt.Sprint("d", i), int64(i%3+1))
			}
		}),

	clause("delete-all/leaves-the-thread",
		"Deleting changes nothing of a thread but that it is deleted: version, updated-at and every other field stay.",
		func(s *script) {
			want := s.put(full("ada", "t1"))
			other := s.create("ada", "t2")
			s.deleteAll("ada", threads.All(), "d1", on(at(9)))
			want.DeletionID, want.DeletedAt = "d1", at(9)
			other.DeletionID, other.DeletedAt = "d1", at(9)
			s.equal("List(ada, deleted)", s.list("ada", every(threads.Deleted)), []threads.Thread{want, other})
		}),
}

// createOf creates t0, t1, … in these organizations.
func (s *script) createOf(user string, organizations ...string) {
	for i, o := range organizations {
		s.create(user, fmt.Sprint("t", i), in(o))
	}
}

// keyClauses are about the idempotency keys of SoftDeleteAll.
var keyClauses = []Clause{
	clause("key/retry",
		"A call with the key and scope of an earlier one returns the deletion of that and deletes nothing, whatever id and time it brings; what was created since stays live.",
		func(s *script) {
			s.createOf("ada", "", "org_a")
			first := s.deleteAll("ada", threads.All(), "d1", keyed("k1"))
			s.create("ada", "t2")
			s.unchanged(func() {
				for _, id := range []string{"d1", "d2"} {
					s.equal("SoftDeleteAll(ada, all, key k1) again", s.deleteAll("ada", threads.All(), id, keyed("k1")), first)
				}
			}, "ada")
		}),

	clause("key/retry-of-none",
		"So it is when the earlier call deleted none.",
		func(s *script) {
			first := s.deleteAll("ada", threads.Personal(), "d1", keyed("k1"))
			s.create("ada", "t1")
			s.equal("SoftDeleteAll(ada, personal, key k1) again", s.deleteAll("ada", threads.Personal(), "d2", keyed("k1")), first)
			s.are("ada", "t1=live")
		}),

	clause("key/as-it-is-now",
		"A retry returns the deletion as it is now: restored in part or whole, and with its purge begun or done; and still deletes nothing.",
		func(s *script) {
			retry := func(what, id string) {
				s.unchanged(func() {
					s.equal("SoftDeleteAll(ada, key of "+id+") after "+what,
						s.deleteAll("ada", threads.All(), "other", keyed("k"+id)), s.deletion("ada", id))
				}, "ada")
			}
			s.createOf("ada", "", "org_a", "org_b")
			s.deleteAll("ada", threads.All(), "d1", keyed("kd1"))
			s.restoreThread("ada", "t1")
			retry("the restore of a thread", "d1")
			s.restore("ada", "d1")
			retry("its restore", "d1")
			s.deleteAll("ada", threads.All(), "d2", keyed("kd2"), on(at(200)))
			s.create("ada", "new")
			s.purge("ada", at(201), at(300), 2) // the record of d1, and a thread of d2
			retry("its purge had begun", "d2")
			s.purge("ada", at(201), at(301), 100)
			retry("its purge", "d2")
			s.are("ada", "new=live")
		}),

	clause("key/other-scope",
		"A call with the key of an earlier one and another scope is ErrKeyReused, a kind of ErrConflict, and deletes nothing.",
		func(s *script) {
			s.createOf("ada", "", "org_a")
			s.deleteAll("ada", threads.InOrganization("org_a"), "d1", keyed("k1"))
			s.createOf("bob", "")
			s.create("ada", "t2", in("org_a"))
			s.unchanged(func() {
				for _, scope := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_b"), threads.InOrganization("org_A"), union} {
					_, err := s.env.store.SoftDeleteAll(s.ctx, "ada", s.newDeletion("ada", scope, "d2", keyed("k1")))
					s.refused(fmt.Sprintf("SoftDeleteAll(ada, %s, key k1)", scope), err, threads.ErrKeyReused)
				}
			}, "ada")
		}),

	clause("key/bytes",
		"A key is its bytes: calls whose keys differ in case, accents, form or spaces alone are different calls.",
		func(s *script) {
			for i, key := range alike("k") {
				s.create("ada", fmt.Sprint("t", i))
				id := fmt.Sprint("d", i)
				s.equal(fmt.Sprintf("SoftDeleteAll(ada, all, key %q).ID", key), s.deleteAll("ada", threads.All(), id, keyed(key)).ID, id)
			}
		}),

	clause("key/as-long-as-its-record",
		"A key lives as long as the record of its deletion, and no longer: once that is purged or erased, it is free.",
		func(s *script) {
			again := func(what, id string) {
				s.create("ada", "t-"+id)
				s.equal("SoftDeleteAll(ada, personal, key k1).ID after "+what, s.deleteAll("ada", threads.Personal(), id, keyed("k1")).ID, id)
				s.are("ada", "t-"+id+"="+id)
			}
			s.deleteAll("ada", threads.All(), "d1", keyed("k1"), on(at(1)))
			s.purge("ada", at(2), at(3), 10)
			again("the purge of a record that holds nothing", "d2")
			s.restore("ada", "d2")
			s.purge("ada", at(900), at(1000), 10)
			again("the purge of a record that was restored", "d3")
			s.purge("ada", at(900), at(1000), 10)
			s.purge("ada", at(1100), at(1200), 10)
			again("the purge of a record that was emptied", "d4")
			s.erase("ada")
			again("the erasure of the user", "d5")
		}),
}
