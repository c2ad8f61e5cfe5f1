package bench

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

var (
	skeinMemory = Contender{
		Name: "skein-memory", Engine: "memory",
		About: "`threads.Service` over `storage/memory`. Soft delete, exact undo, validation of every argument.",
		Open: func(context.Context, string, bool) (Keeper, error) {
			return newSkein(memory.New(), nil), nil
		},
	}
	skeinBolt = Contender{
		Name: "skein-bolt", Engine: "bbolt",
		About: "`threads.Service` over `storage/bolt` with its default options. Soft delete, exact undo, a checksum on every record, purge in batches.",
		Open: func(ctx context.Context, dir string, fill bool) (Keeper, error) {
			path := filepath.Join(dir, "skein.db")
			if !fill {
				store, err := bolt.Open(ctx, path, nil)
				if err != nil {
					return nil, err
				}
				return newSkein(store, nil), nil
			}
			db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
			if err != nil {
				return nil, err
			}
			store, err := bolt.New(ctx, db, nil)
			if err != nil {
				return nil, err
			}
			return newSkein(store, db.Close), nil
		},
	}
	skeinSQLite = Contender{
		Name: "skein-sqlite", Engine: "SQLite",
		About: "`threads.Service` over `storage/sqlite` with its default options. Soft delete, exact undo, a checksum on every record, purge in batches, purged bytes overwritten (`secure_delete`).",
		Open: func(ctx context.Context, dir string, _ bool) (Keeper, error) {
			store, err := sqlite.Open(ctx, filepath.Join(dir, "skein.sqlite"), nil) // which refuses a handle that leaves out syncs
			if err != nil {
				return nil, err
			}
			return newSkein(store, nil), nil
		},
	}
)

// skein is a store of ours, called as applications call it.
type skein struct {
	store threads.Store
	svc   *threads.Service
	last  map[string]string // the last deletion of a user
	also  func() error      // closes what the store borrows
}

func newSkein(store threads.Store, also func() error) *skein {
	if also == nil {
		also = func() error { return nil }
	}
	return &skein{store, threads.NewService(store, nil), map[string]string{}, also}
}

func draft(t threads.Thread) threads.Draft {
	return threads.Draft{ID: t.ID, Organization: t.Organization, Title: t.Title, Metadata: t.Metadata, CreatedAt: t.CreatedAt}
}

func (s *skein) Fill(ctx context.Context, user string, from, to int) error {
	const callers = 256 // so that many share a commit
	g, ctx := errgroup.WithContext(ctx)
	for w := range callers {
		g.Go(func() error {
			for n := from + w; n < to; n += callers {
				if err := s.Create(ctx, user, numbered(user, n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (s *skein) Create(ctx context.Context, user string, t threads.Thread) error {
	_, err := s.svc.Create(ctx, user, draft(t))
	return err
}

func (s *skein) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	return s.svc.Get(ctx, user, id, threads.Live)
}

func (s *skein) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	p := threads.Paging{Limit: limit}
	if from.After != nil {
		p.After = from.After.Cursor()
	}
	page, err := s.svc.List(ctx, user, threads.Query{Scope: threads.All()}, p)
	return page.Threads, err
}

func (s *skein) Count(ctx context.Context, user string) (int, error) {
	n, err := s.svc.Count(ctx, user, threads.All())
	return int(n.Live), err
}

func (s *skein) Delete(ctx context.Context, user, id string) error {
	_, err := s.svc.Delete(ctx, user, id)
	return err
}

func (s *skein) DeleteAll(ctx context.Context, user string) (int, error) {
	d, err := s.svc.SoftDeleteAll(ctx, user, threads.All())
	s.last[user] = d.ID
	return int(d.Count), err
}

func (s *skein) Restore(ctx context.Context, user string) (int, error) {
	n, err := s.svc.Restore(ctx, user, s.last[user])
	return int(n), err
}

func (s *skein) Purge(ctx context.Context, user string) (n int, err error) {
	for more := true; more && err == nil; {
		var r threads.PurgeResult
		r, err = s.svc.Purge(ctx, user, time.Now().Add(time.Hour), threads.DefaultPurgeBatch)
		n, more = n+int(r.Threads), r.More
	}
	return n, err
}

func (s *skein) Close() error { return errors.Join(s.store.Close(), s.also()) }
