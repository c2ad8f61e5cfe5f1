package threads

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits on what a thread can hold. Lengths of identifiers are bytes, for
// they become keys; lengths of texts are characters (Unicode code points),
// for people count those.
const (
	MaxIdentifier    = 128 // bytes of a user, thread id, organization id, assistant id or deletion id
	MaxKey           = 255 // bytes of an idempotency key
	MaxTitle         = 200 // characters
	MaxMetadataPairs = 16
	MaxMetadataKey   = 64  // characters
	MaxMetadataValue = 512 // characters

	MaxPage  = 100    // threads or deletions on a page
	MaxPurge = 10_000 // threads removed by one call to Purge
)

// organizationPrefix begins every organization id.
const organizationPrefix = "org_"

// ValidateOrganizationID reports whether id names an organization: "org_"
// and at least one of A-Z a-z 0-9 _ -, at most [MaxIdentifier] bytes in all.
// The error is a [*FieldError] for the field "organization_id". An empty id
// is invalid: a personal thread has no organization id at all.
//
// It may be called concurrently.
func ValidateOrganizationID(id string) error {
	rest, ok := strings.CutPrefix(id, organizationPrefix)
	switch {
	case !ok:
		return invalid("organization_id", "Must start with 'org_'", id)
	case rest == "":
		return invalid("organization_id", "Must have at least one character after 'org_'", id)
	case len(id) > MaxIdentifier:
		return invalid("organization_id", fmt.Sprintf("Must be at most %d bytes long", MaxIdentifier), id)
	}
	for i := range len(rest) {
		if !isOrganizationByte(rest[i]) {
			return invalid("organization_id", "Must have only letters, digits, '_' and '-' after 'org_'", id)
		}
	}
	return nil
}

func isOrganizationByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// ValidateUser reports whether user can own threads: not empty, at most
// [MaxIdentifier] bytes, valid UTF-8, no control characters. Stores call it
// first in every method, so that no call is ever made for everyone.
func ValidateUser(user string) error { return validateIdentifier("user", user) }

// ValidateThreadID reports whether id can name a thread: not empty, at most
// [MaxIdentifier] bytes, valid UTF-8, no control characters. Otherwise it is
// opaque; ids made by [Service] begin with "thrd_".
func ValidateThreadID(id string) error { return validateIdentifier("id", id) }

func validateIdentifier(field, s string) error {
	switch {
	case s == "":
		return invalid(field, "Must not be empty", s)
	case len(s) > MaxIdentifier:
		return invalid(field, fmt.Sprintf("Must be at most %d bytes long", MaxIdentifier), s)
	}
	return validateLine(field, s)
}

// validateLine holds s to valid UTF-8 without control characters.
func validateLine(field, s string) error {
	if !utf8.ValidString(s) {
		return invalid(field, "Must be valid UTF-8", s)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return invalid(field, "Must not contain control characters", s)
	}
	return nil
}

// validateText holds s to valid UTF-8 of at most limit characters, without
// NUL, which not every engine can keep. The rule begins with what s is.
func validateText(field, what, s string, limit int) error {
	if !utf8.ValidString(s) {
		return invalid(field, what+" must be valid UTF-8", s)
	}
	if strings.ContainsRune(s, 0) {
		return invalid(field, what+" must not contain the character NUL", s)
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return invalid(field, fmt.Sprintf("%s must be at most %d characters long, not %d", what, limit, n), s)
	}
	return nil
}

func validateMetadata(m map[string]string) error {
	if len(m) > MaxMetadataPairs {
		return invalid("metadata", fmt.Sprintf("Must have at most %d pairs, not %d", MaxMetadataPairs, len(m)), "")
	}
	for _, k := range slices.Sorted(maps.Keys(m)) { // so that of several mistakes the same is told each time
		if k == "" {
			return invalid("metadata", "A key must not be empty", "")
		}
		if err := validateText("metadata", "A key", k, MaxMetadataKey); err != nil {
			return err
		}
		if err := validateText("metadata", fmt.Sprintf("The value of %q", k), m[k], MaxMetadataValue); err != nil {
			return err
		}
	}
	return nil
}

// ValidateListStart holds a list in a [Store] to a place that is one, or the
// zero Cursor, and a limit of 1 to [MaxPage]+1, the one more being how a
// service knows that there are more.
func ValidateListStart(after Cursor, limit int) error {
	if limit < 1 || limit > MaxPage+1 {
		return invalid("limit", fmt.Sprintf("Must be between 1 and %d", MaxPage+1), fmt.Sprint(limit))
	}
	if after.IsZero() {
		return nil
	}
	return after.Validate()
}

// ValidateTime holds a time handed to a [Store] to UTC, whole microseconds
// and the years 1 to 9999. The zero time is invalid: it never means "all".
func ValidateTime(field string, t time.Time) error { return validateTime(field, t) }

// validateTime holds t to what every store and RFC 3339 can express. Stores
// keep microseconds, so a finer time would not come back as it was given.
func validateTime(field string, t time.Time) error {
	if t.IsZero() {
		return invalid(field, "Must be set", "")
	}
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return invalid(field, "Must be between the years 1 and 9999", "")
	}
	if t.Nanosecond()%1000 != 0 || t.Location() != time.UTC {
		return invalid(field, "Must be UTC and whole microseconds", t.String())
	}
	return nil
}

func validateOptionalTime(field string, t time.Time) error {
	if t.IsZero() {
		return nil
	}
	return validateTime(field, t)
}
