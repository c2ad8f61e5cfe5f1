package threads_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func TestUpdateChangesWhatThePatchNames(t *testing.T) {
	later := start.Add(time.Hour)
	activity := start.Add(time.Minute)
	for name, c := range map[string]struct {
		patch  threads.Patch
		change func(*threads.Thread)
	}{
		"a title":            {threads.Patch{Title: ptr("Coffee")}, func(x *threads.Thread) { x.Title = "Coffee" }},
		"no title":           {threads.Patch{Title: ptr("")}, func(x *threads.Thread) { x.Title = "" }},
		"an assistant":       {threads.Patch{Assistant: ptr("asst_2")}, func(x *threads.Thread) { x.Assistant = "asst_2" }},
		"no assistant":       {threads.Patch{Assistant: ptr("")}, func(x *threads.Thread) { x.Assistant = "" }},
		"hidden":             {threads.Patch{Hidden: ptr(true)}, func(x *threads.Thread) { x.Hidden = true }},
		"unpinned":           {threads.Patch{Pinned: ptr(false)}, func(x *threads.Thread) { x.PinnedAt = time.Time{} }},
		"a time of activity": {threads.Patch{LastActivityAt: &activity}, func(x *threads.Thread) { x.LastActivityAt = activity }},
		"a pair more": {threads.Patch{Metadata: map[string]*string{"c": ptr("3")}}, func(x *threads.Thread) {
			x.Metadata = map[string]string{"a": "1", "b": "2", "c": "3"}
		}},
		"a pair changed": {threads.Patch{Metadata: map[string]*string{"a": ptr("one")}}, func(x *threads.Thread) {
			x.Metadata = map[string]string{"a": "one", "b": "2"}
		}},
		"a pair with an empty value": {threads.Patch{Metadata: map[string]*string{"a": ptr("")}}, func(x *threads.Thread) {
			x.Metadata = map[string]string{"a": "", "b": "2"}
		}},
		"a pair removed": {threads.Patch{Metadata: map[string]*string{"a": nil}}, func(x *threads.Thread) {
			x.Metadata = map[string]string{"b": "2"}
		}},
		"all pairs removed": {threads.Patch{ClearMetadata: true}, func(x *threads.Thread) {
			x.Metadata = map[string]string{}
		}},
		"all pairs replaced": {threads.Patch{ClearMetadata: true, Metadata: map[string]*string{"z": ptr("26"), "a": nil}}, func(x *threads.Thread) {
			x.Metadata = map[string]string{"z": "26"}
		}},
		"several at once": {threads.Patch{Title: ptr("T"), Hidden: ptr(true), Pinned: ptr(false)}, func(x *threads.Thread) {
			x.Title, x.Hidden, x.PinnedAt = "T", true, time.Time{}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			want := f.create("ada", threads.Draft{
				ID: "x", Organization: "org_a", Assistant: "asst_1", Title: "Tea", Pinned: true,
				Metadata: map[string]string{"a": "1", "b": "2"},
			})
			f.clock.advance(time.Hour)
			c.change(&want)
			want.Version, want.UpdatedAt = 2, later
			got, err := f.Update(t.Context(), "ada", "x", 1, c.patch)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Update(%+v) = %+v, %v; want %+v", c.patch, got, err, want)
			}
			if stored := f.get("ada", "x"); !reflect.DeepEqual(stored, want) {
				t.Errorf("Get() after Update(%+v) = %+v; want %+v", c.patch, stored, want)
			}
		})
	}
}

func TestUpdateThatChangesNothingKeepsTheVersion(t *testing.T) {
	store := &recorder{Store: memory.New()}
	f := newFixtureOver(t, store)
	want := f.create("ada", threads.Draft{
		ID: "x", Assistant: "asst_1", Title: "Tea", Pinned: true, Metadata: map[string]string{"a": "1"},
	})
	f.clock.advance(time.Hour)
	for name, p := range map[string]threads.Patch{
		"the zero patch": {},
		"what is there already": {
			Title: ptr("Tea"), Assistant: ptr("asst_1"), Hidden: ptr(false), Pinned: ptr(true),
			Metadata: map[string]*string{"a": ptr("1"), "absent": nil}, LastActivityAt: ptr(start.In(time.Local)),
		},
		"the metadata cleared and put back": {ClearMetadata: true, Metadata: map[string]*string{"a": ptr("1")}},
	} {
		got, err := f.Update(t.Context(), "ada", "x", 1, p)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Update() with %s = %+v, %v; want %+v", name, got, err, want)
		}
	}
	if store.updates != 0 {
		t.Errorf("the store was asked to update %d times; want 0", store.updates)
	}
}

func TestPinKeepsTheTimeOfTheFirst(t *testing.T) {
	f := newFixture(t)
	f.create("ada", threads.Draft{ID: "x"})
	pin := func(pinned bool) time.Time {
		t.Helper()
		f.clock.advance(time.Hour)
		got, err := f.Update(t.Context(), "ada", "x", threads.AnyVersion, threads.Patch{Pinned: &pinned})
		if err != nil {
			t.Fatal(err)
		}
		return got.PinnedAt
	}
	first := pin(true)
	if want := start.Add(time.Hour); first != want {
		t.Errorf("pinned at %s; want %s", first, want)
	}
	if again := pin(true); again != first {
		t.Errorf("pinned again: at %s; want %s still", again, first)
	}
	if at := pin(false); !at.IsZero() {
		t.Errorf("unpinned: at %s; want none", at)
	}
	if at, want := pin(true), start.Add(4*time.Hour); at != want {
		t.Errorf("pinned anew: at %s; want %s", at, want)
	}
}

func TestUpdateIsForTheVersionThatWasSeen(t *testing.T) {
	f := newFixture(t)
	f.create("ada", threads.Draft{ID: "x"})
	update := func(version int64, title string) (threads.Thread, error) {
		return f.Update(t.Context(), "ada", "x", version, threads.Patch{Title: &title})
	}
	for _, version := range []int64{2, 100} {
		_, err := update(version, "too early")
		wantError(t, "Update() of a version that is not yet", err, threads.ErrVersionMismatch)
		wantError(t, "Update() of a version that is not yet", err, threads.ErrConflict)
	}
	if got, err := update(1, "one"); err != nil || got.Version != 2 {
		t.Fatalf("Update() = version %d, %v; want 2, nil", got.Version, err)
	}
	_, err := update(1, "lost")
	wantError(t, "Update() of the version before", err, threads.ErrVersionMismatch)
	if got := f.get("ada", "x"); got.Title != "one" || got.Version != 2 {
		t.Errorf("Get() = %q, version %d; want one, version 2", got.Title, got.Version)
	}
	// A patch that would change nothing is still for the version it names.
	_, err = update(1, "one")
	wantError(t, "Update() without a change, of the version before", err, threads.ErrVersionMismatch)

	if got, err := update(threads.AnyVersion, "any"); err != nil || got.Version != 3 {
		t.Errorf("Update(AnyVersion) = version %d, %v; want 3, nil", got.Version, err)
	}
	for _, version := range []int64{0, -2} {
		_, err := update(version, "bad")
		wantInvalid(t, fmt.Sprintf("Update(version %d)", version), err, "version")
	}
}

// racing is a store where somebody else is faster with the first updates.
type racing struct {
	threads.Store
	times int
	tries int
	reads int
}

func (r *racing) Get(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
	r.reads++
	return r.Store.Get(ctx, user, id, state)
}

func (r *racing) Update(ctx context.Context, user string, t threads.Thread) error {
	r.tries++
	if r.times > 0 {
		r.times--
		other, err := r.Store.Get(ctx, user, t.ID, threads.Live)
		if err != nil {
			return err
		}
		other.Metadata["racer"] = fmt.Sprint(r.tries)
		if err := r.Store.Update(ctx, user, other); err != nil {
			return err
		}
	}
	return r.Store.Update(ctx, user, t)
}

func TestUpdateForAnyVersionStartsOver(t *testing.T) {
	store := &racing{Store: memory.New(), times: 3}
	f := newFixtureOver(t, store)
	f.create("ada", threads.Draft{ID: "x"})
	got, err := f.Update(t.Context(), "ada", "x", threads.AnyVersion, threads.Patch{Title: ptr("mine")})
	if err != nil || store.tries != 4 {
		t.Fatalf("Update(AnyVersion) = %v after %d tries; want nil after 4", err, store.tries)
	}
	if got.Title != "mine" || got.Metadata["racer"] != "3" || got.Version != 5 {
		t.Errorf("Update(AnyVersion) = %+v; want both changes, version 5", got)
	}
	if stored := f.get("ada", "x"); !reflect.DeepEqual(stored, got) {
		t.Errorf("Get() = %+v; want %+v", stored, got)
	}
}

func TestUpdateForAnyVersionGivesUpInTheEnd(t *testing.T) {
	store := &racing{Store: memory.New(), times: 1_000_000}
	f := newFixtureOver(t, store)
	f.create("ada", threads.Draft{ID: "x"})
	_, err := f.Update(t.Context(), "ada", "x", threads.AnyVersion, threads.Patch{Title: ptr("mine")})
	wantError(t, "Update(AnyVersion) against a faster writer", err, threads.ErrVersionMismatch)
	if store.tries < 2 || store.tries > 100 {
		t.Errorf("%d tries; want more than one, and an end", store.tries)
	}
}

func TestUpdateForAVersionIsTriedOnce(t *testing.T) {
	store := &racing{Store: memory.New(), times: 1}
	f := newFixtureOver(t, store)
	f.create("ada", threads.Draft{ID: "x"})
	_, err := f.Update(t.Context(), "ada", "x", 1, threads.Patch{Title: ptr("mine")})
	wantError(t, "Update() overtaken", err, threads.ErrVersionMismatch)
	if store.tries != 1 || store.reads != 1 {
		t.Errorf("%d tries, %d reads; want one of each", store.tries, store.reads)
	}
	if got := f.get("ada", "x"); got.Title != "" || got.Version != 2 {
		t.Errorf("Get() = %q, version %d; want the other's change alone, version 2", got.Title, got.Version)
	}
}

func TestUpdateStartsOverForNothingElse(t *testing.T) {
	calls := 0
	svc := threads.NewService(stub{func(string) error { calls++; return threads.ErrUnknownOutcome }}, nil)
	_, err := svc.Update(t.Context(), "ada", "x", threads.AnyVersion, threads.Patch{Title: ptr("mine")})
	wantError(t, "Update(AnyVersion) of a store that fails", err, threads.ErrUnknownOutcome)
	if calls != 1 {
		t.Errorf("%d calls of the store; want 1", calls)
	}
}

func TestUpdateOfADeletedOrAbsentThread(t *testing.T) {
	f := newFixture(t)
	f.create("ada", threads.Draft{ID: "x"})
	d := f.deleteAll("ada", threads.All())
	for _, id := range []string{"x", "absent"} {
		for _, version := range []int64{1, threads.AnyVersion} {
			for _, p := range []threads.Patch{{}, {Title: ptr("back")}} {
				_, err := f.Update(t.Context(), "ada", id, version, p)
				wantError(t, fmt.Sprintf("Update(%s, %d, %+v)", id, version, p), err, threads.ErrNotFound)
			}
		}
	}
	if got := f.get("ada", "x"); got.DeletionID != d.ID || got.Title != "" || got.Version != 1 {
		t.Errorf("Get() = %+v; want it deleted and as it was: an update brings nothing back", got)
	}
}

func TestUpdateRefusesWhatBreaksARule(t *testing.T) {
	store := &recorder{Store: memory.New()}
	f := newFixtureOver(t, store)
	f.create("ada", threads.Draft{ID: "x", Metadata: pairs(threads.MaxMetadataPairs)})
	for name, c := range map[string]struct {
		patch threads.Patch
		field string
	}{
		"a title too long":       {threads.Patch{Title: ptr(strings.Repeat("x", threads.MaxTitle+1))}, "title"},
		"an assistant too long":  {threads.Patch{Assistant: ptr(strings.Repeat("x", threads.MaxIdentifier+1))}, "assistant_id"},
		"one pair too many":      {threads.Patch{Metadata: map[string]*string{"one more": ptr("v")}}, "metadata"},
		"an empty key":           {threads.Patch{Metadata: map[string]*string{"": ptr("v")}}, "metadata"},
		"no time of activity":    {threads.Patch{LastActivityAt: &time.Time{}}, "last_activity_at"},
		"activity in year 10000": {threads.Patch{LastActivityAt: ptr(start.AddDate(8000, 0, 0))}, "last_activity_at"},
	} {
		_, err := f.Update(t.Context(), "ada", "x", 1, c.patch)
		wantInvalid(t, "Update() with "+name, err, c.field)
	}
	if store.updates != 0 {
		t.Errorf("the store was asked to update %d times; want 0: bad input never reaches a store", store.updates)
	}
	swap := threads.Patch{Metadata: map[string]*string{"k0": nil, "one more": ptr("v")}}
	if got, err := f.Update(t.Context(), "ada", "x", 1, swap); err != nil || len(got.Metadata) != threads.MaxMetadataPairs {
		t.Errorf("Update() that swaps one of the most pairs = %d pairs, %v; want %d, nil", len(got.Metadata), err, threads.MaxMetadataPairs)
	}
}
