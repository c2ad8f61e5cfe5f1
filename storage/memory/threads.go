package memory

import (
	"cmp"
	"context"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Create implements [threads.Store].
func (s *Store) Create(ctx context.Context, user string, t threads.Thread) error {
	return s.write(ctx, user, t.Validate(user), func(a *account) error {
		if a.rows[t.ID] != nil {
			return threads.ErrExists
		}
		p := a.youngest(t.Organization).Create(t.Organization, a.fresh())
		a.apply(p)
		r := &row{Thread: t.Clone()}
		a.rows[t.ID] = r
		a.shelves[p.Into].add(r)
		return nil
	})
}

// Get implements [threads.Store].
func (s *Store) Get(ctx context.Context, user, id string, state threads.State) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id), state.Validate())
	err = s.read(ctx, user, invalid, func(a *account) error {
		r, err := a.find(id, state)
		if err == nil {
			t = a.view(r)
		}
		return err
	})
	return t, err
}

// Update implements [threads.Store].
func (s *Store) Update(ctx context.Context, user string, t threads.Thread) error {
	return s.write(ctx, user, t.Validate(user), func(a *account) error {
		r, err := a.find(t.ID, threads.Live)
		if err != nil {
			return err
		}
		if r.Version != t.Version {
			return threads.ErrVersionMismatch
		}
		r.shelf.remove(r)
		r.Thread = r.Revised(t.Clone())
		r.shelf.add(r)
		return nil
	})
}

// List implements [threads.Store].
func (s *Store) List(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) (list []threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), q.Validate(), threads.ValidateListStart(after, limit))
	err = s.read(ctx, user, invalid, func(a *account) error {
		walk(a.indexes(q), q.Order, after, func(r *row) bool {
			if q.MatchesDetails(r.Thread) {
				list = append(list, a.view(r))
			}
			return len(list) < limit
		})
		return nil
	})
	return list, err
}

// indexes returns the indexes that a query has to walk, and no more.
func (a *account) indexes(q threads.Query) []*index[row] {
	var shelves []*shelf
	if q.Deletion != "" {
		if d := a.deletions[q.Deletion]; d != nil && d.Thread != "" && d.Held > 0 {
			r := a.rows[d.Thread]
			x := &index[row]{}
			if q.Scope.Contains(r.Organization) {
				x.set(r.Cursor(), r)
			}
			return []*index[row]{x}
		}
		for _, s := range a.held[q.Deletion] {
			if q.Scope.Contains(s.Organization) {
				shelves = append(shelves, s)
			}
		}
	} else {
		a.each(q.Scope, func(o *organization) {
			if q.State.Matches(true) {
				shelves = append(shelves, o.live...)
			}
			if q.State.Matches(false) {
				shelves = append(shelves, o.deleted...)
				if o.singles != nil {
					shelves = append(shelves, o.singles)
				}
			}
		})
	}
	var indexes []*index[row]
	for _, s := range shelves {
		indexes = append(indexes, s.indexes(q)...)
	}
	return indexes
}

// Count implements [threads.Store].
func (s *Store) Count(ctx context.Context, user string, scope threads.Scope) (n threads.Counts, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), scope.Validate())
	err = s.read(ctx, user, invalid, func(a *account) error {
		n = a.all(scope).Counts(scope)
		return nil
	})
	return n, err
}

// Delete implements [threads.Store].
func (s *Store) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	d.Scope, d.Key = threads.Personal(), "" // both are for the store to set
	invalid := cmp.Or(d.Validate(user), threads.ValidateThreadID(id))
	err := s.write(ctx, user, invalid, func(a *account) error {
		r, err := a.find(id, threads.Live)
		if err != nil {
			return err
		}
		if a.deletions[d.ID] != nil {
			return threads.ErrExists
		}
		d = d.OfOne(r.Thread)
		ledger := with(nil, r.shelf)
		if singles := a.organizations[r.Organization].singles; singles != nil {
			ledger = with(ledger, singles)
		}
		a.move(r, ledger.DeleteOne(r.shelf.ID, a.fresh()))
		r.single = d.ID
		a.put(d)
		return nil
	})
	if err != nil {
		return threads.Deletion{}, err
	}
	return d, nil
}

// RestoreThread implements [threads.Store].
func (s *Store) RestoreThread(ctx context.Context, user, id string) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id))
	err = s.write(ctx, user, invalid, func(a *account) error {
		r, err := a.find(id, threads.Both)
		if err != nil {
			return err
		}
		if deletion := r.deletionID(); deletion != "" {
			d := *a.deletions[deletion]
			if err := d.Restorable(); err != nil {
				return err
			}
			a.restoreOne(r)
			a.put(d.Without(1))
		}
		t = a.view(r)
		return nil
	})
	return t, err
}

// restoreOne makes one deleted thread live.
func (a *account) restoreOne(r *row) {
	ledger := with(a.youngest(r.Organization), r.shelf)
	a.move(r, ledger.RestoreOne(r.shelf.ID, a.fresh()))
	r.single = ""
}

// move carries out a plan for one thread.
func (a *account) move(r *row, p generation.Plan) {
	r.shelf.remove(r)
	a.apply(p)
	a.shelves[p.Into].add(r)
}
