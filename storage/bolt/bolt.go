// Package bolt keeps threads in a bbolt file: the store for programs that are
// a single binary and want their threads on disk.
//
// It keeps every promise of [threads.Store]. Deleting or restoring all threads
// of a user is one small commit at any number of them. What a call has
// returned is on disk; concurrent writers share commits.
//
// Whatever a crash, a full disk or a damaged file does ends in an answer. Every
// record has a checksum, and Open holds every page against its form, so damage
// is [threads.ErrCorrupt] and no wrong answer. Two kinds of it are not told at
// once: a page that the disk said it had written and had not, so that its older
// state is there, which [Store.Check] finds where counts or indexes then
// disagree; and damage to the form of a page after Open has looked.
//
// What it is bad at: one process at a time can open a file; the file does not
// shrink until [Store.Compact]; and every read goes through the page cache of
// a memory map, so a file much larger than memory is slow.
package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/groupcommit"
	"github.com/skein-go/skein/threads"
)

// Options change how a store is opened. A nil *Options and zero fields are the
// safe defaults. A negative field is an error.
type Options struct {
	LockTimeout time.Duration // for Open: how long to wait for another process that has the file open; 0: one second
	MaxSize     int           // for Open: bytes the file may grow to, beyond which writes are [threads.ErrFull]; 0: no limit. Creates and updates leave some room to delete and purge. At least [MinMaxSize]
	MaxGroup    int           // the most concurrent writes that share a commit; 0: 256, 1: each has its own
	PurgeBatch  int           // the most threads and records that a purge removes in one transaction, for which other writers wait; 0: 500
}

// MinMaxSize is the least that Options.MaxSize can be.
const MinMaxSize = 256 << 10

// orDefault checks the options and fills in the defaults.
func (o *Options) orDefault() (Options, error) {
	filled := Options{}
	if o != nil {
		filled = *o
	}
	if filled.LockTimeout < 0 || filled.MaxSize < 0 || filled.MaxGroup < 0 || filled.PurgeBatch < 0 {
		return filled, fmt.Errorf("bolt: negative option in %+v", filled)
	}
	if filled.MaxSize > 0 && filled.MaxSize < MinMaxSize {
		return filled, fmt.Errorf("bolt: option MaxSize is %d; it must be at least %d", filled.MaxSize, MinMaxSize)
	}
	filled.LockTimeout = cmp.Or(filled.LockTimeout, time.Second)
	filled.MaxGroup = cmp.Or(filled.MaxGroup, 256)
	filled.PurgeBatch = cmp.Or(filled.PurgeBatch, 500)
	return filled, nil
}

// Store is a [threads.Store] in a bbolt database. It is safe for concurrent
// use.
type Store struct {
	path  string // of the file, resolved, so that neither links nor the working directory move it
	opts  Options
	group *groupcommit.Group[*bbolt.Tx]

	failed  atomic.Pointer[error] // why the store must be reopened
	once    sync.Once             // of Close
	closing chan struct{}         // closed when Close begins

	wrote bool // the transaction under way has operations that wrote something
	grew  bool // some of them creates or updates

	mu      sync.Mutex
	db      *database      // another one after a compaction
	paused  chan struct{}  // not nil while a compaction holds off writers; closed when it ends
	writers sync.WaitGroup // calls that may write; none begins while paused
}

var _ threads.Store = (*Store)(nil)

// Open opens the file at path, which it creates with mode 0600 if there is
// none, and owns it until Close. The directory must exist.
//
// bbolt has no checksums, so Open reads the file once and holds every page
// against the form that bbolt gives it; the records in them are looked at when
// they are read.
//
// It returns [threads.ErrLocked] if another process has the file open,
// [threads.ErrCorrupt] if it is damaged or not a Skein file, and
// [threads.ErrNewerLayout] if a newer version of this package has written it.
// A file that it refuses it leaves as it was.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	o, err := opts.orDefault()
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	return s, nil
}

func openStore(ctx context.Context, path string, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	db, err := openFile(ctx, path, o)
	if err != nil {
		return nil, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if err == nil {
		err = db.verify(ctx)
	}
	if err == nil {
		err = prepare(db, resolved)
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return newStore(db, resolved, o), nil
}

// New returns a store in a database that the host has opened and will close.
// It keeps to two buckets, "skein" and "skein.threads". Close of the store
// leaves the database open. The host answers for its options, with NoSync
// nothing is durable; and for its pages, which only Open looks at. Inside a
// write transaction of its own the host must not call a method that writes:
// that waits for the transaction to end. A write waits for a transaction of the
// host's to end, whatever becomes of its context meanwhile. After
// [threads.ErrUnknownOutcome] the database may show what is not on the disk: only
// Open, of a file of our own, makes sure of that.
//
// It returns [threads.ErrCorrupt] if what is in the buckets is not Skein's or
// is damaged, [threads.ErrNewerLayout] if a newer version of this package has
// written it, and an error for options that are the host's to set.
func New(ctx context.Context, db *bbolt.DB, opts *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if db == nil {
		return nil, errors.New("bolt: New needs a database")
	}
	if opts != nil && (opts.LockTimeout != 0 || opts.MaxSize != 0) {
		return nil, errors.New("bolt: LockTimeout and MaxSize are for Open; in a borrowed database, set them in its bbolt.Options")
	}
	o, err := opts.orDefault()
	if err != nil {
		return nil, err
	}
	path := db.Path()
	d := newDatabase()
	d.DB = db
	if err := prepare(d, ""); err != nil {
		return nil, fmt.Errorf("bolt: use database %s: %w", path, err)
	}
	return newStore(d, path, o), nil
}

func newStore(db *database, path string, o Options) *Store {
	s := &Store{db: db, path: path, opts: o, closing: make(chan struct{})}
	s.group = groupcommit.New[*bbolt.Tx](engine{s}, o.MaxGroup)
	return s
}

// Close implements [threads.Store]. It waits for calls under way, a Check among
// them; those of many steps (Purge, Erase, Compact) end at their next one.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		s.mu.Lock()
		close(s.closing)
		paused := s.paused
		s.mu.Unlock()
		if paused != nil {
			<-paused
		}
		s.db.calls.Wait() // nobody changes s.db any more
		if err = s.db.close(); err != nil {
			err = fmt.Errorf("bolt: close %s: %w", s.path, err)
		}
	})
	return err
}

// Path returns the path of the file, of a borrowed database too.
func (s *Store) Path() string { return s.path }

// use is what a call does with the database.
type use int

const (
	reading    use = iota
	writing        // which waits until no compaction is under way
	compacting     // likewise, and holds off others that write
)

// enter begins a call, which leave ends if there was no error.
func (s *Store) enter(ctx context.Context, u use) (*database, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.mu.Lock()
		if err := s.usable(); err != nil {
			s.mu.Unlock()
			return nil, err
		}
		if paused := s.paused; paused != nil && u != reading {
			s.mu.Unlock()
			select {
			case <-paused:
			case <-s.closing:
			case <-ctx.Done():
			}
			continue
		}
		switch u {
		case reading:
		case writing:
			s.writers.Add(1)
		case compacting:
			s.paused = make(chan struct{})
		}
		db := s.db
		db.calls.Add(1)
		s.mu.Unlock()
		return db, nil
	}
}

func (s *Store) leave(db *database, u use) {
	switch u {
	case reading:
	case writing:
		s.writers.Done()
	case compacting:
		s.mu.Lock()
		close(s.paused)
		s.paused = nil
		s.mu.Unlock()
	}
	db.calls.Done()
}

// usable says why the store can take no call, if so. The lock is held.
func (s *Store) usable() error {
	select {
	case <-s.closing:
		return threads.ErrClosed
	default:
	}
	if err := s.db.isStuck(); err != nil {
		s.fail(err)
	}
	return s.failure()
}

func (s *Store) fail(err error) { s.failed.CompareAndSwap(nil, &err) }

// failure is of every call after one that left the store unusable.
func (s *Store) failure() error {
	if why := s.failed.Load(); why != nil {
		return fmt.Errorf("bolt: %w: it must be reopened after: %s", threads.ErrClosed, (*why).Error())
	}
	return nil
}

// read runs f on what the user has.
func (s *Store) read(ctx context.Context, user string, invalid error, f func(*view) error) error {
	if invalid != nil {
		return invalid
	}
	db, err := s.enter(ctx, reading)
	if err != nil {
		return err
	}
	defer s.leave(db, reading)
	return db.view(func(tx *bbolt.Tx) error {
		v, err := viewOf(tx, user)
		if err != nil {
			return err
		}
		return f(v)
	})
}

// write runs f on what the user has and returns when its changes are durable.
// If f fails before it has written anything, it fails alone.
func (s *Store) write(ctx context.Context, user string, invalid error, f func(*view) error) error {
	return s.writeIn(ctx, s.group.Do, user, invalid, f)
}

// writeAlone is for what can be large: many of those in one transaction would
// keep everybody else waiting.
func (s *Store) writeAlone(ctx context.Context, user string, invalid error, f func(*view) error) error {
	return s.writeIn(ctx, s.group.DoAlone, user, invalid, f)
}

func (s *Store) writeIn(
	ctx context.Context, do func(context.Context, func(*bbolt.Tx) error) error, user string, invalid error, f func(*view) error,
) error {
	if invalid != nil {
		return invalid
	}
	db, err := s.enter(ctx, writing)
	if err != nil {
		return err
	}
	defer s.leave(db, writing)
	return do(ctx, func(tx *bbolt.Tx) error {
		v, err := viewOf(tx, user)
		if err != nil {
			return err
		}
		v.rows.FillPercent = fillPercent
		err = f(v)
		if err == nil && v.wrote {
			s.wrote, s.grew = true, s.grew || v.grows
		}
		if err != nil && v.wrote {
			err = &brokenError{err}
		}
		return err
	})
}

// brokenError is of an operation that failed after it had written.
type brokenError struct{ error }

func (e *brokenError) Unwrap() error { return e.error }

// engine commits for the store.
type engine struct{ s *Store }

// Begin implements [groupcommit.Engine]. The database stays the same, for no
// compaction replaces it while calls write.
func (e engine) Begin() (*bbolt.Tx, error) {
	e.s.wrote, e.s.grew = false, false
	return e.s.db.begin()
}

// Isolate implements [groupcommit.Engine].
func (e engine) Isolate(tx *bbolt.Tx, op func(*bbolt.Tx) error) (err error, broken bool) {
	if err := e.s.failure(); err != nil {
		return err, false
	}
	err = guard(func() error { return op(tx) })
	var b *brokenError
	switch {
	case isPanic(err): // what bbolt holds in memory may be half changed
		e.s.fail(err)
		return err, true
	case errors.As(err, &b):
		return b.error, true
	}
	return err, false
}

// Rollback implements [groupcommit.Engine].
func (e engine) Rollback(tx *bbolt.Tx) {
	if err := guard(tx.Rollback); isPanic(err) {
		e.s.fail(err)
		e.s.db.giveUp()
	}
}

// Commit implements [groupcommit.Engine].
func (e engine) Commit(tx *bbolt.Tx) (err error, apart bool) {
	if !e.s.wrote { // answers that needed no change, on a full disk too
		e.Rollback(tx)
		return nil, false
	}
	if e.s.opts.MaxSize > 0 {
		e.s.db.MaxSize = e.s.limit()
	}
	id := tx.ID()
	err = e.s.db.run(tx.Commit)
	if err == nil {
		return nil, false
	}
	if isPanic(err) {
		e.Rollback(tx) // or it would keep the lock of writers, for which Close waits
	} else if isFull(err) && !e.s.db.sees(id) {
		return fmt.Errorf("bolt: %w: nothing was changed; purge what is deleted, compact, free some space on the disk (these need a little too), or allow a larger file: %w",
			threads.ErrFull, err), true
	}
	// The meta page may have been written though its sync failed: then the
	// transaction is visible now and durable later, or it is not.
	err = fmt.Errorf("bolt: %w: commit: %w", threads.ErrUnknownOutcome, err)
	e.s.fail(err)
	return err, false
}

// reserve is how many pages creates and updates leave of [Options.MaxSize], for
// deletes and purges: these need room for copies of pages before they can give
// any back. Two threads as large as they can be take 17.
const reserve = 64

// limit is the size up to which the transaction under way may grow the file.
func (s *Store) limit() int {
	if !s.grew {
		return s.opts.MaxSize
	}
	return s.opts.MaxSize - min(s.opts.MaxSize/4, reserve*int(s.db.pageSize))
}

// fillPercent is how full a page is left when it is split. The threads of one
// user come in the order of their keys, and pages split in half stay half
// empty: 539 bytes a thread of one user with a million, against 370 so. Those
// of many users come in any order, and fuller pages split more often: 440
// bytes against 474. BenchmarkBytesPerThread shows it.
const fillPercent = 0.7
