package storagetest

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// model is a store by the plainest rule: every thread is a row with the
// deletion it is in stamped on it, and every call looks at every row. Random
// histories hold other stores against it.
type model struct {
	mu        sync.Mutex
	closed    bool
	rows      []threads.Thread
	deletions []threads.Deletion // their Held is out of date: it is how many rows there are

	// gone, if set, reports whether another store has purged a thread.
	// Which threads of a deletion go first is for each store to choose, so
	// the model follows the one it is compared with.
	gone func(user, thread string) bool
}

var _ threads.Store = (*model)(nil)

// call runs f, alone, if the arguments are valid.
func (m *model) call(ctx context.Context, invalid error, f func() error) error {
	if invalid != nil {
		return invalid
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return threads.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

func (m *model) Create(ctx context.Context, user string, t threads.Thread) error {
	return m.call(ctx, t.Validate(user), func() error {
		if m.row(user, t.ID, threads.Both) != nil {
			return threads.ErrExists
		}
		m.rows = append(m.rows, t.Clone())
		return nil
	})
}

func (m *model) Get(ctx context.Context, user, id string, state threads.State) (t threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id), state.Validate())
	err = m.call(ctx, invalid, func() error {
		r := m.row(user, id, state)
		if r == nil {
			return threads.ErrNotFound
		}
		t = r.Clone()
		return nil
	})
	return t, err
}

func (m *model) Update(ctx context.Context, user string, t threads.Thread) error {
	return m.call(ctx, t.Validate(user), func() error {
		r := m.row(user, t.ID, threads.Live)
		if r == nil {
			return threads.ErrNotFound
		}
		if r.Version != t.Version {
			return threads.ErrVersionMismatch
		}
		*r = r.Revised(t.Clone())
		return nil
	})
}

func (m *model) List(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) (list []threads.Thread, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), q.Validate(), threads.ValidateListStart(after, limit))
	err = m.call(ctx, invalid, func() error {
		for _, r := range m.rows {
			if r.User == user && q.Matches(r) {
				list = append(list, r)
			}
		}
		list = paged(list, threads.Thread.Cursor, q.Order, after, limit)
		for i := range list {
			list[i] = list[i].Clone()
		}
		return nil
	})
	return list, err
}

func (m *model) Count(ctx context.Context, user string, scope threads.Scope) (n threads.Counts, err error) {
	err = m.call(ctx, cmp.Or(threads.ValidateUser(user), scope.Validate()), func() error {
		for _, r := range m.rows {
			switch {
			case r.User != user || !scope.Contains(r.Organization):
			case r.Live():
				n.Live++
			default:
				n.Deleted++
			}
		}
		return nil
	})
	return n, err
}

func (m *model) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	d.Scope, d.Key = threads.Personal(), ""
	err := m.call(ctx, cmp.Or(d.Validate(user), threads.ValidateThreadID(id)), func() error {
		r, taken := m.row(user, id, threads.Live), m.deletion(user, d.ID) != nil
		switch {
		case r == nil && taken:
			return either{threads.ErrNotFound, threads.ErrExists}
		case r == nil:
			return threads.ErrNotFound
		case taken:
			return threads.ErrExists
		}
		d = d.OfOne(*r)
		r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
		m.deletions = append(m.deletions, d)
		return nil
	})
	return d, err
}

func (m *model) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	err := m.call(ctx, d.Validate(user), func() error {
		for _, first := range m.deletions {
			if first.User == user && first.Key == d.Key && d.Key != "" {
				err := first.Replay(d.Scope)
				d = m.view(first)
				return err
			}
		}
		if m.deletion(user, d.ID) != nil {
			return threads.ErrExists
		}
		var n int64
		for i := range m.rows {
			r := &m.rows[i]
			if r.User == user && r.Live() && d.Scope.Contains(r.Organization) {
				r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
				n++
			}
		}
		record, keep := d.OfAll(n)
		if keep {
			m.deletions = append(m.deletions, record)
		}
		d = record
		return nil
	})
	return d, err
}

func (m *model) Restore(ctx context.Context, user, deletion string, at time.Time) (n int64, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(deletion), threads.ValidateTime("restored_at", at))
	err = m.call(ctx, invalid, func() error {
		d := m.deletion(user, deletion)
		if d == nil {
			return threads.ErrNotFound
		}
		if err := d.Restorable(); err != nil {
			return err
		}
		*d = m.view(*d).Restored(at)
		for i := range m.rows {
			if r := &m.rows[i]; r.User == user && r.DeletionID == deletion {
				r.DeletionID, r.DeletedAt = "", time.Time{}
				n++
			}
		}
		return nil
	})
	return n, err
}

func (m *model) RestoreThread(ctx context.Context, user, id string) (t threads.Thread, err error) {
	err = m.call(ctx, cmp.Or(threads.ValidateUser(user), threads.ValidateThreadID(id)), func() error {
		r := m.row(user, id, threads.Both)
		if r == nil {
			return threads.ErrNotFound
		}
		if !r.Live() {
			d := m.deletion(user, r.DeletionID)
			if err := d.Restorable(); err != nil {
				return err
			}
			*d = m.view(*d).Without(1)
			r.DeletionID, r.DeletedAt = "", time.Time{}
		}
		t = r.Clone()
		return nil
	})
	return t, err
}

func (m *model) GetDeletion(ctx context.Context, user, id string) (d threads.Deletion, err error) {
	err = m.call(ctx, cmp.Or(threads.ValidateUser(user), threads.ValidateDeletionID(id)), func() error {
		found := m.deletion(user, id)
		if found == nil {
			return threads.ErrNotFound
		}
		d = m.view(*found)
		return nil
	})
	return d, err
}

func (m *model) ListDeletions(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) (list []threads.Deletion, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), order.Validate(), threads.ValidateListStart(after, limit))
	err = m.call(ctx, invalid, func() error {
		for _, d := range m.deletions {
			if d.User == user {
				list = append(list, m.view(d))
			}
		}
		list = paged(list, threads.Deletion.Cursor, order, after, limit)
		return nil
	})
	return list, err
}

// PreviewPurge purges a copy and says what went.
func (m *model) PreviewPurge(ctx context.Context, user string, before time.Time) (p threads.Preview, err error) {
	err = m.call(ctx, cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before)), func() error {
		c := &model{rows: slices.Clone(m.rows), deletions: slices.Clone(m.deletions)}
		r := c.purge(user, before, before, math.MaxInt)
		p = threads.Preview{Threads: r.Threads, Deletions: r.Deletions}
		return nil
	})
	return p, err
}

func (m *model) Purge(ctx context.Context, user string, before, now time.Time, limit int) (r threads.PurgeResult, err error) {
	invalid := cmp.Or(threads.ValidateUser(user), threads.ValidateTime("before", before),
		threads.ValidateTime("now", now), threads.ValidatePurgeLimit(limit))
	err = m.call(ctx, invalid, func() error {
		r = m.purge(user, before, now, limit)
		return nil
	})
	return r, err
}

// purge takes one thread or one record at a time.
func (m *model) purge(user string, before, now time.Time, limit int) (r threads.PurgeResult) {
	for ; ; limit-- {
		d := m.earliest(user)
		if d == nil || !m.view(*d).Due().Before(before) {
			return r
		}
		if limit == 0 {
			r.More = true
			return r
		}
		held := m.view(*d)
		if held.Held == 0 {
			if !held.Emptied() {
				r.Deletions++
			}
			m.deletions = slices.DeleteFunc(m.deletions, func(other threads.Deletion) bool {
				return other.User == user && other.ID == held.ID
			})
			continue
		}
		m.removeOne(user, d.ID)
		*d = held.Without(1)
		if d.PurgedAt.IsZero() {
			d.PurgedAt = now
		}
		r.Threads++
		if d.Emptied() {
			r.Deletions++
		}
	}
}

// earliest returns the user's deletion that a purge looks at first.
func (m *model) earliest(user string) *threads.Deletion {
	var first *threads.Deletion
	for i := range m.deletions {
		d := &m.deletions[i]
		if d.User == user && (first == nil || cmp.Or(m.view(*d).Due().Compare(m.view(*first).Due()), strings.Compare(d.ID, first.ID)) < 0) {
			first = d
		}
	}
	return first
}

// removeOne removes a thread of the deletion: one that is gone elsewhere, or
// else the oldest.
func (m *model) removeOne(user, deletion string) {
	victim := -1
	for i, r := range m.rows {
		if r.User != user || r.DeletionID != deletion {
			continue
		}
		if m.gone != nil && m.gone(user, r.ID) {
			victim = i
			break
		}
		if victim < 0 || r.Cursor().Compare(m.rows[victim].Cursor()) < 0 {
			victim = i
		}
	}
	m.rows = slices.Delete(m.rows, victim, victim+1)
}

func (m *model) UsersDue(ctx context.Context, before time.Time, after string, limit int) (users []string, err error) {
	invalid := cmp.Or(threads.ValidateTime("before", before), threads.ValidateListStart(threads.Cursor{}, limit))
	err = m.call(ctx, invalid, func() error {
		for _, d := range m.deletions {
			if d.User > after && m.view(d).Due().Before(before) {
				users = append(users, d.User)
			}
		}
		slices.Sort(users)
		users = slices.Compact(users)
		users = users[:min(limit, len(users))]
		return nil
	})
	return users, err
}

func (m *model) Erase(ctx context.Context, user string) (e threads.Erasure, err error) {
	err = m.call(ctx, threads.ValidateUser(user), func() error {
		rows, deletions := len(m.rows), len(m.deletions)
		m.rows = slices.DeleteFunc(m.rows, func(r threads.Thread) bool { return r.User == user })
		m.deletions = slices.DeleteFunc(m.deletions, func(d threads.Deletion) bool { return d.User == user })
		e.Threads, e.Deletions = int64(rows-len(m.rows)), int64(deletions-len(m.deletions))
		e.Verified = []string{"No row has the user."}
		return nil
	})
	return e, err
}

func (m *model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// either is an error where two rules apply and none says which comes first:
// a store may return an error of either class, or of both.
type either [2]error

func (e either) Error() string   { return e[0].Error() + ", or " + e[1].Error() }
func (e either) Unwrap() []error { return e[:] }

// row returns the user's thread with that id if it is in that state, or nil.
func (m *model) row(user, id string, state threads.State) *threads.Thread {
	for i := range m.rows {
		if r := &m.rows[i]; r.User == user && r.ID == id && state.Matches(r.Live()) {
			return r
		}
	}
	return nil
}

// deletion returns the user's deletion with that id, or nil.
func (m *model) deletion(user, id string) *threads.Deletion {
	for i := range m.deletions {
		if d := &m.deletions[i]; d.User == user && d.ID == id {
			return d
		}
	}
	return nil
}

// view returns the record of a deletion with what it holds now.
func (m *model) view(d threads.Deletion) threads.Deletion {
	d.Held = 0
	for _, r := range m.rows {
		if r.User == d.User && r.DeletionID == d.ID {
			d.Held++
		}
	}
	if d.Held == 0 {
		d.Thread = ""
	}
	return d
}

// paged returns the page of the list in that order.
func paged[T any](list []T, place func(T) threads.Cursor, order threads.Order, after threads.Cursor, limit int) []T {
	compare := threads.Cursor.Compare
	if order == threads.NewestFirst {
		compare = func(a, b threads.Cursor) int { return b.Compare(a) }
	}
	slices.SortFunc(list, func(a, b T) int { return compare(place(a), place(b)) })
	if !after.IsZero() {
		list = slices.DeleteFunc(list, func(x T) bool { return compare(place(x), after) <= 0 })
	}
	return list[:min(limit, len(list))]
}
