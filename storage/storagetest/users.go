package storagetest

import (
	"fmt"
	"slices"

	"github.com/skein-go/skein/threads"
)

// userClauses are about users never learning of each other.
var userClauses = []Clause{
	clause("users/same-thread-id",
		"A thread is its user and its id: two users may hold the same id, and each sees their own.",
		func(s *script) {
			for _, user := range []string{"ada", "bob"} {
				s.put(full(user, "t1"))
			}
			s.update(full("bob", "t1"))
			s.equal("Get(ada, t1)", s.get("ada", "t1"), full("ada", "t1"))
		}),

	clause("users/same-deletion-id",
		"Two users may have deletions of the same id, and each sees their own.",
		func(s *script) {
			for i, user := range []string{"ada", "bob"} {
				for _, id := range []string{"t1", "t2", "t3"}[i:] {
					s.create(user, id)
				}
				s.delete(user, "t3", "d1")
			}
			ada := s.deleteAll("ada", threads.All(), "d2")
			s.equal("SoftDeleteAll(bob).Count", s.deleteAll("bob", threads.All(), "d2").Count, int64(1))
			s.equal("GetDeletion(ada, d2)", s.deletion("ada", "d2"), ada)
		}),

	clause("users/same-key",
		"An idempotency key is the user's own: with the key of another user a call is not a retry.",
		func(s *script) {
			for _, user := range []string{"ada", "bob"} {
				s.create(user, "t1")
				d := s.deleteAll(user, threads.All(), "d-"+user, keyed("k"))
				s.equal("SoftDeleteAll("+user+", key k).ID", d.ID, "d-"+user)
				s.are(user, "t1=d-"+user)
			}
		}),

	clause("users/foreign-thread",
		"What another user owns is ErrNotFound in every method, answered exactly as if nobody owned it, and stays untouched.",
		func(s *script) {
			s.foreign([]string{"live", "member", "single", "bulk1"}, []string{"Get", "Update", "Delete", "RestoreThread"},
				func(a *arguments, id string) { a.id, a.thread.ID = id, id })
		}),

	clause("users/foreign-deletion",
		"A deletion of another user is ErrNotFound in every method, answered exactly as if there were none, and stays untouched; a list of its threads is empty.",
		func(s *script) {
			ids := []string{"d1", "d2", "d3"}
			s.foreign(ids, []string{"GetDeletion", "Restore"}, func(a *arguments, id string) { a.deletion.ID = id })
			for _, id := range ids {
				s.lists("bob", within(id), "")
			}
		}),

	clause("users/own-lists",
		"Lists, counts and previews show the user's own threads and deletions and no others.",
		func(s *script) {
			s.populate("ada")
			s.equal("what bob has", s.state("bob"), state{Counts: make([]threads.Counts, len(scopes))})
			s.create("bob", "of bob")
			s.lists("bob", every(threads.Both), "of bob")
			s.equal("PreviewPurge(bob)", s.preview("bob", far), threads.Preview{})
		}),

	clause("users/apart",
		"No call of one user changes anything of another, although all their ids and keys are the same.",
		func(s *script) {
			s.populate("ada")
			s.populate("bob")
			s.unchanged(func() {
				s.create("bob", "new", in("org_a"))
				next := s.get("bob", "live")
				next.Title = "changed"
				s.update(next)
				s.delete("bob", "live", "d4")
				s.deleteAll("bob", threads.All(), "d5")
				s.restore("bob", "d2")
				s.restoreThread("bob", "single")
				s.deleteAll("bob", threads.All(), "d6")
				s.purge("bob", far, far, 4)
				s.erase("bob")
			}, "ada")
		}),

	clause("users/alike",
		"A user is their bytes: users whose names differ in case, accents, form or spaces alone, or of whom one is the beginning of another, are different users.",
		func(s *script) {
			for i, user := range alike("u") {
				s.create(user, fmt.Sprint("t", i))
			}
			for i, user := range alike("u") {
				s.lists(user, every(threads.Both), fmt.Sprint("t", i))
				s.equal(fmt.Sprintf("SoftDeleteAll(%q).Count", user), s.deleteAll(user, threads.All(), "d1").Count, int64(1))
				s.counts(user, threads.All(), 0, 1)
			}
			for i, user := range alike("u") {
				s.restores(user, "d1", 1)
				s.are(user, fmt.Sprintf("t%d=live", i))
			}
		}),
}

// foreign calls the methods with each id as bob, before and after ada has
// what is called that, and holds that he cannot tell.
func (s *script) foreign(ids []string, names []string, put func(*arguments, string)) {
	answers := map[string]string{}
	ask := func() {
		for _, m := range methods {
			if !slices.Contains(names, m.name) {
				continue
			}
			for _, id := range ids {
				a := s.argumentsOf(m.name, "bob")
				put(&a, id)
				call := fmt.Sprintf("%s(bob, %s)", m.name, id)
				err := m.call(s.ctx, s.env.store, a)
				s.refused(call, err, threads.ErrNotFound)
				if before, asked := answers[call]; asked {
					s.equal(call+", of ada's, compared with nobody's", err.Error(), before)
				}
				answers[call] = err.Error()
			}
		}
	}
	ask()
	s.populate("ada")
	s.unchanged(ask, "ada", "bob")
}
