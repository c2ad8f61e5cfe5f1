// Package memory keeps threads in memory: for tests, and for programs that
// are small or may forget.
//
// It keeps every promise of [threads.Store] but durability: nothing survives
// Close. Deleting all threads of a user costs the same at any number of them,
// and so does restoring them, but that it may move up to 1,000 threads. Counts
// are sums of a few counters, and a page is read from ordered trees without
// passing over a deleted thread.
//
// What it is bad at: one lock serves all users, so writers on many cores
// queue. Everything must fit in memory. A page and a count cost a little for
// each organization they reach into, and those of deleted threads for each
// bulk deletion in the trash. A query that combines assistant, pinned and
// hidden walks over what only one of them selects.
package memory

import (
	"context"
	"sync"

	"github.com/tidwall/btree"

	"github.com/skein-go/skein/threads"
)

// Store is a [threads.Store] in memory. Make one with [New]. It is safe for
// concurrent use.
type Store struct {
	mu       sync.RWMutex
	closed   bool
	accounts map[string]*account
	trashers btree.Set[string] // the users that have deletions, in order
}

var _ threads.Store = (*Store)(nil)

// New returns an empty store. It needs no closing to be freed; Close makes
// further use an error, as with every store.
func New() *Store {
	return &Store{accounts: map[string]*account{}}
}

// Close implements [threads.Store]. It drops everything the store holds.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.accounts = nil
	s.trashers = btree.Set[string]{}
	return nil
}

// read runs f on what the user has, which f must not change; for a user
// without anything it is an empty account.
func (s *Store) read(ctx context.Context, user string, invalid error, f func(*account) error) error {
	if invalid != nil {
		return invalid
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	a := s.accounts[user]
	if a == nil {
		a = &account{}
	}
	return f(a)
}

// write runs f on what the user has. If f returns an error it must not have
// changed anything.
func (s *Store) write(ctx context.Context, user string, invalid error, f func(*account) error) error {
	if invalid != nil {
		return invalid
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	a := s.accounts[user]
	if a == nil {
		a = newAccount()
	}
	err := f(a)
	switch {
	case a.empty():
		delete(s.accounts, user)
	default:
		s.accounts[user] = a
	}
	if len(a.deletions) > 0 {
		s.trashers.Insert(user)
	} else {
		s.trashers.Delete(user)
	}
	return err
}

func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return threads.ErrClosed
	}
	return ctx.Err()
}
