package main

import (
	"io"
	"net/http"
	"sync/atomic"
)

// health says how the server is. It is safe for concurrent use.
type health struct {
	draining atomic.Bool // the server is about to stop: whoever can should go elsewhere
}

// handler answers GET /healthz, which is about the process, and GET /readyz,
// which is about taking requests, and leaves everything else to the API as it
// came. An http.ServeMux would redirect requests whose path is not clean, and
// a redirected delete is not the one that was asked for.
func (h *health) handler(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		draining := h.draining.Load()
		if draining {
			w.Header().Set("Connection", "close") // the client's next request is for another server
		}
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case reads && r.URL.Path == "/healthz":
			say(w, http.StatusOK, "ok")
		case reads && r.URL.Path == "/readyz" && draining:
			say(w, http.StatusServiceUnavailable, "draining")
		case reads && r.URL.Path == "/readyz":
			say(w, http.StatusOK, "ready")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// say answers in a word.
func say(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, word+"\n")
}
