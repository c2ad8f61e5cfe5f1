package httpx_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

func TestRoutes(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a")
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "delete", "get"}

	for path, allow := range map[string]string{
		"/v1/threads":                 "DELETE, GET, POST",
		"/v1/threads/thrd_1":          "DELETE, GET, PATCH",
		"/v1/threads/thrd_1/pin":      "POST",
		"/v1/threads/thrd_1/unpin":    "POST",
		"/v1/threads/thrd_1/restore":  "POST",
		"/v1/deletions":               "GET",
		"/v1/deletions/del_1":         "GET",
		"/v1/deletions/restore":       "GET",
		"/v1/deletions/del_1/threads": "GET",
		"/v1/deletions/del_1/restore": "POST",
		"/v1/openapi.yaml":            "GET",
	} {
		for _, method := range methods {
			if strings.Contains(", "+allow+",", ", "+method+",") {
				continue
			}
			t.Run(method+" "+path+" is 405 and says what is allowed", func(t *testing.T) {
				r := f.do(method, path)
				require.Equal(t, allow, r.header.Get("Allow"))
				got := r.refused(t, 405, "METHOD_NOT_ALLOWED")
				require.Equal(t, "This path allows "+allow+".", got.Error.SystemMessage)
				require.Equal(t, "client_error", got.Error.Type)
			})
		}
	}

	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/threads/", "/v1/threads/thrd_1/", "/v1/threads/a/b", "/v1/threads//pin",
		"/v1/threads/thrd_1/Pin", "/v1/threads/thrd_1/pin/", "/v1/Threads", "/v1/threads%2F", "/v2/threads", "/v1/thread",
		"/v1/deletions/", "/v1/deletions/del_1/", "/v1/deletions//restore", "/v1/deletions//threads",
		"/v1/deletions/del_1/restore/", "/v1/deletions/a/b/restore", "/v1/deletions/del_1/restor%65",
		"/v1/deletionsrestore", "/v1/deletions/del_1/undo",
	} {
		t.Run(path+" is 404 for every method", func(t *testing.T) {
			for _, method := range methods {
				f.do(method, path).refused(t, 404, "RESOURCE_NOT_FOUND")
			}
		})
	}
	require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
}

// A path tells nothing that the documentation does not, so it comes first;
// everything else comes after the credentials.
func TestOrderOfChecks(t *testing.T) {
	f := newFixture(t)
	noKey := "X-API-Key: "

	t.Run("404 and 405 need no credentials", func(t *testing.T) {
		f.do("GET", "/nowhere", noKey).refused(t, 404, "RESOURCE_NOT_FOUND")
		f.do("PUT", "/v1/threads", noKey).refused(t, 405, "METHOD_NOT_ALLOWED")
	})
	t.Run("the path comes before the method", func(t *testing.T) {
		f.do("PUT", "/nowhere").refused(t, 404, "RESOURCE_NOT_FOUND")
	})
	t.Run("credentials come before anything about the request", func(t *testing.T) {
		for _, r := range []response{
			f.do("DELETE", "/v1/threads?organization_id=invalid_id", noKey),
			f.do("DELETE", "/v1/threads?", noKey),
			f.send("DELETE", "/v1/threads", "{}", noKey),
			f.do("DELETE", "/v1/threads", noKey, "If-Match: *"),
			f.do("GET", "/v1/threads?limit=x", noKey),
			f.send("POST", "/v1/threads", "{", noKey),
			f.send("POST", "/v1/threads", "{}", noKey, "Content-Type: text/plain"),
			f.send("POST", "/v1/threads", strings.Repeat("x", 1<<20), noKey),
			f.do("POST", "/v1/deletions/del_1/restore?x=1", noKey),
		} {
			r.refused(t, 401, "AUTHENTICATION_REQUIRED")
		}
	})
}

// net/http itself drops the body of an answer to HEAD; the status and the
// headers must be there all the same.
func TestHead(t *testing.T) {
	f := newFixture(t)
	r := sendRaw(t, listen(t, f), "HEAD /v1/threads HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.Equal(t, http.StatusMethodNotAllowed, r.status)
	require.Equal(t, "DELETE, GET, POST", r.header.Get("Allow"))
	require.Empty(t, r.body)
}
