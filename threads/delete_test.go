package threads_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// mixed gives ada threads in two organizations and personal ones, a pinned
// and a hidden one among them, and bob one in each place.
func mixed(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.createIn("ada", "", "p1", "p2")
	f.createIn("ada", "org_a", "a1", "a2")
	f.create("ada", threads.Draft{ID: "a3", Organization: "org_a", Pinned: true, Hidden: true})
	f.clock.advance(time.Millisecond)
	f.createIn("ada", "org_b", "b1")
	f.createIn("bob", "", "p1")
	f.createIn("bob", "org_a", "a1")
	return f
}

func TestSoftDeleteAllDeletesTheScopeAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		scope threads.Scope
		count int64
		live  []string
	}{
		{threads.All(), 6, nil},
		{threads.Personal(), 2, []string{"a1", "a2", "a3", "b1"}},
		{threads.InOrganization("org_a"), 3, []string{"p1", "p2", "b1"}},
		{threads.InOrganization("org_b"), 1, []string{"p1", "p2", "a1", "a2", "a3"}},
	} {
		t.Run(c.scope.String(), func(t *testing.T) {
			f := mixed(t)
			got := f.deleteAll("ada", c.scope)
			want := threads.Deletion{
				ID: "del_1", User: "ada", Scope: c.scope, DeletedAt: f.clock.Now(), Count: c.count, Held: c.count,
			}
			if got != want {
				t.Errorf("SoftDeleteAll(ada, %s) = %+v; want %+v", c.scope, got, want)
			}
			if recorded := f.deletion("ada", "del_1"); recorded != want {
				t.Errorf("Deletion(ada, del_1) = %+v; want %+v", recorded, want)
			}
			f.wantLive("ada", c.live...)
			f.wantLive("bob", "p1", "a1")
			f.wantCounts("ada", threads.All(), threads.Counts{Live: 6 - c.count, Deleted: c.count})
			f.wantCounts("ada", c.scope, threads.Counts{Deleted: c.count})
			for _, id := range f.ids("ada", threads.Query{Scope: threads.All(), State: threads.Deleted}) {
				if thread := f.get("ada", id); thread.DeletionID != got.ID || thread.DeletedAt != got.DeletedAt {
					t.Errorf("deleted thread %s = %+v; want it in %s of %s", id, thread, got.ID, got.DeletedAt)
				}
			}
		})
	}
}

func TestSoftDeleteAllCountsNoThreadTwice(t *testing.T) {
	f := mixed(t)
	one := f.delete("ada", "a1")
	inA := f.deleteAll("ada", threads.InOrganization("org_a"))
	all := f.deleteAll("ada", threads.All())
	if one.Count != 1 || inA.Count != 2 || all.Count != 3 {
		t.Errorf("counts = %d, %d, %d; want 1, 2, 3: threads deleted before are not counted again", one.Count, inA.Count, all.Count)
	}
	for id, want := range map[string]string{"a1": one.ID, "a2": inA.ID, "a3": inA.ID, "p1": all.ID, "b1": all.ID} {
		if got := f.get("ada", id).DeletionID; got != want {
			t.Errorf("thread %s is in %s; want %s: it stays with the deletion it is in", id, got, want)
		}
	}
}

func TestSoftDeleteAllOfNothingIsSuccessAndLeavesNoRecord(t *testing.T) {
	f := mixed(t)
	f.deleteAll("ada", threads.All())
	for _, user := range []string{"ada", "nobody"} {
		got := f.deleteAll(user, threads.All())
		if got.ID != "" || got.Count != 0 || got.Held != 0 {
			t.Errorf("SoftDeleteAll(%s) of nothing = %+v; want no id, count 0", user, got)
		}
	}
	page, err := f.Deletions(t.Context(), "ada", threads.Paging{})
	if err != nil || len(page.Deletions) != 1 {
		t.Errorf("Deletions(ada) = %d, %v; want 1, nil: a call that deleted nothing is not recorded", len(page.Deletions), err)
	}
}

func TestIdempotencyKey(t *testing.T) {
	ctx := t.Context()
	inA := threads.InOrganization("org_a")
	key := threads.WithIdempotencyKey("key-1")

	t.Run("a retry returns the first deletion and deletes nothing newer", func(t *testing.T) {
		f := mixed(t)
		first := f.deleteAll("ada", inA, key)
		if first.Key != "key-1" || first.Count != 3 {
			t.Errorf("SoftDeleteAll() = %+v; want key-1, count 3", first)
		}
		f.createIn("ada", "org_a", "newer")
		f.clock.advance(time.Hour)
		if again := f.deleteAll("ada", inA, key); again != first {
			t.Errorf("SoftDeleteAll() again = %+v; want %+v", again, first)
		}
		f.wantLive("ada", "p1", "p2", "b1", "newer")
	})
	t.Run("a retry after an undo does not delete again", func(t *testing.T) {
		f := mixed(t)
		first := f.deleteAll("ada", inA, key)
		if _, err := f.Restore(ctx, "ada", first.ID); err != nil {
			t.Fatal(err)
		}
		again := f.deleteAll("ada", inA, key)
		if again.ID != first.ID || again.Count != 3 || again.Held != 0 {
			t.Errorf("SoftDeleteAll() again = %+v; want %s as it is now: count 3, held 0", again, first.ID)
		}
		f.wantCounts("ada", inA, threads.Counts{Live: 3})
	})
	t.Run("a call that deleted nothing is recorded under its key", func(t *testing.T) {
		f := mixed(t)
		nowhere := threads.InOrganization("org_new")
		first := f.deleteAll("ada", nowhere, key)
		if first.ID == "" || first.Count != 0 {
			t.Errorf("SoftDeleteAll() of nothing with a key = %+v; want an id and count 0", first)
		}
		f.createIn("ada", "org_new", "newer")
		if again := f.deleteAll("ada", nowhere, key); again != first {
			t.Errorf("SoftDeleteAll() again = %+v; want %+v", again, first)
		}
		f.wantCounts("ada", nowhere, threads.Counts{Live: 1})
	})
	t.Run("another scope is an error and deletes nothing", func(t *testing.T) {
		f := mixed(t)
		f.deleteAll("ada", inA, key)
		for _, scope := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_b")} {
			got, err := f.SoftDeleteAll(ctx, "ada", scope, key)
			wantError(t, "SoftDeleteAll() of another scope", err, threads.ErrKeyReused)
			if got != (threads.Deletion{}) {
				t.Errorf("SoftDeleteAll() = %+v beside an error; want the zero Deletion", got)
			}
		}
		f.wantLive("ada", "p1", "p2", "b1")
	})
	t.Run("another user's key is another key", func(t *testing.T) {
		f := mixed(t)
		f.deleteAll("ada", inA, key)
		if got := f.deleteAll("bob", threads.All(), key); got.Count != 2 {
			t.Errorf("SoftDeleteAll(bob) = %d; want 2", got.Count)
		}
	})
	t.Run("a purged record frees its key", func(t *testing.T) {
		f := mixed(t)
		f.deleteAll("ada", inA, key)
		for range 2 { // the first takes the threads, the second the record
			f.clock.advance(time.Second)
			if _, err := f.Purge(ctx, "ada", f.clock.Now(), 100); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Second)
		}
		if got := f.deleteAll("ada", threads.All(), key); got.Count != 3 {
			t.Errorf("SoftDeleteAll() with the key = %+v; want it to delete 3", got)
		}
	})
}

// A destructive call never guesses: what is not clearly a scope and a key is
// refused before anything happens.
func TestSoftDeleteAllRefusesWhatIsUnclear(t *testing.T) {
	svc := threads.NewService(unreachable(t), nil)
	for name, c := range map[string]struct {
		user  string
		scope threads.Scope
		opts  []threads.DeleteOption
		field string
	}{
		"no scope":                   {"ada", threads.Scope{}, nil, "scope"},
		"no organization id":         {"ada", threads.InOrganization(""), nil, "organization_id"},
		"an organization called all": {"ada", threads.InOrganization("all"), nil, "organization_id"},
		"a malformed organization":   {"ada", threads.InOrganization("invalid_id"), nil, "organization_id"},
		"two organizations":          {"ada", threads.InOrganization("org_a,org_b"), nil, "organization_id"},
		"no user":                    {"", threads.All(), nil, "user"},
		"an empty key":               {"ada", threads.All(), []threads.DeleteOption{threads.WithIdempotencyKey("")}, "idempotency_key"},
		"a key too long": {"ada", threads.All(), []threads.DeleteOption{
			threads.WithIdempotencyKey(strings.Repeat("x", threads.MaxKey+1)),
		}, "idempotency_key"},
		"a bad key, then a good one": {"ada", threads.All(), []threads.DeleteOption{
			threads.WithIdempotencyKey("a\n"), threads.WithIdempotencyKey("good"),
		}, "idempotency_key"},
	} {
		got, err := svc.SoftDeleteAll(t.Context(), c.user, c.scope, c.opts...)
		wantInvalid(t, "SoftDeleteAll() with "+name, err, c.field)
		if got != (threads.Deletion{}) {
			t.Errorf("SoftDeleteAll() with %s = %+v beside an error; want the zero Deletion", name, got)
		}
	}
	// The error says what was wrong with the organization, word for word.
	_, err := svc.SoftDeleteAll(t.Context(), "ada", threads.InOrganization("invalid_id"))
	wantField(t, "SoftDeleteAll()", err,
		threads.FieldError{Field: "organization_id", Rule: "Must start with 'org_'", Given: "invalid_id"})
}

func TestDeleteOne(t *testing.T) {
	f := mixed(t)
	got := f.delete("ada", "a2")
	want := threads.Deletion{
		ID: "del_1", User: "ada", Scope: threads.InOrganization("org_a"), Thread: "a2", DeletedAt: f.clock.Now(), Count: 1, Held: 1,
	}
	if got != want {
		t.Errorf("Delete(ada, a2) = %+v; want %+v", got, want)
	}
	if personal := f.delete("ada", "p1"); personal.Scope != threads.Personal() {
		t.Errorf("Delete(ada, p1): scope = %s; want personal", personal.Scope)
	}
	f.wantLive("ada", "p2", "a1", "a3", "b1")
	f.wantLive("bob", "p1", "a1")
	for _, id := range []string{"a2", "absent"} {
		d, err := f.Delete(t.Context(), "ada", id)
		wantError(t, fmt.Sprintf("Delete(ada, %s)", id), err, threads.ErrNotFound)
		if d != (threads.Deletion{}) {
			t.Errorf("Delete(ada, %s) = %+v beside an error; want the zero Deletion", id, d)
		}
	}
}

func (f *fixture) restore(user, deletion string, want int64) {
	f.t.Helper()
	if n, err := f.Restore(f.t.Context(), user, deletion); err != nil || n != want {
		f.t.Errorf("Restore(%s, %s) = %d, %v; want %d, nil", user, deletion, n, err, want)
	}
}

func TestRestoreBringsBackWhatTheCallDeletedExactlyAsItWas(t *testing.T) {
	f := mixed(t)
	before := map[string]threads.Thread{}
	for _, id := range f.live("ada") {
		before[id] = f.get("ada", id)
	}
	one := f.delete("ada", "a1")
	all := f.deleteAll("ada", threads.All())
	f.createIn("ada", "org_a", "newer")
	f.clock.advance(time.Hour)

	f.restore("ada", all.ID, 5)
	f.wantLive("ada", "p1", "p2", "a2", "a3", "b1", "newer") // not a1, which was deleted singly before
	f.restore("ada", all.ID, 0)                              // twice is success
	got := f.deletion("ada", all.ID)
	if got.Held != 0 || got.Count != 5 || got.RestoredAt != f.clock.Now() {
		t.Errorf("Deletion() = %+v; want held 0, count 5, restored at %s", got, f.clock.Now())
	}
	f.restore("ada", one.ID, 1)
	for id, want := range before {
		if got := f.get("ada", id); !reflect.DeepEqual(got, want) {
			t.Errorf("thread %s = %+v; want it as it was: %+v", id, got, want)
		}
	}
}

func TestOverlappingDeletionsAreUndoneInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		f := mixed(t)
		ids := []string{
			f.delete("ada", "a1").ID,
			f.deleteAll("ada", threads.InOrganization("org_a")).ID,
			f.deleteAll("ada", threads.All()).ID,
		}
		for _, i := range order {
			f.restore("ada", ids[i], []int64{1, 2, 3}[i])
		}
		f.wantLive("ada", "p1", "p2", "a1", "a2", "a3", "b1")
		f.wantCounts("ada", threads.All(), threads.Counts{Live: 6})
	}
}

func TestRestoreThreadTakesItOutOfItsDeletion(t *testing.T) {
	f := mixed(t)
	ctx := t.Context()
	all := f.deleteAll("ada", threads.All())
	got, err := f.RestoreThread(ctx, "ada", "a3")
	if err != nil || !got.Live() || !got.DeletedAt.IsZero() || !reflect.DeepEqual(got, f.get("ada", "a3")) {
		t.Errorf("RestoreThread(a3) = %+v, %v; want the live thread", got, err)
	}
	if again, err := f.RestoreThread(ctx, "ada", "a3"); err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("RestoreThread(a3) again = %+v, %v; want %+v, nil", again, err, got)
	}
	if d := f.deletion("ada", all.ID); d.Held != 5 || d.Count != 6 || !d.RestoredAt.IsZero() {
		t.Errorf("Deletion() = %+v; want held 5, count 6, not restored as a whole", d)
	}
	later := f.delete("ada", "a3") // deleted again, it is in the new deletion only
	f.restore("ada", all.ID, 5)
	if got := f.get("ada", "a3"); got.DeletionID != later.ID {
		t.Errorf("a3 is in %q after the restore of the earlier deletion; want %s", got.DeletionID, later.ID)
	}
	_, err = f.RestoreThread(ctx, "ada", "absent")
	wantError(t, "RestoreThread(absent)", err, threads.ErrNotFound)
}

func TestRestoreAfterThePurgeHasBegun(t *testing.T) {
	f := mixed(t)
	ctx := t.Context()
	all := f.deleteAll("ada", threads.All())
	f.clock.advance(time.Second)
	if r, err := f.Purge(ctx, "ada", f.clock.Now(), 1); err != nil || r.Threads != 1 || !r.More {
		t.Fatalf("Purge() = %+v, %v; want 1 thread, more", r, err)
	}
	_, err := f.Restore(ctx, "ada", all.ID)
	wantError(t, "Restore()", err, threads.ErrPurged)
	for _, id := range f.ids("ada", threads.Query{Scope: threads.All(), State: threads.Deleted}) {
		_, err := f.RestoreThread(ctx, "ada", id)
		wantError(t, "RestoreThread()", err, threads.ErrPurged)
	}
	f.wantCounts("ada", threads.All(), threads.Counts{Deleted: 5})
	if _, err := f.Purge(ctx, "ada", f.clock.Now(), 100); err != nil {
		t.Fatal(err)
	}
	_, err = f.Restore(ctx, "ada", all.ID) // the record stays for a while, to say so
	wantError(t, "Restore() when all is gone", err, threads.ErrPurged)
}

// Order comes from the store: a clock that goes backwards loses nothing.
func TestDeletionsDoNotDependOnTheClock(t *testing.T) {
	store := memory.New()
	now := start
	svc := threads.NewService(store, &threads.Options{Now: func() time.Time { now = now.Add(-time.Hour); return now }})
	ctx := t.Context()
	var last threads.Deletion
	for i := range 5 {
		for j := range 3 {
			if _, err := svc.Create(ctx, "ada", threads.Draft{ID: fmt.Sprint(i, "-", j)}); err != nil {
				t.Fatal(err)
			}
		}
		d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
		if err != nil || d.Count != 3 {
			t.Fatalf("SoftDeleteAll() = %d, %v; want 3, nil: those created since the one before", d.Count, err)
		}
		last = d
	}
	if n, err := svc.Restore(ctx, "ada", last.ID); err != nil || n != 3 {
		t.Errorf("Restore() = %d, %v; want 3, nil", n, err)
	}
}

func TestDeletionIDThatIsTaken(t *testing.T) {
	svc := threads.NewService(memory.New(), &threads.Options{NewDeletionID: func() string { return "del_same" }})
	ctx := t.Context()
	var errs []error
	for range 2 {
		_, err := svc.Create(ctx, "ada", threads.Draft{})
		_, err2 := svc.SoftDeleteAll(ctx, "ada", threads.All())
		errs = append(errs, errors.Join(err, err2))
	}
	if errs[0] != nil {
		t.Errorf("first: %v; want nil", errs[0])
	}
	wantError(t, "SoftDeleteAll() with an id that is taken", errs[1], threads.ErrExists)
	if n, err := svc.Count(ctx, "ada", threads.All()); err != nil || n != (threads.Counts{Live: 1, Deleted: 1}) {
		t.Errorf("Count() = %+v, %v; want 1 live, 1 deleted: the refused call deleted nothing", n, err)
	}
}

func TestSoftDeleteAllTakesOneKey(t *testing.T) {
	f := newFixture(t)
	f.createIn("ada", "", "a")
	for name, opts := range map[string][]threads.DeleteOption{
		"two keys":     {threads.WithIdempotencyKey("k1"), threads.WithIdempotencyKey("k2")},
		"a key twice":  {threads.WithIdempotencyKey("k1"), threads.WithIdempotencyKey("k1")},
		"a nil option": {nil},
	} {
		_, err := f.SoftDeleteAll(t.Context(), "ada", threads.All(), opts...)
		wantError(t, "SoftDeleteAll with "+name, err, threads.ErrInvalid)
	}
	f.wantLive("ada", "a")
}

func TestDeleteOfUnknownOutcomeNamesItsDeletion(t *testing.T) {
	store := memory.New()
	lossy, sound := newFixtureOver(t, unsure{store}), newFixtureOver(t, store)
	sound.createIn("ada", "", "a")
	lost, err := lossy.Delete(t.Context(), "ada", "a")
	wantError(t, "Delete()", err, threads.ErrUnknownOutcome)
	if found := sound.deletion("ada", lost.ID); found.Thread != "a" {
		t.Errorf("Deletion(%s), of the call without an answer, = %+v; want the one that it made", lost.ID, found)
	}
}

// The id of a purged thread may be given again; no record may then speak of it.
func TestNoDeletionNamesAThreadThatIsNotInIt(t *testing.T) {
	f := newFixture(t)
	f.createIn("ada", "", "x")
	first := f.delete("ada", "x")
	if _, err := f.Restore(t.Context(), "ada", first.ID); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(-time.Hour) // so that the second is purged before the first
	second := f.delete("ada", "x")
	f.clock.advance(time.Minute)
	if _, err := f.Purge(t.Context(), "ada", second.DeletedAt.Add(time.Second), 10); err != nil {
		t.Fatal(err)
	}
	f.createIn("ada", "", "x")
	for _, d := range []threads.Deletion{f.deletion("ada", first.ID), f.deletion("ada", second.ID)} {
		if d.Thread != "" {
			t.Errorf("Deletion(%s) = %+v; want no word of the thread that had the id before", d.ID, d)
		}
	}
}
