package storagetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/skein-go/skein/threads"
)

// some is how many threads the clauses about many create: more than a store
// moves one by one when it restores, by a good deal.
const some = 2_500

// manyClauses are about numbers at which a store does things another way.
var manyClauses = []Clause{
	clause("many/delete-and-restore",
		"Deleting and restoring all is exact at thousands of threads, with few among the many live or deleted, in every order.",
		func(s *script) {
			s.createMany("ada", "a", "", some)
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d1").Count, int64(some))
			s.createMany("ada", "b", "", 30)
			s.equal("SoftDeleteAll(ada, all).Count, of few", s.deleteAll("ada", threads.All(), "d2").Count, int64(30))
			s.createMany("ada", "c", "", 1_200)
			s.counts("ada", threads.All(), 1_200, some+30)
			s.restores("ada", "d1", some)
			s.counts("ada", threads.All(), some+1_200, 30)
			s.restores("ada", "d2", 30)
			s.equal("number of threads in List(ada)", len(s.list("ada", every(threads.Live))), some+1_230)
			s.delete("ada", "a7", "d3")
			s.delete("ada", "b7", "d4")
			s.delete("ada", "c7", "d5")
			s.equal("SoftDeleteAll(ada, all).Count, of what came together", s.deleteAll("ada", threads.All(), "d6").Count, int64(some+1_227))
			s.restores("ada", "d1", 0)
			s.are("ada", "a0=d6 a7=d3 b0=d6 b7=d4 c0=d6 c7=d5")
			s.createMany("ada", "d", "", 1_001)
			s.restores("ada", "d6", some+1_227)
			s.restores("ada", "d4", 1)
			s.consistent("ada")
		}),

	clause("many/organizations",
		"So it is with many organizations and parts of them.",
		func(s *script) {
			for i := range 8 {
				s.createMany("ada", fmt.Sprint("t", i, "_"), fmt.Sprint("org_", string(rune('a'+i))), 40<<min(i, 4))
			}
			const all = 40 * (1 + 2 + 4 + 8 + 16*4)
			s.equal("SoftDeleteAll(ada, org_f).Count", s.deleteAll("ada", threads.InOrganization("org_f"), "d1").Count, int64(640))
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "d2").Count, int64(all-640))
			s.createMany("ada", "n", "org_a", 1_100)
			s.createMany("ada", "m", "org_f", 5)
			s.restoreThread("ada", "t0_3")
			s.restores("ada", "d2", all-640-1)
			s.restores("ada", "d1", 640)
			s.counts("ada", threads.InOrganization("org_f"), 645, 0)
			s.counts("ada", threads.InOrganization("org_a"), 1140, 0)
			s.counts("ada", threads.All(), all+1105, 0)
			s.consistent("ada")
		}),

	clause("many/purge",
		"Purges remove thousands of threads, few or many at a time, and no other; what is created between them stays.",
		func(s *script) {
			s.createMany("ada", "t", "", some)
			s.createMany("ada", "u", "org_a", 300)
			s.deleteAll("ada", threads.All(), "d1")
			s.createMany("ada", "live", "org_a", 10)
			left := int64(some + 300)
			for i, limit := range []int{333, 1, 1_501, 100, threads.MaxPurge} {
				r := s.purge("ada", far, far, limit)
				want := threads.PurgeResult{Threads: min(left, int64(limit)), More: left > int64(limit)}
				if !want.More {
					want.Deletions = 1
				}
				s.equal(fmt.Sprintf("Purge(ada, limit %d), of %d", limit, left), r, want)
				left -= r.Threads
				s.holds("ada", "d1", left)
				s.create("ada", fmt.Sprint("new", i), in("org_b"))
			}
			s.equal("number of threads in List(ada)", len(s.consistent("ada").Threads), 10+5)
		}),
}

// createMany creates n threads of an organization, with names that begin so,
// by several goroutines, as stores that share commits are then much quicker.
func (s *script) createMany(user, name, organization string, n int) {
	const at = 16
	list := make([]threads.Thread, n)
	for i := range list {
		list[i] = s.thread(user, fmt.Sprint(name, i), in(organization))
	}
	errs := make([]error, at)
	var wg sync.WaitGroup
	for w := range at {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += at {
				errs[w] = s.env.store.Create(s.ctx, user, list[i])
			}
		})
	}
	wg.Wait()
	s.ok(fmt.Sprintf("Create(%s, %s0) to (%[1]s, %[2]s%[3]d)", user, name, n-1), errors.Join(errs...))
}
