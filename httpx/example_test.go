package httpx_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// Threads of a service's own users, under /api of a mux that it has already.
// Its sessions say who calls.
func Example() {
	store := memory.New()
	defer func() { _ = store.Close() }()
	service := threads.NewService(store, nil)

	sessions := map[string]string{"session-1": "ada"}
	auth := httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		cookie, err := r.Cookie("session")
		if err != nil {
			return httpx.Caller{}, httpx.ErrNoCredentials
		}
		user, ok := sessions[cookie.Value]
		if !ok {
			return httpx.Caller{}, httpx.ErrBadCredentials
		}
		return httpx.Caller{User: user}, nil
	})

	mux := http.NewServeMux()
	api := httpx.New(service, auth, &httpx.Options{Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(httpx.Mount("/api", api, mux))
	defer server.Close()

	call := func(method, path string) string {
		r, _ := http.NewRequest(method, server.URL+path, nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: "session-1"})
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		fmt.Println(answer.StatusCode, string(body))
		return answer.Header.Get("Skein-Undo")
	}

	for range 42 {
		_, _ = service.Create(context.Background(), "ada", threads.Draft{Organization: "org_abc123"})
	}
	undo := call("DELETE", "/api/v1/threads?organization_id=org_abc123")
	call("POST", undo)
	// Output:
	// 200 {"deleted":42,"message":"Successfully deleted 42 thread(s)"}
	// 200 {"restored":42,"message":"Successfully restored 42 thread(s)"}
}
