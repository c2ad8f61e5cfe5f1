// Package probe asks a store everything there is to ask, so that tests can hold
// what is in one against what must be there.
package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/skein-go/skein/threads"
)

// Epoch is when the tests begin.
var Epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

// Far is after everything that the tests do.
var Far = Epoch.AddDate(10, 0, 0)

// Clockwork returns a service whose times and ids depend on nothing but the
// calls that are made.
func Clockwork(store threads.Store) *threads.Service {
	var ticks, ids, deletions int
	return threads.NewService(store, &threads.Options{
		Now: func() time.Time {
			ticks++
			return Epoch.Add(time.Duration(ticks) * time.Second)
		},
		NewThreadID:   func() string { ids++; return fmt.Sprintf("thrd_%024d", ids) },
		NewDeletionID: func() string { deletions++; return fmt.Sprintf("del_%024d", deletions) },
	})
}

// Populate gives a user about n threads, in every state that there is: live,
// deleted singly and in bulk, restored, half purged, with and without
// everything that a thread can have.
func Populate(ctx context.Context, s *threads.Service, user string, n int) error {
	next := 0
	create := func(until int) error {
		for ; next < until; next++ {
			d := threads.Draft{
				Organization: []string{"", "org_a", "org_ab", "org_b"}[next%4],
				Title:        fmt.Sprintf("title %d of %s", next, user),
				Hidden:       next%7 == 3, Pinned: next%5 == 2,
			}
			if next%3 == 0 {
				d.Assistant = []string{"asst_1", "asst_12"}[next%2]
			}
			if next%2 == 0 {
				d.Metadata = map[string]string{"color": "green", "number": fmt.Sprint(next), "owner": user}
			}
			if _, err := s.Create(ctx, user, d); err != nil {
				return err
			}
		}
		return nil
	}
	live := threads.Query{Scope: threads.All()}
	del := func(count int) error {
		page, err := s.List(ctx, user, live, threads.Paging{Limit: count})
		for _, t := range page.Threads {
			if _, err := s.Delete(ctx, user, t.ID); err != nil {
				return err
			}
		}
		return err
	}
	if err := create(n / 3); err != nil {
		return err
	}
	first, err := s.SoftDeleteAll(ctx, user, threads.InOrganization("org_a"))
	if err != nil {
		return err
	}
	if err := errors.Join(del(2), create(2*n/3)); err != nil {
		return err
	}
	second, err := s.SoftDeleteAll(ctx, user, threads.All(), threads.WithIdempotencyKey("every"))
	if err != nil {
		return err
	}
	if err := create(n); err != nil {
		return err
	}
	third, err := s.SoftDeleteAll(ctx, user, threads.InOrganization("org_b"))
	if err != nil {
		return err
	}
	if _, err := s.Restore(ctx, user, third.ID); err != nil {
		return err
	}
	inside, err := s.List(ctx, user, threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: second.ID}, threads.Paging{Limit: 1})
	if err != nil {
		return err
	}
	if _, err := s.RestoreThread(ctx, user, inside.Threads[0].ID); err != nil {
		return err
	}
	if err := del(3); err != nil {
		return err
	}
	if _, err := s.SoftDeleteAll(ctx, user, threads.InOrganization("org_none"), threads.WithIdempotencyKey("none")); err != nil {
		return err
	}
	_, err = s.Purge(ctx, user, first.DeletedAt.Add(time.Microsecond), max(1, int(first.Held/2)))
	return err
}

// Catalog is what there is to ask about.
type Catalog struct {
	Users     []string
	Threads   map[string][]string // by user
	Deletions map[string][]string // by user
}

// CatalogOf lists what a healthy store has.
func CatalogOf(ctx context.Context, store threads.Store, users ...string) (Catalog, error) {
	c := Catalog{Users: users, Threads: map[string][]string{}, Deletions: map[string][]string{}}
	for _, user := range users {
		list, err := List(ctx, store, user, threads.Query{Scope: threads.All(), State: threads.Both}, threads.MaxPage)
		if err != nil {
			return c, err
		}
		for _, t := range list {
			c.Threads[user] = append(c.Threads[user], t.ID)
		}
		deletions, err := store.ListDeletions(ctx, user, threads.OldestFirst, threads.Cursor{}, threads.MaxPage)
		if err != nil {
			return c, err
		}
		for _, d := range deletions {
			c.Deletions[user] = append(c.Deletions[user], d.ID)
		}
	}
	return c, nil
}

// List reads a list page by page.
func List(ctx context.Context, store threads.Store, user string, q threads.Query, page int) (all []threads.Thread, err error) {
	for from := (threads.Cursor{}); ; {
		list, err := store.List(ctx, user, q, from, page)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page {
			return all, nil
		}
		from = list[len(list)-1].Cursor()
	}
}

// Answer is what a store says to a question: text, or an error.
type Answer struct {
	Text  string
	Shown []string // each thread, deletion or user in it; of counts, one for each that is counted
	Err   error
}

// String is the same for answers that mean the same.
func (a Answer) String() string {
	if a.Err == nil {
		return a.Text
	}
	for _, class := range []error{
		threads.ErrNotFound, threads.ErrExists, threads.ErrVersionMismatch, threads.ErrKeyReused, threads.ErrInvalid,
		threads.ErrPurged, threads.ErrClosed, threads.ErrUnknownOutcome, threads.ErrCorrupt, threads.ErrFull,
	} {
		if errors.Is(a.Err, class) {
			return "error: " + class.Error()
		}
	}
	return "error: " + a.Err.Error()
}

// Ask puts every question about what is in the catalog, by every read method
// there is, and hands over the answers.
func (c Catalog) Ask(ctx context.Context, store threads.Store, hear func(question string, a Answer)) {
	put := func(v any, err error, question string, args ...any) {
		hear(fmt.Sprintf(question, args...), Answer{Text: fmt.Sprintf("%+v", v), Shown: shown(v, err), Err: err})
	}
	scopes := []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")}
	yes := true
	for _, user := range c.Users {
		for _, scope := range scopes {
			n, err := store.Count(ctx, user, scope)
			put(n, err, "Count(%s, %s)", user, scope)
			q := threads.Query{Scope: scope, State: threads.Both}
			list, err := List(ctx, store, user, q, threads.MaxPage+1)
			put(list, err, "List(%s, %s, both)", user, scope)
		}
		for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
			for name, q := range map[string]threads.Query{
				"live": {}, "deleted": {State: threads.Deleted}, "pinned": {Pinned: &yes}, "hidden": {Hidden: &yes},
				"assistant": {Assistant: "asst_1", State: threads.Both},
			} {
				q.Scope, q.Order = threads.All(), order
				list, err := List(ctx, store, user, q, 7)
				put(list, err, "List(%s, %s, order %d)", user, name, order)
			}
			list, err := store.ListDeletions(ctx, user, order, threads.Cursor{}, threads.MaxPage)
			put(list, err, "ListDeletions(%s, order %d)", user, order)
		}
		for _, id := range append([]string{"thrd_absent"}, c.Threads[user]...) {
			t, err := store.Get(ctx, user, id, threads.Both)
			put(t, err, "Get(%s, %s)", user, id)
		}
		for _, id := range append([]string{"del_absent"}, c.Deletions[user]...) {
			d, err := store.GetDeletion(ctx, user, id)
			put(d, err, "GetDeletion(%s, %s)", user, id)
			q := threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: id}
			list, err := List(ctx, store, user, q, threads.MaxPage)
			put(list, err, "List(%s, deletion %s)", user, id)
		}
		p, err := store.PreviewPurge(ctx, user, Far)
		put(p, err, "PreviewPurge(%s)", user)
	}
	users, err := store.UsersDue(ctx, Far, "", threads.MaxPage)
	users = slices.DeleteFunc(users, func(user string) bool { return !slices.Contains(c.Users, user) })
	put(users, err, "UsersDue")
}

// shown is what an answer without an error shows.
func shown(v any, err error) (items []string) {
	if err != nil {
		return nil
	}
	count := func(what string, n int64) {
		for i := range n {
			items = append(items, fmt.Sprint(what, " ", i))
		}
	}
	switch v := v.(type) {
	case []threads.Thread:
		for _, t := range v {
			items = append(items, fmt.Sprintf("%+v", t))
		}
	case []threads.Deletion:
		for _, d := range v {
			items = append(items, fmt.Sprintf("%+v", d))
		}
	case []string:
		items = v
	case threads.Counts:
		count("live", v.Live)
		count("deleted", v.Deleted)
	case threads.Preview:
		count("thread", v.Threads)
		count("deletion", v.Deletions)
	default:
		items = []string{fmt.Sprintf("%+v", v)}
	}
	return items
}

// Facts are the answers to every question.
func (c Catalog) Facts(ctx context.Context, store threads.Store) map[string]string {
	facts := map[string]string{}
	c.Ask(ctx, store, func(question string, a Answer) { facts[question] = a.String() })
	return facts
}

// Differences says in what the facts differ from what they should be, at most
// three times.
func Differences(got, want map[string]string) (lines []string) {
	for _, question := range slices.Sorted(maps.Keys(want)) {
		if got[question] != want[question] {
			lines = append(lines, fmt.Sprintf("%s = %s; want %s", question, got[question], want[question]))
		}
	}
	return lines[:min(3, len(lines))]
}
