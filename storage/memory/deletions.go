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
		record, keep := d.OfAll(p.Threads)
		if keep {
			a.apply(p)
			a.put(record)
		}
		d = record
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
		if err := old.Restorable(); err != nil {
			return err
		}
		n = old.Held
		switch {
		case n == 0:
		case old.Thread != "":
			a.restoreOne(a.rows[old.Thread])
		default:
			a.apply(with(a.live(old.Scope), a.held[old.ID]...).Restore(old.ID, generation.Small))
		}
		a.put(old.Restored(at))
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

// batch is the most deletions, threads or users that one call looks at or
// removes without letting others have the lock.
const batch = 1_000

// PreviewPurge implements [threads.Store]. It counts in batches: what others
// change meanwhile may be in it or not.
func (s *Store) PreviewPurge(ctx context.Context, user string, before time.Time) (p threads.Preview, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before))
	last := threads.Cursor{}
	for more := true; more && err == nil; {
		more = false
		seen := 0
		err = s.read(ctx, user, invalid, func(a *account) error {
			walk([]*index[threads.Deletion]{&a.byDue}, threads.OldestFirst, last, func(d *threads.Deletion) bool {
				if !d.Due().Before(before) {
					return false
				}
				generation.Preview(&p, *d)
				last = duePlace(*d)
				seen++
				more = seen == batch
				return !more
			})
			return nil
		})
	}
	if err != nil {
		return threads.Preview{}, err
	}
	return p, nil
}

// Purge implements [threads.Store].
func (s *Store) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before),
		threads.ValidateTime("now", now), threads.ValidatePurgeLimit(limit))
	return generation.InBatches(limit, batch, func(n int) (one threads.PurgeResult, err error) {
		err = s.write(ctx, user, invalid, func(a *account) (err error) {
			one, err = generation.Purge(trash{a}, before, now, n)
			return err
		})
		return one, err
	})
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
	var users []string
	for more := true; more && len(users) < limit; {
		var err error
		if more, err = s.someDue(ctx, before, &after, &users, limit); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// someDue looks at the next users after the given one, which it moves on, and
// reports whether there may be more.
func (s *Store) someDue(ctx context.Context, before time.Time, after *string, users *[]string, limit int) (more bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock() // also if the context panics, as a nil one does
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	seen, last := 0, *after
	s.trashers.Ascend(last, func(user string) bool {
		if user == last && last != "" {
			return true
		}
		seen++
		*after = user
		if _, due, _ := (trash{s.accounts[user]}).Earliest(before); due {
			*users = append(*users, user)
		}
		more = seen == batch
		return !more && len(*users) < limit
	})
	return more, nil
}

// Erase implements [threads.Store].
func (s *Store) Erase(ctx context.Context, user string) (e threads.Erasure, err error) {
	err = s.write(ctx, user, threads.ValidateUser(user), func(a *account) error {
		e.Threads = int64(len(a.rows))
		e.Deletions = int64(len(a.deletions))
		*a = account{} // which write then forgets
		return nil
	})
	if err != nil {
		return threads.Erasure{}, err
	}
	e.Caveats = []string{"Freed memory is not overwritten before the Go runtime uses it again."}
	err = s.read(ctx, user, nil, func(a *account) error {
		if a.empty() {
			e.Verified = []string{"The store holds no thread, deletion or idempotency key of the user."}
		}
		return nil
	})
	return e, err
}
