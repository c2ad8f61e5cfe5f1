package storagetest

import (
	"context"
	"time"

	"github.com/skein-go/skein/threads"
)

// lifeClauses are about contexts and Close.
var lifeClauses = []Clause{
	clause("context/cancelled",
		"A call whose context is cancelled before it begins returns that error and leaves nothing changed; with a good context it then succeeds.",
		func(s *script) {
			ctx, cancel := context.WithCancel(s.ctx)
			cancel()
			s.doneContext(ctx, context.Canceled)
		}),

	clause("context/expired",
		"So does a call whose context has expired.",
		func(s *script) {
			ctx, cancel := context.WithDeadline(s.ctx, time.Unix(0, 0))
			defer cancel()
			s.doneContext(ctx, context.DeadlineExceeded)
		}),

	clause("close/closed",
		"After Close every call returns ErrClosed.",
		func(s *script) {
			s.populate("ada")
			s.close()
			for _, m := range methods {
				s.refused(m.name+" after Close", m.call(s.ctx, s.env.store, s.argumentsOf(m.name, "ada")), threads.ErrClosed)
			}
		}),

	clause("close/twice",
		"A second Close does nothing and returns nil.",
		func(s *script) {
			s.create("ada", "t1")
			s.close()
			for range 2 {
				s.ok("Close() again", s.env.store.Close())
				s.refused("Create(ada, t2) after that", s.env.store.Create(s.ctx, "ada", s.thread("ada", "t2")), threads.ErrClosed)
			}
		}),
}

// doneContext calls every method with a context that is done, holds that each
// returns its error and changes nothing, and that the same call then succeeds
// without it.
func (s *script) doneContext(ctx context.Context, want error) {
	s.populate("bob")
	for _, m := range methods {
		s.populate("ada")
		a := s.argumentsOf(m.name, "ada")
		s.unchanged(func() {
			s.refused(m.name+" with a context that is done", m.call(ctx, s.env.store, a), want)
		}, "ada", "bob")
		s.ok(m.name+" with a good context", m.call(s.ctx, s.env.store, a))
		s.erase("ada")
	}
}
