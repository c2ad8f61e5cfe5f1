package threads_test

import (
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

func deletion() threads.Deletion {
	return threads.Deletion{
		ID: "del_1", User: "ada", Scope: threads.InOrganization("org_a"), Key: "key-1", DeletedAt: start, Count: 3, Held: 2,
	}
}

func TestDeletionValidate(t *testing.T) {
	for name, c := range map[string]struct {
		field  string // empty: valid
		change func(*threads.Deletion)
	}{
		"every field":                  {"", func(*threads.Deletion) {}},
		"no key":                       {"", func(d *threads.Deletion) { d.Key = "" }},
		"no user":                      {"user", func(d *threads.Deletion) { d.User = "" }},
		"another user":                 {"user", func(d *threads.Deletion) { d.User = "bob" }},
		"no scope":                     {"scope", func(d *threads.Deletion) { d.Scope = threads.Scope{} }},
		"a malformed organization":     {"organization_id", func(d *threads.Deletion) { d.Scope = threads.InOrganization("all") }},
		"no id":                        {"deletion_id", func(d *threads.Deletion) { d.ID = "" }},
		"a key that is too long":       {"idempotency_key", func(d *threads.Deletion) { d.Key = strings.Repeat("x", threads.MaxKey+1) }},
		"a key with a line break":      {"idempotency_key", func(d *threads.Deletion) { d.Key = "a\nb" }},
		"no time":                      {"deleted_at", func(d *threads.Deletion) { d.DeletedAt = time.Time{} }},
		"a time of nanoseconds":        {"deleted_at", func(d *threads.Deletion) { d.DeletedAt = start.Add(1) }},
		"a time in another time zone":  {"deleted_at", func(d *threads.Deletion) { d.DeletedAt = start.In(time.FixedZone("", 60)) }},
		"a time after the year 9999":   {"deleted_at", func(d *threads.Deletion) { d.DeletedAt = start.AddDate(9000, 0, 0) }},
		"an id with control bytes":     {"deletion_id", func(d *threads.Deletion) { d.ID = "del_\x00" }},
		"an id that is one byte over":  {"deletion_id", func(d *threads.Deletion) { d.ID = strings.Repeat("x", threads.MaxIdentifier+1) }},
		"an id of exactly the maximum": {"", func(d *threads.Deletion) { d.ID = strings.Repeat("x", threads.MaxIdentifier) }},
	} {
		d := deletion()
		c.change(&d)
		err := d.Validate("ada")
		switch {
		case c.field != "":
			wantInvalid(t, "Validate of a deletion with "+name, err, c.field)
		case err != nil:
			t.Errorf("Validate of a deletion with %s = %v; want nil", name, err)
		}
	}
}

func TestReplayOfAKey(t *testing.T) {
	d := deletion()
	if err := d.Replay(threads.InOrganization("org_a")); err != nil {
		t.Errorf("Replay with the same scope = %v; want nil", err)
	}
	for _, scope := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_b"), {}} {
		err := d.Replay(scope)
		wantError(t, "Replay with scope "+scope.String(), err, threads.ErrKeyReused)
		wantError(t, "Replay with scope "+scope.String(), err, threads.ErrConflict)
	}
}

func TestRestoredDeletion(t *testing.T) {
	first, second := start.Add(time.Hour), start.Add(2*time.Hour)
	d := deletion().Restored(first)
	if d.Held != 0 || d.Count != 3 || !d.RestoredAt.Equal(first) {
		t.Errorf("Restored() = %+v; want Held 0, Count 3, RestoredAt %s", d, first)
	}
	if d = d.Restored(second); !d.RestoredAt.Equal(first) {
		t.Errorf("Restored() again = %+v; want the first time kept", d)
	}
	if err := deletion().Restorable(); err != nil {
		t.Errorf("Restorable() = %v; want nil", err)
	}
	purged := deletion()
	purged.PurgedAt = start
	wantError(t, "Restorable() of a deletion whose purge has begun", purged.Restorable(), threads.ErrPurged)
}

// A deletion names a thread only while it holds it: the id may be given again.
func TestDeletionNamesTheThreadItHolds(t *testing.T) {
	d := deletion().OfOne(threads.Thread{ID: "thrd_1", Organization: "org_a"})
	if d.Thread != "thrd_1" || d.Scope != threads.InOrganization("org_a") || d.Count != 1 || d.Held != 1 || d.Key != "" {
		t.Errorf("OfOne() = %+v; want the deletion of thrd_1 in org_a, without a key", d)
	}
	for name, left := range map[string]threads.Deletion{"Without(1)": d.Without(1), "Restored": d.Restored(start)} {
		if left.Thread != "" || left.Held != 0 || left.Count != 1 {
			t.Errorf("%s = %+v; want no thread, Held 0, Count 1", name, left)
		}
	}
}

func TestDeletionOfAll(t *testing.T) {
	for _, c := range []struct {
		key     string
		threads int64
		keep    bool
	}{{"", 3, true}, {"k", 3, true}, {"", 0, false}, {"k", 0, true}} {
		d := deletion()
		d.Key = c.key
		got, keep := d.OfAll(c.threads)
		if keep != c.keep || (got.ID == d.ID) != c.keep || got.Count != c.threads || got.Held != c.threads || got.Thread != "" {
			t.Errorf("OfAll(%d) with key %q = %+v, %t; want Count and Held %d, an ID if kept, %t", c.threads, c.key, got, keep, c.threads, c.keep)
		}
	}
}

// A deletion is due by when it was made; once a purge has emptied it, by when
// that was, so that its record outlives its threads.
func TestDueOfADeletion(t *testing.T) {
	purge := start.Add(time.Hour)
	for _, c := range []struct {
		name    string
		held    int64
		purged  time.Time
		emptied bool
		want    time.Time
	}{
		{"that holds threads", 2, time.Time{}, false, start},
		{"that was restored", 0, time.Time{}, false, start},
		{"whose purge is under way", 1, purge, false, start},
		{"that a purge has emptied", 0, purge, true, purge},
	} {
		d := deletion()
		d.Held, d.PurgedAt = c.held, c.purged
		if d.Emptied() != c.emptied || !d.Due().Equal(c.want) {
			t.Errorf("a deletion %s: Emptied() = %t, Due() = %s; want %t, %s", c.name, d.Emptied(), d.Due(), c.emptied, c.want)
		}
	}
}
