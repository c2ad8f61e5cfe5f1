package threads_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/skein-go/skein/threads"
)

func TestZeroScopeIsInvalidAndContainsNothing(t *testing.T) {
	var zero threads.Scope
	wantField(t, "Scope{}.Validate()", zero.Validate(),
		threads.FieldError{Field: "scope", Rule: "Must be made by All, InOrganization or Personal"})
	if zero.Contains("") || zero.Contains("org_a") {
		t.Error("Scope{} contains threads; want none: a forgotten scope never means everything")
	}
	if got := zero.String(); got != "invalid" {
		t.Errorf("Scope{}.String() = %q; want %q", got, "invalid")
	}
	if zero == threads.All() || zero == threads.Personal() {
		t.Error("Scope{} equals a scope that was made; want it apart")
	}
}

func TestScopeContains(t *testing.T) {
	organizations := []string{"", "org_a", "org_b", "org_a_b"}
	for _, c := range []struct {
		scope threads.Scope
		want  []string
	}{
		{threads.All(), organizations},
		{threads.Personal(), []string{""}},
		{threads.InOrganization("org_a"), []string{"org_a"}},
		{threads.InOrganization("org_absent"), nil},
	} {
		var got []string
		for _, o := range organizations {
			if c.scope.Contains(o) {
				got = append(got, o)
			}
		}
		if !equal(got, c.want) {
			t.Errorf("%s contains %q; want %q", c.scope, got, c.want)
		}
		if err := c.scope.Validate(); err != nil {
			t.Errorf("%s.Validate() = %v; want nil", c.scope, err)
		}
	}
}

// A scope for one organization is never wider than it, whatever the id is:
// neither by a name of the other scopes, nor by the way bad ids are kept.
func TestScopeOfABadOrganizationIsInvalid(t *testing.T) {
	for _, id := range []string{
		"", "all", "personal", "invalid", "*", "org_", "\x00", "\x00all", "\x00\x00", "\x00org_a",
		"org_a\x00", "org_a,org_b", "org_" + strings.Repeat("x", 200),
	} {
		scope := threads.InOrganization(id)
		wantInvalid(t, fmt.Sprintf("InOrganization(%q).Validate()", id), scope.Validate(), "organization_id")
		if scope == threads.All() || scope == threads.Personal() || scope == (threads.Scope{}) {
			t.Errorf("InOrganization(%q) equals %s or Scope{}; want it apart", id, scope)
		}
		for _, o := range []string{"", "org_a", "org_b", "all", "personal", id, "\x00" + id} {
			if scope.Contains(o) {
				t.Errorf("InOrganization(%q).Contains(%q) = true; want false: an invalid scope contains nothing", id, o)
			}
		}
		if got := scope.String(); got != "invalid" {
			t.Errorf("InOrganization(%q).String() = %q; want %q", id, got, "invalid")
		}
		if got := scope.Organization(); got != "" {
			t.Errorf("InOrganization(%q).Organization() = %q; want none", id, got)
		}
	}
	given := threads.FieldError{Field: "organization_id", Rule: "Must start with 'org_'", Given: "all"}
	wantField(t, `InOrganization("all").Validate()`, threads.InOrganization("all").Validate(), given)
}

func TestScopeOrganization(t *testing.T) {
	for _, c := range []struct {
		scope threads.Scope
		want  string
	}{
		{threads.All(), ""}, {threads.Personal(), ""}, {threads.Scope{}, ""}, {threads.InOrganization("org_a"), "org_a"},
	} {
		if got := c.scope.Organization(); got != c.want {
			t.Errorf("%s.Organization() = %q; want %q", c.scope, got, c.want)
		}
	}
}

func TestScopeOfAThread(t *testing.T) {
	if got := threads.ScopeOf(""); got != threads.Personal() {
		t.Errorf("ScopeOf(\"\") = %s; want personal: a thread without an organization is personal, not everyone's", got)
	}
	if got := threads.ScopeOf("org_a"); got != threads.InOrganization("org_a") {
		t.Errorf("ScopeOf(org_a) = %s; want org_a", got)
	}
	wantInvalid(t, "ScopeOf(all)", threads.ScopeOf("all").Validate(), "organization_id")
}

func TestScopesAreComparable(t *testing.T) {
	seen := map[threads.Scope]string{}
	for _, s := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")} {
		seen[s] = s.String()
	}
	if len(seen) != 4 {
		t.Errorf("4 scopes make %d keys of a map: %v", len(seen), seen)
	}
	if got := seen[threads.InOrganization(fmt.Sprint("org_", "a"))]; got != "org_a" {
		t.Errorf("the scope of org_a made twice is found as %q; want org_a", got)
	}
}

func TestScopeInJSON(t *testing.T) {
	for _, want := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a")} {
		text, err := json.Marshal(want)
		if err != nil || string(text) != strconv.Quote(want.String()) {
			t.Errorf("Marshal(%s) = %s, %v; want its String, quoted", want, text, err)
		}
		var got threads.Scope
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("Unmarshal(%s) = %s, %v; want %s, nil", text, got, err, want)
		}
	}
	for _, bad := range []threads.Scope{{}, threads.InOrganization("all"), threads.InOrganization("")} {
		if text, err := json.Marshal(bad); !errors.Is(err, threads.ErrInvalid) {
			t.Errorf("Marshal of an invalid scope = %s, %v; want ErrInvalid", text, err)
		}
	}
	for _, text := range []string{`""`, `"acme"`, `"ALL"`} {
		got := threads.All()
		if err := json.Unmarshal([]byte(text), &got); !errors.Is(err, threads.ErrInvalid) || got.Validate() == nil {
			t.Errorf("Unmarshal(%s) = %s, %v; want an invalid scope, ErrInvalid", text, got, err)
		}
	}
}

func TestParseScopeIsTheInverseOfString(t *testing.T) {
	for _, want := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a")} {
		got, err := threads.ParseScope(want.String())
		if err != nil || got != want {
			t.Errorf("ParseScope(%q) = %s, %v; want %s, nil", want.String(), got, err, want)
		}
	}
	for _, text := range []string{"", "invalid", "ALL", "All", " all", "all ", "all\x00", "\x00all", "org_", "org_a b", "Personal"} {
		got, err := threads.ParseScope(text)
		wantInvalid(t, fmt.Sprintf("ParseScope(%q)", text), err, "organization_id")
		if got.Validate() == nil {
			t.Errorf("ParseScope(%q) = %s beside an error; want no usable scope", text, got)
		}
	}
}
