// Package groupcommit lets concurrent writers of a single-writer engine share
// commits.
//
// Whoever arrives while a commit is under way joins the next one; a lone
// caller never waits. So the rate of many writers is bounded by their work and
// no longer by one sync of the disk each, and there is no delay to tune.
package groupcommit

import (
	"context"
	"slices"
	"sync"
)

// Engine is what a [Group] needs of a store. Its functions are called by one
// goroutine at a time.
type Engine[Tx any] interface {
	// Begin starts a write transaction.
	Begin() (Tx, error)

	// Commit makes it durable. Its error goes to every caller whose
	// operation is in it; unless nothing was changed and each may succeed
	// without the others, for which Commit reports apart: then each runs
	// again in a transaction of its own.
	Commit(Tx) (err error, apart bool)

	// Rollback ends it without effect.
	Rollback(Tx)

	// Isolate runs one operation. If it fails, what it wrote must be undone
	// and what was written before must stay; if that cannot be, Isolate
	// reports broken, and the transaction is rolled back.
	Isolate(tx Tx, op func(Tx) error) (err error, broken bool)
}

// Group shares the commits of an engine. Its methods may be called by any
// number of goroutines.
type Group[Tx any] struct {
	engine Engine[Tx]
	most   int

	mu      sync.Mutex
	leading bool // some goroutine is committing
	alone   bool // the last batch was an operation that runs alone
	waiting []*call[Tx]
}

// New returns a Group that puts at most so many operations into one commit.
func New[Tx any](engine Engine[Tx], most int) *Group[Tx] {
	return &Group[Tx]{engine: engine, most: max(most, 1)}
}

type call[Tx any] struct {
	ctx   context.Context
	op    func(Tx) error
	alone bool // shares no commit
	err   error
	wake  chan bool // true: lead the next commit; false: err is set
}

// Do runs op in a transaction and returns when that is committed, or with the
// error of op, of the commit, or of the context if that was done before op
// ran. An operation runs once, unless a neighbour in the same transaction broke
// it, or they had no room together; then it runs again in another.
func (g *Group[Tx]) Do(ctx context.Context, op func(Tx) error) error {
	return g.do(&call[Tx]{ctx: ctx, op: op})
}

// DoAlone does so in a transaction that op shares with no other. It is for
// large operations: many of those in one would keep everybody else waiting.
// Between two of them those of Do have their turn.
func (g *Group[Tx]) DoAlone(ctx context.Context, op func(Tx) error) error {
	return g.do(&call[Tx]{ctx: ctx, op: op, alone: true})
}

func (g *Group[Tx]) do(c *call[Tx]) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.wake = make(chan bool, 1)
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if g.leading {
		g.mu.Unlock()
		if !g.wait(c) {
			return c.err
		}
		g.mu.Lock()
	}
	g.leading = true
	batch := g.take()
	g.mu.Unlock()

	defer g.pass() // also if an operation panics
	g.run(batch)
	for _, other := range batch {
		if other != c {
			other.wake <- false
		}
	}
	return c.err
}

// wait blocks until the call is done or is to lead. A call whose context ends
// while it is still waiting is withdrawn.
func (g *Group[Tx]) wait(c *call[Tx]) (lead bool) {
	select {
	case lead = <-c.wake:
		return lead
	case <-c.ctx.Done():
	}
	g.mu.Lock()
	for i, other := range g.waiting {
		if other == c && len(c.wake) == 0 {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			g.mu.Unlock()
			c.err = c.ctx.Err()
			return false
		}
	}
	g.mu.Unlock()
	return <-c.wake // it is in a commit, or was just made leader
}

// take removes the next batch from those who wait: the first, and if that
// shares its commit, others that do. The lock is held.
func (g *Group[Tx]) take() []*call[Tx] {
	g.alone = g.waiting[0].alone
	var batch, rest []*call[Tx]
	for _, c := range g.waiting {
		if len(batch) == 0 || len(batch) < g.most && !g.alone && !c.alone {
			batch = append(batch, c)
		} else {
			rest = append(rest, c)
		}
	}
	g.waiting = rest
	return batch
}

// pass hands the lead to whoever has waited longest, or to nobody. Operations
// that run alone and others take turns, so that any number of the former keeps
// the latter waiting for one of them at most.
func (g *Group[Tx]) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leading = len(g.waiting) > 0; !g.leading {
		return
	}
	if i := slices.IndexFunc(g.waiting, func(c *call[Tx]) bool { return c.alone != g.alone }); i > 0 {
		c := g.waiting[i]
		g.waiting = slices.Insert(slices.Delete(g.waiting, i, i+1), 0, c)
	}
	g.waiting[0].wake <- true
}

// run carries out a batch in one transaction and sets the error of each call.
func (g *Group[Tx]) run(batch []*call[Tx]) {
	for len(batch) > 0 {
		tx, err := g.engine.Begin()
		if err != nil {
			fail(batch, err)
			return
		}
		done := make([]*call[Tx], 0, len(batch))
		broken, rest := false, batch
		for len(rest) > 0 && !broken {
			c := rest[0]
			rest = rest[1:]
			if c.err = c.ctx.Err(); c.err == nil {
				c.err, broken = g.engine.Isolate(tx, c.op)
			}
			if c.err == nil {
				done = append(done, c)
			}
		}
		if broken { // by the last one; those before it run again, apart from others that may break it
			g.engine.Rollback(tx)
			g.run(done)
			batch = rest
			continue
		}
		if len(done) == 0 {
			g.engine.Rollback(tx)
		} else if err, apart := g.engine.Commit(tx); apart && len(done) > 1 {
			for i := range done {
				g.run(done[i : i+1])
			}
		} else if err != nil {
			fail(done, err)
		}
		return
	}
}

func fail[Tx any](calls []*call[Tx], err error) {
	for _, c := range calls {
		c.err = err
	}
}
