package httpx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// Mounted anywhere, the handler works and Skein-Undo leads to where the
// deletion can be undone, from outside.
func TestMount(t *testing.T) {
	for name, mount := range map[string]struct {
		prefix string
		host   func(http.Handler) http.Handler
	}{
		"as the whole server": {"", func(h http.Handler) http.Handler { return h }},
		"in a mux": {"", func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/v1/", h)
			return mux
		}},
		"in a mux, by method and path": {"", func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("DELETE /v1/threads", h)
			mux.Handle("POST /v1/deletions/{id}/restore", h)
			return mux
		}},
		"under a prefix": {"/api", func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/api/", http.StripPrefix("/api", h))
			return mux
		}},
		"under a prefix that needs escaping": {"/caf%C3%A9", func(h http.Handler) http.Handler {
			return http.StripPrefix("/café", h)
		}},
		"under prefixes of prefixes": {"/a/b/c", func(h http.Handler) http.Handler {
			return http.StripPrefix("/a", http.StripPrefix("/b", http.StripPrefix("/c", h)))
		}},
		"under a prefix with a variable": {"/tenants/7", func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("/tenants/{id}/", func(w http.ResponseWriter, r *http.Request) {
				http.StripPrefix("/tenants/"+r.PathValue("id"), h).ServeHTTP(w, r)
			})
			return mux
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.create("ada", "org_a", "org_b", "")
			addr := listen(t, mount.host(f))
			for _, target := range []string{mount.prefix + "/v1/threads", "http://localhost" + mount.prefix + "/v1/threads"} {
				r := sendRaw(t, addr, rawDelete(target, nil, ""))
				require.Equal(t, `{"deleted":3,"message":"Successfully deleted 3 thread(s)"}`, r.body)
				undo := r.header.Get("Skein-Undo")
				require.Equal(t, mount.prefix+"/v1/deletions/"+r.header.Get("Skein-Deletion-Id")+"/restore", undo)
				r = sendRaw(t, addr, "POST "+undo+" HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "+adaKey+"\r\n\r\n")
				require.Equal(t, `{"restored":3,"message":"Successfully restored 3 thread(s)"}`, r.body)
			}
			r := sendRaw(t, addr, rawDelete(mount.prefix+"/v1/threads?organization_id=org_a", nil, ""))
			require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, r.body)
		})
	}
}

func TestUndoIsLeftOutWhereItIsUnknown(t *testing.T) {
	rewritten := func(to string) func(*http.Request) {
		return func(r *http.Request) { r.RequestURI = to }
	}
	for name, change := range map[string]func(*http.Request){
		"the host has rewritten the path":   rewritten("/conversations"),
		"the target is no path":             rewritten("%"),
		"the path would name another host":  rewritten("//example.com/v1/threads"),
		"the path would begin with slashes": rewritten("//v1/threads"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.create("ada", "org_a")
			r := httptest.NewRequest("DELETE", "/v1/threads", nil)
			r.Header.Set("X-API-Key", adaKey)
			change(r)
			answer := serve(f, r)
			require.Equal(t, 200, answer.status)
			require.Equal(t, "del_1", answer.header.Get("Skein-Deletion-Id"))
			require.NotContains(t, answer.header, "Skein-Undo")
		})
	}

	t.Run("a request made by hand has no prefix", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		r := mustRequest(t, "DELETE", "/v1/threads")
		r.Header.Set("X-API-Key", adaKey)
		require.Equal(t, "/v1/deletions/del_1/restore", serve(f, r).header.Get("Skein-Undo"))
	})

	t.Run("an id of the host's own making is escaped", func(t *testing.T) {
		f := newFixture(t)
		service := threads.NewService(f.store, &threads.Options{NewDeletionID: func() string { return "a/b?c%" }})
		f.create("ada", "org_a")
		h := httpx.New(service, httpx.AuthenticatorFunc(authenticate), quiet)
		r := mustRequest(t, "DELETE", "/v1/threads")
		r.Header.Set("X-API-Key", adaKey)
		undo := serve(h, r).header.Get("Skein-Undo")
		require.Equal(t, "/v1/deletions/a%2Fb%3Fc%25/restore", undo)
		r = mustRequest(t, "POST", undo)
		r.Header.Set("X-API-Key", adaKey)
		require.Equal(t, `{"restored":1,"message":"Successfully restored 1 thread(s)"}`, serve(h, r).body)
	})
}

// A host's middleware that drops the query must not turn a narrow request into
// one for everything.
func TestMiddlewareThatLosesTheQuery(t *testing.T) {
	for _, query := range []string{"?organization_id=org_a", "?"} {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b")
		r := httptest.NewRequest("DELETE", "/v1/threads"+query, nil)
		r.Header.Set("X-API-Key", adaKey)
		r.URL.RawQuery, r.URL.ForceQuery = "", false
		serve(f, r).refused(t, 400, "INVALID_REQUEST")
		require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.All()))

		r.RequestURI = strings.TrimSuffix(r.RequestURI, query) // and one that means it says so
		require.Equal(t, 200, serve(f, r).status)
	}

	t.Run("without RequestURI a bare question mark is in the URL", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b")
		r := mustRequest(t, "DELETE", "/v1/threads?")
		r.Header.Set("X-API-Key", adaKey)
		serve(f, r).refused(t, 400, "INVALID_REQUEST")
	})
}

// What is not clean is refused where it is, and no redirect makes it the call
// for all.
func TestMountHandsOverWhatIsNotClean(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	addr := listen(t, httpx.Mount("/chat", f, mux))
	f.create("ada", "org_a", "org_b")
	send := func(method, path string) int {
		r, err := http.NewRequest(method, "http://"+addr+path, nil)
		require.NoError(t, err)
		r.Header.Set("X-API-Key", adaKey)
		answer, err := http.DefaultClient.Do(r) // which follows redirects
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	for _, path := range []string{
		"/chat/v1/threads/.", "/chat/v1/threads/thrd_1/..", "/chat//v1/threads", "/chat/v1/threads/x/../../threads", "/chat/./v1/threads",
		"/x/../chat/v1/threads", "//chat/v1/threads", "/chat/v1//threads", "/chat/v1/threads/", "/chat", "/chat/",
	} {
		require.Equal(t, 404, send("DELETE", path), path)
		require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.All()), path)
	}
	require.Equal(t, 200, send("GET", "/hello"))
	require.Equal(t, 404, send("GET", "/chatter"), "that of the mux")
	require.Equal(t, 200, send("DELETE", "/chat/v1/threads"))
	require.Equal(t, threads.Counts{Deleted: 2}, f.count("ada", threads.All()))
	for _, prefix := range []string{"", "chat", "/chat/", "/"} {
		require.Panics(t, func() { httpx.Mount(prefix, f, mux) }, prefix)
	}
}

// An id or a query that was lost on the way leaves traces.
func TestDeleteAllOfAShortenedPathIsRefused(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_b")
	t.Run("by middleware that takes the slash from the end", func(t *testing.T) {
		trimmed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = strings.TrimRight(r.URL.Path, "/")
			f.ServeHTTP(w, r)
		})
		r := httptest.NewRequest("DELETE", "/v1/threads/", nil)
		r.Header.Set("X-API-Key", adaKey)
		require.Equal(t, 400, serve(trimmed, r).status)
	})
	for _, header := range []string{
		"X-Original-Url: /v1/threads/thrd_1", "X-Forwarded-Path: /chat/v1/threads/thrd_1", "X-Original-Uri: /v1/threads/",
		"Referer: https://app.example.com/v1/threads?organization_id=org_a", "Referer: https://app.example.com//v1/threads",
	} {
		f.do("DELETE", "/v1/threads", header).refused(t, 400, "INVALID_REQUEST")
	}
	require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.All()))
	for _, header := range []string{
		"X-Original-Url: /v1/threads", "X-Forwarded-Path: /threads/v1/threads", "X-Envoy-Original-Path: /api/conversations",
		"Referer: https://app.example.com/settings/threads",
	} {
		require.Equal(t, 200, f.do("DELETE", "/v1/threads", header).status, header)
	}
}
