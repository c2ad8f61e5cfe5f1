package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// step is one call of a script. Its times and ids depend on its place alone,
// so that what a script leads to is known whichever of its steps fail.
type step func(context.Context, *threads.Service) error

// at returns the service for the step at a place of a script.
func at(store threads.Store, place int) *threads.Service {
	ids, deletions := 0, 0
	return threads.NewService(store, &threads.Options{
		Now:           func() time.Time { return epoch.Add(time.Duration(place) * time.Hour) },
		NewThreadID:   func() string { ids++; return fmt.Sprintf("thrd_of_step_%03d_%d", place, ids) },
		NewDeletionID: func() string { deletions++; return fmt.Sprintf("del_of_step_%03d_%d", place, deletions) },
	})
}

// script has every call that writes in one transaction, some of them large.
func script() []step {
	create := func(user string, d threads.Draft) step {
		return func(ctx context.Context, s *threads.Service) error {
			_, err := s.Create(ctx, user, d)
			return err
		}
	}
	deleteAll := func(user string, scope threads.Scope, opts ...threads.DeleteOption) step {
		return func(ctx context.Context, s *threads.Service) error {
			_, err := s.SoftDeleteAll(ctx, user, scope, opts...)
			return err
		}
	}
	restore := func(user string, place int) step {
		return func(ctx context.Context, s *threads.Service) error {
			_, err := s.Restore(ctx, user, fmt.Sprintf("del_of_step_%03d_1", place))
			return err
		}
	}
	large := map[string]string{}
	for i := range threads.MaxMetadataPairs {
		large[fmt.Sprint("key ", i)] = strings.Repeat("\u00e9", threads.MaxMetadataValue)
	}
	purge := func(user string, limit int) step {
		return func(ctx context.Context, s *threads.Service) error {
			_, err := s.Purge(ctx, user, far, limit)
			return err
		}
	}
	return []step{
		0: create("ada", threads.Draft{Title: "personal"}),
		1: create("ada", threads.Draft{Organization: "org_a", Pinned: true, Assistant: "asst_1"}),
		2: create("bob", threads.Draft{Organization: "org_a", Metadata: large}),
		3: create("ada", threads.Draft{Organization: "org_b", Metadata: large, Hidden: true}),
		4: deleteAll("ada", threads.InOrganization("org_a"), threads.WithIdempotencyKey("once")),
		5: create("ada", threads.Draft{Organization: "org_a", Metadata: large}),
		6: func(ctx context.Context, s *threads.Service) error {
			_, err := s.Delete(ctx, "ada", "thrd_of_step_003_1")
			return err
		},
		7: deleteAll("ada", threads.All()),
		8: restore("ada", 4),
		9: func(ctx context.Context, s *threads.Service) error {
			title := "another title"
			_, err := s.Update(ctx, "bob", "thrd_of_step_002_1", threads.AnyVersion, threads.Patch{Title: &title, ClearMetadata: true})
			return err
		},
		10: create("bob", threads.Draft{Metadata: large}),
		11: func(ctx context.Context, s *threads.Service) error {
			_, err := s.RestoreThread(ctx, "ada", "thrd_of_step_003_1")
			return err
		},
		12: purge("ada", 1),
		13: deleteAll("bob", threads.All()),
		14: restore("bob", 13),
		15: create("ada", threads.Draft{Metadata: large}),
		16: purge("ada", 100),
		17: deleteAll("ada", threads.All(), threads.WithIdempotencyKey("once more")),
		18: purge("ada", 100),
		19: create("ada", threads.Draft{Title: "last"}),
	}
}

// scriptCatalog is all that the script could have made.
func scriptCatalog() catalog {
	c := catalog{Users: []string{"ada", "bob"}, Threads: map[string][]string{}, Deletions: map[string][]string{}}
	for place := range script() {
		for _, user := range c.Users {
			c.Threads[user] = append(c.Threads[user], fmt.Sprintf("thrd_of_step_%03d_1", place))
			c.Deletions[user] = append(c.Deletions[user], fmt.Sprintf("del_of_step_%03d_1", place))
		}
	}
	return c
}

// writer is a process that runs the script, and says before and after each
// step what it does.
func writer(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	for place, step := range script() {
		fmt.Println("try", place)
		err := step(ctx, at(store, place))
		switch {
		case err == nil:
			fmt.Println("done", place)
		case errors.Is(err, threads.ErrUnknownOutcome):
			fmt.Println("unknown", place)
			for name, call := range everyCall(store) {
				if err := call(ctx); !errors.Is(err, threads.ErrClosed) || !strings.Contains(err.Error(), "reopened") {
					fmt.Printf("WRONG: after an unknown outcome, %s = %v\n", name, err)
				}
			}
			fmt.Println("closing", store.Close())
			return nil
		case errors.Is(err, threads.ErrFull):
			fmt.Println("full", place)
		case is(err, threads.ErrNotFound, threads.ErrPurged): // for an earlier step was refused
			fmt.Println("refused", place)
		default:
			fmt.Printf("WRONG: step %d = %v\n", place, err)
		}
	}
	if err := store.Close(); err != nil {
		return err
	}
	fmt.Println("end")
	return nil
}

// crowd is a process in which many write at once, and so share commits.
func crowd(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 6 {
				id := fmt.Sprintf("thrd_%d_%d", w, i)
				err := store.Create(ctx, "ada", thread("ada", id))
				switch {
				case err == nil:
					fmt.Println("done", id)
				case errors.Is(err, threads.ErrFull), errors.Is(err, threads.ErrClosed):
					fmt.Println("refused", id)
				case !errors.Is(err, threads.ErrUnknownOutcome):
					fmt.Printf("WRONG: Create = %v\n", err)
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("closing:", store.Close())
	return nil
}

// compactor is a process that compacts a store, and writes to it.
func compactor(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	for place := range 2 {
		fmt.Println("compacting:", store.Compact(ctx))
		fmt.Println("try", place)
		if err := store.Create(ctx, "eve", thread("eve", fmt.Sprint("thrd_", place))); err != nil {
			fmt.Println("failed", place, err)
			continue
		}
		fmt.Println("done", place)
	}
	fmt.Println("closing:", store.Close())
	return nil
}

// eraser is a process that erases a user.
func eraser(ctx context.Context, decode func(any) error) error {
	var path string
	if err := decode(&path); err != nil {
		return err
	}
	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	_, err = store.Erase(ctx, "ada")
	fmt.Println("erased:", err)
	fmt.Println("closing:", store.Close())
	return nil
}
