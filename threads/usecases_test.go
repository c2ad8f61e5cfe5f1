package threads_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// useCases is every call of Service that takes a user, each with arguments
// that are valid otherwise.
var useCases = map[string]func(ctx context.Context, s *threads.Service, user string) error{
	"Create": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Create(ctx, user, threads.Draft{})
		return err
	},
	"Get": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Get(ctx, user, "thrd_1", threads.Live)
		return err
	},
	"Update": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Update(ctx, user, "thrd_1", 1, threads.Patch{Title: ptr("t")})
		return err
	},
	"List": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.List(ctx, user, threads.Query{Scope: threads.All()}, threads.Paging{})
		return err
	},
	"List of a deletion": func(ctx context.Context, s *threads.Service, user string) error {
		q := threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "del_1"}
		_, err := s.List(ctx, user, q, threads.Paging{})
		return err
	},
	"All": func(ctx context.Context, s *threads.Service, user string) error {
		for _, err := range s.All(ctx, user, threads.Query{Scope: threads.All()}) {
			return err
		}
		return nil
	},
	"Count": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Count(ctx, user, threads.All())
		return err
	},
	"Delete": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Delete(ctx, user, "thrd_1")
		return err
	},
	"SoftDeleteAll": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.SoftDeleteAll(ctx, user, threads.All())
		return err
	},
	"Restore": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Restore(ctx, user, "del_1")
		return err
	},
	"RestoreThread": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.RestoreThread(ctx, user, "thrd_1")
		return err
	},
	"Deletion": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Deletion(ctx, user, "del_1")
		return err
	},
	"Deletions": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Deletions(ctx, user, threads.Paging{})
		return err
	},
	"PreviewPurge": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.PreviewPurge(ctx, user, start)
		return err
	},
	"Purge": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Purge(ctx, user, start, 1)
		return err
	},
	"Erase": func(ctx context.Context, s *threads.Service, user string) error {
		_, err := s.Erase(ctx, user)
		return err
	},
}

func TestNoCallIsMadeForNobody(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	for name, call := range useCases {
		for _, user := range []string{"", "\x00", "ada\n", "\xff", strings.Repeat("x", threads.MaxIdentifier+1)} {
			wantInvalid(t, fmt.Sprintf("%s(%.10q)", name, user), call(t.Context(), svc, user), "user")
		}
	}
}

func TestErrorsOfAStoreKeepTheirClass(t *testing.T) {
	for _, class := range append([]error{
		threads.ErrVersionMismatch, threads.ErrKeyReused, context.Canceled, context.DeadlineExceeded, errors.New("of no class"),
	}, classes...) {
		svc := threads.NewService(stub{func(string) error { return fmt.Errorf("engine: %w", class) }}, nil)
		for name, call := range useCases {
			err := call(t.Context(), svc, "ada")
			wantError(t, name, err, class)
			if errors.Is(err, threads.ErrInvalid) && !errors.Is(class, threads.ErrInvalid) {
				t.Errorf("%s = %v, which is ErrInvalid; want only the class of the store's error", name, err)
			}
		}
	}
}

func TestErrorsOfAContextPassThrough(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), start.AddDate(-20, 0, 0))
	defer cancel()
	for name, call := range useCases {
		svc := threads.NewService(memory.New(), nil)
		wantError(t, name+" with a cancelled context", call(cancelled, svc, "ada"), context.Canceled)
		wantError(t, name+" with an expired context", call(expired, svc, "ada"), context.DeadlineExceeded)
		if n, err := svc.Count(t.Context(), "ada", threads.All()); err != nil || n != (threads.Counts{}) {
			t.Errorf("%s left %+v, %v; want nothing changed", name, n, err)
		}
	}
}

func TestUseAfterClose(t *testing.T) {
	store := memory.New()
	svc := threads.NewService(store, nil)
	if err := errors.Join(store.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	for name, call := range useCases {
		wantError(t, name+" after Close", call(t.Context(), svc, "ada"), threads.ErrClosed)
	}
}

// What a user must name besides themselves is refused before a store sees it.
// TestSoftDeleteAllRefusesWhatIsUnclear and its like say more of one call.
func TestBadInputNeverReachesAStore(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	ctx := t.Context()
	for _, id := range []string{"", "a\x00", "\xff", strings.Repeat("x", threads.MaxIdentifier+1)} {
		for name, c := range map[string]struct {
			field string
			call  func() error
		}{
			"Get":           {"id", func() error { _, err := svc.Get(ctx, "ada", id, threads.Live); return err }},
			"Update":        {"id", func() error { _, err := svc.Update(ctx, "ada", id, 1, threads.Patch{}); return err }},
			"Delete":        {"id", func() error { _, err := svc.Delete(ctx, "ada", id); return err }},
			"RestoreThread": {"id", func() error { _, err := svc.RestoreThread(ctx, "ada", id); return err }},
			"Restore":       {"deletion_id", func() error { _, err := svc.Restore(ctx, "ada", id); return err }},
			"Deletion":      {"deletion_id", func() error { _, err := svc.Deletion(ctx, "ada", id); return err }},
			"Create": {"id", func() error {
				_, err := svc.Create(ctx, "ada", threads.Draft{ID: "x" + id + "\n"}) // the empty id means "make one"
				return err
			}},
		} {
			wantInvalid(t, fmt.Sprintf("%s(%.10q)", name, id), c.call(), c.field)
		}
	}
	for name, c := range map[string]struct {
		field string
		call  func() error
	}{
		"Get of an unknown state": {"state", func() error { _, err := svc.Get(ctx, "ada", "x", 3); return err }},
		"Count of no scope":       {"scope", func() error { _, err := svc.Count(ctx, "ada", threads.Scope{}); return err }},
		"Count of an organization called all": {"organization_id", func() error {
			_, err := svc.Count(ctx, "ada", threads.InOrganization("all"))
			return err
		}},
		"List of the zero query": {"scope", func() error {
			_, err := svc.List(ctx, "ada", threads.Query{}, threads.Paging{})
			return err
		}},
		"All of the zero query": {"scope", func() error {
			for _, err := range svc.All(ctx, "ada", threads.Query{}) {
				return err
			}
			return nil
		}},
		"Create in a malformed organization": {"organization_id", func() error {
			_, err := svc.Create(ctx, "ada", threads.Draft{Organization: "acme"})
			return err
		}},
		"Create with a title too long": {"title", func() error {
			_, err := svc.Create(ctx, "ada", threads.Draft{Title: strings.Repeat("x", threads.MaxTitle+1)})
			return err
		}},
		"Create with a pair too many": {"metadata", func() error {
			_, err := svc.Create(ctx, "ada", threads.Draft{Metadata: pairs(threads.MaxMetadataPairs + 1)})
			return err
		}},
		"Create with a bad assistant": {"assistant_id", func() error {
			_, err := svc.Create(ctx, "ada", threads.Draft{Assistant: "\n"})
			return err
		}},
		"Create in year 10000": {"created_at", func() error {
			_, err := svc.Create(ctx, "ada", threads.Draft{CreatedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}},
	} {
		wantInvalid(t, name, c.call(), c.field)
	}
}

// A clock or an id from the host that breaks a rule is refused like any input.
func TestBadSurroundingsNeverReachAStore(t *testing.T) {
	ctx := t.Context()
	noTime := threads.NewService(unreachable(t), &threads.Options{Now: func() time.Time { return time.Time{} }})
	_, err := noTime.Create(ctx, "ada", threads.Draft{})
	wantInvalid(t, "Create() without a time", err, "created_at")
	_, err = noTime.Delete(ctx, "ada", "x")
	wantInvalid(t, "Delete() without a time", err, "deleted_at")
	_, err = noTime.SoftDeleteAll(ctx, "ada", threads.All())
	wantInvalid(t, "SoftDeleteAll() without a time", err, "deleted_at")

	noID := func() string { return "" }
	noIDs := threads.NewService(unreachable(t), &threads.Options{NewThreadID: noID, NewDeletionID: noID})
	_, err = noIDs.Create(ctx, "ada", threads.Draft{})
	wantInvalid(t, "Create() without an id", err, "id")
	_, err = noIDs.Delete(ctx, "ada", "x")
	wantInvalid(t, "Delete() without an id", err, "deletion_id")
	_, err = noIDs.SoftDeleteAll(ctx, "ada", threads.All())
	wantInvalid(t, "SoftDeleteAll() without an id", err, "deletion_id")
}
