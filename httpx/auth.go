package httpx

import (
	"errors"
	"net/http"

	"github.com/skein-go/skein/threads"
)

// Caller is who makes a request.
type Caller struct {
	User string // the owner of the threads that the request is about; see threads.ValidateUser

	// Scope is what of the user's threads the request may act on. The zero
	// Scope stands for [threads.All]. A host whose users act in organizations
	// makes it of those, each time anew, and of the personal threads if these
	// are for everybody:
	//
	//	parts := []threads.Scope{threads.Personal()}
	//	for _, id := range memberships {
	//		parts = append(parts, threads.InOrganization(id))
	//	}
	//	caller.Scope = threads.Union(parts...)
	//
	// An invalid scope, such as the union of nothing, may act on nothing.
	Scope threads.Scope
}

// Authenticator says who makes a request. It must be safe for concurrent use
// and must not read the body.
//
// It returns an error that is [ErrNoCredentials], [ErrBadCredentials] or
// [ErrExpiredCredentials] to refuse the request with a 401. Any other error,
// and a caller whose user is not one, is a 500; its text goes to the log
// alone, so it must not hold the credentials.
type Authenticator interface {
	Authenticate(r *http.Request) (Caller, error)
}

// AuthenticatorFunc is a function as an [Authenticator].
type AuthenticatorFunc func(*http.Request) (Caller, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (Caller, error) { return f(r) }

// Challenger is an [Authenticator] that says what a 401 has as its
// WWW-Authenticate, such as `Bearer realm="example"`. Without it that is
// DefaultChallenge.
type Challenger interface {
	Challenge() string
}

// DefaultChallenge is the WWW-Authenticate of a 401 if the [Authenticator]
// does not say another. There is no registered scheme for API keys.
const DefaultChallenge = `ApiKey realm="skein"`

// What an [Authenticator] answers to a request that it does not let in. It may
// wrap them; the text reaches nobody.
var (
	ErrNoCredentials      = errors.New("no credentials")      // 401 AUTHENTICATION_REQUIRED
	ErrBadCredentials     = errors.New("bad credentials")     // 401 INVALID_API_KEY
	ErrExpiredCredentials = errors.New("expired credentials") // 401 API_KEY_EXPIRED
)

// authenticate returns who makes the request.
func (h *handler) authenticate(x *exchange) (Caller, error) {
	caller, err := h.auth.Authenticate(x.r.WithContext(x.ctx))
	if err == nil {
		err = threads.ValidateUser(caller.User)
	}
	if err == nil {
		return caller, nil
	}
	for _, class := range []error{ErrNoCredentials, ErrBadCredentials, ErrExpiredCredentials} {
		if errors.Is(err, class) {
			return Caller{}, class
		}
	}
	if cause := x.ctx.Err(); cause != nil && errors.Is(err, cause) {
		return Caller{}, err
	}
	// Not wrapped: whatever class the error has, it says nothing about the request.
	return Caller{}, errors.New("authenticate: " + err.Error())
}

// challenge is what a 401 has as its WWW-Authenticate.
func (h *handler) challenge() string {
	if c, ok := h.auth.(Challenger); ok {
		return c.Challenge()
	}
	return DefaultChallenge
}
