package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// The benchmarks put the store beside what SQLite itself can do, and beside
// the design that most would write: a column deleted_at and a partial index of
// the live rows. All in one run, on one disk: compare the figures with each
// other, not with another run.
//
//	go test -run '^$' -bench . -timeout 30m ./storage/sqlite
//
// -short leaves out the sizes that take long to fill.

// Every benchmarked thread has a title and metadata of a usual size.
var draft = threads.Draft{
	Organization: "org_bench",
	Title:        "Notes on the harvest of the northern orchards",
	Metadata:     map[string]string{"source": "web", "topic": "orchards"},
}

func sizes() []int {
	if testing.Short() {
		return []int{100, 10_000}
	}
	return []int{100, 10_000, 1_000_000}
}

var (
	fillOnce    sync.Mutex
	filledFiles = map[string]string{}
	fillDir     string
)

func removeFilled() {
	if fillDir != "" {
		_ = os.RemoveAll(fillDir)
	}
}

// filled returns a copy of a file that fill has made once.
func filled(b *testing.B, name string, fill func(path string)) string {
	b.Helper()
	fillOnce.Lock()
	defer fillOnce.Unlock()
	if fillDir == "" {
		var err error
		fillDir, err = os.MkdirTemp("", "skein-bench-") //nolint:usetesting // it outlives this benchmark
		require.NoError(b, err)
	}
	if filledFiles[name] == "" {
		path := filepath.Join(fillDir, name)
		fill(path)
		filledFiles[name] = path
	}
	from, err := os.Open(filledFiles[name])
	require.NoError(b, err)
	path := filepath.Join(b.TempDir(), "db")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(b, err)
	_, err = io.Copy(to, from)
	require.NoError(b, errors.Join(err, from.Close(), to.Sync(), to.Close()))
	return path
}

// stored is a file of the store with so many live threads of user "ada" and
// one of "bob".
func stored(b *testing.B, n int) string {
	return filled(b, fmt.Sprintf("store-%d", n), func(path string) {
		store, err := sqlite.Open(b.Context(), path, nil)
		require.NoError(b, err)
		svc := threads.NewService(store, nil)
		fillStore(b, svc, n)
		_, err = svc.Create(b.Context(), "bob", draft)
		require.NoError(b, errors.Join(err, store.Close()))
	})
}

func fillStore(b *testing.B, svc *threads.Service, n int) {
	var wg sync.WaitGroup
	for w := range 256 {
		wg.Go(func() {
			for range (n + 255 - w) / 256 {
				if _, err := svc.Create(context.Background(), "ada", draft); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The hand-written design.
const (
	stampedSchema = `
CREATE TABLE thread (number INTEGER PRIMARY KEY, user TEXT NOT NULL, organization TEXT NOT NULL, id TEXT NOT NULL, assistant TEXT NOT NULL, title TEXT NOT NULL,
	metadata TEXT NOT NULL, hidden INTEGER NOT NULL, pinned_at INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, active_at INTEGER NOT NULL,
	version INTEGER NOT NULL, deleted_at INTEGER, UNIQUE (user, id)) STRICT;
CREATE INDEX thread_live ON thread (user, created_at, id) WHERE deleted_at IS NULL`
	stampedInsert = `INSERT INTO thread (user, organization, id, assistant, title, metadata, hidden, created_at, updated_at, active_at, version)` +
		` VALUES (?, ?, ?, '', ?, ?, 0, ?, ?, ?, 1)`
	stampedDelete = `UPDATE thread SET deleted_at = ? WHERE user = ? AND deleted_at IS NULL`
	stampedPage   = `SELECT id, organization, assistant, title, metadata, hidden, pinned_at, created_at, updated_at, active_at, version FROM thread` +
		` WHERE user = ? AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?`
)

func openStamped(b *testing.B, path string) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(b, err)
	db.SetMaxOpenConns(1)
	return db
}

func stamped(b *testing.B, n int) *sql.DB {
	path := filled(b, fmt.Sprintf("stamped-%d", n), func(path string) {
		db := openStamped(b, path)
		_, err := db.Exec(stampedSchema)
		require.NoError(b, err)
		tx, err := db.Begin()
		require.NoError(b, err)
		st, err := tx.Prepare(stampedInsert)
		require.NoError(b, err)
		for i := range n {
			_, err := st.Exec(stampedArgs(int64(i))...)
			require.NoError(b, err)
		}
		require.NoError(b, errors.Join(tx.Commit(), db.Close()))
	})
	db := openStamped(b, path)
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func stampedArgs(i int64) []any {
	at := int64(1_700_000_000_000_000) + i
	metadata, err := json.Marshal(draft.Metadata)
	if err != nil {
		panic(err)
	}
	return []any{"ada", draft.Organization, fmt.Sprintf("thrd_%032x", i), draft.Title, string(metadata), at, at, at}
}

// turn is one thing that is measured beside others.
type turn struct {
	name string
	do   func()
}

// takeTurns does each thing in turn, again and again, so that all of them meet
// the same disk and the same neighbours, and returns the median time of each.
func takeTurns(b *testing.B, turns []turn) map[string]time.Duration {
	b.Helper()
	for _, t := range turns {
		t.do() // once without being measured: statements get prepared
	}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, t := range turns {
			start := time.Now()
			t.do()
			took[t.name] = append(took[t.name], time.Since(start))
		}
	}
	b.ReportMetric(0, "ns/op") // of all together it means nothing
	medians := map[string]time.Duration{}
	for name, list := range took {
		slices.Sort(list)
		medians[name] = list[len(list)/2]
		b.ReportMetric(float64(medians[name].Nanoseconds())/1000, name+"-us")
	}
	return medians
}

func ratio(b *testing.B, name string, of, to time.Duration) {
	b.Helper()
	b.ReportMetric(float64(of)/float64(to), name)
}

// bareCommit is the floor of every write: one durable commit of one small row.
func bareCommit(b *testing.B) func() {
	db := stamped(b, 100)
	_, err := db.Exec(`CREATE TABLE bare (n INTEGER); INSERT INTO bare VALUES (0)`)
	require.NoError(b, err)
	st, err := db.Prepare(`UPDATE bare SET n = n + 1`)
	require.NoError(b, err)
	return func() {
		_, err := st.Exec()
		require.NoError(b, err)
	}
}

// BenchmarkDeleteAll deletes all threads of a user and brings them back, at
// every size, beside a bare commit.
func BenchmarkDeleteAll(b *testing.B) {
	turns := []turn{{"bare", bareCommit(b)}}
	for _, n := range sizes() {
		_, svc := open(b, stored(b, n), nil)
		var d threads.Deletion
		turns = append(turns,
			turn{fmt.Sprintf("delete=%d", n), func() {
				var err error
				d, err = svc.SoftDeleteAll(b.Context(), "ada", threads.All())
				require.NoError(b, err)
				require.EqualValues(b, n, d.Count)
			}},
			turn{fmt.Sprintf("restore=%d", n), func() {
				restored, err := svc.Restore(b.Context(), "ada", d.ID)
				require.NoError(b, err)
				require.EqualValues(b, n, restored)
			}})
	}
	took := takeTurns(b, turns)
	least, most := sizes()[0], slices.Max(sizes())
	for _, call := range []string{"delete", "restore"} {
		small, large := took[fmt.Sprintf("%s=%d", call, least)], took[fmt.Sprintf("%s=%d", call, most)]
		ratio(b, call+"-most/least", large, small)
		ratio(b, call+"-most/bare", large, took["bare"])
	}
}

// BenchmarkPage lists the newest 50 threads that are not hidden, as most lists
// do: live in files of growing size, after twenty deletions of 10,000, and by
// the hand-written query.
func BenchmarkPage(b *testing.B) {
	shown := false
	page := func(svc *threads.Service, q threads.Query) func() {
		return func() {
			p, err := svc.List(b.Context(), "ada", q, threads.Paging{Limit: 50})
			require.NoError(b, err)
			require.Len(b, p.Threads, 50)
		}
	}
	query := threads.Query{Scope: threads.All(), Hidden: &shown}
	var turns []turn
	for _, n := range sizes()[1:] {
		_, svc := open(b, stored(b, n), nil)
		st, err := stamped(b, n).Prepare(stampedPage)
		require.NoError(b, err)
		turns = append(turns,
			turn{fmt.Sprintf("live=%d", n), page(svc, query)},
			turn{fmt.Sprintf("hidden-too=%d", n), page(svc, threads.Query{Scope: threads.All()})},
			turn{fmt.Sprintf("stamped=%d", n), func() { require.Len(b, readStamped(b, st), 50) }})
	}
	_, svc := open(b, stored(b, 10_000), nil)
	rounds := 20
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		_, err := svc.SoftDeleteAll(b.Context(), "ada", threads.All())
		require.NoError(b, err)
		fillStore(b, svc, 10_000)
	}
	turns = append(turns, turn{"deletions", page(svc, query)})
	took := takeTurns(b, turns)
	most := slices.Max(sizes())
	ratio(b, "most/10000", took[fmt.Sprintf("live=%d", most)], took["live=10000"])
	ratio(b, "deletions/10000", took["deletions"], took["live=10000"])
	ratio(b, "live/stamped", took[fmt.Sprintf("live=%d", most)], took[fmt.Sprintf("stamped=%d", most)])
	ratio(b, "hidden-too/stamped", took[fmt.Sprintf("hidden-too=%d", most)], took[fmt.Sprintf("stamped=%d", most)])
}

func readStamped(b *testing.B, st *sql.Stmt) (list []threads.Thread) {
	rows, err := st.QueryContext(b.Context(), "ada", 51) // one more says whether there are more
	require.NoError(b, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		t := threads.Thread{User: "ada"}
		var metadata string
		var pinned *int64
		var created, updated, active int64
		require.NoError(b, rows.Scan(&t.ID, &t.Organization, &t.Assistant, &t.Title, &metadata, &t.Hidden, &pinned, &created, &updated, &active, &t.Version))
		t.CreatedAt, t.UpdatedAt, t.LastActivityAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC(), time.UnixMicro(active).UTC()
		require.NoError(b, json.Unmarshal([]byte(metadata), &t.Metadata))
		list = append(list, t)
	}
	require.NoError(b, rows.Err())
	return list[:50]
}

// BenchmarkCreate adds a thread, durably: alone, by 16 callers at once, and by
// the hand-written insert, a commit each.
func BenchmarkCreate(b *testing.B) {
	_, svc := open(b, stored(b, 10_000), nil)
	create := func() {
		if _, err := svc.Create(context.Background(), "ada", draft); err != nil {
			panic(err)
		}
	}
	st, err := stamped(b, 10_000).Prepare(stampedInsert)
	require.NoError(b, err)
	next := int64(10_000)
	const callers, each = 16, 16
	took := takeTurns(b, []turn{
		{"lone", create},
		{"stamped", func() {
			next++
			_, err := st.Exec(stampedArgs(next)...)
			require.NoError(b, err)
		}},
		{"256-by-16", func() {
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range each {
						create()
					}
				})
			}
			wg.Wait()
		}},
	})
	ratio(b, "rate-lone/stamped", took["stamped"], took["lone"])
	ratio(b, "rate-16/lone", took["lone"]*callers*each, took["256-by-16"])
}
