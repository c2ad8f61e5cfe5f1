package threads_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func TestListOrder(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"b", "a", "\U0001f9f5", "\uffff", "B"} {
		f.create("ada", threads.Draft{ID: id}) // all at the same time
	}
	f.create("ada", threads.Draft{ID: "old", CreatedAt: start.Add(-time.Hour)})
	want := []string{"old", "B", "a", "b", "\uffff", "\U0001f9f5"} // by created-at, then by the bytes of the id
	f.wantLive("ada", want...)
	slices.Reverse(want)
	if got := f.ids("ada", threads.Query{Scope: threads.All()}); !equal(got, want) {
		t.Errorf("All() = %q; want %q: newest first by default", got, want)
	}
}

func TestListFilters(t *testing.T) {
	f := newFixture(t)
	for _, d := range []threads.Draft{
		{ID: "plain"},
		{ID: "org", Organization: "org_a"},
		{ID: "asst", Assistant: "asst_1"},
		{ID: "pinned", Pinned: true},
		{ID: "hidden", Hidden: true, Organization: "org_a"},
		{ID: "gone", Assistant: "asst_1", Pinned: true},
	} {
		f.create("ada", d)
		f.clock.advance(time.Second)
	}
	gone := f.delete("ada", "gone")
	for name, c := range map[string]struct {
		q    threads.Query
		want []string
	}{
		"live":            {threads.Query{}, []string{"plain", "org", "asst", "pinned", "hidden"}},
		"deleted":         {threads.Query{State: threads.Deleted}, []string{"gone"}},
		"both":            {threads.Query{State: threads.Both}, []string{"plain", "org", "asst", "pinned", "hidden", "gone"}},
		"an assistant":    {threads.Query{State: threads.Both, Assistant: "asst_1"}, []string{"asst", "gone"}},
		"pinned":          {threads.Query{Pinned: ptr(true)}, []string{"pinned"}},
		"not pinned":      {threads.Query{Pinned: ptr(false)}, []string{"plain", "org", "asst", "hidden"}},
		"hidden":          {threads.Query{Hidden: ptr(true)}, []string{"hidden"}},
		"shown":           {threads.Query{Hidden: ptr(false)}, []string{"plain", "org", "asst", "pinned"}},
		"one deletion":    {threads.Query{State: threads.Deleted, Deletion: gone.ID}, []string{"gone"}},
		"an organization": {threads.Query{Scope: threads.InOrganization("org_a")}, []string{"org", "hidden"}},
		"personal":        {threads.Query{Scope: threads.Personal()}, []string{"plain", "asst", "pinned"}},
	} {
		if c.q.Scope == (threads.Scope{}) {
			c.q.Scope = threads.All()
		}
		c.q.Order = threads.OldestFirst
		if got := f.ids("ada", c.q); !equal(got, c.want) {
			t.Errorf("All() of %s = %q; want %q", name, got, c.want)
		}
	}
}

func TestListPageSizes(t *testing.T) {
	f := newFixture(t)
	for range threads.MaxPage + 1 {
		f.create("ada", threads.Draft{})
	}
	for _, c := range []struct{ limit, want int }{{0, threads.DefaultPage}, {1, 1}, {threads.MaxPage, threads.MaxPage}} {
		page, err := f.List(t.Context(), "ada", threads.Query{Scope: threads.All()}, threads.Paging{Limit: c.limit})
		if err != nil || len(page.Threads) != c.want || !page.HasMore {
			t.Errorf("List(limit %d) = %d threads, more: %t, %v; want %d, true, nil", c.limit, len(page.Threads), page.HasMore, err, c.want)
		}
	}
	page, err := f.List(t.Context(), "nobody", threads.Query{Scope: threads.All()}, threads.Paging{})
	if err != nil || len(page.Threads) != 0 || page.HasMore {
		t.Errorf("List(nobody) = %+v, %v; want nothing, nil", page, err)
	}
}

func TestListOfADeletionThatIsNone(t *testing.T) {
	f := newFixture(t)
	q := threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "del_absent"}
	_, err := f.List(t.Context(), "ada", q, threads.Paging{})
	wantError(t, "List() of an absent deletion", err, threads.ErrNotFound)
	f.create("ada", threads.Draft{ID: "x"})
	d := f.delete("ada", "x")
	f.restore("ada", d.ID, 1)
	q.Deletion = d.ID
	if page, err := f.List(t.Context(), "ada", q, threads.Paging{}); err != nil || len(page.Threads) != 0 {
		t.Errorf("List() of a restored deletion = %d threads, %v; want none, nil", len(page.Threads), err)
	}
}

// Whatever the threads, the order and the size of pages: reading on from page
// to page gives the whole list once, and so does reading back.
func TestPagesForwardAndBackAreTheSameList(t *testing.T) {
	ctx := t.Context()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := newFixture(t)
		var places []threads.Cursor
		for i := range r.IntN(40) {
			// Few different times, so that many threads share one.
			created := f.create("ada", threads.Draft{
				ID: fmt.Sprint("t", r.IntN(1000), "-", i), Organization: []string{"", "org_a"}[r.IntN(2)],
				CreatedAt: start.Add(time.Duration(r.IntN(8)) * time.Second),
			})
			places = append(places, created.Cursor())
			if r.IntN(10) == 0 {
				f.deleteAll("ada", threads.InOrganization("org_a"))
			}
		}
		for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
			q := threads.Query{Scope: threads.All(), State: threads.Both, Order: order}
			slices.SortFunc(places, threads.Cursor.Compare)
			if order == threads.NewestFirst {
				slices.Reverse(places)
			}
			want := []string{}
			for _, p := range places {
				want = append(want, p.ID)
			}
			limit := 1 + r.IntN(9)
			list := func(p threads.Paging) threads.Page {
				p.Limit = limit
				page, err := f.List(ctx, "ada", q, p)
				if err != nil {
					t.Fatalf("seed %d: List(%+v) = %v", seed, p, err)
				}
				if page.HasMore && len(page.Threads) != limit {
					t.Errorf("seed %d: a page of %d with more to come; want %d", seed, len(page.Threads), limit)
				}
				if len(page.Threads) == 0 && !p.After.IsZero() {
					t.Errorf("seed %d: an empty page after one that said there is more", seed)
				}
				return page
			}

			var forward []string
			var last threads.Cursor
			for more := true; more; {
				page := list(threads.Paging{After: last})
				forward = append(forward, idsOf(page.Threads)...)
				if more = page.HasMore; len(page.Threads) > 0 {
					last = page.Threads[len(page.Threads)-1].Cursor()
				}
			}
			if !equal(forward, want) {
				t.Fatalf("seed %d, order %d, limit %d: forward = %q; want %q", seed, order, limit, forward, want)
			}
			if len(want) == 0 {
				continue
			}

			// Back from the last thread; it is itself before no place.
			back := []string{last.ID}
			for more := true; more; {
				page := list(threads.Paging{Before: last})
				back = append(idsOf(page.Threads), back...)
				if more = page.HasMore; len(page.Threads) > 0 {
					last = page.Threads[0].Cursor()
				}
			}
			if !equal(back, want) {
				t.Fatalf("seed %d, order %d, limit %d: back = %q; want %q", seed, order, limit, back, want)
			}
		}
	}
}

// Deleting, restoring and purging between pages neither skips nor repeats a
// thread that stays, even if the place itself is gone.
func TestPagesWhileThreadsGo(t *testing.T) {
	ctx := t.Context()
	for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
		f := newFixture(t)
		var want []string
		for i := range 30 {
			id := fmt.Sprintf("t%02d", i)
			if f.createIn("ada", "", id); i%3 == 0 {
				want = append(want, id)
			}
		}
		if order == threads.NewestFirst {
			slices.Reverse(want)
		}
		var got []string
		p := threads.Paging{Limit: 4}
		for {
			page, err := f.List(ctx, "ada", threads.Query{Scope: threads.All(), Order: order}, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, thread := range page.Threads {
				p.After = thread.Cursor()
				if slices.Contains(want, thread.ID) {
					got = append(got, thread.ID)
				} else {
					f.delete("ada", thread.ID)
				}
			}
			f.clock.advance(time.Second)
			if _, err := f.Purge(ctx, "ada", f.clock.Now(), 100); err != nil {
				t.Fatal(err)
			}
			if !page.HasMore {
				break
			}
		}
		if !equal(got, want) {
			t.Errorf("order %d: the threads that stay are seen as %q; want %q", order, got, want)
		}
	}
}

// counting is a store that counts its pages, and fails from one on.
type counting struct {
	threads.Store
	pages  int
	failAt int // 0: never
}

var errBroken = errors.New("broken")

func (c *counting) List(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
	c.pages++
	if c.failAt > 0 && c.pages >= c.failAt {
		return nil, errBroken
	}
	return c.Store.List(ctx, user, q, after, limit)
}

func TestAllReadsPagesAsTheLoopRuns(t *testing.T) {
	store := &counting{Store: memory.New()}
	f := newFixtureOver(t, store)
	const total = 2*threads.MaxPage + 50
	for range total {
		f.create("ada", threads.Draft{})
	}
	everything := threads.Query{Scope: threads.All()}

	t.Run("every thread once", func(t *testing.T) {
		store.pages = 0
		seen := map[string]bool{}
		for thread, err := range f.All(t.Context(), "ada", everything) {
			if err != nil {
				t.Fatal(err)
			}
			seen[thread.ID] = true
		}
		if len(seen) != total || store.pages != 3 {
			t.Errorf("%d threads from %d pages; want %d from 3", len(seen), store.pages, total)
		}
	})
	t.Run("a break ends the reading", func(t *testing.T) {
		store.pages = 0
		n := 0
		for _, err := range f.All(t.Context(), "ada", everything) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == threads.MaxPage {
				break
			}
		}
		if store.pages != 1 {
			t.Errorf("%d pages read; want 1", store.pages)
		}
	})
	t.Run("an error comes last", func(t *testing.T) {
		store.pages, store.failAt = 0, 2
		defer func() { store.failAt = 0 }()
		n, errs := 0, 0
		for thread, err := range f.All(t.Context(), "ada", everything) {
			if err == nil {
				n++
				continue
			}
			errs++
			wantError(t, "All()", err, errBroken)
			if thread.ID != "" || n != threads.MaxPage {
				t.Errorf("the error comes with %+v after %d threads; want the zero Thread after %d", thread, n, threads.MaxPage)
			}
		}
		if errs != 1 || store.pages != 2 {
			t.Errorf("%d errors, %d pages; want 1 error, 2 pages, and an end", errs, store.pages)
		}
	})
	t.Run("the sequence can be read again", func(t *testing.T) {
		all := f.All(t.Context(), "ada", everything)
		for range 2 {
			n := 0
			for _, err := range all {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != total {
				t.Errorf("%d threads; want %d each time", n, total)
			}
		}
	})
	t.Run("a done context is an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		n := 0
		for _, err := range f.All(ctx, "ada", everything) {
			cancel()
			n, last = n+1, err
		}
		wantError(t, "All()", last, context.Canceled)
		if n != threads.MaxPage+1 {
			t.Errorf("%d steps; want a page and the error", n)
		}
	})
}

func TestAllWhileThreadsAreDeleted(t *testing.T) {
	f := newFixture(t)
	const total = threads.MaxPage + 60
	for i := range total {
		f.createIn("ada", "", fmt.Sprintf("t%03d", i))
	}
	var got []string
	for thread, err := range f.All(t.Context(), "ada", threads.Query{Scope: threads.All(), Order: threads.OldestFirst}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, thread.ID)
		f.delete("ada", thread.ID) // a loop that deletes what it sees
	}
	if len(got) != total || !slices.IsSorted(got) || len(slices.Compact(got)) != total {
		t.Errorf("%d threads seen; want each of %d once, in order", len(got), total)
	}
	f.wantLive("ada")
}

func TestListRefusesBadPaging(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	place := threads.Cursor{Time: start, ID: "x"}
	for name, c := range map[string]struct {
		p     threads.Paging
		field string
	}{
		"a negative limit":      {threads.Paging{Limit: -1}, "limit"},
		"a limit above MaxPage": {threads.Paging{Limit: threads.MaxPage + 1}, "limit"},
		"after and before":      {threads.Paging{After: place, Before: place}, "before"},
		"half a place after":    {threads.Paging{After: threads.Cursor{ID: "x"}}, "cursor"},
		"half a place before":   {threads.Paging{Before: threads.Cursor{Time: start}}, "cursor"},
		"a place that is none":  {threads.Paging{After: threads.Cursor{Time: start, ID: "a\n"}}, "cursor"},
	} {
		_, err := svc.List(t.Context(), "ada", threads.Query{Scope: threads.All()}, c.p)
		wantInvalid(t, "List() with "+name, err, c.field)
		_, err = svc.Deletions(t.Context(), "ada", c.p)
		wantInvalid(t, "Deletions() with "+name, err, c.field)
	}
}

func TestCountByScope(t *testing.T) {
	f := mixed(t)
	f.delete("ada", "a1")
	f.deleteAll("ada", threads.Personal())
	for scope, want := range map[threads.Scope]threads.Counts{
		threads.All():                      {Live: 3, Deleted: 3},
		threads.Personal():                 {Deleted: 2},
		threads.InOrganization("org_a"):    {Live: 2, Deleted: 1},
		threads.InOrganization("org_b"):    {Live: 1},
		threads.InOrganization("org_none"): {},
	} {
		f.wantCounts("ada", scope, want)
	}
	f.wantCounts("bob", threads.All(), threads.Counts{Live: 2})
	f.wantCounts("nobody", threads.All(), threads.Counts{})
}

func TestDeletionsNewestFirstInPages(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	var want []string
	for range 7 {
		f.create("ada", threads.Draft{})
		want = append(want, f.deleteAll("ada", threads.All()).ID)
		f.clock.advance(time.Second)
	}
	slices.Reverse(want)
	f.create("bob", threads.Draft{})
	f.deleteAll("bob", threads.All())
	f.restore("ada", want[2], 1)

	all, err := f.Deletions(ctx, "ada", threads.Paging{})
	if err != nil || all.HasMore {
		t.Fatalf("Deletions() = more: %t, %v; want all on one page", all.HasMore, err)
	}
	for i, d := range all.Deletions {
		held := int64(1)
		if i == 2 {
			held = 0
		}
		if d != f.deletion("ada", want[i]) || d.Held != held {
			t.Errorf("Deletions()[%d] = %+v; want %s with %d held", i, d, want[i], held)
		}
	}

	var forward, back []string
	var last threads.Cursor
	for more := true; more; {
		page, err := f.Deletions(ctx, "ada", threads.Paging{Limit: 3, After: last})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deletions {
			forward, last = append(forward, d.ID), d.Cursor()
		}
		more = page.HasMore
	}
	if !equal(forward, want) {
		t.Errorf("Deletions() page by page = %q; want %q", forward, want)
	}
	for more := true; more; {
		page, err := f.Deletions(ctx, "ada", threads.Paging{Limit: 3, Before: last})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range page.Deletions {
			ids = append(ids, d.ID)
		}
		back, more = append(ids, back...), page.HasMore
		if more {
			last = page.Deletions[0].Cursor()
		}
	}
	if !equal(back, want[:len(want)-1]) {
		t.Errorf("Deletions() back from the last = %q; want %q", back, want[:len(want)-1])
	}
}
