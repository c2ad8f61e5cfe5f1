package threads

// Scope is what a bulk call acts on: all of a user's threads, those of one
// organization, or the personal ones. It is made by [All], [InOrganization]
// or [Personal]. Its zero value is invalid and every call refuses it: a scope
// that was forgotten never means everything.
//
// Scopes are comparable with ==.
type Scope struct {
	text string // "all", "personal" or an organization id; no organization id equals the other two
}

const (
	scopeAll      = "all"
	scopePersonal = "personal"
)

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

// badOrganization marks the text of a scope made from a bad organization id,
// so that InOrganization("all") can never be taken for [All].
const badOrganization = "\x00"

// ScopeOf is the narrowest scope that holds a thread of that organization:
// [InOrganization], or [Personal] if organization is empty.
func ScopeOf(organization string) Scope {
	if organization == "" {
		return Personal()
	}
	return InOrganization(organization)
}

// ParseScope is the inverse of [Scope.String]: "all", "personal" or an
// organization id. Anything else is an [ErrInvalid].
func ParseScope(text string) (Scope, error) {
	s := Scope{text}
	if text != scopeAll && text != scopePersonal {
		s = InOrganization(text)
	}
	return s, s.Validate()
}

// Validate returns an [ErrInvalid] for the zero Scope and for one made from a
// bad organization id.
func (s Scope) Validate() error {
	switch {
	case s.text == "":
		return invalid("scope", "Must be made by All, InOrganization or Personal", "")
	case s.text == scopeAll || s.text == scopePersonal:
		return nil
	case s.text[:1] == badOrganization:
		return ValidateOrganizationID(s.text[1:])
	}
	return ValidateOrganizationID(s.text)
}

// Contains reports whether a thread of that organization (empty: a personal
// one) is in the scope. An invalid scope contains nothing.
func (s Scope) Contains(organization string) bool {
	switch s.text {
	case "":
		return false
	case scopeAll:
		return true
	case scopePersonal:
		return organization == ""
	}
	return s.text == organization && s.text[:1] != badOrganization
}

// Organization returns the id of the one organization the scope is about, or
// "" for [All], [Personal] and invalid scopes.
func (s Scope) Organization() string {
	if s.text == scopeAll || s.text == scopePersonal || s.Validate() != nil {
		return ""
	}
	return s.text
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

// String returns "all", "personal", the organization id, or "invalid".
func (s Scope) String() string {
	if s.Validate() != nil {
		return "invalid"
	}
	return s.text
}
