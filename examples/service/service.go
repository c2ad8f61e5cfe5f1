// Package service shows Skein's HTTP handler inside a service that is there
// already, with a mux, routes and tokens of its own.
package service

import (
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// Sessions is how this service knows its users: by the token in
// "Authorization: Bearer TOKEN".
type Sessions interface {
	// User returns whose token it is; ok is false if it is nobody's.
	User(token string) (user string, ok bool)
}

// New returns the service's handler: its own page at /hello, and threads
// under /chat, so that DELETE /chat/v1/threads deletes a user's threads.
func New(svc *threads.Service, sessions Sessions, log *slog.Logger) http.Handler {
	chat := httpx.New(svc, bearer(sessions), &httpx.Options{Logger: log})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "Hello\n")
	})
	mux.Handle("/chat/", http.StripPrefix("/chat", chat))
	return mux
}

// bearer lets in whom the service's sessions know.
func bearer(sessions Sessions) httpx.Authenticator {
	return httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return httpx.Caller{}, httpx.ErrNoCredentials
		}
		user, ok := sessions.User(token)
		if !ok {
			return httpx.Caller{}, httpx.ErrBadCredentials
		}
		return httpx.Caller{User: user}, nil
	})
}
