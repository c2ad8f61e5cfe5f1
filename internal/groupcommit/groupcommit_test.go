package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/groupcommit"
)

// log is an engine that keeps a list of lines. Commits wait for the gate, if
// there is one.
type log struct {
	gate      chan struct{}
	committed []string
	commits   int
	rollbacks int
	failNext  error
	room      int // the most lines; 0: any number
	tooLarge  int // commits that had no room
	beginErr  error
}

type tx struct{ lines []string }

func (l *log) Begin() (*tx, error) { return &tx{}, l.beginErr }

func (l *log) Commit(t *tx) (err error, apart bool) {
	if l.gate != nil {
		<-l.gate
	}
	if err := l.failNext; err != nil {
		l.failNext = nil
		return err, false
	}
	if l.room > 0 && len(l.committed)+len(t.lines) > l.room {
		l.tooLarge++
		return errNoRoom, true
	}
	l.commits++
	l.committed = append(l.committed, t.lines...)
	return nil, false
}

var errNoRoom = errors.New("no room")

func (l *log) Rollback(*tx) { l.rollbacks++ }

// Isolate reports an operation broken if it failed after it had written.
func (l *log) Isolate(t *tx, op func(*tx) error) (error, bool) {
	before := len(t.lines)
	err := op(t)
	return err, err != nil && len(t.lines) != before
}

func write(line string) func(*tx) error {
	return func(t *tx) error {
		t.lines = append(t.lines, line)
		return nil
	}
}

func TestLoneCallerCommitsAtOnce(t *testing.T) {
	l := &log{}
	g := groupcommit.New[*tx](l, 10)
	for i := range 3 {
		require.NoError(t, g.Do(t.Context(), write(fmt.Sprint(i))))
		assert.Equal(t, i+1, l.commits, "a lone caller has a commit of its own, and does not wait")
	}
	assert.Equal(t, []string{"0", "1", "2"}, l.committed)
}

// inFlight starts a commit that waits at the gate, and others behind it.
func inFlight(t *testing.T, g *groupcommit.Group[*tx], others ...func() error) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { assert.NoError(t, g.Do(t.Context(), write("first"))) })
	synctest.Wait()
	for _, f := range others {
		wg.Go(func() { _ = f() })
		synctest.Wait() // so that they arrive in order
	}
	return &wg
}

func TestThoseWhoArriveDuringACommitShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 100)
		var others []func() error
		for i := range 10 {
			others = append(others, func() error { return g.Do(t.Context(), write(fmt.Sprint(i))) })
		}
		wg := inFlight(t, g, others...)
		close(l.gate)
		wg.Wait()
		assert.Equal(t, 2, l.commits, "one commit for the first, one for the ten that came meanwhile")
		assert.Equal(t, []string{"first", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, l.committed, "in the order they came")
	})
}

func TestACommitHoldsAtMostSoMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 4)
		var others []func() error
		for i := range 10 {
			others = append(others, func() error { return g.Do(t.Context(), write(fmt.Sprint(i))) })
		}
		wg := inFlight(t, g, others...)
		close(l.gate)
		wg.Wait()
		assert.Equal(t, 1+3, l.commits, "4 + 4 + 2")
		assert.Len(t, l.committed, 11)
	})
}

func TestOneFailureTouchesNobodyElse(t *testing.T) {
	refused := errors.New("refused")
	for name, bad := range map[string]func(*tx) error{
		"before it wrote": func(*tx) error { return refused },
		"after it wrote": func(t *tx) error {
			t.lines = append(t.lines, "half")
			return refused
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &log{gate: make(chan struct{})}
				g := groupcommit.New[*tx](l, 100)
				var errs [3]error
				wg := inFlight(t, g,
					func() error { errs[0] = g.Do(t.Context(), write("a")); return nil },
					func() error { errs[1] = g.Do(t.Context(), bad); return nil },
					func() error { errs[2] = g.Do(t.Context(), write("b")); return nil },
				)
				close(l.gate)
				wg.Wait()
				require.NoError(t, errs[0])
				require.ErrorIs(t, errs[1], refused)
				require.NoError(t, errs[2])
				assert.Equal(t, []string{"first", "a", "b"}, l.committed)
			})
		})
	}
}

func TestACancelledWaiterIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 100)
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan error, 1)
		wg := inFlight(t, g,
			func() error { cancelled <- g.Do(ctx, write("gone")); return nil },
			func() error { return g.Do(t.Context(), write("stays")) },
		)
		cancel()
		require.ErrorIs(t, <-cancelled, context.Canceled, "while the commit before it is still under way")
		close(l.gate)
		wg.Wait()
		assert.Equal(t, []string{"first", "stays"}, l.committed)
	})
}

func TestADoneContextRunsNothing(t *testing.T) {
	l := &log{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, groupcommit.New[*tx](l, 1).Do(ctx, write("x")), context.Canceled)
	assert.Empty(t, l.committed)
}

func TestACommitErrorReachesAllOfItsBatchAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("full")
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 2)
		var errs [4]error
		var others []func() error
		for i := range errs {
			others = append(others, func() error { errs[i] = g.Do(t.Context(), write(fmt.Sprint(i))); return nil })
		}
		wg := inFlight(t, g, others...)
		l.gate <- struct{}{} // the first is through
		synctest.Wait()
		l.failNext = full // the next batch, of two, waits at the gate
		close(l.gate)
		wg.Wait()
		assert.ErrorIs(t, errs[0], full)
		assert.ErrorIs(t, errs[1], full)
		assert.NoError(t, errs[2])
		assert.NoError(t, errs[3])
		assert.Equal(t, []string{"first", "2", "3"}, l.committed)
	})
}

func TestABatchOfFailuresIsNotCommitted(t *testing.T) {
	l := &log{}
	refused := errors.New("refused")
	require.ErrorIs(t, groupcommit.New[*tx](l, 1).Do(t.Context(), func(*tx) error { return refused }), refused)
	assert.Equal(t, 0, l.commits)
	assert.Equal(t, 1, l.rollbacks)
}

func TestABeginErrorReachesTheCaller(t *testing.T) {
	closed := errors.New("closed")
	l := &log{beginErr: closed}
	g := groupcommit.New[*tx](l, 1)
	require.ErrorIs(t, g.Do(t.Context(), write("x")), closed)
	l.beginErr = nil
	require.NoError(t, g.Do(t.Context(), write("y")), "and the group goes on")
}

func TestManyWritersLoseNothing(t *testing.T) {
	l := &log{}
	g := groupcommit.New[*tx](l, 8)
	const writers, each = 16, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				line := fmt.Sprintf("%d/%d", w, i)
				if i%7 == 3 {
					go cancel() // sometimes in time, sometimes not
				}
				err := g.Do(ctx, write(line))
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Do = %v", err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, line := range l.committed {
		assert.False(t, seen[line], "%s was written twice", line)
		seen[line] = true
	}
	for w := range writers {
		for i := range each {
			if i%7 != 3 {
				assert.True(t, seen[fmt.Sprintf("%d/%d", w, i)], "a write that returned nil is missing")
			}
		}
	}
}

func TestThoseWhoHaveNoRoomTogetherAreTriedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{}), room: 3}
		g := groupcommit.New[*tx](l, 100)
		var errs [4]error
		var others []func() error
		for i := range errs {
			others = append(others, func() error { errs[i] = g.Do(t.Context(), write(fmt.Sprint(i))); return nil })
		}
		wg := inFlight(t, g, others...)
		close(l.gate)
		wg.Wait()
		assert.Equal(t, []string{"first", "0", "1"}, l.committed, "as many as there is room for")
		assert.NoError(t, errs[0])
		assert.NoError(t, errs[1])
		require.ErrorIs(t, errs[2], errNoRoom)
		require.ErrorIs(t, errs[3], errNoRoom)
		assert.Equal(t, 1+2, l.tooLarge, "all four together, and two alone")
	})
}

func TestWhatRunsAloneTakesTurnsWithTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 2)
		alone := func(line string) func() error {
			return func() error { return g.DoAlone(t.Context(), write(line)) }
		}
		shared := func(line string) func() error {
			return func() error { return g.Do(t.Context(), write(line)) }
		}
		wg := inFlight(t, g, alone("A"), alone("B"), shared("1"), alone("C"), shared("2"), shared("3"))
		close(l.gate)
		wg.Wait()
		assert.Equal(t, []string{"first", "A", "1", "2", "B", "3", "C"}, l.committed)
		assert.Equal(t, 1+5, l.commits, "A, B and C have a commit each; 1 and 2 share one")
	})
}

func TestALoneCallThatRunsAloneCommitsAtOnce(t *testing.T) {
	l := &log{}
	g := groupcommit.New[*tx](l, 10)
	require.NoError(t, g.DoAlone(t.Context(), write("a")))
	require.NoError(t, g.Do(t.Context(), write("b")))
	assert.Equal(t, 2, l.commits)
}

// Any number of operations that break their transaction cost their neighbours
// one more run.
func TestNeighboursOfManyThatBreakRunTwiceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{gate: make(chan struct{})}
		g := groupcommit.New[*tx](l, 100)
		runs := make([]int, 20)
		var others []func() error
		for i := range runs {
			others = append(others, func() error {
				return g.Do(t.Context(), func(tx *tx) error {
					runs[i]++
					tx.lines = append(tx.lines, fmt.Sprint(i))
					if i%2 == 1 {
						return errNoRoom
					}
					return nil
				})
			})
		}
		wg := inFlight(t, g, others...)
		close(l.gate)
		wg.Wait()
		assert.Len(t, l.committed, 1+len(runs)/2)
		for i, n := range runs {
			assert.LessOrEqual(t, n, 2-i%2, "runs of %d", i)
		}
	})
}
