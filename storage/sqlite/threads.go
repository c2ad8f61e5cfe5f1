package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/internal/merge"
	"github.com/skein-go/skein/threads"
)

const (
	// With its generation, if there is one: a thread without is damage.
	threadOfIDSQL = `SELECT ` + threadColumns + `, ifnull(g.number, 0), ifnull(g.organization, ''), ifnull(g.state, 0), ifnull(g.deletion, ''), ifnull(g.threads, 0), ifnull(g.sum, 0)` +
		` FROM skein_thread AS t INDEXED BY sqlite_autoindex_skein_thread_1 LEFT JOIN skein_generation AS g ON g.number = t.generation WHERE t.user = ? AND t.id = ?`

	insertThreadSQL = `INSERT INTO skein_thread (user, generation, id, assistant, title, metadata, hidden, pinned_at, created_at, updated_at, active_at, version, deletion, sum)` +
		` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, id) DO NOTHING`
	updateThreadSQL = `UPDATE skein_thread SET assistant = ?, title = ?, metadata = ?, hidden = ?, pinned_at = ?, updated_at = ?, active_at = ?, version = ?, sum = ?` +
		` WHERE number = ?`
	moveThreadSQL = `UPDATE skein_thread SET generation = ?, deletion = ?, sum = ? WHERE number = ?`
)

// Create implements [threads.Store].
func (s *Store) Create(ctx context.Context, user string, t threads.Thread) error {
	return s.write(ctx, user, t.Validate(user), func(v *view) error {
		if err := v.room(); err != nil {
			return err
		}
		l, err := v.youngest(t.Organization)
		if err != nil {
			return err
		}
		into, err := v.prepare(l.Create(t.Organization, fresh))
		if err != nil {
			return err
		}
		r, err := recordOf(t, into, "")
		if err != nil {
			return err
		}
		n, err := v.exec(insertThreadSQL, user, r.generation, r.id, r.assistant, r.title, r.metadata, r.hidden, r.pinnedAt,
			r.createdAt, r.updatedAt, r.activeAt, r.version, r.single, r.sum)
		if err == nil && n == 0 {
			err = threads.ErrExists // the count above is undone with the operation
		}
		return err
	})
}

// reserve is how many pages creates and updates leave of [Options.MaxSize], for
// deletes and purges: these may need some before they can give any back. One
// thread as large as it can be takes less than ten.
const reserve = 64

// room returns ErrFull if only the reserve is left. It is asked before anything
// is written, so that the neighbours in the commit need not run again.
func (v *view) room() error {
	if v.s.maxPages == 0 {
		return nil
	}
	const query = `SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count`
	var used int64
	if _, err := v.row(query, nil, &used); err != nil {
		return err
	}
	if used >= v.s.maxPages-min(v.s.maxPages/4, reserve) {
		return fmt.Errorf("sqlite: %w", errFull)
	}
	return nil
}

// find returns the row of a thread in that state.
func (v *view) find(id string, state threads.State) (row, error) {
	var rec threadRecord
	var g generation.Generation
	var sum int64
	found, err := v.row(threadOfIDSQL, []any{v.user, id},
		append(rec.fields(), &g.ID, &g.Organization, &g.State, &g.Deletion, &g.Threads, &sum)...)
	switch {
	case err != nil:
		return row{}, err
	case !found:
		return row{}, threads.ErrNotFound
	case g.ID == 0:
		return row{}, corrupt("generation %d is missing", rec.generation)
	case sumOfGeneration(v.user, g) != sum:
		return row{}, corruptGeneration(g)
	}
	r, err := rec.row(v.user, g)
	if err == nil && r.ID != id {
		err = corrupt("an index has thread %q under the id %q", r.ID, id)
	}
	if err == nil && !state.Matches(g.State == generation.Live) {
		err = threads.ErrNotFound
	}
	return r, err
}

// Get implements [threads.Store].
func (s *Store) Get(ctx context.Context, user, id string, state threads.State) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id), state.Validate())
	err = s.reading(ctx, invalid, func() error {
		deleted := false
		err := s.inStatement(ctx, user, func(v *view) error {
			r, err := v.find(id, state)
			t, deleted = r.Thread, r.gen.State != generation.Live
			return err
		})
		if err != nil || !deleted {
			return err
		}
		return s.inTransaction(ctx, user, func(v *view) error { // for its deletion is to be of the same state
			r, err := v.find(id, state)
			if err == nil {
				t, err = v.show(r, nil)
			}
			return err
		})
	})
	if err != nil {
		return threads.Thread{}, err
	}
	return t, nil
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
		old, err := v.find(t.ID, threads.Live)
		if err != nil {
			return err
		}
		if old.Version != t.Version {
			return threads.ErrVersionMismatch
		}
		r, err := recordOf(old.Revised(t), old.gen.ID, "")
		if err != nil {
			return err
		}
		before, err := recordOf(old.Thread, old.gen.ID, "")
		if err != nil {
			return err
		}
		before.version = r.version // which a full file must not hold up
		if len(r.stored(user)) > len(before.stored(user)) {
			if err := v.room(); err != nil {
				return err
			}
		}
		return v.changed(updateThreadSQL, r.assistant, r.title, r.metadata, r.hidden, r.pinnedAt, r.updatedAt, r.activeAt, r.version, r.sum, old.number)
	})
}

// List implements [threads.Store].
func (s *Store) List(ctx context.Context, user string, q threads.Query, from threads.Cursor, limit int) (list []threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), q.Validate(), threads.ValidateListStart(from, limit))
	err = s.read(ctx, user, invalid, func(v *view) error {
		rows, err := v.rowsOf(q, from, limit)
		if err != nil {
			return err
		}
		known := map[string]threads.Deletion{}
		if len(rows) > 0 {
			list = make([]threads.Thread, 0, len(rows))
		}
		for _, r := range rows {
			t, err := v.show(r, known)
			if err != nil {
				return err
			}
			list = append(list, t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (v *view) rowsOf(q threads.Query, from threads.Cursor, limit int) ([]row, error) {
	if q.Deletion == "" {
		l, err := v.generationsOf(q.State, q.Scope)
		if err != nil {
			return nil, err
		}
		return v.page(l, q, from, limit)
	}
	d, err := v.deletion(q.Deletion)
	switch {
	case errors.Is(err, threads.ErrNotFound):
		return nil, nil
	case err != nil || d.Held == 0:
		return nil, err
	case d.Thread != "":
		r, err := v.single(d)
		if err != nil || !q.Scope.Contains(r.Organization) || !q.MatchesDetails(r.Thread) || !merge.Follows(r.Cursor(), from, q.Order) {
			return nil, err
		}
		return []row{r}, nil
	}
	l, err := v.held(d.ID)
	if err != nil {
		return nil, err
	}
	if n := l.Restore(d.ID, 0).Threads; n != d.Held {
		return nil, corrupt("deletion %q says it holds %d threads, and its generations %d", d.ID, d.Held, n)
	}
	return v.page(within(l, q.Scope), q, from, limit)
}

// generationsOf returns the generations of a scope whose threads are in the
// state.
func (v *view) generationsOf(state threads.State, scope threads.Scope) (l generation.Ledger, err error) {
	if _, all := scope.Organizations(); all && state == threads.Both {
		return v.ledger(generationsOfUserSQL, v.user)
	}
	for s := generation.Live; s <= generation.Singles; s++ {
		if state.Matches(s == generation.Live) {
			more, err := v.generations(s, scope)
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
	in := s.inTransaction
	if _, all := scope.Organizations(); all {
		in = s.inStatement
	}
	err = s.reading(ctx, invalid, func() error {
		return in(ctx, user, func(v *view) error {
			l, err := v.generationsOf(threads.Both, scope)
			if err == nil {
				n = l.Counts(scope)
			}
			return err
		})
	})
	return n, err
}

// move carries out a plan for one thread.
func (v *view) move(r row, p generation.Plan, single string) error {
	into, err := v.prepare(p)
	if err != nil {
		return err
	}
	rec, err := recordOf(r.Thread, into, single)
	if err != nil {
		return err
	}
	if err := v.changed(moveThreadSQL, into, single, rec.sum, r.number); err != nil {
		return err
	}
	return v.settle(p)
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
		done = d.OfOne(r.Thread)
		if err := v.record(done); err != nil {
			return err
		}
		l, err := v.generations(generation.Singles, done.Scope)
		if err != nil {
			return err
		}
		l = append(l, r.gen)
		return v.move(r, l.DeleteOne(r.gen.ID, fresh), d.ID)
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
		d, err := v.deletionOf(r)
		if err != nil {
			return err
		}
		if err := d.Restorable(); err != nil {
			return err
		}
		if err := v.restoreOne(r); err != nil {
			return err
		}
		return v.rewrite(d.Without(1))
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
	return v.move(r, l.RestoreOne(r.gen.ID, fresh), "")
}
