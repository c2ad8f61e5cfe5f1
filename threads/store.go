package threads

import (
	"context"
	"time"
)

// Store keeps threads and deletions. Applications call [Service]; a Store is
// what an adapter to an engine implements, held to every rule here by the
// checks of storage/storagetest.
//
// What holds for every method:
//
//   - It may be called by any number of goroutines at once. Each call is
//     atomic (Purge and Erase in batches), and its effect is durable when it
//     returns, if the store persists at all.
//   - It acts on one user and never reads, changes or reveals anything of
//     another. What another user owns is [ErrNotFound], like what nobody
//     owns. (UsersDue alone takes no user: it names users and touches
//     nothing.)
//   - It refuses invalid arguments with [ErrInvalid] and changes nothing.
//     Service has validated them before; a store does so again, with the
//     Validate methods of the arguments, because it may be called by others.
//   - It never reads a clock. All times are handed in.
//   - A context that is done before the commit leaves nothing changed, and
//     its error is returned.
//   - It copies what it is given and returns copies.
//   - After Close it returns [ErrClosed].
type Store interface {
	// Create adds t, a live thread. If the user has a thread of that id,
	// live or deleted, it returns [ErrExists].
	Create(ctx context.Context, user string, t Thread) error

	// Get returns the thread, with its deletion if it is deleted. If there
	// is none, or it is not in that state, it returns [ErrNotFound].
	Get(ctx context.Context, user, id string, state State) (Thread, error)

	// Update replaces a live thread with its [Thread.Revised] to t, if its
	// version is t.Version, and returns [ErrVersionMismatch] if it is not.
	// An absent or deleted thread is [ErrNotFound].
	Update(ctx context.Context, user string, t Thread) error

	// List returns the first limit threads that match q and come, in its
	// order, after the place, which need not be that of any thread; the
	// zero Cursor is before all. Fewer than limit means there are no more.
	// The limit is 1 to MaxPage+1.
	List(ctx context.Context, user string, q Query, after Cursor, limit int) ([]Thread, error)

	// Count returns how many threads of the scope are live and deleted,
	// without looking at each.
	Count(ctx context.Context, user string, scope Scope) (Counts, error)

	// Delete moves the live thread with that id into the new deletion d,
	// which it records and returns as [Deletion.OfOne]. The Scope and Key of
	// d are ignored. An absent or deleted thread is [ErrNotFound]. If the user has
	// a deletion of that id, it returns [ErrExists].
	Delete(ctx context.Context, user, id string, d Deletion) (Deletion, error)

	// SoftDeleteAll moves every live thread of d.Scope into the new
	// deletion d, which it records and returns as [Deletion.OfAll] says. Its
	// cost does not depend on how many threads that is.
	//
	// If d.Key is that of a recorded deletion of the user, nothing is
	// deleted: the answer is that deletion as it is now, or the error of
	// its [Deletion.Replay]. Otherwise, if the user has a deletion of that
	// id, it returns [ErrExists].
	SoftDeleteAll(ctx context.Context, user string, d Deletion) (Deletion, error)

	// Restore makes every thread that is still in the deletion live again
	// and returns how many those are; none is success. It records
	// [Deletion.Restored] with the given time. A deletion that is not
	// [Deletion.Restorable] is [ErrPurged].
	Restore(ctx context.Context, user, deletion string, at time.Time) (int64, error)

	// RestoreThread makes one thread live again; it then is in no deletion,
	// and the one it was in is [Deletion.Without] it. It returns the thread.
	// A live thread is returned as it is. If its deletion is not
	// [Deletion.Restorable] it returns [ErrPurged].
	RestoreThread(ctx context.Context, user, id string) (Thread, error)

	// GetDeletion returns the record of a deletion, or [ErrNotFound].
	GetDeletion(ctx context.Context, user, id string) (Deletion, error)

	// ListDeletions returns the user's first limit deletions that come, in
	// that order, after the place; the zero Cursor is before all. The order
	// is by DeletedAt, then by the bytes of the id; NewestFirst reverses it.
	// The limit is 1 to MaxPage+1.
	ListDeletions(ctx context.Context, user string, order Order, after Cursor, limit int) ([]Deletion, error)

	// PreviewPurge returns what calls of Purge with that time, until there
	// is no more, would remove, and changes nothing.
	PreviewPurge(ctx context.Context, user string, before time.Time) (Preview, error)

	// Purge removes for good what the user deleted before a time. It takes
	// the deletions whose [Deletion.Due] is before it, earliest first, then
	// by the bytes of the id. From one that holds threads it removes
	// threads, having set PurgedAt to now if it was zero; from one that
	// holds none it removes the record. Each thread and each record counts
	// against the limit, 1 to MaxPurge, and at that it stops, wherever that
	// is.
	//
	// A Restore that comes after the first call that touches a deletion
	// returns ErrPurged. The id of a removed thread is free. A call is made
	// of batches, each atomic, that are small enough for writers of other
	// users to wait for one of them at most; if it fails between two, what
	// was removed stays removed and is in the result.
	Purge(ctx context.Context, user string, before, now time.Time, limit int) (PurgeResult, error)

	// UsersDue returns, in the order of their bytes, the first limit users
	// after the given one ("" is before all) that have a deletion whose
	// [Deletion.Due] is before the time. The limit is 1 to MaxPage+1.
	UsersDue(ctx context.Context, before time.Time, after string, limit int) ([]string, error)

	// Erase removes every thread and deletion of the user, live, deleted or
	// half purged, has the engine give up the bytes, and says what it
	// removed and what it verified. A user that has nothing is success.
	Erase(ctx context.Context, user string) (Erasure, error)

	// Close ends the use of the store. Calls under way finish first. A
	// second Close does nothing and returns nil.
	Close() error
}
