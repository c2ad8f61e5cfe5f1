package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/adk/v2/session"
	adkdatabase "google.golang.org/adk/v2/session/database"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/skein-go/skein/threads"
)

const adkAbout = "Organization, title and metadata are its state map; " + noTimes + " A delete is final, of one session: deleting all is a list and a delete of each, as its interface offers it. Lists have neither order nor limit: a page is a list of all, sorted here. There is no count: it is the length of the list."

var (
	adkMemory = Contender{
		Name: "adk-memory", Engine: "memory",
		About: "google.golang.org/adk v2.2.0, `session.InMemoryService`. " + adkAbout,
		Open: func(context.Context, string, bool) (Keeper, error) {
			return &adkKeeper{session.InMemoryService(), io.NopCloser(nil)}, nil
		},
	}
	adkSQLite = Contender{
		Name: "adk-sqlite", Engine: "SQLite", Slow: 10_000,
		About: "google.golang.org/adk v2.2.0, `session/database` on the same driver and pragmas, prepared statements on. " + adkAbout +
			fmt.Sprintf(" Each create and delete is a transaction, on one of %d connections that wait for each other in SQLite.", readers),
		Open: func(ctx context.Context, dir string, fill bool) (Keeper, error) {
			files, err := openSQLite(ctx, dir, "adk.sqlite", "", fill)
			if err != nil {
				return nil, err
			}
			// Several connections: with one, a transaction that waits for a statement and the statement that waits for
			// its connection would wait for each other for ever.
			service, err := adkdatabase.NewSessionService(gormsqlite.New(gormsqlite.Config{DriverName: "sqlite", Conn: files.read}),
				&gorm.Config{PrepareStmt: true, Logger: logger.Discard})
			if err != nil {
				return nil, err
			}
			return &adkKeeper{service, files}, adkdatabase.AutoMigrate(service)
		},
	}
)

const adkApp = "bench"

// adkKeeper keeps threads as sessions, and what a session has no field for in
// its state.
type adkKeeper struct {
	service session.Service
	files   io.Closer
}

func (a *adkKeeper) Fill(ctx context.Context, user string, from, to int) error {
	for n := from; n < to; n++ {
		if err := a.Create(ctx, user, numbered(user, n)); err != nil {
			return err
		}
	}
	return nil
}

func (a *adkKeeper) Create(ctx context.Context, user string, t threads.Thread) error {
	_, err := a.service.Create(ctx, &session.CreateRequest{AppName: adkApp, UserID: user, SessionID: t.ID, State: map[string]any{
		"organization": t.Organization, "title": t.Title, "source": t.Metadata["source"], "topic": t.Metadata["topic"],
	}})
	return err
}

func adkThread(s session.Session) (threads.Thread, error) {
	t := threads.Thread{ID: s.ID(), User: s.UserID(), Metadata: map[string]string{}, CreatedAt: s.LastUpdateTime()}
	for key, value := range s.State().All() {
		text, ok := value.(string)
		if !ok {
			return t, errors.New("adk: a value is not the text that was put in")
		}
		switch key {
		case "organization":
			t.Organization = text
		case "title":
			t.Title = text
		default:
			t.Metadata[key] = text
		}
	}
	return t, nil
}

func (a *adkKeeper) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	r, err := a.service.Get(ctx, &session.GetRequest{AppName: adkApp, UserID: user, SessionID: id})
	if err != nil {
		return threads.Thread{}, errors.Join(errAbsent, err)
	}
	return adkThread(r.Session)
}

func (a *adkKeeper) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	r, err := a.service.List(ctx, &session.ListRequest{AppName: adkApp, UserID: user})
	if err != nil {
		return nil, err
	}
	found := r.Sessions
	slices.SortFunc(found, func(a, b session.Session) int { // by id, for two may have the same time
		switch {
		case a.ID() > b.ID():
			return -1
		case a.ID() < b.ID():
			return +1
		}
		return 0
	})
	var list []threads.Thread
	for _, s := range found {
		if from.After != nil && s.ID() >= from.After.ID {
			continue
		}
		t, err := adkThread(s)
		if err != nil {
			return nil, err
		}
		if list = append(list, t); len(list) == limit {
			break
		}
	}
	return list, nil
}

func (a *adkKeeper) Count(ctx context.Context, user string) (int, error) {
	r, err := a.service.List(ctx, &session.ListRequest{AppName: adkApp, UserID: user})
	if err != nil {
		return 0, err
	}
	return len(r.Sessions), nil
}

func (a *adkKeeper) Delete(ctx context.Context, user, id string) error {
	return a.service.Delete(ctx, &session.DeleteRequest{AppName: adkApp, UserID: user, SessionID: id})
}

func (a *adkKeeper) DeleteAll(ctx context.Context, user string) (n int, err error) {
	r, err := a.service.List(ctx, &session.ListRequest{AppName: adkApp, UserID: user})
	if err != nil {
		return 0, err
	}
	for _, s := range r.Sessions {
		if err := a.Delete(ctx, user, s.ID()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (a *adkKeeper) Restore(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }
func (a *adkKeeper) Purge(context.Context, string) (int, error)   { return 0, errors.ErrUnsupported }
func (a *adkKeeper) Close() error                                 { return a.files.Close() }
