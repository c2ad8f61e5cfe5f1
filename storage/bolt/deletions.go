package bolt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// SoftDeleteAll implements [threads.Store].
func (s *Store) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	var done threads.Deletion
	err := s.write(ctx, user, d.Validate(user), func(v *view) error {
		if d.Key != "" {
			var id string
			if ok, err := v.get(keyKey(user, d.Key), &id); err != nil {
				return err
			} else if ok {
				done, err = v.deletion(id)
				return cmp.Or(err, done.Replay(d.Scope))
			}
		}
		if taken, err := v.has(deletionKey(user, d.ID)); err != nil || taken {
			return cmp.Or(err, threads.ErrExists)
		}
		l, err := v.generations(generation.Live, d.Scope)
		if err != nil {
			return err
		}
		p := l.DeleteAll(d.Scope, d.ID)
		var keep bool
		if done, keep = d.OfAll(p.Threads); !keep {
			return nil
		}
		if err := v.apply(p, l); err != nil {
			return err
		}
		return v.record(nil, done)
	})
	if err != nil {
		return threads.Deletion{}, err
	}
	return done, nil
}

// Restore implements [threads.Store].
func (s *Store) Restore(ctx context.Context, user, deletion string, at time.Time) (n int64, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(deletion), threads.ValidateTime("restored_at", at))
	err = s.writeAlone(ctx, user, invalid, func(v *view) error {
		old, err := v.deletion(deletion)
		if err != nil {
			return err
		}
		if err := old.Restorable(); err != nil {
			return err
		}
		n = old.Held
		switch {
		case n == 0:
		case old.Thread != "":
			err = v.restoreSingle(old)
		default:
			err = v.restoreBulk(old)
		}
		if err != nil {
			return err
		}
		return v.record(&old, old.Restored(at))
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (v *view) restoreSingle(d threads.Deletion) error {
	r, err := v.single(d)
	if err != nil {
		return err
	}
	return v.restoreOne(r)
}

func (v *view) restoreBulk(d threads.Deletion) error {
	l, err := v.generations(generation.Live, d.Scope)
	if err != nil {
		return err
	}
	held, err := v.held(d.ID, math.MaxInt)
	if err != nil {
		return err
	}
	l = append(l, held...)
	p := l.Restore(d.ID, generation.Small)
	if p.Threads != d.Held {
		return corrupt(deletionKey(d.User, d.ID), fmt.Sprintf("says it holds %d threads, and has %d", d.Held, p.Threads))
	}
	return v.apply(p, l)
}

// GetDeletion implements [threads.Store].
func (s *Store) GetDeletion(ctx context.Context, user, id string) (d threads.Deletion, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(id))
	err = s.read(ctx, user, invalid, func(v *view) error {
		d, err = v.deletion(id)
		return err
	})
	return d, err
}

// ListDeletions implements [threads.Store].
func (s *Store) ListDeletions(ctx context.Context, user string, order threads.Order, from threads.Cursor, limit int) (list []threads.Deletion, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), order.Validate(), threads.ValidateListStart(from, limit))
	err = s.read(ctx, user, invalid, func(v *view) error {
		return v.each(prefix(kindByTime, user), order, from, func(r *reader) (bool, error) {
			d, err := v.listed(r)
			list = append(list, d)
			return len(list) < limit, err
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// listed reads the deletion that an entry of an index points to.
func (v *view) listed(r *reader) (threads.Deletion, error) {
	d, err := v.deletion(r.place.ID)
	if errors.Is(err, threads.ErrNotFound) {
		err = corrupt(r.key, "points to a deletion that is missing")
	}
	return d, err
}

// PreviewPurge implements [threads.Store].
func (s *Store) PreviewPurge(ctx context.Context, user string, before time.Time) (p threads.Preview, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before))
	err = s.read(ctx, user, invalid, func(v *view) error {
		return v.each(prefix(kindDue, user), threads.OldestFirst, threads.Cursor{}, func(r *reader) (bool, error) {
			if !r.place.Time.Before(before) {
				return false, nil
			}
			d, err := v.listed(r)
			generation.Preview(&p, d)
			return true, cmp.Or(err, ctx.Err())
		})
	})
	if err != nil {
		return threads.Preview{}, err
	}
	return p, nil
}

// Purge implements [threads.Store]. A call is one or more transactions of at
// most [Options].PurgeBatch threads and records, so that other writers wait for
// a few milliseconds and not for the whole call. When it fails or is cancelled,
// what it had removed by then stays removed and is in the result.
func (s *Store) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before),
		threads.ValidateTime("now", now), threads.ValidatePurgeLimit(limit))
	if invalid != nil {
		return threads.PurgeResult{}, invalid
	}
	r, _, err := s.purge(ctx, user, before, now, limit, "")
	return r, err
}

// purge also returns how many records of deletions it removed, but for one.
func (s *Store) purge(
	ctx context.Context, user string, before, now time.Time, limit int, except string,
) (sum threads.PurgeResult, dropped int64, err error) {
	sum, err = generation.InBatches(limit, s.opts.PurgeBatch, func(n int) (one threads.PurgeResult, err error) {
		var t trash
		err = s.writeAlone(ctx, user, nil, func(v *view) (err error) {
			t = trash{view: v, except: except}
			one, err = generation.Purge(&t, before, now, n)
			return err
		})
		if err == nil {
			dropped += t.dropped
		}
		return one, err
	})
	return sum, dropped, err
}

// trash is what a user has to purge.
type trash struct {
	*view
	dropped int64  // records of deletions that were removed
	except  string // the one that does not count
}

// Earliest implements [generation.Trash].
func (t *trash) Earliest(before time.Time) (d threads.Deletion, ok bool, err error) {
	err = t.each(prefix(kindDue, t.user), threads.OldestFirst, threads.Cursor{}, func(r *reader) (bool, error) {
		if ok = r.place.Time.Before(before); !ok {
			return false, nil
		}
		var err error
		d, err = t.listed(r)
		return false, err
	})
	return d, ok, err
}

// Remove implements [generation.Trash].
func (t *trash) Remove(d threads.Deletion, limit int64) (int64, error) {
	var rows []row
	if d.Thread != "" {
		r, err := t.single(d)
		if err != nil {
			return 0, err
		}
		rows = []row{r}
	} else {
		held, err := t.held(d.ID, 1)
		if err != nil || len(held) == 0 {
			return 0, err
		}
		if rows, err = t.some(held[0], int(limit)); err != nil || len(rows) == 0 {
			return 0, err
		}
	}
	for _, r := range rows {
		if err := t.take(r.gen.ID, r.Thread); err != nil {
			return 0, err
		}
		if err := t.remove(idKey(t.user, r.ID)); err != nil {
			return 0, err
		}
	}
	n := int64(len(rows))
	l := generation.Ledger{rows[0].gen}
	return n, t.apply(l.Remove(l[0].ID, n), l)
}

// Put implements [generation.Trash].
func (t *trash) Put(d threads.Deletion) error {
	old, err := t.deletion(d.ID)
	if err != nil {
		return err
	}
	return t.record(&old, d)
}

// Drop implements [generation.Trash].
func (t *trash) Drop(d threads.Deletion) error {
	if d.ID != t.except {
		t.dropped++
	}
	return t.forget(d)
}

// UsersDue implements [threads.Store].
func (s *Store) UsersDue(ctx context.Context, before time.Time, from string, limit int) ([]string, error) {
	invalid := cmp.Or(threads.ValidateTime("before", before), threads.ValidateListStart(threads.Cursor{}, limit))
	var users []string
	err := s.read(ctx, "", invalid, func(v *view) error {
		c := v.cursor(kindDue)
		next := []byte{kindDue}
		if from != "" {
			next = after(prefix(kindDue, from))
		}
		for len(users) < limit {
			if err := c.seek(next); err != nil {
				return err
			}
			if len(c.key) == 0 || c.key[0] != kindDue {
				return nil
			}
			end := bytes.IndexByte(c.key, 0)
			if end < 0 {
				return corrupt(c.key, "names no user")
			}
			place, ok := placeOf(c.key[end+1:])
			if !ok {
				return corrupt(c.key, "has no place")
			}
			user := string(c.key[1:end])
			if place.Time.Before(before) { // the first key of a user is the earliest
				users = append(users, user)
			}
			next = after(prefix(kindDue, user))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return users, nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, threads.ErrNotFound) {
		return nil
	}
	return err
}
