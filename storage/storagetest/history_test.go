package storagetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

// TestHistoriesReachEveryOutcome holds that the histories that Run plays come
// to every error each method has, and to what is hard to come by.
func TestHistoriesReachEveryOutcome(t *testing.T) {
	seen := map[string]int{}
	count := func(a *altered) {
		a.around = func(ctx context.Context, method, _ string, call func(context.Context) error) error {
			err := call(ctx)
			seen[fmt.Sprint(method, " ", classes(err))]++
			return err
		}
		own := a.deleteAll
		a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			v, err := own(ctx, user, d)
			switch {
			case err != nil:
			case v.ID == "":
				seen["SoftDeleteAll of none, not recorded"]++
			case v.ID != d.ID && v.Held < v.Count:
				seen["retry after something left the deletion"]++
			case v.Count == 0:
				seen["SoftDeleteAll of none, recorded"]++
			case v.Count > 2:
				seen["SoftDeleteAll of many"]++
			}
			return v, err
		}
		restore := a.restore
		a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
			d := a.deletion(user, id)
			var was threads.Deletion
			if d != nil {
				was = a.view(*d)
			}
			n, err := restore(ctx, user, id, at)
			switch {
			case err != nil:
			case n == 0:
				seen["Restore of none"]++
			case n < was.Count:
				seen["Restore of part"]++
			case n > 2:
				seen["Restore of many"]++
			}
			return n, err
		}
		purge := a.purge
		a.purge = func(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
			r, err := purge(ctx, user, before, now, limit)
			switch {
			case err != nil:
			case r.More && r.Threads > r.Deletions:
				seen["Purge of part of a deletion"]++
			case r.Threads == 0 && r.Deletions > 0:
				seen["Purge of records"]++
			case r.Deletions > 1 && r.Threads > 1:
				seen["Purge of deletions"]++
			}
			return r, err
		}
	}
	e := &Env{root: t.TempDir(), harness: Harness{Open: func(string) (threads.Store, error) { return newAltered(count), nil }}}
	for seed := uint64(1); seed <= histories; seed++ {
		if err := playHistory(t.Context(), e, seed, false); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, m := range methods {
		for _, class := range []error{nil, threads.ErrInvalid, context.Canceled} {
			want = append(want, fmt.Sprint(m.name, " ", classes(class)))
		}
	}
	for method, list := range map[string][]error{
		"Create":        {threads.ErrExists},
		"Get":           {threads.ErrNotFound},
		"Update":        {threads.ErrNotFound, threads.ErrVersionMismatch},
		"Delete":        {threads.ErrNotFound, threads.ErrExists},
		"SoftDeleteAll": {threads.ErrExists, threads.ErrKeyReused},
		"Restore":       {threads.ErrNotFound, threads.ErrPurged},
		"RestoreThread": {threads.ErrNotFound, threads.ErrPurged},
		"GetDeletion":   {threads.ErrNotFound},
	} {
		for _, class := range list {
			want = append(want, fmt.Sprint(method, " ", classes(class)))
		}
	}
	want = append(want,
		"SoftDeleteAll of none, not recorded", "SoftDeleteAll of none, recorded", "SoftDeleteAll of many",
		"retry after something left the deletion", "Restore of none", "Restore of part", "Restore of many",
		"Purge of part of a deletion", "Purge of records", "Purge of deletions")
	for _, outcome := range want {
		if seen[outcome] == 0 {
			t.Errorf("no history comes to %s", outcome)
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d %s", seen[outcome], outcome)
	}
}

func TestHistoriesAreTheSameForASeed(t *testing.T) {
	texts := func(seed uint64) (list []string) {
		for _, o := range newHistory(seed, historyLength, true) {
			list = append(list, o.text)
		}
		return list
	}
	if !slices.Equal(texts(7), texts(7)) {
		t.Error("the history of seed 7 is another the second time")
	}
	if slices.Equal(texts(7), texts(8)) {
		t.Error("the histories of seeds 7 and 8 are the same")
	}
}

// TestHistoryThatFails holds that a failure names the seed and the fewest
// operations that show it, and that the seed shows it again.
func TestHistoryThatFails(t *testing.T) {
	forgetful := Harness{Open: func(string) (threads.Store, error) {
		return newAltered(afterUpdate(func(r *threads.Thread, old, _ threads.Thread) { r.Version = old.Version })), nil
	}}
	c := Clauses()[slices.IndexFunc(Clauses(), func(c Clause) bool { return c.Name == "history/random" })]
	fails := func() string {
		err := forgetful.Check(t.Context(), c, t.TempDir())
		if err == nil {
			t.Fatal("history/random passes for a store that does not count versions; want it to fail")
		}
		return err.Error()
	}
	first := fails()
	for _, want := range []string{"history 1 goes wrong at operation ", "SKEIN_SEED=1 plays it again", "these 2 suffice", "\n   1  Create(", "\n   2  Update("} {
		if !strings.Contains(first, want) {
			t.Errorf("the failure has no %q:\n%s", want, first)
		}
	}
	t.Setenv("SKEIN_SEED", "3")
	if third := fails(); !strings.Contains(third, "history 3 goes wrong") {
		t.Errorf("with SKEIN_SEED=3 the failure is not of history 3:\n%s", third)
	}
}

func TestAHarnessMayPlayFewerHistories(t *testing.T) {
	c := Clauses()[slices.IndexFunc(Clauses(), func(c Clause) bool { return c.Name == "history/random" })]
	opened := 0
	h := Harness{Histories: 3, Open: func(dir string) (threads.Store, error) { opened++; return openModel(dir) }}
	if err := h.Check(t.Context(), c, t.TempDir()); err != nil || opened != 1+3 {
		t.Errorf("Check(history/random) with 3 histories = %v, %d stores opened; want nil, one and one for each", err, opened)
	}
}

func TestSeeds(t *testing.T) {
	for name, c := range map[string]struct {
		env         map[string]string
		first, last uint64
		fail        bool
	}{
		"by default the first ones":            {nil, 1, 9, false},
		"one of them":                          {map[string]string{"SKEIN_SEED": "0"}, 0, 0, false},
		"one of them, however many there are":  {map[string]string{"SKEIN_SEED": "77", "SKEIN_HISTORIES": "9"}, 77, 77, false},
		"as many as one likes":                 {map[string]string{"SKEIN_HISTORIES": "1000"}, 1, 1000, false},
		"a seed that is no number is an error": {map[string]string{"SKEIN_SEED": "x"}, 0, 0, true},
		"none is an error":                     {map[string]string{"SKEIN_HISTORIES": "0"}, 0, 0, true},
		"fewer than none is an error":          {map[string]string{"SKEIN_HISTORIES": "-1"}, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			first, last, err := seeds(func(key string) string { return c.env[key] }, 9)
			if first != c.first || last != c.last || (err != nil) != c.fail {
				t.Errorf("seeds() = %d, %d, %v; want %d, %d, and an error: %t", first, last, err, c.first, c.last, c.fail)
			}
		})
	}
}

func TestShrink(t *testing.T) {
	list := make([]int, 300)
	for i := range list {
		list[i] = i
	}
	tries := 0
	got := shrink(list, func(list []int) (int, bool) {
		tries++
		at := slices.Index(list, 217)
		return at, at >= 0 && slices.Contains(list[:at], 3) && slices.Contains(list[:at], 100)
	})
	if !slices.Equal(got, []int{3, 100, 217}) || tries > shrinkTries {
		t.Errorf("shrink() = %v after %d tries; want [3 100 217] after %d at most", got, tries, shrinkTries)
	}
}
