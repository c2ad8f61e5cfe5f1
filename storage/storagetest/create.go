package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// createClauses are about putting threads in and getting them out.
var createClauses = []Clause{
	clause("create/every-field",
		"Create adds the thread; Get returns it with every field as it was given, and not deleted.",
		func(s *script) {
			s.equal("Get(ada, t1, Both)", s.get("ada", s.put(full("ada", "t1")).ID), full("ada", "t1"))
		}),

	clause("create/empty-fields",
		"What is optional may be left empty and comes back empty: a personal thread without assistant and title, not hidden, not pinned. Metadata is never nil in what a store returns.",
		func(s *script) {
			given := threads.Thread{ID: "t1", User: "ada", CreatedAt: at(1), UpdatedAt: at(1), LastActivityAt: at(1), Version: 1}
			s.put(given)
			s.equal("Get(ada, t1, Both)", s.get("ada", "t1"), given.Clone())
			s.equal("List(ada, all, live)", s.page("ada", every(threads.Live), threads.Cursor{}, 1), []threads.Thread{given.Clone()})
		}),

	clause("open/nothing-shared",
		"A new store is empty, and shares nothing with any other.",
		func(s *script) {
			other, err := newEnv(s.env.harness, s.env.root)
			s.ok("", err)
			s.ok("", play(s.ctx, other, func(s *script) {
				s.populate("ada")
				s.ok("", s.env.close())
			}))
			s.equal("what ada has in a new store", s.state("ada"), state{Counts: make([]threads.Counts, len(scopes))})
			s.equal("UsersDue", s.usersDue(far, "", 1), []string(nil))
		}),

	clause("get/absent",
		"Get of a thread that is not there is ErrNotFound, in every state.",
		func(s *script) {
			s.create("ada", "t1")
			for _, state := range []threads.State{threads.Live, threads.Deleted, threads.Both} {
				_, err := s.env.store.Get(s.ctx, "ada", "t2", state)
				s.refused(fmt.Sprintf("Get(ada, t2, %d)", state), err, threads.ErrNotFound)
			}
		}),

	clause("get/state",
		"Get returns a thread only if it is in the state asked for; otherwise it is ErrNotFound.",
		func(s *script) {
			s.populate("ada")
			for _, id := range []string{"live", "single", "bulk1"} {
				for _, state := range []threads.State{threads.Live, threads.Deleted, threads.Both} {
					call := fmt.Sprintf("Get(ada, %s, %d)", id, state)
					t, err := s.env.store.Get(s.ctx, "ada", id, state)
					if !state.Matches(id == "live") {
						s.refused(call, err, threads.ErrNotFound)
						continue
					}
					s.ok(call, err)
					s.equal(call+".ID", t.ID, id)
				}
			}
		}),

	clause("get/deletion",
		"A deleted thread carries the id and the time of the deletion it is in, and nothing else of it differs; a live one carries neither.",
		func(s *script) {
			one, other, stays := full("ada", "t1"), full("ada", "t2"), full("ada", "t3")
			stays.Organization = "org_a"
			s.put(one)
			s.put(other)
			s.put(stays)
			s.delete("ada", "t1", "d1", on(at(5)))
			s.deleteAll("ada", threads.InOrganization(other.Organization), "d2", on(at(6)))
			one.DeletionID, one.DeletedAt = "d1", at(5)
			other.DeletionID, other.DeletedAt = "d2", at(6)
			for _, want := range []threads.Thread{one, other, stays} {
				s.equal(fmt.Sprintf("Get(ada, %s, Both)", want.ID), s.get("ada", want.ID), want)
			}
		}),

	clause("create/live-thread-exists",
		"Creating a thread whose id the user has given to a live one is ErrExists, and changes nothing.",
		func(s *script) {
			s.put(full("ada", "t1"))
			s.unchanged(func() {
				err := s.env.store.Create(s.ctx, "ada", s.thread("ada", "t1", in("org_a")))
				s.refused("Create(ada, t1)", err, threads.ErrExists)
			}, "ada")
		}),

	clause("create/deleted-thread-exists",
		"Creating a thread whose id the user has given to one that is deleted, alone or with all, is ErrExists, and changes nothing.",
		func(s *script) {
			s.populate("ada")
			s.unchanged(func() {
				for _, id := range []string{"single", "bulk1"} {
					err := s.env.store.Create(s.ctx, "ada", s.thread("ada", id))
					s.refused(fmt.Sprintf("Create(ada, %s)", id), err, threads.ErrExists)
				}
			}, "ada")
		}),

	clause("create/texts",
		"Texts come back byte for byte, whatever valid UTF-8 they hold; NUL alone they cannot.",
		func(s *script) {
			for i, title := range []string{
				"ends in a space ", " starts with one", "tab\tand\nlines\r\n", "\x01\x1b\x7f control", `quotes ' " \ %s _ ; --`,
				"e\u0301 is not \u00e9", "\ufeffmark", "\ufffd replaced", "עברית العربية", "👩‍👩‍👧", "\U0010ffff", "null", "{}",
			} {
				t := s.thread("ada", fmt.Sprint("t", i))
				t.Title, t.Metadata = title, map[string]string{"k" + title: title, strings.ToUpper(title): ""}
				s.put(t)
				s.equal(fmt.Sprintf("Get(ada, %s, Both)", t.ID), s.get("ada", t.ID), t)
			}
		}),

	clause("create/largest",
		"Everything up to its limit is kept whole: identifiers of 128 bytes, a title of 200 characters, 16 pairs of metadata of 64 and 512 characters, keys of 255 bytes, whatever a character takes in UTF-8.",
		func(s *script) {
			wide := func(first string, bytes int) string {
				return first + strings.Repeat("🧶", (bytes-len(first))/4) + strings.Repeat("x", (bytes-len(first))%4)
			}
			user := wide("u", threads.MaxIdentifier)
			t := full(user, wide("t", threads.MaxIdentifier))
			t.Organization = "org_" + strings.Repeat("x", threads.MaxIdentifier-4)
			t.Assistant = wide("a", threads.MaxIdentifier)
			t.Title = strings.Repeat("🧶", threads.MaxTitle)
			t.Metadata = map[string]string{}
			for i := range threads.MaxMetadataPairs {
				t.Metadata[string(rune('a'+i))+strings.Repeat("📏", threads.MaxMetadataKey-1)] = strings.Repeat("🪡", threads.MaxMetadataValue)
			}
			s.put(t)
			s.equal("Get(largest)", s.get(user, t.ID), t)
			id, key := wide("d", threads.MaxIdentifier), wide("k", threads.MaxKey)
			d := s.deleteAll(user, threads.InOrganization(t.Organization), id, keyed(key))
			s.equal("SoftDeleteAll(largest).Key", d.Key, key)
			s.equal("GetDeletion(largest)", s.deletion(user, id), d)
			t.DeletionID, t.DeletedAt = id, d.DeletedAt
			s.equal("Get(largest, deleted)", s.get(user, t.ID), t)
		}),

	clause("create/far-times",
		"Every time from the year 1 to 9999 is kept, to the microsecond, and comes back in UTC.",
		func(s *script) {
			for i, when := range farTimes() {
				t := s.thread("ada", fmt.Sprint("t", i))
				t.CreatedAt, t.UpdatedAt, t.LastActivityAt, t.PinnedAt = when, when, when, when
				s.put(t)
				s.equal(fmt.Sprintf("Get(ada, %s, Both)", t.ID), s.get("ada", t.ID), t)
			}
		}),

	clause("create/ids-are-bytes",
		"An id is its bytes: those that differ in case, accents, form or spaces alone are ids of different threads.",
		func(s *script) {
			for _, id := range alike("t") {
				s.create("ada", id, func(t *threads.Thread) { t.Title = id })
			}
			for _, id := range alike("t") {
				s.equal(fmt.Sprintf("Get(ada, %q, Both).Title", id), s.get("ada", id).Title, id)
			}
		}),
}

// farTimes are the limits of what a time can be, and those about which
// engines differ, in their order.
func farTimes() []time.Time {
	return []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		time.Date(1582, 10, 14, 12, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Unix(0, 0).UTC(),
		time.Unix(0, 1000).UTC(),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 854776000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	}
}

// alike are identifiers that something careless takes for one another, or for
// a pattern, or for a path. The parts of some joined by a separator are the
// parts of others.
func alike(x string) []string {
	return []string{
		x, strings.ToUpper(x), x + " ", " " + x, x + x, x + "%", x + "_", x + "*", x + "é", x + "e\u0301", x + "e", x + "É",
		x + "/" + x, x + ":" + x, x + "|" + x, x + "\u00a0", x + "'", x + "\\", "1", "01", "1.0", "null",
	}
}

// populate gives the user a live thread, a live thread in an organization,
// one deleted alone, two deleted together with a key, and an empty record.
//
//	live       personal       live
//	member     org_a          live
//	single     org_a          deleted, in d1
//	bulk1, 2   org_b          deleted, in d2, which has the key k2
//	none                      d3 deleted nothing and has the key k3
func (s *script) populate(user string) {
	s.create(user, "live")
	s.create(user, "member", in("org_a"))
	s.create(user, "single", in("org_a"))
	s.create(user, "bulk1", in("org_b"))
	s.create(user, "bulk2", in("org_b"))
	s.delete(user, "single", "d1")
	s.deleteAll(user, threads.InOrganization("org_b"), "d2", keyed("k2"))
	s.deleteAll(user, threads.InOrganization("org_none"), "d3", keyed("k3"))
}
