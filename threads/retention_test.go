package threads_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// watched is a store that keeps what retention asks of it, and can fail it.
type watched struct {
	threads.Store
	mu        sync.Mutex
	seen      asked
	failUsers error
	failPurge func(user string) error
}

// asked is what retention asked of a store.
type asked struct {
	rounds []time.Time // when UsersDue was called for the first users
	before []time.Time // the time each of those calls was about
	limits []int       // the limit of each purge
}

func (w *watched) UsersDue(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if after == "" {
		w.seen.rounds = append(w.seen.rounds, time.Now().UTC())
		w.seen.before = append(w.seen.before, before)
	}
	if w.failUsers != nil {
		return nil, w.failUsers
	}
	return w.Store.UsersDue(ctx, before, after, limit)
}

func (w *watched) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.limits = append(w.seen.limits, limit)
	if w.failPurge != nil {
		if err := w.failPurge(user); err != nil {
			return threads.PurgeResult{}, err
		}
	}
	return w.Store.Purge(ctx, user, before, now, limit)
}

// usersFail makes UsersDue return an error; nil: no more.
func (w *watched) usersFail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failUsers = err
}

// asked returns what was asked until the background has come to rest.
func (w *watched) asked() asked {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// report is one call of Retention.Report.
type report struct {
	user string
	threads.PurgeResult
	err error
}

// retained is a service under retention, in a bubble of its own time.
type retained struct {
	*threads.Service
	t      *testing.T
	store  *watched
	cancel func() // ends retention

	mu      sync.Mutex
	reports []report
}

// retain runs prepare, then Retain in the background, and f beside it. All
// share the time of a bubble.
func retain(t *testing.T, r threads.Retention, prepare, f func(*retained)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &watched{Store: memory.New()}
		ctx, cancel := context.WithCancel(t.Context())
		x := &retained{t: t, store: store, Service: threads.NewService(store, nil), cancel: cancel}
		prepare(x)
		if r.Report == nil {
			r.Report = func(user string, result threads.PurgeResult, err error) {
				x.mu.Lock()
				defer x.mu.Unlock()
				x.reports = append(x.reports, report{user, result, err})
			}
		}
		ended := make(chan error)
		go func() { ended <- x.Retain(ctx, r) }()
		synctest.Wait()
		f(x)
		cancel()
		wantError(t, "Retain()", <-ended, context.Canceled)
	})
}

// throwAway makes n threads of the user and deletes them.
func (x *retained) throwAway(user string, n int) {
	x.t.Helper()
	for range n {
		if _, err := x.Create(x.t.Context(), user, threads.Draft{}); err != nil {
			x.t.Fatal(err)
		}
	}
	if d, err := x.SoftDeleteAll(x.t.Context(), user, threads.All()); err != nil || d.Count != int64(n) {
		x.t.Fatalf("SoftDeleteAll(%s) = %d, %v; want %d, nil", user, d.Count, err, n)
	}
}

func (x *retained) wantDeleted(user string, want int64) {
	x.t.Helper()
	if n, err := x.Count(x.t.Context(), user, threads.All()); err != nil || n.Deleted != want {
		x.t.Errorf("%s: Count(%s) = %d deleted, %v; want %d", time.Now().UTC(), user, n.Deleted, err, want)
	}
}

// wantReports checks what was reported since the last time.
func (x *retained) wantReports(want ...report) {
	x.t.Helper()
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.EqualFunc(x.reports, want, func(a, b report) bool {
		return a.user == b.user && a.PurgeResult == b.PurgeResult && errors.Is(a.err, b.err)
	}) {
		x.t.Errorf("%s: reports = %v; want %v", time.Now().UTC(), x.reports, want)
	}
	x.reports = nil
}

func nothing(*retained) {}

func TestRetainRunsARoundAtOnceAndThenNowAndThen(t *testing.T) {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock begins
	for _, c := range []struct{ every, want time.Duration }{{0, time.Hour}, {time.Minute, time.Minute}} {
		retain(t, threads.Retention{Keep: 24 * time.Hour, Every: c.every}, nothing, func(x *retained) {
			for n := range 4 {
				at := epoch.Add(time.Duration(n) * c.want)
				asked := x.store.asked()
				if len(asked.rounds) != n+1 || asked.rounds[n] != at {
					x.t.Fatalf("Every %s: rounds at %v; want %d of them, the last at %s", c.every, asked.rounds, n+1, at)
				}
				if got, want := asked.before[n], at.Add(-24*time.Hour); got != want {
					x.t.Errorf("Every %s: round %d is about what was deleted before %s; want %s", c.every, n, got, want)
				}
				time.Sleep(c.want)
			}
		})
	}
}

func TestRetainPurgesOnlyWhatIsOldEnough(t *testing.T) {
	day := 24 * time.Hour
	retain(t, threads.Retention{Keep: 30 * day}, func(x *retained) {
		x.throwAway("ada", 2)
		time.Sleep(10 * day)
		x.throwAway("ada", 3)
		if _, err := x.Create(x.t.Context(), "ada", threads.Draft{ID: "live"}); err != nil {
			x.t.Fatal(err)
		}
	}, func(x *retained) {
		x.wantReports()
		time.Sleep(20 * day) // the first deletion is 30 days old, to the instant
		x.wantReports()
		x.wantDeleted("ada", 5)
		time.Sleep(time.Hour)
		x.wantReports(report{"ada", threads.PurgeResult{Threads: 2, Deletions: 1}, nil})
		x.wantDeleted("ada", 3)
		time.Sleep(10 * day)
		x.wantReports(report{"ada", threads.PurgeResult{Threads: 3, Deletions: 1}, nil})
		time.Sleep(365 * day)
		x.wantReports() // their records went silently
		if n, err := x.Count(x.t.Context(), "ada", threads.All()); err != nil || n != (threads.Counts{Live: 1}) {
			x.t.Errorf("Count() = %+v, %v; want the live thread and nothing else", n, err)
		}
		if page, err := x.Deletions(x.t.Context(), "ada", threads.Paging{}); err != nil || len(page.Deletions) != 0 {
			x.t.Errorf("Deletions() = %d, %v; want none left", len(page.Deletions), err)
		}
	})
}

func TestRetainPurgesInBatches(t *testing.T) {
	for _, c := range []struct {
		batch, limit, threads, purges int
	}{
		{3, 3, 10, 4},
		{5, 5, 10, 2},
		{0, threads.DefaultPurgeBatch, 10, 1},
		{threads.MaxPurge, threads.MaxPurge, 10, 1},
	} {
		retain(t, threads.Retention{Keep: time.Hour, Batch: c.batch}, func(x *retained) {
			x.throwAway("ada", c.threads)
			time.Sleep(2 * time.Hour)
		}, func(x *retained) {
			x.wantReports(report{"ada", threads.PurgeResult{Threads: int64(c.threads), Deletions: 1}, nil})
			if got, want := x.store.asked().limits, slices.Repeat([]int{c.limit}, c.purges); !equal(got, want) {
				x.t.Errorf("Batch %d: purges with limits %v; want %v", c.batch, got, want)
			}
		})
	}
}

func TestRetainReachesEveryUserInOneRound(t *testing.T) {
	for _, users := range []int{1, threads.MaxPage, 2*threads.MaxPage + 1} {
		retain(t, threads.Retention{Keep: time.Hour}, func(x *retained) {
			for i := range users {
				x.throwAway(fmt.Sprintf("user%03d", i), 1)
			}
			x.throwAway("~late", 1) // after all others
			time.Sleep(2 * time.Hour)
			x.throwAway("user000~young", 1) // not due, and among them
		}, func(x *retained) {
			var want []report
			for i := range users {
				want = append(want, report{fmt.Sprintf("user%03d", i), threads.PurgeResult{Threads: 1, Deletions: 1}, nil})
			}
			want = append(want, report{"~late", threads.PurgeResult{Threads: 1, Deletions: 1}, nil})
			x.wantReports(want...)
			x.wantDeleted("user000~young", 1)
		})
	}
}

func TestRetainGoesOnAfterAUserThatFails(t *testing.T) {
	broken := errors.New("broken")
	retain(t, threads.Retention{Keep: time.Hour, Every: time.Hour, Batch: 1}, func(x *retained) {
		for _, user := range []string{"ada", "bob", "cyd"} {
			x.throwAway(user, 2)
		}
		tries := 0
		x.store.failPurge = func(user string) error {
			if user == "bob" {
				if tries++; tries%2 == 0 { // from the second batch on, each round
					return broken
				}
			}
			return nil
		}
		time.Sleep(2 * time.Hour)
	}, func(x *retained) {
		all := threads.PurgeResult{Threads: 2, Deletions: 1}
		x.wantReports(
			report{"ada", all, nil},
			report{"bob", threads.PurgeResult{Threads: 1}, broken}, // with what was removed before it failed
			report{"cyd", all, nil},
		)
		x.wantDeleted("bob", 1)
		time.Sleep(time.Hour)
		x.wantReports(report{"bob", threads.PurgeResult{Threads: 1, Deletions: 1}, nil})
		x.wantDeleted("bob", 0)
	})
}

func TestRetainTriesAgainWhenUsersCannotBeFound(t *testing.T) {
	broken := errors.New("broken")
	retain(t, threads.Retention{Keep: time.Hour}, func(x *retained) {
		x.throwAway("ada", 1)
		x.store.usersFail(broken)
		time.Sleep(2 * time.Hour)
	}, func(x *retained) {
		x.wantReports(report{"", threads.PurgeResult{}, broken})
		x.store.usersFail(nil)
		time.Sleep(time.Hour)
		x.wantReports(report{"ada", threads.PurgeResult{Threads: 1, Deletions: 1}, nil})
	})
}

func TestRetainEndsWithItsContext(t *testing.T) {
	t.Run("with the error of the context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			svc := threads.NewService(memory.New(), nil)
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
			defer cancel()
			began := time.Now()
			wantError(t, "Retain()", svc.Retain(ctx, threads.Retention{Keep: time.Hour}), context.DeadlineExceeded)
			if took := time.Since(began); took != 90*time.Minute { // of the bubble's clock
				t.Errorf("Retain() ended after %s; want when its context did", took)
			}
		})
	})
	t.Run("in the middle of a round", func(t *testing.T) {
		var x *retained
		stop := func(user string, _ threads.PurgeResult, _ error) {
			if user == "bob" {
				x.cancel()
			}
		}
		retain(t, threads.Retention{Keep: time.Hour, Report: stop}, func(r *retained) {
			x = r
			for _, user := range []string{"ada", "bob", "cyd", "dee"} {
				r.throwAway(user, 1)
			}
			time.Sleep(2 * time.Hour)
		}, func(x *retained) {
			x.wantDeleted("bob", 0)
			x.wantDeleted("cyd", 1)
			x.wantDeleted("dee", 1)
			if n := len(x.store.asked().limits); n != 2 {
				x.t.Errorf("%d purges; want 2, and none after the context is done", n)
			}
		})
	})
	t.Run("in the middle of a purge", func(t *testing.T) {
		retain(t, threads.Retention{Keep: time.Hour, Batch: 1}, func(x *retained) {
			x.throwAway("ada", 3)
			x.throwAway("bob", 3)
			x.throwAway("cyd", 3)
			ofBob := 0
			x.store.failPurge = func(user string) error {
				if user == "bob" {
					ofBob++
				}
				if ofBob < 2 {
					return nil
				}
				x.cancel()
				return context.Canceled
			}
			time.Sleep(2 * time.Hour)
		}, func(x *retained) {
			// Bob's first batch is gone, so it is reported, with what ended it.
			x.wantReports(
				report{"ada", threads.PurgeResult{Threads: 3, Deletions: 1}, nil},
				report{"bob", threads.PurgeResult{Threads: 1}, context.Canceled},
			)
			x.wantDeleted("cyd", 3)
		})
	})
	t.Run("at the first purge of a user", func(t *testing.T) {
		retain(t, threads.Retention{Keep: time.Hour}, func(x *retained) {
			x.throwAway("ada", 3)
			x.store.failPurge = func(string) error {
				x.cancel()
				return context.Canceled
			}
			time.Sleep(2 * time.Hour)
		}, func(x *retained) {
			x.wantReports() // nothing was removed and nothing failed
			x.wantDeleted("ada", 3)
		})
	})
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		reports := 0
		err := threads.NewService(memory.New(), nil).Retain(ctx, threads.Retention{
			Keep: time.Hour, Report: func(string, threads.PurgeResult, error) { reports++ },
		})
		wantError(t, "Retain()", err, context.Canceled)
		if reports != 0 {
			t.Errorf("%d reports; want none: the end of the context is no failure", reports)
		}
	})
}

func TestRetainEndsWhenItsStoreIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		svc := threads.NewService(store, nil)
		time.AfterFunc(90*time.Minute, func() { _ = store.Close() })
		began := time.Now()
		err := svc.Retain(t.Context(), threads.Retention{Keep: time.Hour})
		wantError(t, "Retain()", err, threads.ErrClosed)
		if took := time.Since(began); took != 2*time.Hour { // the first round after it
			t.Errorf("Retain() ended after %s; want with the first round that finds the store closed", took)
		}
	})
}

func TestRetainRefusesWhatWouldPurgeEverything(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	for name, c := range map[string]struct {
		r     threads.Retention
		field string
	}{
		"nothing said":       {threads.Retention{}, "keep"},
		"a negative Keep":    {threads.Retention{Keep: -time.Hour}, "keep"},
		"a negative Every":   {threads.Retention{Keep: time.Hour, Every: -1}, "every"},
		"a negative Batch":   {threads.Retention{Keep: time.Hour, Batch: -1}, "limit"},
		"a Batch over limit": {threads.Retention{Keep: time.Hour, Batch: threads.MaxPurge + 1}, "limit"},
	} {
		wantInvalid(t, "Retain() with "+name, svc.Retain(t.Context(), c.r), c.field)
	}
	// The longest Keep there is keeps everything.
	synctest.Test(t, func(t *testing.T) {
		store := &watched{Store: memory.New()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := threads.NewService(store, nil).Retain(ctx, threads.Retention{Keep: math.MaxInt64})
		wantError(t, "Retain()", err, context.DeadlineExceeded)
		if asked := store.asked(); len(asked.before) != 1 || asked.before[0].Year() > 1750 {
			t.Errorf("Retain() asked for what was deleted before %v; want 292 years ago", asked.before)
		}
	})
}
