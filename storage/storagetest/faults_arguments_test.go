package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

func userFaults() []fault {
	// of makes a method act for the user who owns the thread, whoever that is.
	owner := func(a *altered, id string) string {
		for _, r := range a.rows {
			if r.ID == id {
				return r.User
			}
		}
		return ""
	}
	list := []fault{
		{clause: "users/same-thread-id", wrong: "Create refuses an id that another user has", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				if o := owner(a, t.ID); o != "" && o != user {
					return threads.ErrExists
				}
				return own(ctx, user, t)
			}
		}},
		{clause: "users/same-thread-id", wrong: "Update changes the threads of all users with that id", alter: func(a *altered) {
			own := a.update
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if o := owner(a, t.ID); err == nil && o != "" && o != user {
					a.edit(o, func(r *threads.Thread) {
						if r.ID == t.ID {
							*r = r.Revised(t.Clone())
						}
					})
				}
				return err
			}
		}},
		{clause: "users/same-deletion-id", wrong: "SoftDeleteAll refuses an id that another user's deletion has", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				for _, other := range a.deletions {
					if other.User != user && other.ID == d.ID {
						return threads.Deletion{}, threads.ErrExists
					}
				}
				return own(ctx, user, d)
			}
		}},
		{clause: "users/same-deletion-id", wrong: "Delete refuses an id that another user's deletion has", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				for _, other := range a.deletions {
					if other.User != user && other.ID == d.ID {
						return threads.Deletion{}, threads.ErrExists
					}
				}
				return own(ctx, user, id, d)
			}
		}},
		{clause: "users/same-deletion-id", wrong: "SoftDeleteAll deletes the threads of every user", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				if d.Validate(user) == nil && d.Scope == threads.All() {
					for i := range a.rows {
						if r := &a.rows[i]; r.User != user && r.Live() {
							r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
						}
					}
				}
				return own(ctx, user, d)
			}
		}},
		{clause: "users/same-key", wrong: "keys are not the user's own", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				for _, other := range a.deletions {
					if d.Key != "" && other.Key == d.Key && other.Replay(d.Scope) == nil {
						return a.view(other), nil
					}
				}
				return own(ctx, user, d)
			}
		}},
		{clause: "users/foreign-thread", wrong: "Get finds the threads of every user", alter: func(a *altered) {
			own := a.get
			a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
				t, err := own(ctx, user, id, state)
				if o := owner(a, id); sameClass(err, threads.ErrNotFound) && o != "" {
					return own(ctx, o, id, state)
				}
				return t, err
			}
		}},
		{clause: "users/foreign-thread", wrong: "Update answers by what another user's thread is", alter: func(a *altered) {
			own := a.update
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if o := owner(a, t.ID); sameClass(err, threads.ErrNotFound) && o != "" && o != user {
					return threads.ErrConflict
				}
				return err
			}
		}},
		{clause: "users/foreign-thread", wrong: "Delete deletes the thread of another user", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, id, d)
				if o := owner(a, id); sameClass(err, threads.ErrNotFound) && o != "" && o != user {
					d.User = o
					v, err = own(ctx, o, id, d)
				}
				return v, err
			}
		}},
		{clause: "users/foreign-thread", wrong: "RestoreThread restores the thread of another user", alter: func(a *altered) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				t, err := own(ctx, user, id)
				if o := owner(a, id); sameClass(err, threads.ErrNotFound) && o != "" && o != user {
					t, err = own(ctx, o, id)
				}
				return t, err
			}
		}},
		{clause: "users/foreign-thread", wrong: "the text of an error says whose a thread is", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, id, d)
				if o := owner(a, id); err != nil && o != "" {
					err = fmt.Errorf("thread of %s: %w", o, err)
				}
				return v, err
			}
		}},
		{clause: "users/foreign-deletion", wrong: "GetDeletion finds the deletions of every user", alter: func(a *altered) {
			own := a.getDeletion
			a.getDeletion = func(ctx context.Context, user, id string) (threads.Deletion, error) {
				for _, d := range a.deletions {
					if d.ID == id && a.deletion(user, id) == nil {
						user = d.User
					}
				}
				return own(ctx, user, id)
			}
		}},
		{clause: "users/foreign-deletion", wrong: "Restore restores the deletion of another user", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				for _, d := range a.deletions {
					if d.ID == id && sameClass(err, threads.ErrNotFound) {
						return own(ctx, d.User, id, at)
					}
				}
				return n, err
			}
		}},
		{clause: "users/foreign-deletion", wrong: "List shows what is in the deletions of every user", alter: everybodys(func(q threads.Query) bool { return q.Deletion != "" })},
		{clause: "users/own-lists", wrong: "List shows the threads of every user", alter: everybodys(func(q threads.Query) bool { return q.Deletion == "" })},
		{clause: "users/own-lists", wrong: "Count counts the threads of every user", alter: func(a *altered) {
			own := a.count
			a.count = func(ctx context.Context, user string, scope threads.Scope) (sum threads.Counts, err error) {
				for _, u := range a.users(user) {
					n, one := own(ctx, u, scope)
					sum.Live, sum.Deleted, err = sum.Live+n.Live, sum.Deleted+n.Deleted, errors.Join(err, one)
				}
				return sum, err
			}
		}},
		{clause: "users/own-lists", wrong: "ListDeletions shows the deletions of every user", alter: func(a *altered) {
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) (list []threads.Deletion, err error) {
				for _, u := range a.users(user) {
					page, one := own(ctx, u, order, after, limit)
					list, err = append(list, page...), errors.Join(err, one)
				}
				return paged(list, threads.Deletion.Cursor, order, after, limit), err
			}
		}},
		{clause: "users/own-lists", wrong: "PreviewPurge counts what any user would lose", alter: func(a *altered) {
			own := a.preview
			a.preview = func(ctx context.Context, user string, before time.Time) (sum threads.Preview, err error) {
				for _, u := range a.users(user) {
					p, one := own(ctx, u, before)
					sum.Threads, sum.Deletions, err = sum.Threads+p.Threads, sum.Deletions+p.Deletions, errors.Join(err, one)
				}
				return sum, err
			}
		}},
		{clause: "users/apart", wrong: "Restore restores the deletions of that id of every user", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				for _, u := range a.users(user) {
					if err == nil && u != user {
						_, _ = own(ctx, u, id, at)
					}
				}
				return n, err
			}
		}},
		{clause: "users/apart", wrong: "Purge purges what every user deleted", alter: func(a *altered) {
			own := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				r, err := own(ctx, user, before, now, limit)
				for _, u := range a.users(user) {
					if err == nil && u != user {
						_, _ = own(ctx, u, before, now, limit)
					}
				}
				return r, err
			}
		}},
		{clause: "users/apart", wrong: "Erase erases every user who has a thread of an id that the user has", alter: func(a *altered) {
			own := a.erase
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				var others []string
				for _, r := range a.rows {
					if r.User == user {
						others = append(others, owner(a, r.ID))
					}
				}
				e, err := own(ctx, user)
				for _, u := range others {
					_, _ = own(ctx, u)
				}
				return e, err
			}
		}},
		{clause: "users/alike", wrong: "List shows the threads of users whose names begin like the user's", alter: func(a *altered) {
			own := a.list
			a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) (list []threads.Thread, err error) {
				for _, u := range a.users(user) {
					if strings.HasPrefix(u, user) {
						page, one := own(ctx, u, q, after, limit)
						list, err = append(list, page...), errors.Join(err, one)
					}
				}
				return paged(list, threads.Thread.Cursor, q.Order, after, max(limit, 0)), err
			}
		}},
		{clause: "users/alike", wrong: "users are compared without regard to case", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				for i := range a.rows {
					if r := &a.rows[i]; r.User != user && strings.EqualFold(r.User, user) && r.Live() {
						r.User = user
					}
				}
				return own(ctx, user, d)
			}
		}},
	}
	return list
}

// users are all who have something, and the one given.
func (a *altered) users(one string) []string {
	list := []string{one}
	for _, r := range a.rows {
		list = append(list, r.User)
	}
	for _, d := range a.deletions {
		list = append(list, d.User)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// everybodys makes List show the threads of every user for such queries.
func everybodys(is func(threads.Query) bool) func(*altered) {
	return func(a *altered) {
		own := a.list
		a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			list, err := own(ctx, user, q, after, limit)
			if err != nil || !is(q) {
				return list, err
			}
			for _, u := range a.users(user) {
				if u != user {
					page, _ := own(ctx, u, q, after, limit)
					list = append(list, page...)
				}
			}
			return paged(list, threads.Thread.Cursor, q.Order, after, limit), nil
		}
	}
}

func argumentFaults() []fault {
	list := []fault{
		{clause: "refuses/user", wrong: "SoftDeleteAll without a user is for everyone", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (sum threads.Deletion, err error) {
				if user != "" {
					return own(ctx, user, d)
				}
				for _, u := range a.users("ada") {
					d.User = u
					_, one := own(ctx, u, d)
					err = errors.Join(err, one)
				}
				return d, err
			}
		}},
		{clause: "refuses/scope", wrong: "SoftDeleteAll takes the zero scope for everything", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				d.Scope = or(d.Scope, threads.All())
				return own(ctx, user, d)
			}
		}},
		{clause: "refuses/scope", wrong: "List takes the zero scope for everything", alter: func(a *altered) {
			own := a.list
			a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				q.Scope = or(q.Scope, threads.All())
				return own(ctx, user, q, after, limit)
			}
		}},
		{clause: "refuses/scope", wrong: "Count takes the zero scope for everything", alter: func(a *altered) {
			own := a.count
			a.count = func(ctx context.Context, user string, scope threads.Scope) (threads.Counts, error) {
				return own(ctx, user, or(scope, threads.All()))
			}
		}},
		{clause: "refuses/time", wrong: "Restore takes the zero time for none", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, when time.Time) (int64, error) {
				return own(ctx, user, id, or(when, at(1)))
			}
		}},
		{clause: "refuses/time", wrong: "Purge takes the zero time for everything", alter: func(a *altered) {
			own := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				return own(ctx, user, or(before, far), now, limit)
			}
		}},
		{clause: "refuses/limit", wrong: "List takes a limit below 1 for the default", alter: func(a *altered) {
			own := a.list
			a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if limit < 1 {
					limit = threads.DefaultPage
				}
				return own(ctx, user, q, after, limit)
			}
		}},
		{clause: "refuses/limit", wrong: "List refuses the limit MaxPage+1", alter: func(a *altered) {
			own := a.list
			a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
				if limit > threads.MaxPage {
					limit = math.MaxInt
				}
				return own(ctx, user, q, after, limit)
			}
		}},
		{clause: "refuses/limit", wrong: "Purge takes a limit below 1 for none", alter: func(a *altered) {
			own := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if limit < 1 {
					limit = threads.MaxPurge
				}
				return own(ctx, user, before, now, limit)
			}
		}},
		{clause: "refuses/thread", wrong: "what is invalid is ErrInvalid without a FieldError", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				var field *threads.FieldError
				if errors.As(err, &field) && field.Field == "title" {
					err = threads.ErrInvalid
				}
				return err
			}
		}},
	}
	// And every method that takes without a word what it ought to refuse.
	for _, c := range []struct {
		clause, methods string
		fields          string // of the FieldError that is not returned
		rule            string // of the same; empty: any
	}{
		{"refuses/user", oneUser, "user", ""},
		{"refuses/owner", "Create Update Delete SoftDeleteAll", "user", "Must be the user of the call"},
		{"refuses/scope", "List Count SoftDeleteAll", "organization_id", ""},
		{"refuses/thread-id", "Create Get Update Delete RestoreThread", "id", ""},
		{"refuses/deletion-id", "List Delete SoftDeleteAll Restore GetDeletion", "deletion_id", ""},
		{"refuses/key", "SoftDeleteAll", "idempotency_key", ""},
		{"refuses/thread", "Create Update", "organization_id", ""},
		{"refuses/thread", "Create Update", "assistant_id", ""},
		{"refuses/thread", "Create Update", "title", ""},
		{"refuses/thread", "Create Update", "metadata", ""},
		{"refuses/thread", "Create Update", "version", ""},
		{"refuses/thread", "Create Update", "deletion_id", ""},
		{"refuses/time", "Create Update", "created_at", ""},
		{"refuses/time", "Create Update", "updated_at", ""},
		{"refuses/time", "Create Update", "last_activity_at", ""},
		{"refuses/time", "Create Update", "pinned_at", ""},
		{"refuses/time", "Delete SoftDeleteAll", "deleted_at", ""},
		{"refuses/time", "Restore", "restored_at", ""},
		{"refuses/time", "PreviewPurge Purge UsersDue", "before", ""},
		{"refuses/time", "Purge", "now", ""},
		{"refuses/time", "List ListDeletions", "cursor", "Must be UTC and whole microseconds"},
		{"refuses/place", "List ListDeletions", "cursor", "Must not be empty"},
		{"refuses/limit", "List ListDeletions UsersDue Purge", "limit", ""},
		{"refuses/query", "Get List", "state", "Must be Live, Deleted or Both"},
		{"refuses/query", "List", "state", "Must be Deleted in a query for one deletion"},
		{"refuses/query", "List ListDeletions", "order", ""},
		{"refuses/query", "List", "assistant_id", ""},
	} {
		for _, m := range strings.Fields(c.methods) {
			wrong := fmt.Sprintf("%s takes a bad %s", m, c.fields)
			if c.rule != "" {
				wrong += fmt.Sprintf(" (%q)", c.rule)
			}
			list = append(list, fault{clause: c.clause, wrong: wrong, alter: func(a *altered) {
				a.around = func(ctx context.Context, method, _ string, call func(context.Context) error) error {
					err := call(ctx)
					var field *threads.FieldError
					if method == m && errors.As(err, &field) && field.Field == c.fields && (c.rule == "" || c.rule == field.Rule) {
						return nil
					}
					return err
				}
			}})
		}
	}
	return list
}
