package storagetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skein-go/skein/threads"
)

func manyFaults() []fault {
	return []fault{
		{clause: "many/delete-and-restore", wrong: "SoftDeleteAll deletes 1,000 threads and leaves the others", alter: func(a *altered) {
			taken := map[string]int{}
			spares(func(r *threads.Thread, d threads.Deletion) bool {
				taken[d.ID]++
				return taken[d.ID] > 1_000
			})(a)
		}},
		{clause: "many/delete-and-restore", wrong: "Restore brings back 1,000 threads and loses the others", alter: restoresWith(func(a *altered, d *threads.Deletion, rows []*threads.Thread, n *int64) {
			if len(rows) > 1_000 {
				for _, r := range rows[1_000:] {
					r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
				}
				*n = 1_000
			}
		})},
		{clause: "many/organizations", wrong: "Restore of many moves the threads of small organizations into a large one", alter: restoresWith(func(_ *altered, _ *threads.Deletion, rows []*threads.Thread, _ *int64) {
			if len(rows) > 1_000 {
				for _, r := range rows {
					if r.Organization == "org_b" {
						r.Organization = "org_f"
					}
				}
			}
		})},
		{clause: "many/purge", wrong: "a deletion of which thousands were purged says it holds fewer than it does", alter: onRecord(func(_ *altered, d *threads.Deletion) {
			if d.Count > 1_000 && d.Held < 1_000 && d.Held > 0 {
				d.Held--
			}
		})},
	}
}

// crowd makes faults that lie between two steps of a call show for certain: it
// holds the call there until others have done what makes the fault show.
type crowd struct {
	inside, waiting atomic.Int64
	shown           atomic.Bool // once is enough
}

// holding is the key of a context with which calls are held. Without, they
// only let others go first.
type holding struct{}

// join counts the calls of the store, and lets them be made at once.
func (c *crowd) join(a *altered) {
	a.around = func(ctx context.Context, _, _ string, call func(context.Context) error) error {
		c.inside.Add(1)
		defer c.inside.Add(-1)
		return call(ctx)
	}
}

// hold returns when it is so, or when for long nobody else has been in the
// store to bring it about.
func (c *crowd) hold(ctx context.Context, until func() bool) {
	for range 10 {
		runtime.Gosched()
	}
	if ctx.Value(holding{}) == nil {
		return
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	for alone := 0; alone < 50 && !c.shown.Load(); alone++ {
		if until() {
			c.shown.Store(true)
			return
		}
		if c.waiting.Load() < c.inside.Load() {
			alone = 0
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func concurrentFaults() []fault {
	var list []fault
	add := func(clause, wrong string, f func(a *altered, c *crowd)) {
		list = append(list, fault{clause: clause, wrong: wrong, alter: func(a *altered) {
			c := &crowd{}
			f(a, c)
			c.join(a)
		}})
	}
	add("concurrent/one-create", "Create looks for the id, and then creates", func(a *altered, c *crowd) {
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			_, err := a.model.Get(ctx, user, t.ID, threads.Both)
			c.hold(ctx, func() bool { _, err := a.model.Get(ctx, user, t.ID, threads.Both); return err == nil })
			created := a.model.Create(ctx, user, t)
			if sameClass(err, threads.ErrNotFound) && sameClass(created, threads.ErrExists) {
				a.edit(user, func(r *threads.Thread) {
					if r.ID == t.ID {
						*r = t.Clone()
					}
				})
				return nil
			}
			return created
		}
	})
	add("concurrent/one-update", "Update looks at the version, and then updates", func(a *altered, c *crowd) {
		a.update = func(ctx context.Context, user string, t threads.Thread) error {
			was, err := a.model.Get(ctx, user, t.ID, threads.Live)
			c.hold(ctx, func() bool {
				is, _ := a.model.Get(ctx, user, t.ID, threads.Live)
				return is.Version > was.Version
			})
			if is, again := a.model.Get(ctx, user, t.ID, threads.Live); err == nil && again == nil && was.Version == t.Version {
				t.Version = is.Version
			}
			return a.model.Update(ctx, user, t)
		}
	})
	add("concurrent/one-delete", "Delete looks whether the thread is live, and then deletes", func(a *altered, c *crowd) {
		a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
			_, err := a.model.Get(ctx, user, id, threads.Live)
			c.hold(ctx, func() bool { _, gone := a.model.Get(ctx, user, id, threads.Live); return gone != nil })
			v, deleted := a.model.Delete(ctx, user, id, d)
			if err == nil && sameClass(deleted, threads.ErrNotFound) {
				d.Thread, d.Count, d.Held = id, 1, 1
				return d, nil
			}
			return v, deleted
		}
	})
	add("concurrent/one-key", "SoftDeleteAll does not know the keys of calls under way", func(a *altered, c *crowd) {
		var mu sync.Mutex
		under := map[string]int{}
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			key := d.Key
			mu.Lock()
			if under[key]++; under[key] > 1 {
				d.Key = ""
			}
			mu.Unlock()
			c.hold(ctx, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return key != "" && under[key] > 1
			})
			v, err := a.model.SoftDeleteAll(ctx, user, d)
			mu.Lock()
			defer mu.Unlock()
			under[key]--
			return v, err
		}
	})
	add("concurrent/one-restore", "Restore reads how many it will restore, and then restores", func(a *altered, c *crowd) {
		a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
			d, _ := a.model.GetDeletion(ctx, user, id)
			c.hold(ctx, func() bool {
				now, _ := a.model.GetDeletion(ctx, user, id)
				return now.Held < d.Held
			})
			_, err := a.model.Restore(ctx, user, id, at)
			return d.Held, err
		}
	})
	add("concurrent/delete-all-and-creates", "SoftDeleteAll counts, and then deletes", func(a *altered, c *crowd) {
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			n, _ := a.model.Count(ctx, user, d.Scope)
			c.hold(ctx, func() bool {
				now, _ := a.model.Count(ctx, user, d.Scope)
				return now.Live > n.Live
			})
			v, err := a.model.SoftDeleteAll(ctx, user, d)
			if err == nil && d.Key == "" {
				v.Count = n.Live
			}
			return v, err
		}
	})
	add("concurrent/delete-all-and-creates", "Create goes into what was live when it began", func(a *altered, c *crowd) {
		var last atomic.Pointer[threads.Deletion]
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			v, err := a.model.SoftDeleteAll(ctx, user, d)
			if err == nil && v.ID == d.ID {
				last.Store(&v)
			}
			return v, err
		}
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			before := last.Load()
			c.hold(ctx, func() bool {
				d := last.Load()
				return d != before && d.User == user && d.Scope.Contains(t.Organization)
			})
			err := a.model.Create(ctx, user, t)
			if d := last.Load(); err == nil && d != before && d.User == user {
				a.edit(user, func(r *threads.Thread) {
					if r.ID == t.ID && d.Scope.Contains(r.Organization) {
						r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
					}
				})
			}
			return err
		}
	})
	add("concurrent/pages", "List reads half of the page, and then the other half", func(a *altered, c *crowd) {
		a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			one, err := a.model.List(ctx, user, q, after, limit)
			half := len(one) / 2
			c.hold(ctx, func() bool { // until the next two have moved to before the half
				now, _ := a.model.List(ctx, user, q, after, limit)
				return 1 < half && half < len(now) && now[half-1].ID == one[half+1].ID && one[half].ID[0] == one[half+1].ID[0]
			})
			two, again := a.model.List(ctx, user, q, after, limit)
			half = min(half, len(two))
			return append(one[:half], two[half:]...), errors.Join(err, again)
		}
	})
	add("concurrent/all-or-nothing", "Count counts what is live, and then what is deleted", func(a *altered, c *crowd) {
		a.count = func(ctx context.Context, user string, scope threads.Scope) (threads.Counts, error) {
			one, err := a.model.Count(ctx, user, scope)
			c.hold(ctx, func() bool { now, _ := a.model.Count(ctx, user, scope); return now.Live != one.Live })
			two, again := a.model.Count(ctx, user, scope)
			return threads.Counts{Live: one.Live, Deleted: two.Deleted}, errors.Join(err, again)
		}
	})
	add("concurrent/ledger", "Delete counts a thread that SoftDeleteAll has deleted meanwhile", func(a *altered, c *crowd) {
		a.delete = func(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
			_, err := a.model.Get(ctx, user, id, threads.Live)
			bulk := func() bool {
				t, _ := a.model.Get(ctx, user, id, threads.Both)
				by, _ := a.model.GetDeletion(ctx, user, t.DeletionID)
				return by.ID != "" && by.Thread == ""
			}
			if err == nil {
				c.hold(ctx, bulk)
			}
			v, deleted := a.model.Delete(ctx, user, id, d)
			if err == nil && sameClass(deleted, threads.ErrNotFound) && bulk() {
				return threads.Deletion{Count: 1}, nil
			}
			return v, deleted
		}
	})
	add("concurrent/users", "SoftDeleteAll is for the user of the last call", func(a *altered, c *crowd) {
		var last atomic.Pointer[string]
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			if d.User != user {
				return a.model.SoftDeleteAll(ctx, user, d)
			}
			last.Store(&user)
			c.hold(ctx, func() bool { return *last.Load() != user })
			d.User = *last.Load()
			return a.model.SoftDeleteAll(ctx, d.User, d)
		}
	})
	add("concurrent/close", "a call under way when the store is closed is ErrUnknownOutcome", func(a *altered, c *crowd) {
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			_, open := a.model.Get(ctx, "anybody", "any", threads.Live)
			c.hold(ctx, func() bool {
				_, now := a.model.Get(ctx, "anybody", "any", threads.Live)
				return sameClass(now, threads.ErrClosed)
			})
			err := a.model.Create(ctx, user, t)
			if sameClass(err, threads.ErrClosed) && !sameClass(open, threads.ErrClosed) {
				err = threads.ErrUnknownOutcome
			}
			return err
		}
	})
	return list
}

func historyFaults() []fault {
	return []fault{
		{clause: "history/random", wrong: "a pinned thread that is deleted a third time is unpinned", alter: func(a *altered) {
			times := map[[2]string]int{}
			count := func(user string) {
				a.edit(user, func(r *threads.Thread) {
					key := [2]string{user, r.ID}
					switch n := times[key]; {
					case r.Live() && n%2 == 1, !r.Live() && n%2 == 0:
						if times[key]++; times[key] == 5 {
							r.PinnedAt = time.Time{}
						}
					}
				})
			}
			own := a.around
			a.around = func(ctx context.Context, method, user string, call func(context.Context) error) error {
				err := own(ctx, method, user, call)
				if method == "Delete" || method == "SoftDeleteAll" || method == "Restore" || method == "RestoreThread" {
					count(user)
				}
				return err
			}
		}},
		{clause: "history/reopened", wrong: "what a user does after Erase is forgotten when the store is closed", persistent: true, open: func(dir string) (threads.Store, error) {
			return openJournal(dir, func(j *journal) {
				erased := map[string]bool{}
				j.note = func(e *entry) bool {
					kept := !erased[e.User]
					erased[e.User] = erased[e.User] || e.Method == "Erase"
					return kept
				}
			})
		}},
	}
}
