package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

func harness() storagetest.Harness {
	return storagetest.Harness{Open: func(string) (threads.Store, error) { return memory.New(), nil }}
}

func TestConformance(t *testing.T) { storagetest.Run(t, harness()) }

// The benchmarks of the kit:
//
//	go test -run '^$' -bench . ./storage/memory
func BenchmarkStore(b *testing.B) { storagetest.Benchmark(b, harness()) }

// Deleting and restoring everything must cost the same at any number of
// threads; what it allocates is a count of what it touches.
func TestDeletingAllAllocatesTheSameAtAnySize(t *testing.T) {
	allocations := func(n int) float64 {
		ctx := t.Context()
		svc := threads.NewService(memory.New(), nil)
		for range n {
			if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: "org_a"}); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(100, func() {
			d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
			if err != nil || d.Count != int64(n) {
				t.Fatalf("SoftDeleteAll(ada, all) = %d, %v; want %d, nil", d.Count, err, n)
			}
			if back, err := svc.Restore(ctx, "ada", d.ID); err != nil || back != int64(n) {
				t.Fatalf("Restore = %d, %v; want %d, nil", back, err, n)
			}
		})
	}
	few, many := allocations(10), allocations(100_000)
	// The record of each deletion stays, in trees that now and then grow.
	if few > 100 || many > few+5 {
		t.Errorf("deleting and restoring 10 threads allocates %.0f times, 100,000 threads %.0f times; want the same, and few", few, many)
	}
}

// What a user no longer has must not stay in memory, nor a user who has
// nothing.
func TestNobodyIsLeftWithoutThreads(t *testing.T) {
	ctx := t.Context()
	store := memory.New()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	svc := threads.NewService(store, &threads.Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	for i := range 100 {
		user := fmt.Sprint("user", i)
		for range 3 {
			if _, err := svc.Create(ctx, user, threads.Draft{Organization: "org_a", Assistant: "asst", Pinned: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := svc.SoftDeleteAll(ctx, user, threads.All()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second takes the records
		for i := range 100 {
			if _, err := svc.Purge(ctx, fmt.Sprint("user", i), now, 1_000); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := store.Users(); left != 0 {
		t.Errorf("%d users are kept who have nothing; want none", left)
	}
}

// titlesOf is the kind of function that a host tests against this store.
func titlesOf(t *testing.T, svc *threads.Service, user string) (titles []string) {
	t.Helper()
	for thread, err := range svc.All(t.Context(), user, threads.Query{Scope: threads.All(), Order: threads.OldestFirst}) {
		if err != nil {
			t.Fatal(err)
		}
		titles = append(titles, thread.Title)
	}
	return titles
}

func TestInATable(t *testing.T) {
	for name, c := range map[string]struct {
		scope threads.Scope
		want  string
	}{
		"everything":      {threads.All(), "[]"},
		"an organization": {threads.InOrganization("org_a"), "[b]"},
		"personal":        {threads.Personal(), "[a]"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := threads.NewService(memory.New(), nil) // a fresh store in one line
			for _, d := range []threads.Draft{{Title: "a", Organization: "org_a"}, {Title: "b"}} {
				if _, err := svc.Create(t.Context(), "ada", d); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := svc.SoftDeleteAll(t.Context(), "ada", c.scope); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(titlesOf(t, svc, "ada")); got != c.want {
				t.Errorf("titles after deleting %s = %s; want %s", name, got, c.want)
			}
		})
	}
}

// A nil context is a mistake of the caller, who may recover from the panic.
func TestAPanicInACallHoldsNoLock(t *testing.T) {
	s := memory.New()
	for name, call := range map[string]func(ctx context.Context){
		"UsersDue": func(ctx context.Context) { _, _ = s.UsersDue(ctx, time.Unix(1, 0).UTC(), "", 1) },
		"Count":    func(ctx context.Context) { _, _ = s.Count(ctx, "ada", threads.All()) },
		"Erase":    func(ctx context.Context) { _, _ = s.Erase(ctx, "ada") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s with a nil context returned; want a panic", name)
				}
			}()
			call(nil)
		}()
		if !s.Unlocked() {
			t.Fatalf("%s holds the lock after a panic", name)
		}
	}
}
