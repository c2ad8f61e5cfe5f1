package sqlite_test

import (
	"fmt"
	"os"
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

// cost is what a call wrote: rows, and pages of the log.
type cost struct{ rows, pages int64 }

func costOf(t *testing.T, store *sqlite.Store, path string, call func()) cost {
	t.Helper()
	shell(t, path, `PRAGMA wal_checkpoint(TRUNCATE)`)
	before, err := store.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, before.LogBytes)
	call()
	after, err := store.Stats(t.Context())
	require.NoError(t, err)
	const head, frame = 32, 24 + 4096 // of the log
	return cost{after.RowsWritten - before.RowsWritten, (after.LogBytes - head) / frame}
}

// TestACreateWritesOnePageForItsCount: beside those of the thread and of its
// two indexes. The index of generations stays as it is.
func TestACreateWritesOnePageForItsCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	store, svc := open(t, path, nil)
	createMany(t, svc, "ada", 1)
	require.Equal(t, cost{rows: 2, pages: 4}, costOf(t, store, path, func() { createMany(t, svc, "ada", 1) }))
}

// TestDeletingAndRestoringWriteTheSameAtEverySize: SKEIN_LONG=1 also counts at
// a million threads.
func TestDeletingAndRestoringWriteTheSameAtEverySize(t *testing.T) {
	sizes := []int{100, 10_000}
	if os.Getenv("SKEIN_LONG") != "" {
		sizes = append(sizes, 1_000_000)
	}
	written := func(n int) (deleting, restoring cost) {
		path := filepath.Join(t.TempDir(), "db")
		store, svc := open(t, path, nil)
		createMany(t, svc, "ada", n)
		var d threads.Deletion
		deleting = costOf(t, store, path, func() {
			var err error
			d, err = svc.SoftDeleteAll(t.Context(), "ada", threads.All())
			require.NoError(t, err)
			require.EqualValues(t, n, d.Count)
		})
		restoring = costOf(t, store, path, func() {
			restored, err := svc.Restore(t.Context(), "ada", d.ID)
			require.NoError(t, err)
			require.EqualValues(t, n, restored)
		})
		return deleting, restoring
	}
	leastDeleting, leastRestoring := written(1)
	require.Equal(t, []int64{2, 2}, []int64{leastDeleting.rows, leastRestoring.rows}, "the generation and the deletion")
	for _, n := range sizes {
		deleting, restoring := written(n)
		if deleting != leastDeleting || restoring != leastRestoring {
			t.Errorf("SoftDeleteAll and Restore of %d threads wrote %+v and %+v; want %+v and %+v, as of one", n, deleting, restoring, leastDeleting, leastRestoring)
		}
		t.Logf("%d threads: SoftDeleteAll wrote %+v, Restore %+v", n, deleting, restoring)
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
