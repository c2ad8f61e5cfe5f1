package threads

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Scope is what a bulk call acts on: all of a user's threads, those of one
// organization, the personal ones, or a union of these. It is made by [All],
// [InOrganization], [Personal] or [Union]. Its zero value is invalid and every
// call refuses it: a scope that was forgotten never means everything.
//
// Scopes are comparable with ==.
type Scope struct {
	text string // as of String; or, of a bad scope, a mark and what is bad
}

const (
	scopeAll      = "all"
	scopePersonal = "personal"
	scopeAnd      = "," // between the parts of a union; no organization id holds it

	// The marks of bad scopes. No text of a good one begins with them, so that
	// InOrganization("all") can never be taken for [All].
	badOrganization = "\x00"
	badUnion        = "\x01"
)

// MaxUnion is the most organizations that a [Union] can hold, the personal
// threads counted as one.
const MaxUnion = 256

// All is every thread of the user: of every organization, and personal.
func All() Scope { return Scope{scopeAll} }

// Personal is the user's threads that are in no organization.
func Personal() Scope { return Scope{scopePersonal} }

// InOrganization is the user's threads in the organization with that id. An
// id that is not one makes a scope which every call refuses with the
// [*FieldError] of [ValidateOrganizationID]; check it with [Scope.Validate].
func InOrganization(id string) Scope {
	if ValidateOrganizationID(id) != nil {
		return Scope{badOrganization + id}
	}
	return Scope{id}
}

// Union is what is in any of the parts, each as often as one likes. A union
// with [All] is All, and one of one part is that part. It is bad, and refused
// by every call, if a part is (whatever the others are), if it has no part at
// all, or if it would hold more than [MaxUnion] organizations: what was meant
// is not guessed at.
func Union(parts ...Scope) Scope {
	var texts []string
	for _, part := range parts {
		if part.Validate() != nil {
			return Scope{cmp.Or(part.text, badUnion+"Must not have the zero Scope as a part")}
		}
		texts = append(texts, strings.Split(part.text, scopeAnd)...)
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	switch {
	case len(texts) == 0:
		return Scope{badUnion + "Must have at least one part"}
	case slices.Contains(texts, scopeAll):
		return All()
	case len(texts) > MaxUnion:
		return Scope{badUnion + fmt.Sprintf("Must be a union of at most %d organizations", MaxUnion)}
	}
	return Scope{strings.Join(texts, scopeAnd)}
}

// ScopeOf is the narrowest scope that holds a thread of that organization:
// [InOrganization], or [Personal] if organization is empty.
func ScopeOf(organization string) Scope {
	if organization == "" {
		return Personal()
	}
	return InOrganization(organization)
}

// ParseScope is the inverse of [Scope.String]: "all", "personal", an
// organization id, or several of the last two in the order of their bytes, each
// once, with commas between them. Anything else is an [ErrInvalid].
func ParseScope(text string) (Scope, error) {
	if text == scopeAll {
		return All(), nil
	}
	var parts []Scope
	for part := range strings.SplitSeq(text, scopeAnd) {
		if len(parts) > MaxUnion { // it is refused, however much follows
			break
		}
		if part == scopePersonal {
			parts = append(parts, Personal())
		} else {
			parts = append(parts, InOrganization(part))
		}
	}
	s := Union(parts...)
	if err := s.Validate(); err != nil {
		return s, err
	}
	if s.text != text {
		return Scope{}, invalid("scope", "Must name each part once, in the order of their bytes", text)
	}
	return s, nil
}

// Validate returns an [ErrInvalid] for the zero Scope, and for one made from a
// bad organization id or as a bad union.
func (s Scope) Validate() error {
	switch {
	case s.text == "":
		return invalid("scope", "Must be made by All, InOrganization, Personal or Union", "")
	case s.text[:1] == badOrganization:
		return ValidateOrganizationID(s.text[1:])
	case s.text[:1] == badUnion:
		return invalid("scope", s.text[1:], "")
	}
	return nil // only the functions above make others
}

// Contains reports whether a thread of that organization (empty: a personal
// one) is in the scope. An invalid scope contains nothing.
func (s Scope) Contains(organization string) bool {
	switch {
	case s.text == scopeAll:
		return true
	case s.Validate() != nil || organization == scopePersonal:
		return false
	case organization == "":
		organization = scopePersonal
	}
	for part := range strings.SplitSeq(s.text, scopeAnd) {
		if part == organization {
			return true
		}
	}
	return false
}

// Covers reports whether everything that can be in the other scope is in this
// one. An invalid scope covers nothing, and is covered by none.
func (s Scope) Covers(other Scope) bool {
	if s == All() || other.Validate() != nil {
		return other.Validate() == nil
	}
	others, all := other.Organizations()
	return !all && !slices.ContainsFunc(others, func(o string) bool { return !s.Contains(o) })
}

// Organizations returns the ids of the organizations that the scope is about,
// the empty one for personal threads, in the order of their bytes, each once;
// or all, if it is about everything. Of an invalid scope it returns neither.
// The slice is the caller's.
func (s Scope) Organizations() (list []string, all bool) {
	switch {
	case s.text == scopeAll:
		return nil, true
	case s.Validate() != nil:
		return nil, false
	}
	list = strings.Split(s.text, scopeAnd)
	if last := len(list) - 1; list[last] == scopePersonal { // every organization id sorts before
		list = append([]string{""}, list[:last]...)
	}
	return list, false
}

// MarshalText implements [encoding.TextMarshaler], and so the form of a scope
// in JSON: that of [Scope.String]. An invalid scope is an error.
func (s Scope) MarshalText() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return []byte(s.text), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseScope]. After
// an error the scope is invalid.
func (s *Scope) UnmarshalText(text []byte) (err error) {
	*s, err = ParseScope(string(text))
	return err
}

// String returns "all", "personal", the organization id, those of a union with
// commas between them, or "invalid".
func (s Scope) String() string {
	if s.Validate() != nil {
		return "invalid"
	}
	return s.text
}
