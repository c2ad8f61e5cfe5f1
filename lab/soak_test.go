package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
// then on, and after it which there are; and now and then, how many goroutines
// there are.
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
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	errs := make(chan error, soakUsers)
	for u := range soakUsers {
		go func() {
			s := soak{svc: svc, user: fmt.Sprint("user-", u), r: rand.New(rand.NewPCG(w.Seed, uint64(u))), say: say}
			errs <- s.run(ctx)
		}()
	}
	for tick := time.Tick(soakLook); ; {
		select {
		case <-tick:
			say("goroutines %d", runtime.NumGoroutine())
		case err := <-errs:
			return err // it ends by being killed
		}
	}
}

// soak is one user of a soak.
type soak struct {
	svc  *threads.Service
	user string
	r    *rand.Rand
	say  func(format string, args ...any)
	live []threads.Thread // some that are live, as they were last seen
	gone []threads.Thread // some that were deleted one by one
	last threads.Deletion // the last of all that can be undone
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
	call := s.create
	switch choice := s.r.IntN(100); {
	case n.Deleted > soakDeleted:
		next.Deleted, call = 0, s.purge
	case n.Live > soakLive, choice < 2:
		next.Live, next.Deleted, call = 0, n.Live+n.Deleted, s.deleteAll
	case choice < 4 && s.last.Count > 0:
		next.Live, next.Deleted, call = n.Live+s.last.Count, n.Deleted-s.last.Count, s.restore
	case choice < 15:
		call = s.list
	case choice < 30 && len(s.live) > 0:
		call = s.get
	case choice < 45 && len(s.live) > 0:
		call = s.update
	case choice < 55 && len(s.live) > 0:
		next.Live, next.Deleted, call = n.Live-1, n.Deleted+1, s.deleteOne
	case choice < 60 && len(s.gone) > 0:
		next.Live, next.Deleted, call = n.Live+1, n.Deleted-1, s.restoreOne
	default:
		next.Live++
	}
	s.try(n, next)
	if err := call(ctx, n); err != nil {
		return err
	}
	s.done(next)
	return nil
}

// want says what is wrong, if anything is.
func (s *soak) want(ok bool, call string, got, want any) {
	if !ok {
		s.say("WRONG: %s(%s) = %+v; want %+v", call, s.user, got, want)
	}
}

func (s *soak) create(ctx context.Context, _ threads.Counts) error {
	draft := threads.Draft{Title: "a skein", Metadata: map[string]string{"topic": strings.Repeat("wool ", s.r.IntN(40))}}
	if s.r.IntN(2) == 0 {
		draft.Organization = fmt.Sprint("org_", s.r.IntN(3))
	}
	t, err := s.svc.Create(ctx, s.user, draft)
	if err == nil && len(s.live) < soakLive {
		s.live = append(s.live, t)
	}
	return err
}

func (s *soak) list(ctx context.Context, n threads.Counts) error {
	page, err := s.svc.List(ctx, s.user, threads.Query{Scope: threads.All()}, threads.Paging{Limit: threads.MaxPage})
	if err == nil {
		s.want(int64(len(page.Threads)) == min(n.Live, threads.MaxPage), "List", len(page.Threads), min(n.Live, threads.MaxPage))
		s.live = page.Threads
	}
	return err
}

func (s *soak) get(ctx context.Context, _ threads.Counts) error {
	want := s.live[s.r.IntN(len(s.live))]
	t, err := s.svc.Get(ctx, s.user, want.ID, threads.Live)
	if err == nil {
		s.want(reflect.DeepEqual(t, want), "Get", t, want)
	}
	return err
}

func (s *soak) update(ctx context.Context, _ threads.Counts) error {
	i := s.r.IntN(len(s.live))
	title := fmt.Sprint("a skein of ", s.r.Uint64())
	t, err := s.svc.Update(ctx, s.user, s.live[i].ID, s.live[i].Version, threads.Patch{Title: &title})
	if err == nil {
		s.want(t.Title == title && t.Version == s.live[i].Version+1, "Update", t, title)
		s.live[i] = t
	}
	return err
}

func (s *soak) deleteOne(ctx context.Context, _ threads.Counts) error {
	i := s.r.IntN(len(s.live))
	t := s.live[i]
	_, err := s.svc.Delete(ctx, s.user, t.ID)
	if err == nil {
		s.live, s.gone = slices.Delete(s.live, i, i+1), append(s.gone, t)
	}
	return err
}

func (s *soak) restoreOne(ctx context.Context, _ threads.Counts) error {
	i := s.r.IntN(len(s.gone))
	want := s.gone[i]
	t, err := s.svc.RestoreThread(ctx, s.user, want.ID)
	if err == nil {
		s.want(reflect.DeepEqual(t, want), "RestoreThread", t, want)
		s.live, s.gone = append(s.live, t), slices.Delete(s.gone, i, i+1)
	}
	return err
}

func (s *soak) deleteAll(ctx context.Context, n threads.Counts) error {
	d, err := s.svc.SoftDeleteAll(ctx, s.user, threads.All(), threads.WithIdempotencyKey(fmt.Sprint("key-", s.r.Uint64())))
	if err == nil {
		s.want(d.Count == n.Live, "SoftDeleteAll", d.Count, n.Live)
		s.live, s.last = nil, d
	}
	return err
}

func (s *soak) restore(ctx context.Context, _ threads.Counts) error {
	restored, err := s.svc.Restore(ctx, s.user, s.last.ID)
	if err == nil {
		s.want(restored == s.last.Count, "Restore", restored, s.last.Count)
		s.last = threads.Deletion{}
	}
	return err
}

func (s *soak) purge(ctx context.Context, _ threads.Counts) error {
	for {
		r, err := s.svc.Purge(ctx, s.user, time.Now().Add(time.Hour), threads.MaxPurge)
		if err != nil {
			return err
		}
		if !r.More {
			s.gone, s.last = nil, threads.Deletion{}
			return nil
		}
	}
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
// the short form for seconds), once for half of that time and then again and
// again until it is killed. Each time all counts are those that were
// acknowledged, and Check passes. In the long form, what the files take, and
// the memory, the goroutines and the descriptors of the process that lives
// long, level off: the last third takes no more than the second did, but for a
// quarter.
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
			var first taken
			var left []int64
			lives := whole / 2
			for began := time.Now(); time.Since(began) < whole; r.Runs++ {
				in, calls := oneLife(t, k, soakWork{k.name, dir, random.Uint64()}, lives, known)
				if r.Runs == 0 {
					first = in
				}
				lives = life/2 + time.Duration(random.Int64N(int64(life)))
				r.Outcomes["calls"] += calls
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
				left = append(left, bytesIn(t, dir)>>10)
			}
			t.Logf("files after each life: %v KiB", left)
			if long() {
				requireLevel(t, "what all lives leave", left, 0)
				requireLevel(t, "what the files take in a life", first.files, 0)
				requireLevel(t, "the memory", first.memory, 0)
				requireLevel(t, "the goroutines", first.goroutines, soakUsers)
				requireLevel(t, "the descriptors", first.descriptors, soakUsers)
				r.Outcomes["KiB of files at most"] = int(slices.Max(first.files))
				r.Outcomes["MiB of memory at most"] = int(slices.Max(first.memory) >> 10)
				r.Outcomes["goroutines at most"] = int(slices.Max(first.goroutines))
				r.Outcomes["descriptors at most"] = int(slices.Max(first.descriptors))
			}
			record(t, r)
		})
	}
}

// requireLevel holds the last third of some sizes to the second, but for a
// quarter and some slack.
func requireLevel(t *testing.T, what string, sizes []int64, slack int64) {
	t.Helper()
	third := len(sizes) / 3
	require.Positive(t, third)
	second, last := slices.Max(sizes[third:2*third]), slices.Max(sizes[2*third:])
	require.LessOrEqual(t, last, second+second/4+slack, "%s grows: %v", what, sizes)
}

// soakLook is how often it is looked at what a process takes.
const soakLook = 500 * time.Millisecond

// taken is what a process and its files took, each time one looked.
type taken struct {
	memory, files           []int64 // KiB
	goroutines, descriptors []int64
}

// oneLife runs a soaker until it is killed, and returns what it took and how
// many calls it acknowledged.
func oneLife(t *testing.T, k kind, w soakWork, life time.Duration, known map[string]bounds) (in taken, calls int) {
	t.Helper()
	p := role.StartAs(t, "soaker", w, func(p *role.Process) { p.Deadline += life })
	acted := map[string]bool{}
	killed := make(chan error, 1)
	go func() {
		tick := time.NewTicker(soakLook)
		defer tick.Stop()
		for end := time.After(life); ; {
			select {
			case <-tick.C:
				in.memory = append(in.memory, residentKiB(p.Process.Pid))
				in.descriptors = append(in.descriptors, descriptors(p.Process.Pid))
				in.files = append(in.files, bytesIn(t, w.Dir)>>10)
			case <-end:
				killed <- p.Process.Kill()
				return
			}
		}
	}()
	for line := p.Line(); line != ""; line = p.Line() {
		var n int64
		if _, err := fmt.Sscanf(line, "goroutines %d", &n); err == nil {
			in.goroutines = append(in.goroutines, n)
			continue
		}
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
	require.Positive(t, slices.Min(in.memory))
	require.Positive(t, slices.Min(in.descriptors))
	require.Positive(t, slices.Min(in.goroutines))
	return in, calls
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

// descriptors is how many files a process has open.
func descriptors(pid int) int64 {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return int64(len(list))
}

// bytesIn is how many bytes the files in a directory have; one that goes away
// meanwhile has none.
func bytesIn(t *testing.T, dir string) (n int64) {
	t.Helper()
	list, err := os.ReadDir(dir)
	assert.NoError(t, err)
	for _, entry := range list {
		if info, err := entry.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}
