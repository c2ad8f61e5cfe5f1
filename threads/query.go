package threads

import "fmt"

// State selects threads by whether they are deleted. The zero State is Live.
type State uint8

// The states a query can ask for.
const (
	Live    State = iota // threads that are not deleted
	Deleted              // threads that are deleted and not purged
	Both                 // live and deleted threads
)

// Matches reports whether a thread that is live, or is not, has the state.
func (s State) Matches(live bool) bool {
	switch s {
	case Live:
		return live
	case Deleted:
		return !live
	default:
		return s == Both
	}
}

// Validate reports whether s is one of the states.
func (s State) Validate() error {
	if s > Both {
		return invalid("state", "Must be Live, Deleted or Both", "")
	}
	return nil
}

// Order is the direction of a list. The zero Order is NewestFirst.
type Order uint8

// The orders of a list: by created-at, then by the bytes of the id.
const (
	NewestFirst Order = iota
	OldestFirst
)

// Validate reports whether o is one of the orders.
func (o Order) Validate() error {
	if o > OldestFirst {
		return invalid("order", "Must be NewestFirst or OldestFirst", "")
	}
	return nil
}

func (o Order) reversed() Order {
	if o == NewestFirst {
		return OldestFirst
	}
	return NewestFirst
}

// Query selects threads of a user and orders them. Its zero value is invalid,
// for the zero Scope is.
type Query struct {
	Scope     Scope
	State     State
	Deletion  string // only threads in this deletion; State must then be Deleted
	Assistant string // only threads held with this assistant; empty: any
	Pinned    *bool  // only pinned threads, or only others; nil: any
	Hidden    *bool  // only hidden threads, or only others; nil: any
	Order     Order
}

// Matches reports whether t has what the query asks for. It does not look at
// the user.
func (q Query) Matches(t Thread) bool {
	return q.Scope.Contains(t.Organization) && q.State.Matches(t.Live()) &&
		(q.Deletion == "" || q.Deletion == t.DeletionID) && q.MatchesDetails(t)
}

// MatchesDetails is the part of [Query.Matches] that only the thread itself
// can tell: assistant, pinned and hidden. A store that has found t by scope,
// state and deletion calls it.
func (q Query) MatchesDetails(t Thread) bool {
	return (q.Assistant == "" || q.Assistant == t.Assistant) &&
		(q.Pinned == nil || *q.Pinned == !t.PinnedAt.IsZero()) &&
		(q.Hidden == nil || *q.Hidden == t.Hidden)
}

// Validate reports whether the query means something.
func (q Query) Validate() error {
	if err := q.Scope.Validate(); err != nil {
		return err
	}
	if err := q.State.Validate(); err != nil {
		return err
	}
	if err := q.Order.Validate(); err != nil {
		return err
	}
	if q.Deletion != "" {
		if err := ValidateDeletionID(q.Deletion); err != nil {
			return err
		}
		if q.State != Deleted {
			return invalid("state", "Must be Deleted in a query for one deletion", "")
		}
	}
	if q.Assistant != "" {
		return validateIdentifier("assistant_id", q.Assistant)
	}
	return nil
}

// DefaultPage is the number of threads or deletions on a page if none is
// asked for.
const DefaultPage = 20

// Paging selects a page of a list: the first one, the one after a place, or
// the one that ends just before a place. Its zero value is the first page of
// DefaultPage. After and Before together are invalid.
type Paging struct {
	After  Cursor
	Before Cursor
	Limit  int // 1 to MaxPage; 0: DefaultPage
}

func (p Paging) validate() (Paging, error) {
	if p.Limit == 0 {
		p.Limit = DefaultPage
	}
	if p.Limit < 1 || p.Limit > MaxPage {
		return p, invalid("limit", fmt.Sprintf("Must be between 1 and %d", MaxPage), fmt.Sprint(p.Limit))
	}
	if !p.After.IsZero() && !p.Before.IsZero() {
		return p, invalid("before", "Must not be given together with after", "")
	}
	for _, c := range []Cursor{p.After, p.Before} {
		if !c.IsZero() {
			if err := c.Validate(); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// Page is a part of a list of threads.
type Page struct {
	Threads []Thread
	HasMore bool // whether there are more in the direction of paging
}

// DeletionPage is a part of a list of deletions, newest first.
type DeletionPage struct {
	Deletions []Deletion
	HasMore   bool // whether there are more in the direction of paging
}
