package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/skein-go/skein/threads"
)

// The result codes of SQLite that have a class. The low byte is the code, the
// rest says more about it.
const (
	codeGeneric   = 1 // of a statement, or of what it found in the file
	codeBusy      = 5
	codeLocked    = 6
	codeInterrupt = 9
	codeCorrupt   = 11
	codeFull      = 13
	codeProtocol  = 15
	codeNotADB    = 26

	codeIOData      = 10 | 32<<8 // a checksum of the file system
	codeIOCorruptFS = 10 | 33<<8
)

// coder is an error that knows its result code, as those of modernc.org/sqlite.
type coder interface{ Code() int }

func errorCode(err error) (int, bool) {
	var c coder
	if errors.As(err, &c) {
		return c.Code(), true
	}
	return 0, false
}

// errFull says what to do.
var errFull = fmt.Errorf("%w: nothing was changed; purge what is deleted, free some space on the disk (a purge needs some too), or allow a larger file",
	threads.ErrFull)

// classify gives an error of the engine its class.
func (s *Store) classify(err error) error {
	class := s.classOf(err)
	if class == nil {
		return err
	}
	if errors.Is(class, threads.ErrFull) {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return fmt.Errorf("%w: %w", class, err)
}

func (s *Store) classOf(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errDatabaseClosed) || errors.Is(err, sql.ErrConnDone) {
		return threads.ErrClosed
	}
	code, ok := s.errorCode(err)
	if !ok {
		return nil
	}
	switch code {
	case codeIOData, codeIOCorruptFS:
		return threads.ErrCorrupt
	}
	switch code & 0xff {
	case codeBusy, codeLocked, codeProtocol:
		return threads.ErrLocked
	case codeCorrupt, codeNotADB:
		return threads.ErrCorrupt
	case codeFull:
		return threads.ErrFull
	}
	return nil
}

// classifyCommit gives the error of a commit its class. SQLite has not
// committed when it could not get a lock or had no room; when the sync failed,
// the transaction may be found in the log after a crash.
func (s *Store) classifyCommit(err error) error {
	class := s.classOf(err)
	switch {
	case errors.Is(class, threads.ErrLocked):
		return fmt.Errorf("sqlite: commit: %w: %w", class, err)
	case errors.Is(class, threads.ErrFull):
		return fmt.Errorf("sqlite: commit: %w: %w", errFull, err)
	default:
		return fmt.Errorf("sqlite: %w: commit: %w", threads.ErrUnknownOutcome, err)
	}
}

// errDatabaseClosed is what package sql returns from a closed handle. It has
// no name there.
var errDatabaseClosed = func() error {
	db := sql.OpenDB(noConnector{})
	_ = db.Close() // it has no connection to close
	return db.Ping()
}()

type noConnector struct{}

func (noConnector) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (noConnector) Driver() driver.Driver                        { return nil }

// corrupt is of a row that does not make sense.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("sqlite: %w: "+format, append([]any{threads.ErrCorrupt}, args...)...)
}
