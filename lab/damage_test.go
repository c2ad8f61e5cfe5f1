package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/threads"
)

// diskPage is the size of a page of both stores, in bytes.
const diskPage = 4096

// A damage is a way to spoil the bytes of a file. Each says what it did.
var damages = map[string]func(r *rand.Rand, b []byte) ([]byte, string){
	"a bit anywhere": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(len(b)), r.IntN(8))
	},
	"a bit in the head of a page": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(len(b)/diskPage)*diskPage+r.IntN(16), r.IntN(8))
	},
	"a bit in the table of a page": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(len(b)/diskPage)*diskPage+r.IntN(512), r.IntN(8))
	},
	"a bit in the head of the file": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(100), r.IntN(8))
	},
	"a page of zeros": func(r *rand.Rand, b []byte) ([]byte, string) {
		page := r.IntN(len(b) / diskPage)
		clear(b[page*diskPage:][:diskPage])
		return b, fmt.Sprintf("page %d", page)
	},
	"a sector of noise": func(r *rand.Rand, b []byte) ([]byte, string) {
		at := r.IntN(len(b)/512) * 512
		for i := range 512 {
			b[at+i] = byte(r.Uint32())
		}
		return b, fmt.Sprintf("at %d", at)
	},
	"a page in the place of another": func(r *rand.Rand, b []byte) ([]byte, string) {
		from, to := r.IntN(len(b)/diskPage), r.IntN(len(b)/diskPage)
		copy(b[to*diskPage:][:diskPage], b[from*diskPage:][:diskPage])
		return b, fmt.Sprintf("%d over %d", from, to)
	},
	// The first bytes are the number of the page in package bolt.
	"a page in the place of another, under its number": func(r *rand.Rand, b []byte) ([]byte, string) {
		from, to := r.IntN(len(b)/diskPage), r.IntN(len(b)/diskPage)
		copy(b[to*diskPage+8:][:diskPage-8], b[from*diskPage+8:][:diskPage-8])
		return b, fmt.Sprintf("%d over %d", from, to)
	},
	"an end cut off": func(r *rand.Rand, b []byte) ([]byte, string) {
		n := r.IntN(len(b))
		return b[:n], fmt.Sprintf("to %d bytes", n)
	},
}

func flip(b []byte, at, bit int) ([]byte, string) {
	b[at] ^= 1 << bit
	return b, fmt.Sprintf("bit %d of byte %d", bit, at)
}

// damagedUsers are in the file that is damaged. The first one is who writes.
var damagedUsers = []string{"ada", "ad", "bob"}

// damageTrials is what a process is to try: the damages of these seeds, each
// on a copy of the file.
type damageTrials struct {
	Kind, File, Dir string
	From, To        int
}

// TestDamagedFiles spoils a file in many ways. Whatever the store then does, it
// never ends the process, never hangs, and every answer is right, or an error
// that says so; and Check finds whatever made a read fail. What a write could
// spoil is looked at too: after one user has written, what the others have.
//
// SQLite has no checksums of its pages, so in package sqlite an answer may show
// less than there is, as its comment says, if Check finds why. It never shows
// anything else than was stored.
//
// SKEIN_SEED=n tries that one alone.
func TestDamagedFiles(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			n, from, to := 45, 0, 90
			if long() {
				n, to = 250, 8000
			}
			if os.Getenv("SKEIN_SEED") != "" {
				from = int(seed(t))
				to = from + 1
			}
			good := populatedFile(t, k, n)
			r := results.Result{Fault: "damage to the file", Store: k.name, Outcomes: map[string]int{}}
			const processes = 2
			each := min(200, (to-from+processes-1)/processes)
			gate := make(chan struct{}, processes)
			var mu sync.Mutex
			var wg sync.WaitGroup
			for first := from; first < to; first += each {
				trials := damageTrials{k.name, good, t.TempDir(), first, min(first+each, to)}
				gate <- struct{}{}
				wg.Go(func() {
					defer func() { <-gate }()
					lines, err := role.Start(t, "damaged", trials).Finish()
					mu.Lock()
					defer mu.Unlock()
					for _, line := range lines {
						what, outcome, _ := strings.Cut(line, ": ")
						r.Runs++
						r.Outcomes[outcome]++
						if strings.HasPrefix(outcome, "WRONG") {
							t.Errorf("%s: %s; SKEIN_SEED=n go test -run '%s' .", what, outcome, t.Name())
						}
					}
					if err != nil || len(lines) != trials.To-trials.From {
						t.Errorf("the process that tried %d to %d ended after %q: %v", trials.From, trials.To, lines[max(0, len(lines)-1):], err)
					}
				})
			}
			wg.Wait()
			record(t, r)
		})
	}
}

// populatedFile is a file with all that a store can have, and next to no pages
// that are free: an erasure has made it anew.
func populatedFile(t *testing.T, k kind, n int) (path string) {
	t.Helper()
	dir := t.TempDir()
	store, err := k.open(t.Context(), dir)
	require.NoError(t, err)
	svc := probe.Clockwork(store)
	for _, user := range damagedUsers {
		require.NoError(t, probe.Populate(t.Context(), svc, user, n))
	}
	_, err = store.Erase(t.Context(), "eve")
	require.NoError(t, err)
	require.NoError(t, store.Close())
	return filepath.Join(dir, k.file)
}

// damaged is a process that tries damages, and says how each went.
func damaged(ctx context.Context, decode func(any) error) error {
	var a damageTrials
	if err := decode(&a); err != nil {
		return err
	}
	good, err := os.ReadFile(a.File)
	if err != nil {
		return err
	}
	k := kindNamed(a.Kind)
	path := filepath.Join(a.Dir, k.file)
	if err := os.WriteFile(path, good, 0o600); err != nil {
		return err
	}
	truth, err := learn(ctx, k, a.Dir)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(damages))
	for seed := a.From; seed < a.To; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		name := names[seed%len(names)]
		bad, what := damages[name](r, slices.Clone(good))
		for _, beside := range []string{"", "-wal", "-shm", ".compact"} {
			if err := os.RemoveAll(path + beside); err != nil {
				return err
			}
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			return err
		}
		outcome := "no difference: " + name
		if !slices.Equal(bad, good) {
			outcome = truth.try(ctx, k, a.Dir)
		}
		fmt.Printf("seed %d, %s (%s): %s\n", seed, name, what, strings.ReplaceAll(outcome, "\n", "; "))
	}
	return nil
}

// truths are the answers of the file before it was damaged.
type truths struct {
	catalog probe.Catalog
	answers map[string]probe.Answer
	hides   bool // the store may show less than there is
}

func learn(ctx context.Context, k kind, dir string) (truths, error) {
	t := truths{answers: map[string]probe.Answer{}, hides: k.name == sqliteKind.name}
	store, err := k.open(ctx, dir)
	if err != nil {
		return t, err
	}
	t.catalog, err = probe.CatalogOf(ctx, store, damagedUsers...)
	if err != nil {
		return t, err
	}
	t.catalog.Ask(ctx, store, func(question string, a probe.Answer) { t.answers[question] = a })
	return t, store.Close()
}

// heard is what came of asking everything.
type heard struct {
	damaged int    // answers that were honest errors
	hidden  int    // answers that showed less than there is
	wrong   string // the first answer that was wrong
}

// listen puts all questions, or those about all but the user who writes.
func (t truths) listen(ctx context.Context, store threads.Store, others bool) (h heard) {
	c := t.catalog
	if others {
		c.Users = c.Users[1:]
	}
	c.Ask(ctx, store, func(question string, a probe.Answer) {
		want := t.answers[question]
		if question == "UsersDue" && others {
			shown := slices.DeleteFunc(slices.Clone(want.Shown), func(user string) bool { return user == damagedUsers[0] })
			want = probe.Answer{Text: fmt.Sprint(shown), Shown: shown}
		}
		extra := slices.ContainsFunc(a.Shown, func(item string) bool { return !slices.Contains(want.Shown, item) })
		switch {
		case a.String() == want.String():
		case is(a.Err, threads.ErrCorrupt, threads.ErrClosed):
			h.damaged++
		case t.hides && !extra && (a.Err == nil || errors.Is(a.Err, threads.ErrNotFound)):
			h.hidden++
		case h.wrong == "":
			h.wrong = fmt.Sprintf("WRONG: %s = %s (%v); want %s", question, a, a.Err, want)
		}
	})
	return h
}

// try uses a damaged file and returns what came of it, in a few words that are
// the same for many; or "WRONG", and all there is to say.
func (t truths) try(ctx context.Context, k kind, dir string) string {
	store, err := k.open(ctx, dir)
	if err != nil {
		if !errors.Is(err, threads.ErrCorrupt) {
			return fmt.Sprintf("WRONG: Open = %v", err)
		}
		return "refused when opened"
	}
	defer func() { _ = store.Close() }()
	h := t.listen(ctx, store, false)
	if h.wrong != "" {
		return h.wrong
	}
	found := checked(ctx, store)
	switch {
	case found == nil && h.damaged+h.hidden > 0:
		return fmt.Sprintf("WRONG: %d reads failed and %d showed less, and Check = nil", h.damaged, h.hidden)
	case found != nil && !errors.Is(found, threads.ErrCorrupt):
		return fmt.Sprintf("WRONG: Check = %v", found)
	}
	writes := writesOf(ctx, threads.NewService(store, nil), damagedUsers[0])
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		err := writes[name]()
		switch {
		case err == nil:
		case found == nil:
			return fmt.Sprintf("WRONG: %s = %v, and Check = nil", name, err)
		case !is(err, threads.ErrCorrupt, threads.ErrUnknownOutcome, threads.ErrClosed) &&
			(!t.hides || !is(err, threads.ErrNotFound)): // what was just created may be hidden too
			return fmt.Sprintf("WRONG: %s = %v", name, err)
		}
	}
	if h := t.listen(ctx, store, true); h.wrong != "" {
		return "WRONG, after writing: " + h.wrong
	}
	if err := store.Close(); err != nil && !errors.Is(err, threads.ErrCorrupt) {
		return fmt.Sprintf("WRONG: Close = %v", err)
	}
	if wrong := t.reopen(ctx, k, dir, found); wrong != "" {
		return wrong
	}
	switch {
	case found == nil:
		return "no harm"
	case h.hidden > 0:
		return "found by Check, some threads hidden until then"
	case h.damaged > 0:
		return "found by reads and by Check"
	}
	return "found by Check alone"
}

// reopen opens the file after writes, and returns what is wrong then, if
// anything is.
func (t truths) reopen(ctx context.Context, k kind, dir string, found error) (wrong string) {
	store, err := k.open(ctx, dir)
	if err != nil {
		if !errors.Is(err, threads.ErrCorrupt) || found == nil {
			return fmt.Sprintf("WRONG: Open again = %v", err)
		}
		return ""
	}
	if h := t.listen(ctx, store, true); h.wrong != "" {
		wrong = "WRONG, reopened: " + h.wrong
	}
	if err := checked(ctx, store); found == nil && err != nil {
		wrong = fmt.Sprintf("WRONG: Check after writing and reopening = %v", err)
	}
	if err := store.Close(); err != nil && !errors.Is(err, threads.ErrCorrupt) {
		wrong = fmt.Sprintf("WRONG: Close again = %v", err)
	}
	return wrong
}

// writesOf are some calls that write for a user.
func writesOf(ctx context.Context, svc *threads.Service, user string) map[string]func() error {
	return map[string]func() error{
		"Create": func() error {
			created, err := svc.Create(ctx, user, threads.Draft{Organization: "org_a", Title: "new", Pinned: true})
			if err != nil {
				return err
			}
			got, err := svc.Get(ctx, user, created.ID, threads.Both)
			if err == nil && got.Title != "new" {
				err = fmt.Errorf("what was created is %+v", got)
			}
			return err
		},
		"Delete and Restore": func() error {
			d, err := svc.SoftDeleteAll(ctx, user, threads.All())
			if err == nil && d.ID != "" {
				_, err = svc.Restore(ctx, user, d.ID)
			}
			return err
		},
		"Purge": func() error {
			_, err := svc.Purge(ctx, user, probe.Far, 30)
			return err
		},
	}
}
