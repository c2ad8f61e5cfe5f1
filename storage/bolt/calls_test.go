package bolt_test

import (
	"context"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// everyCall is every method of the store but Close, with arguments that are
// valid. Those that write have an id of their own.
func everyCall(s *bolt.Store) map[string]func(context.Context) error {
	all := threads.Query{Scope: threads.All()}
	d := threads.Deletion{ID: "del_call", User: "ada", Scope: threads.All(), DeletedAt: probe.Epoch}
	return map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error { return s.Create(ctx, "ada", thread("ada", "thrd_call")) },
		"Get": func(ctx context.Context) error {
			_, err := s.Get(ctx, "ada", "thrd_1", threads.Both)
			return err
		},
		"Update": func(ctx context.Context) error { return s.Update(ctx, "ada", thread("ada", "thrd_1")) },
		"List": func(ctx context.Context) error {
			_, err := s.List(ctx, "ada", all, threads.Cursor{}, 10)
			return err
		},
		"Count": func(ctx context.Context) error {
			_, err := s.Count(ctx, "ada", threads.All())
			return err
		},
		"Delete": func(ctx context.Context) error {
			_, err := s.Delete(ctx, "ada", "thrd_1", d)
			return err
		},
		"SoftDeleteAll": func(ctx context.Context) error {
			_, err := s.SoftDeleteAll(ctx, "ada", d)
			return err
		},
		"Restore": func(ctx context.Context) error {
			_, err := s.Restore(ctx, "ada", "del_1", probe.Epoch)
			return err
		},
		"RestoreThread": func(ctx context.Context) error {
			_, err := s.RestoreThread(ctx, "ada", "thrd_1")
			return err
		},
		"GetDeletion": func(ctx context.Context) error {
			_, err := s.GetDeletion(ctx, "ada", "del_1")
			return err
		},
		"ListDeletions": func(ctx context.Context) error {
			_, err := s.ListDeletions(ctx, "ada", threads.NewestFirst, threads.Cursor{}, 10)
			return err
		},
		"PreviewPurge": func(ctx context.Context) error {
			_, err := s.PreviewPurge(ctx, "ada", probe.Far)
			return err
		},
		"Purge": func(ctx context.Context) error {
			_, err := s.Purge(ctx, "ada", probe.Far, probe.Far, threads.MaxPurge)
			return err
		},
		"UsersDue": func(ctx context.Context) error {
			_, err := s.UsersDue(ctx, probe.Far, "", 10)
			return err
		},
		"Erase": func(ctx context.Context) error {
			_, err := s.Erase(ctx, "ada")
			return err
		},
		"Compact": s.Compact,
		"Check": func(ctx context.Context) error {
			_, err := s.Check(ctx)
			return err
		},
		"Stats": func(ctx context.Context) error {
			_, err := s.Stats(ctx)
			return err
		},
	}
}
