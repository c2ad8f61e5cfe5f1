package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

const pageSize = 4096

// A damage is a way to spoil the bytes of a file. Each says what it did.
var damages = map[string]func(r *rand.Rand, b []byte) ([]byte, string){
	"a bit anywhere": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(len(b)), r.IntN(8))
	},
	"a bit in the head of a page": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(len(b)/pageSize)*pageSize+r.IntN(64), r.IntN(8))
	},
	"a bit in the head of the file": func(r *rand.Rand, b []byte) ([]byte, string) {
		return flip(b, r.IntN(100), r.IntN(8))
	},
	"a page of zeros": func(r *rand.Rand, b []byte) ([]byte, string) {
		page := r.IntN(len(b) / pageSize)
		clear(b[page*pageSize:][:pageSize])
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
		from, to := r.IntN(len(b)/pageSize), r.IntN(len(b)/pageSize)
		copy(b[to*pageSize:][:pageSize], b[from*pageSize:][:pageSize])
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

// TestADamagedFileIsNeverAWrongThread spoils a file in many ways. Whatever the
// store then does, it ends, and its errors say that the file is damaged; no
// thread and no deletion is ever shown otherwise than it was stored. SQLite
// keeps no checksum of its own pages, so damage to an index may hide threads
// from a read; then Check finds it.
//
// SKEIN_FAULTS=1 tries more of them, SKEIN_SEED=n that one alone.
func TestADamagedFileIsNeverAWrongThread(t *testing.T) {
	from, to := 0, 28
	if os.Getenv("SKEIN_FAULTS") != "" {
		to = 7_000
	}
	if seed := os.Getenv("SKEIN_SEED"); seed != "" {
		_, err := fmt.Sscan(seed, &from)
		require.NoError(t, err)
		to = from + 1
	}
	path := filepath.Join(t.TempDir(), "db")
	store, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	for _, user := range users {
		populate(t, store, user)
	}
	truth := answers(t.Context(), store, users...)
	for question, a := range truth {
		require.NoError(t, a.err, question)
	}
	require.NoError(t, store.Close())
	good, err := os.ReadFile(path)
	require.NoError(t, err)

	outcomes := map[string]int{}
	kinds := slices.Sorted(maps.Keys(damages))
	for seed := from; seed < to; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		kind := kinds[seed%len(kinds)]
		bad, what := damages[kind](r, slices.Clone(good))
		path := filepath.Join(t.TempDir(), "db")
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		outcome, wrong := try(t.Context(), path, truth)
		if wrong != nil {
			t.Errorf("SKEIN_SEED=%d: with %s, %s: %v", seed, kind, what, wrong)
		}
		outcomes[outcome]++
	}
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		t.Logf("%5d times %s", outcomes[outcome], outcome)
	}
}

var users = []string{"ada", "bob"}

// populate gives a user threads in every state that there is, on many pages.
func populate(t *testing.T, store threads.Store, user string) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)
	ids := 0
	svc := threads.NewService(store, &threads.Options{
		Now:           func() time.Time { now = now.Add(time.Second); return now },
		NewThreadID:   func() string { ids++; return fmt.Sprintf("thrd_%s_%024d", user, ids) },
		NewDeletionID: func() string { ids++; return fmt.Sprintf("del_%s_%024d", user, ids) },
	})
	create := func(n int) (last threads.Thread) {
		for i := range n {
			var err error
			last, err = svc.Create(t.Context(), user, threads.Draft{
				Organization: []string{"", "org_a", "org_b"}[i%3], Assistant: []string{"", "asst_1"}[i%2], Title: fmt.Sprintf("title %d of %s", i, user),
				Metadata: map[string]string{"number": fmt.Sprint(i)}, Hidden: i%7 == 3, Pinned: i%5 == 2,
			})
			require.NoError(t, err)
		}
		return last
	}
	create(60)
	first, err := svc.SoftDeleteAll(t.Context(), user, threads.InOrganization("org_a"))
	require.NoError(t, err)
	_, err = svc.Delete(t.Context(), user, create(30).ID)
	require.NoError(t, err)
	_, err = svc.SoftDeleteAll(t.Context(), user, threads.All(), threads.WithIdempotencyKey("every"))
	require.NoError(t, err)
	_, err = svc.Delete(t.Context(), user, create(60).ID)
	require.NoError(t, err)
	_, err = svc.Purge(t.Context(), user, first.DeletedAt.Add(time.Microsecond), int(first.Held/2))
	require.NoError(t, err)
}

// answer is what a store says to a question.
type answer struct {
	items []string // what is shown, each in full
	err   error
}

// answers puts questions of every kind to a store.
func answers(ctx context.Context, store threads.Store, users ...string) map[string]answer {
	const page = 50
	all := map[string]answer{}
	yes, far := true, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, user := range users {
		for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
			for name, q := range map[string]threads.Query{
				"live": {}, "all": {State: threads.Both}, "pinned": {Pinned: &yes}, "hidden": {Hidden: &yes}, "assistant": {Assistant: "asst_1"},
			} {
				q.Scope, q.Order = threads.All(), order
				a := answer{}
				for from := (threads.Cursor{}); ; {
					list, err := store.List(ctx, user, q, from, page)
					for _, t := range list {
						a.items = append(a.items, fmt.Sprintf("%+v", t))
						from = t.Cursor()
					}
					if a.err = err; err != nil || len(list) < page {
						break
					}
				}
				all[fmt.Sprintf("List(%s, %s, order %d)", user, name, order)] = a
			}
			list, err := store.ListDeletions(ctx, user, order, threads.Cursor{}, threads.MaxPage)
			a := answer{err: err}
			for _, d := range list {
				a.items = append(a.items, fmt.Sprintf("%+v", d))
			}
			all[fmt.Sprintf("ListDeletions(%s, order %d)", user, order)] = a
		}
		for i := 1; i <= 160; i += 7 {
			id := fmt.Sprintf("thrd_%s_%024d", user, i)
			t, err := store.Get(ctx, user, id, threads.Both)
			if errors.Is(err, threads.ErrNotFound) { // it is of a deletion, or was purged
				all["Get("+id+")"] = answer{}
				continue
			}
			all["Get("+id+")"] = answer{[]string{fmt.Sprintf("%+v", t)}, err}
		}
		n, err := store.Count(ctx, user, threads.All())
		all["Count("+user+")"] = answer{upTo(n.Live, n.Deleted), err}
		p, err := store.PreviewPurge(ctx, user, far)
		all["PreviewPurge("+user+")"] = answer{upTo(p.Threads, p.Deletions), err}
	}
	return all
}

// upTo are the items of counts: one for each that is counted.
func upTo(counts ...int64) (items []string) {
	for i, n := range counts {
		for k := range n {
			items = append(items, fmt.Sprintf("%d of count %d", k, i))
		}
	}
	return items
}

// compare holds answers against the truth: how many say that the file is
// damaged, how many show less than there is; or what is worse.
func compare(got, truth map[string]answer) (damaged, hidden int, wrong error) {
	for question, a := range got {
		want := truth[question]
		if a.err != nil {
			damaged++
			if !errors.Is(a.err, threads.ErrCorrupt) {
				return 0, 0, fmt.Errorf("%s = %w; want ErrCorrupt", question, a.err)
			}
			continue
		}
		if !slices.Equal(a.items, want.items) {
			hidden++
		}
		for _, item := range a.items {
			if !slices.Contains(want.items, item) {
				return 0, 0, fmt.Errorf("%s shows %s; want no more than %q", question, item, want.items)
			}
		}
	}
	return damaged, hidden, nil
}

// try uses a damaged file and returns what came of it, or what went wrong.
func try(ctx context.Context, path string, truth map[string]answer) (outcome string, wrong error) {
	store, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		if !errors.Is(err, threads.ErrCorrupt) {
			return "", fmt.Errorf("Open = %w; want ErrCorrupt", err)
		}
		return "refused", nil
	}
	defer func() { wrong = errors.Join(wrong, store.Close()) }()
	damaged, hidden, wrong := compare(answers(ctx, store, users...), truth)
	if wrong != nil {
		return "", wrong
	}
	_, checked := store.Check(ctx)
	switch {
	case checked != nil && !errors.Is(checked, threads.ErrCorrupt):
		return "", fmt.Errorf("Check = %w; want ErrCorrupt", checked)
	case checked == nil && damaged+hidden > 0:
		return "", fmt.Errorf("%d answers were errors and %d incomplete, and Check = nil", damaged, hidden)
	}
	svc := threads.NewService(store, nil)
	for name, write := range map[string]func() error{
		"Create": func() error { _, err := svc.Create(ctx, users[0], threads.Draft{Title: "new"}); return err },
		"SoftDeleteAll": func() error {
			d, err := svc.SoftDeleteAll(ctx, users[0], threads.All())
			if err == nil && d.ID != "" {
				_, err = svc.Restore(ctx, "ada", d.ID)
			}
			return err
		},
	} {
		if err := write(); err != nil && (!errors.Is(err, threads.ErrCorrupt) || checked == nil) {
			return "", fmt.Errorf("%s = %w; Check = %v", name, err, checked) //nolint:errorlint // one of them is the error
		}
	}
	if _, _, wrong := compare(answers(ctx, store, users[1:]...), truth); wrong != nil { // what ada has is another thing now
		return "", fmt.Errorf("after writing: %w", wrong)
	}
	switch {
	case checked == nil:
		return "no harm", nil
	case hidden > 0:
		return "found by Check, some threads hidden until then", nil
	case damaged > 0:
		return "found by reads and by Check", nil
	}
	return "found by Check alone", nil
}
