package httpx

import (
	"errors"
	"net/http"

	"github.com/skein-go/skein/threads"
)

// Caller is who makes a request.
type Caller struct {
	User string // the owner of the threads that the request is about; see threads.ValidateUser
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

// authenticate returns the user who makes the request.
func (h *handler) authenticate(x *exchange) (string, error) {
	caller, err := h.auth.Authenticate(x.r.WithContext(x.ctx))
	if err == nil {
		err = threads.ValidateUser(caller.User)
	}
	if err == nil {
		return caller.User, nil
	}
	for _, class := range []error{ErrNoCredentials, ErrBadCredentials, ErrExpiredCredentials} {
		if errors.Is(err, class) {
			return "", class
		}
	}
	if cause := x.ctx.Err(); cause != nil && errors.Is(err, cause) {
		return "", err
	}
	// Not wrapped: whatever class the error has, it says nothing about the request.
	return "", errors.New("authenticate: " + err.Error())
}

// challenge is what a 401 has as its WWW-Authenticate.
func (h *handler) challenge() string {
	if c, ok := h.auth.(Challenger); ok {
		return c.Challenge()
	}
	return DefaultChallenge
}
