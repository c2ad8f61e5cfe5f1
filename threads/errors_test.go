package threads_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/skein-go/skein/threads"
)

// classes is every class of error.
var classes = []error{
	threads.ErrNotFound, threads.ErrExists, threads.ErrConflict, threads.ErrInvalid, threads.ErrPurged,
	threads.ErrClosed, threads.ErrUnknownOutcome, threads.ErrCorrupt, threads.ErrFull, threads.ErrNewerLayout,
	threads.ErrLocked,
}

func TestErrorClassesAreDistinct(t *testing.T) {
	for i, a := range classes {
		for j, b := range classes {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("errors.Is(%q, %q) = %t; want %t", a, b, i != j, i == j)
			}
		}
	}
	for _, kind := range []error{threads.ErrVersionMismatch, threads.ErrKeyReused} {
		wantError(t, "a kind of conflict", kind, threads.ErrConflict)
	}
	if errors.Is(threads.ErrVersionMismatch, threads.ErrKeyReused) || errors.Is(threads.ErrKeyReused, threads.ErrVersionMismatch) {
		t.Error("the two kinds of ErrConflict match one another; want them apart")
	}
}

func TestFieldErrorText(t *testing.T) {
	for _, c := range []struct {
		err  *threads.FieldError
		want string
	}{
		{
			&threads.FieldError{Field: "organization_id", Rule: "Must start with 'org_'", Given: "invalid_id"},
			`invalid organization_id: Must start with 'org_'; got "invalid_id"`,
		},
		{&threads.FieldError{Field: "user", Rule: "Must not be empty"}, `invalid user: Must not be empty`},
		{
			&threads.FieldError{Field: "id", Rule: "Must not contain control characters", Given: "a\nb"},
			`invalid id: Must not contain control characters; got "a\nb"`, // a log line stays one line
		},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("Error() = %s; want %s", got, c.want)
		}
	}
}

func TestFieldErrorMatchesOnlyErrInvalid(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", threads.ValidateUser(""))
	wantError(t, "ValidateUser", err, threads.ErrInvalid)
	for _, other := range []error{threads.ErrNotFound, threads.ErrConflict, threads.ErrPurged} {
		if errors.Is(err, other) {
			t.Errorf("a FieldError is %q; want only %q", other, threads.ErrInvalid)
		}
	}
}

func TestFieldErrorShortensWhatWasGiven(t *testing.T) {
	given := func(id string) string {
		var field *threads.FieldError
		if !errors.As(threads.ValidateOrganizationID(id), &field) {
			t.Fatalf("ValidateOrganizationID(%.20q…) is no FieldError", id)
		}
		return field.Given
	}
	if id := strings.Repeat("x", 160); given(id) != id {
		t.Errorf("Given = %q; want all 160 bytes", given(id))
	}
	if got, want := given(strings.Repeat("x", 161)), strings.Repeat("x", 157)+"..."; got != want {
		t.Errorf("Given = %q; want %q: at most 160 bytes", got, want)
	}
	// Wherever the cut falls, valid text stays valid: it goes into answers
	// and logs.
	for shift := range 4 {
		id := strings.Repeat("x", shift) + strings.Repeat("🧵", 1000)
		got := given(id)
		if !utf8.ValidString(got) || len(got) > 160 || len(got) < 150 || !strings.HasPrefix(id, strings.TrimSuffix(got, "...")) {
			t.Errorf("Given of %d bytes = %q (%d bytes); want valid UTF-8, the beginning, at most 160 bytes", len(id), got, len(got))
		}
	}
}
