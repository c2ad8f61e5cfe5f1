package threads

import (
	"fmt"
	"maps"
	"math"
	"time"
)

// Thread is one conversation. User and ID together identify it: two users may
// hold the same id and never learn of each other.
//
// Times are UTC and whole microseconds; the zero time means "not".
type Thread struct {
	ID             string            // opaque, at most MaxIdentifier bytes
	User           string            // the owner
	Organization   string            // empty: a personal thread
	Assistant      string            // id of the assistant it is held with; empty: none
	Title          string            // at most MaxTitle characters; empty: none
	Metadata       map[string]string // at most MaxMetadataPairs; never nil in what a store returns
	Hidden         bool              // kept out of the user's lists by default, but deleted like any other
	PinnedAt       time.Time         // zero: not pinned
	CreatedAt      time.Time
	UpdatedAt      time.Time
	LastActivityAt time.Time
	Version        int64 // 1 when created, one more with each update; deleting and restoring do not change it

	// Set exactly when the thread is deleted.
	DeletedAt  time.Time
	DeletionID string // the deletion it is in
}

// Live reports whether the thread is not deleted.
func (t Thread) Live() bool { return t.DeletionID == "" }

// Clone returns a copy that shares no memory with t. Its Metadata is never
// nil.
func (t Thread) Clone() Thread {
	if t.Metadata == nil {
		t.Metadata = map[string]string{}
	} else {
		t.Metadata = maps.Clone(t.Metadata)
	}
	return t
}

// Cursor returns the thread's place in a list.
func (t Thread) Cursor() Cursor { return Cursor{Time: t.CreatedAt, ID: t.ID} }

// Revised returns t after an update to next: everything an update may change
// comes from next, and the version is one higher. User, organization, id,
// created-at and the deletion fields stay those of t. A store calls it with
// what it holds, so that no update can move a thread. Metadata is shared with
// next.
func (t Thread) Revised(next Thread) Thread {
	t.Assistant = next.Assistant
	t.Title = next.Title
	t.Metadata = next.Metadata
	t.Hidden = next.Hidden
	t.PinnedAt = next.PinnedAt
	t.UpdatedAt = next.UpdatedAt
	t.LastActivityAt = next.LastActivityAt
	t.Version++
	return t
}

// Validate reports whether t can be stored as a live thread of user: every
// field within its rule, the owner named, times set, a version from 1, and no
// deletion. [Service] makes only such threads; stores call it so that they
// stay safe when called by others.
func (t Thread) Validate(user string) error {
	if err := ValidateUser(user); err != nil {
		return err
	}
	if t.User != user {
		return invalid("user", "Must be the user of the call", t.User)
	}
	if err := ValidateThreadID(t.ID); err != nil {
		return err
	}
	if t.Organization != "" {
		if err := ValidateOrganizationID(t.Organization); err != nil {
			return err
		}
	}
	if t.Version < 1 || t.Version == math.MaxInt64 { // there must be a next one
		return invalid("version", "Must be at least 1 and have a successor", fmt.Sprint(t.Version))
	}
	if !t.DeletedAt.IsZero() || t.DeletionID != "" {
		return invalid("deletion_id", "Must not be set: only a delete call deletes", t.DeletionID)
	}
	for _, f := range []struct {
		name string
		at   time.Time
	}{{"created_at", t.CreatedAt}, {"updated_at", t.UpdatedAt}, {"last_activity_at", t.LastActivityAt}} {
		if err := validateTime(f.name, f.at); err != nil {
			return err
		}
	}
	if err := validateOptionalTime("pinned_at", t.PinnedAt); err != nil {
		return err
	}
	if t.Assistant != "" {
		if err := validateIdentifier("assistant_id", t.Assistant); err != nil {
			return err
		}
	}
	if err := validateText("title", "The title", t.Title, MaxTitle); err != nil {
		return err
	}
	return validateMetadata(t.Metadata)
}

// Draft is what a caller says of a new thread. The zero Draft is a personal
// thread without a title.
type Draft struct {
	ID           string // the caller's own id; empty: the service makes one
	Organization string // empty: a personal thread
	Assistant    string
	Title        string
	Metadata     map[string]string
	Hidden       bool
	Pinned       bool
	CreatedAt    time.Time // zero: now; set it to bring threads over from elsewhere
}

// Patch is a change to a thread. A nil field leaves what is there.
type Patch struct {
	Assistant      *string            // to "" clears it
	Title          *string            // to "" clears it
	Metadata       map[string]*string // merged: a nil value removes the pair
	ClearMetadata  bool               // removes every pair first
	Hidden         *bool
	Pinned         *bool // pinning a pinned thread keeps the time it was pinned
	LastActivityAt *time.Time
}

// apply returns t changed by p at the given time, and whether anything is
// different. The version stays. The result shares no metadata with t.
func (p Patch) apply(t Thread, now time.Time) (next Thread, changed bool) {
	next = t.Clone()
	if p.Assistant != nil {
		next.Assistant = *p.Assistant
	}
	if p.Title != nil {
		next.Title = *p.Title
	}
	if p.ClearMetadata {
		clear(next.Metadata)
	}
	for k, v := range p.Metadata {
		if v == nil {
			delete(next.Metadata, k)
		} else {
			next.Metadata[k] = *v
		}
	}
	if p.Hidden != nil {
		next.Hidden = *p.Hidden
	}
	if p.Pinned != nil && *p.Pinned != !t.PinnedAt.IsZero() {
		next.PinnedAt = time.Time{}
		if *p.Pinned {
			next.PinnedAt = now
		}
	}
	if p.LastActivityAt != nil {
		next.LastActivityAt = canonicalTime(*p.LastActivityAt)
	}
	changed = next.Assistant != t.Assistant || next.Title != t.Title || !maps.Equal(next.Metadata, t.Metadata) ||
		next.Hidden != t.Hidden || !next.PinnedAt.Equal(t.PinnedAt) || !next.LastActivityAt.Equal(t.LastActivityAt)
	if changed {
		next.UpdatedAt = now
	}
	return next, changed
}

// canonicalTime is t as every store keeps it: UTC, truncated to microseconds,
// without a monotonic reading.
func canonicalTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
