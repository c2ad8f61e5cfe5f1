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

// unsafeOpen opens stores that do not wait for the disk. They must lose
// something at a power cut, or the harness could not tell a good store from a
// bad one.
var unsafeOpen = map[string]func(ctx context.Context, dir string) (threads.Store, error){
	"bolt": func(ctx context.Context, dir string) (threads.Store, error) {
		db, err := bbolt.Open(filepath.Join(dir, boltKind.file), 0o600, &bbolt.Options{NoSync: true, NoGrowSync: true})
		if err != nil {
			return nil, err
		}
		store, err := bolt.New(ctx, db, nil)
		return borrowed{store, db.Close}, err
	},
	"sqlite": func(ctx context.Context, dir string) (threads.Store, error) {
		db := sql.OpenDB(unsynced{"file:" + filepath.Join(dir, sqliteKind.file) +
			"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"})
		store, err := sqlite.New(ctx, db, nil)
		return borrowed{store, db.Close}, err
	},
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
