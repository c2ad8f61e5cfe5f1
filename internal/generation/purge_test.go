package generation_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

var epoch = time.Date(2026, time.March, 14, 0, 0, 0, 0, time.UTC)

// at is a time some seconds after the epoch of these tests.
func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// trash is a generation.Trash of records alone. It logs what it is asked to
// do, and fails where it is told to.
type trash struct {
	deletions map[string]threads.Deletion
	log       []string
	fail      string // the call that fails: "Earliest", "Remove", "Put" or "Drop"
	lacks     bool   // the records say more than there is
}

var errEngine = errors.New("engine failed")

func newTrash(deletions ...threads.Deletion) *trash {
	t := &trash{deletions: map[string]threads.Deletion{}}
	for _, d := range deletions {
		t.deletions[d.ID] = d
	}
	return t
}

func (t *trash) call(name, detail string) error {
	t.log = append(t.log, name+detail)
	if t.fail == name {
		return errEngine
	}
	return nil
}

func (t *trash) due(before time.Time) []threads.Deletion {
	var due []threads.Deletion
	for _, d := range t.deletions {
		if d.Due().Before(before) {
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b threads.Deletion) int {
		return cmp.Or(a.Due().Compare(b.Due()), cmp.Compare(a.ID, b.ID))
	})
	return due
}

func (t *trash) Earliest(before time.Time) (threads.Deletion, bool, error) {
	if t.fail == "Earliest" {
		return threads.Deletion{}, false, errEngine
	}
	due := t.due(before)
	if len(due) == 0 {
		return threads.Deletion{}, false, nil
	}
	return due[0], true, nil
}

func (t *trash) Remove(d threads.Deletion, limit int64) (int64, error) {
	if err := t.call("Remove", fmt.Sprintf(" %s%s %d", d.ID, d.Thread, limit)); err != nil || t.lacks {
		return 0, err
	}
	return min(limit, 3), nil // as a store that hands out one small generation at a time
}

func (t *trash) Put(d threads.Deletion) error {
	if err := t.call("Put", fmt.Sprintf(" %s %d", d.ID, d.Held)); err != nil {
		return err
	}
	t.deletions[d.ID] = d
	return nil
}

func (t *trash) Drop(d threads.Deletion) error {
	if err := t.call("Drop", " "+d.ID); err != nil {
		return err
	}
	delete(t.deletions, d.ID)
	return nil
}

func held(id string, deletedAt int, n int64) threads.Deletion {
	return threads.Deletion{ID: id, DeletedAt: at(deletedAt), Count: n, Held: n}
}

func TestPurgeTakesTheEarliestFirstUpToTheLimit(t *testing.T) {
	single := held("c", 2, 1)
	single.Thread = ":one"
	restored := held("b", 2, 0)
	deletions := []threads.Deletion{held("late", 9, 5), held("a", 3, 2), single, restored, held("z", 1, 5)}

	for _, c := range []struct {
		before, limit int
		want          threads.PurgeResult
		log           []string
	}{
		{1, 10, threads.PurgeResult{}, nil}, // a deletion of that time is not before it
		{2, 2, threads.PurgeResult{Threads: 2, More: true}, []string{"Remove z 2", "Put z 3"}},
		{2, 4, threads.PurgeResult{Threads: 4, More: true}, []string{"Remove z 4", "Put z 2", "Remove z 1", "Put z 1"}},
		{2, 5, threads.PurgeResult{Threads: 5, Deletions: 1}, []string{"Remove z 5", "Put z 2", "Remove z 2", "Put z 0"}},
		{3, 5, threads.PurgeResult{Threads: 5, Deletions: 1, More: true}, []string{"Remove z 5", "Put z 2", "Remove z 2", "Put z 0"}},
		{3, 6, threads.PurgeResult{Threads: 5, Deletions: 2, More: true}, []string{
			"Remove z 5", "Put z 2", "Remove z 2", "Put z 0", "Drop b", // a record counts against the limit
		}},
		{3, 7, threads.PurgeResult{Threads: 6, Deletions: 3}, []string{
			"Remove z 5", "Put z 2", "Remove z 2", "Put z 0", "Drop b", "Remove c:one 1", "Put c 0",
		}},
		{9, 10_000, threads.PurgeResult{Threads: 8, Deletions: 4}, []string{
			"Remove z 5", "Put z 2", "Remove z 2", "Put z 0", "Drop b", "Remove c:one 1", "Put c 0", "Remove a 2", "Put a 0",
		}},
	} {
		trash := newTrash(deletions...)
		got, err := generation.Purge(trash, at(c.before), at(100), c.limit)
		if err != nil || got != c.want {
			t.Errorf("Purge(before %d, limit %d) = %+v, %v; want %+v, nil", c.before, c.limit, got, err, c.want)
		}
		if !reflect.DeepEqual(trash.log, c.log) {
			t.Errorf("Purge(before %d, limit %d) did %q; want %q", c.before, c.limit, trash.log, c.log)
		}
	}
}

func TestPurgeMarksWhatItTouches(t *testing.T) {
	first, second := held("a", 1, 4), held("b", 2, 4)
	first.Thread = "x"
	first.RestoredAt, first.Key = at(1), "key"
	trash := newTrash(first, second)
	if _, err := generation.Purge(trash, at(50), at(50), 2); err != nil {
		t.Fatal(err)
	}
	want := first
	want.Held, want.PurgedAt = 2, at(50)
	if got := trash.deletions["a"]; got != want {
		t.Errorf("the record after one batch = %+v; want %+v: held 2, its purge begun", got, want)
	}
	if got := trash.deletions["b"]; got != second {
		t.Errorf("the next record = %+v; want it untouched: %+v", got, second)
	}
	if _, err := generation.Purge(trash, at(50), at(60), 2); err != nil {
		t.Fatal(err)
	}
	want.Held, want.Thread = 0, ""
	if got := trash.deletions["a"]; got != want {
		t.Errorf("the record after the last batch = %+v; want %+v: the purge began with the first, and no thread is named", got, want)
	}
}

// The record of an emptied deletion goes by a purge after that one, and was
// counted before.
func TestPurgeDropsEmptiedRecordsLater(t *testing.T) {
	trash := newTrash(held("a", 1, 3))
	purge := func(before, now int, want threads.PurgeResult) {
		t.Helper()
		if got, err := generation.Purge(trash, at(before), at(now), 10); err != nil || got != want {
			t.Errorf("Purge(before %d) = %+v, %v; want %+v, nil", before, got, err, want)
		}
	}
	purge(50, 50, threads.PurgeResult{Threads: 3, Deletions: 1})
	purge(50, 70, threads.PurgeResult{})
	if len(trash.deletions) != 1 {
		t.Error("the record went with its threads; want it to stay until a purge of a later time")
	}
	purge(51, 80, threads.PurgeResult{})
	if len(trash.deletions) != 0 {
		t.Error("the record is still there; want it dropped")
	}
}

func TestPurgeOfARecordThatSaysMoreThanThereIs(t *testing.T) {
	trash := newTrash(held("a", 1, 3), held("b", 2, 3))
	trash.lacks = true
	_, err := generation.Purge(trash, at(50), at(50), 10)
	if !errors.Is(err, threads.ErrCorrupt) {
		t.Errorf("Purge() = %v; want %v, and not a loop without end", err, threads.ErrCorrupt)
	}
	if want := []string{"Remove a 3"}; !reflect.DeepEqual(trash.log, want) {
		t.Errorf("Purge() did %q; want %q", trash.log, want)
	}
}

func TestPurgeEndsAtTheFirstError(t *testing.T) {
	for fail, want := range map[string][]string{
		"Earliest": nil,
		"Remove":   {"Drop a", "Remove b 2"},
		"Put":      {"Drop a", "Remove b 2", "Put b 0"},
		"Drop":     {"Drop a"},
	} {
		trash := newTrash(held("a", 1, 0), held("b", 2, 2), held("c", 3, 2))
		trash.fail = fail
		_, err := generation.Purge(trash, at(50), at(50), 10)
		if !errors.Is(err, errEngine) {
			t.Errorf("Purge() when %s fails = %v; want %v", fail, err, errEngine)
		}
		if !reflect.DeepEqual(trash.log, want) {
			t.Errorf("Purge() when %s fails did %q; want %q", fail, trash.log, want)
		}
	}
}

// A preview is the sum of the purges to come, whatever their limits.
func TestPreviewIsTheSumOfPurges(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		trash := newTrash()
		for i := range r.IntN(12) {
			d := held(fmt.Sprint("d", i), r.IntN(10), int64(r.IntN(8)))
			switch r.IntN(4) {
			case 0: // its purge has begun, and perhaps taken all
				d.PurgedAt = at(r.IntN(20))
			case 1:
				d.RestoredAt, d.Held = at(10), 0
			}
			trash.deletions[d.ID] = d
		}
		before := at(r.IntN(20))
		now := at(r.IntN(40)) // no rule depends on now being after before
		var want threads.Preview
		for _, d := range trash.due(before) {
			generation.Preview(&want, d)
		}
		var got threads.Preview
		for more, calls := true, 0; more; calls++ {
			limit := 1 + r.IntN(6)
			result, err := generation.Purge(trash, before, now, limit)
			if err != nil || result.Threads > int64(limit) || calls > 200 {
				t.Fatalf("seed %d: Purge(limit %d) = %+v, %v in call %d; want at most the limit, and an end", seed, limit, result, err, calls)
			}
			got.Threads += result.Threads
			got.Deletions += result.Deletions
			more = result.More
		}
		if got != want {
			t.Errorf("seed %d: purges removed %+v; the preview said %+v", seed, got, want)
		}
		if left := trash.due(before); len(left) > 0 {
			t.Errorf("seed %d: no more was left, but %+v is due", seed, left)
		}
	}
}
