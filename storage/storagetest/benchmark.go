package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

// Benchmark measures a store, each operation in a sub-benchmark. With 10 to
// 1,000,000 live threads of one user (see [Harness.MaxThreads]):
//
//	DeleteAndRestoreAll  SoftDeleteAll and Restore of all of them, as a pair;
//	                     each alone is in delete-ns/op and restore-ns/op
//	Page                 of 50, from the middle
//	PageBesideDeleted    of 50 live threads while all the others are deleted
//	Count, Get, Update   of a thread in the middle
//	DeleteAndRestoreOne  of that thread, as a pair
//
// And without any:
//
//	Create               by one goroutine
//	CreateParallel       by many, each for a user of its own
//	Purge                of 1,000 threads at a time
//
// What does not depend on the number of threads is flat from line to line;
// threads/op says how many threads an operation is about.
func Benchmark(b *testing.B, h Harness) {
	if err := h.validate(); err != nil {
		b.Fatal(err)
	}
	var filled []*measurement // they stay, as filling takes longer than measuring
	for n := 10; n <= h.maxThreads(); n *= 10 {
		m := h.measure(b)
		m.threads = n
		filled = append(filled, m)
	}
	for _, o := range []struct {
		name string
		run  func(*measurement, *testing.B)
	}{
		{"DeleteAndRestoreAll", (*measurement).deleteAndRestoreAll},
		{"Page", (*measurement).page},
		{"Count", (*measurement).count},
		{"Get", (*measurement).get},
		{"Update", (*measurement).update},
		{"DeleteAndRestoreOne", (*measurement).deleteAndRestoreOne},
		{"PageBesideDeleted", (*measurement).pageBesideDeleted},
	} {
		for _, m := range filled {
			b.Run(fmt.Sprintf("%s/threads=%d", o.name, m.threads), func(b *testing.B) {
				m.fill(b)
				b.ReportAllocs()
				o.run(m, b)
			})
		}
	}
	b.Run("Create", h.measure(b).create)
	b.Run("CreateParallel", h.measure(b).createParallel)
	b.Run("Purge", h.measure(b).purge)
}

func (h Harness) maxThreads() int {
	switch {
	case h.MaxThreads > 0:
		return h.MaxThreads
	case testing.Short():
		return 10_000
	}
	return 1_000_000
}

// measurement is a store under measurement, and what is in it.
type measurement struct {
	ctx     context.Context
	store   threads.Store
	threads int          // how many are live when it is filled
	made    atomic.Int64 // how many threads and deletions were made, for new ids and times
}

// measure opens a store that is closed when b ends.
func (h Harness) measure(b *testing.B) *measurement {
	e, err := newEnv(h, b.TempDir())
	check(b, err)
	b.Cleanup(func() { check(b, e.close()) })
	return &measurement{ctx: b.Context(), store: e.store}
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// fill creates the threads, unless they are there.
func (m *measurement) fill(b *testing.B) {
	if m.made.Load() == 0 {
		m.createMany(b, m.threads)
	}
}

// createMany creates threads for ada by several goroutines, as stores that
// group commits are quicker then.
func (m *measurement) createMany(b *testing.B, n int) {
	const goroutines = 16
	errs := make(chan error, goroutines)
	for g := range goroutines {
		go func() {
			var err error
			for i := g; i < n && err == nil; i += goroutines {
				err = m.create1(m.made.Add(1), "ada")
			}
			errs <- err
		}()
	}
	var err error
	for range goroutines {
		err = errors.Join(err, <-errs)
	}
	check(b, err)
}

// create1 creates the user's n-th thread, newer than those before it.
func (m *measurement) create1(n int64, user string) error {
	when := m.time(n)
	return m.store.Create(m.ctx, user, threads.Thread{
		ID: fmt.Sprintf("thrd_%012d", n), User: user, Organization: []string{"", "org_a", "org_b", "org_c"}[n%4],
		Title: "How many threads make a skein?", Metadata: map[string]string{"topic": "wool"},
		CreatedAt: when, UpdatedAt: when, LastActivityAt: when, Version: 1,
	})
}

func (m *measurement) time(n int64) time.Time { return at(0).Add(time.Duration(n) * time.Millisecond) }

// middle is the id of a thread that has as many before as after it.
func (m *measurement) middle() string { return fmt.Sprintf("thrd_%012d", max(1, m.threads/2)) }

func (m *measurement) deletion() threads.Deletion {
	n := m.made.Add(1)
	return threads.Deletion{ID: fmt.Sprintf("del_%012d", n), User: "ada", Scope: threads.All(), DeletedAt: m.time(n)}
}

// tidy removes, off the clock and now and then, the records of the deletions
// that the benchmark has undone.
func (m *measurement) tidy(b *testing.B, round int) {
	if round%1_000 != 999 {
		return
	}
	b.StopTimer()
	_, err := m.store.Purge(m.ctx, "ada", far.AddDate(100, 0, 0), far, threads.MaxPurge)
	check(b, err)
	b.StartTimer()
}

func (m *measurement) deleteAndRestoreAll(b *testing.B) {
	var deleting, restoring time.Duration
	for round := 0; b.Loop(); round++ {
		d := m.deletion()
		began := time.Now()
		d, err := m.store.SoftDeleteAll(m.ctx, "ada", d)
		deleted := time.Now()
		check(b, err)
		n, err := m.store.Restore(m.ctx, "ada", d.ID, d.DeletedAt)
		restoring += time.Since(deleted)
		deleting += deleted.Sub(began)
		check(b, err)
		if d.Count != int64(m.threads) || n != d.Count {
			b.Fatalf("SoftDeleteAll(ada) = %d, Restore = %d; want %d, %[3]d", d.Count, n, m.threads)
		}
		m.tidy(b, round)
	}
	b.ReportMetric(float64(deleting.Nanoseconds())/float64(b.N), "delete-ns/op")
	b.ReportMetric(float64(restoring.Nanoseconds())/float64(b.N), "restore-ns/op")
	b.ReportMetric(float64(m.threads), "threads/op")
}

func (m *measurement) page(b *testing.B) {
	t, err := m.store.Get(m.ctx, "ada", m.middle(), threads.Live)
	check(b, err)
	m.pageAfter(b, t.Cursor())
}

// pageBesideDeleted lists what is created after all others were deleted, and
// puts everything back as it was but for those.
func (m *measurement) pageBesideDeleted(b *testing.B) {
	d, err := m.store.SoftDeleteAll(m.ctx, "ada", m.deletion())
	check(b, err)
	m.createMany(b, 100)
	m.pageAfter(b, threads.Cursor{})
	few, err := m.store.SoftDeleteAll(m.ctx, "ada", m.deletion())
	check(b, err)
	_, err = m.store.Restore(m.ctx, "ada", d.ID, d.DeletedAt)
	check(b, err)
	if few.Count != 100 {
		b.Fatalf("SoftDeleteAll(ada) = %d; want 100", few.Count)
	}
}

func (m *measurement) pageAfter(b *testing.B, after threads.Cursor) {
	const size = 50
	var list []threads.Thread
	for b.Loop() {
		var err error
		list, err = m.store.List(m.ctx, "ada", threads.Query{Scope: threads.All()}, after, size)
		check(b, err)
	}
	if len(list) < min(size, m.threads/2-1) {
		b.Fatalf("List(ada) has %d threads; want %d", len(list), size)
	}
	b.ReportMetric(float64(len(list)), "threads/op")
}

func (m *measurement) count(b *testing.B) {
	for b.Loop() {
		n, err := m.store.Count(m.ctx, "ada", threads.All())
		check(b, err)
		if n.Live != int64(m.threads) {
			b.Fatalf("Count(ada, all).Live = %d; want %d", n.Live, m.threads)
		}
	}
	b.ReportMetric(float64(m.threads), "threads/op")
}

func (m *measurement) get(b *testing.B) {
	for b.Loop() {
		_, err := m.store.Get(m.ctx, "ada", m.middle(), threads.Live)
		check(b, err)
	}
}

func (m *measurement) update(b *testing.B) {
	t, err := m.store.Get(m.ctx, "ada", m.middle(), threads.Live)
	check(b, err)
	for b.Loop() {
		check(b, m.store.Update(m.ctx, "ada", t))
		t.Version++
	}
}

func (m *measurement) deleteAndRestoreOne(b *testing.B) {
	for round := 0; b.Loop(); round++ {
		d, err := m.store.Delete(m.ctx, "ada", m.middle(), m.deletion())
		check(b, err)
		_, err = m.store.Restore(m.ctx, "ada", d.ID, d.DeletedAt)
		check(b, err)
		m.tidy(b, round)
	}
	b.ReportMetric(1, "threads/op")
}

func (m *measurement) create(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		check(b, m.create1(m.made.Add(1), "ada"))
	}
	b.ReportMetric(1, "threads/op")
}

func (m *measurement) createParallel(b *testing.B) {
	b.ReportAllocs()
	var users atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		user := fmt.Sprint("user ", users.Add(1))
		for pb.Next() {
			if err := m.create1(m.made.Add(1), user); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(1, "threads/op")
}

// purge purges a tenth of what was deleted at each turn, and makes more of
// that off the clock.
func (m *measurement) purge(b *testing.B) {
	const batch, batches = 1_000, 10
	b.ReportAllocs()
	for round := 0; b.Loop(); round++ {
		if round%batches == 0 {
			b.StopTimer()
			m.createMany(b, batch*batches)
			_, err := m.store.SoftDeleteAll(m.ctx, "ada", m.deletion())
			check(b, err)
			b.StartTimer()
		}
		r, err := m.store.Purge(m.ctx, "ada", far.AddDate(100, 0, 0), far.AddDate(200, 0, 0), batch)
		check(b, err)
		if r.Threads != batch {
			b.Fatalf("Purge(ada, %d) = %+v; want all of them threads", batch, r)
		}
	}
	b.ReportMetric(batch, "threads/op")
}
