package memory

import (
	"cmp"
	"context"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// SoftDeleteAll implements [threads.Store].
func (s *Store) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	err := s.write(ctx, user, d.Validate(user), func(a *account) error {
		if first := a.keys[d.Key]; first != nil {
			err := first.Replay(d.Scope)
			d = *first
			return err
		}
		if a.deletions[d.ID] != nil {
			return threads.ErrExists
		}
		p := a.live(d.Scope).DeleteAll(d.Scope, d.ID)
		d = threads.Deletion{
			ID: d.ID, User: user, Scope: d.Scope, Key: d.Key,
			DeletedAt: d.DeletedAt, Count: p.Threads, Held: p.Threads,
		}
		if d.Count == 0 && d.Key == "" {
			d.ID = ""
			return nil
		}
		a.apply(p)
		a.put(d)
		return nil
	})
	if err != nil {
		return threads.Deletion{}, err
	}
	return d, nil
}

// Restore implements [threads.Store].
func (s *Store) Restore(ctx context.Context, user, deletion string, at time.Time) (n int64, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(deletion), threads.ValidateTime("restored_at", at))
	err = s.write(ctx, user, invalid, func(a *account) error {
		old := a.deletions[deletion]
		if old == nil {
			return threads.ErrNotFound
		}
		d, err := old.Restored(at)
		if err != nil {
			return err
		}
		n = old.Held
		switch {
		case n == 0:
		case d.Thread != "":
			a.restoreOne(a.rows[d.Thread])
		default:
			a.apply(with(a.live(d.Scope), a.held[d.ID]...).Restore(d.ID, generation.Small))
		}
		a.put(d)
		return nil
	})
	return n, err
}

// GetDeletion implements [threads.Store].
func (s *Store) GetDeletion(ctx context.Context, user, id string) (d threads.Deletion, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(id))
	err = s.read(ctx, user, invalid, func(a *account) error {
		found := a.deletions[id]
		if found == nil {
			return threads.ErrNotFound
		}
		d = *found
		return nil
	})
	return d, err
}

// ListDeletions implements [threads.Store].
func (s *Store) ListDeletions(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) (list []threads.Deletion, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), order.Validate(), threads.ValidateListStart(after, limit))
	err = s.read(ctx, user, invalid, func(a *account) error {
		walk([]*index[threads.Deletion]{&a.byTime}, order, after, func(d *threads.Deletion) bool {
			list = append(list, *d)
			return len(list) < limit
		})
		return nil
	})
	return list, err
}

// PreviewPurge implements [threads.Store].
func (s *Store) PreviewPurge(ctx context.Context, user string, before time.Time) (p threads.Preview, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before))
	err = s.read(ctx, user, invalid, func(a *account) error {
		var due []threads.Deletion
		walk([]*index[threads.Deletion]{&a.byDue}, threads.OldestFirst, threads.Cursor{}, func(d *threads.Deletion) bool {
			if !d.Due().Before(before) {
				return false
			}
			due = append(due, *d)
			return true
		})
		p = generation.Preview(due)
		return nil
	})
	return p, err
}

// Purge implements [threads.Store].
func (s *Store) Purge(ctx context.Context, user string, before, now time.Time, limit int) (r threads.PurgeResult, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before),
		threads.ValidateTime("now", now), threads.ValidatePurgeLimit(limit))
	err = s.write(ctx, user, invalid, func(a *account) error {
		r, err = generation.Purge(trash{a}, before, now, limit)
		return err
	})
	return r, err
}

// trash is an account to purge.
type trash struct{ *account }

// Earliest implements [generation.Trash].
func (t trash) Earliest(before time.Time) (first threads.Deletion, ok bool, err error) {
	walk([]*index[threads.Deletion]{&t.byDue}, threads.OldestFirst, threads.Cursor{}, func(d *threads.Deletion) bool {
		if d.Due().Before(before) {
			first, ok = *d, true
		}
		return false
	})
	return first, ok, nil
}

// Remove implements [generation.Trash].
func (t trash) Remove(d threads.Deletion, limit int64) (int64, error) {
	var rows []*row
	if d.Thread != "" {
		rows = []*row{t.rows[d.Thread]}
	} else if held := t.held[d.ID]; len(held) > 0 {
		rows = held[0].some(int(limit))
	}
	if len(rows) == 0 {
		return 0, nil
	}
	s := rows[0].shelf
	for _, r := range rows {
		s.remove(r)
		delete(t.rows, r.ID)
	}
	n := int64(len(rows))
	t.apply(with(nil, s).Remove(s.ID, n))
	return n, nil
}

// Put implements [generation.Trash].
func (t trash) Put(d threads.Deletion) error {
	t.put(d)
	return nil
}

// Drop implements [generation.Trash].
func (t trash) Drop(d threads.Deletion) error {
	t.drop(d)
	return nil
}

// UsersDue implements [threads.Store].
func (s *Store) UsersDue(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	if err := cmp.Or(threads.ValidateTime("before", before), threads.ValidateListStart(threads.Cursor{}, limit)); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var users []string
	s.trashers.Ascend(after, func(user string) bool {
		if user == after {
			return true
		}
		if _, due, _ := (trash{s.accounts[user]}).Earliest(before); due {
			users = append(users, user)
		}
		return len(users) < limit
	})
	return users, nil
}

// Erase implements [threads.Store].
func (s *Store) Erase(ctx context.Context, user string) (e threads.Erasure, err error) {
	err = s.write(ctx, user, threads.ValidateUser(user), func(a *account) error {
		e.Threads = int64(len(a.rows))
		e.Deletions = int64(len(a.deletions))
		*a = account{}
		e.Verified = []string{"The store holds no thread, deletion or idempotency key of the user."}
		e.Caveats = []string{"Freed memory is not overwritten before the Go runtime uses it again."}
		return nil
	})
	return e, err
}
