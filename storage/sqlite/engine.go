package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/skein-go/skein/internal/groupcommit"
	"github.com/skein-go/skein/threads"
)

// engine commits for the store. Statements of a write are never cancelled:
// SQLite would roll back the transaction, and the neighbours with it.
type engine struct{ s *Store }

var _ groupcommit.Engine[*txn] = engine{}

// Begin implements [groupcommit.Engine].
func (e engine) Begin() (*txn, error) {
	tx, err := e.begin()
	if err != nil {
		return nil, fmt.Errorf("sqlite: begin: %w", err)
	}
	if err := e.s.prepareWrite(tx); err != nil {
		tx.rollback()
		return nil, fmt.Errorf("sqlite: begin: %w", err)
	}
	return tx, nil
}

// begin waits for a connection of the host as long as for a lock: it may have
// none to spare. That of an own file comes back from an erasure.
func (e engine) begin() (*txn, error) {
	s := e.s
	ctx := context.Background()
	if s.path == "" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.busyTimeout)
		defer cancel()
	}
	conn, err := s.writer.db.Conn(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: the database handle had no free connection for %v", threads.ErrLocked, s.busyTimeout)
	}
	if err != nil {
		return nil, s.classify(err)
	}
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, errors.Join(s.classify(err), conn.Close())
	}
	t := s.newTxn(context.Background(), s.writer, tx)
	t.release = conn.Close
	return t, nil
}

// Isolate implements [groupcommit.Engine]. The first operation needs no
// savepoint: when it fails, the whole transaction is nothing but its own. One that
// only read leaves it as it was, unless SQLite itself failed it: after an error
// of the disk there may be no transaction any more.
func (e engine) Isolate(tx *txn, op func(*txn) error) (err error, broken bool) {
	finished := false
	defer func() {
		if !finished { // it panicked; nobody else must wait for its lock
			tx.rollback()
		}
	}()
	if tx.holds {
		err, broken = e.isolateLater(tx, op)
	} else {
		tx.wrote, tx.failed = false, false
		err = op(tx)
		broken = err != nil && (tx.wrote || tx.failed)
		tx.holds = err == nil
	}
	finished = true
	return err, broken
}

func (e engine) isolateLater(tx *txn, op func(*txn) error) (err error, broken bool) {
	if err := tx.control(`SAVEPOINT operation`); err != nil {
		return err, true
	}
	rows := tx.rows
	if err = op(tx); err != nil {
		tx.rows = rows
		if tx.control(`ROLLBACK TO operation`) != nil { // SQLite has rolled everything back
			return err, true
		}
	}
	if failed := tx.control(`RELEASE operation`); failed != nil {
		return errors.Join(err, failed), true
	}
	return err, false
}

// Rollback implements [groupcommit.Engine].
func (e engine) Rollback(tx *txn) { tx.rollback() }

// Commit implements [groupcommit.Engine].
func (e engine) Commit(tx *txn) (err error, apart bool) {
	if err := tx.commit(); err != nil {
		err = e.s.classifyCommit(err)
		return err, errors.Is(err, threads.ErrFull)
	}
	return nil, false
}
