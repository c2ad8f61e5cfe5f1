package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// handle is a database and the statements that are prepared in it.
type handle struct {
	db *sql.DB

	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// maxStatements bounds how many statements are kept. Only those of lists vary,
// by filters and by the number of generations.
const maxStatements = 128

func newHandle(db *sql.DB) *handle { return &handle{db: db, statements: map[string]*sql.Stmt{}} }

// prepared returns the statement, or nil if it is not prepared yet.
func (h *handle) prepared(text string) *sql.Stmt {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.statements[text]
}

// keep prepares statements for next time. It needs a connection, so no
// transaction of ours may be open that could hold the only one; and if others
// have them all, it lets it be, for the work of the call is done.
func (h *handle) keep(ctx context.Context, texts []string) {
	if len(texts) == 0 {
		return
	}
	const patience = 5 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, text := range texts {
		h.mu.RLock()
		enough := h.statements[text] != nil || len(h.statements) >= maxStatements
		h.mu.RUnlock()
		if enough {
			continue
		}
		if _, err := h.prepare(ctx, text); err != nil {
			return // it was a convenience; whoever needs it next sees why
		}
	}
}

// prepare prepares a statement and keeps it. It needs a connection.
func (h *handle) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	st, err := h.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if kept := h.statements[text]; kept != nil { // another was quicker
		return kept, st.Close()
	}
	h.statements[text] = st
	return st, nil
}

// forget closes the statements.
func (h *handle) forget() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, st := range h.statements {
		errs = append(errs, st.Close())
	}
	clear(h.statements)
	return errors.Join(errs...)
}

// txn is a transaction. It is used by one goroutine.
type txn struct {
	s      *Store
	handle *handle
	ctx    context.Context
	tx     *sql.Tx // nil: there is but one statement, which reads

	statements map[string]*sql.Stmt
	unprepared []string // statements to prepare when it is over

	rows    int64 // rows that were written
	wrote   bool  // whether anything was
	failed  bool  // whether SQLite failed a statement, and may have ended the transaction by itself
	holds   bool  // whether an operation before this one is in it
	release func() error
}

// begin starts a transaction that reads, in which statements end with the
// context. It says so to the driver, or a handle whose transactions begin with
// the lock for writing would wait for writers.
func (s *Store) begin(ctx context.Context, h *handle) (*txn, error) {
	tx, err := h.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.classify(err)
	}
	return s.newTxn(ctx, h, tx), nil
}

func (s *Store) newTxn(ctx context.Context, h *handle, tx *sql.Tx) *txn {
	return &txn{s: s, handle: h, ctx: ctx, tx: tx, statements: map[string]*sql.Stmt{}}
}

// commit ends the transaction. Its error has no class yet.
func (t *txn) commit() error {
	err := t.tx.Commit()
	t.over()
	if err == nil {
		t.s.rowsWritten.Add(t.rows)
	}
	return err
}

// rollback ends the transaction without effect. If SQLite has rolled it back
// already, that is an error which says nothing new.
func (t *txn) rollback() {
	_ = t.tx.Rollback()
	t.over()
}

func (t *txn) over() {
	if t.release != nil {
		_ = t.release() // gives the connection back
	}
	t.handle.keep(t.ctx, t.unprepared)
}

func (t *txn) statement(text string) (*sql.Stmt, error) {
	if st := t.statements[text]; st != nil {
		return st, nil
	}
	st := t.handle.prepared(text)
	var err error
	switch {
	case t.tx == nil && len(t.statements) > 0:
		err = errors.New("a second statement needs a transaction") // a mistake of ours
	case t.tx == nil && st == nil:
		st, err = t.handle.prepare(t.ctx, text)
	case t.tx != nil && st == nil:
		st, err = t.tx.PrepareContext(t.ctx, text)
		t.unprepared = append(t.unprepared, text)
	case t.tx != nil:
		st = t.tx.StmtContext(t.ctx, st)
	}
	if err != nil {
		return nil, t.fail(err)
	}
	t.statements[text] = st
	return st, nil
}

// fail is the error of a statement, with its class.
func (t *txn) fail(err error) error {
	t.failed = true
	return t.s.classify(err)
}

// exec runs a statement that writes and returns how many rows it wrote.
func (t *txn) exec(text string, args ...any) (int64, error) {
	st, err := t.statement(text)
	if err != nil {
		return 0, err
	}
	t.wrote = true
	r, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := r.RowsAffected()
	t.rows += n
	return n, err
}

// control runs a statement that writes no rows.
func (t *txn) control(text string) error {
	st, err := t.statement(text)
	if err != nil {
		return err
	}
	if _, err = st.ExecContext(t.ctx); err != nil {
		return t.fail(err)
	}
	return nil
}

// query calls each for every row of a statement.
func (t *txn) query(text string, args []any, each func(scan func(...any) error) error) (err error) {
	st, err := t.statement(text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	if err != nil {
		return t.fail(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	scan := func(dest ...any) error {
		if err := rows.Scan(dest...); err != nil { // columns are strict, so it is not what was stored
			return corrupt("%v", err)
		}
		return nil
	}
	for rows.Next() {
		if err := each(scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return t.fail(err)
	}
	return nil
}

// row scans the one row that a statement has, and reports whether it has one.
func (t *txn) row(text string, args []any, dest ...any) (found bool, err error) {
	err = t.query(text, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	return found, err
}
