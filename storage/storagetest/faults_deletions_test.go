package storagetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// onDeleteAll alters the deletion that SoftDeleteAll is given.
func onDeleteAll(f func(*threads.Deletion)) func(*altered) {
	return func(a *altered) {
		own := a.deleteAll
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			if d.Validate(user) == nil {
				f(&d)
			}
			return own(ctx, user, d)
		}
	}
}

// onRecord alters each record that GetDeletion returns.
func onRecord(f func(a *altered, d *threads.Deletion)) func(*altered) {
	return func(a *altered) {
		own := a.getDeletion
		a.getDeletion = func(ctx context.Context, user, id string) (threads.Deletion, error) {
			d, err := own(ctx, user, id)
			if err == nil {
				f(a, &d)
			}
			return d, err
		}
	}
}

// deletesAll alters the answer of each SoftDeleteAll that made a deletion,
// and the rows that are in it.
func deletesAll(f func(a *altered, given threads.Deletion, d *threads.Deletion)) func(*altered) {
	return func(a *altered) {
		own := a.deleteAll
		a.deleteAll = func(ctx context.Context, user string, given threads.Deletion) (threads.Deletion, error) {
			was := len(a.deletions)
			d, err := own(ctx, user, given)
			if len(a.deletions) > was {
				f(a, given, &d)
			}
			return d, err
		}
	}
}

// spares makes SoftDeleteAll leave some threads live.
func spares(is func(r *threads.Thread, d threads.Deletion) bool) func(*altered) {
	return deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
		a.edit(d.User, func(r *threads.Thread) {
			if r.DeletionID == d.ID && is(r, *d) {
				r.DeletionID, r.DeletedAt = "", time.Time{}
				d.Count--
				d.Held--
			}
		})
		a.record(d.User, func(kept *threads.Deletion) {
			if kept.ID == d.ID {
				kept.Count = d.Count
			}
		})
	})
}

// sweeps makes SoftDeleteAll delete more threads.
func sweeps(is func(r *threads.Thread, d threads.Deletion) bool) func(*altered) {
	return deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
		a.edit(d.User, func(r *threads.Thread) {
			if r.DeletionID != d.ID && is(r, *d) {
				r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
				d.Count++
				d.Held++
			}
		})
		a.record(d.User, func(kept *threads.Deletion) {
			if kept.ID == d.ID {
				kept.Count = d.Count
			}
		})
	})
}

// soleOrganization is the one organization that a scope is about, or "".
func soleOrganization(scope threads.Scope) string {
	if list, _ := scope.Organizations(); len(list) == 1 {
		return list[0]
	}
	return ""
}

func deleteAllFaults() []fault {
	return []fault{
		{clause: "delete-all/all", wrong: "SoftDeleteAll of everything leaves personal threads", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			return d.Scope == threads.All() && r.Organization == "" && d.Count > 4
		})},
		{clause: "delete-all/all", wrong: "SoftDeleteAll of everything returns the number of one organization", alter: deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
			if d.Count > 4 {
				d.Count = 2
			}
		})},
		{clause: "delete-all/organization", wrong: "SoftDeleteAll takes an organization's id for the beginning of ids", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			o := soleOrganization(d.Scope)
			return r.Live() && o != "" && strings.HasPrefix(r.Organization, o)
		})},
		{clause: "delete-all/organization", wrong: "SoftDeleteAll compares organizations without regard to case", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			o := soleOrganization(d.Scope)
			return r.Live() && o != "" && strings.EqualFold(r.Organization, o)
		})},
		{clause: "delete-all/organization", wrong: "SoftDeleteAll of an organization deletes personal threads as well", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			return r.Live() && r.Organization == "" && d.Scope == threads.InOrganization("org_a")
		})},
		{clause: "delete-all/personal", wrong: "SoftDeleteAll of personal threads deletes all", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			return r.Live() && d.Scope == threads.Personal()
		})},
		{clause: "delete-all/union", wrong: "SoftDeleteAll of a union takes only its first organization", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			list, _ := d.Scope.Organizations()
			return len(list) > 1 && r.Organization != list[0]
		})},
		{clause: "delete-all/union", wrong: "SoftDeleteAll of a union leaves its personal threads", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			list, _ := d.Scope.Organizations()
			return len(list) > 1 && r.Organization == ""
		})},
		{clause: "delete-all/union", wrong: "SoftDeleteAll of a union always takes personal threads too", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			list, _ := d.Scope.Organizations()
			return len(list) > 1 && r.Organization == ""
		})},
		{clause: "delete-all/hidden-and-pinned", wrong: "SoftDeleteAll leaves hidden threads", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			return r.Hidden && d.Count == 3
		})},
		{clause: "delete-all/hidden-and-pinned", wrong: "SoftDeleteAll leaves pinned threads", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			return !r.PinnedAt.IsZero() && d.Count == 3
		})},
		{clause: "delete-all/record", wrong: "SoftDeleteAll keeps the count it is given", alter: deletesAll(func(a *altered, given threads.Deletion, d *threads.Deletion) {
			d.Count = or(given.Count, d.Count)
		})},
		{clause: "delete-all/record", wrong: "SoftDeleteAll keeps PurgedAt as it is given", alter: deletesAll(func(a *altered, given threads.Deletion, d *threads.Deletion) {
			d.PurgedAt = given.PurgedAt
		})},
		{clause: "delete-all/record", wrong: "the record of SoftDeleteAll has no key", alter: onRecord(func(_ *altered, d *threads.Deletion) {
			if d.Count == 2 {
				d.Key = ""
			}
		})},
		{clause: "delete-all/record", wrong: "the record of SoftDeleteAll of personal threads says it was of everything", alter: onRecord(func(_ *altered, d *threads.Deletion) {
			if d.Scope == threads.Personal() && d.Thread == "" {
				d.Scope = threads.All()
			}
		})},
		{clause: "get/deletion", wrong: "SoftDeleteAll takes over what is deleted, if there is anything live", alter: sweeps(func(r *threads.Thread, d threads.Deletion) bool {
			return !r.Live() && d.Count > 0 && d.Scope.Contains(r.Organization)
		})},
		{clause: "delete-all/deleted-before", wrong: "SoftDeleteAll counts what was deleted before", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, given threads.Deletion) (threads.Deletion, error) {
				var before int64
				a.edit(user, func(r *threads.Thread) {
					if !r.Live() && given.Scope == threads.All() && r.Organization == "org_a" {
						before++
					}
				})
				d, err := own(ctx, user, given)
				if err == nil && d.Count > 0 {
					d.Count += before
				}
				return d, err
			}
		}},
		{clause: "delete-all/none", wrong: "SoftDeleteAll of nothing is recorded", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, d)
				if err == nil && v.ID == "" {
					a.mu.Lock()
					defer a.mu.Unlock()
					v.ID = d.ID
					a.deletions = append(a.deletions, v)
				}
				return v, err
			}
		}},
		{clause: "delete-all/none", wrong: "SoftDeleteAll of nothing is ErrNotFound", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, d)
				if err == nil && v.ID == "" {
					err = threads.ErrNotFound
				}
				return v, err
			}
		}},
		{clause: "delete-all/none", wrong: "SoftDeleteAll of nothing returns an id", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, d)
				if err == nil {
					v.ID = or(v.ID, d.ID)
				}
				return v, err
			}
		}},
		{clause: "delete-all/none-with-key", wrong: "SoftDeleteAll of nothing is not recorded although it has a key", alter: deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
			if d.Count == 0 && d.Scope == threads.All() {
				a.deletions = a.deletions[:len(a.deletions)-1]
				d.ID = ""
			}
		})},
		{clause: "delete-all/id-exists", wrong: "SoftDeleteAll replaces a deletion of the same id", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, d)
				if sameClass(err, threads.ErrExists) {
					a.deletions = slices.DeleteFunc(a.deletions, func(old threads.Deletion) bool { return old.User == user && old.ID == d.ID })
					v, err = own(ctx, user, d)
				}
				return v, err
			}
		}},
		{clause: "delete-all/id-exists", wrong: "SoftDeleteAll does not look at the id if there is nothing to delete", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, d)
				if n, _ := a.model.Count(ctx, user, d.Scope); sameClass(err, threads.ErrExists) && n.Live == 0 {
					err = nil
				}
				return v, err
			}
		}},
		{clause: "delete-all/order-of-calls", wrong: "SoftDeleteAll leaves threads created much later than its own time", alter: spares(func(r *threads.Thread, d threads.Deletion) bool {
			return r.CreatedAt.After(d.DeletedAt.Add(time.Hour))
		})},
		{clause: "delete-all/order-of-calls", wrong: "a thread created with a time before a deletion is born deleted", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				for _, d := range a.deletions {
					if err == nil && d.User == user && d.Scope == threads.All() && d.Thread == "" && t.CreatedAt.Add(time.Hour).Before(d.DeletedAt) {
						a.edit(user, func(r *threads.Thread) {
							if r.ID == t.ID {
								r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
							}
						})
					}
				}
				return err
			}
		}},
		{clause: "delete-all/again-and-again", wrong: "from the eighth deletion on, threads go into the one before", alter: func(a *altered) {
			deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
				other := func(d threads.Deletion) bool { return d.Scope != threads.All() || d.Thread != "" }
				if n := len(a.deletions); n >= 8 && !slices.ContainsFunc(a.deletions, other) {
					a.edit(d.User, func(r *threads.Thread) {
						if r.DeletionID == d.ID {
							r.DeletionID = a.deletions[n-2].ID
						}
					})
				}
			})(a)
		}},
		{clause: "delete-all/leaves-the-thread", wrong: "SoftDeleteAll adds one to the version", alter: deletesAll(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
			if d.Scope == threads.All() {
				a.edit(d.User, func(r *threads.Thread) {
					if r.DeletionID == d.ID {
						r.Version++
					}
				})
			}
		})},
	}
}

func keyFaults() []fault {
	// first returns the user's deletion with a key.
	first := func(a *altered, user, key string) *threads.Deletion {
		for i := range a.deletions {
			if d := &a.deletions[i]; d.User == user && d.Key == key && key != "" {
				return d
			}
		}
		return nil
	}
	// retries alters what SoftDeleteAll does when its key was used before.
	retries := func(f func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool)) func(*altered) {
		return func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				if old := first(a, user, d.Key); old != nil && d.Validate(user) == nil {
					if v, err, done := f(a, old, d); done {
						return v, err
					}
				}
				return own(ctx, user, d)
			}
		}
	}
	return []fault{
		{clause: "key/retry", wrong: "SoftDeleteAll does not look at the key", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			first.Key = "" // so that the model does not find it
			return d, nil, false
		})},
		{clause: "key/retry", wrong: "a retry deletes what is live by now", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			if first.Replay(d.Scope) == nil && first.Count > 0 {
				a.edit(first.User, func(r *threads.Thread) {
					if r.Live() && d.Scope.Contains(r.Organization) {
						r.DeletionID, r.DeletedAt = first.ID, first.DeletedAt
					}
				})
			}
			return d, nil, false
		})},
		{clause: "key/retry", wrong: "a retry is ErrExists", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			return d, threads.ErrExists, d.ID == first.ID && d.Scope == first.Scope
		})},
		{clause: "key/retry-of-none", wrong: "the key of a deletion that deleted none does not count", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			if first.Count == 0 {
				first.Key = ""
			}
			return d, nil, false
		})},
		{clause: "key/as-it-is-now", wrong: "a retry returns the deletion as it was made", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			v := *first
			v.Held, v.RestoredAt, v.PurgedAt = v.Count, time.Time{}, time.Time{}
			return v, nil, first.Replay(d.Scope) == nil
		})},
		{clause: "key/as-it-is-now", wrong: "a restore frees the key", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			if !first.RestoredAt.IsZero() {
				first.Key = ""
			}
			return d, nil, false
		})},
		{clause: "key/as-it-is-now", wrong: "the record of a deletion goes with its last thread", alter: func(a *altered) {
			own := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				r, err := own(ctx, user, before, now, limit)
				a.deletions = slices.DeleteFunc(a.deletions, func(d threads.Deletion) bool { return d.User == user && a.view(d).Emptied() })
				return r, err
			}
		}},
		{clause: "key/other-scope", wrong: "a retry does not look at the scope", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			return a.view(*first), nil, true
		})},
		{clause: "key/other-scope", wrong: "a key used for another scope is used anew", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			if first.Scope != d.Scope {
				first.Key = ""
			}
			return d, nil, false
		})},
		{clause: "key/other-scope", wrong: "a key used for another scope is ErrConflict and no more", alter: retries(func(a *altered, first *threads.Deletion, d threads.Deletion) (threads.Deletion, error, bool) {
			return d, threads.ErrConflict, first.Scope != d.Scope
		})},
		{clause: "key/bytes", wrong: "keys are compared without regard to case", alter: func(a *altered) {
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				for _, old := range a.deletions {
					if old.User == user && d.Key != "" && strings.EqualFold(old.Key, d.Key) {
						d.Key = old.Key
					}
				}
				return own(ctx, user, d)
			}
		}},
		{clause: "key/as-long-as-its-record", wrong: "keys are never free again", alter: func(a *altered) {
			used := map[[2]string]threads.Deletion{}
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				if old, ok := used[[2]string{user, d.Key}]; ok && first(a, user, d.Key) == nil {
					return old, old.Replay(d.Scope)
				}
				v, err := own(ctx, user, d)
				if err == nil && d.Key != "" {
					used[[2]string{user, d.Key}] = v
				}
				return v, err
			}
		}},
	}
}

// deletes alters the answer of each Delete that made a deletion.
func deletes(f func(a *altered, given threads.Deletion, d *threads.Deletion)) func(*altered) {
	return func(a *altered) {
		own := a.delete
		a.delete = func(ctx context.Context, user, id string, given threads.Deletion) (threads.Deletion, error) {
			d, err := own(ctx, user, id, given)
			if err == nil {
				f(a, given, &d)
			}
			return d, err
		}
	}
}

func deleteFaults() []fault {
	return []fault{
		{clause: "delete/one", wrong: "Delete takes a personal thread of the same time with it", alter: deletes(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
			t := *a.row(d.User, d.Thread, threads.Deleted)
			a.edit(d.User, func(r *threads.Thread) {
				if r.Live() && r.Organization == "" && r.CreatedAt.Equal(t.CreatedAt) && r.UpdatedAt.Equal(t.UpdatedAt) && !r.UpdatedAt.Equal(r.CreatedAt) {
					r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
				}
			})
		})},
		{clause: "delete/record", wrong: "Delete keeps the scope it is given", alter: deletes(func(_ *altered, given threads.Deletion, d *threads.Deletion) {
			d.Scope = or(given.Scope, d.Scope)
		})},
		{clause: "delete/record", wrong: "Delete needs a scope", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				if err := d.Scope.Validate(); err != nil {
					return d, err
				}
				return own(ctx, user, id, d)
			}
		}},
		{clause: "delete/record", wrong: "the record of Delete does not name the thread", alter: onRecord(func(_ *altered, d *threads.Deletion) { d.Thread = "" })},
		{clause: "delete/record", wrong: "the record of Delete has the scope of everything", alter: onRecord(func(_ *altered, d *threads.Deletion) {
			if d.Thread != "" {
				d.Scope = threads.All()
			}
		})},
		{clause: "delete/no-key", wrong: "a key given to Delete is used up", alter: func(a *altered) {
			used := map[[2]string]threads.Deletion{}
			deletes(func(_ *altered, given threads.Deletion, d *threads.Deletion) { used[[2]string{d.User, given.Key}] = *d })(a)
			own := a.deleteAll
			a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
				if old, ok := used[[2]string{user, d.Key}]; ok && d.Key != "" {
					return old, nil
				}
				return own(ctx, user, d)
			}
		}},
		{clause: "delete/absent", wrong: "Delete of an absent thread is recorded", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, id, d)
				if sameClass(err, threads.ErrNotFound) && a.row(user, id, threads.Both) == nil && len(a.rows) == 1 {
					a.deletions = append(a.deletions, d)
				}
				return v, err
			}
		}},
		{clause: "delete/deleted", wrong: "Delete moves a deleted thread into the new deletion", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				if r := a.row(user, id, threads.Deleted); r != nil && d.User == user {
					r.DeletionID, r.DeletedAt = "", time.Time{}
				}
				return own(ctx, user, id, d)
			}
		}},
		{clause: "delete/deleted", wrong: "Delete of a deleted thread is success", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				if r := a.row(user, id, threads.Deleted); r != nil && d.User == user {
					return a.view(*a.deletion(user, r.DeletionID)), nil
				}
				return own(ctx, user, id, d)
			}
		}},
		{clause: "delete/id-exists", wrong: "Delete puts the thread into a deletion of the same id", alter: func(a *altered) {
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				v, err := own(ctx, user, id, d)
				if sameClass(err, threads.ErrExists) {
					r, old := a.row(user, id, threads.Live), a.deletion(user, d.ID)
					r.DeletionID, r.DeletedAt = old.ID, old.DeletedAt
					return a.view(*old), nil
				}
				return v, err
			}
		}},
		{clause: "delete/many", wrong: "Delete takes the threads of an organization deleted alone before into the new deletion", alter: deletes(func(a *altered, _ threads.Deletion, d *threads.Deletion) {
			if d.ID == "d0" {
				a.edit(d.User, func(r *threads.Thread) {
					if r.DeletionID == "d1" && d.Scope.Contains(r.Organization) {
						r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
					}
				})
			}
		})},
	}
}

// restores alters Restore; f is called when it has succeeded, with the rows
// it brought back.
func restoresWith(f func(a *altered, d *threads.Deletion, rows []*threads.Thread, n *int64)) func(*altered) {
	return func(a *altered) {
		own := a.restore
		a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
			var rows []*threads.Thread
			a.edit(user, func(r *threads.Thread) {
				if r.DeletionID == id {
					rows = append(rows, r)
				}
			})
			n, err := own(ctx, user, id, at)
			if err == nil {
				f(a, a.deletion(user, id), rows, &n)
			}
			return n, err
		}
	}
}

// restoresToo makes Restore bring back other threads besides.
func restoresToo(is func(a *altered, d threads.Deletion, r threads.Thread) bool) func(*altered) {
	return restoresWith(func(a *altered, d *threads.Deletion, _ []*threads.Thread, n *int64) {
		a.edit(d.User, func(r *threads.Thread) {
			if !r.Live() && is(a, *d, *r) {
				r.DeletionID, r.DeletedAt = "", time.Time{}
				*n++
			}
		})
	})
}

func restoreFaults() []fault {
	each := func(f func(r *threads.Thread)) func(*altered) {
		return restoresWith(func(_ *altered, _ *threads.Deletion, rows []*threads.Thread, _ *int64) {
			for _, r := range rows {
				f(r)
			}
		})
	}
	return []fault{
		{clause: "restore/all-of-it", wrong: "Restore returns the number of personal threads", alter: restoresWith(func(_ *altered, _ *threads.Deletion, rows []*threads.Thread, n *int64) {
			if len(rows) > 1 {
				*n = 1
			}
		})},
		{clause: "restore/all-of-it", wrong: "Restore forgets organizations after the second", alter: restoresWith(func(a *altered, d *threads.Deletion, rows []*threads.Thread, n *int64) {
			if d.ID == "d1" && len(rows) == 4 {
				for _, r := range rows {
					if r.Organization == "org_b" {
						r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
						*n--
					}
				}
			}
		})},
		{clause: "restore/of-one", wrong: "Restore of one thread brings back all of its organization that were deleted alone", alter: restoresToo(func(a *altered, d threads.Deletion, r threads.Thread) bool {
			return d.Count == 1 && d.Scope.Contains(r.Organization) && a.deletion(d.User, r.DeletionID).Thread != "" && len(a.rows) == 3
		})},
		{clause: "restore/as-it-was", wrong: "Restore adds one to the version", alter: each(func(r *threads.Thread) { r.Version++ })},
		{clause: "restore/as-it-was", wrong: "Restore sets updated-at", alter: each(func(r *threads.Thread) { r.UpdatedAt = at(3) })},
		{clause: "restore/as-it-was", wrong: "Restore forgets the organization of personal and other threads", alter: each(func(r *threads.Thread) {
			if r.Organization == "org_Full-1" {
				r.Organization = ""
			}
		})},
		{clause: "restore/as-it-was", wrong: "Restore forgets what is pinned", alter: each(func(r *threads.Thread) {
			if r.Organization == "org_Full-1" {
				r.PinnedAt = time.Time{}
			}
		})},
		{clause: "restore/twice", wrong: "a second Restore is ErrNotFound", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				if d := a.deletion(user, id); d != nil && !d.RestoredAt.IsZero() {
					return 0, threads.ErrNotFound
				}
				return own(ctx, user, id, at)
			}
		}},
		{clause: "restore/twice", wrong: "a second Restore returns what the first did", alter: func(a *altered) {
			answers := map[string]int64{}
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				if err == nil && answers[user+id] == 0 {
					answers[user+id] = n
				}
				return answers[user+id], err
			}
		}},
		{clause: "restore/record", wrong: "each Restore sets RestoredAt", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				if err == nil {
					a.deletion(user, id).RestoredAt = at
				}
				return n, err
			}
		}},
		{clause: "restore/record", wrong: "Restore does not set RestoredAt if there is nothing to restore", alter: restoresWith(func(_ *altered, d *threads.Deletion, rows []*threads.Thread, _ *int64) {
			if len(rows) == 0 && d.Count == 0 {
				d.RestoredAt = time.Time{}
			}
		})},
		{clause: "restore/record", wrong: "Restore sets Count to 0", alter: restoresWith(func(_ *altered, d *threads.Deletion, rows []*threads.Thread, _ *int64) {
			d.Count = 0
		})},
		{clause: "restore/absent", wrong: "Restore of a deletion that is not there restores the last one", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				for _, d := range a.deletions {
					if d.User == user && d.Count > 0 && sameClass(err, threads.ErrNotFound) {
						return own(ctx, user, d.ID, at)
					}
				}
				return n, err
			}
		}},
		{clause: "restore/not-those-deleted-before", wrong: "Restore brings back what was deleted alone before in its scope", alter: restoresToo(func(a *altered, d threads.Deletion, r threads.Thread) bool {
			other := a.deletion(d.User, r.DeletionID)
			return d.ID == "d3" && d.Thread == "" && other.Thread != "" && d.Scope.Contains(r.Organization) && other.DeletedAt.Before(d.DeletedAt)
		})},
		{clause: "restore/not-those-that-left", wrong: "Restore brings back threads that were restored alone and deleted again", alter: func(a *altered) {
			left := map[[2]string]string{}
			restoresOne(func(_ *altered, r *threads.Thread, d *threads.Deletion, _ *threads.Thread) {
				left[[2]string{r.User, r.ID}] = d.ID
			})(a)
			restoresToo(func(_ *altered, d threads.Deletion, r threads.Thread) bool {
				return left[[2]string{r.User, r.ID}] == d.ID
			})(a)
		}},
		{clause: "restore/deletion-of-one-that-left", wrong: "Restore of a deletion of one thread restores that thread, wherever it is now", alter: func(a *altered) {
			of := map[[2]string]string{}
			deletes(func(_ *altered, _ threads.Deletion, d *threads.Deletion) { of[[2]string{d.User, d.ID}] = d.Thread })(a)
			restoresToo(func(_ *altered, d threads.Deletion, r threads.Thread) bool {
				return of[[2]string{d.User, d.ID}] == r.ID
			})(a)
		}},
		{clause: "restore/among-live-ones", wrong: "SoftDeleteAll leaves threads that were restored together if others were created since", alter: func(a *altered) {
			back := map[string]bool{}
			restoresWith(func(a *altered, d *threads.Deletion, rows []*threads.Thread, _ *int64) {
				for _, r := range rows {
					back[r.ID] = len(a.rows) == 5
				}
			})(a)
			spares(func(r *threads.Thread, d threads.Deletion) bool { return back[r.ID] })(a)
		}},
		{clause: "restore/any-order", wrong: "Restore goes by the time of the deletion", alter: restoresToo(func(_ *altered, d threads.Deletion, r threads.Thread) bool {
			return r.DeletedAt.Equal(d.DeletedAt) && d.Thread == ""
		})},
		{clause: "restore/many", wrong: "Restore takes the deletion's id for the beginning of ids", alter: restoresToo(func(_ *altered, d threads.Deletion, r threads.Thread) bool {
			return strings.HasPrefix(r.DeletionID, d.ID)
		})},
	}
}

// restoresOne alters RestoreThread; f is called when it has brought back a
// thread that was deleted.
func restoresOne(f func(a *altered, r *threads.Thread, d *threads.Deletion, t *threads.Thread)) func(*altered) {
	return func(a *altered) {
		own := a.restoreThread
		a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
			var d *threads.Deletion
			if r := a.row(user, id, threads.Deleted); r != nil {
				d = a.deletion(user, r.DeletionID)
			}
			t, err := own(ctx, user, id)
			if err == nil && d != nil {
				f(a, a.row(user, id, threads.Live), d, &t)
			}
			return t, err
		}
	}
}

func restoreThreadFaults() []fault {
	return []fault{
		{clause: "restore-thread/of-all", wrong: "RestoreThread adds one to the version", alter: restoresOne(func(_ *altered, r *threads.Thread, _ *threads.Deletion, _ *threads.Thread) { r.Version++ })},
		{clause: "restore-thread/of-all", wrong: "RestoreThread returns the thread as it was, deleted", alter: restoresOne(func(_ *altered, _ *threads.Thread, d *threads.Deletion, t *threads.Thread) {
			t.DeletionID, t.DeletedAt = d.ID, d.DeletedAt
		})},
		{clause: "restore-thread/leaves", wrong: "RestoreThread sets RestoredAt of a deletion of all", alter: restoresOne(func(_ *altered, r *threads.Thread, d *threads.Deletion, _ *threads.Thread) {
			d.RestoredAt = at(1)
		})},
		{clause: "restore-thread/leaves", wrong: "RestoreThread takes one from Count", alter: restoresOne(func(_ *altered, r *threads.Thread, d *threads.Deletion, _ *threads.Thread) {
			d.Count--
		})},
		{clause: "restore-thread/of-one", wrong: "RestoreThread leaves Thread in the deletion", alter: func(a *altered) {
			left := map[string]string{} // what is to be told, by deletion
			restore, get := a.restoreThread, a.getDeletion
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				if t, err := a.get(ctx, user, id, threads.Deleted); err == nil {
					left[t.DeletionID] = id
				}
				return restore(ctx, user, id)
			}
			a.getDeletion = func(ctx context.Context, user, id string) (threads.Deletion, error) {
				d, err := get(ctx, user, id)
				if d.Count == 1 && d.Held == 0 && left[d.ID] != "" {
					d.Thread = left[d.ID]
				}
				return d, err
			}
		}},
		{clause: "restore-thread/live", wrong: "RestoreThread of a live thread is ErrNotFound", alter: func(a *altered) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				if a.row(user, id, threads.Live) != nil {
					return threads.Thread{}, threads.ErrNotFound
				}
				return own(ctx, user, id)
			}
		}},
		{clause: "restore-thread/absent", wrong: "RestoreThread of an absent thread returns the zero thread to users who have others", alter: func(a *altered) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				t, err := own(ctx, user, id)
				if sameClass(err, threads.ErrNotFound) && len(a.rows) > 0 && a.rows[0].User == user {
					err = nil
				}
				return t, err
			}
		}},
		{clause: "restore-thread/deleted-again", wrong: "Update does not find threads that were restored alone", alter: func(a *altered) {
			moved := map[string]bool{}
			restoresOne(func(_ *altered, r *threads.Thread, _ *threads.Deletion, _ *threads.Thread) { moved[r.ID] = true })(a)
			own := a.update
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				if moved[t.ID] {
					return threads.ErrNotFound
				}
				return own(ctx, user, t)
			}
		}},
	}
}

func deletionFaults() []fault {
	return []fault{
		{clause: "deletions/absent", wrong: "GetDeletion of what is not there returns another", alter: func(a *altered) {
			own := a.getDeletion
			a.getDeletion = func(ctx context.Context, user, id string) (threads.Deletion, error) {
				d, err := own(ctx, user, id)
				if sameClass(err, threads.ErrNotFound) && len(a.deletions) == 3 && a.deletions[0].User == user {
					return a.view(a.deletions[0]), nil
				}
				return d, err
			}
		}},
		{clause: "deletions/list", wrong: "ListDeletions shows how many were deleted as held", alter: func(a *altered) {
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
				list, err := own(ctx, user, order, after, limit)
				for i := range list {
					list[i].Held = list[i].Count
				}
				return list, err
			}
		}},
		{clause: "deletions/list", wrong: "ListDeletions leaves out those that deleted none", alter: func(a *altered) {
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
				list, err := own(ctx, user, order, after, limit)
				return slices.DeleteFunc(list, func(d threads.Deletion) bool { return d.Count == 0 }), err
			}
		}},
		{clause: "deletions/order", wrong: "deletions are listed in the order they were made in", alter: listsDeletions(func(_, _ threads.Deletion) int { return 0 })},
		{clause: "deletions/order", wrong: "deletions of the same time are listed without regard to the case of their ids", alter: listsDeletions(func(a, b threads.Deletion) int {
			return cmp.Or(a.DeletedAt.Compare(b.DeletedAt), strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)), strings.Compare(a.ID, b.ID))
		})},
		{clause: "deletions/pages", wrong: "a list of deletions begins after all of the place's time", alter: func(a *altered) {
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
				if after.ID != "" && order == threads.OldestFirst && after.Validate() == nil {
					after.ID = "\U0010ffff"
				}
				return own(ctx, user, order, after, limit)
			}
		}},
		{clause: "deletions/pages", wrong: "ListDeletions does not look at the limit", alter: func(a *altered) {
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
				if 0 < limit && limit < threads.MaxPage {
					limit = threads.MaxPage
				}
				return own(ctx, user, order, after, limit)
			}
		}},
	}
}

// listsDeletions makes ListDeletions order whole lists in another way.
func listsDeletions(compare func(a, b threads.Deletion) int) func(*altered) {
	return func(a *altered) {
		own := a.listDeletions
		a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
			list, err := own(ctx, user, order, after, limit)
			if err == nil && after.IsZero() {
				list = nil
				for _, d := range a.deletions {
					if d.User == user {
						list = append(list, a.view(d))
					}
				}
				slices.SortStableFunc(list, func(x, y threads.Deletion) int { return direction(order) * compare(x, y) })
				list = list[:min(limit, len(list))]
			}
			return list, err
		}
	}
}
