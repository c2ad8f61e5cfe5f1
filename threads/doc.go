// Package threads is the domain of Skein: conversation threads owned by a
// user, perhaps inside an organization, and the rules by which they are
// created, listed, deleted, brought back and removed for good.
//
// [Service] holds every use case and every rule. It needs a [Store]; the
// packages under storage/ provide them. The main job is
// [Service.SoftDeleteAll]: it hides all live threads of a user, in all
// organizations or one, returns the exact number, costs the same for ten
// threads as for a million, and can be undone by [Service.Restore].
//
// # Words
//
//   - A thread is one conversation: who owns it, where it belongs, what it is
//     called, when it was last used. Its messages are kept elsewhere.
//   - The user is the owner. Every call takes one, and no call reaches the
//     threads of another.
//   - An organization is optional. A thread without one is personal.
//   - A [Scope] is what a bulk call acts on. Its zero value is an error.
//   - A [Deletion] is the record of one delete call. Undo, trash and purge
//     work on deletions.
//   - A thread is live (listed), deleted (hidden, can come back) or purged
//     (gone).
//
// # Concurrency and ownership
//
// A [Service] and every [Store] may be used by any number of goroutines at
// once. What they return is the caller's own copy, and what they are given
// they copy: no memory is shared in either direction.
//
// # Errors
//
// Errors carry a class to be matched with [errors.Is]: [ErrNotFound],
// [ErrExists], [ErrConflict], [ErrInvalid], [ErrPurged], [ErrClosed],
// [ErrUnknownOutcome], [ErrCorrupt], [ErrFull], [ErrNewerLayout] and
// [ErrLocked]. The errors of a cancelled or expired context pass through. An [ErrInvalid] always carries
// a [*FieldError] that says what was wrong, where, and what would be right.
package threads
