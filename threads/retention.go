package threads

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Retention says how long deleted threads are kept.
type Retention struct {
	Keep  time.Duration // how long after its deletion a thread can be restored; must be positive
	Every time.Duration // time between two rounds; 0: one hour
	Batch int           // most threads and records removed by one write, 1 to MaxPurge; 0: 1,000

	// Report, if not nil, is called after each user of a round from whom
	// something was removed, or whose purge failed, with the sum of what
	// was; and with an empty user if the users could not be found.
	Report func(user string, r PurgeResult, err error)
}

// DefaultPurgeBatch is the most that retention removes by one write unless
// told otherwise: enough to be quick, few enough that nobody waits.
const DefaultPurgeBatch = 1_000

// Retain purges, now and then every r.Every, what any user deleted more than
// r.Keep ago. It runs until the context is done and returns the context's
// error; hosts run it in a goroutine. If the store is closed it returns
// [ErrClosed]. Anything else that fails is reported and tried again in the
// next round, and does not keep other users' threads from being purged.
//
// A Keep that is not positive is refused with [ErrInvalid]: it would purge
// everything at once.
func (s *Service) Retain(ctx context.Context, r Retention) error {
	if r.Every == 0 {
		r.Every = time.Hour
	}
	if r.Batch == 0 {
		r.Batch = DefaultPurgeBatch
	}
	if r.Report == nil {
		r.Report = func(string, PurgeResult, error) {}
	}
	if r.Keep <= 0 {
		return fmt.Errorf("retention: %w", invalid("keep", "Must be positive", r.Keep.String()))
	}
	if r.Every < 0 {
		return fmt.Errorf("retention: %w", invalid("every", "Must not be negative", r.Every.String()))
	}
	if err := ValidatePurgeLimit(r.Batch); err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	tick := time.NewTicker(r.Every)
	defer tick.Stop()
	for {
		if err := s.retainOnce(ctx, r); errors.Is(err, ErrClosed) {
			return fmt.Errorf("retention: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// retainOnce is one round over all users. It ends early with the error that
// ends every call.
func (s *Service) retainOnce(ctx context.Context, r Retention) error {
	before := canonicalTime(s.now().Add(-r.Keep))
	for last := ""; ; {
		users, err := s.store.UsersDue(ctx, before, last, MaxPage)
		if err != nil && ctx.Err() == nil {
			r.Report("", PurgeResult{}, fmt.Errorf("find users to purge: %w", err))
		}
		if err != nil || len(users) == 0 {
			return err
		}
		for _, user := range users {
			if err := s.retainUser(ctx, r, user, before); ctx.Err() != nil || errors.Is(err, ErrClosed) {
				return err
			}
		}
		last = users[len(users)-1]
	}
}

func (s *Service) retainUser(ctx context.Context, r Retention, user string, before time.Time) error {
	var sum PurgeResult
	for {
		one, err := s.Purge(ctx, user, before, r.Batch)
		sum.Threads += one.Threads
		sum.Deletions += one.Deletions
		sum.More = one.More
		done := err != nil || !one.More
		if done && (sum.Threads > 0 || sum.Deletions > 0 || err != nil && ctx.Err() == nil) {
			r.Report(user, sum, err)
		}
		if done {
			return err
		}
	}
}
