package threads_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

// full is a valid thread with no field that may be set at its zero value.
func full() threads.Thread {
	return threads.Thread{
		ID: "thrd_1", User: "ada", Organization: "org_a", Assistant: "asst_1", Title: "Tea",
		Metadata: map[string]string{"k": "v"}, Hidden: true,
		PinnedAt: start, CreatedAt: start, UpdatedAt: start, LastActivityAt: start, Version: 1,
	}
}

func pairs(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint("k", i)] = "v"
	}
	return m
}

func TestThreadsThatAreValid(t *testing.T) {
	for name, change := range map[string]func(*threads.Thread){
		"every field set":           func(*threads.Thread) {},
		"personal":                  func(x *threads.Thread) { x.Organization = "" },
		"no assistant":              func(x *threads.Thread) { x.Assistant = "" },
		"no title":                  func(x *threads.Thread) { x.Title = "" },
		"no metadata":               func(x *threads.Thread) { x.Metadata = nil },
		"not pinned":                func(x *threads.Thread) { x.PinnedAt = time.Time{} },
		"a later version":           func(x *threads.Thread) { x.Version = 1 << 40 },
		"a title of 200 characters": func(x *threads.Thread) { x.Title = strings.Repeat("é", threads.MaxTitle) },
		"a title of two lines":      func(x *threads.Thread) { x.Title = "one\ntwo" },
		"16 pairs":                  func(x *threads.Thread) { x.Metadata = pairs(threads.MaxMetadataPairs) },
		"the longest pair": func(x *threads.Thread) {
			x.Metadata = map[string]string{strings.Repeat("ü", threads.MaxMetadataKey): strings.Repeat("ü", threads.MaxMetadataValue)}
		},
		"an empty value": func(x *threads.Thread) { x.Metadata = map[string]string{"k": ""} },
		"times in any order": func(x *threads.Thread) {
			x.UpdatedAt = start.Add(-time.Hour) // no rule depends on the clock going forward
			x.LastActivityAt = start.Add(time.Hour)
		},
	} {
		x := full()
		change(&x)
		if err := x.Validate("ada"); err != nil {
			t.Errorf("Validate of a thread with %s = %v; want nil", name, err)
		}
	}
}

func TestThreadsThatAreNot(t *testing.T) {
	elsewhere := start.In(time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		field  string
		change func(*threads.Thread)
	}{
		"another owner":                  {"user", func(x *threads.Thread) { x.User = "bob" }},
		"no owner":                       {"user", func(x *threads.Thread) { x.User = "" }},
		"no id":                          {"id", func(x *threads.Thread) { x.ID = "" }},
		"an id with a control character": {"id", func(x *threads.Thread) { x.ID = "a\x00" }},
		"a malformed organization":       {"organization_id", func(x *threads.Thread) { x.Organization = "acme" }},
		"an organization called all":     {"organization_id", func(x *threads.Thread) { x.Organization = "all" }},
		"an assistant that is too long":  {"assistant_id", func(x *threads.Thread) { x.Assistant = strings.Repeat("x", threads.MaxIdentifier+1) }},
		"an assistant with a line break": {"assistant_id", func(x *threads.Thread) { x.Assistant = "a\nb" }},
		"a title of 201 characters":      {"title", func(x *threads.Thread) { x.Title = strings.Repeat("é", threads.MaxTitle+1) }},
		"a title that is no UTF-8":       {"title", func(x *threads.Thread) { x.Title = "\xff" }},
		"a title with NUL":               {"title", func(x *threads.Thread) { x.Title = "a\x00b" }},
		"a key with NUL":                 {"metadata", func(x *threads.Thread) { x.Metadata = map[string]string{"\x00": "v"} }},
		"a value with NUL":               {"metadata", func(x *threads.Thread) { x.Metadata = map[string]string{"k": "\x00"} }},
		"17 pairs":                       {"metadata", func(x *threads.Thread) { x.Metadata = pairs(threads.MaxMetadataPairs + 1) }},
		"an empty key":                   {"metadata", func(x *threads.Thread) { x.Metadata = map[string]string{"": "v"} }},
		"a key of 65 characters": {"metadata", func(x *threads.Thread) {
			x.Metadata = map[string]string{strings.Repeat("k", threads.MaxMetadataKey+1): "v"}
		}},
		"a value of 513 characters": {"metadata", func(x *threads.Thread) {
			x.Metadata = map[string]string{"k": strings.Repeat("v", threads.MaxMetadataValue+1)}
		}},
		"a key that is no UTF-8":           {"metadata", func(x *threads.Thread) { x.Metadata = map[string]string{"\xff": "v"} }},
		"a value that is no UTF-8":         {"metadata", func(x *threads.Thread) { x.Metadata = map[string]string{"k": "\xff"} }},
		"version 0":                        {"version", func(x *threads.Thread) { x.Version = 0 }},
		"a negative version":               {"version", func(x *threads.Thread) { x.Version = threads.AnyVersion }},
		"a deletion":                       {"deletion_id", func(x *threads.Thread) { x.DeletionID = "del_1" }},
		"a time of deletion":               {"deletion_id", func(x *threads.Thread) { x.DeletedAt = start }},
		"no created-at":                    {"created_at", func(x *threads.Thread) { x.CreatedAt = time.Time{} }},
		"no updated-at":                    {"updated_at", func(x *threads.Thread) { x.UpdatedAt = time.Time{} }},
		"no last-activity-at":              {"last_activity_at", func(x *threads.Thread) { x.LastActivityAt = time.Time{} }},
		"a created-at of nanoseconds":      {"created_at", func(x *threads.Thread) { x.CreatedAt = start.Add(1) }},
		"an updated-at elsewhere":          {"updated_at", func(x *threads.Thread) { x.UpdatedAt = elsewhere }},
		"a last-activity-at of year 10000": {"last_activity_at", func(x *threads.Thread) { x.LastActivityAt = start.AddDate(8000, 0, 0) }},
		"a created-at of year 0":           {"created_at", func(x *threads.Thread) { x.CreatedAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }},
		"a pinned-at of nanoseconds":       {"pinned_at", func(x *threads.Thread) { x.PinnedAt = start.Add(999) }},
		"a pinned-at elsewhere":            {"pinned_at", func(x *threads.Thread) { x.PinnedAt = elsewhere }},
	} {
		x := full()
		c.change(&x)
		wantInvalid(t, "Validate of a thread with "+name, x.Validate("ada"), c.field)
	}
	for _, user := range []string{"", "\xff", "a\nb"} {
		x := full()
		x.User = user
		wantInvalid(t, fmt.Sprintf("Validate(%q)", user), x.Validate(user), "user")
	}
}

// Whoever mends one mistake after the other must not meet them in another
// order each time.
func TestOfSeveralMistakesInMetadataTheFirstKeyIsTold(t *testing.T) {
	long := strings.Repeat("v", threads.MaxMetadataValue+1)
	x := full()
	x.Metadata = map[string]string{"c": "\xff", "a": "fine", "b": long, "d": "\x00"}
	for range 50 {
		var field *threads.FieldError
		err := x.Validate("ada")
		if want := `The value of "b" must be at most 512 characters long, not 513`; !errors.As(err, &field) || field.Rule != want {
			t.Fatalf("Validate() = %v; want the rule %q", err, want)
		}
	}
}

// What an update cannot touch stays; all the rest comes from the new value.
func TestRevisedThread(t *testing.T) {
	stored, later := full(), start.Add(time.Hour)
	stored.Version = 7
	next := threads.Thread{
		ID: "other", User: "bob", Organization: "org_b", Assistant: "asst_2", Title: "Coffee",
		Metadata: map[string]string{"n": "w"}, Hidden: false,
		PinnedAt: later, CreatedAt: later, UpdatedAt: later, LastActivityAt: later, Version: 3,
		DeletedAt: later, DeletionID: "del_9",
	}
	want := threads.Thread{
		ID: "thrd_1", User: "ada", Organization: "org_a", Assistant: "asst_2", Title: "Coffee",
		Metadata: map[string]string{"n": "w"}, Hidden: false,
		PinnedAt: later, CreatedAt: start, UpdatedAt: later, LastActivityAt: later, Version: 8,
	}
	if got := stored.Revised(next); !reflect.DeepEqual(got, want) {
		t.Errorf("Revised() = %+v; want %+v", got, want)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	original := full()
	clone := original.Clone()
	if !reflect.DeepEqual(clone, original) {
		t.Errorf("Clone() = %+v; want %+v", clone, original)
	}
	clone.Metadata["k"] = "changed"
	if original.Metadata["k"] != "v" {
		t.Error("a change to the clone's metadata reached the original")
	}
	if got := (threads.Thread{}).Clone().Metadata; got == nil {
		t.Error("Clone() of a thread without metadata has a nil map; want an empty one")
	}
}

func TestThreadIsLiveUntilItIsInADeletion(t *testing.T) {
	x := full()
	if !x.Live() {
		t.Error("Live() = false without a deletion; want true")
	}
	x.DeletionID = "del_1"
	if x.Live() {
		t.Error("Live() = true in a deletion; want false")
	}
}
