package storagetest

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// purger is the Purge of a store.
type purger = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error)

// purges alters Purge.
func purges(f func(a *altered, own purger) purger) func(*altered) {
	return func(a *altered) { a.purge = f(a, a.purge) }
}

// purgesWith alters the answer of each Purge that succeeded, and what is
// there then.
func purgesWith(f func(a *altered, user string, before, now time.Time, limit int, r *threads.PurgeResult)) func(*altered) {
	return purges(func(a *altered, own purger) purger {
		return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
			r, err := own(ctx, user, before, now, limit)
			if err == nil {
				f(a, user, before, now, limit, &r)
			}
			return r, err
		}
	})
}

func purgeFaults() []fault {
	return []fault{
		{clause: "purge/gone", wrong: "purged threads are still counted as deleted", alter: func(a *altered) {
			removed := map[string]int64{}
			purgesWith(func(_ *altered, user string, _, _ time.Time, _ int, r *threads.PurgeResult) {
				removed[user] += r.Threads
			})(a)
			own := a.count
			a.count = func(ctx context.Context, user string, scope threads.Scope) (threads.Counts, error) {
				n, err := own(ctx, user, scope)
				n.Deleted += removed[user]
				return n, err
			}
		}},
		{clause: "purge/gone", wrong: "Purge removes nothing", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (r threads.PurgeResult, err error) {
				if limit != 100 {
					return own(ctx, user, before, now, limit)
				}
				return r, nil
			}
		})},
		{clause: "purge/live", wrong: "Purge removes threads that were restored from what it purges", alter: func(a *altered) {
			in := map[string]string{}
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				a.edit(user, func(r *threads.Thread) {
					if r.DeletionID == id {
						in[user+" "+r.ID] = id
					}
				})
				return own(ctx, user, id, at)
			}
			purgesWith(func(a *altered, user string, before, _ time.Time, _ int, r *threads.PurgeResult) {
				if before != far {
					return
				}
				a.rows = slices.DeleteFunc(a.rows, func(t threads.Thread) bool {
					id, was := in[user+" "+t.ID]
					return t.User == user && was && t.Live() && a.deletion(user, id) == nil
				})
			})(a)
		}},
		{clause: "purge/before", wrong: "Purge takes what was deleted at its time", alter: purges(func(_ *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if threads.ValidateTime("before", before) == nil {
					before = before.Add(time.Microsecond)
				}
				return own(ctx, user, before, now, limit)
			}
		})},
		{clause: "purge/oldest-first", wrong: "Purge goes by the order in which deletions were made", alter: purgesInOrder(func(a, b threads.Deletion) int { return 0 })},
		{clause: "purge/oldest-first", wrong: "Purge takes deletions of the same time without regard to the case of their ids", alter: purgesInOrder(func(a, b threads.Deletion) int {
			if a.DeletedAt.Equal(b.DeletedAt) {
				return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID))
			}
			return a.DeletedAt.Compare(b.DeletedAt)
		})},
		{clause: "purge/limit", wrong: "records do not count against the limit", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (sum threads.PurgeResult, err error) {
				if threads.ValidatePurgeLimit(limit) != nil {
					return own(ctx, user, before, now, limit)
				}
				for removed := 0; ; {
					r, err := own(ctx, user, before, now, 1)
					sum.Threads, sum.Deletions, sum.More = sum.Threads+r.Threads, sum.Deletions+r.Deletions, r.More
					removed += int(r.Threads)
					if err != nil || !r.More || removed == limit {
						return sum, err
					}
				}
			}
		})},
		{clause: "purge/limit", wrong: "Purge removes one more than its limit", alter: purges(func(_ *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if limit == 3 {
					limit++
				}
				return own(ctx, user, before, now, limit)
			}
		})},
		{clause: "purge/more", wrong: "More is whether the limit was reached", alter: purgesWith(func(_ *altered, _ string, _, _ time.Time, limit int, r *threads.PurgeResult) {
			r.More = r.Threads == int64(limit) || r.More
		})},
		{clause: "purge/again", wrong: "More does not look at records that hold none", alter: purgesWith(func(a *altered, user string, before, _ time.Time, _ int, r *threads.PurgeResult) {
			if r.More {
				r.More = false
				for _, d := range a.deletions {
					r.More = r.More || d.User == user && a.view(d).Held > 0 && d.DeletedAt.Before(before)
				}
			}
		})},
		{clause: "purge/nothing", wrong: "Purge of a user who has nothing is ErrNotFound", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if len(a.rows) == 0 && len(a.deletions) == 0 && threads.ValidateUser(user) == nil {
					return threads.PurgeResult{}, threads.ErrNotFound
				}
				return own(ctx, user, before, now, limit)
			}
		})},
		{clause: "purge/begun", wrong: "each Purge sets PurgedAt", alter: purgesWith(func(a *altered, user string, before, now time.Time, _ int, r *threads.PurgeResult) {
			a.record(user, func(d *threads.Deletion) {
				if !d.PurgedAt.IsZero() && a.view(*d).Held > 0 && r.More {
					d.PurgedAt = now
				}
			})
		})},
		{clause: "purge/begun", wrong: "Purge does not clear Thread", alter: func(a *altered) {
			of := map[[2]string]string{}
			deletes(func(_ *altered, _ threads.Deletion, d *threads.Deletion) { of[[2]string{d.User, d.ID}] = d.Thread })(a)
			onRecord(func(_ *altered, d *threads.Deletion) {
				if d.Emptied() && d.Count == 1 {
					d.Thread = of[[2]string{d.User, d.ID}]
				}
			})(a)
		}},
		{clause: "purge/begun", wrong: "Purge takes what it removes from Count", alter: purgesWith(func(a *altered, user string, _, _ time.Time, _ int, _ *threads.PurgeResult) {
			a.record(user, func(d *threads.Deletion) {
				if !d.PurgedAt.IsZero() && d.Thread == "" && d.Count == 3 {
					d.Count = a.view(*d).Held
				}
			})
		})},
		{clause: "purge/no-way-back", wrong: "Restore brings back what a purge has not reached yet", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				if d := a.deletion(user, id); d != nil && a.view(*d).Held > 0 {
					d.PurgedAt = time.Time{}
				}
				return own(ctx, user, id, at)
			}
		}},
		{clause: "purge/no-way-back", wrong: "RestoreThread brings back what a purge has not reached yet", alter: func(a *altered) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				if r := a.row(user, id, threads.Deleted); r != nil {
					a.deletion(user, r.DeletionID).PurgedAt = time.Time{}
				}
				return own(ctx, user, id)
			}
		}},
		{clause: "purge/no-way-back", wrong: "Restore of what was purged is ErrNotFound", alter: func(a *altered) {
			own := a.restore
			a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
				n, err := own(ctx, user, id, at)
				if sameClass(err, threads.ErrPurged) {
					err = threads.ErrNotFound
				}
				return n, err
			}
		}},
		{clause: "purge/id-taken", wrong: "Create takes the id of a thread whose purge has begun", alter: replaces(func(a *altered, old threads.Thread) bool {
			return !old.Live() && !a.deletion(old.User, old.DeletionID).PurgedAt.IsZero()
		})},
		{clause: "purge/id-free", wrong: "the id of a purged thread stays taken", alter: func(a *altered) {
			used := map[[2]string]bool{}
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				if used[[2]string{user, t.ID}] {
					return threads.ErrExists
				}
				return own(ctx, user, t)
			}
			purged := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				had := map[string]bool{}
				a.edit(user, func(r *threads.Thread) { had[r.ID] = true })
				r, err := purged(ctx, user, before, now, limit)
				for id := range had {
					used[[2]string{user, id}] = a.row(user, id, threads.Both) == nil
				}
				return r, err
			}
		}},
		{clause: "purge/id-free", wrong: "a new thread has the metadata of a purged one of its id", alter: func(a *altered) {
			kept := map[[2]string]map[string]string{}
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				if old := kept[[2]string{user, t.ID}]; old != nil && len(t.Metadata) == 0 {
					t.Metadata = old
				}
				kept[[2]string{user, t.ID}] = t.Clone().Metadata
				return own(ctx, user, t)
			}
		}},
		{clause: "purge/record-stays", wrong: "the record of a deletion is counted again when it goes", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				var emptied []string
				a.record(user, func(d *threads.Deletion) {
					if a.view(*d).Emptied() {
						emptied = append(emptied, d.ID)
					}
				})
				r, err := own(ctx, user, before, now, limit)
				for _, id := range emptied {
					if err == nil && a.deletion(user, id) == nil {
						r.Deletions++
					}
				}
				return r, err
			}
		})},
		{clause: "purge/record-stays", wrong: "the record of a deletion goes by its own time", alter: purgesWith(func(a *altered, user string, before, _ time.Time, _ int, r *threads.PurgeResult) {
			if r.Threads == 0 && len(a.rows) == 0 {
				a.deletions = slices.DeleteFunc(a.deletions, func(d threads.Deletion) bool {
					return d.User == user && a.view(d).Emptied() && d.DeletedAt.Before(before)
				})
			}
		})},
		{clause: "purge/emptied-in-their-turn", wrong: "the records of deletions that were emptied go last", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				var aside []threads.Deletion
				for _, d := range a.deletions {
					if d.User == user && a.view(d).Emptied() && len(a.rows) > 1 {
						aside = append(aside, d)
					}
				}
				a.deletions = slices.DeleteFunc(a.deletions, func(d threads.Deletion) bool {
					return slices.ContainsFunc(aside, func(other threads.Deletion) bool { return other.User == d.User && other.ID == d.ID })
				})
				r, err := own(ctx, user, before, now, limit)
				a.deletions = append(aside, a.deletions...)
				return r, err
			}
		})},
		{clause: "purge/records-that-hold-none", wrong: "the record of a deletion restored thread by thread never goes", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				var aside []threads.Deletion
				a.deletions = slices.DeleteFunc(a.deletions, func(d threads.Deletion) bool {
					if d = a.view(d); d.User == user && d.Held == 0 && d.Count > 0 && d.RestoredAt.IsZero() && d.PurgedAt.IsZero() {
						aside = append(aside, d)
						return true
					}
					return false
				})
				r, err := own(ctx, user, before, now, limit)
				a.deletions = append(aside, a.deletions...)
				return r, err
			}
		})},
		{clause: "purge/records-that-hold-none", wrong: "the record of a deletion that was restored goes at any purge", alter: purgesWith(func(a *altered, user string, _, _ time.Time, _ int, r *threads.PurgeResult) {
			a.deletions = slices.DeleteFunc(a.deletions, func(d threads.Deletion) bool { return d.User == user && !d.RestoredAt.IsZero() && len(a.rows) == 4 })
		})},
		{clause: "purge/clock-that-goes-back", wrong: "a purge does not drop the record of a deletion that it has emptied itself", alter: purges(func(a *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if !now.Before(before) || threads.ValidateTime("now", now) != nil {
					return own(ctx, user, before, now, limit)
				}
				r, err := own(ctx, user, before, before, limit)
				a.record(user, func(d *threads.Deletion) {
					if d.PurgedAt.Equal(before) {
						d.PurgedAt = now
					}
				})
				return r, err
			}
		})},
		{clause: "purge/clock-that-goes-back", wrong: "Purge refuses a now before its time", alter: purges(func(_ *altered, own purger) purger {
			return func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				if now.Before(before) && before.Equal(at(60)) && limit == 10 {
					return threads.PurgeResult{}, threads.ErrConflict
				}
				return own(ctx, user, before, now, limit)
			}
		})},
		{clause: "purge/deletion-id-free", wrong: "the id of a deletion stays taken when its record has gone", alter: func(a *altered) {
			used := map[[2]string]bool{}
			purged := a.purge
			a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
				had := a.recordsOf(user)
				r, err := purged(ctx, user, before, now, limit)
				for _, d := range had {
					used[[2]string{user, d.ID}] = a.deletion(user, d.ID) == nil
				}
				return r, err
			}
			own := a.delete
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				if used[[2]string{user, d.ID}] {
					return d, threads.ErrExists
				}
				return own(ctx, user, id, d)
			}
		}},
		{clause: "preview/changes-nothing", wrong: "PreviewPurge begins the purge", alter: func(a *altered) {
			own := a.preview
			a.preview = func(ctx context.Context, user string, before time.Time) (threads.Preview, error) {
				p, err := own(ctx, user, before)
				if err == nil {
					a.record(user, func(d *threads.Deletion) {
						if d.DeletedAt.Before(before) {
							d.PurgedAt = or(d.PurgedAt, at(1))
						}
					})
				}
				return p, err
			}
		}},
		{clause: "preview/sum", wrong: "PreviewPurge counts the records of deletions that were emptied", alter: func(a *altered) {
			own := a.preview
			a.preview = func(ctx context.Context, user string, before time.Time) (threads.Preview, error) {
				p, err := own(ctx, user, before)
				a.record(user, func(d *threads.Deletion) {
					if v := a.view(*d); err == nil && v.Emptied() && v.Due().Before(before) {
						p.Deletions++
					}
				})
				return p, err
			}
		}},
		{clause: "preview/sum", wrong: "PreviewPurge counts threads that were purged already", alter: func(a *altered) {
			own := a.preview
			a.preview = func(ctx context.Context, user string, before time.Time) (threads.Preview, error) {
				p, err := own(ctx, user, before)
				a.record(user, func(d *threads.Deletion) {
					if v := a.view(*d); err == nil && !v.PurgedAt.IsZero() && v.Due().Before(before) {
						p.Threads += v.Count - v.Held
					}
				})
				return p, err
			}
		}},
	}
}

// purgesInOrder makes Purge take deletions in another order.
func purgesInOrder(compare func(a, b threads.Deletion) int) func(*altered) {
	return purges(func(a *altered, own purger) purger {
		return func(ctx context.Context, user string, before, now time.Time, limit int) (r threads.PurgeResult, err error) {
			var due []threads.Deletion
			for _, d := range a.deletions {
				if d.User == user && a.view(d).Due().Before(before) && limit == 1 && d.PurgedAt.IsZero() {
					due = append(due, d)
				}
			}
			slices.SortStableFunc(due, compare)
			if len(due) < 2 {
				return own(ctx, user, before, now, limit)
			}
			others := slices.DeleteFunc(slices.Clone(a.deletions), func(d threads.Deletion) bool { return d.User == user && d.ID == due[0].ID })
			a.deletions = []threads.Deletion{due[0]}
			r, err = own(ctx, user, before, now, math.MaxInt16%threads.MaxPurge)
			a.deletions = append(others, a.deletions...)
			return r, err
		}
	})
}

func usersDueFaults() []fault {
	type due = func(ctx context.Context, before time.Time, after string, limit int) ([]string, error)
	alter := func(f func(a *altered, own due) due) func(*altered) {
		return func(a *altered) { a.usersDue = f(a, a.usersDue) }
	}
	return []fault{
		{clause: "users-due/only-due", wrong: "UsersDue takes what is due at its time", alter: alter(func(_ *altered, own due) due {
			return func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				if threads.ValidateTime("before", before) == nil {
					before = before.Add(time.Microsecond)
				}
				return own(ctx, before, after, limit)
			}
		})},
		{clause: "users-due/only-due", wrong: "UsersDue leaves out users whose deletions hold nothing", alter: alter(func(a *altered, own due) due {
			return func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				list, err := own(ctx, before, after, limit)
				return slices.DeleteFunc(list, func(user string) bool {
					return !slices.ContainsFunc(a.deletions, func(d threads.Deletion) bool { return d.User == user && d.Count > 0 })
				}), err
			}
		})},
		{clause: "users-due/after-purge", wrong: "UsersDue goes by the time of the deletion when a purge has emptied it", alter: alter(func(a *altered, own due) due {
			return func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				list, err := own(ctx, before, after, limit)
				for _, d := range a.deletions {
					if err == nil && d.DeletedAt.Before(before) && !slices.Contains(list, d.User) {
						list = append(list, d.User)
					}
				}
				return list, err
			}
		})},
		{clause: "erase/everything", wrong: "UsersDue still names users who had been erased", alter: func(a *altered) {
			var erased []string
			own := a.erase
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				e, err := own(ctx, user)
				if err == nil && e.Deletions > 0 {
					erased = append(erased, user)
				}
				return e, err
			}
			list := a.usersDue
			a.usersDue = func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				users, err := list(ctx, before, after, limit)
				if err != nil {
					return nil, err
				}
				return append(users, erased...), nil
			}
		}},
		{clause: "users-due/order", wrong: "UsersDue names users in the order of their first deletions", alter: alter(func(a *altered, own due) due {
			return func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				list, err := own(ctx, before, after, limit)
				slices.SortStableFunc(list, func(x, y string) int {
					first := func(user string) int {
						return slices.IndexFunc(a.deletions, func(d threads.Deletion) bool { return d.User == user })
					}
					return first(x) - first(y)
				})
				return list, err
			}
		})},
		{clause: "users-due/order", wrong: "UsersDue begins with the user given", alter: alter(func(a *altered, own due) due {
			return func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				list, err := own(ctx, before, after, limit)
				if err == nil && len(a.recordsOf(after)) > 0 {
					list = append([]string{after}, list...)
					list = list[:min(limit, len(list))]
				}
				return list, err
			}
		})},
	}
}

// recordsOf are the deletions of a user.
func (a *altered) recordsOf(user string) (list []threads.Deletion) {
	a.record(user, func(d *threads.Deletion) { list = append(list, *d) })
	return list
}

func eraseFaults() []fault {
	return []fault{
		{clause: "erase/everything", wrong: "Erase leaves what was deleted alone", alter: func(a *altered) {
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				rows, deletions := slices.Clone(a.rows), slices.Clone(a.deletions)
				e, err := a.model.Erase(ctx, user)
				for _, r := range rows {
					if err == nil && r.User == user && !r.Live() && r.DeletionID == "d1" {
						a.rows = append(a.rows, r)
					}
				}
				for _, d := range deletions {
					if err == nil && d.User == user && d.Thread != "" {
						a.deletions = append(a.deletions, d)
					}
				}
				return e, err
			}
		}},
		{clause: "erase/everything", wrong: "Erase leaves the records of deletions", alter: func(a *altered) {
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				deletions := slices.Clone(a.deletions)
				e, err := a.model.Erase(ctx, user)
				for _, d := range deletions {
					if err == nil && d.User == user && d.Key == "" {
						a.deletions = append(a.deletions, d)
					}
				}
				return e, err
			}
		}},
		{clause: "erase/answer", wrong: "Erase returns the number of live threads", alter: func(a *altered) {
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				var live int64
				a.edit(user, func(r *threads.Thread) {
					if r.Live() {
						live++
					}
				})
				e, err := a.model.Erase(ctx, user)
				e.Threads = live
				return e, err
			}
		}},
		{clause: "erase/answer", wrong: "Erase does not say what it verified", alter: func(a *altered) {
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				e, err := a.model.Erase(ctx, user)
				e.Verified = nil
				return e, err
			}
		}},
		{clause: "erase/nobody", wrong: "Erase of a user who has nothing is ErrNotFound", alter: func(a *altered) {
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				e, err := a.model.Erase(ctx, user)
				if err == nil && e.Threads+e.Deletions == 0 {
					err = threads.ErrNotFound
				}
				return e, err
			}
		}},
		{clause: "erase/begins-anew", wrong: "the ids of erased deletions stay taken", alter: func(a *altered) {
			used := map[[2]string]bool{}
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				a.record(user, func(d *threads.Deletion) { used[[2]string{user, d.ID}] = true })
				return a.model.Erase(ctx, user)
			}
			a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
				if used[[2]string{user, d.ID}] {
					return d, threads.ErrExists
				}
				return a.model.Delete(ctx, user, id, d)
			}
		}},
		{clause: "erase/begins-anew", wrong: "threads that were erased are back when their ids are used again", alter: func(a *altered) {
			kept := map[[2]string]threads.Thread{}
			a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				a.edit(user, func(r *threads.Thread) { kept[[2]string{user, r.ID}] = *r })
				return a.model.Erase(ctx, user)
			}
			onCreate(func(t *threads.Thread) {
				if old, ok := kept[[2]string{t.User, t.ID}]; ok {
					t.LastActivityAt = old.CreatedAt.Add(time.Second)
				}
			})(a)
		}},
	}
}

func countFaults() []fault {
	return []fault{
		{clause: "count/scope", wrong: "Count takes an organization's id for the beginning of ids", alter: countsWhat(func(scope threads.Scope, r threads.Thread) bool {
			o := soleOrganization(scope)
			return scope.Contains(r.Organization) || o != "" && strings.HasPrefix(r.Organization, o)
		})},
		{clause: "count/scope", wrong: "Count compares organizations without regard to case", alter: countsWhat(func(scope threads.Scope, r threads.Thread) bool {
			o := soleOrganization(scope)
			return scope.Contains(r.Organization) || o != "" && strings.EqualFold(r.Organization, o)
		})},
		{clause: "count/every-call", wrong: "Create counts a thread that it refuses", alter: countsMore(func(a *altered, more *int64) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if sameClass(err, threads.ErrExists) && t.Organization == "org_a" && a.row(user, "personal", threads.Both) != nil {
					*more++
				}
				return err
			}
		})},
		{clause: "count/every-call", wrong: "RestoreThread counts a thread that was live", alter: countsMore(func(a *altered, more *int64) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				if r := a.row(user, id, threads.Live); r != nil && r.Organization == "org_a" && a.row(user, "personal", threads.Both) != nil {
					*more++
				}
				return own(ctx, user, id)
			}
		})},
	}
}

// countsWhat makes Count count what it counts in another way.
func countsWhat(is func(threads.Scope, threads.Thread) bool) func(*altered) {
	return func(a *altered) {
		own := a.count
		a.count = func(ctx context.Context, user string, scope threads.Scope) (n threads.Counts, err error) {
			if _, err := own(ctx, user, scope); err != nil {
				return n, err
			}
			for _, r := range a.rows {
				switch {
				case r.User != user || !is(scope, r):
				case r.Live():
					n.Live++
				default:
					n.Deleted++
				}
			}
			return n, nil
		}
	}
}

// countsMore makes Count count more live threads than there are.
func countsMore(f func(a *altered, more *int64)) func(*altered) {
	return func(a *altered) {
		var more int64
		f(a, &more)
		own := a.count
		a.count = func(ctx context.Context, user string, scope threads.Scope) (threads.Counts, error) {
			n, err := own(ctx, user, scope)
			n.Live += more
			return n, err
		}
	}
}

func lifeFaults() []fault {
	var list []fault
	for _, m := range methods {
		list = append(list,
			fault{clause: "context/cancelled", wrong: m.name + " does not look at its context", alter: func(a *altered) {
				a.around = func(ctx context.Context, method, _ string, call func(context.Context) error) error {
					if method == m.name {
						ctx = context.WithoutCancel(ctx)
					}
					return call(ctx)
				}
			}},
			fault{clause: "close/closed", wrong: m.name + " goes on after Close", alter: func(a *altered) {
				a.around = func(ctx context.Context, method, _ string, call func(context.Context) error) error {
					err := call(ctx)
					if method == m.name && sameClass(err, threads.ErrClosed) {
						err = nil
					}
					return err
				}
			}})
	}
	return append(list,
		fault{clause: "context/cancelled", wrong: "Create looks at its context when it is done", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				if err := own(context.WithoutCancel(ctx), user, t); err != nil {
					return err
				}
				return ctx.Err()
			}
		}},
		fault{clause: "context/expired", wrong: "a context that has expired is ErrFull", alter: func(a *altered) {
			a.around = func(ctx context.Context, _, _ string, call func(context.Context) error) error {
				err := call(ctx)
				if sameClass(err, context.DeadlineExceeded) {
					err = threads.ErrFull
				}
				return err
			}
		}},
		fault{clause: "close/closed", wrong: "a closed store answers ErrLocked", alter: func(a *altered) {
			a.around = func(ctx context.Context, _, _ string, call func(context.Context) error) error {
				err := call(ctx)
				if sameClass(err, threads.ErrClosed) {
					err = threads.ErrLocked
				}
				return err
			}
		}},
		fault{clause: "close/twice", wrong: "a second Close is ErrClosed", alter: func(a *altered) {
			a.close = func() error {
				if a.model.closed {
					return threads.ErrClosed
				}
				return a.model.Close()
			}
		}},
		fault{clause: "close/twice", wrong: "a second Close opens the store again", alter: func(a *altered) {
			a.close = func() error {
				a.model.closed = !a.model.closed
				return nil
			}
		}},
	)
}
