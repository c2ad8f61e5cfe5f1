package storagetest

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// lost is what a store can lose of a thread.
var lost = []struct {
	what string
	from func(*threads.Thread)
}{
	{"the assistant", func(t *threads.Thread) { t.Assistant = "" }},
	{"the title", func(t *threads.Thread) { t.Title = "" }},
	{"the metadata", func(t *threads.Thread) { t.Metadata = nil }},
	{"metadata whose value is empty", func(t *threads.Thread) {
		t.Metadata = maps.Clone(t.Metadata)
		maps.DeleteFunc(t.Metadata, func(_, v string) bool { return v == "" })
	}},
	{"whether it is hidden", func(t *threads.Thread) { t.Hidden = false }},
	{"pinned-at", func(t *threads.Thread) { t.PinnedAt = time.Time{} }},
	{"the time in pinned-at", func(t *threads.Thread) {
		if !t.PinnedAt.IsZero() {
			t.PinnedAt = t.CreatedAt
		}
	}},
	{"updated-at", func(t *threads.Thread) { t.UpdatedAt = t.CreatedAt }},
	{"last-activity-at", func(t *threads.Thread) { t.LastActivityAt = t.UpdatedAt }},
	{"the microseconds of updated-at", func(t *threads.Thread) { t.UpdatedAt = t.UpdatedAt.Truncate(time.Millisecond) }},
}

// onCreate alters each thread that is created.
func onCreate(f func(*threads.Thread)) func(*altered) {
	return func(a *altered) {
		own := a.create
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			t = t.Clone()
			if t.Validate(user) == nil {
				f(&t)
			}
			return own(ctx, user, t)
		}
	}
}

// onGet alters each thread that Get returns.
func onGet(f func(*threads.Thread)) func(*altered) {
	return func(a *altered) {
		own := a.get
		a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
			t, err := own(ctx, user, id, state)
			if err == nil {
				f(&t)
			}
			return t, err
		}
	}
}

// onList alters each thread that List returns.
func onList(f func(*threads.Thread)) func(*altered) {
	return func(a *altered) {
		own := a.list
		a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
			list, err := own(ctx, user, q, after, limit)
			for i := range list {
				f(&list[i])
			}
			return list, err
		}
	}
}

// replaces makes Create put the new thread in the place of one there is, if
// that is so.
func replaces(is func(a *altered, old threads.Thread) bool) func(*altered) {
	return func(a *altered) {
		a.create = func(ctx context.Context, user string, t threads.Thread) error {
			err := a.model.Create(ctx, user, t)
			if sameClass(err, threads.ErrExists) {
				a.edit(user, func(r *threads.Thread) {
					if r.ID == t.ID && is(a, *r) {
						*r, err = t.Clone(), nil
					}
				})
			}
			return err
		}
	}
}

func createFaults() []fault {
	list := []fault{
		{clause: "create/every-field", wrong: "Create loses the organization", alter: onCreate(func(t *threads.Thread) { t.Organization = "" })},
		{clause: "create/every-field", wrong: "Create sets the version to 1", alter: onCreate(func(t *threads.Thread) { t.Version = 1 })},
		{clause: "create/every-field", wrong: "Create keeps versions as floating-point numbers", alter: onCreate(func(t *threads.Thread) {
			t.Version = int64(float64(t.Version))
		})},
		{clause: "create/every-field", wrong: "Get returns times of another zone", alter: onGet(func(t *threads.Thread) {
			t.UpdatedAt = t.UpdatedAt.In(time.FixedZone("UTC", 0))
		})},
		{clause: "create/every-field", wrong: "created threads can be found as deleted ones only", alter: func(a *altered) {
			own := a.get
			a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
				if state == threads.Both {
					state = threads.Deleted
				}
				return own(ctx, user, id, state)
			}
		}},
		{clause: "create/empty-fields", wrong: "Get returns nil for no metadata", alter: onGet(func(t *threads.Thread) {
			if len(t.Metadata) == 0 {
				t.Metadata = nil
			}
		})},
		{clause: "create/empty-fields", wrong: "List returns nil for no metadata", alter: onList(func(t *threads.Thread) {
			if len(t.Metadata) == 0 {
				t.Metadata = nil
			}
		})},
		{clause: "create/empty-fields", wrong: "threads that are not pinned were pinned in 1970", alter: onGet(func(t *threads.Thread) {
			if t.PinnedAt.IsZero() {
				t.PinnedAt = time.Unix(0, 0).UTC()
			}
		})},
		{clause: "create/empty-fields", wrong: "a personal thread gets an organization", alter: onCreate(func(t *threads.Thread) {
			if t.Organization == "" {
				t.Organization = "org_default"
			}
		})},
		{clause: "create/texts", wrong: "Create trims titles", alter: onCreate(func(t *threads.Thread) { t.Title = strings.TrimSpace(t.Title) })},
		{clause: "create/texts", wrong: "Create takes line ends for one another", alter: onCreate(func(t *threads.Thread) {
			t.Title = strings.ReplaceAll(t.Title, "\r\n", "\n")
		})},
		{clause: "create/texts", wrong: "Create takes the key of a pair to lower case", alter: onCreate(func(t *threads.Thread) {
			lower := map[string]string{}
			for k, v := range t.Metadata {
				lower[strings.ToLower(k)] = v
			}
			t.Metadata = lower
		})},
		{clause: "create/largest", wrong: "Create cuts titles at 255 bytes", alter: onCreate(func(t *threads.Thread) {
			t.Title = strings.ToValidUTF8(t.Title[:min(255, len(t.Title))], "")
		})},
		{clause: "create/largest", wrong: "Create cuts values of metadata at 512 bytes", alter: onCreate(func(t *threads.Thread) {
			for k, v := range t.Metadata {
				t.Metadata[k] = v[:min(512, len(v))]
			}
		})},
		{clause: "create/largest", wrong: "SoftDeleteAll cuts keys at 128 bytes", alter: onDeleteAll(func(d *threads.Deletion) {
			d.Key = strings.ToValidUTF8(d.Key[:min(128, len(d.Key))], "")
		})},
		{clause: "create/far-times", wrong: "times are kept as nanoseconds since 1970", alter: onCreate(func(t *threads.Thread) {
			t.CreatedAt = time.Unix(0, t.CreatedAt.UnixNano()).UTC()
		})},
		{clause: "create/far-times", wrong: "times before 1970 are kept as 1970", alter: onCreate(func(t *threads.Thread) {
			if t.CreatedAt.Unix() < 0 {
				t.CreatedAt = time.Unix(0, 0).UTC()
			}
		})},
		{clause: "create/ids-are-bytes", wrong: "ids are compared without regard to case", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) (err error) {
				a.edit(user, func(r *threads.Thread) {
					if r.ID != t.ID && strings.EqualFold(r.ID, t.ID) {
						err = threads.ErrExists
					}
				})
				if err == nil {
					err = own(ctx, user, t)
				}
				return err
			}
		}},
		{clause: "create/live-thread-exists", wrong: "Create replaces a live thread", alter: replaces(func(_ *altered, old threads.Thread) bool { return old.Live() })},
		{clause: "create/live-thread-exists", wrong: "Create takes a live thread of the id for its own success", alter: func(a *altered) {
			own := a.create
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if _, get := a.get(ctx, user, t.ID, threads.Live); sameClass(err, threads.ErrExists) && get == nil {
					return nil
				}
				return err
			}
		}},
		{clause: "create/deleted-thread-exists", wrong: "Create replaces a thread deleted alone", alter: replaces(func(a *altered, old threads.Thread) bool {
			return !old.Live() && a.deletion(old.User, old.DeletionID).Thread != ""
		})},
		{clause: "create/deleted-thread-exists", wrong: "Create replaces a thread deleted with all", alter: replaces(func(a *altered, old threads.Thread) bool {
			return !old.Live() && a.deletion(old.User, old.DeletionID).PurgedAt.IsZero() && a.deletion(old.User, old.DeletionID).Thread == ""
		})},
		{clause: "get/absent", wrong: "Get of an absent thread returns the zero thread", alter: func(a *altered) {
			own := a.get
			a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
				t, err := own(ctx, user, id, state)
				if sameClass(err, threads.ErrNotFound) && a.row(user, id, threads.Both) == nil {
					err = nil
				}
				return t, err
			}
		}},
		{clause: "get/state", wrong: "Get does not look at the state", alter: func(a *altered) {
			own := a.get
			a.get = func(ctx context.Context, user, id string, _ threads.State) (threads.Thread, error) {
				return own(ctx, user, id, threads.Both)
			}
		}},
		{clause: "get/state", wrong: "a thread deleted with all is still found as live", alter: func(a *altered) {
			own := a.get
			a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
				if r := a.row(user, id, threads.Deleted); r != nil && a.deletion(user, r.DeletionID).Thread == "" && state == threads.Live {
					state = threads.Both
				}
				return own(ctx, user, id, state)
			}
		}},
		{clause: "get/deletion", wrong: "deleted threads have no deleted-at", alter: onGet(func(t *threads.Thread) { t.DeletedAt = time.Time{} })},
		{clause: "get/deletion", wrong: "deleting sets updated-at", alter: onGet(func(t *threads.Thread) {
			if !t.Live() {
				t.UpdatedAt = t.DeletedAt
			}
		})},
		{clause: "get/deletion", wrong: "deleting unpins", alter: onGet(func(t *threads.Thread) {
			if !t.Live() {
				t.PinnedAt = time.Time{}
			}
		})},
	}
	for _, l := range lost {
		list = append(list, fault{clause: "create/every-field", wrong: "Create loses " + l.what, alter: onCreate(l.from)})
	}

	var mu sync.Mutex
	shared := map[string]*model{}
	return append(list, fault{clause: "open/nothing-shared", wrong: "all stores are one", open: func(dir string) (threads.Store, error) {
		mu.Lock()
		defer mu.Unlock()
		if shared[dir] == nil { // one a check, or else the next clause would catch it
			shared[dir] = &model{}
		}
		return unclosed{shared[dir]}, nil
	}})
}

func copyFaults() []fault {
	return []fault{
		{clause: "copies/given", wrong: "Create keeps the map it is given", alter: func(a *altered) {
			a.create = func(ctx context.Context, user string, t threads.Thread) error {
				err := a.model.Create(ctx, user, t)
				if err == nil && t.Metadata != nil {
					a.edit(user, func(r *threads.Thread) {
						if r.ID == t.ID {
							r.Metadata = t.Metadata
						}
					})
				}
				return err
			}
		}},
		{clause: "copies/given", wrong: "Update keeps the map it is given", alter: func(a *altered) {
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				err := a.model.Update(ctx, user, t)
				if err == nil && t.Metadata != nil {
					a.edit(user, func(r *threads.Thread) {
						if r.ID == t.ID {
							r.Metadata = t.Metadata
						}
					})
				}
				return err
			}
		}},
		{clause: "copies/returned", wrong: "Get returns the store's own map", alter: func(a *altered) {
			onGet(func(t *threads.Thread) { t.Metadata = a.row(t.User, t.ID, threads.Both).Metadata })(a)
		}},
		{clause: "copies/returned", wrong: "List returns the store's own maps", alter: func(a *altered) {
			onList(func(t *threads.Thread) { t.Metadata = a.row(t.User, t.ID, threads.Both).Metadata })(a)
		}},
		{clause: "copies/returned", wrong: "RestoreThread returns the store's own map", alter: func(a *altered) {
			own := a.restoreThread
			a.restoreThread = func(ctx context.Context, user, id string) (threads.Thread, error) {
				t, err := own(ctx, user, id)
				if err == nil {
					t.Metadata = a.row(user, id, threads.Both).Metadata
				}
				return t, err
			}
		}},
		{clause: "copies/returned", wrong: "ListDeletions returns the store's own slice", alter: func(a *altered) {
			kept := map[string][]threads.Deletion{}
			own := a.listDeletions
			a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
				list, err := own(ctx, user, order, after, limit)
				if old := kept[user]; err == nil && len(old) == len(list) {
					return old, nil
				}
				kept[user] = list
				return list, err
			}
		}},
		{clause: "copies/returned", wrong: "UsersDue returns the store's own slice", alter: func(a *altered) {
			var kept []string
			own := a.usersDue
			a.usersDue = func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
				if kept != nil {
					return kept, nil
				}
				var err error
				kept, err = own(ctx, before, after, limit)
				return kept, err
			}
		}},
	}
}

// unclosed is a store that Close leaves open.
type unclosed struct{ threads.Store }

func (unclosed) Close() error { return nil }

func updateFaults() []fault {
	list := []fault{
		{clause: "update/every-field", wrong: "Update does not change the version", alter: afterUpdate(func(r *threads.Thread, old, _ threads.Thread) { r.Version = old.Version })},
		{clause: "update/every-field", wrong: "Update adds two to the version", alter: afterUpdate(func(r *threads.Thread, _, _ threads.Thread) { r.Version++ })},
		{clause: "update/every-field", wrong: "Update merges metadata", alter: afterUpdate(func(r *threads.Thread, old, next threads.Thread) {
			if len(next.Metadata) > 0 {
				maps.Copy(r.Metadata, old.Metadata)
			}
		})},
		{clause: "update/version", wrong: "Update does not look at the version", alter: anyVersion(func(_, _ int64) bool { return true })},
		{clause: "update/version", wrong: "Update refuses older versions alone", alter: anyVersion(func(has, given int64) bool { return given > has })},
		{clause: "update/version", wrong: "Update for another version is ErrConflict and no more", alter: func(a *altered) {
			own := a.update
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if sameClass(err, threads.ErrVersionMismatch) {
					err = threads.ErrConflict
				}
				return err
			}
		}},
		{clause: "update/what-stays", wrong: "Update moves a thread to another organization", alter: afterUpdate(func(r *threads.Thread, _, next threads.Thread) {
			r.Organization = next.Organization
		})},
		{clause: "update/what-stays", wrong: "Update changes created-at", alter: afterUpdate(func(r *threads.Thread, _, next threads.Thread) {
			r.CreatedAt = next.CreatedAt
		})},
		{clause: "update/what-stays", wrong: "Update does nothing if organization or created-at differ", alter: afterUpdate(func(r *threads.Thread, old, next threads.Thread) {
			if next.Organization != old.Organization || !next.CreatedAt.Equal(old.CreatedAt) {
				*r = old
			}
		})},
		{clause: "update/deleted", wrong: "Update brings a thread back", alter: updatesDeleted(func(r *threads.Thread) {
			r.DeletionID, r.DeletedAt = "", time.Time{}
		})},
		{clause: "update/deleted", wrong: "Update changes a deleted thread", alter: updatesDeleted(func(*threads.Thread) {})},
		{clause: "update/absent", wrong: "Update creates a thread that is not there", alter: func(a *altered) {
			own := a.update
			a.update = func(ctx context.Context, user string, t threads.Thread) error {
				err := own(ctx, user, t)
				if sameClass(err, threads.ErrNotFound) && a.row(user, t.ID, threads.Both) == nil {
					err = a.model.Create(ctx, user, t)
				}
				return err
			}
		}},
	}
	for _, l := range lost {
		if l.what == "metadata whose value is empty" {
			continue
		}
		list = append(list, fault{clause: "update/every-field", wrong: "Update loses " + l.what, alter: afterUpdate(func(r *threads.Thread, old, next threads.Thread) {
			if next.Title == "New" { // else what is empty would be kept empty
				l.from(r)
			}
		})})
	}
	for _, kept := range []struct {
		what string
		keep func(r *threads.Thread, old threads.Thread)
	}{
		{"assistant", func(r *threads.Thread, old threads.Thread) { r.Assistant = or(r.Assistant, old.Assistant) }},
		{"title", func(r *threads.Thread, old threads.Thread) { r.Title = or(r.Title, old.Title) }},
		{"metadata", func(r *threads.Thread, old threads.Thread) {
			if len(r.Metadata) == 0 {
				r.Metadata = old.Metadata
			}
		}},
		{"hidden", func(r *threads.Thread, old threads.Thread) { r.Hidden = or(r.Hidden, old.Hidden) }},
		{"pinned-at", func(r *threads.Thread, old threads.Thread) { r.PinnedAt = or(r.PinnedAt, old.PinnedAt) }},
	} {
		list = append(list, fault{clause: "update/empty-fields", wrong: "Update keeps " + kept.what + " if none is given", alter: afterUpdate(func(r *threads.Thread, old, _ threads.Thread) {
			kept.keep(r, old)
		})})
	}
	return list
}

// or returns what is not zero.
func or[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}

// afterUpdate alters what an update has stored.
func afterUpdate(f func(r *threads.Thread, old, next threads.Thread)) func(*altered) {
	return func(a *altered) {
		a.update = func(ctx context.Context, user string, next threads.Thread) error {
			var old threads.Thread
			a.edit(user, func(r *threads.Thread) {
				if r.ID == next.ID {
					old = r.Clone()
				}
			})
			err := a.model.Update(ctx, user, next)
			if err == nil {
				a.edit(user, func(r *threads.Thread) {
					if r.ID == next.ID {
						f(r, old, next.Clone())
					}
				})
			}
			return err
		}
	}
}

// anyVersion makes Update take a version if that is so.
func anyVersion(takes func(has, given int64) bool) func(*altered) {
	return func(a *altered) {
		own := a.update
		a.update = func(ctx context.Context, user string, t threads.Thread) error {
			if r := a.row(user, t.ID, threads.Live); r != nil && t.Version > 0 && takes(r.Version, t.Version) {
				t.Version = r.Version
			}
			return own(ctx, user, t)
		}
	}
}

// updatesDeleted makes Update take deleted threads.
func updatesDeleted(f func(*threads.Thread)) func(*altered) {
	return func(a *altered) {
		own := a.update
		a.update = func(ctx context.Context, user string, t threads.Thread) error {
			err := own(ctx, user, t)
			if sameClass(err, threads.ErrNotFound) {
				a.edit(user, func(r *threads.Thread) {
					if r.ID == t.ID {
						*r, err = r.Revised(t.Clone()), nil
						f(r)
					}
				})
			}
			return err
		}
	}
}
