package ratelimit_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/ratelimit"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// Every user may make two requests at once, and one more every ten seconds.
func Example() {
	auth := httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		return httpx.Caller{User: r.Header.Get("X-User")}, nil // a service would ask its sessions
	})
	now := time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC)
	handler := httpx.New(threads.NewService(memory.New(), nil), auth, &httpx.Options{
		Limiter: ratelimit.New(&ratelimit.Options{PerSecond: 0.1, Burst: 2, Now: func() time.Time { return now }}),
		Logger:  slog.New(slog.DiscardHandler),
	})
	list := func(user string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/threads", nil)
		r.Header.Set("X-User", user)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%s %d %q\n", user, w.Code, w.Header().Get("Retry-After"))
	}

	list("ada")
	list("ada")
	list("ada")
	list("ben")
	now = now.Add(10 * time.Second)
	list("ada")
	// Output:
	// ada 200 ""
	// ada 200 ""
	// ada 429 "10"
	// ben 200 ""
	// ada 200 ""
}
