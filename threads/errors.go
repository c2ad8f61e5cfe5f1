package threads

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The classes of errors, the same for every store. Match them with
// [errors.Is]; stores wrap them with detail of their own, and the text may
// change at any time.
var (
	// ErrNotFound: the user has no such thread or deletion. A thread of
	// another user and one that never was answer alike. A deleted thread is
	// not found by calls that act on live threads.
	ErrNotFound = errors.New("not found")

	// ErrExists: the user has a thread of that id already, live or deleted;
	// or a deletion of that id, if the host makes its own.
	ErrExists = errors.New("exists already")

	// ErrConflict: the call contradicts what is stored. It is the class of
	// [ErrVersionMismatch] and [ErrKeyReused].
	ErrConflict = errors.New("conflict")

	// ErrInvalid: an argument breaks a rule. The error is, or wraps, a
	// [*FieldError]. Nothing was changed.
	ErrInvalid = errors.New("invalid")

	// ErrPurged: the purge of that deletion has begun, so it can no longer
	// be restored.
	ErrPurged = errors.New("purged")

	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store is closed")

	// ErrUnknownOutcome: a commit failed in such a way that the change may
	// be durable or may not be. Read before deciding, or repeat the call: a
	// create with the same id, a delete with the same idempotency key.
	ErrUnknownOutcome = errors.New("unknown outcome")

	// ErrCorrupt: what is stored is damaged.
	ErrCorrupt = errors.New("corrupt")

	// ErrFull: there is no room left to write. Nothing was changed.
	ErrFull = errors.New("no space left")

	// ErrNewerLayout: the store was written by a newer version of its
	// package, and this one would not keep what it does not know. Nothing
	// was changed.
	ErrNewerLayout = errors.New("written by a newer version")

	// ErrLocked: another process holds the store.
	ErrLocked = errors.New("locked by another process")
)

// The two kinds of [ErrConflict].
var (
	// ErrVersionMismatch: the thread has another version than the one the
	// update was made for. Get it and try again.
	ErrVersionMismatch = fmt.Errorf("%w: version mismatch", ErrConflict)

	// ErrKeyReused: the idempotency key was used before, for a call with
	// another scope. Nothing was deleted.
	ErrKeyReused = fmt.Errorf("%w: idempotency key was used for another request", ErrConflict)
)

// FieldError says which argument broke which rule. It matches [ErrInvalid].
type FieldError struct {
	Field string // what was wrong, by the name it has in the HTTP API: "organization_id", "title", "metadata"
	Rule  string // what would be right, as a sentence without a final stop: "Must start with 'org_'"
	Given string // what was given, shortened to at most 160 bytes; empty if it has no useful text
}

// Error returns field, rule and what was given, on one line.
func (e *FieldError) Error() string {
	if e.Given == "" {
		return fmt.Sprintf("invalid %s: %s", e.Field, e.Rule)
	}
	return fmt.Sprintf("invalid %s: %s; got %q", e.Field, e.Rule, e.Given)
}

// Is reports whether target is [ErrInvalid].
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// maxGiven bounds how much of a bad value an error repeats, so that hostile
// input does not fill logs. It leaves room for every valid identifier.
const maxGiven = 160

func invalid(field, rule, given string) error {
	if len(given) > maxGiven {
		cut := maxGiven - len("...")
		for range utf8.UTFMax - 1 { // back to where a character begins
			if !utf8.RuneStart(given[cut]) {
				cut--
			}
		}
		given = given[:cut] + "..."
	}
	return &FieldError{Field: field, Rule: rule, Given: given}
}
