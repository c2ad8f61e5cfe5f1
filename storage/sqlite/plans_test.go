package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// A plan must find what it reads by an index, and must not sort.
func wantPlan(t *testing.T, store *sqlite.Store, text string) {
	t.Helper()
	steps, err := store.Explain(t.Context(), text)
	require.NoError(t, err)
	for _, step := range steps {
		if strings.HasPrefix(step, "SCAN ") && step != "SCAN each" || strings.Contains(step, "TEMP B-TREE") {
			t.Errorf("the plan of %s has the step %q, which costs what there is and not what is asked for:\n%s", text, step, strings.Join(steps, "\n"))
		}
	}
	require.NotEmpty(t, steps)
}

func TestPlans(t *testing.T) {
	yes, no := true, false
	queries := map[string]threads.Query{
		"all": {}, "pinned": {Pinned: &yes}, "not pinned": {Pinned: &no}, "hidden": {Hidden: &yes}, "shown": {Hidden: &no},
		"assistant": {Assistant: "a"}, "assistant, pinned, shown": {Assistant: "a", Pinned: &yes, Hidden: &no},
		"pinned, hidden": {Pinned: &yes, Hidden: &yes},
	}
	for _, filled := range []int{0, 1, 500} {
		t.Run(fmt.Sprintf("threads=%d", filled), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			store, svc := open(t, path, nil)
			if filled > 0 {
				createMany(t, svc, "ada", filled)
				_, err := svc.SoftDeleteAll(t.Context(), "ada", threads.All())
				require.NoError(t, err)
				createMany(t, svc, "ada", filled)
				shell(t, path, "ANALYZE") // a host may, and statistics change plans
			}
			for name, text := range sqlite.Statements() {
				t.Run(name, func(t *testing.T) { wantPlan(t, store, text) })
			}
			for name, q := range queries {
				for _, q.Order = range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
					for _, from := range []bool{false, true} {
						for _, generations := range []int{1, 2, 7} {
							t.Run(fmt.Sprintf("page/%s/%d/%v/%d", name, q.Order, from, generations), func(t *testing.T) {
								wantPlan(t, store, sqlite.PageSQL(q, from, generations))
							})
						}
					}
				}
			}
		})
	}
}

func TestRowsWrittenAreTheSameAtEverySize(t *testing.T) {
	written := func(n int) (deleting, restoring int64) {
		store, svc := open(t, filepath.Join(t.TempDir(), "db"), nil)
		createMany(t, svc, "ada", n)
		count := func(f func()) int64 {
			before, err := store.Stats(t.Context())
			require.NoError(t, err)
			f()
			after, err := store.Stats(t.Context())
			require.NoError(t, err)
			return after.RowsWritten - before.RowsWritten
		}
		var d threads.Deletion
		deleting = count(func() {
			var err error
			d, err = svc.SoftDeleteAll(t.Context(), "ada", threads.All())
			require.NoError(t, err)
			require.EqualValues(t, n, d.Count)
		})
		restoring = count(func() {
			restored, err := svc.Restore(t.Context(), "ada", d.ID)
			require.NoError(t, err)
			require.EqualValues(t, n, restored)
		})
		return deleting, restoring
	}
	for _, n := range []int{1, 100, 3_000} {
		deleting, restoring := written(n)
		if deleting != 2 || restoring != 2 {
			t.Errorf("SoftDeleteAll and Restore of %d threads wrote %d and %d rows; want 2 each: the generation and the deletion", n, deleting, restoring)
		}
	}
}

func TestMoreGenerationsThanAStatementTakes(t *testing.T) {
	_, svc := open(t, filepath.Join(t.TempDir(), "db"), nil)
	n := 2*sqlite.MaxLive + 7
	for i := range n {
		_, err := svc.Create(t.Context(), "ada", threads.Draft{Organization: fmt.Sprint("org_", i), Title: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	var last threads.Cursor
	for th, err := range svc.All(t.Context(), "ada", threads.Query{Scope: threads.All(), Order: threads.OldestFirst}) {
		require.NoError(t, err)
		if seen[th.ID] || th.Cursor().Compare(last) <= 0 {
			t.Fatalf("thread %s comes after %v; want each once and in order", th.ID, last)
		}
		seen[th.ID], last = true, th.Cursor()
	}
	require.Len(t, seen, n)
}
