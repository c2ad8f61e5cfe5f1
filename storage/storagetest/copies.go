package storagetest

import (
	"github.com/skein-go/skein/threads"
)

// copyClauses are about a store and its callers sharing no memory.
var copyClauses = []Clause{
	clause("copies/given",
		"A store copies what it is given: what the caller changes afterwards is not changed in the store.",
		func(s *script) {
			want := full("ada", "t1")
			given := want.Clone()
			s.put(given)
			given.Metadata["color"] = "changed after Create"
			s.equal("Get(ada, t1) after Create", s.get("ada", "t1"), want)
			given = want.Clone()
			s.update(given)
			given.Metadata["color"] = "changed after Update"
			want.Version++
			s.equal("Get(ada, t1) after Update", s.get("ada", "t1"), want)
		}),

	clause("copies/returned",
		"What a store returns is the caller's own: to change it changes nothing in the store.",
		func(s *script) {
			s.populate("ada")
			spoil := func(list ...threads.Thread) {
				for i := range list {
					list[i].Metadata["spoilt"] = "yes"
					list[i].ID = "spoilt"
				}
			}
			before := s.state("ada")
			spoil(s.get("ada", "live"), s.get("ada", "single"))
			spoil(s.page("ada", every(threads.Both), threads.Cursor{}, threads.MaxPage)...)
			list, err := s.env.store.ListDeletions(s.ctx, "ada", threads.NewestFirst, threads.Cursor{}, threads.MaxPage)
			s.ok("ListDeletions(ada)", err)
			clear(list)
			s.equal("what ada has after changes to what was returned", s.state("ada"), before)
			users := s.usersDue(far, "", threads.MaxPage)
			clear(users)
			s.equal("UsersDue after changes to what it returned", s.usersDue(far, "", threads.MaxPage), []string{"ada"})
			spoil(s.restoreThread("ada", "bulk1"))
			s.equal("Get(ada, bulk1).Metadata", s.get("ada", "bulk1").Metadata, map[string]string{"of": "ada"})
		}),
}
