package threads

import (
	"fmt"
	"time"
)

// Deletion is the record of one delete call. Undo, trash and purge work on
// it. [Service.Purge] removes the record some time after it holds nothing.
type Deletion struct {
	ID        string // "del_…"; empty if the call deleted nothing and was not recorded
	User      string
	Scope     Scope     // what was to be deleted; of a single thread: its organization, or personal
	Thread    string    // the thread that [Service.Delete] deleted, while it is in it; empty for a bulk deletion
	Key       string    // the idempotency key of the call; empty: none
	DeletedAt time.Time // when the call was made
	Count     int64     // how many threads the call deleted; never changes
	Held      int64     // how many of them are still in it: not restored, not purged

	RestoredAt time.Time // when it was first restored as a whole; zero: never
	PurgedAt   time.Time // when its purge began, from which on it cannot be restored; zero: not yet
}

// Cursor returns the deletion's place in a list of deletions.
func (d Deletion) Cursor() Cursor { return Cursor{Time: d.DeletedAt, ID: d.ID} }

// Emptied reports whether a purge took the last thread of the deletion. Its
// record stays for a while, to tell "purged" from "never was".
func (d Deletion) Emptied() bool { return !d.PurgedAt.IsZero() && d.Held == 0 }

// Due is the time by which [Store.Purge] orders deletions: one is purged when
// its Due is before the time given. It is DeletedAt, and for a deletion that a
// purge has emptied PurgedAt, so that the record outlives its threads by as
// long as those outlived their deletion.
func (d Deletion) Due() time.Time {
	if d.Emptied() {
		return d.PurgedAt
	}
	return d.DeletedAt
}

// Replay answers a repeated call with the idempotency key of d: nil if the
// call has the same scope, so that d is its answer, and [ErrKeyReused] if not.
func (d Deletion) Replay(scope Scope) error {
	if d.Scope != scope {
		return fmt.Errorf("%w: deletion %s has scope %s, not %s", ErrKeyReused, d.ID, d.Scope, scope)
	}
	return nil
}

// OfAll returns the record of the new bulk deletion d of so many threads, and
// whether it is to be kept: one of none is only if it has a key, and otherwise
// has no ID.
func (d Deletion) OfAll(threads int64) (record Deletion, keep bool) {
	record = Deletion{
		ID: d.ID, User: d.User, Scope: d.Scope, Key: d.Key, DeletedAt: d.DeletedAt, Count: threads, Held: threads,
	}
	if keep = threads > 0 || d.Key != ""; !keep {
		record.ID = ""
	}
	return record, keep
}

// OfOne returns the record of the new deletion d of one thread.
func (d Deletion) OfOne(t Thread) Deletion {
	return Deletion{
		ID: d.ID, User: d.User, Scope: ScopeOf(t.Organization), Thread: t.ID, DeletedAt: d.DeletedAt, Count: 1, Held: 1,
	}
}

// Restorable returns [ErrPurged] if the purge of d has begun.
func (d Deletion) Restorable() error {
	if d.PurgedAt.IsZero() {
		return nil
	}
	return fmt.Errorf("%w: the purge of deletion %s began at %s", ErrPurged, d.ID, d.PurgedAt.Format(time.RFC3339))
}

// Without returns the record of d after so many of its threads left it: they
// were restored or purged. It names a thread only while that is in it, for its
// id may be given again.
func (d Deletion) Without(threads int64) Deletion {
	d.Held -= threads
	if d.Held == 0 {
		d.Thread = ""
	}
	return d
}

// Restored returns the record of d after it was restored as a whole at the
// given time.
func (d Deletion) Restored(at time.Time) Deletion {
	d = d.Without(d.Held)
	if d.RestoredAt.IsZero() {
		d.RestoredAt = at
	}
	return d
}

// Validate reports whether d can be recorded as a new deletion of user. It
// looks at ID, User, Scope, Key and DeletedAt; a store sets the rest.
func (d Deletion) Validate(user string) error {
	if err := ValidateUser(user); err != nil {
		return err
	}
	if d.User != user {
		return invalid("user", "Must be the user of the call", d.User)
	}
	if err := d.Scope.Validate(); err != nil {
		return err
	}
	if err := ValidateDeletionID(d.ID); err != nil {
		return err
	}
	if d.Key != "" {
		if err := ValidateKey(d.Key); err != nil {
			return err
		}
	}
	return validateTime("deleted_at", d.DeletedAt)
}

// ValidateDeletionID reports whether id can name a deletion: not empty, at
// most [MaxIdentifier] bytes, valid UTF-8, no control characters.
func ValidateDeletionID(id string) error { return validateIdentifier("deletion_id", id) }

// ValidateKey reports whether key can be an idempotency key: not empty, at
// most [MaxKey] bytes, valid UTF-8, no control characters.
func ValidateKey(key string) error {
	switch {
	case key == "":
		return invalid("idempotency_key", "Must not be empty", "")
	case len(key) > MaxKey:
		return invalid("idempotency_key", fmt.Sprintf("Must be at most %d bytes long", MaxKey), key)
	}
	return validateLine("idempotency_key", key)
}

// Counts says how many threads of a scope there are.
type Counts struct {
	Live    int64
	Deleted int64
}

// Preview says what a purge would remove.
type Preview struct {
	Threads   int64 // threads that would be gone for good
	Deletions int64 // deletions that would be ended; see PurgeResult
}

// PurgeResult says what one call to Purge removed.
type PurgeResult struct {
	Threads   int64 // threads that are gone for good
	Deletions int64 // deletions ended: their last thread was removed, or they held none and their record was
	More      bool  // whether anything due was left because of the limit
}

// Erasure says what an erasure removed and what it verified.
type Erasure struct {
	Threads   int64    // threads removed, live and deleted
	Deletions int64    // deletion records removed, and with them their idempotency keys
	Verified  []string // what the store looked at afterwards and found clean, a sentence each
	Caveats   []string // where bytes may survive that the store cannot reach, a sentence each
}
