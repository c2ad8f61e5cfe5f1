package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// failing makes every call of a store fail.
func failing(err error) func(context.Context, string) error {
	return func(context.Context, string) error { return err }
}

// calls is one request to each endpoint.
func (f *fixture) calls() map[string]func(headers ...string) response {
	return map[string]func(...string) response{
		"DELETE /v1/threads":              func(h ...string) response { return f.do("DELETE", "/v1/threads", h...) },
		"GET /v1/threads":                 func(h ...string) response { return f.do("GET", "/v1/threads", h...) },
		"POST /v1/threads":                func(h ...string) response { return f.send("POST", "/v1/threads", "{}", h...) },
		"POST /v1/deletions/{id}/restore": func(h ...string) response { return f.do("POST", "/v1/deletions/del_1/restore", h...) },
	}
}

func TestErrorClasses(t *testing.T) {
	const cause = "disk sda1 sector 17"
	type row struct {
		err    error
		status int
		code   string
		kind   string
		class  string
	}
	for _, c := range []row{
		{threads.ErrNotFound, 404, "RESOURCE_NOT_FOUND", "client_error", "not_found"},
		{threads.ErrExists, 409, "RESOURCE_CONFLICT", "client_error", "exists"},
		{threads.ErrConflict, 409, "RESOURCE_CONFLICT", "client_error", "conflict"},
		{threads.ErrVersionMismatch, 412, "PRECONDITION_FAILED", "client_error", "version_mismatch"},
		{threads.ErrKeyReused, 422, "VALIDATION_ERROR", "validation_error", "key_reused"},
		{threads.ErrInvalid, 422, "VALIDATION_ERROR", "validation_error", "invalid"},
		{threads.ErrPurged, 410, "RESOURCE_PURGED", "client_error", "purged"},
		{threads.ErrClosed, 503, "SERVICE_UNAVAILABLE", "server_error", "closed"},
		{threads.ErrUnknownOutcome, 503, "SERVICE_UNAVAILABLE", "server_error", "unknown_outcome"},
		{threads.ErrFull, 503, "SERVICE_UNAVAILABLE", "server_error", "full"},
		{threads.ErrLocked, 503, "SERVICE_UNAVAILABLE", "server_error", "locked"},
		{threads.ErrCorrupt, 500, "INTERNAL_ERROR", "server_error", "corrupt"},
		{context.DeadlineExceeded, 503, "SERVICE_UNAVAILABLE", "server_error", "timeout"},
		{context.Canceled, 503, "SERVICE_UNAVAILABLE", "server_error", "canceled"},
		{io.ErrUnexpectedEOF, 500, "INTERNAL_ERROR", "server_error", "internal"},
		{httpx.ErrBadCredentials, 401, "INVALID_API_KEY", "authentication_error", "bad_credentials"},
		{threads.ErrNewerLayout, 503, "SERVICE_UNAVAILABLE", "server_error", "newer_layout"},
		// What is wrong with the store is not the client's mistake, whatever is
		// wrong with it.
		{fmt.Errorf("%w: %w", threads.ErrCorrupt, &threads.FieldError{Field: "title", Rule: cause, Given: cause}), 500, "INTERNAL_ERROR", "server_error", "corrupt"},
		{fmt.Errorf("%w: %w", threads.ErrCorrupt, threads.ErrNotFound), 500, "INTERNAL_ERROR", "server_error", "corrupt"},
		{fmt.Errorf("%w: %w", context.DeadlineExceeded, threads.ErrLocked), 503, "SERVICE_UNAVAILABLE", "server_error", "locked"},
		// What is not known may have happened, whatever the reason was.
		{fmt.Errorf("%w: %w", threads.ErrUnknownOutcome, context.DeadlineExceeded), 503, "SERVICE_UNAVAILABLE", "server_error", "unknown_outcome"},
		{fmt.Errorf("%w: %w", context.Canceled, threads.ErrUnknownOutcome), 503, "SERVICE_UNAVAILABLE", "server_error", "unknown_outcome"},
		{errors.Join(threads.ErrFull, threads.ErrUnknownOutcome), 503, "SERVICE_UNAVAILABLE", "server_error", "unknown_outcome"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("engine: %s: %w", cause, c.err)} {
			t.Run(fmt.Sprintf("%v is %d in every endpoint, and its text is not for the client", err, c.status), func(t *testing.T) {
				f := newFixture(t)
				f.store.before = failing(err)
				for name, call := range f.calls() {
					r := call()
					got := r.refused(t, c.status, c.code)
					require.Equal(t, c.kind, got.Error.Type, name)
					require.NotContains(t, r.body, cause, name)
					lines, _ := f.logs.take(t)
					require.Len(t, lines, 1, name)
					require.Equal(t, c.class, lines[0]["error_class"], name)
					if c.status >= 500 {
						require.Contains(t, lines[0]["error"], err.Error(), "%s: the cause is in the log", name)
					}
				}
			})
		}
	}
}

func TestUnknownOutcomeSaysWhatToDo(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a")
	f.store.before = failing(threads.ErrUnknownOutcome)
	lost := f.do("DELETE", "/v1/threads", "Idempotency-Key: k1")
	require.Equal(t, "/v1/deletions/"+lost.header.Get("Skein-Deletion-Id")+"/restore", lost.header.Get("Skein-Undo"), "by which to look whether it is there")
	lines, _ := f.logs.take(t)
	require.Equal(t, lost.header.Get("Skein-Deletion-Id"), lines[len(lines)-1]["deletion_id"])
	got := lost.refused(t, 503, "SERVICE_UNAVAILABLE")
	require.Contains(t, got.Error.SystemMessage, "can be repeated with the same")
	f.store.before = nil
	r := f.do("DELETE", "/v1/threads", "Idempotency-Key: k1")
	require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, r.body)
}

func TestPanics(t *testing.T) {
	t.Run("a panic is a 500, logged with its stack, and the next request works", func(t *testing.T) {
		f := newFixture(t)
		for name, call := range f.calls() {
			f.store.before = func(context.Context, string) error { panic("index 17 out of range") }
			r := call()
			r.refused(t, 500, "INTERNAL_ERROR")
			require.NotContains(t, r.body, "index 17")
			lines, _ := f.logs.take(t)
			require.Len(t, lines, 1, name)
			require.Equal(t, "ERROR", lines[0]["level"])
			require.Equal(t, "panic", lines[0]["error_class"])
			require.Contains(t, lines[0]["error"], "index 17 out of range")
			require.Contains(t, lines[0]["stack"], "faultyStore", "the stack leads to where it was")
			f.store.before = nil
			require.Equal(t, 200, f.do("DELETE", "/v1/threads").status)
			f.logs.take(t)
		}
	})

	t.Run("one with http.ErrAbortHandler is passed on, and logged", func(t *testing.T) {
		f := newFixture(t)
		f.store.before = func(context.Context, string) error { panic(http.ErrAbortHandler) }
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { f.do("DELETE", "/v1/threads") })
		lines, _ := f.logs.take(t)
		require.Len(t, lines, 1)
	})
}

func TestTimeout(t *testing.T) {
	f := newFixture(t, func(o *httpx.Options) { o.Timeout = time.Millisecond })
	f.create("ada", "org_a")
	f.store.before = func(ctx context.Context, _ string) error {
		<-ctx.Done() // as a store does that waits for its turn
		return ctx.Err()
	}
	for name, call := range f.calls() {
		got := call().refused(t, 503, "SERVICE_UNAVAILABLE")
		require.Contains(t, got.Error.SystemMessage, "It can be repeated", name)
	}
	f.store.before = nil
	require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
}

func TestClientGone(t *testing.T) {
	t.Run("the store is told, nothing is deleted, and the log has it", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		entered, logged := make(chan struct{}), make(chan struct{})
		f.store.before = func(ctx context.Context, _ string) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(logged)
			f.ServeHTTP(w, r)
		}))
		defer server.Close()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, rawDelete("", nil, ""))
		require.NoError(t, err)
		<-entered
		require.NoError(t, conn.Close())
		<-logged
		lines, _ := f.logs.take(t)
		require.Len(t, lines, 1)
		require.Equal(t, "canceled", lines[0]["error_class"])
		require.Equal(t, "INFO", lines[0]["level"], "that a client leaves is not our error")
		f.store.before = nil
		require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
	})

	t.Run("who is still there, behind a proxy, never gets a success", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := httptest.NewRequest("DELETE", "/v1/threads", nil).WithContext(ctx)
		r.Header.Set("X-API-Key", adaKey)
		serve(f, r).refused(t, 503, "SERVICE_UNAVAILABLE")
		require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
	})
}

// A body that does not arrive must not keep a request for longer than its
// time.
func TestSlowBody(t *testing.T) {
	f := newFixture(t, func(o *httpx.Options) { o.Timeout = 20 * time.Millisecond })
	f.create("ada", "org_a")
	addr := listen(t, f)
	post := "POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + adaKey + "\r\nContent-Type: application/json\r\n"

	t.Run("of a create", func(t *testing.T) {
		sendRaw(t, addr, post+"Content-Length: 2\r\n\r\n{").refused(t, 408, "REQUEST_TIMEOUT")
	})
	t.Run("of a delete, chunked", func(t *testing.T) {
		sendRaw(t, addr, rawDelete("", []string{"Transfer-Encoding: chunked"}, "")).refused(t, 408, "REQUEST_TIMEOUT")
	})
	t.Run("of a delete, announced", func(t *testing.T) {
		sendRaw(t, addr, rawDelete("", []string{"Content-Length: 5"}, "")).refused(t, 400, "INVALID_REQUEST")
	})
	t.Run("of a request that is refused before", func(t *testing.T) {
		sendRaw(t, addr, "POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n").refused(t, 401, "AUTHENTICATION_REQUIRED")
	})
	require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
}
