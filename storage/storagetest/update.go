package storagetest

import (
	"fmt"
	"time"

	"github.com/skein-go/skein/threads"
)

// updateClauses are about changing a thread.
var updateClauses = []Clause{
	clause("update/every-field",
		"Update replaces assistant, title, metadata, hidden, pinned-at, updated-at and last-activity-at with those given; the version is one more.",
		func(s *script) {
			s.create("ada", "t0")
			t := s.create("ada", "t1", func(t *threads.Thread) { t.Version = 7 })
			t.Assistant, t.Title, t.Metadata = "asst_new", "New", map[string]string{"new": "yes", "more": "too"}
			t.Hidden, t.PinnedAt, t.UpdatedAt, t.LastActivityAt = true, at(101), at(102), at(103)
			for range 3 {
				t = s.update(t)
				s.equal("Get(ada, t1) after Update", s.get("ada", "t1"), t)
			}
		}),

	clause("update/empty-fields",
		"What an update leaves empty is empty afterwards: assistant, title, metadata, hidden, pinned-at.",
		func(s *script) {
			t := s.put(full("ada", "t1"))
			t.Assistant, t.Title, t.Metadata, t.Hidden, t.PinnedAt = "", "", nil, false, time.Time{}
			t = s.update(t)
			s.equal("Get(ada, t1) after Update", s.get("ada", "t1"), t.Clone())
		}),

	clause("update/version",
		"An update made for another version than the thread has is ErrVersionMismatch, whether that is older or newer, and changes nothing.",
		func(s *script) {
			t := s.update(s.update(s.create("ada", "t1")))
			s.unchanged(func() {
				for _, version := range []int64{1, t.Version - 1, t.Version + 1, 1 << 40} {
					next := t
					next.Title, next.Version = "changed", version
					err := s.env.store.Update(s.ctx, "ada", next)
					s.refused(fmt.Sprintf("Update(ada, t1) for version %d of %d", version, t.Version), err, threads.ErrVersionMismatch)
				}
			}, "ada")
		}),

	clause("update/what-stays",
		"An update changes neither the organization nor created-at, whatever the thread given says; what else it gives is taken.",
		func(s *script) {
			for _, organizations := range [][2]string{{"org_a", "org_b"}, {"org_a", ""}, {"", "org_b"}} {
				was := s.create("ada", "of "+organizations[0]+" to "+organizations[1], in(organizations[0]))
				next := was
				next.Organization, next.CreatedAt, next.Title = organizations[1], at(-500), "changed"
				s.update(next)
				was.Title, was.Version = "changed", 2
				s.equal(fmt.Sprintf("Get(ada, %s) after Update", was.ID), s.get("ada", was.ID), was)
			}
			s.lists("ada", every(threads.Both), "of org_a to org_b of org_a to  of  to org_b")
			s.counts("ada", threads.InOrganization("org_a"), 2, 0)
			s.counts("ada", threads.InOrganization("org_b"), 0, 0)
		}),

	clause("update/deleted",
		"An update of a deleted thread is ErrNotFound and changes nothing: nothing brings a thread back but a restore.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				for _, id := range []string{"single", "bulk1"} {
					next := s.thread("ada", id, func(t *threads.Thread) { t.Title = "changed" })
					s.refused(fmt.Sprintf("Update(ada, %s)", id), s.env.store.Update(s.ctx, "ada", next), threads.ErrNotFound)
				}
			}, "ada")
		}),

	clause("update/absent",
		"An update of a thread that is not there is ErrNotFound and creates none.",
		func(s *script) {
			s.unchanged(func() {
				s.refused("Update(ada, t1)", s.env.store.Update(s.ctx, "ada", s.thread("ada", "t1")), threads.ErrNotFound)
			}, "ada")
		}),
}
