package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/skein-go/skein/threads"
)

// Clause is one promise of [threads.Store] and a check of it.
type Clause struct {
	Name       string // "delete-all/organization"; unique
	Rule       string // the promise, in words
	Persistent bool   // whether it is only about stores that persist

	// Check returns what went otherwise than the rule says. [Harness.Check]
	// calls it with a fresh store.
	Check func(ctx context.Context, e *Env) error
}

// Clauses returns every clause, in the order of [Run].
func Clauses() []Clause {
	return slices.Concat(
		createClauses,
		updateClauses,
		copyClauses,
		userClauses,
		argumentClauses,
		listClauses,
		deleteAllClauses,
		keyClauses,
		deleteClauses,
		restoreClauses,
		restoreThreadClauses,
		deletionClauses,
		purgeClauses,
		usersDueClauses,
		eraseClauses,
		countClauses,
		lifeClauses,
		reopenClauses,
		concurrentClauses,
		manyClauses,
		historyClauses,
	)
}

// clause makes a Clause of steps.
func clause(name, rule string, steps func(*script)) Clause {
	return Clause{Name: name, Rule: rule, Check: func(ctx context.Context, e *Env) error {
		return play(ctx, e, steps)
	}}
}

// persistent makes a Clause about stores that persist.
func persistent(name, rule string, steps func(*script)) Clause {
	c := clause(name, rule, steps)
	c.Persistent = true
	return c
}

// Env is what a check works on: a store that nobody has used before, the
// directory it is in, and the means to open it again.
type Env struct {
	harness Harness
	root    string // where directories for stores are made
	dir     string // that of the store, if it persists
	store   threads.Store
	closed  bool // whether the check closed the store itself
}

// newEnv opens a fresh store, over a new directory below the root if it
// persists.
func newEnv(h Harness, root string) (*Env, error) {
	e := &Env{harness: h, root: root, dir: root}
	if h.Persistent {
		dir, err := os.MkdirTemp(root, "store-")
		if err != nil {
			return nil, err
		}
		e.dir = dir
	}
	return e, e.open()
}

// open opens the store over its directory.
func (e *Env) open() error {
	store, err := e.harness.Open(e.dir)
	if err != nil {
		return fmt.Errorf("Open(dir) = %w; want a store", err)
	}
	if store == nil {
		return errors.New("Open(dir) = nil, nil; want a store")
	}
	e.store, e.closed = store, false
	return nil
}

// close closes the store, unless the check has done so itself.
func (e *Env) close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	if err := e.store.Close(); err != nil {
		return fmt.Errorf("Close() = %w; want nil", err)
	}
	return nil
}

// reopen closes the store and opens it again.
func (e *Env) reopen() error {
	if err := e.close(); err != nil {
		return err
	}
	return e.open()
}
