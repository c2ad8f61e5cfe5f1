package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/lab/powercut"
	"github.com/skein-go/skein/threads"
)

// step is one call for a user. Its times and ids depend on its place in the
// script alone, so that what a script leads to is known whichever of its steps
// fail.
type step func(ctx context.Context, s *threads.Service, user string) error

// serviceAt returns the service for the step at a place of a script.
func serviceAt(store threads.Store, place int) *threads.Service {
	ids, deletions := 0, 0
	return threads.NewService(store, &threads.Options{
		Now:           func() time.Time { return probe.Epoch.Add(time.Duration(place) * time.Hour) },
		NewThreadID:   func() string { ids++; return fmt.Sprintf("thrd_of_step_%03d_%d", place, ids) },
		NewDeletionID: func() string { deletions++; return fmt.Sprintf("del_of_step_%03d_%d", place, deletions) },
	})
}

// script has every call that writes, some of them large.
func script() []step {
	large := map[string]string{}
	for i := range threads.MaxMetadataPairs {
		large[fmt.Sprint("key ", i)] = strings.Repeat("\u00e9", threads.MaxMetadataValue)
	}
	create := func(d threads.Draft) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Create(ctx, user, d)
			return err
		}
	}
	update := func(place int, p threads.Patch) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Update(ctx, user, fmt.Sprintf("thrd_of_step_%03d_1", place), threads.AnyVersion, p)
			return err
		}
	}
	deleteOne := func(place int) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Delete(ctx, user, fmt.Sprintf("thrd_of_step_%03d_1", place))
			return err
		}
	}
	deleteAll := func(scope threads.Scope, opts ...threads.DeleteOption) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.SoftDeleteAll(ctx, user, scope, opts...)
			return err
		}
	}
	restore := func(place int) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Restore(ctx, user, fmt.Sprintf("del_of_step_%03d_1", place))
			return err
		}
	}
	restoreOne := func(place int) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.RestoreThread(ctx, user, fmt.Sprintf("thrd_of_step_%03d_1", place))
			return err
		}
	}
	purge := func(limit int) step {
		return func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Purge(ctx, user, probe.Far, limit)
			return err
		}
	}
	title := "another title"
	return []step{
		0:  create(threads.Draft{Title: "personal"}),
		1:  create(threads.Draft{Organization: "org_a", Pinned: true, Assistant: "asst_1"}),
		2:  create(threads.Draft{Organization: "org_a", Metadata: large}),
		3:  create(threads.Draft{Organization: "org_b", Metadata: large, Hidden: true}),
		4:  deleteAll(threads.InOrganization("org_a"), threads.WithIdempotencyKey("once")),
		5:  create(threads.Draft{Organization: "org_a", Metadata: large}),
		6:  deleteOne(3),
		7:  deleteAll(threads.All()),
		8:  restore(4),
		9:  update(1, threads.Patch{Title: &title}),
		10: deleteAll(threads.InOrganization("org_a"), threads.WithIdempotencyKey("once")),
		11: restoreOne(3),
		12: purge(1),
		13: update(2, threads.Patch{ClearMetadata: true}),
		14: deleteAll(threads.Personal(), threads.WithIdempotencyKey("none")),
		15: restore(7),
		16: create(threads.Draft{Metadata: large}),
		17: deleteAll(threads.All(), threads.WithIdempotencyKey("once more")),
		18: restoreOne(2),
		19: purge(100),
		20: create(threads.Draft{Title: "last"}),
	}
}

// eraseStep is the place of the erasure with which the script of some users
// ends. It takes many commits, so a crash may leave it half done.
var eraseStep = len(script())

// workload is what a process is to do to a store: the script, for some users
// at once, who share commits. The first user is erased in the end.
type workload struct {
	Kind  string
	Dir   string
	Users int
	From  int    // the first of them
	Looks []int  // the users of whom it says first what it sees
	Marks bool   // tell the disk, with marks, and not the standard output
	Open  string // how, of otherOpen; empty: as a store's own file
}

func (w workload) user(i int) string { return fmt.Sprintf("user_%d", i) }

func (w workload) script(user int) []step {
	all := script()
	if user == 0 {
		all = append(all, func(ctx context.Context, s *threads.Service, user string) error {
			_, err := s.Erase(ctx, user)
			return err
		})
	}
	return all
}

// worker is a process that runs a workload, and says before and after each
// step what it does.
func worker(ctx context.Context, decode func(any) error) error {
	var w workload
	if err := decode(&w); err != nil {
		return err
	}
	p := &performance{workload: w, out: os.Stdout}
	if w.Marks {
		f, err := os.OpenFile(filepath.Join(w.Dir, powercut.MarkFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		p.out = f
	}
	store := p.reopen(ctx, nil)
	if store == nil {
		return nil
	}
	for _, user := range w.Looks {
		p.say("saw %d %s", user, digest(stepCatalog(w.user(user)).Facts(ctx, store)))
	}
	var wg sync.WaitGroup
	for user := w.From; user < w.From+w.Users; user++ {
		wg.Go(func() {
			for place, step := range w.script(user) {
				if !p.perform(ctx, user, place, step) {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := p.store.Close(); err != nil {
		p.say("closing: %v", err)
	}
	p.say("end")
	return nil
}

// performance is a workload under way.
type performance struct {
	workload
	out *os.File

	mu    sync.Mutex
	store threads.Store
}

// say tells a line in one write.
func (p *performance) say(format string, args ...any) {
	_, err := p.out.WriteString(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ") + "\n")
	if err != nil {
		panic(err)
	}
}

// reopen opens the store in the place of the one that failed, unless another
// has done so. A fault may hit that too, and then it tries again.
func (p *performance) reopen(ctx context.Context, failed threads.Store) threads.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != failed {
		return p.store
	}
	if failed != nil {
		if err := failed.Close(); err != nil {
			p.say("closing: %v", err)
		}
	}
	open := kindNamed(p.Kind).open
	if p.Open != "" {
		open = otherOpen[p.Open][p.Kind]
	}
	for range 5 {
		store, err := open(ctx, p.Dir)
		if err == nil {
			p.store = store
			return store
		}
		p.say("no store: %v", err)
		if is(err, threads.ErrCorrupt, threads.ErrNewerLayout) {
			p.say("WRONG: Open = %v", err)
		}
	}
	return nil
}

// perform does a step and says what came of it. It reports whether there is a
// store to go on with.
func (p *performance) perform(ctx context.Context, user, place int, step step) bool {
	p.say("try %d %d", user, place)
	p.mu.Lock()
	store := p.store
	p.mu.Unlock()
	err := step(ctx, serviceAt(store, place), p.user(user))
	for errors.Is(err, threads.ErrClosed) { // and nothing was changed
		if _, read := store.Count(ctx, p.user(user), threads.All()); !errors.Is(read, threads.ErrClosed) {
			p.say("WRONG: step %d = %v, and Count = %v", place, err, read)
		}
		if !strings.Contains(err.Error(), "reopened") && p.current() == store {
			p.say("WRONG: step %d = %v; want what to do", place, err)
		}
		if store = p.reopen(ctx, store); store == nil {
			return false
		}
		err = step(ctx, serviceAt(store, place), p.user(user))
	}
	switch {
	case err == nil:
		p.say("done %d %d", user, place)
	case errors.Is(err, threads.ErrUnknownOutcome):
		p.say("unknown %d %d %v", user, place, err)
	case errors.Is(err, threads.ErrFull):
		p.say("full %d %d %v", user, place, err)
	case is(err, threads.ErrNotFound, threads.ErrPurged): // for an earlier step was refused
		p.say("refused %d %d", user, place)
	case is(err, threads.ErrCorrupt, threads.ErrExists, threads.ErrInvalid, threads.ErrVersionMismatch, threads.ErrKeyReused):
		p.say("WRONG: step %d of user %d = %v", place, user, err)
	default: // of the system, before the commit
		p.say("failed %d %d %v", user, place, err)
	}
	return true
}

func (p *performance) current() threads.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.store
}

// is reports whether an error is of one of the classes.
func is(err error, classes ...error) bool {
	for _, class := range classes {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
