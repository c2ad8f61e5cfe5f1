package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

var pageSize = os.Getpagesize()

// trials is what a process is to try, for these seeds, each on a copy of the
// file.
type trials struct {
	File, Truth, Dir string
	From, To         int
}

// writes are some calls that write, for the user ada, in no order.
func writes(ctx context.Context, svc *threads.Service) map[string]func() error {
	return map[string]func() error{
		"Create": func() error {
			created, err := svc.Create(ctx, "ada", threads.Draft{Organization: "org_a", Title: "new", Pinned: true})
			if err != nil {
				return err
			}
			got, err := svc.Get(ctx, "ada", created.ID, threads.Both)
			if err == nil && got.Title != "new" {
				err = fmt.Errorf("what was created is %+v", got)
			}
			return err
		},
		"SoftDeleteAll and Restore": func() error {
			d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
			if err == nil && d.ID != "" {
				_, err = svc.Restore(ctx, "ada", d.ID)
			}
			return err
		},
		"Purge": func() error {
			_, err := svc.Purge(ctx, "ada", probe.Far, 30)
			return err
		},
	}
}

// listen puts all questions and returns how many answers were honest errors,
// and the first answer that was wrong.
func listen(ctx context.Context, store threads.Store, c probe.Catalog, truth golden) (damaged int, wrong string) {
	c.Ask(ctx, store, func(question string, a probe.Answer) {
		want := truth.Facts[question]
		if question == "UsersDue" && len(c.Users) < len(truth.Catalog.Users) {
			want = fmt.Sprint(slices.DeleteFunc(slices.Sorted(slices.Values(truth.Catalog.Users)),
				func(user string) bool { return !slices.Contains(c.Users, user) }))
		}
		switch {
		case a.String() == want:
		case errors.Is(a.Err, threads.ErrCorrupt), errors.Is(a.Err, threads.ErrClosed):
			damaged++
		case wrong == "":
			wrong = fmt.Sprintf("WRONG: %s = %s (%v); want %s", question, a, a.Err, want)
		}
	})
	return damaged, wrong
}

// TestDamageThatNobodyWouldNotice is refused when the file is opened: it would
// hide threads, or a commit, or end the process.
func TestDamageThatNobodyWouldNotice(t *testing.T) {
	const branch, leaf, freelist = 1, 2, 16
	path, _, _ := populated(t, 250, "ada", "ad", "bob")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	word := binary.NativeEndian
	used := reachable(good)
	first := func(flags uint16) int { // the first page of that kind that is in use
		for page := range len(good) / pageSize {
			if at := page * pageSize; used[uint64(page)] && word.Uint16(good[at+8:]) == flags {
				return at
			}
		}
		t.Fatalf("no page has flags %d", flags)
		return 0
	}
	for name, spoil := range map[string]func(b []byte){
		"the first meta page": func(b []byte) { b[16+40]++ },
		"the other one":       func(b []byte) { b[pageSize+16+40]++ },
		"a branch that is its own child": func(b []byte) {
			at := first(branch)
			word.PutUint64(b[at+16+8:], uint64(at/pageSize))
		},
		"a branch with fewer children": func(b []byte) {
			at := first(branch)
			word.PutUint16(b[at+10:], word.Uint16(b[at+10:])-1)
		},
		"a branch with the same child twice": func(b []byte) {
			at := first(branch)
			copy(b[at+16+8:][:8], b[at+32+8:][:8])
		},
		"a branch with another key": func(b []byte) {
			at := first(branch) + 32
			b[at+int(word.Uint32(b[at:]))] ^= 0x80
		},
		"a branch with a shorter last key": func(b []byte) { // in order still, but not what bbolt looks for
			at := first(branch)
			last := at + 16 + 16*(int(word.Uint16(b[at+10:]))-1)
			word.PutUint32(b[last+4:], word.Uint32(b[last+4:])-1)
		},
		"a leaf with fewer entries": func(b []byte) {
			at := first(leaf)
			word.PutUint16(b[at+10:], word.Uint16(b[at+10:])/2)
		},
		"a leaf without an entry": func(b []byte) { word.PutUint16(b[first(leaf)+10:], 0) },
		"a leaf that is longer":   func(b []byte) { word.PutUint32(b[first(leaf)+12:], 1) },
		"a leaf with an entry that is a bucket": func(b []byte) {
			for page := range used {
				if at := int(page) * pageSize; word.Uint16(b[at+8:]) == leaf && word.Uint16(b[at+10:]) > 1 {
					word.PutUint32(b[at+16:], 1)
				}
			}
		},
		"a free list with fewer pages": func(b []byte) {
			at := first(freelist)
			word.PutUint16(b[at+10:], word.Uint16(b[at+10:])-1)
		},
		"a free list with a page in use": func(b []byte) {
			word.PutUint64(b[first(freelist)+16:], uint64(first(leaf)/pageSize))
		},
		"a free list with a page that is not": func(b []byte) {
			word.PutUint64(b[first(freelist)+16:], 1<<40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := slices.Clone(good)
			spoil(bad)
			require.NotEqual(t, good, bad)
			path := filepath.Join(t.TempDir(), "threads.db")
			writeFile(t, path, bad)
			_, err := bolt.Open(t.Context(), path, &bolt.Options{LockTimeout: 1})
			require.ErrorIs(t, err, threads.ErrCorrupt)
			t.Log(err)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, slices.Equal(bad, after), "the file was changed")
		})
	}
}

// reachable is the pages that are in use, by the newer meta page.
func reachable(b []byte) map[uint64]bool {
	word := binary.NativeEndian
	meta := b[16:]
	if word.Uint64(b[pageSize+16+48:]) > word.Uint64(meta[48:]) {
		meta = b[pageSize+16:]
	}
	used := map[uint64]bool{word.Uint64(meta[32:]): true}
	var walk func(page uint64)
	walk = func(page uint64) {
		used[page] = true
		p := b[int(page)*pageSize:]
		for i := range int(word.Uint16(p[10:])) {
			elem := p[16+16*i:]
			switch {
			case word.Uint16(p[8:]) == 1:
				walk(word.Uint64(elem[8:]))
			case word.Uint32(elem) == 1:
				walk(word.Uint64(elem[word.Uint32(elem[4:])+word.Uint32(elem[8:]):]))
			}
		}
	}
	walk(word.Uint64(meta[16:]))
	return used
}

// TestADamagedThreadIsCorruptAlone: the others can still be read.
func TestADamagedThreadIsCorruptAlone(t *testing.T) {
	ctx := t.Context()
	path, c, facts := populated(t, 45, "ada", "bob")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	title := []byte("title 44 of ada") // the last thread, live, made but once
	require.Positive(t, bytes.Count(b, title))
	writeFile(t, path, bytes.ReplaceAll(b, title, []byte("title 45 of ada")))
	store, err := bolt.Open(ctx, path, nil)
	require.NoError(t, err)
	wrong := 0
	c.Ask(ctx, store, func(question string, a probe.Answer) {
		switch {
		case a.String() == facts[question]:
		case errors.Is(a.Err, threads.ErrCorrupt):
			wrong++
			assert.Contains(t, question, "(ada", "only what has the thread fails")
		default:
			t.Errorf("%s = %v; want %s", question, a, facts[question])
		}
	})
	assert.Positive(t, wrong)
	_, err = store.Check(ctx)
	require.ErrorIs(t, err, threads.ErrCorrupt)
	require.ErrorIs(t, store.Compact(ctx), threads.ErrCorrupt, "what is damaged is not thrown away")
	assert.NoFileExists(t, path+".compact")
	require.NoError(t, store.Create(ctx, "bob", thread("bob", "thrd_new")), "and the store goes on")
	_, err = store.Get(ctx, "bob", "thrd_new", threads.Live)
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

// TestAFileCutShortWhileItIsOpen: reading beyond its end is a fault that would
// end the process, and one in the wrong moment leaves bbolt with a lock for
// which every other call would wait for ever.
//
// Two things are not tried, for bbolt does not survive them: a cut inside a
// branch page, and a commit that makes the file long again while a list is
// being read. Both put zeros where a list finds its next page; that is page 0
// then, in which it goes round in circles.
func TestAFileCutShortWhileItIsOpen(t *testing.T) {
	rounds := 6
	if os.Getenv("SKEIN_LAB") == "long" {
		rounds = 200
	}
	path, c, facts := populated(t, 45, "ada", "ad", "bob")
	truth := filepath.Join(t.TempDir(), "truth.json")
	b, err := json.Marshal(golden{c, facts})
	require.NoError(t, err)
	writeFile(t, truth, b)
	lines, err := role.Start(t, "cut", trials{path, truth, t.TempDir(), 0, rounds}).Finish()
	for _, line := range lines {
		assert.NotContains(t, line, "WRONG")
	}
	require.NoError(t, err, "the process died after %q", lines[max(0, len(lines)-1):])
	assert.Len(t, lines, rounds)
}

// cut is a process that cuts files short while it reads and writes them.
func cut(ctx context.Context, decode func(any) error) error {
	var a trials
	if err := decode(&a); err != nil {
		return err
	}
	good, err := os.ReadFile(a.File)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(a.Truth)
	if err != nil {
		return err
	}
	var truth golden
	if err := json.Unmarshal(b, &truth); err != nil {
		return err
	}
	for seed := a.From; seed < a.To; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		path := filepath.Join(a.Dir, "threads.db")
		if err := os.WriteFile(path, good, 0o600); err != nil {
			return err
		}
		store, err := bolt.Open(ctx, path, nil)
		if err != nil {
			return err
		}
		size := r.IntN(len(good)/pageSize) * pageSize
		if seed%3 == 0 { // not even the pages are left that every transaction begins with
			size = r.IntN(2 * pageSize)
		}
		var mu sync.Mutex
		outcome := "ok"
		note := func(wrong string) {
			mu.Lock()
			defer mu.Unlock()
			if wrong != "" {
				outcome = wrong
			}
		}
		others := truth.Catalog
		others.Users = others.Users[1:]
		var wg sync.WaitGroup
		begun := make(chan struct{}, 100)
		for range 3 {
			wg.Go(func() {
				for i := range 600 {
					id := truth.Catalog.Threads["bob"][i%20]
					th, err := store.Get(ctx, "bob", id, threads.Both)
					if !is(err, threads.ErrCorrupt, threads.ErrClosed) {
						note(fmt.Sprintf("WRONG: Get = %v", err))
					}
					if err == nil && th.ID != id {
						note(fmt.Sprintf("WRONG: Get(%s) = %+v", id, th))
					}
					if i == 100 {
						begun <- struct{}{}
					}
				}
			})
		}
		wg.Go(func() {
			svc := threads.NewService(store, nil)
			for range 10 {
				for name, write := range writes(ctx, svc) {
					if err := write(); !is(err, threads.ErrCorrupt, threads.ErrUnknownOutcome, threads.ErrClosed) {
						note(fmt.Sprintf("WRONG: %s = %v", name, err))
					}
				}
			}
		})
		<-begun
		if err := os.Truncate(path, int64(size)); err != nil {
			return err
		}
		wg.Wait()
		_, wrong := listen(ctx, store, others, truth)
		note(wrong)
		if err := store.Close(); err != nil && !errors.Is(err, threads.ErrCorrupt) {
			note(fmt.Sprintf("WRONG: Close = %v", err))
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			return err
		}
		store, err = bolt.Open(ctx, path, nil) // the same process can go on with what it had before
		if err != nil {
			return fmt.Errorf("open the restored file: %w", err)
		}
		_, wrong = listen(ctx, store, truth.Catalog, truth)
		note(wrong)
		if err := store.Close(); err != nil {
			return err
		}
		fmt.Printf("%d, to %d bytes: %s\n", seed, size, outcome)
	}
	return nil
}
