package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// epoch is when the tests begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

// far is after everything that the tests do.
var far = epoch.AddDate(10, 0, 0)

// clockwork returns a service whose times and ids depend on nothing but the
// calls that are made.
func clockwork(store threads.Store) *threads.Service {
	var ticks, ids, deletions int
	return threads.NewService(store, &threads.Options{
		Now: func() time.Time {
			ticks++
			return epoch.Add(time.Duration(ticks) * time.Second)
		},
		NewThreadID:   func() string { ids++; return fmt.Sprintf("thrd_%024d", ids) },
		NewDeletionID: func() string { deletions++; return fmt.Sprintf("del_%024d", deletions) },
	})
}

// newStore opens a store in a new directory. It is checked and closed when the
// test ends.
func newStore(t *testing.T, opts *bolt.Options) (*bolt.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "threads.db")
	return openAt(t, path, opts), path
}

func openAt(t *testing.T, path string, opts *bolt.Options) *bolt.Store {
	t.Helper()
	store, err := bolt.Open(t.Context(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		if _, err := store.Check(context.Background()); err != nil && !errors.Is(err, threads.ErrClosed) {
			t.Errorf("Check at the end of the test = %v", err)
		}
		require.NoError(t, store.Close())
	})
	return store
}

// populate gives a user about n threads, in every state that there is: live,
// deleted singly and in bulk, restored, half purged, with and without
// everything that a thread can have.
func populate(ctx context.Context, s *threads.Service, user string, n int) error {
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

// catalog is what there is to ask about.
type catalog struct {
	Users     []string
	Threads   map[string][]string // by user
	Deletions map[string][]string // by user
}

// catalogOf lists what a healthy store has.
func catalogOf(ctx context.Context, store threads.Store, users ...string) (catalog, error) {
	c := catalog{Users: users, Threads: map[string][]string{}, Deletions: map[string][]string{}}
	for _, user := range users {
		list, err := listAll(ctx, store, user, threads.Query{Scope: threads.All(), State: threads.Both}, threads.MaxPage)
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

// listAll reads a list page by page.
func listAll(ctx context.Context, store threads.Store, user string, q threads.Query, page int) (all []threads.Thread, err error) {
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

// answer is what a store says to a question: text, or an error.
type answer struct {
	Text string
	err  error
}

// String is the same for answers that mean the same.
func (a answer) String() string {
	if a.err == nil {
		return a.Text
	}
	for _, class := range []error{
		threads.ErrNotFound, threads.ErrExists, threads.ErrVersionMismatch, threads.ErrKeyReused, threads.ErrInvalid,
		threads.ErrPurged, threads.ErrClosed, threads.ErrUnknownOutcome, threads.ErrCorrupt, threads.ErrFull,
	} {
		if errors.Is(a.err, class) {
			return "error: " + class.Error()
		}
	}
	return "error: " + a.err.Error()
}

// ask puts every question about what is in the catalog, by every read method
// there is, and hands over the answers.
func (c catalog) ask(ctx context.Context, store threads.Store, hear func(question string, a answer)) {
	put := func(v any, err error, question string, args ...any) {
		hear(fmt.Sprintf(question, args...), answer{Text: fmt.Sprintf("%+v", v), err: err})
	}
	scopes := []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")}
	yes := true
	for _, user := range c.Users {
		for _, scope := range scopes {
			n, err := store.Count(ctx, user, scope)
			put(n, err, "Count(%s, %s)", user, scope)
			q := threads.Query{Scope: scope, State: threads.Both}
			list, err := listAll(ctx, store, user, q, threads.MaxPage+1)
			put(list, err, "List(%s, %s, both)", user, scope)
		}
		for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
			for name, q := range map[string]threads.Query{
				"live": {}, "deleted": {State: threads.Deleted}, "pinned": {Pinned: &yes}, "hidden": {Hidden: &yes},
				"assistant": {Assistant: "asst_1", State: threads.Both},
			} {
				q.Scope, q.Order = threads.All(), order
				list, err := listAll(ctx, store, user, q, 7)
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
			list, err := listAll(ctx, store, user, q, threads.MaxPage)
			put(list, err, "List(%s, deletion %s)", user, id)
		}
		p, err := store.PreviewPurge(ctx, user, far)
		put(p, err, "PreviewPurge(%s)", user)
	}
	users, err := store.UsersDue(ctx, far, "", threads.MaxPage)
	users = slices.DeleteFunc(users, func(user string) bool { return !slices.Contains(c.Users, user) })
	put(users, err, "UsersDue")
}

// facts are the answers to every question.
func (c catalog) facts(ctx context.Context, store threads.Store) map[string]string {
	facts := map[string]string{}
	c.ask(ctx, store, func(question string, a answer) { facts[question] = a.String() })
	return facts
}

// differences says in what the facts differ from what they should be, at most
// three times.
func differences(got, want map[string]string) (lines []string) {
	for _, question := range slices.Sorted(maps.Keys(want)) {
		if got[question] != want[question] {
			lines = append(lines, fmt.Sprintf("%s = %s; want %s", question, got[question], want[question]))
		}
	}
	return lines[:min(3, len(lines))]
}

// populated returns the path of a file with the users, what to ask about it,
// and the right answers. Each is made once, without syncs, and copied.
func populated(t *testing.T, n int, users ...string) (path string, c catalog, facts map[string]string) {
	t.Helper()
	name := fmt.Sprint(n, users)
	made, ok := fixtures[name]
	if !ok {
		made = fixture(t, n, users)
		fixtures[name] = made
	}
	path = filepath.Join(t.TempDir(), "threads.db")
	writeFile(t, path, made.bytes)
	return path, made.catalog, made.facts
}

type populatedFile struct {
	bytes   []byte
	catalog catalog
	facts   map[string]string
}

var fixtures = map[string]populatedFile{}

func fixture(t *testing.T, n int, users []string) (made populatedFile) {
	t.Helper()
	ctx := t.Context()
	db := unsynced(t)
	store, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	svc := clockwork(store)
	for _, user := range users {
		require.NoError(t, populate(ctx, svc, user, n))
	}
	made.catalog, err = catalogOf(ctx, store, users...)
	require.NoError(t, err)
	made.facts = made.catalog.facts(ctx, store)
	_, err = store.Check(ctx)
	require.NoError(t, err)
	path := db.Path()
	require.NoError(t, db.Close())
	made.bytes, err = os.ReadFile(path)
	require.NoError(t, err)
	return made
}

// unsynced opens a new database that does not wait for the disk.
func unsynced(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "unsynced.db"), 0o600, &bbolt.Options{
		NoSync: true, NoGrowSync: true, FreelistType: bbolt.FreelistMapType,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// createAll creates threads, many at once.
func createAll(t *testing.T, store threads.Store, list ...threads.Thread) {
	t.Helper()
	const at = 32
	var wg sync.WaitGroup
	for w := range at {
		wg.Go(func() {
			for i := w; i < len(list); i += at {
				if !assert.NoError(t, store.Create(t.Context(), list[i].User, list[i])) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// copyFile copies a file, for a test to spoil.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}
