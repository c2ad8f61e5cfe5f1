package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// listClauses are about lists of threads.
var listClauses = []Clause{
	clause("list/nothing",
		"A list of nothing is empty, and no error: for a user without threads, an organization without, a deletion that is not there.",
		func(s *script) {
			s.lists("ada", every(threads.Both), "")
			s.create("ada", "t1")
			s.lists("ada", threads.Query{Scope: threads.InOrganization("org_a")}, "")
			s.lists("ada", within("d1"), "")
			s.lists("ada", every(threads.Deleted), "")
		}),

	clause("list/newest-first",
		"Lists are in the order of created-at, newest first by default; those of the same time in that of the bytes of their ids, the last first.",
		func(s *script) {
			s.createUnordered("ada")
			s.lists("ada", threads.Query{Scope: threads.All()}, "t6 t5 t4 t3 t2 t1")
		}),

	clause("list/oldest-first",
		"Oldest first is the reverse.",
		func(s *script) {
			s.createUnordered("ada")
			s.lists("ada", threads.Query{Scope: threads.All(), Order: threads.OldestFirst}, "t1 t2 t3 t4 t5 t6")
		}),

	clause("list/bytes",
		"The order of ids is that of their bytes, on every store and for any UTF-8: neither case, accents nor a language play a part.",
		func(s *script) {
			ids := append(alike("t"), "B", "a", "Z", "_", "é", "e", "f", "\uff01", "🧶", "\U0010ffff", "ß", "ss", "ı", "i", "-", "10", "9", "日", "~")
			slices.Sort(ids)
			for _, i := range []int{3, 1, 2, 0} { // in some other order
				for j := i; j < len(ids); j += 4 {
					s.create("ada", ids[j], created(at(1)))
				}
			}
			s.lists("ada", every(threads.Live), strings.Join(ids, " "))
			for i, id := range ids {
				page := s.page("ada", every(threads.Live), threads.Cursor{Time: at(1), ID: id}, 1)
				s.equal(fmt.Sprintf("List after %q", id), idsOf(page), strings.Join(ids[i+1:min(i+2, len(ids))], ""))
			}
		}),

	clause("list/far-times",
		"The order of times holds from the year 1 to 9999, before 1970 too, and to the microsecond.",
		func(s *script) {
			var want []string
			for i, when := range farTimes() {
				want = append(want, fmt.Sprint("t", i))
				s.create("ada", want[i], created(when))
			}
			s.lists("ada", every(threads.Live), strings.Join(want, " "))
			for i, when := range farTimes() {
				page := s.page("ada", every(threads.Live), threads.Cursor{Time: when, ID: want[i]}, 1)
				s.equal("List after "+when.String(), idsOf(page), strings.Join(want[i+1:min(i+2, len(want))], ""))
			}
		}),

	clause("list/limit",
		"A list has as many as the limit, if there are as many; fewer mean that there are no more.",
		func(s *script) {
			for i := range 7 {
				s.create("ada", fmt.Sprint("t", i), in([]string{"", "org_a"}[i%2]))
			}
			for limit := 1; limit <= 9; limit++ {
				s.equal(fmt.Sprintf("number that List(ada, limit %d) returns", limit),
					len(s.page("ada", every(threads.Live), threads.Cursor{}, limit)), min(limit, 7))
			}
		}),

	clause("list/after",
		"A list begins just after the place given, whether or not a thread is there, in both orders.",
		func(s *script) {
			s.createUnordered("ada")
			for _, c := range []struct {
				place          threads.Cursor
				newest, oldest string
			}{
				{threads.Cursor{Time: at(0), ID: "x"}, "", "t1 t2 t3 t4 t5 t6"},
				{threads.Cursor{Time: at(2), ID: "t2"}, "t1", "t3 t4 t5 t6"},
				{threads.Cursor{Time: at(2), ID: "t2a"}, "t2 t1", "t3 t4 t5 t6"},
				{threads.Cursor{Time: at(2), ID: "a"}, "t1", "t2 t3 t4 t5 t6"},
				{threads.Cursor{Time: at(2), ID: "z"}, "t4 t3 t2 t1", "t5 t6"},
				{threads.Cursor{Time: at(3).Add(-time.Microsecond), ID: "t5"}, "t4 t3 t2 t1", "t5 t6"},
				{threads.Cursor{Time: at(9), ID: "t1"}, "t6 t5 t4 t3 t2 t1", ""},
			} {
				for order, want := range []string{c.newest, c.oldest} {
					q := threads.Query{Scope: threads.All(), Order: threads.Order(order)}
					s.equal(fmt.Sprintf("List(ada, %s) after %s", queryText(q), placeText(c.place)), idsOf(s.page("ada", q, c.place, 10)), want)
				}
			}
		}),

	clause("list/after-one-that-left",
		"A place stays good when the thread it came from is deleted, restored, purged or erased.",
		func(s *script) {
			s.createUnordered("ada")
			place := s.get("ada", "t3").Cursor()
			next := func(what string) {
				s.equal("List after a thread that was "+what, idsOf(s.page("ada", every(threads.Live), place, 2)), "t4 t5")
				s.equal("List back from a thread that was "+what, idsOf(s.page("ada", threads.Query{Scope: threads.All()}, place, 2)), "t2 t1")
			}
			s.delete("ada", "t3", "d1")
			next("deleted")
			s.restore("ada", "d1")
			next("restored")
			s.delete("ada", "t3", "d2")
			s.purge("ada", far, far, 10)
			next("purged")
		}),

	clause("list/between-pages",
		"Deleting, restoring, purging, updating and creating threads between pages neither skips nor repeats a thread that stays.",
		func(s *script) {
			var stay []string
			for i := range 40 {
				id := fmt.Sprintf("t%02d", i)
				s.create("ada", id, in([]string{"", "org_a", "org_b"}[i%3]), created(at(i/2)))
				if i%4 != 0 {
					stay = append(stay, id)
				}
			}
			var seen []string
			after := threads.Cursor{}
			for n := 0; ; n++ {
				page := s.page("ada", every(threads.Live), after, 3)
				for _, t := range page {
					if t.ID[0] == 't' && slices.Contains(stay, t.ID) {
						seen = append(seen, t.ID)
					}
				}
				if len(page) < 3 {
					break
				}
				after = page[2].Cursor()
				// Of those that do not stay, some that were seen go, and come
				// back; so do some that were not; and there are new ones on
				// both sides of the place.
				if n < 5 {
					s.create("ada", fmt.Sprint("before", n), created(at(-n-1)))
					s.create("ada", fmt.Sprint("beyond", n), created(at(30-n)))
					s.delete("ada", fmt.Sprintf("t%02d", 4*n), fmt.Sprint("d", n))
					s.delete("ada", fmt.Sprintf("t%02d", 36-4*n), fmt.Sprint("e", n))
				}
				switch n {
				case 2:
					s.restore("ada", "d1")
					s.restore("ada", "e1")
				case 3:
					s.purge("ada", far, far, 100)
				case 4:
					s.deleteAll("ada", threads.All(), "all")
					s.restore("ada", "all")
				}
				s.update(s.get("ada", stay[n]))
			}
			s.equal("threads that stay, as pages showed them", strings.Join(seen, " "), strings.Join(stay, " "))
		}),

	clause("list/scope",
		"A list has the threads of its scope: all, those of one organization, whose id it is to the byte, or the personal ones.",
		func(s *script) {
			for _, o := range []string{"", "org_a", "org_b", "org_A", "org_ab", "org_a-b", "org_a_"} {
				s.create("ada", "of:"+o, in(o))
				s.create("ada", "gone:"+o, in(o))
				s.delete("ada", "gone:"+o, "d:"+o)
			}
			s.lists("ada", every(threads.Live), "of: of:org_a of:org_b of:org_A of:org_ab of:org_a-b of:org_a_")
			for _, o := range []string{"", "org_a", "org_b", "org_A", "org_ab", "org_a-b", "org_a_"} {
				for state, want := range []string{"of:" + o, "gone:" + o, "of:" + o + " gone:" + o} {
					s.lists("ada", threads.Query{Scope: threads.ScopeOf(o), State: threads.State(state), Order: threads.OldestFirst}, want)
				}
			}
		}),

	clause("list/state",
		"A list has the threads of its state: live, deleted whether alone or with all, or both.",
		func(s *script) {
			s.populate("ada")
			s.lists("ada", every(threads.Live), "live member")
			s.lists("ada", every(threads.Deleted), "single bulk1 bulk2")
			s.lists("ada", every(threads.Both), "live member single bulk1 bulk2")
		}),

	clause("list/fields",
		"A list returns each thread as Get does.",
		func(s *script) {
			s.put(full("ada", "t1"))
			s.populate("ada")
			for _, t := range s.list("ada", every(threads.Both)) {
				s.equal(fmt.Sprintf("List(ada)'s %s, compared with Get", t.ID), t, s.get("ada", t.ID))
			}
		}),

	clause("list/assistant",
		"A list for an assistant has the threads held with it, and no others.",
		func(s *script) {
			s.create("ada", "t1", with("asst_1"))
			s.create("ada", "t2", with("asst_12"))
			s.create("ada", "t3")
			s.create("ada", "t4", with("asst_1"), in("org_a"), hidden)
			s.create("ada", "t5", with("ASST_1"))
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "asst_1" }, "t1 t4")
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "asst_12" }, "t2")
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "none" }, "")
		}),

	clause("list/pinned",
		"A list for pinned threads has those, one for others has the others, and one for neither has both.",
		func(s *script) {
			s.create("ada", "t1", pinned)
			s.create("ada", "t2", in("org_a"))
			s.create("ada", "t3", pinned, hidden, in("org_a"))
			s.create("ada", "t4")
			s.listsWith("ada", func(q *threads.Query) { q.Pinned = is(true) }, "t1 t3")
			s.listsWith("ada", func(q *threads.Query) { q.Pinned = is(false) }, "t2 t4")
			s.listsWith("ada", func(*threads.Query) {}, "t1 t2 t3 t4")
		}),

	clause("list/hidden",
		"A list for hidden threads has those, one for others has the others, and one for neither has both.",
		func(s *script) {
			s.create("ada", "t1", hidden)
			s.create("ada", "t2", in("org_a"))
			s.create("ada", "t3", hidden, pinned, in("org_a"))
			s.create("ada", "t4")
			s.listsWith("ada", func(q *threads.Query) { q.Hidden = is(true) }, "t1 t3")
			s.listsWith("ada", func(q *threads.Query) { q.Hidden = is(false) }, "t2 t4")
			s.listsWith("ada", func(*threads.Query) {}, "t1 t2 t3 t4")
		}),

	clause("list/deletion",
		"A list for a deletion has the threads that are in it now: of one call for all, or of a call for one.",
		func(s *script) {
			s.populate("ada")
			s.create("ada", "bulk3", in("org_b"))
			s.deleteAll("ada", threads.InOrganization("org_b"), "d4")
			s.lists("ada", within("d1"), "single")
			s.lists("ada", within("d2"), "bulk1 bulk2")
			s.lists("ada", within("d3"), "")
			s.lists("ada", within("d4"), "bulk3")
			s.restoreThread("ada", "bulk1")
			s.lists("ada", within("d2"), "bulk2")
			s.restore("ada", "d1")
			s.lists("ada", within("d1"), "")
		}),

	clause("list/deletion-and-scope",
		"A list for a deletion has only those of its threads that are in the scope.",
		func(s *script) {
			s.create("ada", "t1")
			s.create("ada", "t2", in("org_a"))
			s.create("ada", "t3", in("org_b"))
			s.deleteAll("ada", threads.All(), "d1")
			s.create("ada", "t4", in("org_a"))
			s.delete("ada", "t4", "d2")
			for _, c := range []struct {
				scope  threads.Scope
				d1, d2 string
			}{
				{threads.All(), "t1 t2 t3", "t4"},
				{threads.Personal(), "t1", ""},
				{threads.InOrganization("org_a"), "t2", "t4"},
				{threads.InOrganization("org_no"), "", ""},
				{threads.Union(threads.Personal(), threads.InOrganization("org_b")), "t1 t3", ""},
			} {
				d1, d2 := within("d1"), within("d2")
				d1.Scope, d2.Scope = c.scope, c.scope
				s.lists("ada", d1, c.d1)
				s.lists("ada", d2, c.d2)
			}
		}),

	clause("list/one-order",
		"The order is that of created-at whatever happened to a thread: deletions, restores and organizations leave no mark on it.",
		func(s *script) {
			s.createMixed("ada")
			s.lists("ada", every(threads.Live), "t01 t03 t04 t06 t07 t09 t11 t12")
			s.lists("ada", every(threads.Deleted), "t02 t05 t08 t10")
			s.lists("ada", every(threads.Both), "t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12")
			s.lists("ada", threads.Query{Scope: threads.All()}, "t12 t11 t09 t07 t06 t04 t03 t01")
			s.equal("List(ada, both) after t04", idsOf(s.page("ada", every(threads.Both), s.get("ada", "t04").Cursor(), 3)), "t05 t06 t07")
		}),

	clause("list/combined",
		"A list has just what matches all of its query at once, in every combination of scope, state, deletion, assistant, pinned and hidden.",
		func(s *script) {
			s.createVaried("ada")
			all := s.list("ada", every(threads.Both))
			for _, q := range queries() {
				var want []threads.Thread
				for _, t := range all {
					if q.Matches(t) {
						want = append(want, t)
					}
				}
				if q.Order == threads.NewestFirst {
					slices.Reverse(want)
				}
				s.lists("ada", q, idsOf(want))
			}
		}),

	clause("list/limit-of-matches",
		"The limit is on the threads that match, not on those looked at: the page is full however few match.",
		func(s *script) {
			for i := range 60 {
				with := []func(*threads.Thread){in([]string{"", "org_a"}[i%2])}
				if i%10 == 5 {
					with = append(with, pinned, hidden)
				}
				s.create("ada", fmt.Sprintf("t%02d", i), with...)
			}
			q := every(threads.Live)
			q.Pinned, q.Hidden = is(true), is(true)
			s.equal("List(ada, pinned and hidden, limit 4)", idsOf(s.page("ada", q, threads.Cursor{}, 4)), "t05 t15 t25 t35")
			s.equal("List(ada, pinned and hidden) after t35", idsOf(s.page("ada", q, s.get("ada", "t35").Cursor(), 4)), "t45 t55")
		}),

	clause("list/follows-updates",
		"After an update a thread is in the lists for what it is now, and in none for what it was.",
		func(s *script) {
			t := s.create("ada", "t1", with("asst_1"), pinned, hidden)
			s.create("ada", "t2")
			t.Assistant, t.PinnedAt, t.Hidden = "asst_2", time.Time{}, false
			t = s.update(t)
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "asst_1" }, "")
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "asst_2" }, "t1")
			s.listsWith("ada", func(q *threads.Query) { q.Pinned = is(true) }, "")
			s.listsWith("ada", func(q *threads.Query) { q.Hidden = is(true) }, "")
			s.listsWith("ada", func(q *threads.Query) { q.Pinned, q.Hidden = is(false), is(false) }, "t1 t2")
			t.Assistant, t.PinnedAt, t.Hidden = "asst_1", at(1), true
			s.update(t)
			s.deleteAll("ada", threads.All(), "d1")
			s.listsWith("ada", func(q *threads.Query) { q.Pinned, q.State = is(true), threads.Deleted }, "t1")
			s.listsWith("ada", func(q *threads.Query) { q.Hidden, q.State = is(true), threads.Deleted }, "t1")
			s.restore("ada", "d1")
			s.listsWith("ada", func(q *threads.Query) { q.Assistant = "asst_1" }, "t1")
			s.listsWith("ada", func(q *threads.Query) { q.Hidden = is(false) }, "t2")
		}),
}

// createUnordered creates t1 to t6, which is their order, in another: t2 to
// t4 at the same time, and so t5 and t6.
func (s *script) createUnordered(user string) {
	for _, c := range []struct {
		id string
		at int
	}{{"t4", 2}, {"t6", 3}, {"t2", 2}, {"t1", 1}, {"t5", 3}, {"t3", 2}} {
		s.create(user, c.id, created(at(c.at)))
	}
}

// createMixed creates t01 to t12, which is their order, in another, spread
// over organizations and deletions; t02, t05, t08 and t10 end up deleted.
func (s *script) createMixed(user string) {
	add := func(organization string, ids ...int) {
		for _, i := range ids {
			s.create(user, fmt.Sprintf("t%02d", i), in(organization), created(at(i)))
		}
	}
	add("org_a", 9, 1, 5)
	s.deleteAll(user, threads.All(), "d1")
	add("org_a", 4, 12)
	add("", 7)
	s.deleteAll(user, threads.InOrganization("org_a"), "d2")
	add("org_b", 11, 2, 8)
	s.restore(user, "d1")
	s.delete(user, "t05", "d3")
	s.deleteAll(user, threads.InOrganization("org_b"), "d4")
	add("", 3, 10, 6)
	s.restore(user, "d2")
	s.restoreThread(user, "t11")
	s.delete(user, "t10", "d5")
}

// createVaried creates threads of every kind that a query can tell apart.
func (s *script) createVaried(user string) {
	kinds := func(name string) {
		for i := range 24 {
			s.create(user, fmt.Sprintf("%s%02d", name, i), func(t *threads.Thread) {
				t.Organization = []string{"", "org_a", "org_b"}[i%3]
				t.Assistant = []string{"", "asst_1"}[i/3%2]
				t.Hidden = i/6%2 == 1
				if i/12 == 1 {
					t.PinnedAt = at(i)
				}
			})
		}
	}
	kinds("bulk")
	s.deleteAll(user, threads.All(), "d1")
	kinds("live")
	for i := range 24 {
		s.create(user, fmt.Sprint("single", i), in([]string{"", "org_a"}[i%2]), with([]string{"", "asst_1"}[i/2%2]))
		s.delete(user, fmt.Sprint("single", i), fmt.Sprint("ds", i))
	}
}

// queries are all combinations of what a query can ask of createVaried.
func queries() []threads.Query {
	var all []threads.Query
	tri := []*bool{nil, is(true), is(false)}
	for _, scope := range scopes {
		for _, in := range []struct {
			state    threads.State
			deletion string
		}{{threads.Live, ""}, {threads.Deleted, ""}, {threads.Both, ""}, {threads.Deleted, "d1"}, {threads.Deleted, "ds5"}} {
			for _, assistant := range []string{"", "asst_1"} {
				for _, pinned := range tri {
					for _, hidden := range tri {
						all = append(all, threads.Query{
							Scope: scope, State: in.state, Deletion: in.deletion, Assistant: assistant,
							Pinned: pinned, Hidden: hidden, Order: threads.Order(len(all) % 2),
						})
					}
				}
			}
		}
	}
	return all
}

// listsWith holds the ids of what matches the query for all live threads,
// oldest first, after change.
func (s *script) listsWith(user string, change func(*threads.Query), ids string) {
	q := every(threads.Live)
	change(&q)
	s.lists(user, q, ids)
}

func is(b bool) *bool { return &b }
