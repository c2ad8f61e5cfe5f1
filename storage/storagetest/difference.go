package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// known are all classes an error of a store can have.
var known = []error{
	threads.ErrNotFound, threads.ErrExists, threads.ErrConflict, threads.ErrVersionMismatch, threads.ErrKeyReused,
	threads.ErrInvalid, threads.ErrPurged, threads.ErrClosed, threads.ErrUnknownOutcome, threads.ErrCorrupt,
	threads.ErrFull, threads.ErrNewerLayout, threads.ErrLocked, context.Canceled, context.DeadlineExceeded,
}

// classes returns those an error has.
func classes(err error) []error {
	var found []error
	for _, class := range known {
		if errors.Is(err, class) {
			found = append(found, class)
		}
	}
	return found
}

// sameClass reports whether an error has just the classes of another.
func sameClass(err, other error) bool { return slices.Equal(classes(err), classes(other)) }

// difference says how an answer differs from the one wanted, or "".
//
// A nil slice and an empty one are the same answer; a nil map and an empty
// one are not, as a thread's Metadata is never nil.
func difference(call string, got, want any) string {
	return differ(call, reflect.ValueOf(got), reflect.ValueOf(want))
}

func differ(path string, got, want reflect.Value) string {
	if !got.IsValid() || !want.IsValid() || got.Type() != want.Type() {
		if !got.IsValid() && !want.IsValid() {
			return ""
		}
		return fmt.Sprintf("%s = %v; want %v", path, got, want)
	}
	switch {
	case got.Kind() == reflect.Slice:
		for i := range min(got.Len(), want.Len()) {
			if text := differ(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i)); text != "" {
				return text
			}
		}
		if got.Len() != want.Len() {
			return fmt.Sprintf("%s has %d elements; want %d", path, got.Len(), want.Len())
		}
		return ""
	case got.Kind() == reflect.Struct && got.Type().PkgPath() != "time" && got.Type() != reflect.TypeFor[threads.Scope]():
		for i := range got.NumField() {
			if text := differ(path+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i)); text != "" {
				return text
			}
		}
		return ""
	case reflect.DeepEqual(got.Interface(), want.Interface()):
		return ""
	}
	return fmt.Sprintf("%s = %s; want %s", path, text(got.Interface()), text(want.Interface()))
}

func text(v any) string {
	switch v := v.(type) {
	case time.Time:
		return timeText(v)
	case string:
		return fmt.Sprintf("%q", v)
	case threads.Scope:
		return v.String()
	case map[string]string:
		return fmt.Sprintf("%#v", v)
	}
	return fmt.Sprint(v)
}

// timeText names the times of checks by their minutes.
func timeText(t time.Time) string {
	minute := int(t.Sub(at(0)) / time.Minute)
	switch {
	case t.IsZero():
		return "the zero time"
	case t == at(minute): // in all its parts: another location is worth seeing
		return fmt.Sprint("minute ", minute)
	}
	return t.String()
}

func placeText(c threads.Cursor) string {
	if c.IsZero() {
		return "the start"
	}
	return fmt.Sprintf("(%s, %q)", timeText(c.Time), c.ID)
}

func queryText(q threads.Query) string {
	parts := []string{q.Scope.String(), [...]string{"live", "deleted", "both"}[min(q.State, 2)]}
	if q.Deletion != "" {
		parts = append(parts, "in "+q.Deletion)
	}
	if q.Assistant != "" {
		parts = append(parts, "with "+q.Assistant)
	}
	if q.Pinned != nil {
		parts = append(parts, fmt.Sprintf("pinned %t", *q.Pinned))
	}
	if q.Hidden != nil {
		parts = append(parts, fmt.Sprintf("hidden %t", *q.Hidden))
	}
	if q.Order == threads.OldestFirst {
		parts = append(parts, "oldest first")
	}
	return strings.Join(parts, ", ")
}
