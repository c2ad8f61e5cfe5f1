package generation

import (
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

// Preview adds to p what [threads.Store.PreviewPurge] says of a deletion that
// is due.
func Preview(p *threads.Preview, d threads.Deletion) {
	p.Threads += d.Held
	if !d.Emptied() {
		p.Deletions++
	}
}
