package lab

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// otherOpen opens a file in other ways than the store would by itself. Each
// must lose something, or the harness could not tell a good store from a bad
// one.
//
// "unsafe" does not wait for the disk. "borrowed" does, but the database is the
// host's, so the store leaves it as a process before has left it.
var otherOpen = map[string]map[string]func(ctx context.Context, dir string) (threads.Store, error){
	"unsafe": {
		"bolt": func(ctx context.Context, dir string) (threads.Store, error) {
			return borrowBolt(ctx, dir, &bbolt.Options{NoSync: true, NoGrowSync: true})
		},
		"sqlite": func(ctx context.Context, dir string) (threads.Store, error) {
			return borrowSQLite(ctx, sql.OpenDB(unsynced{sqliteName(dir, "OFF")}))
		},
	},
	"borrowed": {
		"bolt": func(ctx context.Context, dir string) (threads.Store, error) {
			return borrowBolt(ctx, dir, nil)
		},
		"sqlite": func(ctx context.Context, dir string) (threads.Store, error) {
			db, err := sql.Open("sqlite", sqliteName(dir, "FULL"))
			if err != nil {
				return nil, err
			}
			return borrowSQLite(ctx, db)
		},
	},
}

func borrowBolt(ctx context.Context, dir string, o *bbolt.Options) (threads.Store, error) {
	db, err := bbolt.Open(filepath.Join(dir, boltKind.file), 0o600, o)
	if err != nil {
		return nil, err
	}
	store, err := bolt.New(ctx, db, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return borrowed{store, db.Close}, nil
}

func borrowSQLite(ctx context.Context, db *sql.DB) (threads.Store, error) {
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return borrowed{store, db.Close}, nil
}

func sqliteName(dir, synchronous string) string {
	return "file:" + filepath.Join(dir, sqliteKind.file) +
		"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")"
}

// borrowed closes the database with the store, as its host would.
type borrowed struct {
	threads.Store
	closeDatabase func() error
}

func (b borrowed) Close() error { return errors.Join(b.Store.Close(), b.closeDatabase()) }

// unsynced is a driver whose connections do not wait for the disk and say that
// they do, for package sqlite refuses those that admit it.
type unsynced struct{ name string }

func (u unsynced) Connect(context.Context) (driver.Conn, error) {
	c, err := u.Driver().Open(u.name)
	return unsyncedConn{c}, err
}

func (unsynced) Driver() driver.Driver {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		panic(err) // package sqlite registers it
	}
	return db.Driver()
}

type unsyncedConn struct{ driver.Conn }

func (c unsyncedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c unsyncedConn) Prepare(query string) (driver.Stmt, error) {
	return c.Conn.Prepare(strings.ReplaceAll(query, "(SELECT synchronous FROM pragma_synchronous)", "2"))
}
