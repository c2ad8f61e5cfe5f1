package threads_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/skein-go/skein/threads"
)

func TestZeroScopeIsInvalidAndContainsNothing(t *testing.T) {
	var zero threads.Scope
	wantField(t, "Scope{}.Validate()", zero.Validate(),
		threads.FieldError{Field: "scope", Rule: "Must be made by All, InOrganization, Personal or Union"})
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
		{threads.Union(threads.InOrganization("org_b"), threads.Personal()), []string{"", "org_b"}},
		{threads.Union(threads.InOrganization("org_b"), threads.InOrganization("org_a")), []string{"org_a", "org_b"}},
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
		if list, all := scope.Organizations(); list != nil || all {
			t.Errorf("InOrganization(%q).Organizations() = %q, %t; want none", id, list, all)
		}
	}
	given := threads.FieldError{Field: "organization_id", Rule: "Must start with 'org_'", Given: "all"}
	wantField(t, `InOrganization("all").Validate()`, threads.InOrganization("all").Validate(), given)
}

func TestScopeOrganizations(t *testing.T) {
	a, b := threads.InOrganization("org_a"), threads.InOrganization("org_b")
	for _, c := range []struct {
		scope threads.Scope
		want  []string
		all   bool
	}{
		{threads.All(), nil, true},
		{threads.Scope{}, nil, false},
		{threads.Union(), nil, false},
		{threads.Personal(), []string{""}, false},
		{a, []string{"org_a"}, false},
		{threads.Union(b, threads.Personal(), a), []string{"", "org_a", "org_b"}, false},
	} {
		got, all := c.scope.Organizations()
		if !equal(got, c.want) || all != c.all {
			t.Errorf("%s.Organizations() = %q, %t; want %q, %t", c.scope, got, all, c.want, c.all)
		}
	}
}

func TestUnion(t *testing.T) {
	a, b, personal := threads.InOrganization("org_a"), threads.InOrganization("org_b"), threads.Personal()
	for _, c := range []struct {
		parts []threads.Scope
		want  string
	}{
		{[]threads.Scope{a}, "org_a"},
		{[]threads.Scope{personal}, "personal"},
		{[]threads.Scope{personal, b, a, b}, "org_a,org_b,personal"},
		{[]threads.Scope{threads.Union(b, personal), threads.Union(a, b)}, "org_a,org_b,personal"},
		{[]threads.Scope{a, threads.All()}, "all"},
	} {
		got := threads.Union(c.parts...)
		if got.String() != c.want {
			t.Errorf("Union(%v) = %s; want %s", c.parts, got, c.want)
		}
		if parsed, err := threads.ParseScope(c.want); err != nil || parsed != got {
			t.Errorf("ParseScope(%q) = %s, %v; want %s, nil: one union has one form", c.want, parsed, err, got)
		}
	}
}

// A union is never wider than what was meant: whatever is wrong with a part is
// wrong with the whole.
func TestBadUnionIsInvalid(t *testing.T) {
	var many []threads.Scope
	for i := range threads.MaxUnion {
		many = append(many, threads.InOrganization(fmt.Sprint("org_", i)))
	}
	if err := threads.Union(many...).Validate(); err != nil {
		t.Errorf("Union of %d organizations is %v; want valid", len(many), err)
	}
	bad := threads.InOrganization("all")
	for name, scope := range map[string]threads.Scope{
		"of nothing":                   threads.Union(),
		"with the zero Scope":          threads.Union(threads.Personal(), threads.Scope{}),
		"with all and the zero Scope":  threads.Union(threads.All(), threads.Scope{}),
		"with a bad organization":      threads.Union(threads.Personal(), bad),
		"with all and a bad one":       threads.Union(threads.All(), bad),
		"with a bad union":             threads.Union(threads.Personal(), threads.Union()),
		"of too many":                  threads.Union(append(many, threads.Personal())...),
		"of an id that looks like one": threads.Union(threads.InOrganization("org_a,org_b")),
	} {
		if err := scope.Validate(); !errors.Is(err, threads.ErrInvalid) || scope == (threads.Scope{}) {
			t.Errorf("a union %s: Validate() = %v; want ErrInvalid, and it is not the zero Scope", name, err)
		}
		for _, o := range []string{"", "org_a", "org_b", "all", "personal", "org_0"} {
			if scope.Contains(o) {
				t.Errorf("a union %s contains %q; want nothing", name, o)
			}
		}
		if list, all := scope.Organizations(); list != nil || all {
			t.Errorf("a union %s: Organizations() = %q, %t; want none", name, list, all)
		}
	}
}

func TestScopeCovers(t *testing.T) {
	a, b, personal, all := threads.InOrganization("org_a"), threads.InOrganization("org_b"), threads.Personal(), threads.All()
	both := threads.Union(a, b)
	for _, c := range []struct {
		scope, other threads.Scope
		want         bool
	}{
		{all, all, true}, {all, a, true}, {all, personal, true}, {all, both, true},
		{a, a, true}, {a, all, false}, {a, b, false}, {a, personal, false}, {a, both, false},
		{personal, personal, true}, {personal, a, false}, {personal, all, false},
		{both, a, true}, {both, both, true}, {both, personal, false}, {both, threads.Union(a, personal), false}, {both, all, false},
		{all, threads.Scope{}, false}, {threads.Scope{}, a, false}, {threads.Scope{}, threads.Scope{}, false},
		{all, threads.Union(), false}, {threads.Union(), personal, false}, {threads.Union(), threads.Union(), false},
	} {
		if got := c.scope.Covers(c.other); got != c.want {
			t.Errorf("%s.Covers(%s) = %t; want %t", c.scope, c.other, got, c.want)
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

func TestParseScopeOfAUnionOutOfOrderIsInvalid(t *testing.T) {
	for _, text := range []string{"org_b,org_a", "org_a,org_a", "personal,org_a"} {
		got, err := threads.ParseScope(text)
		wantInvalid(t, fmt.Sprintf("ParseScope(%q)", text), err, "scope")
		if got != (threads.Scope{}) {
			t.Errorf("ParseScope(%q) = %s beside an error; want none", text, got)
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
	for _, text := range []string{"", "invalid", "ALL", "All", " all", "all ", "all\x00", "\x00all", "org_", "org_a b", "Personal",
		"org_a,", ",org_a", "all,org_a", "org_a, org_b"} {
		got, err := threads.ParseScope(text)
		wantInvalid(t, fmt.Sprintf("ParseScope(%q)", text), err, "organization_id")
		if got.Validate() == nil {
			t.Errorf("ParseScope(%q) = %s beside an error; want no usable scope", text, got)
		}
	}
}

func TestParseScopeOfALongTextTakesLittleMemory(t *testing.T) {
	for _, part := range []string{",", "org_a,", "personal,"} {
		text := strings.Repeat(part, 1<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := threads.ParseScope(text)
		runtime.ReadMemStats(&after)
		wantError(t, "ParseScope() of a long text", err, threads.ErrInvalid)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("ParseScope() of %d times %q allocates %d bytes; want at most 1 MiB", 1<<20, part, n)
		}
	}
}
