package bolt

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/internal/merge"
	"github.com/skein-go/skein/threads"
)

// Create implements [threads.Store].
func (s *Store) Create(ctx context.Context, user string, t threads.Thread) error {
	return s.write(ctx, user, t.Validate(user), func(v *view) error {
		v.grows = true
		if taken, err := v.has(idKey(user, t.ID)); err != nil || taken {
			return cmp.Or(err, threads.ErrExists)
		}
		l, err := v.youngest(t.Organization)
		if err != nil {
			return err
		}
		fresh, err := v.fresh()
		if err != nil {
			return err
		}
		p := l.Create(t.Organization, fresh)
		if err := v.apply(p, l); err != nil {
			return err
		}
		return v.insert(p.Into, t, "")
	})
}

// Get implements [threads.Store].
func (s *Store) Get(ctx context.Context, user, id string, state threads.State) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id), state.Validate())
	err = s.read(ctx, user, invalid, func(v *view) error {
		r, err := v.find(id, state)
		if err == nil {
			t, err = v.show(r, nil)
		}
		return err
	})
	return t, err
}

// show is a caller's copy of a thread, with its deletion. The deletions it
// looks up it keeps in known, if that is not nil.
func (v *view) show(r row, known map[string]threads.Deletion) (threads.Thread, error) {
	if r.gen.State == generation.Live {
		return r.Thread, nil
	}
	d, ok := known[cmp.Or(r.single, r.gen.Deletion)]
	if !ok {
		var err error
		if d, err = v.deletionOf(r); err != nil {
			return threads.Thread{}, err
		}
		if known != nil {
			known[d.ID] = d
		}
	}
	t := r.Thread
	t.DeletionID, t.DeletedAt = d.ID, d.DeletedAt
	return t, nil
}

// Update implements [threads.Store].
func (s *Store) Update(ctx context.Context, user string, t threads.Thread) error {
	return s.write(ctx, user, t.Validate(user), func(v *view) error {
		v.grows = true
		r, err := v.find(t.ID, threads.Live)
		if err != nil {
			return err
		}
		if r.Version != t.Version {
			return threads.ErrVersionMismatch
		}
		if err := v.take(r.gen.ID, r.Thread); err != nil {
			return err
		}
		return v.insert(r.gen.ID, r.Revised(t), "")
	})
}

// List implements [threads.Store].
func (s *Store) List(ctx context.Context, user string, q threads.Query, from threads.Cursor, limit int) (list []threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), q.Validate(), threads.ValidateListStart(from, limit))
	err = s.read(ctx, user, invalid, func(v *view) error {
		if q.Deletion != "" {
			if d, err := v.deletion(q.Deletion); err != nil || d.Thread != "" {
				list, err = v.listSingle(d, q, from, err)
				return err
			}
		}
		gens, err := v.generationsOf(q)
		if err != nil {
			return err
		}
		var readers []*reader
		for _, g := range gens {
			for _, p := range v.prefixes(g.ID, q) {
				r, err := v.open(p, q.Order, from)
				if err != nil {
					return err
				}
				if r != nil {
					r.gen = g
					readers = append(readers, r)
				}
			}
		}
		known := map[string]threads.Deletion{}
		err = merge.Walk(readers, q.Order, func(at *reader) (bool, error) {
			r, err := v.rowAt(at)
			if err != nil {
				return false, err
			}
			if q.MatchesDetails(r.Thread) {
				t, err := v.show(r, known)
				if err != nil {
					return false, err
				}
				list = append(list, t)
			}
			return len(list) < limit, ctx.Err()
		})
		for _, r := range readers {
			err = cmp.Or(err, r.err)
		}
		if err == nil && len(list) < limit && from.IsZero() && q.Assistant == "" && q.Pinned == nil && q.Hidden == nil {
			err = complete(gens, len(list))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// complete holds that a list of all threads of the generations has as many as
// they count.
func complete(gens generation.Ledger, n int) error {
	var sum int64
	for _, g := range gens {
		sum += g.Threads
	}
	if sum != int64(n) {
		return fmt.Errorf("%w: generations of %d threads have %d", threads.ErrCorrupt, sum, n)
	}
	return nil
}

// listSingle lists what a query for the deletion of one thread finds: that, or
// nothing. An absent deletion holds nothing.
func (v *view) listSingle(d threads.Deletion, q threads.Query, from threads.Cursor, err error) ([]threads.Thread, error) {
	if err != nil || d.Held == 0 {
		return nil, ignoreNotFound(err)
	}
	r, err := v.single(d)
	if err != nil || !q.Scope.Contains(r.Organization) || !q.MatchesDetails(r.Thread) || !merge.Follows(r.Cursor(), from, q.Order) {
		return nil, err
	}
	t, err := v.show(r, nil)
	return []threads.Thread{t}, err
}

// generationsOf returns the generations that a query has to walk, if it is
// not for the deletion of one thread.
func (v *view) generationsOf(q threads.Query) (l generation.Ledger, err error) {
	if q.Deletion != "" {
		held, err := v.held(q.Deletion, math.MaxInt)
		for _, g := range held {
			if q.Scope.Contains(g.Organization) {
				l = append(l, g)
			}
		}
		return l, err
	}
	for state := generation.Live; state <= generation.Singles; state++ {
		if q.State.Matches(state == generation.Live) {
			more, err := v.generations(state, q.Scope)
			if err != nil {
				return nil, err
			}
			l = append(l, more...)
		}
	}
	return l, nil
}

// Count implements [threads.Store].
func (s *Store) Count(ctx context.Context, user string, scope threads.Scope) (n threads.Counts, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), scope.Validate())
	err = s.read(ctx, user, invalid, func(v *view) error {
		l, err := v.generationsOf(threads.Query{Scope: scope, State: threads.Both})
		n = l.Counts(scope)
		return err
	})
	return n, err
}

// Delete implements [threads.Store].
func (s *Store) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	d.Scope, d.Key = threads.Personal(), "" // both are for the store to set
	invalid := cmp.Or(d.Validate(user), threads.ValidateThreadID(id))
	var done threads.Deletion
	err := s.write(ctx, user, invalid, func(v *view) error {
		r, err := v.find(id, threads.Live)
		if err != nil {
			return err
		}
		if taken, err := v.has(deletionKey(user, d.ID)); err != nil || taken {
			return cmp.Or(err, threads.ErrExists)
		}
		l, err := v.generations(generation.Singles, threads.ScopeOf(r.Organization))
		if err != nil {
			return err
		}
		l = append(l, r.gen)
		fresh, err := v.fresh()
		if err != nil {
			return err
		}
		done = d.OfOne(r.Thread)
		if err := v.move(r, l.DeleteOne(r.gen.ID, fresh), l, d.ID); err != nil {
			return err
		}
		return v.record(nil, done)
	})
	if err != nil {
		return threads.Deletion{}, err
	}
	return done, nil
}

// RestoreThread implements [threads.Store].
func (s *Store) RestoreThread(ctx context.Context, user, id string) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id))
	err = s.write(ctx, user, invalid, func(v *view) error {
		r, err := v.find(id, threads.Both)
		if err != nil {
			return err
		}
		t = r.Thread
		if r.gen.State == generation.Live {
			return nil
		}
		old, err := v.deletionOf(r)
		if err != nil {
			return err
		}
		if err := old.Restorable(); err != nil {
			return err
		}
		if err := v.restoreOne(r); err != nil {
			return err
		}
		return v.record(&old, old.Without(1))
	})
	if err != nil {
		return threads.Thread{}, err
	}
	return t, nil
}

// restoreOne makes one deleted thread live.
func (v *view) restoreOne(r row) error {
	l, err := v.youngest(r.Organization)
	if err != nil {
		return err
	}
	l = append(l, r.gen)
	fresh, err := v.fresh()
	if err != nil {
		return err
	}
	return v.move(r, l.RestoreOne(r.gen.ID, fresh), l, "")
}
