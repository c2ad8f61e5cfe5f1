package lab

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// The size of a concurrent history: small, for many small ones meet more than
// a few large ones, and what is possible grows fast with what overlaps.
const (
	linearUsers   = 2
	linearWorkers = 4 // of each user
	linearCalls   = 9 // of each worker
)

// mishap is what is done to a call on its way.
type mishap int

const (
	sound     mishap = iota
	counted          // its context is cancelled at a certain look
	cancelled        // its context is cancelled by another goroutine
	lost             // it never arrives, and its caller hears nothing
	mute             // it arrives, and its caller hears nothing
	late             // so, and it arrives when the caller has gone on
)

// turn is a call of a worker, and what is done to it.
type turn struct {
	call
	mishap  mishap
	delay   int  // for the mishap: looks, or turns of other goroutines
	abreast bool // it begins when all workers of the user are there
}

// unknown is what a caller knows who hears nothing.
var unknown = answer{class: classOf(threads.ErrUnknownOutcome)}

// newTurns makes up what a worker does. The names are few, so that workers
// meet one another's threads and deletions.
func newTurns(seed uint64, user string, worker int) []turn {
	r := rand.New(rand.NewPCG(seed, uint64(worker)))
	of := func(list ...string) string { return list[r.IntN(len(list))] }
	scope := func() threads.Scope {
		return []threads.Scope{threads.All(), threads.All(), threads.Personal(), threads.InOrganization("org_a")}[r.IntN(4)]
	}
	turns := make([]turn, linearCalls)
	for i := range turns {
		c := call{
			user: user, id: of("t1", "t2", "t3", "t4"), before: at(r.IntN(12)), now: at(r.IntN(12)), limit: 1 + r.IntN(4),
			query:    threads.Query{Scope: scope(), State: threads.State(r.IntN(3)), Order: threads.Order(r.IntN(2))},
			deletion: threads.Deletion{ID: fmt.Sprintf("d%d.%d", worker, i), User: user, Scope: scope(), DeletedAt: at(r.IntN(12))},
		}
		c.thread = threads.Thread{
			ID: c.id, User: user, Organization: of("", "org_a"), Title: fmt.Sprintf("of %d.%d", worker, i), Metadata: map[string]string{},
			CreatedAt: at(r.IntN(3)), UpdatedAt: at(i), LastActivityAt: at(i), Version: 1,
		}
		deletion := fmt.Sprintf("d%d.%d", r.IntN(linearWorkers), max(0, i-r.IntN(3)))
		switch n := r.IntN(100); {
		case n < 24:
			c.method = create
		case n < 34:
			c.method = get
		case n < 42:
			c.method, c.thread.Version = update, 1+int64(r.IntN(2))
		case n < 52:
			c.method = list
		case n < 56:
			c.method = count
		case n < 64:
			c.method = deleteOne
		case n < 78:
			c.method, c.deletion.Key = softDeleteAll, of("", "", "", "k1", "k2")
		case n < 86:
			c.method, c.id = restore, deletion
		case n < 90:
			c.method = restoreThread
		case n < 92:
			c.method, c.id = getDeletion, deletion
		case n < 95:
			c.method = listDeletions
		default:
			c.method = purge
		}
		s := turn{call: c, delay: r.IntN(6), abreast: seed%2 == 0}
		switch n := r.IntN(100); {
		case n < 10:
			s.mishap = counted
		case n < 20:
			s.mishap = cancelled
		case n < 22 && c.changes():
			s.mishap = lost + mishap(r.IntN(3))
		}
		turns[i] = s
	}
	return turns
}

// changes reports whether the call can change anything.
func (c call) changes() bool {
	return !slices.Contains([]string{get, list, count, getDeletion, listDeletions, previewPurge}, c.method)
}

// newModel is a user, alone, as porcupine wants it.
func newModel() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			by := map[string][]porcupine.Operation{}
			for _, o := range history {
				user := o.Input.(call).user
				by[user] = append(by[user], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range by {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() []any { return []any{held{}} },
		Step: func(state, input, output any) (next []any) {
			h, c, got := state.(held), input.(call), output.(answer)
			switch got.class {
			case context.Canceled.Error(): // nothing was changed; a Purge here is one batch
				if got.equal(answer{class: got.class}) {
					return []any{h}
				}
				return nil
			case unknown.class: // now, or never
				next = []any{h}
			}
			for _, way := range h.outcomes(c) {
				if got.class == unknown.class || way.answer.equal(got) {
					next = append(next, way.held)
				}
			}
			return next
		},
		Equal:             func(a, b any) bool { return a.(held).equal(b.(held)) },
		DescribeOperation: func(input, output any) string { return fmt.Sprint(input.(call), " → ", output.(answer)) },
		DescribeState:     func(state any) string { return state.(held).String() },
	}
	return m.ToModel()
}

// recorder writes down what calls returned, and when they began and ended on a
// clock that counts both.
type recorder struct {
	clock   atomic.Int64
	mu      sync.Mutex
	history []porcupine.Operation
	behind  sync.WaitGroup // calls that are late
}

// play makes a call, with what is done to it, and writes it down.
func (r *recorder) play(ctx context.Context, s threads.Store, worker int, st turn) {
	began, ended := r.clock.Add(1), int64(math.MaxInt64)
	got := unknown
	switch st.mishap {
	case sound:
		got = st.call.play(ctx, s)
	case counted:
		c := newCountdown(ctx, st.delay)
		got = st.call.play(c, s)
		c.cancel()
	case cancelled:
		c, cancel := context.WithCancel(ctx)
		r.behind.Go(func() {
			yieldTurns(st.delay)
			cancel()
		})
		got = st.call.play(c, s)
	case lost:
	case mute:
		st.call.play(ctx, s)
	case late:
		r.behind.Go(func() {
			yieldTurns(st.delay)
			st.call.play(ctx, s)
		})
	}
	if got.class != unknown.class {
		ended = r.clock.Add(1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{ClientId: worker, Input: st.call, Call: began, Output: got, Return: ended})
}

func yieldTurns(n int) {
	for range n {
		runtime.Gosched()
	}
}

// playTogether plays what the seed says and looks at everything in the end.
// The workers share the stores, which are the same one, or over one file.
func playTogether(ctx context.Context, seed uint64, stores ...threads.Store) []porcupine.Operation {
	var r recorder
	var workers sync.WaitGroup
	for u := range linearUsers {
		user := fmt.Sprintf("u%d of %d", u, seed)
		var gates [linearCalls]sync.WaitGroup
		for i := range gates {
			gates[i].Add(linearWorkers)
		}
		for w := range linearWorkers {
			workers.Go(func() {
				for i, st := range newTurns(seed*linearUsers+uint64(u), user, w) {
					gates[i].Done()
					if st.abreast {
						gates[i].Wait()
					}
					r.play(ctx, stores[w%len(stores)], u*linearWorkers+w, st)
				}
			})
		}
	}
	workers.Wait()
	r.behind.Wait()
	for u := range linearUsers {
		user := fmt.Sprintf("u%d of %d", u, seed)
		all := threads.Query{Scope: threads.All(), State: threads.Both}
		for _, method := range []string{list, listDeletions, count} {
			r.play(ctx, stores[0], u*linearWorkers, turn{call: call{method: method, user: user, query: all, limit: threads.MaxPage}})
		}
	}
	return r.history
}

// tally counts what was in a history.
func tally(history []porcupine.Operation, outcomes map[string]int) {
	for i, o := range history {
		class := o.Output.(answer).class
		switch {
		case class == unknown.class:
			outcomes["answer lost"]++
		case class == context.Canceled.Error():
			outcomes["cancelled"]++
		case class != "":
			outcomes["refused"]++
		default:
			outcomes["answered"]++
		}
		for _, other := range history[:i] {
			if o.Input.(call).user == other.Input.(call).user && o.Call < other.Return && other.Call < o.Return {
				outcomes["pairs of calls at once"]++
			}
		}
	}
}

// linearizable plays a history and says what is wrong with it, if anything.
func linearizable(t *testing.T, seed uint64, outcomes map[string]int, stores ...threads.Store) bool {
	t.Helper()
	history := playTogether(t.Context(), seed, stores...)
	tally(history, outcomes)
	result, info := porcupine.CheckOperationsVerbose(newModel(), history, 0)
	if result == porcupine.Ok {
		return true
	}
	picture, err := os.CreateTemp("", "skein-history-*.html") //nolint:usetesting // it is for people, after the test
	require.NoError(t, err)
	defer func() { require.NoError(t, picture.Close()) }()
	require.NoError(t, porcupine.Visualize(newModel(), info, picture))
	t.Errorf("history %d is not linearizable; see %s\n%s plays its calls again", seed, picture.Name(), again(t, seed))
	return false
}

// sqlitePair is two stores over one file, as two processes have them.
func sqlitePair(t *testing.T) []threads.Store {
	t.Helper()
	dir := t.TempDir()
	return []threads.Store{sqliteKind.openIn(t, dir), sqliteKind.openIn(t, dir)}
}

// TestConcurrentHistoriesAreLinearizable records what concurrent calls return,
// some of them cancelled and some unheard, and looks for an order of them that
// explains every answer.
func TestConcurrentHistoriesAreLinearizable(t *testing.T) {
	for _, c := range []struct {
		name        string
		open        func(t *testing.T) []threads.Store
		short, most int
	}{
		{"memory", func(t *testing.T) []threads.Store { t.Helper(); return []threads.Store{memoryKind.openIn(t, "")} }, 1_500, 50_000},
		{"bolt", func(t *testing.T) []threads.Store {
			t.Helper()
			return []threads.Store{boltKind.openIn(t, t.TempDir())}
		}, 400, 20_000},
		{"sqlite", func(t *testing.T) []threads.Store {
			t.Helper()
			return []threads.Store{sqliteKind.openIn(t, t.TempDir())}
		}, 120, 10_000},
		{"sqlite twice over one file", sqlitePair, 60, 5_000},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			stores, outcomes, runs := c.open(t), map[string]int{}, 0
			for _, seed := range seeds(t, c.short, c.most) {
				runs++
				if !linearizable(t, seed, outcomes, stores...) {
					return
				}
			}
			for _, what := range []string{"answer lost", "cancelled", "refused", "answered", "pairs of calls at once"} {
				if outcomes[what] == 0 && runs > 1 {
					t.Errorf("%d histories have no %q; want some", runs, what)
				}
			}
			record(t, results.Result{Fault: "concurrent calls, cancelled and unheard" + kind{name: c.name}.options(), Store: kind{name: c.name}.engine(), Runs: runs, Outcomes: outcomes})
		})
	}
}

// The stores below break the rule. Each must be found out, or the search would
// find nothing.

// countsFirst says how many threads there were before it deletes them.
type countsFirst struct{ threads.Store }

func (s countsFirst) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	n, err := s.Count(ctx, user, d.Scope)
	if err != nil {
		return threads.Deletion{}, err
	}
	yieldTurns(3)
	done, err := s.Store.SoftDeleteAll(ctx, user, d)
	if done.ID == d.ID {
		done.Count, done.Held = n.Live, n.Live
	}
	return done, err
}

// remembers answers every second Get of a thread with what the last one found.
type remembers struct {
	threads.Store
	mu   sync.Mutex
	last map[string]threads.Thread
}

func (s *remembers) Get(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
	key := fmt.Sprint(user, "/", id, "/", state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.last[key]; ok {
		delete(s.last, key)
		return t, nil
	}
	t, err := s.Store.Get(ctx, user, id, state)
	if err == nil {
		s.last[key] = t
	}
	return t, err
}

// updatesBlindly looks at the version before the update and not in it.
type updatesBlindly struct{ threads.Store }

func (s updatesBlindly) Update(ctx context.Context, user string, t threads.Thread) error {
	now, err := s.Get(ctx, user, t.ID, threads.Live)
	if err == nil && now.Version != t.Version {
		err = threads.ErrVersionMismatch
	}
	if err != nil {
		return err
	}
	for err = threads.ErrVersionMismatch; classOf(err) == classOf(threads.ErrVersionMismatch); t.Version++ {
		yieldTurns(3)
		err = s.Store.Update(ctx, user, t)
	}
	return err
}

// restoresOneByOne restores a deletion, but its threads not at once.
type restoresOneByOne struct{ threads.Store }

func (s restoresOneByOne) Restore(ctx context.Context, user, id string, at time.Time) (int64, error) {
	q := threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: id}
	in, err := s.List(ctx, user, q, threads.Cursor{}, threads.MaxPage)
	if err != nil {
		return 0, err
	}
	for _, t := range in {
		if _, err := s.RestoreThread(ctx, user, t.ID); err != nil {
			return 0, err
		}
		yieldTurns(3)
	}
	n, err := s.Store.Restore(ctx, user, id, at)
	return n + int64(len(in)), err
}

// heedsTooLate gives up on a call whose context ended while it was made, and
// says that nothing happened.
type heedsTooLate struct{ threads.Store }

func (s heedsTooLate) Create(ctx context.Context, user string, t threads.Thread) error {
	err := s.Store.Create(ctx, user, t)
	if err == nil {
		yieldTurns(3)
		err = ctx.Err()
	}
	return err
}

// TestStoresThatRaceAreFoundOut is the control of the test above.
func TestStoresThatRaceAreFoundOut(t *testing.T) {
	const most = 2_000 // of which the first few suffice
	controls := map[string]int{}
	for name, racy := range map[string]func(threads.Store) threads.Store{
		"counts before it deletes":          func(s threads.Store) threads.Store { return countsFirst{s} },
		"answers from an old copy":          func(s threads.Store) threads.Store { return &remembers{Store: s, last: map[string]threads.Thread{}} },
		"compares outside of its update":    func(s threads.Store) threads.Store { return updatesBlindly{s} },
		"restores one thread after another": func(s threads.Store) threads.Store { return restoresOneByOne{s} },
		"cancels what has happened":         func(s threads.Store) threads.Store { return heedsTooLate{s} },
	} {
		store := racy(memory.New())
		found := uint64(0)
		for seed := uint64(1); seed <= most && found == 0; seed++ {
			if !porcupine.CheckOperations(newModel(), playTogether(t.Context(), seed, store)) {
				found = seed
			}
		}
		if found == 0 {
			t.Errorf("of a store that %s, %d histories are all linearizable; want one that is not", name, most)
		}
		controls["not linearizable: "+name] = 1
		t.Logf("a store that %s was found out by history %d", name, found)
		require.NoError(t, store.Close())
	}
	record(t, results.Result{Fault: "stores that race on purpose", Store: "memory", Runs: len(controls), Controls: controls})
}
