package storagetest

import (
	"fmt"
	"strings"

	"github.com/skein-go/skein/threads"
)

// deleteClauses are about Delete, of one thread.
var deleteClauses = []Clause{
	clause("delete/one",
		"Delete deletes that thread and no other, and changes nothing of it but that it is deleted.",
		func(s *script) {
			want := s.put(full("ada", "t1"))
			other := full("ada", "t2")
			other.Organization = ""
			s.put(other)
			s.delete("ada", "t1", "d1", on(at(9)))
			want.DeletionID, want.DeletedAt = "d1", at(9)
			s.equal("Get(ada, t1)", s.get("ada", "t1"), want)
			s.equal("Get(ada, t2)", s.get("ada", "t2"), other)
		}),

	clause("delete/record",
		"The answer is the record of a deletion like any other: Thread that thread, Scope its organization or personal, Count and Held 1; scope and key given are ignored, and so is the rest but id, user and time. GetDeletion returns the same.",
		func(s *script) {
			s.createOf("ada", "", "org_a")
			for i, scope := range []threads.Scope{threads.Personal(), threads.InOrganization("org_a")} {
				for _, given := range []threads.Scope{threads.All(), {}, threads.InOrganization("org_b")} {
					id, thread := fmt.Sprint("d of ", scope, " given ", given), fmt.Sprint("t", i)
					d, err := s.env.store.Delete(s.ctx, "ada", thread, threads.Deletion{
						ID: id, User: "ada", Scope: given, Thread: "other", Key: strings.Repeat("k", threads.MaxKey+i), DeletedAt: at(50),
						Count: 77, Held: 78, RestoredAt: at(51), PurgedAt: at(52),
					})
					call := fmt.Sprintf("Delete(ada, %s), given the scope %s", thread, given)
					s.ok(call, err)
					want := threads.Deletion{ID: id, User: "ada", Scope: scope, Thread: thread, DeletedAt: at(50), Count: 1, Held: 1}
					s.equal(call, d, want)
					s.equal(fmt.Sprintf("GetDeletion(ada, %s)", id), s.deletion("ada", id), want)
					s.restoreThread("ada", thread)
				}
			}
		}),

	clause("delete/no-key",
		"The key given to Delete is ignored: a later call with it is no retry.",
		func(s *script) {
			s.createOf("ada", "", "")
			s.delete("ada", "t0", "d1", keyed("k1"))
			s.equal("SoftDeleteAll(ada, personal, key k1).ID", s.deleteAll("ada", threads.Personal(), "d2", keyed("k1")).ID, "d2")
			s.create("ada", "t2")
			s.equal("Delete(ada, t2, key k1).ID", s.delete("ada", "t2", "d3", keyed("k1")).ID, "d3")
		}),

	clause("delete/absent",
		"Deleting a thread that is not there is ErrNotFound, and nothing is recorded.",
		func(s *script) {
			s.create("ada", "t1")
			s.unchanged(func() {
				_, err := s.env.store.Delete(s.ctx, "ada", "t2", s.newDeletion("ada", threads.All(), "d1"))
				s.refused("Delete(ada, t2)", err, threads.ErrNotFound)
			}, "ada")
		}),

	clause("delete/deleted",
		"Deleting a thread that is deleted, alone or with all, is ErrNotFound; it stays in the deletion it is in, and nothing is recorded.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				for _, id := range []string{"single", "bulk1"} {
					_, err := s.env.store.Delete(s.ctx, "ada", id, s.newDeletion("ada", threads.All(), "d4"))
					s.refused(fmt.Sprintf("Delete(ada, %s)", id), err, threads.ErrNotFound)
				}
			}, "ada")
		}),

	clause("delete/id-exists",
		"A new deletion with an id that a deletion of the user has is ErrExists, and the thread stays live.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				for _, id := range []string{"d1", "d2", "d3"} {
					_, err := s.env.store.Delete(s.ctx, "ada", "live", s.newDeletion("ada", threads.All(), id))
					s.refused(fmt.Sprintf("Delete(ada, live, %s)", id), err, threads.ErrExists)
				}
			}, "ada")
		}),

	clause("delete/many",
		"Threads deleted one by one are each in a deletion of their own.",
		func(s *script) {
			s.createOf("ada", "org_a", "org_a", "org_a", "", "", "org_a")
			s.delete("ada", "t1", "d1")
			s.delete("ada", "t0", "d0")
			s.delete("ada", "t3", "d3")
			s.delete("ada", "t5", "d5")
			s.are("ada", "t0=d0 t1=d1 t2=live t3=d3 t4=live t5=d5")
			for _, n := range []string{"0", "1", "3", "5"} {
				s.lists("ada", within("d"+n), "t"+n)
				s.holds("ada", "d"+n, 1)
			}
		}),
}
