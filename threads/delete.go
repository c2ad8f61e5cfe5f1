package threads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// DeleteOption is a choice for one call of [Service.SoftDeleteAll]. Only this
// package makes any, so that none can change what is deleted.
type DeleteOption interface {
	apply(d *Deletion) error
}

type idempotencyKey string

func (k idempotencyKey) apply(d *Deletion) error {
	if d.Key != "" {
		return invalid("idempotency_key", "Must not be given twice", string(k))
	}
	d.Key = string(k)
	return ValidateKey(d.Key)
}

// WithIdempotencyKey makes a call safe to repeat: a further call of the same
// user with the same key and scope deletes nothing and returns the deletion
// of the first. With another scope it is [ErrKeyReused]. A key lives as long
// as the record of its deletion. See [ValidateKey] for what can be a key; the
// empty one is refused, not ignored.
func WithIdempotencyKey(key string) DeleteOption { return idempotencyKey(key) }

// SoftDeleteAll deletes every live thread of the user in the scope, pinned
// and hidden ones too, and returns the deletion with the exact number, Count.
// They stay in the trash, out of every list of live threads, until
// [Service.Restore] brings them back or a purge removes them.
//
// Threads deleted before are not counted again and stay in the deletion they
// are in. None to delete is success: Count is 0 and, unless the call has an
// idempotency key, nothing is recorded and the ID is empty.
//
// It is atomic, and durable on stores that persist: a thread whose Create
// returned before the call began is deleted and counted; one created after
// the call returned is live. Its cost does not depend on the number of
// threads.
//
// The zero Scope is refused with [ErrInvalid], like one made from a malformed
// organization id, and nothing is deleted. After [ErrUnknownOutcome], repeat
// the call with the same idempotency key; or look for the deletion that is
// returned even so, by its ID.
func (s *Service) SoftDeleteAll(ctx context.Context, user string, scope Scope, opts ...DeleteOption) (Deletion, error) {
	d := Deletion{ID: s.newDeletionID(), User: user, Scope: scope, DeletedAt: s.clock()}
	var err error
	for _, opt := range opts {
		if opt == nil {
			return Deletion{}, fmt.Errorf("delete all threads: %w", invalid("option", "Must not be nil", ""))
		}
		err = cmp.Or(err, opt.apply(&d))
	}
	if err = cmp.Or(err, d.Validate(user)); err != nil {
		return Deletion{}, fmt.Errorf("delete all threads: %w", err)
	}
	done, err := s.store.SoftDeleteAll(ctx, user, d)
	if err != nil {
		err = fmt.Errorf("delete all threads (%s): %w", scope, err)
		if errors.Is(err, ErrUnknownOutcome) {
			return d, err
		}
		return Deletion{}, err
	}
	return done, nil
}

// Delete deletes one live thread of the user and returns the deletion, which
// holds just that thread: it can be undone and purged like any other. An
// absent or deleted thread is [ErrNotFound]. Beside [ErrUnknownOutcome] the
// deletion is returned too: look for it by its ID.
func (s *Service) Delete(ctx context.Context, user, id string) (Deletion, error) {
	// The store sets the scope once it knows the thread; Personal stands in.
	d := Deletion{ID: s.newDeletionID(), User: user, Scope: Personal(), DeletedAt: s.clock()}
	if err := cmp.Or(d.Validate(user), ValidateThreadID(id)); err != nil {
		return Deletion{}, fmt.Errorf("delete thread: %w", err)
	}
	done, err := s.store.Delete(ctx, user, id, d)
	if err != nil {
		err = fmt.Errorf("delete thread %q: %w", id, err)
		if errors.Is(err, ErrUnknownOutcome) {
			return Deletion{ID: d.ID, User: user, Thread: id, DeletedAt: d.DeletedAt}, err
		}
		return Deletion{}, err
	}
	return done, nil
}

// Restore brings back every thread that is still in the deletion, exactly as
// it was, and returns how many those are. Threads that were deleted before
// it, restored since or purged since are not touched; overlapping deletions
// can be undone in any order. Restoring twice is success with 0.
//
// A deletion whose purge has begun is [ErrPurged]; an absent one is
// [ErrNotFound]. The restore of a bulk deletion costs what making it did.
func (s *Service) Restore(ctx context.Context, user, deletion string) (int64, error) {
	if err := validateUserDeletion(user, deletion); err != nil {
		return 0, fmt.Errorf("restore deletion: %w", err)
	}
	n, err := s.store.Restore(ctx, user, deletion, s.clock())
	if err != nil {
		return 0, fmt.Errorf("restore deletion %q: %w", deletion, err)
	}
	return n, nil
}

// RestoreThread brings back one deleted thread, which then is in no deletion,
// and returns it. A live thread is returned as it is: restoring twice is
// success. If the purge of its deletion has begun, it is [ErrPurged].
func (s *Service) RestoreThread(ctx context.Context, user, id string) (Thread, error) {
	if err := cmp.Or(ValidateUser(user), ValidateThreadID(id)); err != nil {
		return Thread{}, fmt.Errorf("restore thread: %w", err)
	}
	t, err := s.store.RestoreThread(ctx, user, id)
	if err != nil {
		return Thread{}, fmt.Errorf("restore thread %q: %w", id, err)
	}
	return t, nil
}

func validateUserScope(user string, scope Scope) error {
	return cmp.Or(ValidateUser(user), scope.Validate())
}

func validateUserDeletion(user, deletion string) error {
	return cmp.Or(ValidateUser(user), ValidateDeletionID(deletion))
}
