package threads

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Service is the use cases. It holds the rules once for every store:
// validation, the clock, ids, paging. Make one with [NewService]; it may be
// used by any number of goroutines at once.
type Service struct {
	store         Store
	now           func() time.Time
	newThreadID   func() string
	newDeletionID func() string
}

// Options change what a [Service] takes from its surroundings. A nil *Options
// and a nil field mean the default. The functions must be safe for concurrent
// use.
type Options struct {
	Now           func() time.Time // default: time.Now
	NewThreadID   func() string    // default: "thrd_" and the hex of a version 7 UUID
	NewDeletionID func() string    // default: "del_" and the hex of a version 7 UUID
}

// NewService returns a Service over the store, which stays the caller's to
// close. It panics if store is nil.
func NewService(store Store, opts *Options) *Service {
	if store == nil {
		panic("threads: NewService needs a store")
	}
	s := &Service{store: store, now: time.Now, newThreadID: prefixedID("thrd_"), newDeletionID: prefixedID("del_")}
	if opts == nil {
		return s
	}
	if opts.Now != nil {
		s.now = opts.Now
	}
	if opts.NewThreadID != nil {
		s.newThreadID = opts.NewThreadID
	}
	if opts.NewDeletionID != nil {
		s.newDeletionID = opts.NewDeletionID
	}
	return s
}

// prefixedID makes ids that sort by the time they were made, so that new rows
// land at the end of an index.
func prefixedID(prefix string) func() string {
	return func() string {
		id := uuid.Must(uuid.NewV7()) // fails only where crypto/rand itself would end the program
		return prefix + hex.EncodeToString(id[:])
	}
}

func (s *Service) clock() time.Time { return canonicalTime(s.now()) }

// Create makes a thread for the user and returns it.
//
// It returns [ErrInvalid] if a field breaks its rule, and [ErrExists] if the
// draft has an id that another thread of the user has, live or deleted; a purge
// frees it. After [ErrUnknownOutcome] the returned thread still carries its
// id: repeat the call with that id, and ErrExists then means it had worked.
func (s *Service) Create(ctx context.Context, user string, d Draft) (Thread, error) {
	now := s.clock()
	created := now
	if !d.CreatedAt.IsZero() {
		created = canonicalTime(d.CreatedAt)
	}
	t := Thread{
		ID: d.ID, User: user, Organization: d.Organization, Assistant: d.Assistant, Title: d.Title,
		Metadata: d.Metadata, Hidden: d.Hidden,
		CreatedAt: created, UpdatedAt: created, LastActivityAt: created, Version: 1,
	}.Clone()
	if t.ID == "" {
		t.ID = s.newThreadID()
	}
	if d.Pinned {
		t.PinnedAt = now
	}
	if err := t.Validate(user); err != nil {
		return Thread{}, fmt.Errorf("create thread: %w", err)
	}
	if err := s.store.Create(ctx, user, t); err != nil {
		err = fmt.Errorf("create thread %q: %w", t.ID, err)
		if errors.Is(err, ErrUnknownOutcome) {
			return t, err
		}
		return Thread{}, err
	}
	return t, nil
}

// Get returns the user's thread with that id if it is in that state: [Live]
// for ordinary use, [Deleted] or [Both] to look into the trash. Otherwise it
// returns [ErrNotFound].
func (s *Service) Get(ctx context.Context, user, id string, state State) (Thread, error) {
	if err := cmp.Or(ValidateUser(user), ValidateThreadID(id), state.Validate()); err != nil {
		return Thread{}, fmt.Errorf("get thread: %w", err)
	}
	t, err := s.store.Get(ctx, user, id, state)
	if err != nil {
		return Thread{}, fmt.Errorf("get thread %q: %w", id, err)
	}
	return t, nil
}

// AnyVersion makes an update apply to whatever version the thread has.
const AnyVersion int64 = -1

// maxUpdateTries bounds how often an update for AnyVersion starts over
// because others were faster. Each time, one of them has succeeded.
const maxUpdateTries = 32

// Update changes a live thread and returns it as it then is. If the patch
// changes nothing, neither the version nor updated-at changes.
//
// The version is the one the caller has seen; if the thread has another by
// now, Update returns [ErrVersionMismatch] and changes nothing. With
// [AnyVersion] the patch is applied to whatever is there; only if others
// change the thread all the time does that end in ErrVersionMismatch too. An
// absent or deleted thread is [ErrNotFound]: an update brings nothing back.
func (s *Service) Update(ctx context.Context, user, id string, version int64, p Patch) (Thread, error) {
	err := cmp.Or(ValidateUser(user), ValidateThreadID(id))
	if version < 1 && version != AnyVersion {
		err = cmp.Or(err, invalid("version", "Must be at least 1, or AnyVersion", fmt.Sprint(version)))
	}
	if err != nil {
		return Thread{}, fmt.Errorf("update thread: %w", err)
	}
	for try := 1; ; try++ {
		t, err := s.update(ctx, user, id, version, p)
		if err == nil {
			return t, nil
		}
		if version != AnyVersion || try == maxUpdateTries || !errors.Is(err, ErrVersionMismatch) {
			return Thread{}, fmt.Errorf("update thread %q: %w", id, err)
		}
	}
}

func (s *Service) update(ctx context.Context, user, id string, version int64, p Patch) (Thread, error) {
	t, err := s.store.Get(ctx, user, id, Live)
	if err != nil {
		return Thread{}, err
	}
	if version != AnyVersion && version != t.Version {
		return Thread{}, fmt.Errorf("%w: it is %d, not %d", ErrVersionMismatch, t.Version, version)
	}
	next, changed := p.apply(t, s.clock())
	if !changed {
		return t, nil
	}
	if err := next.Validate(user); err != nil {
		return Thread{}, err
	}
	if err := s.store.Update(ctx, user, next); err != nil {
		return Thread{}, err
	}
	next.Version++
	return next, nil
}
