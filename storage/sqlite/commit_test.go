package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// failing is a driver whose commits fail while fail is set: with that error,
// after the transaction has been committed or rolled back.
type failing struct {
	wrapped   driver.Driver
	name      string
	fail      atomic.Pointer[error]
	committed bool
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

type failingTx struct {
	driver.Tx
	f *failing
}

func (t failingTx) Commit() error {
	fail := t.f.fail.Load()
	if fail == nil {
		return t.Tx.Commit()
	}
	end := t.Rollback
	if t.f.committed {
		end = t.Tx.Commit
	}
	return errors.Join(*fail, end())
}

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
			host, err := hostDatabase(filepath.Join(t.TempDir(), "unused"))
			require.NoError(t, err)
			f := &failing{wrapped: host.Driver(), committed: c.committed}
			require.NoError(t, host.Close())
			f.name = "file:" + filepath.Join(t.TempDir(), "db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
			db := sql.OpenDB(f)
			defer func() { require.NoError(t, db.Close()) }()
			store, err := sqlite.New(t.Context(), db, nil)
			require.NoError(t, err)
			svc := threads.NewService(store, nil)
			f.fail.Store(&c.err)
			th, err := svc.Create(t.Context(), "ada", threads.Draft{ID: "t1"})
			if !errors.Is(err, c.want) || (th.ID == "t1") != errors.Is(c.want, threads.ErrUnknownOutcome) {
				t.Errorf("Create = %q, %v; want %v", th.ID, err, c.want)
			}
			f.fail.Store(nil)
			_, err = svc.Create(t.Context(), "ada", threads.Draft{ID: "t1"}) // the way out of not knowing
			if errors.Is(err, threads.ErrExists) != c.committed || !c.committed && err != nil {
				t.Errorf("Create again = %v; committed was %v", err, c.committed)
			}
			_, err = store.Check(t.Context())
			require.NoError(t, err)
		})
	}
}
