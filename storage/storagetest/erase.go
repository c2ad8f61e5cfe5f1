package storagetest

import (
	"github.com/skein-go/skein/threads"
)

// eraseClauses are about removing every trace of a user.
var eraseClauses = []Clause{
	clause("erase/everything",
		"Erase removes every thread and deletion of the user, live, deleted and half purged.",
		func(s *script) {
			s.populate("ada")
			s.makeTrash("ada2")
			for _, user := range []string{"ada", "ada2"} {
				s.erase(user)
				s.equal("what "+user+" has after Erase", s.state(user), state{Counts: make([]threads.Counts, len(scopes))})
				s.absent(user, "d1")
			}
			s.are("ada", "live=gone single=gone bulk1=gone")
			s.equal("UsersDue after Erase", s.usersDue(far, "", 10), []string(nil))
		}),

	clause("erase/answer",
		"It returns how many threads, live and deleted, and how many deletions it removed, and says what it verified.",
		func(s *script) {
			s.populate("ada")
			s.makeTrash("ada2")
			for i, want := range [][2]int64{{5, 3}, {7, 6}} {
				user := []string{"ada", "ada2"}[i]
				e := s.erase(user)
				s.equal("threads and deletions of Erase("+user+")", [2]int64{e.Threads, e.Deletions}, want)
				if len(e.Verified) == 0 || e.Verified[0] == "" {
					s.fail("Erase(%s).Verified = %q; want what was looked at, a sentence each", user, e.Verified)
				}
			}
		}),

	clause("erase/nobody",
		"A user that has nothing is erased with success, as often as one likes.",
		func(s *script) {
			s.populate("ada")
			s.erase("ada")
			for _, user := range []string{"ada", "ada", "bob"} {
				e := s.erase(user)
				s.equal("Erase("+user+"), who has nothing", [2]int64{e.Threads, e.Deletions}, [2]int64{})
			}
		}),

	clause("erase/begins-anew",
		"Afterwards every id and key is free, and what the user does then is as if they had never been there.",
		func(s *script) {
			s.populate("new")
			s.ticks = 0
			s.populate("ada")
			s.erase("ada")
			s.ticks = 0
			s.populate("ada")
			want := s.state("new")
			for i := range want.Threads {
				want.Threads[i].User, want.Threads[i].Metadata["of"] = "ada", "ada"
			}
			for i := range want.Deletions {
				want.Deletions[i].User = "ada"
			}
			s.equal("what ada has, erased and populated again", s.state("ada"), want)
			s.restores("ada", "d2", 2)
		}),
}
