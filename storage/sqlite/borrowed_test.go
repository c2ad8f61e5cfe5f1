package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

// hostDatabase opens a database as a host might, with what New needs, the log
// if no journal mode is given, and the pragmas given, which come later and win.
func hostDatabase(path string, pragmas ...string) (*sql.DB, error) {
	if !strings.Contains(strings.Join(pragmas, " "), "journal_mode") {
		pragmas = append(pragmas, "journal_mode(WAL)")
	}
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "synchronous(FULL)", "secure_delete(ON)"}, pragmas...)}
	return sql.Open("sqlite", "file:"+path+"?"+q.Encode())
}

// lent is a store in a database of the host, which is closed with it.
type lent struct {
	*sqlite.Store
	db *sql.DB
}

func (l lent) Close() error { return errors.Join(l.Store.Close(), l.db.Close()) }

func lend(path string, connections int) (threads.Store, error) {
	db, err := hostDatabase(path)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS host (note TEXT)`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	store, err := sqlite.New(context.Background(), db, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return lent{store, db}, nil
}

func TestConformanceOnABorrowedHandleOfOneConnection(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open:       func(dir string) (threads.Store, error) { return lend(filepath.Join(dir, "db"), 1) },
		Persistent: true,
		Histories:  3,
	})
}

func TestNewRefusesWhatWouldBreakAPromise(t *testing.T) {
	for name, open := range map[string]func(path string) (*sql.DB, error){
		"synchronous normal": func(p string) (*sql.DB, error) { return hostDatabase(p, "synchronous(NORMAL)") },
		"synchronous off":    func(p string) (*sql.DB, error) { return hostDatabase(p, "synchronous(OFF)") },
		"journal in memory": func(p string) (*sql.DB, error) {
			return hostDatabase(p, "journal_mode(MEMORY)")
		},
		"a journal that keeps what was erased": func(p string) (*sql.DB, error) {
			return hostDatabase(p, "journal_mode(PERSIST)")
		},
		"no journal": func(p string) (*sql.DB, error) { return hostDatabase(p, "journal_mode(OFF)") },
		"read only":  func(p string) (*sql.DB, error) { return hostDatabase(p, "query_only(ON)") },
		"another order of texts": func(p string) (*sql.DB, error) {
			return sql.Open("sqlite", "file:"+p+"?_pragma=encoding('UTF-16le')&_pragma=synchronous(FULL)&_pragma=journal_mode(WAL)")
		},
		"in memory":                  func(string) (*sql.DB, error) { return sql.Open("sqlite", ":memory:") },
		"reads what is half written": func(p string) (*sql.DB, error) { return hostDatabase(p, "read_uncommitted(ON)") },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := open(filepath.Join(t.TempDir(), "db"))
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			store, err := sqlite.New(t.Context(), db, nil)
			if !errors.Is(err, sqlite.ErrUnsafe) {
				t.Errorf("New = %v, %v; want ErrUnsafe", store, err)
			}
			var tables int
			require.NoError(t, db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables))
			if tables != 0 {
				t.Errorf("New refused the handle and made %d objects in it; want none", tables)
			}
		})
	}
}

func TestAWriteOnAnUnsafeConnectionIsRefused(t *testing.T) {
	db, err := hostDatabase(filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	_, err = db.Exec(`PRAGMA synchronous = OFF`)
	require.NoError(t, err)
	if _, err := svc.Create(t.Context(), "ada", threads.Draft{}); !errors.Is(err, sqlite.ErrUnsafe) {
		t.Errorf("Create with synchronous off = %v; want ErrUnsafe", err)
	}
	_, err = db.Exec(`PRAGMA synchronous = EXTRA`)
	require.NoError(t, err)
	_, err = svc.Create(t.Context(), "ada", threads.Draft{})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, db.Ping(), "the database stays the host's when the store is closed")
}

func TestAHostThatKeepsItsOnlyConnectionDoesNotHangUs(t *testing.T) {
	db, err := hostDatabase(filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, &sqlite.Options{BusyTimeout: time.Millisecond})
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	tx, err := db.Begin()
	require.NoError(t, err)
	if _, err := svc.Create(t.Context(), "ada", threads.Draft{}); !errors.Is(err, threads.ErrLocked) {
		t.Errorf("Create while the host keeps its only connection = %v; want ErrLocked", err)
	}
	require.NoError(t, tx.Rollback())
	_, err = svc.Create(t.Context(), "ada", threads.Draft{})
	require.NoError(t, err)
}

func TestAClosedHandleIsErrClosed(t *testing.T) {
	store, err := lend(filepath.Join(t.TempDir(), "db"), 1)
	require.NoError(t, err)
	require.NoError(t, store.(lent).db.Close())
	svc := threads.NewService(store, nil)
	if _, err := svc.Create(t.Context(), "ada", threads.Draft{}); !errors.Is(err, threads.ErrClosed) {
		t.Errorf("Create in a closed database = %v; want ErrClosed", err)
	}
	if _, err := svc.Count(t.Context(), "ada", threads.All()); !errors.Is(err, threads.ErrClosed) {
		t.Errorf("Count in a closed database = %v; want ErrClosed", err)
	}
}

// Close waits for a call, and no other call waits for Close.
func TestACallDuringCloseIsErrClosed(t *testing.T) {
	db, err := hostDatabase(filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	tx, err := db.Begin() // the only connection
	require.NoError(t, err)
	var wg sync.WaitGroup
	calling, stop := context.WithCancel(t.Context())
	wg.Go(func() {
		if _, err := store.Count(calling, "ada", threads.All()); !errors.Is(err, context.Canceled) {
			t.Errorf("Count while Close waits for it = %v; want context.Canceled, which ends it", err)
		}
	})
	for db.Stats().WaitCount == 0 {
		time.Sleep(time.Millisecond) // until it is under way
	}
	wg.Go(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	for err = nil; !errors.Is(err, threads.ErrClosed); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err = store.Count(ctx, "ada", threads.All()); err == nil {
			t.Error("Count without a connection = nil; want ErrClosed, or before Close that time is up")
		}
		cancel()
	}
	stop()
	wg.Wait()
	require.NoError(t, tx.Rollback())
}

// The host may take its only connection the moment a write gives it back, and
// wait for that write with it.
func TestAWriteIsOverWhenItIsCommitted(t *testing.T) {
	db, f := openFailing(t, filepath.Join(t.TempDir(), "db"))
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	hosts := make(chan *sql.Tx, 1)
	stand := sync.OnceFunc(func() { // in the line for the connection, during the commit
		waiting := db.Stats().WaitCount
		go func() {
			tx, err := db.Begin()
			if err != nil {
				t.Error(err)
			}
			hosts <- tx
		}()
		for db.Stats().WaitCount == waiting {
			time.Sleep(time.Millisecond)
		}
	})
	f.duringCommit.Store(&stand)
	created := make(chan error, 1)
	go func() {
		_, err := svc.Create(context.Background(), "ada", threads.Draft{})
		created <- err
	}()
	tx := <-hosts
	if err := <-created; err != nil {
		t.Errorf("Create = %v; want nil, while the host has the connection again", err)
	}
	require.NoError(t, tx.Rollback())
}

// A handle may take the lock at the beginning of each transaction.
func TestReadsDoNotWaitForAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	host, err := hostDatabase(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, host.Close()) }()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=synchronous(FULL)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "t1")))
	tx, err := host.Begin()
	require.NoError(t, err)
	_, err = tx.Exec(`CREATE TABLE host (x)`) // takes the lock
	require.NoError(t, err)
	_, err = store.Get(t.Context(), "ada", "t1", threads.Live)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
}

// The connection that removes something is asked, and not another one later.
func TestEraseSaysThatSecureDeleteIsOff(t *testing.T) {
	for pragma, off := range map[string]bool{"OFF": true, "ON": false} {
		db, f := openFailing(t, filepath.Join(t.TempDir(), "db"))
		db.SetMaxOpenConns(1)
		store, err := sqlite.New(t.Context(), db, nil)
		require.NoError(t, err)
		require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "t1")))
		_, err = db.Exec(`PRAGMA secure_delete = ` + pragma)
		require.NoError(t, err)
		commits := 0
		renew := func() { // after the purge, what was off is on
			if commits++; commits == 2 {
				db.SetMaxIdleConns(0)
				f.name += "&_pragma=secure_delete(ON)"
			}
		}
		f.duringCommit.Store(&renew)
		e, err := store.Erase(t.Context(), "ada")
		require.NoError(t, err)
		require.Equal(t, off, strings.Contains(e.Caveats[0], "secure_delete off"), "%v", e.Caveats)
	}
}
