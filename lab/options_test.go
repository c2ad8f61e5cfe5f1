package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

// lent is a store in a database of the host, which is closed with it.
type lent struct {
	threads.Store
	once sync.Once
	host interface{ Close() error }
	err  error
}

// Close implements [threads.Store].
func (l *lent) Close() error {
	err := l.Store.Close()
	l.once.Do(func() { l.err = l.host.Close() })
	return errors.Join(err, l.err)
}

func boltWith(name string, opts bolt.Options) kind {
	return kind{name, boltKind.file, func(ctx context.Context, dir string) (threads.Store, error) {
		return bolt.Open(ctx, filepath.Join(dir, boltKind.file), &opts)
	}}
}

func boltLent(name string, host bbolt.Options) kind {
	return kind{name, boltKind.file, func(ctx context.Context, dir string) (threads.Store, error) {
		db, err := bbolt.Open(filepath.Join(dir, boltKind.file), 0o600, &host)
		if err != nil {
			return nil, err
		}
		store, err := bolt.New(ctx, db, nil)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return &lent{Store: store, host: db}, nil
	}}
}

func sqliteWith(name string, opts sqlite.Options) kind {
	return kind{name, sqliteKind.file, func(ctx context.Context, dir string) (threads.Store, error) {
		return sqlite.Open(ctx, filepath.Join(dir, sqliteKind.file), &opts)
	}}
}

func sqliteLent(name string, connections int, pragmas ...string) kind {
	return kind{name, sqliteKind.file, func(ctx context.Context, dir string) (threads.Store, error) {
		q := url.Values{"_pragma": append(pragmas, "busy_timeout(5000)", "synchronous(FULL)", "secure_delete(ON)")}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqliteKind.file)+"?"+q.Encode())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(connections)
		store, err := sqlite.New(ctx, db, nil)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return &lent{Store: store, host: db}, nil
	}}
}

// engine is the first word of the name, which is memory, bolt or sqlite.
func (k kind) engine() string {
	engine, _, _ := strings.Cut(k.name, " ")
	return engine
}

// options is the rest of the name, for a text to end with.
func (k kind) options() string {
	_, options, found := strings.Cut(k.name, " ")
	if !found {
		return ""
	}
	return ", " + options
}

// smallBolt and smallSQLite take the smallest steps that there are.
var (
	smallBolt   = boltWith("bolt in steps of one", bolt.Options{MaxGroup: 1, PurgeBatch: 1})
	smallSQLite = sqliteWith("sqlite in steps of one", sqlite.Options{MaxGroup: 1, PurgeBatch: 1, Readers: 1})
)

// optionKinds are the stores with every option that could change an answer.
var optionKinds = []kind{
	memoryKind,
	boltKind,
	smallBolt,
	boltWith("bolt in large steps", bolt.Options{MaxGroup: 256, PurgeBatch: 500}),
	boltLent("bolt with pages of 1 KiB", bbolt.Options{PageSize: 1 << 10}),
	boltLent("bolt with pages of 64 KiB", bbolt.Options{PageSize: 64 << 10}),
	boltLent("bolt with the free list in a map, not synced", bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true}),
	sqliteKind,
	smallSQLite,
	sqliteWith("sqlite in large steps", sqlite.Options{MaxGroup: 256, PurgeBatch: 500, Readers: 8}),
	sqliteLent("sqlite with pages of 512 bytes", 4, "page_size(512)", "journal_mode(WAL)"),
	sqliteLent("sqlite with pages of 64 KiB", 4, "page_size(65536)", "journal_mode(WAL)"),
	sqliteLent("sqlite with one connection and a rollback journal", 1, "journal_mode(DELETE)"),
}

// TestOptionsChangeNoAnswer plays the histories of the conformance kit, the
// same for all, with every set of options. Each answer, the order of lists and
// the class of errors among it, has to be that of one model, and so they are
// equal. A history that goes wrong is made as short as it can be. In the long
// form all of the kit is run.
func TestOptionsChangeNoAnswer(t *testing.T) {
	for _, k := range optionKinds {
		t.Run(strings.ReplaceAll(k.name, " ", "_"), func(t *testing.T) {
			opened := 0
			h := storagetest.Harness{
				Open:       func(dir string) (threads.Store, error) { opened++; return k.open(t.Context(), dir) },
				Persistent: k.file != "",
				Histories:  3,
			}
			if long() {
				h.Histories = 100
			}
			outcomes := map[string]int{}
			for _, c := range storagetest.Clauses() {
				if c.Persistent && !h.Persistent || !strings.HasPrefix(c.Name, "history/") && !long() {
					continue
				}
				if c.Name == "erase/no-bytes" && lends(t, k) {
					continue // the pages are the host's, and the erasure says so
				}
				if err := h.Check(t.Context(), c, t.TempDir()); err != nil {
					t.Errorf("clause %s: %v", c.Name, err)
					continue
				}
				outcomes["clauses kept"]++
			}
			record(t, results.Result{Fault: "random histories" + k.options(), Store: k.engine(), Runs: opened, Outcomes: outcomes})
		})
	}
}

// lends reports whether the store is in a database of the host.
func lends(t *testing.T, k kind) bool {
	t.Helper()
	_, ok := k.openIn(t, t.TempDir()).(*lent)
	return ok
}

// TestPagesOfAnySizeMakeTheSameList fills every store with the same threads,
// many of them of the same time, and reads every list of them in pages of
// every size, forwards and backwards.
func TestPagesOfAnySizeMakeTheSameList(t *testing.T) {
	const many = 140
	var first map[string][]string // of the first store
	for _, k := range optionKinds {
		store := k.openIn(t, t.TempDir())
		fillForPages(t, store, many)
		lists, pages := map[string][]string{}, 0
		for name, q := range pageQueries() {
			for _, limit := range []int{1, 3, 20, 100, 101} {
				ids, n := readStore(t, store, q, limit)
				pages += n
				if limit == 1 {
					lists[name] = ids
				}
				require.Equalf(t, lists[name], ids, "%s: List(%s) in pages of %d", k.name, name, limit)
			}
			svc := threads.NewService(store, nil)
			for _, limit := range []int{7, 100} {
				ids, n := readBackwards(t, svc, q, limit)
				pages += n
				slices.Reverse(ids)
				require.Equalf(t, lists[name], ids, "%s: List(%s) backwards in pages of %d, turned around", k.name, name, limit)
			}
		}
		require.Len(t, lists["all, both, 0"], many, k.name)
		if first == nil {
			first = lists
		}
		require.Equal(t, first, lists, "the lists of %s", k.name)
		record(t, results.Result{Fault: "lists in pages of any length" + k.options(), Store: k.engine(), Runs: len(lists), Outcomes: map[string]int{"pages read": pages}})
	}
}

// fillForPages makes threads in three organizations, of seven times, of which
// every third is deleted, some with others and some alone.
func fillForPages(t *testing.T, store threads.Store, many int) {
	t.Helper()
	organizations := []string{"", "org_a", "org_b"}
	for i := range many {
		th := threads.Thread{
			ID: fmt.Sprintf("t%d", i*37%many), User: "ada", Organization: organizations[i%3], Hidden: i%5 == 0,
			CreatedAt: at(i % 7), UpdatedAt: at(0), LastActivityAt: at(0), Version: 1,
		}
		if i%4 == 0 {
			th.PinnedAt = at(i)
		}
		require.NoError(t, store.Create(t.Context(), "ada", th))
		d := threads.Deletion{ID: fmt.Sprint("d", i), User: "ada", Scope: threads.InOrganization("org_b"), DeletedAt: at(i / 2)}
		var err error
		switch {
		case i == many/3 || i == many/2:
			_, err = store.SoftDeleteAll(t.Context(), "ada", d)
		case i == many*2/3:
			_, err = store.Restore(t.Context(), "ada", fmt.Sprint("d", many/3), at(0))
		case i%6 == 0:
			_, err = store.Delete(t.Context(), "ada", th.ID, d)
		}
		require.NoError(t, err)
	}
}

func pageQueries() map[string]threads.Query {
	queries := map[string]threads.Query{}
	yes, no := true, false
	for _, order := range []threads.Order{threads.NewestFirst, threads.OldestFirst} {
		for name, state := range map[string]threads.State{"live": threads.Live, "deleted": threads.Deleted, "both": threads.Both} {
			for _, scope := range []threads.Scope{threads.All(), threads.InOrganization("org_b"), threads.Union(threads.Personal(), threads.InOrganization("org_a"))} {
				queries[fmt.Sprintf("%s, %s, %d", scope, name, order)] = threads.Query{Scope: scope, State: state, Order: order}
			}
		}
		queries[fmt.Sprintf("pinned, %d", order)] = threads.Query{Scope: threads.All(), Pinned: &yes, Order: order}
		queries[fmt.Sprintf("neither pinned nor hidden, %d", order)] = threads.Query{Scope: threads.All(), Pinned: &no, Hidden: &no, Order: order}
		queries[fmt.Sprintf("of one deletion, %d", order)] = threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "d70", Order: order}
	}
	return queries
}

// readStore reads a list in pages and returns the ids and how many pages.
func readStore(t *testing.T, store threads.Store, q threads.Query, limit int) (ids []string, pages int) {
	t.Helper()
	for after := (threads.Cursor{}); ; pages++ {
		page, err := store.List(t.Context(), "ada", q, after, limit)
		require.NoError(t, err)
		for _, th := range page {
			ids = append(ids, th.ID)
			after = th.Cursor()
		}
		if len(page) < limit {
			return ids, pages + 1
		}
	}
}

// readBackwards reads a list from a place after its end to its beginning.
func readBackwards(t *testing.T, svc *threads.Service, q threads.Query, limit int) (ids []string, pages int) {
	t.Helper()
	before := threads.Cursor{Time: at(-1), ID: "a"}
	if q.Order == threads.OldestFirst {
		before.Time = at(1000)
	}
	for more := true; more; pages++ {
		page, err := svc.List(t.Context(), "ada", q, threads.Paging{Before: before, Limit: limit})
		require.NoError(t, err)
		for _, th := range slices.Backward(page.Threads) {
			ids = append(ids, th.ID)
			before = th.Cursor()
		}
		more = page.HasMore
	}
	return ids, pages
}
