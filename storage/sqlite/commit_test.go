package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// failing is a driver whose calls fail as the disk might make them.
type failing struct {
	wrapped driver.Driver
	name    string

	commit    atomic.Pointer[error] // what each commit returns, if it is set
	committed bool                  // whether it is committed for all that, and not rolled back

	duringCommit atomic.Pointer[func()]

	reads atomic.Int64 // the read of a live generation, from now, that fails; 0 or less: none
}

// openFailing opens a database on such a driver.
func openFailing(t *testing.T, path string) (*sql.DB, *failing) {
	t.Helper()
	host, err := hostDatabase(path)
	require.NoError(t, err)
	f := &failing{wrapped: host.Driver(), name: "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"}
	require.NoError(t, host.Close())
	db := sql.OpenDB(f)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, f
}

func (f *failing) Connect(context.Context) (driver.Conn, error) {
	c, err := f.wrapped.Open(f.name)
	return failingConn{c, f}, err
}

func (f *failing) Driver() driver.Driver { return f.wrapped }

type failingConn struct {
	driver.Conn
	f *failing
}

func (c failingConn) Begin() (driver.Tx, error) {
	tx, err := c.Conn.Begin() //nolint:staticcheck // it is how a wrapper is asked
	return failingTx{tx, c.f}, err
}

func (c failingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return failingTx{tx, c.f}, err
}

func (c failingConn) Prepare(text string) (driver.Stmt, error) {
	st, err := c.Conn.Prepare(text)
	if strings.Contains(text, "skein_generation INDEXED BY") {
		return failingStmt{st, c}, err
	}
	return st, err
}

type failingTx struct {
	driver.Tx
	f *failing
}

func (t failingTx) Commit() error {
	if during := t.f.duringCommit.Load(); during != nil {
		(*during)()
	}
	fail := t.f.commit.Load()
	if fail == nil {
		return t.Tx.Commit()
	}
	end := t.Rollback
	if t.f.committed {
		end = t.Tx.Commit
	}
	return errors.Join(*fail, end())
}

type failingStmt struct {
	driver.Stmt
	c failingConn
}

// Query fails as SQLite does when it cannot read: with the transaction gone.
func (s failingStmt) Query(args []driver.Value) (driver.Rows, error) {
	if s.c.f.reads.Add(-1) != 0 {
		return s.Stmt.Query(args) //nolint:staticcheck // as above
	}
	end, err := s.c.Conn.Prepare(`ROLLBACK`)
	if err == nil {
		_, err = end.Exec(nil) //nolint:staticcheck // as above
	}
	return nil, errors.Join(errRead, err)
}

const errRead = codeError(10 | 1<<8)

type codeError int

func (c codeError) Error() string { return "made up for the test" }
func (c codeError) Code() int     { return int(c) }

func TestTheErrorOfACommit(t *testing.T) {
	for _, c := range []struct {
		name      string
		err       error
		committed bool
		want      error
	}{
		{"a sync that failed", codeError(10 | 4<<8), false, threads.ErrUnknownOutcome},
		{"a sync that failed after all was written", codeError(10 | 4<<8), true, threads.ErrUnknownOutcome},
		{"a cut connection", driver.ErrBadConn, true, threads.ErrUnknownOutcome},
		{"no room", codeError(13), false, threads.ErrFull},
		{"a lock", codeError(5), false, threads.ErrLocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, f := openFailing(t, filepath.Join(t.TempDir(), "db"))
			f.committed = c.committed
			store, err := sqlite.New(t.Context(), db, nil)
			require.NoError(t, err)
			svc := threads.NewService(store, nil)
			f.commit.Store(&c.err)
			th, err := svc.Create(t.Context(), "ada", threads.Draft{ID: "t1"})
			if !errors.Is(err, c.want) || (th.ID == "t1") != errors.Is(c.want, threads.ErrUnknownOutcome) {
				t.Errorf("Create = %q, %v; want %v", th.ID, err, c.want)
			}
			f.commit.Store(nil)
			_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t1"}) // the way out of not knowing
			if errors.Is(err, threads.ErrExists) != c.committed || !c.committed && err != nil {
				t.Errorf("Create again = %v; committed was %v", err, c.committed)
			}
			_, err = store.Check(t.Context())
			require.NoError(t, err)
		})
	}
}

// After an error of the disk SQLite may have ended the transaction by itself.
// Then nothing more may run in it, or each statement would be a commit.
func TestAReadThatFailsIsTheErrorOfItsOwnCallAlone(t *testing.T) {
	for nth := range int64(8) {
		db, f := openFailing(t, filepath.Join(t.TempDir(), "db"))
		db.SetMaxOpenConns(1)
		store, err := sqlite.New(t.Context(), db, nil)
		require.NoError(t, err)
		svc := threads.NewService(store, nil)
		f.reads.Store(nth + 1)
		const callers = 16
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = svc.Create(context.Background(), "ada", threads.Draft{}) })
		}
		wg.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
				if !errors.Is(err, errRead) || errors.Is(err, threads.ErrUnknownOutcome) {
					t.Errorf("Create = %v; want the error of its read, and that nothing was changed", err)
				}
			}
		}
		n, err := svc.Count(t.Context(), "ada", threads.All())
		if err != nil || failed != 1 || n.Live != callers-1 {
			t.Errorf("%d of %d calls failed, and Count = %v, %v; want 1, and %d live", failed, callers, n, err, callers-1)
		}
		_, err = store.Check(t.Context())
		require.NoError(t, err)
	}
}

// With a journal instead of the log, readers hold a commit up.
func TestACommitThatIsLockedOutChangesNothing(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "db")+"?_pragma=synchronous(FULL)&_pragma=journal_mode(DELETE)")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t1"})
	require.NoError(t, err)
	reading, err := db.Begin()
	require.NoError(t, err)
	var n int
	require.NoError(t, reading.QueryRow(`SELECT count(*) FROM skein_thread`).Scan(&n))
	for range 3 {
		if _, err := svc.Create(t.Context(), "ada", threads.Draft{ID: "t2"}); !errors.Is(err, threads.ErrLocked) {
			t.Errorf("Create while another reads = %v; want ErrLocked", err)
		}
	}
	require.NoError(t, reading.Rollback())
	_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t2"})
	require.NoError(t, err)
	_, err = store.Check(t.Context())
	require.NoError(t, err)
}

// A commit that has no room is tried again one by one: those that fit are not
// hurt by those that do not.
func TestACommitWithoutRoomIsTriedApart(t *testing.T) {
	db, f := openFailing(t, filepath.Join(t.TempDir(), "db"))
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	svc := threads.NewService(store, nil)
	const callers = 8
	var full error = codeError(13)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	commits := 0
	during := func() {
		commits++
		f.commit.Store(nil)
		switch commits {
		case 1: // the others arrive meanwhile
			for i := range errs {
				wg.Go(func() { _, errs[i] = svc.Create(context.Background(), "ada", threads.Draft{}) })
			}
			waiting := func() int {
				buf := make([]byte, 1<<20)
				return strings.Count(string(buf[:runtime.Stack(buf, true)]), "groupcommit.(*Group[...]).wait(")
			}
			for waiting() < callers {
				runtime.Gosched()
			}
		case 2: // theirs
			f.commit.Store(&full)
		}
	}
	f.duringCommit.Store(&during)
	_, err = svc.Create(t.Context(), "ada", threads.Draft{})
	require.NoError(t, err)
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 2+callers, commits, "the first, one for all the others, and one for each")
	n, err := svc.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.EqualValues(t, 1+callers, n.Live)
}
