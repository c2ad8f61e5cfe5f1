package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// script is the steps of one check. A step that does not go as the rule says
// ends the check, so that checks read as what ought to happen and no more.
type script struct {
	ctx   context.Context
	env   *Env
	ticks int // how many minutes have passed
}

// breach is the panic by which a step ends its check. It never leaves play.
type breach struct{ error }

// play runs the steps and returns how they broke off, if they did.
func play(ctx context.Context, e *Env, steps func(*script)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case breach:
			err = r.error
		default:
			panic(r)
		}
	}()
	steps(&script{ctx: ctx, env: e})
	return nil
}

// together runs all of the steps at once, and goes on when all have ended.
func (s *script) together(all ...func(*script)) {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, steps := range all {
		wg.Go(func() { errs[i] = play(s.ctx, s.env, steps) })
	}
	wg.Wait()
	s.ok("", errors.Join(errs...))
}

// fail ends the check.
func (s *script) fail(format string, args ...any) { panic(breach{fmt.Errorf(format, args...)}) }

// ok ends the check if a call failed.
func (s *script) ok(call string, err error) {
	switch {
	case err == nil:
	case call == "":
		panic(breach{err})
	default:
		s.fail("%s = %w; want no error", call, err)
	}
}

// refused ends the check unless a call returned an error of just that class.
func (s *script) refused(call string, err, class error) {
	if err == nil {
		s.fail("%s = nil; want %v", call, class)
	}
	if !sameClass(err, class) {
		s.fail("%s = %w, of the classes %q; want %v", call, err, classes(err), class)
	}
	var field *threads.FieldError
	if errors.Is(class, threads.ErrInvalid) && !(errors.As(err, &field) && field.Field != "" && field.Rule != "") {
		s.fail("%s = %w, without a FieldError; want one that names the field and its rule", call, err)
	}
}

// equal ends the check unless the answer of a call is the one wanted.
func (s *script) equal(call string, got, want any) {
	if text := difference(call, got, want); text != "" {
		s.fail("%s", text)
	}
}

// at is a time that depends on n alone: minutes after some moment, which has
// microseconds lest a store drop them.
func at(n int) time.Time {
	return time.Date(2026, 3, 4, 5, 6, 7, 123457000, time.UTC).Add(time.Duration(n) * time.Minute)
}

// far is after every time of a check that does not say otherwise.
var far = at(100_000)

// now is a minute later each time it is asked for.
func (s *script) now() time.Time {
	s.ticks++
	return at(s.ticks)
}

// thread is a new thread of the user, created now unless told otherwise.
func (s *script) thread(user, id string, with ...func(*threads.Thread)) threads.Thread {
	t := threads.Thread{
		ID: id, User: user, Title: "Thread " + id, Metadata: map[string]string{"of": user}, Version: 1,
	}
	for _, f := range with {
		f(&t)
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = s.now()
	}
	if t.UpdatedAt.IsZero() {
		t.UpdatedAt, t.LastActivityAt = t.CreatedAt, t.CreatedAt
	}
	return t
}

func in(organization string) func(*threads.Thread) {
	return func(t *threads.Thread) { t.Organization = organization }
}

func created(at time.Time) func(*threads.Thread) {
	return func(t *threads.Thread) { t.CreatedAt = at }
}

func with(assistant string) func(*threads.Thread) {
	return func(t *threads.Thread) { t.Assistant = assistant }
}

func hidden(t *threads.Thread) { t.Hidden = true }
func pinned(t *threads.Thread) { t.PinnedAt = at(-10) }

// full is a thread with something in every field, and no two the same.
func full(user, id string) threads.Thread {
	return threads.Thread{
		ID: id, User: user, Organization: "org_Full-1", Assistant: "asst_7", Title: "Grüße, 世界 🧶",
		Metadata: map[string]string{"color": "red", "größe": "42 📏", "empty": ""}, Hidden: true, PinnedAt: at(-4),
		CreatedAt: at(-3), UpdatedAt: at(-2), LastActivityAt: at(-1), Version: 1<<53 + 1,
	}
}

// newDeletion is a deletion by the user, made now unless told otherwise.
func (s *script) newDeletion(user string, scope threads.Scope, id string, with ...func(*threads.Deletion)) threads.Deletion {
	d := threads.Deletion{ID: id, User: user, Scope: scope}
	for _, f := range with {
		f(&d)
	}
	if d.DeletedAt.IsZero() {
		d.DeletedAt = s.now()
	}
	return d
}

func keyed(key string) func(*threads.Deletion) {
	return func(d *threads.Deletion) { d.Key = key }
}

func on(at time.Time) func(*threads.Deletion) {
	return func(d *threads.Deletion) { d.DeletedAt = at }
}

// What follows makes one call each, which must succeed.

func (s *script) put(t threads.Thread) threads.Thread {
	s.ok(fmt.Sprintf("Create(%s, %s)", t.User, t.ID), s.env.store.Create(s.ctx, t.User, t))
	return t
}

func (s *script) create(user, id string, with ...func(*threads.Thread)) threads.Thread {
	return s.put(s.thread(user, id, with...))
}

func (s *script) get(user, id string) threads.Thread {
	t, err := s.env.store.Get(s.ctx, user, id, threads.Both)
	s.ok(fmt.Sprintf("Get(%s, %s, Both)", user, id), err)
	return t
}

// update returns the thread as it ought to be then.
func (s *script) update(t threads.Thread) threads.Thread {
	s.ok(fmt.Sprintf("Update(%s, %s)", t.User, t.ID), s.env.store.Update(s.ctx, t.User, t))
	t.Version++
	return t
}

func (s *script) delete(user, id, deletion string, with ...func(*threads.Deletion)) threads.Deletion {
	d, err := s.env.store.Delete(s.ctx, user, id, s.newDeletion(user, threads.Personal(), deletion, with...))
	s.ok(fmt.Sprintf("Delete(%s, %s, %s)", user, id, deletion), err)
	return d
}

func (s *script) deleteAll(user string, scope threads.Scope, deletion string, with ...func(*threads.Deletion)) threads.Deletion {
	d, err := s.env.store.SoftDeleteAll(s.ctx, user, s.newDeletion(user, scope, deletion, with...))
	s.ok(fmt.Sprintf("SoftDeleteAll(%s, %s, %s)", user, scope, deletion), err)
	return d
}

func (s *script) restore(user, deletion string) int64 {
	n, err := s.env.store.Restore(s.ctx, user, deletion, s.now())
	s.ok(fmt.Sprintf("Restore(%s, %s)", user, deletion), err)
	return n
}

func (s *script) restoreThread(user, id string) threads.Thread {
	t, err := s.env.store.RestoreThread(s.ctx, user, id)
	s.ok(fmt.Sprintf("RestoreThread(%s, %s)", user, id), err)
	return t
}

func (s *script) deletion(user, id string) threads.Deletion {
	d, err := s.env.store.GetDeletion(s.ctx, user, id)
	s.ok(fmt.Sprintf("GetDeletion(%s, %s)", user, id), err)
	return d
}

// deletions returns the ids of a page of deletions, one after the other.
func (s *script) deletions(user string, order threads.Order, after threads.Cursor, limit int) string {
	list, err := s.env.store.ListDeletions(s.ctx, user, order, after, limit)
	s.ok(fmt.Sprintf("ListDeletions(%s)", user), err)
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	return strings.Join(ids, " ")
}

func (s *script) page(user string, q threads.Query, after threads.Cursor, limit int) []threads.Thread {
	list, err := s.env.store.List(s.ctx, user, q, after, limit)
	s.ok(fmt.Sprintf("List(%s, %s)", user, queryText(q)), err)
	return list
}

// list returns all that match, page by page.
func (s *script) list(user string, q threads.Query) []threads.Thread {
	var all []threads.Thread
	for after := (threads.Cursor{}); ; {
		page := s.page(user, q, after, threads.MaxPage)
		all = append(all, page...)
		if len(page) < threads.MaxPage {
			return all
		}
		last := page[len(page)-1].Cursor()
		if !after.IsZero() && last.Compare(after)*direction(q.Order) <= 0 {
			s.fail("List(%s, %s) after %s ends at %s; want places further on", user, queryText(q), placeText(after), placeText(last))
		}
		after = last
	}
}

func direction(o threads.Order) int {
	if o == threads.OldestFirst {
		return +1
	}
	return -1
}

func (s *script) count(user string, scope threads.Scope) threads.Counts {
	n, err := s.env.store.Count(s.ctx, user, scope)
	s.ok(fmt.Sprintf("Count(%s, %s)", user, scope), err)
	return n
}

func (s *script) preview(user string, before time.Time) threads.Preview {
	p, err := s.env.store.PreviewPurge(s.ctx, user, before)
	s.ok(fmt.Sprintf("PreviewPurge(%s, %s)", user, timeText(before)), err)
	return p
}

func (s *script) purge(user string, before, now time.Time, limit int) threads.PurgeResult {
	r, err := s.env.store.Purge(s.ctx, user, before, now, limit)
	s.ok(fmt.Sprintf("Purge(%s, %s, %s, %d)", user, timeText(before), timeText(now), limit), err)
	return r
}

func (s *script) usersDue(before time.Time, after string, limit int) []string {
	users, err := s.env.store.UsersDue(s.ctx, before, after, limit)
	s.ok(fmt.Sprintf("UsersDue(%s, %q, %d)", timeText(before), after, limit), err)
	return users
}

func (s *script) erase(user string) threads.Erasure {
	e, err := s.env.store.Erase(s.ctx, user)
	s.ok(fmt.Sprintf("Erase(%s)", user), err)
	return e
}

// close closes the store.
func (s *script) close() { s.ok("", s.env.close()) }

// reopen closes the store and opens it again.
func (s *script) reopen() { s.ok("", s.env.reopen()) }

// are holds each thread to a state: "t1=live t2=d7 t3=gone", of which the
// second is deleted, in that deletion.
func (s *script) are(user, states string) {
	for pair := range strings.FieldsSeq(states) {
		id, want, _ := strings.Cut(pair, "=")
		t, err := s.env.store.Get(s.ctx, user, id, threads.Both)
		call, got := fmt.Sprintf("state of thread %s of %s", id, user), "live"
		switch {
		case errors.Is(err, threads.ErrNotFound):
			got = "gone"
		case err != nil:
			s.ok(fmt.Sprintf("Get(%s, %s, Both)", user, id), err)
		case !t.Live():
			got = t.DeletionID
		}
		s.equal(call, got, want)
	}
}

// lists holds the ids of all that match, in their order.
func (s *script) lists(user string, q threads.Query, ids string) {
	s.equal(fmt.Sprintf("List(%s, %s)", user, queryText(q)), idsOf(s.list(user, q)), ids)
}

// counts holds the numbers of live and deleted threads.
func (s *script) counts(user string, scope threads.Scope, live, deleted int64) {
	s.equal(fmt.Sprintf("Count(%s, %s)", user, scope), s.count(user, scope), threads.Counts{Live: live, Deleted: deleted})
}

// holds holds how many threads a deletion says it holds.
func (s *script) holds(user, deletion string, n int64) {
	s.equal(fmt.Sprintf("GetDeletion(%s, %s).Held", user, deletion), s.deletion(user, deletion).Held, n)
}

// restores holds how many threads a restore brings back.
func (s *script) restores(user, deletion string, n int64) {
	s.equal(fmt.Sprintf("Restore(%s, %s)", user, deletion), s.restore(user, deletion), n)
}

// absent holds a deletion to be unknown.
func (s *script) absent(user, deletion string) {
	_, err := s.env.store.GetDeletion(s.ctx, user, deletion)
	s.refused(fmt.Sprintf("GetDeletion(%s, %s)", user, deletion), err, threads.ErrNotFound)
}

func idsOf(list []threads.Thread) string {
	ids := make([]string, len(list))
	for i, t := range list {
		ids[i] = t.ID
	}
	return strings.Join(ids, " ")
}

// every is the query for all threads of that state, oldest first.
func every(state threads.State) threads.Query {
	return threads.Query{Scope: threads.All(), State: state, Order: threads.OldestFirst}
}

// within is the query for the threads in a deletion, oldest first.
func within(deletion string) threads.Query {
	return threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: deletion, Order: threads.OldestFirst}
}
