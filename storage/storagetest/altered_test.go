package storagetest

import (
	"context"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// altered is a model of which some methods do something else. It can reach
// into the model's rows, as calls are made one at a time unless around lets
// them be made at once.
type altered struct {
	*model

	create        func(context.Context, string, threads.Thread) error
	get           func(context.Context, string, string, threads.State) (threads.Thread, error)
	update        func(context.Context, string, threads.Thread) error
	list          func(context.Context, string, threads.Query, threads.Cursor, int) ([]threads.Thread, error)
	count         func(context.Context, string, threads.Scope) (threads.Counts, error)
	delete        func(context.Context, string, string, threads.Deletion) (threads.Deletion, error)
	deleteAll     func(context.Context, string, threads.Deletion) (threads.Deletion, error)
	restore       func(context.Context, string, string, time.Time) (int64, error)
	restoreThread func(context.Context, string, string) (threads.Thread, error)
	getDeletion   func(context.Context, string, string) (threads.Deletion, error)
	listDeletions func(context.Context, string, threads.Order, threads.Cursor, int) ([]threads.Deletion, error)
	preview       func(context.Context, string, time.Time) (threads.Preview, error)
	purge         func(context.Context, string, time.Time, time.Time, int) (threads.PurgeResult, error)
	usersDue      func(context.Context, time.Time, string, int) ([]string, error)
	erase         func(context.Context, string) (threads.Erasure, error)
	close         func() error

	// around is called for every method but Close with the call itself,
	// which it may make or not.
	around func(ctx context.Context, method, user string, call func(context.Context) error) error
}

// newAltered returns an altered model to which change has been done. It may
// replace any of the functions, which are the model's own before.
func newAltered(change func(*altered)) *altered {
	m := &model{}
	a := &altered{
		model: m, create: m.Create, get: m.Get, update: m.Update, list: m.List, count: m.Count, delete: m.Delete,
		deleteAll: m.SoftDeleteAll, restore: m.Restore, restoreThread: m.RestoreThread, getDeletion: m.GetDeletion,
		listDeletions: m.ListDeletions, preview: m.PreviewPurge, purge: m.Purge, usersDue: m.UsersDue, erase: m.Erase,
		close: m.Close,
	}
	var one sync.Mutex
	a.around = func(ctx context.Context, _, _ string, call func(context.Context) error) error {
		one.Lock()
		defer one.Unlock()
		return call(ctx)
	}
	change(a)
	return a
}

// edit runs f for each row of the user while nobody else is in the model.
func (a *altered) edit(user string, f func(r *threads.Thread)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.rows {
		if a.rows[i].User == user {
			f(&a.rows[i])
		}
	}
}

// record runs f for each deletion of the user while nobody else is in the
// model.
func (a *altered) record(user string, f func(d *threads.Deletion)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.deletions {
		if a.deletions[i].User == user {
			f(&a.deletions[i])
		}
	}
}

func (a *altered) Create(ctx context.Context, user string, t threads.Thread) error {
	return a.around(ctx, "Create", user, func(ctx context.Context) error { return a.create(ctx, user, t) })
}

func (a *altered) Get(ctx context.Context, user, id string, state threads.State) (v threads.Thread, err error) {
	err = a.around(ctx, "Get", user, func(ctx context.Context) error {
		v, err = a.get(ctx, user, id, state)
		return err
	})
	return v, err
}

func (a *altered) Update(ctx context.Context, user string, t threads.Thread) error {
	return a.around(ctx, "Update", user, func(ctx context.Context) error { return a.update(ctx, user, t) })
}

func (a *altered) List(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) (v []threads.Thread, err error) {
	err = a.around(ctx, "List", user, func(ctx context.Context) error {
		v, err = a.list(ctx, user, q, after, limit)
		return err
	})
	return v, err
}

func (a *altered) Count(ctx context.Context, user string, scope threads.Scope) (v threads.Counts, err error) {
	err = a.around(ctx, "Count", user, func(ctx context.Context) error {
		v, err = a.count(ctx, user, scope)
		return err
	})
	return v, err
}

func (a *altered) Delete(ctx context.Context, user, id string, d threads.Deletion) (v threads.Deletion, err error) {
	err = a.around(ctx, "Delete", user, func(ctx context.Context) error {
		v, err = a.delete(ctx, user, id, d)
		return err
	})
	return v, err
}

func (a *altered) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (v threads.Deletion, err error) {
	err = a.around(ctx, "SoftDeleteAll", user, func(ctx context.Context) error {
		v, err = a.deleteAll(ctx, user, d)
		return err
	})
	return v, err
}

func (a *altered) Restore(ctx context.Context, user, deletion string, at time.Time) (v int64, err error) {
	err = a.around(ctx, "Restore", user, func(ctx context.Context) error {
		v, err = a.restore(ctx, user, deletion, at)
		return err
	})
	return v, err
}

func (a *altered) RestoreThread(ctx context.Context, user, id string) (v threads.Thread, err error) {
	err = a.around(ctx, "RestoreThread", user, func(ctx context.Context) error {
		v, err = a.restoreThread(ctx, user, id)
		return err
	})
	return v, err
}

func (a *altered) GetDeletion(ctx context.Context, user, id string) (v threads.Deletion, err error) {
	err = a.around(ctx, "GetDeletion", user, func(ctx context.Context) error {
		v, err = a.getDeletion(ctx, user, id)
		return err
	})
	return v, err
}

func (a *altered) ListDeletions(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) (v []threads.Deletion, err error) {
	err = a.around(ctx, "ListDeletions", user, func(ctx context.Context) error {
		v, err = a.listDeletions(ctx, user, order, after, limit)
		return err
	})
	return v, err
}

func (a *altered) PreviewPurge(ctx context.Context, user string, before time.Time) (v threads.Preview, err error) {
	err = a.around(ctx, "PreviewPurge", user, func(ctx context.Context) error {
		v, err = a.preview(ctx, user, before)
		return err
	})
	return v, err
}

func (a *altered) Purge(ctx context.Context, user string, before, now time.Time, limit int) (v threads.PurgeResult, err error) {
	err = a.around(ctx, "Purge", user, func(ctx context.Context) error {
		v, err = a.purge(ctx, user, before, now, limit)
		return err
	})
	return v, err
}

func (a *altered) UsersDue(ctx context.Context, before time.Time, after string, limit int) (v []string, err error) {
	err = a.around(ctx, "UsersDue", "", func(ctx context.Context) error {
		v, err = a.usersDue(ctx, before, after, limit)
		return err
	})
	return v, err
}

func (a *altered) Erase(ctx context.Context, user string) (v threads.Erasure, err error) {
	err = a.around(ctx, "Erase", user, func(ctx context.Context) error {
		v, err = a.erase(ctx, user)
		return err
	})
	return v, err
}

func (a *altered) Close() error { return a.close() }
