package threads_test

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// recorder is a store that keeps what the service hands it.
type recorder struct {
	threads.Store
	created threads.Thread
	updated threads.Thread
	deleted threads.Deletion
	times   []time.Time
	updates int
}

func (r *recorder) Create(ctx context.Context, user string, t threads.Thread) error {
	r.created = t
	return r.Store.Create(ctx, user, t)
}

func (r *recorder) Update(ctx context.Context, user string, t threads.Thread) error {
	r.updated = t
	r.updates++
	return r.Store.Update(ctx, user, t)
}

func (r *recorder) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	r.deleted = d
	return r.Store.Delete(ctx, user, id, d)
}

func (r *recorder) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	r.deleted = d
	return r.Store.SoftDeleteAll(ctx, user, d)
}

func (r *recorder) Restore(ctx context.Context, user, deletion string, at time.Time) (int64, error) {
	r.times = []time.Time{at}
	return r.Store.Restore(ctx, user, deletion, at)
}

func (r *recorder) PreviewPurge(ctx context.Context, user string, before time.Time) (threads.Preview, error) {
	r.times = []time.Time{before}
	return r.Store.PreviewPurge(ctx, user, before)
}

func (r *recorder) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	r.times = []time.Time{before, now}
	return r.Store.Purge(ctx, user, before, now, limit)
}

func TestNewServiceNeedsAStore(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewService(nil, nil) returned; want a panic")
		}
	}()
	threads.NewService(nil, nil)
}

func TestCreateReturnsWhatIsStored(t *testing.T) {
	f := newFixture(t)
	metadata := map[string]string{"k": "v"}
	got := f.create("ada", threads.Draft{
		Organization: "org_a", Assistant: "asst_1", Title: "Tea", Metadata: metadata, Hidden: true, Pinned: true,
	})
	want := threads.Thread{
		ID: "thrd_1", User: "ada", Organization: "org_a", Assistant: "asst_1", Title: "Tea",
		Metadata: map[string]string{"k": "v"}, Hidden: true,
		PinnedAt: start, CreatedAt: start, UpdatedAt: start, LastActivityAt: start, Version: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Create() = %+v; want %+v", got, want)
	}
	metadata["k"] = "changed by the caller"
	got.Metadata["k"] = "changed by the caller"
	if stored := f.get("ada", "thrd_1"); !reflect.DeepEqual(stored, want) {
		t.Errorf("Get() = %+v; want %+v: no memory is shared", stored, want)
	}
}

func TestCreateOfTheZeroDraftIsAPersonalThread(t *testing.T) {
	f := newFixture(t)
	got := f.create("ada", threads.Draft{})
	want := threads.Thread{
		ID: "thrd_1", User: "ada", Metadata: map[string]string{},
		CreatedAt: start, UpdatedAt: start, LastActivityAt: start, Version: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Create(Draft{}) = %+v; want %+v", got, want)
	}
}

func TestCreateTakesTheCallersIDAndTime(t *testing.T) {
	f := newFixture(t)
	at := time.Date(2019, 5, 6, 7, 8, 9, 123_456_789, time.FixedZone("", -7*3600))
	got := f.create("ada", threads.Draft{ID: "mine", CreatedAt: at, Pinned: true})
	want := time.Date(2019, 5, 6, 14, 8, 9, 123_456_000, time.UTC)
	if got.ID != "mine" || got.CreatedAt != want || got.UpdatedAt != want || got.LastActivityAt != want {
		t.Errorf("Create() = %+v; want id mine and all three times %s", got, want)
	}
	if got.PinnedAt != start {
		t.Errorf("PinnedAt = %s; want %s, for it is pinned now", got.PinnedAt, start)
	}
}

func TestCreateRefusesAnIDThatLeftATrace(t *testing.T) {
	f := newFixture(t)
	f.createIn("ada", "org_a", "x")
	create := func() error {
		_, err := f.Create(t.Context(), "ada", threads.Draft{ID: "x"})
		return err
	}
	wantError(t, "Create() of an id that is live", create(), threads.ErrExists)
	f.delete("ada", "x")
	wantError(t, "Create() of an id that is deleted", create(), threads.ErrExists)
	f.createIn("bob", "", "x") // another user's ids are another matter

	f.clock.advance(time.Second)
	if _, err := f.Purge(t.Context(), "ada", f.clock.Now(), 10); err != nil {
		t.Fatal(err)
	}
	if err := create(); err != nil {
		t.Errorf("Create() of an id that was purged = %v; want nil: it is free", err)
	}
	if got := f.get("ada", "x"); got.Organization != "" || !got.Live() {
		t.Errorf("Get() = %+v; want nothing of the purged thread", got)
	}
}

// The default ids have the form that is documented, and sort by time.
func TestDefaultIDs(t *testing.T) {
	svc := threads.NewService(memory.New(), nil)
	thread := regexp.MustCompile(`^thrd_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$`)
	deletion := regexp.MustCompile(`^del_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$`)
	last := ""
	for range 100 {
		created, err := svc.Create(t.Context(), "ada", threads.Draft{})
		if err != nil || !thread.MatchString(created.ID) {
			t.Fatalf("Create() = %q, %v; want an id like %s", created.ID, err, thread)
		}
		if created.ID <= last {
			t.Errorf("id %q follows %q; want ids to sort by the time they were made", created.ID, last)
		}
		last = created.ID
	}
	d, err := svc.SoftDeleteAll(t.Context(), "ada", threads.All())
	if err != nil || !deletion.MatchString(d.ID) {
		t.Errorf("SoftDeleteAll() = %q, %v; want an id like %s", d.ID, err, deletion)
	}
	for _, opts := range []*threads.Options{{}, {Now: time.Now}} { // a nil field means the default
		if created, err := threads.NewService(memory.New(), opts).Create(t.Context(), "ada", threads.Draft{}); err != nil || !thread.MatchString(created.ID) {
			t.Errorf("Create() with %+v = %q, %v; want the default id", opts, created.ID, err)
		}
	}
}

func TestDefaultClockIsTimeNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := threads.NewService(memory.New(), nil)
		time.Sleep(90 * time.Second)
		created, err := svc.Create(t.Context(), "ada", threads.Draft{})
		if want := time.Date(2000, 1, 1, 0, 1, 30, 0, time.UTC); err != nil || created.CreatedAt != want {
			t.Errorf("Create() = %s, %v; want the time of now, %s", created.CreatedAt, err, want)
		}
	})
}

// Whatever the clock shows, a store is handed UTC in whole microseconds,
// rounded down, and the caller gets exactly what was stored.
func TestEveryTimeIsUTCAndWholeMicroseconds(t *testing.T) {
	now := time.Date(2026, 3, 14, 23, 9, 26, 535_897_932, time.FixedZone("", 8*3600))
	store := &recorder{Store: memory.New()}
	svc := threads.NewService(store, &threads.Options{Now: func() time.Time { return now }})
	ctx := t.Context()

	created, err := svc.Create(ctx, "ada", threads.Draft{ID: "x", Pinned: true})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(created, store.created) {
		t.Errorf("Create() = %+v; want what the store was handed: %+v", created, store.created)
	}
	for name, got := range map[string]time.Time{
		"created-at": created.CreatedAt, "updated-at": created.UpdatedAt,
		"last-activity-at": created.LastActivityAt, "pinned-at": created.PinnedAt,
	} {
		if got != start {
			t.Errorf("Create(): %s = %v; want %v", name, got, start)
		}
	}
	updated, err := svc.Update(ctx, "ada", "x", 1, threads.Patch{Title: ptr("t"), LastActivityAt: ptr(now.Add(time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	if updated.UpdatedAt != start || updated.LastActivityAt != start.Add(time.Hour) {
		t.Errorf("Update() = %+v; want updated-at %v and last-activity-at an hour later", updated, start)
	}
	one, err := svc.Delete(ctx, "ada", "x")
	if err != nil || one.DeletedAt != start || store.deleted.DeletedAt != start {
		t.Errorf("Delete() = %+v, %v; want deleted-at %v", one, err, start)
	}
	all, err := svc.SoftDeleteAll(ctx, "ada", threads.All(), threads.WithIdempotencyKey("k"))
	if err != nil || all.DeletedAt != start || store.deleted.DeletedAt != start {
		t.Errorf("SoftDeleteAll() = %+v, %v; want deleted-at %v", all, err, start)
	}
	if _, err = svc.Restore(ctx, "ada", one.ID); err != nil || store.times[0] != start {
		t.Errorf("Restore() handed over %v, %v; want %v", store.times, err, start)
	}
	before := now.Add(time.Hour + time.Nanosecond)
	if _, err = svc.PreviewPurge(ctx, "ada", before); err != nil || store.times[0] != start.Add(time.Hour) {
		t.Errorf("PreviewPurge() handed over %v, %v; want %v", store.times, err, start.Add(time.Hour))
	}
	if _, err = svc.Purge(ctx, "ada", before, 1); err != nil || store.times[0] != start.Add(time.Hour) || store.times[1] != start {
		t.Errorf("Purge() handed over %v, %v; want %v and %v", store.times, err, start.Add(time.Hour), start)
	}
}

// unsure is a store that loses the answer to writes which it has made.
type unsure struct{ threads.Store }

var errLost = fmt.Errorf("%w: connection lost at commit", threads.ErrUnknownOutcome)

func (u unsure) Create(ctx context.Context, user string, t threads.Thread) error {
	if err := u.Store.Create(ctx, user, t); err != nil {
		return err
	}
	return errLost
}

func (u unsure) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	if _, err := u.Store.SoftDeleteAll(ctx, user, d); err != nil {
		return threads.Deletion{}, err
	}
	return threads.Deletion{}, errLost
}

func (u unsure) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	if _, err := u.Store.Delete(ctx, user, id, d); err != nil {
		return threads.Deletion{}, err
	}
	return threads.Deletion{}, errLost
}

func TestCreateOfUnknownOutcomeCanBeRepeated(t *testing.T) {
	f := newFixtureOver(t, unsure{memory.New()})
	created, err := f.Create(t.Context(), "ada", threads.Draft{Title: "Tea"})
	wantError(t, "Create()", err, threads.ErrUnknownOutcome)
	if created.ID != "thrd_1" || created.Title != "Tea" {
		t.Fatalf("Create() = %+v beside ErrUnknownOutcome; want the thread with its id", created)
	}
	again, err := f.Create(t.Context(), "ada", threads.Draft{ID: created.ID, Title: "Tea"})
	wantError(t, "Create() again with that id", err, threads.ErrExists)
	if again.ID != "" {
		t.Errorf("Create() = %+v beside ErrExists; want the zero Thread", again)
	}
	f.wantLive("ada", "thrd_1")
}

func TestSoftDeleteAllOfUnknownOutcomeCanBeRepeated(t *testing.T) {
	store := memory.New()
	lossy, sound := newFixtureOver(t, unsure{store}), newFixtureOver(t, store)
	sound.createIn("ada", "", "a", "b")
	key := threads.WithIdempotencyKey("once")
	lost, err := lossy.SoftDeleteAll(t.Context(), "ada", threads.All(), key)
	wantError(t, "SoftDeleteAll()", err, threads.ErrUnknownOutcome)
	if found := sound.deletion("ada", lost.ID); found.Count != 2 {
		t.Errorf("Deletion(%s), of the call without an answer, = %+v; want the one that it made", lost.ID, found)
	}
	sound.createIn("ada", "", "newer")
	if d := sound.deleteAll("ada", threads.All(), key); d.Count != 2 {
		t.Errorf("SoftDeleteAll() again with the key = %d; want 2, the number of the first call", d.Count)
	}
	sound.wantLive("ada", "newer")
}

func TestGetByState(t *testing.T) {
	f := newFixture(t)
	f.createIn("ada", "", "live", "deleted")
	d := f.delete("ada", "deleted")
	for _, c := range []struct {
		id    string
		state threads.State
		found bool
	}{
		{"live", threads.Live, true}, {"live", threads.Deleted, false}, {"live", threads.Both, true},
		{"deleted", threads.Live, false}, {"deleted", threads.Deleted, true}, {"deleted", threads.Both, true},
		{"absent", threads.Both, false},
	} {
		got, err := f.Get(t.Context(), "ada", c.id, c.state)
		if c.found && (err != nil || got.ID != c.id) {
			t.Errorf("Get(%s, %d) = %+v, %v; want the thread", c.id, c.state, got, err)
		}
		if !c.found {
			wantError(t, fmt.Sprintf("Get(%s, %d)", c.id, c.state), err, threads.ErrNotFound)
		}
	}
	if got := f.get("ada", "deleted"); got.DeletionID != d.ID || got.DeletedAt != d.DeletedAt {
		t.Errorf("Get(deleted) = %+v; want it in deletion %s of %s", got, d.ID, d.DeletedAt)
	}
}

// Another user's thread and one that never was are told apart by nothing, not
// even the text of the error.
func TestForeignAndAbsentAnswerAlike(t *testing.T) {
	f := newFixture(t)
	f.createIn("ada", "org_a", "hers", "deleted")
	d := f.delete("ada", "deleted")
	ctx := t.Context()
	for name, call := range map[string]func(thread, deletion string) error{
		"Get":           func(id, _ string) error { _, err := f.Get(ctx, "bob", id, threads.Both); return err },
		"Update":        func(id, _ string) error { _, err := f.Update(ctx, "bob", id, 1, threads.Patch{}); return err },
		"Delete":        func(id, _ string) error { _, err := f.Delete(ctx, "bob", id); return err },
		"RestoreThread": func(id, _ string) error { _, err := f.RestoreThread(ctx, "bob", id); return err },
		"Restore":       func(_, id string) error { _, err := f.Restore(ctx, "bob", id); return err },
		"Deletion":      func(_, id string) error { _, err := f.Deletion(ctx, "bob", id); return err },
		"List of a deletion": func(_, id string) error {
			_, err := f.List(ctx, "bob", threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: id}, threads.Paging{})
			return err
		},
	} {
		for _, id := range []string{"hers", "deleted"} {
			foreign, absent := call(id, d.ID), call("absent", "del_absent")
			wantError(t, name+" of a foreign one", foreign, threads.ErrNotFound)
			wantError(t, name+" of an absent one", absent, threads.ErrNotFound)
			neutral := strings.NewReplacer(`"`+id+`"`, "it", `"`+d.ID+`"`, "it", `"absent"`, "it", `"del_absent"`, "it")
			if a, b := neutral.Replace(fmt.Sprint(foreign)), neutral.Replace(fmt.Sprint(absent)); a != b {
				t.Errorf("%s: a foreign one answers %q, an absent one %q; want them alike", name, a, b)
			}
		}
	}
	f.wantLive("ada", "hers")
	if got := f.get("ada", "hers"); got.Version != 1 {
		t.Errorf("version of the thread = %d; want 1: nobody else reaches it", got.Version)
	}
}
