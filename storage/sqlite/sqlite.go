// Package sqlite keeps threads in a SQLite database, without cgo: the store
// for hosts that live in SQLite already, or want to ask their threads
// questions in SQL. Any SQLite shell reads the file; the view
// skein_live_threads is what to look at.
//
// It keeps every promise of [threads.Store]. Deleting or restoring all threads
// of a user is one small commit at any number of them. What a call has
// returned is on disk; concurrent writers share commits. Several processes
// may use one file on one machine. [Open] relies on nothing that a process
// before it could not sync.
//
// What it is bad at: one writer at a time, of all processes; a read costs two
// and a half to four times what it costs in package bolt (docs/performance.md);
// a read transaction that stays open, of a host's own too, keeps the log from
// being emptied, and the log then grows; files on a network share are not safe,
// for SQLite's locks are not; on a disk that is full the log and the file may
// want some 12 MiB more before a purge can give room back; the file does not
// shrink, but for [Store.Erase], and a user with hundreds of live or deleted
// generations (organizations, or bulk deletions in the trash) pays for each in
// every page of a list. SQLite has no checksum of its pages. Each row has one
// here, so no thread is shown otherwise than it was stored; but a damaged index
// can hide threads from a search until [Store.Check] finds it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skein-go/skein/internal/groupcommit"
	"github.com/skein-go/skein/threads"
)

// Options change how a store works. A nil *Options and zero fields are the
// safe defaults.
type Options struct {
	BusyTimeout time.Duration // how long a write waits for that of another process, even if its context ends meanwhile; 0: five seconds
	Readers     int           // for Open: connections that read; 0: one a processor, at least four
	MaxSize     int64         // for Open: bytes the file may grow to, beyond which writes are [threads.ErrFull]; 0: no limit. Creates and updates leave some room to delete and purge
	MaxGroup    int           // the most concurrent writes that share a commit; 0: 256, 1: each has its own
	PurgeBatch  int           // the most threads and records that a purge removes in one transaction, for which other writers wait; 0: 100

	// ErrorCode, for New, reads the result code of SQLite, extended or not,
	// out of an error of the host's driver. Without it no error of a driver
	// other than modernc.org/sqlite has a class.
	ErrorCode func(error) (code int, ok bool)
}

// Store is a [threads.Store] in a SQLite database. It is safe for concurrent
// use.
type Store struct {
	path        string // of the file it owns; empty if the database is borrowed
	busyTimeout time.Duration
	purgeBatch  int
	maxPages    int64 // that the file may have; 0: any number
	errorCode   func(error) (int, bool)
	group       *groupcommit.Group[*txn]
	writer      *handle
	reader      *handle // the writer, if the database is borrowed

	mu     sync.RWMutex // held for reading by every call; for writing to close
	closed atomic.Bool  // set before Close waits, so that no call waits for that

	rowsWritten atomic.Int64
}

var _ threads.Store = (*Store)(nil)

func newStore(path string, o *Options) (*Store, Options) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.BusyTimeout <= 0 {
		opts.BusyTimeout = 5 * time.Second
	}
	opts.BusyTimeout = min(max(opts.BusyTimeout, time.Millisecond), math.MaxInt32*time.Millisecond) // what SQLite takes
	if opts.Readers <= 0 {
		opts.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	if opts.MaxGroup <= 0 {
		opts.MaxGroup = 256
	}
	if opts.PurgeBatch <= 0 { // with 500 a large purge took half the time, and a create beside it twice
		opts.PurgeBatch = 100
	}
	s := &Store{path: path, busyTimeout: opts.BusyTimeout, purgeBatch: opts.PurgeBatch, errorCode: errorCode}
	if opts.ErrorCode != nil && path == "" {
		s.errorCode = opts.ErrorCode
	}
	s.group = groupcommit.New[*txn](engine{s}, opts.MaxGroup)
	return s, opts
}

// Open opens the file at path, which it creates with mode 0600 if there is
// none, and owns it until Close. The directory must exist. Older layouts are
// brought to that of this package.
//
// A log that another process has left, or has open, is written to the disk
// again, for which Open waits for the lock for writing: after a sync that failed
// the system may show what is not there. Usually that is at most 4 MiB; when all
// processes have closed the file there is no log.
//
// It returns [threads.ErrLocked] if another process held the file for all of
// BusyTimeout, [threads.ErrCorrupt] if it is damaged or another program's,
// and [threads.ErrNewerLayout] if a newer version of this package has written
// it. The context bounds nothing but the call.
func Open(ctx context.Context, path string, o *Options) (_ *Store, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: open %s: %w", path, err)
		}
	}()
	if path == "" {
		return nil, errors.New("a path is needed")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(absolute); err != nil {
		return nil, err
	}
	s, opts := newStore(absolute, o)
	pragmas := safePragmas(s.busyTimeout)
	writing := pragmas
	if opts.MaxSize > 0 {
		const page = 4096 // that of a new file
		s.maxPages = max(1, opts.MaxSize/page)
		writing = append(writing[:len(writing):len(writing)], fmt.Sprintf("max_page_count(%d)", s.maxPages))
	}
	writer, err := openFile(absolute, "rw", "immediate", writing...)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	s.writer = newHandle(writer)
	reader, err := openFile(absolute, "rw", "deferred", append(pragmas[:len(pragmas):len(pragmas)], "query_only(ON)")...)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(opts.Readers)
	reader.SetMaxIdleConns(opts.Readers)
	s.reader = newHandle(reader)
	if err := s.prepareFile(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) prepareFile(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.settle, s.identify, s.useLog, s.migrate, s.checkHeader} {
		err := step(ctx)
		if code, ok := s.errorCode(err); ok && code == codeGeneric { // the statements are right, so it is the file
			err = fmt.Errorf("%w: %w", threads.ErrCorrupt, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// useLog turns on the write-ahead log, so that readers and the writer do not
// wait for each other. The file remembers it. While several open a new file
// SQLite does not wait for the lock that this needs, so we do.
func (s *Store) useLog(ctx context.Context) error {
	return s.retry(ctx, func() error {
		var mode string
		err := s.ask(ctx, `PRAGMA journal_mode = WAL`, &mode)
		if err == nil && mode != "wal" {
			err = fmt.Errorf("%w: the journal mode stays %s", threads.ErrLocked, mode)
		}
		return err
	})
}

// retry is for locks that SQLite does not wait for: it tries again while the
// error is ErrLocked, for as long as a lock is waited for.
func (s *Store) retry(ctx context.Context, try func() error) error {
	const pause = 5 * time.Millisecond
	wait, cancel := context.WithTimeout(ctx, s.busyTimeout)
	defer cancel()
	for {
		err := try()
		if !errors.Is(err, threads.ErrLocked) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
}

// New returns a store in a database that the host has opened and will close.
// It lives beside the host's own tables: all it makes is named skein_ and
// something. Close of the store leaves the database open. A handle of one
// connection is enough; no call needs two at once.
//
// It returns [ErrUnsafe] for settings that would break a promise, and so does
// each write that meets such a connection later, for settings are of each
// connection: see to it that the host's has them in the name it is opened
// with. It needs synchronous FULL or EXTRA, a journal on disk that does not persist (best WAL) and
// encoding UTF-8. Set a busy timeout, or writes are [threads.ErrLocked] as
// soon as two meet, and secure_delete, or what is erased stays readable in
// free pages. After [threads.ErrUnknownOutcome] and the end of the process the
// database may show what is not on the disk, and the next process goes on from
// that: only Open, of a file of our own, makes sure of it.
func New(ctx context.Context, db *sql.DB, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if db == nil {
		return nil, errors.New("sqlite: New needs a database")
	}
	s, _ := newStore("", o)
	s.writer = newHandle(db)
	s.reader = s.writer
	for _, step := range []func(context.Context) error{s.checkHandle, s.checkOneConnection, s.migrate} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("sqlite: use database: %w", errors.Join(err, s.Close()))
		}
	}
	return s, nil
}

// Close implements [threads.Store]. It waits for calls under way; those that
// begin meanwhile are refused.
func (s *Store) Close() error {
	first := !s.closed.Swap(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !first {
		return nil
	}
	if s.path == "" {
		if err := s.writer.forget(); err != nil {
			return fmt.Errorf("sqlite: close: %w", err)
		}
		return nil
	}
	err := errors.Join(s.reader.forget(), s.reader.db.Close(), s.writer.forget(), s.writer.db.Close())
	if err != nil {
		return fmt.Errorf("sqlite: close %s: %w", s.path, err)
	}
	return nil
}

// enter begins a call, which leave ends if enter returned nil.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return threads.ErrClosed
	}
	s.mu.RLock()
	if s.closed.Load() {
		s.mu.RUnlock()
		return threads.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.mu.RUnlock() }

// read runs f on one state of what the user has.
func (s *Store) read(ctx context.Context, user string, invalid error, f func(*view) error) error {
	return s.reading(ctx, invalid, func() error { return s.inTransaction(ctx, user, f) })
}

// reading runs what reads, once, in one call.
func (s *Store) reading(ctx context.Context, invalid error, f func() error) error {
	if invalid != nil {
		return invalid
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	err := f()
	if err != nil && ctx.Err() != nil { // whatever it was, it was that
		return ctx.Err()
	}
	return err
}

func (s *Store) inTransaction(ctx context.Context, user string, f func(*view) error) error {
	t, err := s.begin(ctx, s.reader)
	if err != nil {
		return err
	}
	defer t.rollback()
	return f(&view{txn: t, user: user})
}

// inStatement is for an f that runs one statement, which sees one state without
// a transaction: beginning and ending one would cost as much again.
func (s *Store) inStatement(ctx context.Context, user string, f func(*view) error) error {
	t := s.newTxn(ctx, s.reader, nil)
	defer t.over()
	return f(&view{txn: t, user: user})
}

// write runs f on what the user has and returns when its changes are durable.
func (s *Store) write(ctx context.Context, user string, invalid error, f func(*view) error) error {
	return s.writeIn(ctx, s.group.Do, user, invalid, f)
}

// writeAlone is for what can be large: many of those in one transaction would
// keep everybody else waiting.
func (s *Store) writeAlone(ctx context.Context, user string, invalid error, f func(*view) error) error {
	return s.writeIn(ctx, s.group.DoAlone, user, invalid, f)
}

func (s *Store) writeIn(
	ctx context.Context, do func(context.Context, func(*txn) error) error, user string, invalid error, f func(*view) error,
) error {
	if invalid != nil {
		return invalid
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	err := do(ctx, func(t *txn) error { return f(&view{txn: t, user: user}) })
	if errors.Is(err, threads.ErrLocked) && ctx.Err() != nil { // nothing was changed, and the caller has gone
		return ctx.Err()
	}
	return err
}
