package storagetest

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// argumentClauses are about what a store refuses, although Service has
// refused it before.
var argumentClauses = []Clause{
	clause("refuses/user",
		"Every call needs a user: not empty, at most 128 bytes, valid UTF-8, no control characters. Otherwise it is ErrInvalid, never a call for everyone, and nothing is changed.",
		func(s *script) {
			s.refuses(oneUser, spoil(func(a *arguments, user string) {
				a.user, a.thread.User, a.deletion.User = user, user, user
			}, badIdentifiers...))
		}),

	clause("refuses/owner",
		"A thread or deletion that names another user than the call does is ErrInvalid, and nothing is changed for either.",
		func(s *script) {
			s.refuses("Create Update Delete SoftDeleteAll", spoil(func(a *arguments, user string) {
				a.thread.User, a.deletion.User = user, user
			}, "bob", "Ada", ""))
		}),

	clause("refuses/scope",
		"The zero Scope, one made from a bad organization id, and a bad union is ErrInvalid, never everything, and nothing is changed.",
		func(s *script) {
			s.refuses("List Count SoftDeleteAll", spoil(func(a *arguments, scope threads.Scope) {
				a.query.Scope, a.scope, a.deletion.Scope = scope, scope, scope
			}, threads.Scope{}, threads.InOrganization(""), threads.InOrganization("all"),
				threads.InOrganization("org_"), threads.InOrganization("org_a b"), threads.InOrganization("ORG_a"),
				threads.Union(), threads.Union(threads.All(), threads.Scope{}), threads.Union(threads.All(), threads.InOrganization("all"))))
		}),

	clause("refuses/thread-id",
		"A thread's id that is empty, longer than 128 bytes, not UTF-8 or has control characters is ErrInvalid, and nothing is changed.",
		func(s *script) {
			s.refuses("Create Get Update Delete RestoreThread", spoil(func(a *arguments, id string) {
				a.id, a.thread.ID = id, id
			}, badIdentifiers...))
		}),

	clause("refuses/deletion-id",
		"A deletion's id that is empty, longer than 128 bytes, not UTF-8 or has control characters is ErrInvalid, and nothing is changed.",
		func(s *script) {
			s.refuses("Delete SoftDeleteAll Restore GetDeletion", spoil(func(a *arguments, id string) {
				a.deletion.ID = id
			}, badIdentifiers...))
			s.refuses("List", spoil(func(a *arguments, id string) {
				a.query.Deletion, a.query.State = id, threads.Deleted
			}, badIdentifiers[1:]...))
		}),

	clause("refuses/key",
		"An idempotency key longer than 255 bytes, not UTF-8 or with control characters is ErrInvalid, and nothing is deleted.",
		func(s *script) {
			s.refuses("SoftDeleteAll", spoil(func(a *arguments, key string) {
				a.deletion.Key = key
			}, strings.Repeat("k", threads.MaxKey+1), "\xff", "a\x00", "a\n"))
		}),

	clause("refuses/thread",
		"A thread with a field outside its rule, or one that says it is deleted, is ErrInvalid for Create and Update, and nothing is changed.",
		func(s *script) {
			many := map[string]string{}
			for i := range threads.MaxMetadataPairs + 1 {
				many[fmt.Sprint(i)] = ""
			}
			pair := func(key, value string) func(*threads.Thread) {
				return func(t *threads.Thread) { t.Metadata = map[string]string{key: value} }
			}
			s.refuses("Create Update", spoil(func(a *arguments, spoil func(*threads.Thread)) { spoil(&a.thread) },
				in("acme"),
				in("org_"+strings.Repeat("x", threads.MaxIdentifier)),
				with(strings.Repeat("a", threads.MaxIdentifier+1)),
				func(t *threads.Thread) { t.Title = strings.Repeat("é", threads.MaxTitle+1) },
				func(t *threads.Thread) { t.Title = "\xff" },
				func(t *threads.Thread) { t.Title = "nul\x00" },
				func(t *threads.Thread) { t.Metadata = many },
				pair("", "no key"),
				pair(strings.Repeat("é", threads.MaxMetadataKey+1), ""),
				pair("k", strings.Repeat("é", threads.MaxMetadataValue+1)),
				pair("k", "\xff"),
				pair("k", "nul\x00"),
				pair("nul\x00", "v"),
				func(t *threads.Thread) { t.Version = 0 },
				func(t *threads.Thread) { t.Version = -1 },
				func(t *threads.Thread) { t.Version = math.MaxInt64 },
				func(t *threads.Thread) { t.DeletionID = "d1" },
				func(t *threads.Thread) { t.DeletedAt = at(1) },
			))
		}),

	clause("refuses/time",
		"A time that is zero, not UTC, finer than a microsecond or outside the years 1 to 9999 is ErrInvalid, and nothing is changed: zero never means now, or everything.",
		func(s *script) {
			for _, c := range []struct {
				methods string
				put     func(*arguments, time.Time)
			}{
				{"Create Update", func(a *arguments, t time.Time) { a.thread.CreatedAt = t }},
				{"Create Update", func(a *arguments, t time.Time) { a.thread.UpdatedAt = t }},
				{"Create Update", func(a *arguments, t time.Time) { a.thread.LastActivityAt = t }},
				{"Delete SoftDeleteAll", func(a *arguments, t time.Time) { a.deletion.DeletedAt = t }},
				{"Restore Purge", func(a *arguments, t time.Time) { a.now = t }},
				{"PreviewPurge Purge UsersDue", func(a *arguments, t time.Time) { a.before = t }},
				{"List ListDeletions", func(a *arguments, t time.Time) { a.after = threads.Cursor{Time: t, ID: "x"} }},
			} {
				s.refuses(c.methods, spoil(c.put, badTimes...))
			}
			s.refuses("Create Update", spoil(func(a *arguments, t time.Time) { a.thread.PinnedAt = t }, badTimes[1:]...))
		}),

	clause("refuses/place",
		"A place to list from that has a time and no id, or a bad id, is ErrInvalid.",
		func(s *script) {
			s.refuses("List ListDeletions", spoil(func(a *arguments, id string) {
				a.after = threads.Cursor{Time: at(1), ID: id}
			}, badIdentifiers...))
		}),

	clause("refuses/limit",
		"A list takes a limit from 1 to MaxPage+1, a purge one from 1 to MaxPurge; another is ErrInvalid, and nothing is changed.",
		func(s *script) {
			limit := func(a *arguments, n int) { a.limit = n }
			s.refuses("List ListDeletions UsersDue", spoil(limit, 0, -1, threads.MaxPage+2, 1<<31-1))
			s.refuses("Purge", spoil(limit, 0, -1, threads.MaxPurge+1, 1<<31-1))
			s.page("ada", every(threads.Both), threads.Cursor{}, threads.MaxPage+1)
			s.deletions("ada", threads.NewestFirst, threads.Cursor{}, threads.MaxPage+1)
			s.usersDue(far, "", threads.MaxPage+1)
			s.purge("ada", far, far, threads.MaxPurge)
		}),

	clause("refuses/query",
		"A query with a state or an order that there is not, for one deletion without the state Deleted, or with a bad assistant id is ErrInvalid.",
		func(s *script) {
			s.refuses("Get List", spoil(func(a *arguments, state threads.State) { a.query.State = state }, 3, 255))
			s.refuses("List ListDeletions", spoil(func(a *arguments, order threads.Order) { a.query.Order = order }, 2, 255))
			s.refuses("List", spoil(func(a *arguments, state threads.State) {
				a.query.Deletion, a.query.State = "d1", state
			}, threads.Live, threads.Both))
			s.refuses("List", spoil(func(a *arguments, assistant string) { a.query.Assistant = assistant }, badIdentifiers[1:]...))
		}),
}

// badIdentifiers are what no user, thread or deletion can be called. The
// first is the empty one.
var badIdentifiers = []string{"", strings.Repeat("x", 129), strings.Repeat("é", 65), "\xff", "a\x00b", "a\n", "\u0085"}

// badTimes are what no store keeps. The first is the zero time.
var badTimes = []time.Time{
	{},
	at(1).Add(time.Nanosecond),
	at(1).In(time.FixedZone("", 3600)),
	at(1).In(time.FixedZone("UTC", 0)),
	time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC),
}

// arguments are what the methods of a store are called with.
type arguments struct {
	user     string
	id       string // of the thread
	thread   threads.Thread
	deletion threads.Deletion
	scope    threads.Scope
	query    threads.Query
	after    threads.Cursor
	before   time.Time
	now      time.Time
	limit    int
}

// method is one method of threads.Store, given arguments.
type method struct {
	name string
	call func(context.Context, threads.Store, arguments) error
}

// oneUser are the methods that act on one user: all but UsersDue.
const oneUser = "Create Get Update List Count Delete SoftDeleteAll Restore RestoreThread GetDeletion ListDeletions PreviewPurge Purge Erase"

var methods = []method{
	{"Create", func(ctx context.Context, s threads.Store, a arguments) error { return s.Create(ctx, a.user, a.thread) }},
	{"Get", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Get(ctx, a.user, a.id, a.query.State)
		return err
	}},
	{"Update", func(ctx context.Context, s threads.Store, a arguments) error { return s.Update(ctx, a.user, a.thread) }},
	{"List", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.List(ctx, a.user, a.query, a.after, a.limit)
		return err
	}},
	{"Count", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Count(ctx, a.user, a.scope)
		return err
	}},
	{"Delete", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Delete(ctx, a.user, a.id, a.deletion)
		return err
	}},
	{"SoftDeleteAll", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.SoftDeleteAll(ctx, a.user, a.deletion)
		return err
	}},
	{"Restore", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Restore(ctx, a.user, a.deletion.ID, a.now)
		return err
	}},
	{"RestoreThread", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.RestoreThread(ctx, a.user, a.id)
		return err
	}},
	{"GetDeletion", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.GetDeletion(ctx, a.user, a.deletion.ID)
		return err
	}},
	{"ListDeletions", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.ListDeletions(ctx, a.user, a.query.Order, a.after, a.limit)
		return err
	}},
	{"PreviewPurge", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.PreviewPurge(ctx, a.user, a.before)
		return err
	}},
	{"Purge", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Purge(ctx, a.user, a.before, a.now, a.limit)
		return err
	}},
	{"UsersDue", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.UsersDue(ctx, a.before, "", a.limit)
		return err
	}},
	{"Erase", func(ctx context.Context, s threads.Store, a arguments) error {
		_, err := s.Erase(ctx, a.user)
		return err
	}},
}

// argumentsOf are arguments with which the method succeeds for a user that
// was populated, changing something if that is what the method does.
func (s *script) argumentsOf(method, user string) arguments {
	a := arguments{
		user: user, id: "live", thread: s.thread(user, "new"), deletion: s.newDeletion(user, threads.All(), "new"),
		scope: threads.All(), query: every(threads.Both), before: far, now: s.now(), limit: 10,
	}
	switch method {
	case "Update":
		a.thread.ID = "live"
	case "RestoreThread":
		a.id = "single"
	case "Restore", "GetDeletion":
		a.deletion.ID = "d2"
	}
	return a
}

// spoiler puts a bad value into good arguments.
type spoiler struct {
	bad string // the value, if it has a useful text
	put func(*arguments)
}

// spoil makes a spoiler of each bad value.
func spoil[T any](put func(*arguments, T), bad ...T) []spoiler {
	var list []spoiler
	for i, v := range bad {
		name := fmt.Sprintf("bad value %d", i)
		if reflect.TypeFor[T]().Kind() != reflect.Func {
			name = text(v)
		}
		list = append(list, spoiler{name, func(a *arguments) { put(a, v) }})
	}
	return list
}

// refuses calls each of the methods with arguments that are good but for one,
// and holds that it is ErrInvalid and changes nothing.
func (s *script) refuses(names string, spoilers []spoiler) {
	if s.count("ada", threads.All()) == (threads.Counts{}) {
		s.populate("ada")
		s.populate("bob")
	}
	s.unchanged(func() {
		for _, m := range methods {
			if !slices.Contains(strings.Fields(names), m.name) {
				continue
			}
			for _, spoiler := range spoilers {
				a := s.argumentsOf(m.name, "ada")
				spoiler.put(&a)
				s.refused(fmt.Sprintf("%s with %s", m.name, spoiler.bad), m.call(s.ctx, s.env.store, a), threads.ErrInvalid)
			}
		}
	}, "ada", "bob")
}
