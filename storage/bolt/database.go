package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/threads"
)

// database is one open database and the calls that use it.
//
// When a file is cut to less than its two meta pages while it is open, a
// transaction that begins to read them faults, and bbolt, which does not expect
// that, is left with a lock that nobody can release. From then on the database
// is stuck, and nothing waits for it any more: transactions that read begin one
// by one, so that none is waiting for that lock, and those that write run in
// goroutines that can be left behind.
type database struct {
	*bbolt.DB
	file     *os.File // what it is in; nil if it is the host's
	pageSize int64    // 0 if it is the host's

	calls sync.WaitGroup
	gate  sync.Mutex    // held while a transaction that reads begins
	once  sync.Once     // of stuck
	stuck chan struct{} // closed when it is
}

func newDatabase() *database { return &database{stuck: make(chan struct{})} }

// giveUp marks the database as stuck.
func (db *database) giveUp() { db.once.Do(func() { close(db.stuck) }) }

// isStuck returns why nothing can be done any more, if so.
func (db *database) isStuck() error {
	select {
	case <-db.stuck:
		return fmt.Errorf("%w: a failure has left the engine locked", threads.ErrCorrupt)
	default:
		return nil
	}
}

// view runs f in a transaction that reads.
func (db *database) view(f func(*bbolt.Tx) error) error {
	tx, err := db.beginView()
	if err != nil {
		return fmt.Errorf("bolt: begin: %w", err)
	}
	defer db.endView(tx)
	return guard(func() error { return f(tx) })
}

func (db *database) beginView() (tx *bbolt.Tx, err error) {
	db.gate.Lock()
	defer db.gate.Unlock()
	if err := db.isStuck(); err != nil {
		return nil, err
	}
	err = guard(func() error {
		tx, err = db.Begin(false)
		return classify(err)
	})
	if isPanic(err) {
		db.giveUp()
	}
	return tx, err
}

// endView ends a transaction that reads. It must not wait for one that begins:
// that may be waiting for a writer who waits for this one to end.
func (db *database) endView(tx *bbolt.Tx) {
	if !db.gate.TryLock() {
		go func() { _ = tx.Rollback() }() // of a read: it only ends it
		return
	}
	defer db.gate.Unlock()
	if db.isStuck() == nil {
		_ = tx.Rollback()
	}
}

// begin starts a transaction that writes.
func (db *database) begin() (*bbolt.Tx, error) {
	var begun *bbolt.Tx
	err := db.run(func() (err error) {
		begun, err = db.Begin(true)
		return classify(err)
	})
	if isPanic(err) {
		db.giveUp()
	}
	if err != nil {
		return nil, fmt.Errorf("bolt: begin: %w", err)
	}
	return begun, nil
}

// run runs a part of a transaction that writes, for as long as the database is
// not stuck.
func (db *database) run(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- guard(f) }()
	select {
	case err := <-done:
		return err
	case <-db.stuck:
		return db.isStuck()
	}
}

// sees reports whether the transaction with that id is what readers see, or
// may be: its meta page was written, though its commit failed.
func (db *database) sees(id int) bool {
	seen := true
	err := db.view(func(tx *bbolt.Tx) error {
		seen = tx.ID() >= id
		return nil
	})
	return err != nil || seen
}

// verify looks at the pages of a database that is no host's.
func (db *database) verify(ctx context.Context) (err error) {
	if db.file == nil {
		return nil
	}
	for range 100 { // for commits may write new meta pages before we have read them
		err = db.view(func(tx *bbolt.Tx) error {
			return verifyPages(ctx, db.file, db.pageSize, uint64(tx.ID()))
		})
		if !errors.Is(err, errMeta) {
			break
		}
	}
	return err
}

// close closes the database, if it is no host's. No call uses it any more.
func (db *database) close() error {
	if db.file == nil {
		return nil
	}
	if err := db.isStuck(); err != nil {
		abandon(db.file)
		return fmt.Errorf("%w, and it keeps its memory", err)
	}
	return guard(db.Close)
}
