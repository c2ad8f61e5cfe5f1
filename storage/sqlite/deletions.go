package sqlite

import (
	"cmp"
	"context"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

const deletionOfKeySQL = `SELECT ` + deletionColumns + ` FROM skein_deletion INDEXED BY skein_deletion_key WHERE user = ? AND key = ? AND key <> ''`

// SoftDeleteAll implements [threads.Store].
func (s *Store) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	var done threads.Deletion
	err := s.write(ctx, user, d.Validate(user), func(v *view) error {
		if d.Key != "" {
			first, err := v.deletions(deletionOfKeySQL, user, d.Key)
			if err != nil {
				return err
			}
			if len(first) > 0 {
				done = first[0]
				return done.Replay(d.Scope)
			}
		}
		l, err := v.generations(generation.Live, d.Scope)
		if err != nil {
			return err
		}
		p := l.DeleteAll(d.Scope, d.ID)
		var keep bool
		if done, keep = d.OfAll(p.Threads); !keep {
			return v.unused(d.ID)
		}
		if err := v.record(done); err != nil {
			return err
		}
		return v.apply(p)
	})
	if err != nil {
		return threads.Deletion{}, err
	}
	return done, nil
}

// unused returns ErrExists if the user has a deletion of that id.
func (v *view) unused(id string) error {
	list, err := v.deletions(deletionOfIDSQL, v.user, id)
	if err == nil && len(list) > 0 {
		err = threads.ErrExists
	}
	return err
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
		if n > 0 {
			if err := v.restore(old); err != nil {
				return err
			}
		}
		return v.rewrite(old.Restored(at))
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (v *view) restore(d threads.Deletion) error {
	if d.Thread != "" {
		r, err := v.single(d)
		if err != nil {
			return err
		}
		return v.restoreOne(r)
	}
	l, err := v.generations(generation.Live, d.Scope)
	if err != nil {
		return err
	}
	held, err := v.held(d.ID)
	if err != nil {
		return err
	}
	l = append(l, held...)
	p := l.Restore(d.ID, generation.Small)
	if p.Threads != d.Held {
		return corrupt("deletion %q says it holds %d threads, and its generations %d", d.ID, d.Held, p.Threads)
	}
	return v.apply(p)
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
		args := []any{user, limit}
		if !from.IsZero() {
			args = append(args, from.Time.UnixMicro(), from.ID)
		}
		list, err = v.deletions(deletionsSQL(order, !from.IsZero()), args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// deletionsSQL is the text of a page of deletions.
func deletionsSQL(order threads.Order, from bool) string {
	text := `SELECT ` + deletionColumns + ` FROM skein_deletion INDEXED BY skein_deletion_page WHERE user = ?1`
	direction := " DESC"
	after := " AND (deleted_at, id) < (?3, ?4)"
	if order == threads.OldestFirst {
		direction, after = "", " AND (deleted_at, id) > (?3, ?4)"
	}
	if from {
		text += after
	}
	return text + " ORDER BY deleted_at" + direction + ", id" + direction + " LIMIT ?2"
}

const (
	previewSQL  = `SELECT ` + deletionColumns + ` FROM skein_deletion INDEXED BY skein_deletion_due WHERE user = ? AND due < ?`
	earliestSQL = previewSQL + ` ORDER BY due, id LIMIT 1`
)

// PreviewPurge implements [threads.Store].
func (s *Store) PreviewPurge(ctx context.Context, user string, before time.Time) (p threads.Preview, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before))
	err = s.read(ctx, user, invalid, func(v *view) error {
		return v.query(previewSQL, []any{user, before.UnixMicro()}, func(scan func(...any) error) error {
			d, err := scanDeletion(scan)
			if err == nil && d.User != user {
				err = corrupt("an index has a deletion under another user")
			}
			generation.Preview(&p, d)
			return err
		})
	})
	if err != nil {
		return threads.Preview{}, err
	}
	return p, nil
}

// Purge implements [threads.Store]. A call is one or more transactions of at
// most [Options].PurgeBatch threads and records, so that other writers wait for
// a millisecond or two and not for the whole call. When it fails or is
// cancelled, what it had removed by then stays removed and is in the result.
func (s *Store) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before),
		threads.ValidateTime("now", now), threads.ValidatePurgeLimit(limit))
	if invalid != nil {
		return threads.PurgeResult{}, invalid
	}
	return s.purge(ctx, user, before, now, limit, &erasing{})
}

// purge does so for an erasure too, at any times.
func (s *Store) purge(ctx context.Context, user string, before, now time.Time, limit int, own *erasing) (threads.PurgeResult, error) {
	return generation.InBatches(limit, s.purgeBatch, func(n int) (one threads.PurgeResult, err error) {
		var t trash
		err = s.writeAlone(ctx, user, nil, func(v *view) (err error) {
			t = trash{view: v, erasing: *own}
			if one, err = generation.Purge(&t, before, now, n); err != nil {
				return err
			}
			var secure int // of this connection
			_, err = v.row(`PRAGMA secure_delete`, nil, &secure)
			t.insecure = t.insecure || secure != 1
			return err
		})
		if err == nil {
			*own = t.erasing
		}
		return one, err
	})
}

// trash is what a user has to purge.
type trash struct {
	*view
	erasing
}

// Earliest implements [generation.Trash].
func (t *trash) Earliest(before time.Time) (threads.Deletion, bool, error) {
	due, err := t.deletions(earliestSQL, t.user, before.UnixMicro())
	if err != nil || len(due) == 0 {
		return threads.Deletion{}, false, err
	}
	return due[0], true, nil
}

// Of a generation the first threads in the order of an index are removed, up
// to one that is found first: IN with a subquery leaves SQLite the choice to
// read every thread there is.
const (
	removeThreadSQL  = `DELETE FROM skein_thread WHERE number = ?`
	removeLastSQL    = `SELECT hidden, created_at, id FROM skein_thread INDEXED BY skein_thread_page WHERE generation = ? ORDER BY hidden, created_at, id LIMIT 1 OFFSET ?`
	removeThreadsSQL = `DELETE FROM skein_thread INDEXED BY skein_thread_page WHERE generation = ? AND (hidden, created_at, id) <= (?, ?, ?)`
)

// Remove implements [generation.Trash].
func (t *trash) Remove(d threads.Deletion, limit int64) (int64, error) {
	if d.Thread != "" {
		r, err := t.single(d)
		if err != nil {
			return 0, err
		}
		if err := t.changed(removeThreadSQL, r.number); err != nil {
			return 0, err
		}
		return 1, t.apply(generation.Ledger{r.gen}.Remove(r.gen.ID, 1))
	}
	held, err := t.held(d.ID)
	if err != nil || len(held) == 0 {
		return 0, err
	}
	g := held[0]
	limit = min(limit, g.Threads)
	var hidden, createdAt int64
	var id string
	found, err := t.row(removeLastSQL, []any{g.ID, limit - 1}, &hidden, &createdAt, &id)
	if err != nil {
		return 0, err
	}
	n, err := t.exec(removeThreadsSQL, g.ID, hidden, createdAt, id)
	if err != nil {
		return 0, err
	}
	if !found || n != limit {
		return 0, corrupt("generation %d says it has %d threads, and has %d", g.ID, g.Threads, n)
	}
	return n, t.apply(held.Remove(g.ID, n))
}

// Put implements [generation.Trash].
func (t *trash) Put(d threads.Deletion) error { return t.rewrite(d) }

// Drop implements [generation.Trash].
func (t *trash) Drop(d threads.Deletion) error {
	if d.ID != t.erasing.deletion {
		t.others++
	}
	return t.changed(dropDeletionSQL, t.user, d.ID)
}

// usersDueSQL goes from one user to the next by the index, whatever number of
// deletions each has.
const usersDueSQL = `WITH RECURSIVE each (user) AS (` +
	`SELECT min(user) FROM skein_deletion INDEXED BY skein_deletion_due WHERE user > ?1` +
	` UNION ALL ` +
	`SELECT (SELECT min(d.user) FROM skein_deletion AS d INDEXED BY skein_deletion_due WHERE d.user > each.user) FROM each WHERE each.user IS NOT NULL` +
	`) SELECT user FROM each WHERE user IS NOT NULL AND (SELECT min(d.due) FROM skein_deletion AS d INDEXED BY skein_deletion_due WHERE d.user = each.user) < ?2 LIMIT ?3`

// UsersDue implements [threads.Store].
func (s *Store) UsersDue(ctx context.Context, before time.Time, from string, limit int) (users []string, err error) {
	invalid := cmp.Or(threads.ValidateTime("before", before), threads.ValidateListStart(threads.Cursor{}, limit))
	err = s.read(ctx, "", invalid, func(v *view) error {
		return v.query(usersDueSQL, []any{from, before.UnixMicro(), limit}, func(scan func(...any) error) error {
			var user string
			err := scan(&user)
			users = append(users, user)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return users, nil
}
