package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// cancellable is a call that ends early when its context does. It returns how
// many threads it removed, for one of several steps that says so.
type cancellable struct {
	name    string
	inSteps bool
	call    func(ctx context.Context, s threads.Store, user string) (removed int64, err error)
}

// once makes a call that happens as a whole or not at all.
func once(c call) cancellable {
	return cancellable{name: c.method, call: func(ctx context.Context, s threads.Store, user string) (int64, error) {
		c.user, c.thread.User, c.deletion.User = user, user, user
		a := c.play(ctx, s)
		switch a.class {
		case "":
			return 0, nil
		case context.Canceled.Error():
			return 0, context.Canceled
		}
		return 0, errors.New(a.class)
	}}
}

// cancellables are all methods of a store that take a context, those of one
// store alone among them. Each finds something to do in what populate makes.
func cancellables(s threads.Store, dir string) []cancellable {
	all := threads.Query{Scope: threads.All(), State: threads.Both}
	d := threads.Deletion{ID: "new", Scope: threads.All(), DeletedAt: at(9)}
	th := threads.Thread{ID: "t1", CreatedAt: at(1), UpdatedAt: at(1), LastActivityAt: at(1), Version: 1, Title: "changed"}
	fresh := th
	fresh.ID = "new"
	list := []cancellable{
		once(call{method: create, thread: fresh}),
		once(call{method: get, id: "t1"}),
		once(call{method: update, thread: th}),
		once(call{method: list, query: all, limit: threads.MaxPage}),
		once(call{method: count, query: all}),
		once(call{method: deleteOne, id: "t1", deletion: d}),
		once(call{method: softDeleteAll, deletion: d}),
		once(call{method: restore, id: "d2", now: at(9)}),
		once(call{method: restoreThread, id: "t0"}),
		once(call{method: getDeletion, id: "d2"}),
		once(call{method: listDeletions, limit: threads.MaxPage}),
		once(call{method: previewPurge, before: at(100)}),
		{purge, true, func(ctx context.Context, s threads.Store, user string) (int64, error) {
			r, err := s.Purge(ctx, user, at(100), at(100), threads.MaxPurge)
			return r.Threads, err
		}},
		{"Erase", true, func(ctx context.Context, s threads.Store, user string) (int64, error) {
			e, err := s.Erase(ctx, user)
			return e.Threads, err
		}},
		{"UsersDue", false, func(ctx context.Context, s threads.Store, _ string) (int64, error) {
			_, err := s.UsersDue(ctx, at(100), "", threads.MaxPage)
			return 0, err
		}},
	}
	upkeep := func(name string, f func(ctx context.Context) error) {
		list = append(list, cancellable{name, false, func(ctx context.Context, _ threads.Store, _ string) (int64, error) { return 0, f(ctx) }})
	}
	switch s := s.(type) {
	case *bolt.Store:
		upkeep("Check", func(ctx context.Context) error { _, err := s.Check(ctx); return err })
		upkeep("Stats", func(ctx context.Context) error { _, err := s.Stats(ctx); return err })
		upkeep("Compact", s.Compact)
	case *sqlite.Store:
		upkeep("Check", func(ctx context.Context) error { _, err := s.Check(ctx); return err })
		upkeep("Stats", func(ctx context.Context) error { _, err := s.Stats(ctx); return err })
		copies := 0
		upkeep("Backup", func(ctx context.Context) error {
			copies++
			return s.Backup(ctx, filepath.Join(dir, fmt.Sprint("copy", copies)))
		})
	}
	return list
}

// requireEveryMethod fails if the store has a method with a context that is
// not in the list.
func requireEveryMethod(t *testing.T, store threads.Store, list []cancellable) {
	t.Helper()
	of := reflect.TypeOf(store)
	for i := range of.NumMethod() {
		m := of.Method(i)
		if m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
			require.True(t, slices.ContainsFunc(list, func(c cancellable) bool { return c.name == m.Name }), "%s.%s is tried", of, m.Name)
		}
	}
}

// populate gives a user live threads and deletions of one and of many.
func populate(t *testing.T, s threads.Store, user string) {
	t.Helper()
	ctx := t.Context()
	add := func(ids ...string) {
		for i, id := range ids {
			require.NoError(t, s.Create(ctx, user, threads.Thread{
				ID: id, User: user, Organization: []string{"", "org_a"}[i%2], Title: "of " + user,
				CreatedAt: at(i), UpdatedAt: at(i), LastActivityAt: at(i), Version: 1,
			}))
		}
	}
	add("t0", "t5", "t6", "t7", "t8", "t9")
	_, err := s.Delete(ctx, user, "t9", threads.Deletion{ID: "d1", User: user, Scope: threads.All(), DeletedAt: at(1)})
	require.NoError(t, err)
	_, err = s.SoftDeleteAll(ctx, user, threads.Deletion{ID: "d2", User: user, Scope: threads.All(), DeletedAt: at(2), Key: "k"})
	require.NoError(t, err)
	add("t1", "t2", "t3", "t4")
}

// all is everything that a user has, as calls tell it.
func all(t *testing.T, s threads.Store, user string) (answers []answer) {
	t.Helper()
	for _, method := range []string{list, listDeletions, count} {
		c := call{method: method, user: user, query: threads.Query{Scope: threads.All(), State: threads.Both}, limit: threads.MaxPage}
		a := c.play(t.Context(), s)
		require.Empty(t, a.class, "%s", c)
		answers = append(answers, a)
	}
	return answers
}

func sameAnswers(a, b []answer) bool {
	for i := range a {
		if !a[i].equal(b[i]) {
			return false
		}
	}
	return true
}

// TestCallsCancelledAnywhereHappenOrDoNot cancels every method at every look
// that it takes at its context.
func TestCallsCancelledAnywhereHappenOrDoNot(t *testing.T) {
	for _, k := range []kind{memoryKind, boltKind, smallBolt, sqliteKind, smallSQLite} {
		t.Run(strings.ReplaceAll(k.name, " ", "_"), func(t *testing.T) {
			dir := t.TempDir()
			store := k.openIn(t, dir)
			requireEveryMethod(t, store, cancellables(store, dir))
			outcomes, users := map[string]int{}, 0
			for _, c := range cancellables(store, dir) {
				next := func() (string, []answer) {
					users++
					user := fmt.Sprint("user", users)
					populate(t, store, user)
					return user, all(t, store, user)
				}
				user, before := next()
				for looks, done := 0, false; !done; looks += 1 + looks/16 {
					ctx := newCountdown(t.Context(), looks)
					removed, err := c.call(ctx, store, user)
					done = ctx.sound()
					after := all(t, store, user)
					gone := before[2].counts.Live + before[2].counts.Deleted - after[2].counts.Live - after[2].counts.Deleted
					switch {
					case err != nil && !errors.Is(err, context.Canceled) || done && err != nil:
						t.Fatalf("%s cancelled at look %d = %v; want nil or %v", c.name, looks, err, context.Canceled)
					case c.inSteps && gone != removed:
						t.Fatalf("%s cancelled at look %d says that it removed %d threads, and removed %d", c.name, looks, removed, gone)
					case err != nil && !c.inSteps && !sameAnswers(before, after):
						t.Fatalf("%s cancelled at look %d = %v, and changed %v to %v", c.name, looks, err, before, after)
					case err != nil && gone > 0:
						outcomes["cancelled between steps"]++
					case err != nil:
						outcomes["cancelled, and nothing happened"]++
					default:
						outcomes["done"]++
					}
					if !sameAnswers(before, after) {
						user, before = next()
					}
				}
			}
			check(t, store)
			record(t, results.Result{Fault: "calls cancelled at every look" + k.options(), Store: k.engine(), Runs: users, Outcomes: outcomes})
		})
	}
}
