package threads

import (
	"context"
	"fmt"
	"time"
)

// PreviewPurge returns what purging everything the user deleted before a time
// would remove, and changes nothing.
func (s *Service) PreviewPurge(ctx context.Context, user string, before time.Time) (Preview, error) {
	before, err := validatePurge(user, before)
	if err != nil {
		return Preview{}, fmt.Errorf("preview purge: %w", err)
	}
	p, err := s.store.PreviewPurge(ctx, user, before)
	if err != nil {
		return Preview{}, fmt.Errorf("preview purge: %w", err)
	}
	return p, nil
}

// Purge removes for good what the user deleted before a time: at most limit
// threads and records (1 to [MaxPurge]), the oldest deletions first. It says
// what it removed and whether more is left; call it until there is no more.
// It may be stopped anywhere and called again. It never touches a live
// thread.
//
// From its first purge on, a deletion can no longer be restored. When its
// last thread is gone its record stays, to answer [ErrPurged], until a Purge
// whose time is after that purge; with a time in the future that is the same
// call. The zero time is refused.
//
// If it fails or is cancelled in between, what was removed stays removed, and
// is in the result beside the error.
func (s *Service) Purge(ctx context.Context, user string, before time.Time, limit int) (PurgeResult, error) {
	before, err := validatePurge(user, before)
	if err == nil {
		err = ValidatePurgeLimit(limit)
	}
	if err != nil {
		return PurgeResult{}, fmt.Errorf("purge: %w", err)
	}
	r, err := s.store.Purge(ctx, user, before, s.clock(), limit)
	if err != nil {
		return r, fmt.Errorf("purge: %w", err)
	}
	return r, nil
}

// Erase removes every trace of the user: threads live and deleted, deletions,
// idempotency keys; then has the engine give up the bytes. It returns what it
// removed and verified, and says where bytes may survive out of its reach. A
// thread created while it runs may survive it. If it fails in between, what was
// removed stays removed, and is in the result beside the error: call it again.
func (s *Service) Erase(ctx context.Context, user string) (Erasure, error) {
	if err := ValidateUser(user); err != nil {
		return Erasure{}, fmt.Errorf("erase user: %w", err)
	}
	e, err := s.store.Erase(ctx, user)
	if err != nil {
		return e, fmt.Errorf("erase user: %w", err)
	}
	return e, nil
}

// ValidatePurgeLimit holds the limit of a purge to 1 to [MaxPurge].
func ValidatePurgeLimit(limit int) error {
	if limit < 1 || limit > MaxPurge {
		return invalid("limit", fmt.Sprintf("Must be between 1 and %d", MaxPurge), fmt.Sprint(limit))
	}
	return nil
}

func validatePurge(user string, before time.Time) (time.Time, error) {
	if err := ValidateUser(user); err != nil {
		return before, err
	}
	before = canonicalTime(before)
	return before, validateTime("before", before)
}
