package storagetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/skein-go/skein/threads"
)

// lister is the List of a store.
type lister = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error)

// lists alters List.
func lists(f func(a *altered, own lister) lister) func(*altered) {
	return func(a *altered) { a.list = f(a, a.list) }
}

// asks alters what List is asked for.
func asks(f func(*threads.Query)) func(*altered) {
	return lists(func(_ *altered, own lister) lister {
		return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			if q.Validate() == nil {
				f(&q)
			}
			return own(ctx, user, q, after, limit)
		}
	})
}

// sorts makes List order threads in another way.
func sorts(less func(a, b threads.Thread) int) func(*altered) {
	return lists(func(a *altered, own lister) lister {
		return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			if _, err := own(ctx, user, q, after, limit); err != nil {
				return nil, err
			}
			way := direction(q.Order)
			var list []threads.Thread
			for _, r := range a.rows {
				place := threads.Thread{ID: after.ID, CreatedAt: after.Time}
				if r.User == user && q.Matches(r) && (after.IsZero() || way*less(r, place) > 0) {
					list = append(list, r.Clone())
				}
			}
			slices.SortStableFunc(list, func(a, b threads.Thread) int { return way * less(a, b) })
			return list[:min(limit, len(list))], nil
		}
	})
}

// matches makes List return what matches in another way.
func matches(f func(q threads.Query, t threads.Thread) bool) func(*altered) {
	return lists(func(a *altered, own lister) lister {
		return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			if _, err := own(ctx, user, q, after, limit); err != nil {
				return nil, err
			}
			var list []threads.Thread
			for _, r := range a.rows {
				if r.User == user && f(q, r) {
					list = append(list, r.Clone())
				}
			}
			return paged(list, threads.Thread.Cursor, q.Order, after, limit), nil
		}
	})
}

func listFaults() []fault {
	return []fault{
		{clause: "list/nothing", wrong: "List of a deletion that is not there is ErrNotFound", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				// Not for users who have nothing, whom other clauses ask for.
				if len(a.rows) > 0 && a.rows[0].User == user && q.Deletion != "" && q.Validate() == nil && a.deletion(user, q.Deletion) == nil {
					return nil, threads.ErrNotFound
				}
				return own(ctx, user, q, after, limit)
			}
		})},
		{clause: "list/newest-first", wrong: "List is oldest first by default", alter: asks(func(q *threads.Query) {
			if q.Order == threads.NewestFirst {
				q.Order = threads.OldestFirst
			}
		})},
		{clause: "list/newest-first", wrong: "threads of the same time come as they were created", alter: sorts(func(a, b threads.Thread) int {
			return a.CreatedAt.Compare(b.CreatedAt)
		})},
		{clause: "list/oldest-first", wrong: "oldest first, the ids of threads of the same time are still the last first", alter: lists(func(_ *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				list, err := own(ctx, user, q, after, limit)
				if q.Order == threads.OldestFirst {
					slices.SortFunc(list, func(a, b threads.Thread) int {
						return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(b.ID, a.ID))
					})
				}
				return list, err
			}
		})},
		{clause: "list/bytes", wrong: "ids are ordered without regard to case", alter: sorts(func(a, b threads.Thread) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)), strings.Compare(a.ID, b.ID))
		})},
		{clause: "list/bytes", wrong: "ids are ordered by their UTF-16", alter: sorts(func(a, b threads.Thread) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), slices.Compare(utf16.Encode([]rune(a.ID)), utf16.Encode([]rune(b.ID))))
		})},
		{clause: "list/bytes", wrong: "a list begins after all threads of the place's time", alter: lists(func(_ *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if after.ID != "" && q.Order == threads.OldestFirst && after.Validate() == nil {
					after.ID = "\U0010ffff"
				}
				return own(ctx, user, q, after, limit)
			}
		})},
		{clause: "list/far-times", wrong: "times are ordered as unsigned microseconds", alter: sorts(func(a, b threads.Thread) int {
			return cmp.Or(cmp.Compare(uint64(a.CreatedAt.UnixMicro()), uint64(b.CreatedAt.UnixMicro())), strings.Compare(a.ID, b.ID))
		})},
		{clause: "list/far-times", wrong: "times are ordered by milliseconds", alter: sorts(func(a, b threads.Thread) int {
			return cmp.Or(cmp.Compare(a.CreatedAt.UnixMilli(), b.CreatedAt.UnixMilli()), b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.ID, b.ID))
		})},
		{clause: "list/limit", wrong: "List stops one short of a limit above 3", alter: lists(func(_ *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if 3 < limit && limit < threads.MaxPage {
					limit--
				}
				return own(ctx, user, q, after, limit)
			}
		})},
		{clause: "list/after", wrong: "a place where no thread is is the start", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if a.row(user, after.ID, threads.Both) == nil && !after.IsZero() && after.Validate() == nil {
					after = threads.Cursor{}
				}
				return own(ctx, user, q, after, limit)
			}
		})},
		{clause: "list/after", wrong: "newest first, a list begins with the place given", alter: lists(func(_ *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if q.Order == threads.NewestFirst && after.ID != "" && len(after.ID) < threads.MaxIdentifier-4 {
					after.ID += "\u00a0"
				}
				return own(ctx, user, q, after, limit)
			}
		})},
		{clause: "list/after-one-that-left", wrong: "after a thread that is deleted there is nothing", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				list, err := own(ctx, user, q, after, limit)
				if a.row(user, after.ID, threads.Deleted) != nil {
					list = nil
				}
				return list, err
			}
		})},
		{clause: "list/between-pages", wrong: "a place is how many threads came before it", alter: lists(func(_ *altered, own lister) lister {
			seen := map[threads.Cursor]int{}
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				offset, known := seen[after]
				if !known || limit != 3 {
					list, err := own(ctx, user, q, after, limit)
					if after.IsZero() && len(list) > 0 {
						seen[list[len(list)-1].Cursor()] = len(list)
					}
					return list, err
				}
				list, err := own(ctx, user, q, threads.Cursor{}, threads.MaxPage)
				list = list[min(offset, len(list)):min(offset+limit, len(list))]
				if len(list) > 0 {
					seen[list[len(list)-1].Cursor()] = offset + len(list)
				}
				return list, err
			}
		})},
		{clause: "list/scope", wrong: "List takes an organization's id for the beginning of ids", alter: matches(func(q threads.Query, t threads.Thread) bool {
			if o := soleOrganization(q.Scope); o != "" && strings.HasPrefix(t.Organization, o) {
				q.Scope = threads.All()
			}
			return q.Matches(t)
		})},
		{clause: "list/scope", wrong: "List compares organizations without regard to case", alter: matches(func(q threads.Query, t threads.Thread) bool {
			if o := soleOrganization(q.Scope); o != "" && strings.EqualFold(t.Organization, o) {
				q.Scope = threads.All()
			}
			return q.Matches(t)
		})},
		{clause: "list/scope", wrong: "List of personal threads is a list of all", alter: asks(func(q *threads.Query) {
			if q.Scope == threads.Personal() && q.State == threads.Live {
				q.Scope = threads.All()
			}
		})},
		{clause: "list/state", wrong: "List of deleted threads leaves out those deleted alone", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				list, err := own(ctx, user, q, after, limit)
				return slices.DeleteFunc(list, func(t threads.Thread) bool {
					return q.Scope == threads.All() && !t.Live() && a.deletion(user, t.DeletionID).Thread != ""
				}), err
			}
		})},
		{clause: "list/state", wrong: "List of both leaves out what is deleted", alter: asks(func(q *threads.Query) {
			if q.State == threads.Both && q.Scope == threads.All() {
				q.State = threads.Live
			}
		})},
		{clause: "list/fields", wrong: "List leaves out metadata", alter: onList(func(t *threads.Thread) { clear(t.Metadata) })},
		{clause: "list/fields", wrong: "List does not say in which deletion a thread is", alter: onList(func(t *threads.Thread) {
			t.DeletionID, t.DeletedAt = "", time.Time{}
		})},
		{clause: "list/assistant", wrong: "List does not look at the assistant", alter: asks(func(q *threads.Query) { q.Assistant = "" })},
		{clause: "list/assistant", wrong: "List takes an assistant's id for the beginning of ids", alter: matches(func(q threads.Query, t threads.Thread) bool {
			if q.Assistant != "" && strings.HasPrefix(t.Assistant, q.Assistant) {
				q.Assistant = ""
			}
			return q.Matches(t)
		})},
		{clause: "list/pinned", wrong: "List does not look at pinned", alter: asks(func(q *threads.Query) { q.Pinned = nil })},
		{clause: "list/pinned", wrong: "List takes not pinned for any", alter: asks(func(q *threads.Query) {
			if q.Pinned != nil && !*q.Pinned {
				q.Pinned = nil
			}
		})},
		{clause: "list/hidden", wrong: "List does not look at hidden", alter: asks(func(q *threads.Query) { q.Hidden = nil })},
		{clause: "list/hidden", wrong: "List takes not hidden for any", alter: asks(func(q *threads.Query) {
			if q.Hidden != nil && !*q.Hidden {
				q.Hidden = nil
			}
		})},
		{clause: "list/deletion", wrong: "List of a deletion of one thread is empty", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				list, err := own(ctx, user, q, after, limit)
				if d := a.deletion(user, q.Deletion); d != nil && d.Thread != "" {
					list = nil
				}
				return list, err
			}
		})},
		{clause: "list/deletion", wrong: "List of a deletion shows all that is deleted", alter: asks(func(q *threads.Query) {
			if q.State == threads.Deleted {
				q.Deletion = ""
			}
		})},
		{clause: "list/deletion-and-scope", wrong: "List of a deletion does not look at the scope", alter: asks(func(q *threads.Query) {
			if q.Deletion != "" && q.State == threads.Deleted && q.Scope.Validate() == nil {
				q.Scope = threads.All()
			}
		})},
		{clause: "list/combined", wrong: "List for an assistant does not look at pinned", alter: asks(func(q *threads.Query) {
			if q.Assistant != "" {
				q.Pinned = nil
			}
		})},
		{clause: "list/combined", wrong: "List of a deletion does not look at hidden", alter: asks(func(q *threads.Query) {
			if q.Deletion != "" {
				q.Hidden = nil
			}
		})},
		{clause: "list/limit-of-matches", wrong: "List looks at no more threads than twice the limit", alter: lists(func(a *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if _, err := own(ctx, user, q, after, limit); err != nil {
					return nil, err
				}
				wide := q
				wide.Assistant, wide.Pinned, wide.Hidden = "", nil, nil
				list, err := own(ctx, user, wide, after, min(2*limit, threads.MaxPage+1))
				if err != nil || limit > threads.MaxPage/2 {
					return own(ctx, user, q, after, limit)
				}
				list = slices.DeleteFunc(list, func(t threads.Thread) bool { return !q.MatchesDetails(t) })
				return list[:min(limit, len(list))], nil
			}
		})},
		{clause: "list/follows-updates", wrong: "List goes by the assistant a thread was created with", alter: staleList(func(t *threads.Thread, was threads.Thread) { t.Assistant = was.Assistant })},
		{clause: "list/follows-updates", wrong: "List goes by whether a thread was created pinned", alter: staleList(func(t *threads.Thread, was threads.Thread) { t.PinnedAt = was.PinnedAt })},
		{clause: "list/follows-updates", wrong: "List goes by whether a thread was created hidden", alter: staleList(func(t *threads.Thread, was threads.Thread) { t.Hidden = was.Hidden })},
		{clause: "list/one-order", wrong: "List of both shows first what is live", alter: lists(func(_ *altered, own lister) lister {
			return func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				list, err := own(ctx, user, q, after, limit)
				if q.State == threads.Both && q.Scope == threads.All() {
					slices.SortStableFunc(list, func(a, b threads.Thread) int { return cmp.Compare(len(a.DeletionID), len(b.DeletionID)) })
				}
				return list, err
			}
		})},
		{clause: "list/one-order", wrong: "List shows restored threads last", alter: func(a *altered) {
			back := map[string]bool{}
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				a.edit(user, func(r *threads.Thread) {
					if r.DeletionID == id && id == "d2" {
						back[r.ID] = true
					}
				})
				return own(ctx, user, id, at)
			}
			list := a.list
			a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				all, err := list(ctx, user, q, after, limit)
				slices.SortStableFunc(all, func(x, y threads.Thread) int {
					switch {
					case back[x.ID] == back[y.ID]:
						return 0
					case back[x.ID]:
						return 1
					}
					return -1
				})
				return all, err
			}
		}},
	}
}

// staleList makes List match threads by something of them as it was when they
// were created.
func staleList(f func(t *threads.Thread, was threads.Thread)) func(*altered) {
	return func(a *altered) {
		was := map[[2]string]threads.Thread{}
		own := a.create
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			err := own(ctx, user, t)
			if err == nil {
				was[[2]string{user, t.ID}] = t
			}
			return err
		}
		matches(func(q threads.Query, t threads.Thread) bool {
			stale := t
			f(&stale, was[[2]string{t.User, t.ID}])
			return q.Matches(stale)
		})(a)
	}
}
