package bench

import (
	"context"
	"errors"

	"trpc.group/trpc-go/trpc-agent-go/session"
	"trpc.group/trpc-go/trpc-agent-go/session/inmemory"

	"github.com/skein-go/skein/threads"
)

var trpcMemory = Contender{
	Name: "trpc-memory", Engine: "memory",
	About: "trpc-group/trpc-agent-go v1.11.0, `session/inmemory`. Organization, title and metadata are its state map; " + noTimes + " A delete is final, of one session: deleting all is a list (of the metadata alone) and a delete of each, as its documents show. " +
		"Pages are by offset, and sort every session first. There is no count: it is the length of the list. (Its `session/sqlite`, documented for a driver with cgo and with a soft delete by default, is not measured.)",
	Open: func(context.Context, string, bool) (Keeper, error) {
		return &trpcKeeper{inmemory.NewSessionService()}, nil
	},
}

const trpcApp = "bench"

// trpcKeeper keeps threads as sessions, and what a session has no field for in
// its state.
type trpcKeeper struct{ service *inmemory.SessionService }

func (k *trpcKeeper) Fill(ctx context.Context, user string, from, to int) error {
	for n := from; n < to; n++ {
		if err := k.Create(ctx, user, numbered(user, n)); err != nil {
			return err
		}
	}
	return nil
}

func (k *trpcKeeper) Create(ctx context.Context, user string, t threads.Thread) error {
	_, err := k.service.CreateSession(ctx, trpcKey(user, t.ID), session.StateMap{
		"organization": []byte(t.Organization), "title": []byte(t.Title), "source": []byte(t.Metadata["source"]), "topic": []byte(t.Metadata["topic"]),
	})
	return err
}

func trpcKey(user, id string) session.Key {
	return session.Key{AppName: trpcApp, UserID: user, SessionID: id}
}

func trpcThread(s *session.Session) threads.Thread {
	t := threads.Thread{ID: s.ID, User: s.UserID, Metadata: map[string]string{}, CreatedAt: s.CreatedAt}
	for key, value := range s.State {
		switch key {
		case "organization":
			t.Organization = string(value)
		case "title":
			t.Title = string(value)
		default:
			t.Metadata[key] = string(value)
		}
	}
	return t
}

func (k *trpcKeeper) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	s, err := k.service.GetSession(ctx, trpcKey(user, id))
	if err != nil {
		return threads.Thread{}, err
	}
	if s == nil {
		return threads.Thread{}, errAbsent
	}
	return trpcThread(s), nil
}

func (k *trpcKeeper) list(ctx context.Context, user string, opts ...session.Option) ([]*session.Session, error) {
	return k.service.ListSessions(ctx, session.UserKey{AppName: trpcApp, UserID: user}, append(opts, session.WithListSessionOnlyMeta())...)
}

func (k *trpcKeeper) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	found, err := k.list(ctx, user, session.WithListSessionPage(from.Offset, limit))
	list := make([]threads.Thread, len(found))
	for i, s := range found {
		list[i] = trpcThread(s)
	}
	return list, err
}

func (k *trpcKeeper) Count(ctx context.Context, user string) (int, error) {
	found, err := k.list(ctx, user)
	return len(found), err
}

func (k *trpcKeeper) Delete(ctx context.Context, user, id string) error {
	return k.service.DeleteSession(ctx, trpcKey(user, id))
}

func (k *trpcKeeper) DeleteAll(ctx context.Context, user string) (n int, err error) {
	found, err := k.list(ctx, user)
	if err != nil {
		return 0, err
	}
	for _, s := range found {
		if err := k.Delete(ctx, user, s.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (k *trpcKeeper) Restore(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }
func (k *trpcKeeper) Purge(context.Context, string) (int, error)   { return 0, errors.ErrUnsupported }
func (k *trpcKeeper) Close() error                                 { return k.service.Close() }
