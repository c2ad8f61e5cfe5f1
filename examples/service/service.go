// Package service shows Skein's HTTP handler inside a service that is there
// already, with a mux, routes, tokens and members of organizations of its own,
// and with clients in browsers.
package service

import (
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// Session is somebody who is signed in.
type Session struct {
	User          string
	Organizations []string // that the user is a member of, now
}

// Sessions is how this service knows its users: by the token in
// "Authorization: Bearer TOKEN".
type Sessions interface {
	// Find returns whose token it is; ok is false if it is nobody's.
	Find(token string) (session Session, ok bool)
}

// New returns the service's handler: its own page at /hello, and threads
// under /chat, so that DELETE /chat/v1/threads deletes a user's threads. Pages
// of these origins, such as "https://app.example.com", may use the latter.
func New(svc *threads.Service, sessions Sessions, origins []string, log *slog.Logger) http.Handler {
	chat := httpx.New(svc, bearer(sessions), &httpx.Options{Logger: log})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "Hello\n")
	})
	// Not mux.Handle: it would redirect paths that are not clean, and a
	// redirected delete is not the one that was asked for.
	return httpx.Mount("/chat", cors(origins, chat), mux)
}

// bearer lets in whom the service's sessions know.
func bearer(sessions Sessions) httpx.Authenticator {
	return httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return httpx.Caller{}, httpx.ErrNoCredentials
		}
		session, ok := sessions.Find(token)
		if !ok {
			return httpx.Caller{}, httpx.ErrBadCredentials
		}
		return httpx.Caller{User: session.User, Scope: scope(session)}, nil
	})
}

// scope is what a session may act on: the user's personal threads, and those
// in the organizations of which the user is still a member. What the user has
// in others is out of reach, and stays.
func scope(s Session) threads.Scope {
	parts := []threads.Scope{threads.Personal()}
	for _, id := range s.Organizations {
		parts = append(parts, threads.InOrganization(id))
	}
	return threads.Union(parts...)
}
