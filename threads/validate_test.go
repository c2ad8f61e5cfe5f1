package threads_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/skein-go/skein/threads"
)

func TestOrganizationIDsThatAreValid(t *testing.T) {
	for _, id := range []string{
		"org_a", "org_Z", "org_0", "org__", "org_-", "org_abc123", "org_org_", "org_A-Z_a-z-0-9",
		"org_" + strings.Repeat("x", threads.MaxIdentifier-len("org_")),
	} {
		if err := threads.ValidateOrganizationID(id); err != nil {
			t.Errorf("ValidateOrganizationID(%q) = %v; want nil", id, err)
		}
	}
}

func TestOrganizationIDsThatAreNot(t *testing.T) {
	const (
		prefix = "Must start with 'org_'"
		empty  = "Must have at least one character after 'org_'"
		long   = "Must be at most 128 bytes long"
		chars  = "Must have only letters, digits, '_' and '-' after 'org_'"
	)
	tooLong := "org_" + strings.Repeat("x", threads.MaxIdentifier-len("org_")+1)
	for _, c := range []struct{ id, rule string }{
		{"", prefix},
		{"invalid_id", prefix},
		{"org", prefix},
		{"org-a", prefix},
		{"ORG_a", prefix},
		{"Org_a", prefix},
		{" org_a", prefix},
		{"\torg_a", prefix},
		{"\x00org_a", prefix},
		{"\ufefforg_a", prefix}, // a byte order mark before it
		{"оrg_a", prefix},       // a Cyrillic о
		{"org＿a", prefix},       // a full-width underscore
		{"all", prefix},
		{"personal", prefix},
		{"*", prefix},
		{"org_", empty},
		{"org_ ", chars},
		{"org_a ", chars},
		{"org_a\n", chars},
		{"org_a\r\n", chars},
		{"org_a\x00", chars},
		{"org_\x7f", chars},
		{"org_a/b", chars},
		{"org_a.b", chars},
		{"org_a,org_b", chars},
		{"org_a&organization_id=org_b", chars},
		{"org_%61", chars},
		{"org_*", chars},
		{"org_é", chars},
		{"org_ａ", chars},       // a full-width a
		{"org_\u202ea", chars}, // text direction
		{"org_\xff", chars},
		{tooLong, long},
		{tooLong + "\x00", long},
	} {
		err := threads.ValidateOrganizationID(c.id)
		wantField(t, fmt.Sprintf("ValidateOrganizationID(%q)", c.id), err,
			threads.FieldError{Field: "organization_id", Rule: c.rule, Given: c.id})
	}
}

func TestIdentifiersAndKeys(t *testing.T) {
	for _, v := range []struct {
		name     string
		validate func(string) error
		field    string
		max      int
		long     string
	}{
		{"ValidateUser", threads.ValidateUser, "user", threads.MaxIdentifier, "Must be at most 128 bytes long"},
		{"ValidateThreadID", threads.ValidateThreadID, "id", threads.MaxIdentifier, "Must be at most 128 bytes long"},
		{"ValidateDeletionID", threads.ValidateDeletionID, "deletion_id", threads.MaxIdentifier, "Must be at most 128 bytes long"},
		{"ValidateKey", threads.ValidateKey, "idempotency_key", threads.MaxKey, "Must be at most 255 bytes long"},
	} {
		t.Run(v.name, func(t *testing.T) {
			for _, s := range []string{
				"a", " ", "ada@example.com", "../..", "%00", "日本語", "e\u0301", "\u202e", "\ufffd", "\U0010ffff",
				strings.Repeat("x", v.max), "x" + strings.Repeat("é", (v.max-1)/2),
			} {
				if err := v.validate(s); err != nil {
					t.Errorf("%s(%q) = %v; want nil", v.name, s, err)
				}
			}
			for _, c := range []struct{ s, rule string }{
				{"", "Must not be empty"},
				{"a\xff", "Must be valid UTF-8"},
				{"\xed\xa0\x80", "Must be valid UTF-8"}, // a surrogate half
				{"a\xc3", "Must be valid UTF-8"},        // cut short
				{"\x00", "Must not contain control characters"},
				{"a\n", "Must not contain control characters"},
				{"a\tb", "Must not contain control characters"},
				{"\x1b[2J", "Must not contain control characters"},
				{"\x7f", "Must not contain control characters"},
				{"\u0085", "Must not contain control characters"},
			} {
				wantField(t, fmt.Sprintf("%s(%q)", v.name, c.s), v.validate(c.s),
					threads.FieldError{Field: v.field, Rule: c.rule, Given: c.s})
			}
			for _, s := range []string{
				strings.Repeat("x", v.max+1),
				strings.Repeat("é", v.max/2+1), // bytes are counted, not characters
				strings.Repeat("x", 1<<20),
			} {
				var field *threads.FieldError
				if err := v.validate(s); !errors.As(err, &field) || field.Field != v.field || field.Rule != v.long {
					t.Errorf("%s of %d bytes = %v; want a FieldError for %s: %s", v.name, len(s), err, v.field, v.long)
				}
			}
		})
	}
}

func TestLimitsOfPurgesAndLists(t *testing.T) {
	for _, c := range []struct {
		limit int
		ok    bool
	}{{-1, false}, {0, false}, {1, true}, {threads.MaxPurge, true}, {threads.MaxPurge + 1, false}} {
		if err := threads.ValidatePurgeLimit(c.limit); (err == nil) != c.ok {
			t.Errorf("ValidatePurgeLimit(%d) = %v; want valid: %t", c.limit, err, c.ok)
		}
	}
	place := threads.Cursor{Time: start, ID: "thrd_1"}
	for _, c := range []struct {
		after threads.Cursor
		limit int
		field string
	}{
		{threads.Cursor{}, 1, ""},
		{place, threads.MaxPage + 1, ""}, // one more than a page, to know whether there are more
		{place, threads.MaxPage + 2, "limit"},
		{place, 0, "limit"},
		{threads.Cursor{ID: "thrd_1"}, 1, "cursor"},
		{threads.Cursor{Time: start}, 1, "cursor"},
	} {
		err := threads.ValidateListStart(c.after, c.limit)
		if c.field == "" {
			if err != nil {
				t.Errorf("ValidateListStart(%+v, %d) = %v; want nil", c.after, c.limit, err)
			}
			continue
		}
		wantInvalid(t, "ValidateListStart", err, c.field)
	}
}
