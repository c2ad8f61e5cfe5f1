package storagetest

import (
	"fmt"

	"github.com/skein-go/skein/threads"
)

// countClauses are about the numbers of threads.
var countClauses = []Clause{
	clause("count/scope",
		"Count is of the scope: all, one organization, whose id it is to the byte, the personal threads, or a union; live and deleted apart.",
		func(s *script) {
			for i, o := range []string{"", "org_a", "org_b", "org_A", "org_ab"} {
				for j := range i + 2 {
					s.create("ada", fmt.Sprint(o, j), in(o))
				}
				s.delete("ada", fmt.Sprint(o, 0), "d"+o)
			}
			s.deleteAll("ada", threads.InOrganization("org_b"), "all of b")
			s.counts("ada", threads.All(), 1+2+0+4+5, 1+1+4+1+1)
			s.counts("ada", threads.Personal(), 1, 1)
			s.counts("ada", threads.InOrganization("org_a"), 2, 1)
			s.counts("ada", threads.InOrganization("org_b"), 0, 4)
			s.counts("ada", threads.InOrganization("org_A"), 4, 1)
			s.counts("ada", threads.InOrganization("org_ab"), 5, 1)
			s.counts("ada", threads.InOrganization("org_none"), 0, 0)
			s.counts("ada", union, 1+2+0, 1+1+4)
		}),

	clause("count/every-call",
		"Counts are exact after every call, whether it succeeded or was refused.",
		func(s *script) {
			step := func(what string, live, deleted int64) {
				s.equal("Count(ada, org_a) after "+what, s.count("ada", threads.InOrganization("org_a")), threads.Counts{Live: live, Deleted: deleted})
				s.equal("Count(ada, all) after "+what, s.count("ada", threads.All()), threads.Counts{Live: live + 1, Deleted: deleted})
			}
			s.create("ada", "personal")
			for i := range 6 {
				s.create("ada", fmt.Sprint("t", i), in("org_a"))
			}
			step("creates", 6, 0)
			s.refused("Create(ada, t1)", s.env.store.Create(s.ctx, "ada", s.thread("ada", "t1", in("org_a"))), threads.ErrExists)
			step("a create refused", 6, 0)
			s.update(s.get("ada", "t1"))
			step("an update", 6, 0)
			s.delete("ada", "t1", "d1")
			step("a delete", 5, 1)
			_, err := s.env.store.Delete(s.ctx, "ada", "t1", s.newDeletion("ada", threads.All(), "d0"))
			s.refused("Delete(ada, t1)", err, threads.ErrNotFound)
			step("a delete refused", 5, 1)
			s.deleteAll("ada", threads.InOrganization("org_a"), "d2")
			step("a delete of all", 0, 6)
			s.create("ada", "t6", in("org_a"))
			step("a create after it", 1, 6)
			s.restoreThread("ada", "t2")
			step("the restore of a thread", 2, 5)
			s.restoreThread("ada", "t1")
			step("the restore of a thread deleted alone", 3, 4)
			s.restoreThread("ada", "t1")
			step("the restore of a live thread", 3, 4)
			s.restore("ada", "d2")
			step("a restore", 7, 0)
			s.restore("ada", "d2")
			step("a restore of nothing", 7, 0)
			s.deleteAll("ada", threads.InOrganization("org_a"), "d3", keyed("k"))
			s.create("ada", "t7", in("org_a"))
			s.deleteAll("ada", threads.InOrganization("org_a"), "d4", keyed("k"))
			step("a delete of all and its retry", 1, 7)
			s.purge("ada", far, far, 6) // the empty records of d1 and d2, and four of d3
			step("a purge of part", 1, 3)
			s.purge("ada", far, far, 100)
			step("a purge of the rest", 1, 0)
			s.create("ada", "t3", in("org_a"))
			step("a create of an id that was purged", 2, 0)
			s.erase("ada")
			s.counts("ada", threads.All(), 0, 0)
		}),
}
