package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/threads"
)

// The size of a soak. What a user may have is bounded, so that what the file
// and the memory take must level off.
const (
	soakUsers   = 8
	soakLive    = 200 // a user who has more deletes all
	soakDeleted = 600 // a user who has more purges
)

// soakWork is what a soaker is to do.
type soakWork struct {
	Kind, Dir string
	Seed      uint64
}

// soaker is a process in which every user makes random calls until it is
// killed. Before each call it says which counts of the user there may be from
// then on, and after it which there are.
func soaker(ctx context.Context, decode func(any) error) error {
	var w soakWork
	if err := decode(&w); err != nil {
		return err
	}
	store, err := kindNamed(w.Kind).open(ctx, w.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	svc := threads.NewService(store, nil)
	var say sync.Mutex
	errs := make(chan error, soakUsers)
	for u := range soakUsers {
		go func() {
			s := soak{svc: svc, user: fmt.Sprint("user-", u), r: rand.New(rand.NewPCG(w.Seed, uint64(u))), say: func(format string, args ...any) {
				say.Lock()
				defer say.Unlock()
				fmt.Printf(format+"\n", args...)
			}}
			errs <- s.run(ctx)
		}()
	}
	return <-errs // it ends by being killed
}

// soak is one user of a soak.
type soak struct {
	svc  *threads.Service
	user string
	r    *rand.Rand
	say  func(format string, args ...any)
	last threads.Deletion // the last that can be undone
}

func (s *soak) run(ctx context.Context) error {
	for {
		n, err := s.svc.Count(ctx, s.user, threads.All())
		if err != nil {
			return err
		}
		if err := s.step(ctx, n); err != nil {
			return fmt.Errorf("%s: %w", s.user, err)
		}
	}
}

// try says between which counts those of the user may be until done says that
// the later are there.
func (s *soak) try(before, after threads.Counts) {
	s.say("try %s %d %d %d %d", s.user, before.Live, before.Deleted, after.Live, after.Deleted)
}

func (s *soak) done(n threads.Counts) { s.say("done %s %d %d", s.user, n.Live, n.Deleted) }

// step makes one call.
func (s *soak) step(ctx context.Context, n threads.Counts) error {
	next := n
	switch choice := s.r.IntN(100); {
	case n.Deleted > soakDeleted:
		next.Deleted = 0
		s.try(n, next)
		for more := true; more; {
			r, err := s.svc.Purge(ctx, s.user, time.Now().Add(time.Hour), threads.MaxPurge)
			if err != nil {
				return err
			}
			more = r.More
		}
		s.last = threads.Deletion{}
	case n.Live > soakLive, choice < 2:
		next = threads.Counts{Deleted: n.Live + n.Deleted}
		s.try(n, next)
		d, err := s.svc.SoftDeleteAll(ctx, s.user, threads.All(), threads.WithIdempotencyKey(fmt.Sprint("key-", s.r.Uint64())))
		if err != nil {
			return err
		}
		if d.Count != n.Live {
			s.say("WRONG: SoftDeleteAll(%s) = %d; want %d", s.user, d.Count, n.Live)
		}
		s.last = d
	case choice < 4 && s.last.Count > 0:
		next = threads.Counts{Live: n.Live + s.last.Count, Deleted: n.Deleted - s.last.Count}
		s.try(n, next)
		restored, err := s.svc.Restore(ctx, s.user, s.last.ID)
		if err != nil {
			return err
		}
		if restored != s.last.Count {
			s.say("WRONG: Restore(%s) = %d; want %d", s.user, restored, s.last.Count)
		}
		s.last = threads.Deletion{}
	case choice < 30:
		page, err := s.svc.List(ctx, s.user, threads.Query{Scope: threads.All()}, threads.Paging{Limit: threads.MaxPage})
		if err != nil {
			return err
		}
		if want := min(n.Live, threads.MaxPage); int64(len(page.Threads)) != want {
			s.say("WRONG: List(%s) = %d threads; want %d", s.user, len(page.Threads), want)
		}
		return nil
	default:
		next.Live++
		s.try(n, next)
		draft := threads.Draft{Title: "a skein", Metadata: map[string]string{"topic": strings.Repeat("wool ", s.r.IntN(40))}}
		if s.r.IntN(2) == 0 {
			draft.Organization = fmt.Sprint("org_", s.r.IntN(3))
		}
		if _, err := s.svc.Create(ctx, s.user, draft); err != nil {
			return err
		}
	}
	s.done(next)
	return nil
}

// bounds are what a user's counts may be.
type bounds struct{ from, to threads.Counts }

func (b bounds) hold(n threads.Counts) bool {
	in := func(n, a, b int64) bool { return n >= min(a, b) && n <= max(a, b) }
	// All calls but a purge are atomic: the counts are the one or the other.
	if b.from.Live != b.to.Live || b.to.Deleted != 0 {
		return n == b.from || n == b.to
	}
	return n.Live == b.from.Live && in(n.Deleted, b.from.Deleted, b.to.Deleted)
}

// hear enters what a soaker said of a user.
func hear(known map[string]bounds, line string) (wrong string) {
	word, rest, _ := strings.Cut(line, " ")
	var user string
	var from, to threads.Counts
	switch word {
	case "try":
		if n, _ := fmt.Sscan(rest, &user, &from.Live, &from.Deleted, &to.Live, &to.Deleted); n == 5 { // or the kill cut it short: it was not begun
			if b, ok := known[user]; ok && !b.hold(from) {
				return fmt.Sprintf("%s has %+v; want %+v or %+v", user, from, b.from, b.to)
			}
			known[user] = bounds{from, to}
		}
	case "done":
		if n, _ := fmt.Sscan(rest, &user, &to.Live, &to.Deleted); n == 3 {
			known[user] = bounds{to, to}
		}
	default:
		return line
	}
	return ""
}

// TestSoak has a process make mixed calls for half an hour for each store (in
// the short form for seconds), and kills it again and again. Each time all counts
// are those that were acknowledged, and Check passes. What the file takes, and
// what the memory of a process takes before it is killed, level off: the last
// third takes no more than the second did, but for a quarter.
func TestSoak(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			whole, life := 12*time.Second, 2*time.Second
			if long() {
				whole, life = time.Hour/time.Duration(len(fileKinds)), time.Minute
			}
			r := results.Result{Fault: fmt.Sprintf("%v of mixed load with kills", whole), Store: k.name, Outcomes: map[string]int{}}
			random := rand.New(rand.NewPCG(seed(t), 7))
			dir := t.TempDir()
			known := map[string]bounds{}
			var files, memories []int64
			for began := time.Now(); time.Since(began) < whole; r.Runs++ {
				memory, calls := oneLife(t, k, soakWork{k.name, dir, random.Uint64()}, life/2+time.Duration(random.Int64N(int64(life))), known)
				r.Outcomes["calls"] += calls
				memories = append(memories, memory)
				store, err := k.open(t.Context(), dir)
				require.NoError(t, err)
				require.NoError(t, checked(t.Context(), store))
				for user, b := range known {
					n, err := store.Count(t.Context(), user, threads.All())
					require.NoError(t, err)
					require.Truef(t, b.hold(n), "after a kill %s has %+v; want %+v or %+v", user, n, b.from, b.to)
					known[user] = bounds{n, n}
				}
				require.NoError(t, store.Close())
				r.Outcomes["all that was acknowledged is there, Check passes"]++
				info, err := os.Stat(filepath.Join(dir, k.file))
				require.NoError(t, err)
				files = append(files, info.Size())
			}
			t.Logf("file %v bytes, memory %v KiB", files, memories)
			if long() {
				requireLevel(t, "the file", files)
				requireLevel(t, "the memory", memories)
				r.Outcomes["KiB of the file at the end"] = int(files[len(files)-1] >> 10)
				r.Outcomes["MiB of memory at the end"] = int(memories[len(memories)-1] >> 10)
			}
			record(t, r)
		})
	}
}

// requireLevel holds the last third of some sizes to the second.
func requireLevel(t *testing.T, what string, sizes []int64) {
	t.Helper()
	third := len(sizes) / 3
	require.Positive(t, third)
	second, last := slices.Max(sizes[third:2*third]), slices.Max(sizes[2*third:])
	require.LessOrEqual(t, last, second+second/4, "%s grows: %v", what, sizes)
}

// oneLife runs a soaker until it is killed, and returns how much memory it took
// in KiB and how many calls it acknowledged.
func oneLife(t *testing.T, k kind, w soakWork, life time.Duration, known map[string]bounds) (memory int64, calls int) {
	t.Helper()
	p := role.Start(t, "soaker", w)
	acted := map[string]bool{}
	killed := make(chan error, 1)
	go func() {
		time.Sleep(life)
		memory = residentKiB(p.Process.Pid)
		killed <- p.Process.Kill()
	}()
	for line := p.Line(); line != ""; line = p.Line() {
		if wrong := hear(known, line); wrong != "" {
			t.Errorf("%s: %s", k.name, wrong)
		}
		if rest, ok := strings.CutPrefix(line, "done "); ok {
			user, _, _ := strings.Cut(rest, " ")
			acted[user] = true
			calls++
		}
	}
	_, err := p.Finish()
	require.Error(t, err, "it ends by being killed")
	if err := <-killed; err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	require.Contains(t, err.Error(), "signal: killed", "and by nothing else")
	require.Len(t, acted, soakUsers, "every user got on")
	require.Positive(t, memory)
	return memory, calls
}

// residentKiB is how much memory a process has, as Linux counts it.
func residentKiB(pid int) (n int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	_, _ = fmt.Sscan(after, &n)
	return n
}
