package threads_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

// organizationID is the rule for organization ids a second time, in other
// words; the fuzz targets hold the two against one another.
var organizationID = regexp.MustCompile(`^org_[A-Za-z0-9_-]+$`)

func isOrganizationID(s string) bool { return organizationID.MatchString(s) && len(s) <= 128 }

var organizationSeeds = []string{
	"", "org_", "org_a", "org_abc123", "org_A-Z_0-9", "ORG_a", "invalid_id", "all", "personal", "org_a\n", "org_a\x00",
	"org_\xff", "org_é", "org_ａ", " org_a", "org_a,org_b", "org_%61", "\x00org_a",
	"org_" + strings.Repeat("x", 124), "org_" + strings.Repeat("x", 125),
}

func FuzzValidateOrganizationID(f *testing.F) {
	for _, s := range organizationSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		err := threads.ValidateOrganizationID(id)
		if valid := isOrganizationID(id); (err == nil) != valid {
			t.Fatalf("ValidateOrganizationID(%q) = %v; want valid: %t", id, err, valid)
		}
		if scope := threads.InOrganization(id); (scope.Validate() == nil) != (err == nil) || scope.Contains("") {
			t.Fatalf("InOrganization(%q) = %s; want it as valid as its id, and never personal", id, scope)
		}
		if err == nil {
			return
		}
		var field *threads.FieldError
		if !errors.As(err, &field) || !errors.Is(err, threads.ErrInvalid) || field.Field != "organization_id" || field.Rule == "" {
			t.Fatalf("ValidateOrganizationID(%q) = %#v; want a FieldError for organization_id", id, err)
		}
		if len(id) <= 160 && field.Given != id || len(field.Given) > 160 {
			t.Fatalf("ValidateOrganizationID(%q): Given = %q; want what was given, of at most 160 bytes", id, field.Given)
		}
		if strings.ContainsAny(err.Error(), "\n\r\x00") {
			t.Fatalf("ValidateOrganizationID(%q) = %q; want one printable line", id, err.Error())
		}
	})
}

func FuzzParseScope(f *testing.F) {
	for _, s := range organizationSeeds {
		f.Add(s)
	}
	for _, s := range []string{"invalid", "ALL", "all ", "\x00all", "all\x00", "personal\n", "*", "org_a,personal", "org_a,org_b", "org_b,org_a", "org_a,org_a", "all,org_a", "org_a,", ",", "personal,org_a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scope, err := threads.ParseScope(text)
		if valid := text == "all" || isUnion(text); (err == nil) != valid {
			t.Fatalf("ParseScope(%q) = %s, %v; want valid: %t", text, scope, err, valid)
		}
		if err != nil {
			if !errors.Is(err, threads.ErrInvalid) || scope.Validate() == nil || scope.Contains("") || scope.Contains(text) {
				t.Fatalf("ParseScope(%q) = %s, %v; want ErrInvalid and a scope of nothing", text, scope, err)
			}
			return
		}
		if got := scope.String(); got != text {
			t.Fatalf("ParseScope(%q).String() = %q; want the same", text, got)
		}
		if (scope == threads.All()) != (text == "all") || (scope == threads.Personal()) != (text == "personal") {
			t.Fatalf("ParseScope(%q) = %s; want that scope and no wider one", text, scope)
		}
		if isOrganizationID(text) && scope != threads.InOrganization(text) {
			t.Fatalf("ParseScope(%q) is not InOrganization(%q)", text, text)
		}
	})
}

// isUnion says by other means than the package what the text of a scope can be.
func isUnion(text string) bool {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		if part != "personal" && !isOrganizationID(part) || i > 0 && parts[i-1] >= part {
			return false
		}
	}
	return len(parts) <= threads.MaxUnion
}

func FuzzParseCursor(f *testing.F) {
	for _, c := range []threads.Cursor{
		{Time: start, ID: "thrd_1"},
		{Time: time.Unix(0, 0).UTC(), ID: strings.Repeat("x", threads.MaxIdentifier)},
		{Time: start, ID: "日本"},
	} {
		token := c.String()
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token + "A")
		f.Add(token + "\n")
	}
	for _, s := range []string{"", "A", "AAAAAAAAAAAAAAAAAAAAAAAA", "====", "thrd_1", "\xff", sign(2, 0, "x"), sign(1, 1<<62, "x")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := threads.ParseCursor(token)
		if err != nil {
			var field *threads.FieldError
			if !errors.As(err, &field) || field.Field != "cursor" || !c.IsZero() {
				t.Fatalf("ParseCursor(%q) = %+v, %v; want the zero Cursor and a FieldError for cursor", token, c, err)
			}
			return
		}
		if c.String() != token {
			t.Fatalf("ParseCursor(%q).String() = %q; want the same: a place has one token", token, c.String())
		}
		if err := c.Validate(); err != nil || c.IsZero() {
			t.Fatalf("ParseCursor(%q) = %+v: %v; want a place", token, c, err)
		}
	})
}

// FuzzCursor comes at tokens from the other side: chance does not find the
// right sum of one.
func FuzzCursor(f *testing.F) {
	f.Add(start.UnixMicro(), "thrd_1")
	f.Add(int64(0), "")
	f.Add(int64(-1), "a\nb")
	f.Add(int64(1)<<62, "x")
	f.Add(time.Time{}.UnixMicro(), "x")
	f.Add(time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC).UnixMicro(), strings.Repeat("x", 129))
	f.Fuzz(func(t *testing.T, micros int64, id string) {
		want := threads.Cursor{Time: time.UnixMicro(micros).UTC(), ID: id}
		got, err := threads.ParseCursor(want.String())
		if valid := want.Validate() == nil; valid != (err == nil) {
			t.Fatalf("ParseCursor of the token of %+v = %v; want valid: %t", want, err, valid)
		}
		if err == nil && got != want {
			t.Fatalf("ParseCursor of the token of %+v = %+v; want the same", want, got)
		}
	})
}
