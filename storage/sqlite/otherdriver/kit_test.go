// Package otherdriver runs the conformance kit on storage/sqlite over another
// driver than its own. It is a module of its own so that nobody downloads that
// driver who does not test with it.
package otherdriver

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

// lent is a store in a database of the host, which is closed with it.
type lent struct {
	*sqlite.Store
	db *sql.DB
}

func (l lent) Close() error { return errors.Join(l.Store.Close(), l.db.Close()) }

func lend(path string) (lent, error) {
	pragmas := []string{"busy_timeout(1000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)"}
	db, err := sql.Open("sqlite3", "file:"+path+"?_pragma="+strings.Join(pragmas, "&_pragma="))
	if err != nil {
		return lent{}, err
	}
	db.SetMaxOpenConns(2)
	store, err := sqlite.New(context.Background(), db, &sqlite.Options{ErrorCode: code})
	if err != nil {
		return lent{}, errors.Join(err, db.Close())
	}
	return lent{store, db}, nil
}

// code reads the result code out of the three kinds of errors of the driver.
func code(err error) (int, bool) {
	var e *sqlite3.Error
	var extended sqlite3.ExtendedErrorCode
	var plain sqlite3.ErrorCode
	switch {
	case errors.As(err, &e):
		return int(e.ExtendedCode()), true
	case errors.As(err, &extended):
		return int(extended), true
	case errors.As(err, &plain):
		return int(plain), true
	}
	return 0, false
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open:       func(dir string) (threads.Store, error) { return lend(filepath.Join(dir, "db")) },
		Persistent: true,
		Histories:  4,
	})
}

func TestErrorsHaveTheirClass(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	first, err := lend(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	tx, err := first.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`CREATE TABLE host (x)`); err != nil { // takes the lock
		t.Fatal(err)
	}
	_, err = threads.NewService(first, nil).Create(t.Context(), "ada", threads.Draft{})
	if !errors.Is(err, threads.ErrLocked) {
		t.Errorf("Create while another writes = %v; want ErrLocked", err)
	}
}
