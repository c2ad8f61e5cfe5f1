package threads_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// trash gives ada three deletions an hour apart, of 1, 2 and 3 threads, and
// one live thread.
func trash(t *testing.T) (f *fixture, ids []string) {
	t.Helper()
	return trashOver(t, memory.New())
}

func trashOver(t *testing.T, store threads.Store) (f *fixture, ids []string) {
	t.Helper()
	f = newFixtureOver(t, store)
	for _, batch := range [][]string{{"a1"}, {"b1", "b2"}, {"c1", "c2", "c3"}} {
		for _, id := range batch {
			f.create("ada", threads.Draft{ID: id})
		}
		ids = append(ids, f.deleteAll("ada", threads.All()).ID)
		f.clock.advance(time.Hour)
	}
	f.create("ada", threads.Draft{ID: "live"})
	return f, ids
}

func (f *fixture) purge(user string, before time.Time, limit int, want threads.PurgeResult) {
	f.t.Helper()
	if got, err := f.Purge(f.t.Context(), user, before, limit); err != nil || got != want {
		f.t.Errorf("Purge(%s, %s, %d) = %+v, %v; want %+v, nil", user, before, limit, got, err, want)
	}
}

func TestPurgeTakesOnlyWhatWasDeletedBefore(t *testing.T) {
	f, ids := trash(t)
	f.purge("ada", start, 100, threads.PurgeResult{}) // deleted at that time is not before it
	f.purge("ada", start.Add(time.Hour), 100, threads.PurgeResult{Threads: 1, Deletions: 1})
	f.wantCounts("ada", threads.All(), threads.Counts{Live: 1, Deleted: 5})
	f.restore("ada", ids[1], 2)
	f.restore("ada", ids[2], 3)
	f.wantLive("ada", "b1", "b2", "c1", "c2", "c3", "live")
}

func TestPurgeInBatchesOldestFirst(t *testing.T) {
	f, ids := trash(t)
	before := f.clock.Now()
	f.purge("ada", before, 2, threads.PurgeResult{Threads: 2, Deletions: 1, More: true})
	if d := f.deletion("ada", ids[0]); d.Held != 0 || d.PurgedAt != before || !d.Emptied() {
		t.Errorf("first deletion = %+v; want held 0, purged at %s", d, before)
	}
	if d := f.deletion("ada", ids[1]); d.Held != 1 || d.Count != 2 || d.PurgedAt != before {
		t.Errorf("second deletion = %+v; want held 1, count 2, its purge begun at %s", d, before)
	}
	if d := f.deletion("ada", ids[2]); d.Held != 3 || !d.PurgedAt.IsZero() {
		t.Errorf("third deletion = %+v; want it untouched", d)
	}
	f.restore("ada", ids[2], 3) // stopping there is safe
	f.purge("ada", before, 1, threads.PurgeResult{Threads: 1, Deletions: 1, More: true})
	f.purge("ada", before, 1, threads.PurgeResult{Deletions: 1}) // the restored one holds none; its record goes
	f.purge("ada", before, 1, threads.PurgeResult{})
	f.wantLive("ada", "c1", "c2", "c3", "live")
	f.wantCounts("ada", threads.All(), threads.Counts{Live: 4})
}

func TestPurgeOfOneUserLeavesOthersAlone(t *testing.T) {
	f, _ := trash(t)
	f.createIn("bob", "", "a1")
	f.deleteAll("bob", threads.All())
	f.clock.advance(time.Hour)
	f.purge("ada", f.clock.Now(), 100, threads.PurgeResult{Threads: 6, Deletions: 3})
	f.wantCounts("bob", threads.All(), threads.Counts{Deleted: 1})
	f.purge("nobody", f.clock.Now(), 100, threads.PurgeResult{})
}

func TestRecordOfAPurgedDeletionOutlivesItsThreads(t *testing.T) {
	f, ids := trash(t)
	f.purge("ada", f.clock.Now(), 100, threads.PurgeResult{Threads: 6, Deletions: 3})
	purged := f.clock.Now()
	f.clock.advance(time.Hour)
	f.purge("ada", purged, 100, threads.PurgeResult{}) // not after that purge
	_, err := f.Restore(t.Context(), "ada", ids[0])
	wantError(t, "Restore() of a purged deletion", err, threads.ErrPurged)
	f.purge("ada", purged.Add(time.Microsecond), 100, threads.PurgeResult{}) // records that were counted before
	_, err = f.Restore(t.Context(), "ada", ids[0])
	wantError(t, "Restore() when the record is gone too", err, threads.ErrNotFound)
}

// What a preview says is what purging removes in the end, whatever the steps.
func TestPreviewIsWhatPurgingRemoves(t *testing.T) {
	for hours := range 5 {
		for limit := 1; limit <= 7; limit++ {
			f, ids := trash(t)
			f.delete("ada", "live")
			f.restore("ada", ids[1], 2)
			f.clock.advance(time.Minute)
			before := start.Add(time.Duration(hours)*time.Hour + time.Second)
			preview, err := f.PreviewPurge(t.Context(), "ada", before)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := f.PreviewPurge(t.Context(), "ada", before); err != nil || again != preview {
				t.Errorf("PreviewPurge() again = %+v, %v; want %+v: it changes nothing", again, err, preview)
			}
			var got threads.Preview
			for more := true; more; {
				r, err := f.Purge(t.Context(), "ada", before, limit)
				if err != nil || r.Threads > int64(limit) {
					t.Fatalf("Purge(limit %d) = %+v, %v; want at most the limit", limit, r, err)
				}
				got.Threads += r.Threads
				got.Deletions += r.Deletions
				more = r.More
			}
			if got != preview {
				t.Errorf("before hour %d, limit %d: purging removed %+v; the preview said %+v", hours, limit, got, preview)
			}
			if left, err := f.PreviewPurge(t.Context(), "ada", before); err != nil || left != (threads.Preview{}) {
				t.Errorf("PreviewPurge() after it = %+v, %v; want nothing", left, err)
			}
		}
	}
}

func TestPurgeRefusesWhatWouldPurgeEverything(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	ctx := t.Context()
	for name, c := range map[string]struct {
		user   string
		before time.Time
		limit  int
		field  string
	}{
		"the zero time":        {"ada", time.Time{}, 1, "before"},
		"a time of year 10000": {"ada", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), 1, "before"},
		"a time of year 0":     {"ada", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), 1, "before"},
		"no user":              {"", start, 1, "user"},
		"limit 0":              {"ada", start, 0, "limit"},
		"a negative limit":     {"ada", start, -1, "limit"},
		"one above MaxPurge":   {"ada", start, threads.MaxPurge + 1, "limit"},
		"the largest int":      {"ada", start, math.MaxInt, "limit"},
	} {
		_, err := svc.Purge(ctx, c.user, c.before, c.limit)
		wantInvalid(t, "Purge() with "+name, err, c.field)
		if c.field != "limit" {
			_, err = svc.PreviewPurge(ctx, c.user, c.before)
			wantInvalid(t, "PreviewPurge() with "+name, err, c.field)
		}
	}
	f, _ := trash(t)
	f.purge("ada", f.clock.Now(), threads.MaxPurge, threads.PurgeResult{Threads: 6, Deletions: 3})
}

func TestEraseLeavesNoTrace(t *testing.T) {
	f, ids := trash(t)
	ctx := t.Context()
	f.deleteAll("ada", threads.InOrganization("org_a"), threads.WithIdempotencyKey("k"))
	f.createIn("bob", "", "live")
	got, err := f.Erase(ctx, "ada")
	if err != nil || got.Threads != 7 || got.Deletions != 4 || len(got.Verified) == 0 {
		t.Errorf("Erase(ada) = %+v, %v; want 7 threads, 4 deletions, and what was verified", got, err)
	}
	f.wantCounts("ada", threads.All(), threads.Counts{})
	_, err = f.Deletion(ctx, "ada", ids[0])
	wantError(t, "Deletion() after Erase", err, threads.ErrNotFound)
	f.wantLive("bob", "live")
	if again, err := f.Erase(ctx, "ada"); err != nil || again.Threads != 0 || again.Deletions != 0 {
		t.Errorf("Erase(ada) again = %+v, %v; want nothing removed, nil", again, err)
	}
	// Ids and keys are free, and nothing of before comes back with them.
	f.createIn("ada", "org_a", "a1")
	if d := f.deleteAll("ada", threads.InOrganization("org_a"), threads.WithIdempotencyKey("k")); d.Count != 1 {
		t.Errorf("SoftDeleteAll() with the key of before = %+v; want it to delete 1", d)
	}
}

// halting is a store whose purges and erasures stop half way.
type halting struct {
	threads.Store
	why error
}

func (h halting) Purge(ctx context.Context, user string, before, now time.Time, _ int) (threads.PurgeResult, error) {
	r, err := h.Store.Purge(ctx, user, before, now, 2)
	return r, errors.Join(err, h.why)
}

func (h halting) Erase(ctx context.Context, user string) (threads.Erasure, error) {
	e, err := h.Store.Erase(ctx, user)
	return e, errors.Join(err, h.why)
}

func TestWhatWasRemovedBeforeAFailureIsTold(t *testing.T) {
	why := errors.New("stopped")
	f, _ := trashOver(t, halting{memory.New(), why})
	f.clock.advance(24 * time.Hour)
	want := threads.PurgeResult{Threads: 2, Deletions: 1, More: true}
	if r, err := f.Purge(t.Context(), "ada", f.clock.Now(), 100); r != want || !errors.Is(err, why) {
		t.Errorf("Purge(ada) that stops after two threads = %+v, %v; want %+v, %v", r, err, want, why)
	}
	var reports []threads.PurgeResult
	ctx, cancel := context.WithCancel(t.Context())
	err := f.Retain(ctx, threads.Retention{Keep: time.Hour, Report: func(_ string, r threads.PurgeResult, _ error) {
		reports = append(reports, r)
		cancel()
	}})
	wantError(t, "Retain()", err, context.Canceled)
	if len(reports) != 1 || reports[0] != want {
		t.Errorf("reports of a round that stops after two threads = %+v; want [%+v]", reports, want)
	}
	if e, err := f.Erase(t.Context(), "ada"); e.Threads != 3 || !errors.Is(err, why) {
		t.Errorf("Erase(ada) that stops at its end = %+v, %v; want 3 threads, %v", e, err, why)
	}
}
