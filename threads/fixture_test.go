package threads_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// start is what the clock of every fixture shows first.
var start = time.Date(2026, time.March, 14, 15, 9, 26, 535_897_000, time.UTC)

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sequence makes prefix1, prefix2 and so on.
func sequence(prefix string) func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint(prefix, n)
	}
}

// fixture is a service with a clock and ids that a test knows: thrd_1,
// thrd_2, del_1. Its methods end the test where their call should not fail.
type fixture struct {
	*threads.Service
	t     *testing.T
	clock *clock
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOver(t, memory.New())
}

func newFixtureOver(t *testing.T, store threads.Store) *fixture {
	t.Helper()
	c := &clock{now: start}
	return &fixture{t: t, clock: c, Service: threads.NewService(store, &threads.Options{
		Now: c.Now, NewThreadID: sequence("thrd_"), NewDeletionID: sequence("del_"),
	})}
}

func (f *fixture) create(user string, d threads.Draft) threads.Thread {
	f.t.Helper()
	created, err := f.Create(f.t.Context(), user, d)
	if err != nil {
		f.t.Fatalf("Create(%s, %+v) = %v; want a thread", user, d, err)
	}
	return created
}

// createIn makes threads with these ids in the organization, a millisecond
// apart.
func (f *fixture) createIn(user, organization string, ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		f.create(user, threads.Draft{ID: id, Organization: organization})
		f.clock.advance(time.Millisecond)
	}
}

func (f *fixture) delete(user, id string) threads.Deletion {
	f.t.Helper()
	d, err := f.Delete(f.t.Context(), user, id)
	if err != nil {
		f.t.Fatalf("Delete(%s, %s) = %v; want a deletion", user, id, err)
	}
	return d
}

func (f *fixture) deleteAll(user string, scope threads.Scope, opts ...threads.DeleteOption) threads.Deletion {
	f.t.Helper()
	d, err := f.SoftDeleteAll(f.t.Context(), user, scope, opts...)
	if err != nil {
		f.t.Fatalf("SoftDeleteAll(%s, %s) = %v; want a deletion", user, scope, err)
	}
	return d
}

func (f *fixture) get(user, id string) threads.Thread {
	f.t.Helper()
	got, err := f.Get(f.t.Context(), user, id, threads.Both)
	if err != nil {
		f.t.Fatalf("Get(%s, %s) = %v; want a thread", user, id, err)
	}
	return got
}

func (f *fixture) deletion(user, id string) threads.Deletion {
	f.t.Helper()
	d, err := f.Deletion(f.t.Context(), user, id)
	if err != nil {
		f.t.Fatalf("Deletion(%s, %s) = %v; want a deletion", user, id, err)
	}
	return d
}

// ids lists all that matches the query.
func (f *fixture) ids(user string, q threads.Query) []string {
	f.t.Helper()
	ids := []string{}
	for thread, err := range f.All(f.t.Context(), user, q) {
		if err != nil {
			f.t.Fatalf("All(%s, %+v) = %v; want threads", user, q, err)
		}
		ids = append(ids, thread.ID)
	}
	return ids
}

func (f *fixture) live(user string) []string {
	f.t.Helper()
	return f.ids(user, threads.Query{Scope: threads.All(), Order: threads.OldestFirst})
}

// wantLive checks which threads of the user are live, oldest first.
func (f *fixture) wantLive(user string, want ...string) {
	f.t.Helper()
	if got := f.live(user); !equal(got, want) {
		f.t.Errorf("live threads of %s = %q; want %q", user, got, want)
	}
}

func (f *fixture) wantCounts(user string, scope threads.Scope, want threads.Counts) {
	f.t.Helper()
	if got, err := f.Count(f.t.Context(), user, scope); err != nil || got != want {
		f.t.Errorf("Count(%s, %s) = %+v, %v; want %+v, nil", user, scope, got, err, want)
	}
}

// wantError checks the class of an error.
func wantError(t *testing.T, call string, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("%s = %v; want an error that is %q", call, err, class)
	}
}

// wantField checks that an error is a FieldError with exactly those members.
func wantField(t *testing.T, call string, err error, want threads.FieldError) {
	t.Helper()
	var got *threads.FieldError
	if !errors.As(err, &got) {
		t.Errorf("%s = %v; want a FieldError %q", call, err, want)
		return
	}
	if *got != want {
		t.Errorf("%s = FieldError %q; want %q", call, *got, want)
	}
	wantError(t, call, err, threads.ErrInvalid)
}

// wantInvalid checks that an error is a FieldError for that field.
func wantInvalid(t *testing.T, call string, err error, field string) {
	t.Helper()
	var got *threads.FieldError
	if !errors.As(err, &got) || got.Field != field {
		t.Errorf("%s = %v; want a FieldError for %q", call, err, field)
		return
	}
	wantError(t, call, err, threads.ErrInvalid)
}

// equal compares lists; nil is equal to empty.
func equal[T any](a, b []T) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

func ptr[T any](v T) *T { return &v }

// stub is a store whose every method does nothing but report its name and
// return what call returns.
type stub struct{ call func(method string) error }

var _ threads.Store = stub{}

func (s stub) Create(context.Context, string, threads.Thread) error { return s.call("Create") }

func (s stub) Get(context.Context, string, string, threads.State) (threads.Thread, error) {
	return threads.Thread{}, s.call("Get")
}

func (s stub) Update(context.Context, string, threads.Thread) error { return s.call("Update") }

func (s stub) List(context.Context, string, threads.Query, threads.Cursor, int) ([]threads.Thread, error) {
	return nil, s.call("List")
}

func (s stub) Count(context.Context, string, threads.Scope) (threads.Counts, error) {
	return threads.Counts{}, s.call("Count")
}

func (s stub) Delete(context.Context, string, string, threads.Deletion) (threads.Deletion, error) {
	return threads.Deletion{}, s.call("Delete")
}

func (s stub) SoftDeleteAll(context.Context, string, threads.Deletion) (threads.Deletion, error) {
	return threads.Deletion{}, s.call("SoftDeleteAll")
}

func (s stub) Restore(context.Context, string, string, time.Time) (int64, error) {
	return 0, s.call("Restore")
}

func (s stub) RestoreThread(context.Context, string, string) (threads.Thread, error) {
	return threads.Thread{}, s.call("RestoreThread")
}

func (s stub) GetDeletion(context.Context, string, string) (threads.Deletion, error) {
	return threads.Deletion{}, s.call("GetDeletion")
}

func (s stub) ListDeletions(context.Context, string, threads.Order, threads.Cursor, int) ([]threads.Deletion, error) {
	return nil, s.call("ListDeletions")
}

func (s stub) PreviewPurge(context.Context, string, time.Time) (threads.Preview, error) {
	return threads.Preview{}, s.call("PreviewPurge")
}

func (s stub) Purge(context.Context, string, time.Time, time.Time, int) (threads.PurgeResult, error) {
	return threads.PurgeResult{}, s.call("Purge")
}

func (s stub) UsersDue(context.Context, time.Time, string, int) ([]string, error) {
	return nil, s.call("UsersDue")
}

func (s stub) Erase(context.Context, string) (threads.Erasure, error) {
	return threads.Erasure{}, s.call("Erase")
}

func (s stub) Close() error { return s.call("Close") }

// unreachable is a store that no call may get to.
func unreachable(t *testing.T) threads.Store {
	t.Helper()
	return stub{func(method string) error {
		t.Helper()
		t.Errorf("the store's %s was called; bad input never reaches a store", method)
		return errors.New("reached the store")
	}}
}
