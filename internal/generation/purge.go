package generation

import (
	"errors"
	"fmt"
	"time"

	"github.com/skein-go/skein/threads"
)

// Trash is the deletions of one user, inside a transaction.
type Trash interface {
	// Earliest returns the deletion with the least Due, then the least id,
	// if that Due is before the time.
	Earliest(before time.Time) (d threads.Deletion, ok bool, err error)

	// Remove takes up to limit of the threads that d holds out of the store
	// for good, and returns how many.
	Remove(d threads.Deletion, limit int64) (int64, error)

	// Put writes the record of a deletion that is there already.
	Put(d threads.Deletion) error

	// Drop removes the record of a deletion that holds nothing, and its
	// idempotency key.
	Drop(d threads.Deletion) error
}

// Purge carries out [threads.Store.Purge] on the trash of a user. Arguments
// have been validated. If it fails, its transaction is to be rolled back.
func Purge(trash Trash, before, now time.Time, limit int) (threads.PurgeResult, error) {
	var r threads.PurgeResult
	for left := int64(limit); ; {
		d, ok, err := trash.Earliest(before)
		if err != nil || !ok {
			return r, err
		}
		if left == 0 {
			r.More = true
			return r, nil
		}
		if d.Held == 0 {
			if err := trash.Drop(d); err != nil {
				return r, err
			}
			if !d.Emptied() { // otherwise it was counted when it was emptied
				r.Deletions++
			}
			left--
			continue
		}
		n, err := trash.Remove(d, min(left, d.Held))
		if err != nil {
			return r, err
		}
		if n < 1 {
			return r, fmt.Errorf("%w: deletion %s says it holds %d threads, and has none", threads.ErrCorrupt, d.ID, d.Held)
		}
		d = d.Without(n)
		if d.PurgedAt.IsZero() {
			d.PurgedAt = now
		}
		if err := trash.Put(d); err != nil {
			return r, err
		}
		if d.Held == 0 {
			r.Deletions++
		}
		r.Threads += n
		left -= n
	}
}

// InBatches purges in transactions of at most so many threads and records
// each, until the limit is used up or nothing is left. Purge carries out one
// of them; one that has no room ([threads.ErrFull]) is tried again with a
// quarter, for that needs less, and what it frees is room for the next. After
// an error the result is what was removed before it.
func InBatches(limit, most int, purge func(limit int) (threads.PurgeResult, error)) (sum threads.PurgeResult, err error) {
	for {
		n := min(limit, most)
		one, err := purge(n)
		if errors.Is(err, threads.ErrFull) && n > 1 {
			most = max(1, n/4)
			continue
		}
		if err != nil {
			return sum, err
		}
		sum.Threads += one.Threads
		sum.Deletions += one.Deletions
		sum.More = one.More
		// A batch with more left has used its whole limit.
		if limit -= n; !one.More || limit == 0 {
			return sum, nil
		}
	}
}

// Preview adds to p what [threads.Store.PreviewPurge] says of a deletion that
// is due.
func Preview(p *threads.Preview, d threads.Deletion) {
	p.Threads += d.Held
	if !d.Emptied() {
		p.Deletions++
	}
}
