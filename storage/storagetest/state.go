package storagetest

import (
	"fmt"

	"github.com/skein-go/skein/threads"
)

// state is everything that a user can see.
type state struct {
	Threads   []threads.Thread   // live and deleted, oldest first
	Deletions []threads.Deletion // oldest first
	Counts    []threads.Counts   // of each of the scopes
}

// scopes are those whose counts a state has: the ones checks use.
var scopes = []threads.Scope{
	threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b"),
	threads.Union(threads.Personal(), threads.InOrganization("org_b")),
}

// state reads everything that the user can see.
func (s *script) state(user string) state {
	st := state{Threads: s.list(user, every(threads.Both))}
	for after := (threads.Cursor{}); ; {
		page, err := s.env.store.ListDeletions(s.ctx, user, threads.OldestFirst, after, threads.MaxPage)
		s.ok(fmt.Sprintf("ListDeletions(%s)", user), err)
		st.Deletions = append(st.Deletions, page...)
		if len(page) < threads.MaxPage {
			break
		}
		after = page[len(page)-1].Cursor()
	}
	for _, scope := range scopes {
		st.Counts = append(st.Counts, s.count(user, scope))
	}
	return st
}

// unchanged runs the steps and holds that they leave everything of the users
// as it was.
func (s *script) unchanged(steps func(), users ...string) {
	before := make([]state, len(users))
	for i, user := range users {
		before[i] = s.state(user)
	}
	steps()
	for i, user := range users {
		s.equal(fmt.Sprintf("what %s has after calls that must not change it", user), s.state(user), before[i])
	}
}

// consistent holds that lists, counts and records of the user tell the same
// story, and returns it.
func (s *script) consistent(user string) state {
	st := s.state(user)
	held, counts := map[string]int64{}, make([]threads.Counts, len(scopes))
	for _, t := range st.Threads {
		for i, scope := range scopes {
			switch {
			case !scope.Contains(t.Organization):
			case t.Live():
				counts[i].Live++
			default:
				counts[i].Deleted++
			}
		}
		if !t.Live() {
			held[t.DeletionID]++
		}
	}
	s.equal(fmt.Sprintf("counts of %s of all, personal, org_a and org_b", user), st.Counts, counts)
	for _, d := range st.Deletions {
		s.equal(fmt.Sprintf("Held of deletion %s of %s", d.ID, user), d.Held, held[d.ID])
		delete(held, d.ID)
	}
	s.equal(fmt.Sprintf("threads of %s in deletions that are not listed", user), held, map[string]int64{})
	return st
}
