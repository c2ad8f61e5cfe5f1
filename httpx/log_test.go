package httpx_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

func TestLog(t *testing.T) {
	// one sends a request and returns the line about it, without its time.
	one := func(t *testing.T, f *fixture, send func()) map[string]any {
		t.Helper()
		f.logs.take(t)
		send()
		lines, text := f.logs.take(t)
		require.Len(t, lines, 1, "one line a request:\n%s", text)
		delete(lines[0], "time")
		return lines[0]
	}
	line := func(level, user, method, route string, status int, more map[string]any) map[string]any {
		all := map[string]any{
			"level": level, "msg": "request", "trace_id": trace, "user": user, "method": method,
			"route": route, "status": float64(status), "duration": float64(0),
		}
		for k, v := range more {
			all[k] = v
		}
		return all
	}

	t.Run("a delete says what it deleted", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b")
		got := one(t, f, func() { f.do("DELETE", "/v1/threads?organization_id=org_a") })
		require.Equal(t, line("INFO", "ada", "DELETE", "/v1/threads", 200, map[string]any{"deletion_id": "del_1", "deleted": 1.0}), got)
	})

	t.Run("a restore says what it restored", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		f.do("DELETE", "/v1/threads")
		got := one(t, f, func() { f.do("POST", "/v1/deletions/del_1/restore") })
		require.Equal(t, line("INFO", "ada", "POST", "/v1/deletions/{id}/restore", 200, map[string]any{"deletion_id": "del_1", "restored": 1.0}), got)
	})

	t.Run("a create names the thread, and an unknown outcome what it may have made", func(t *testing.T) {
		f := newFixture(t)
		got := one(t, f, func() { f.send("POST", "/v1/threads", `{}`) })
		require.Equal(t, line("INFO", "ada", "POST", "/v1/threads", 201, map[string]any{"thread_id": "thrd_1"}), got)
		f.store.before = failing(threads.ErrUnknownOutcome)
		got = one(t, f, func() { f.send("POST", "/v1/threads", `{}`) })
		require.Equal(t, line("ERROR", "ada", "POST", "/v1/threads", 503, map[string]any{
			"thread_id": "thrd_2", "error_class": "unknown_outcome", "error": `create thread "thrd_2": unknown outcome`,
		}), got)
		got = one(t, f, func() { f.do("DELETE", "/v1/threads") })
		require.Equal(t, line("ERROR", "ada", "DELETE", "/v1/threads", 503, map[string]any{
			"deletion_id": "del_1", "error_class": "unknown_outcome", "error": `delete all threads (all): unknown outcome`,
		}), got)
	})

	t.Run("a refused request has its class and no more", func(t *testing.T) {
		f := newFixture(t)
		got := one(t, f, func() { f.do("DELETE", "/v1/threads?organization_id=invalid_id") })
		require.Equal(t, line("INFO", "ada", "DELETE", "/v1/threads", 422, map[string]any{"error_class": "invalid"}), got)
		got = one(t, f, func() { f.do("DELETE", "/v1/threads", "X-API-Key: wrong") })
		require.Equal(t, line("INFO", "", "DELETE", "/v1/threads", 401, map[string]any{"error_class": "bad_credentials"}), got)
		got = one(t, f, func() { f.do("GET", "/somewhere/private") })
		require.Equal(t, line("INFO", "", "GET", "", 404, map[string]any{"error_class": "no_route"}), got)
		got = one(t, f, func() { f.do("PUT", "/v1/threads") })
		require.Equal(t, line("INFO", "", "PUT", "", 405, map[string]any{"error_class": "method"}), got)
	})

	t.Run("an internal error has its cause", func(t *testing.T) {
		f := newFixture(t)
		got := one(t, f, func() { f.do("DELETE", "/v1/threads", "X-API-Key: broken") })
		require.Equal(t, line("ERROR", "", "DELETE", "/v1/threads", 500, map[string]any{
			"error_class": "internal", "error": "authenticate: " + errDirectory.Error(),
		}), got)
	})

	t.Run("the method is bounded", func(t *testing.T) {
		f := newFixture(t)
		got := one(t, f, func() { f.do(strings.Repeat("M", 5000), "/v1/threads") })
		require.LessOrEqual(t, len(got["method"].(string)), 160)
	})

	t.Run("the duration is measured by Options.Now", func(t *testing.T) {
		now := time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC)
		f := newFixture(t, func(o *httpx.Options) {
			o.Now = func() time.Time {
				defer func() { now = now.Add(3 * time.Millisecond) }()
				return now
			}
		})
		got := one(t, f, func() { f.do("DELETE", "/v1/threads") })
		require.EqualValues(t, 3*time.Millisecond, got["duration"])
	})

	t.Run("it is written before the answer is sent", func(t *testing.T) {
		f := newFixture(t)
		addr := listen(t, f)
		for range 20 {
			sendRaw(t, addr, rawDelete("", nil, ""))
			lines, _ := f.logs.take(t)
			require.Len(t, lines, 1)
		}
	})

	t.Run("without a logger it is slog's default", func(t *testing.T) {
		f := newFixture(t)
		before := slog.Default()
		slog.SetDefault(slog.New(f.logs))
		defer slog.SetDefault(before)
		h := httpx.New(f.service, httpx.AuthenticatorFunc(authenticate), nil)
		one(t, f, func() { serve(h, mustRequest(t, "DELETE", "/v1/threads")) })
	})
}

// No line may hold what a client sent as a secret, wherever it put it, nor
// what is in a thread.
func TestLogHasNoSecrets(t *testing.T) {
	const secret = "hunter2"
	f := newFixture(t)
	sent := 0
	for _, r := range []struct{ method, target, body string }{
		{"DELETE", "/v1/threads", ""},
		{"DELETE", "/v1/threads?api_key=" + secret, ""},
		{"DELETE", "/v1/threads?organization_id=" + secret, ""},
		{"DELETE", "/v1/threads/" + secret, ""},
		{"DELETE", "/v1/threads", secret},
		{"GET", "/v1/threads?after=" + secret, ""},
		{"GET", "/v1/threads?" + secret + "=1", ""},
		{"POST", "/v1/threads", `{"title":"` + secret + `"}`},
		{"POST", "/v1/threads", `{"` + secret + `":1}`},
		{"POST", "/v1/threads", `{"title":"` + strings.Repeat(secret, 100) + `"}`},
		{"POST", "/v1/threads", secret},
	} {
		for _, headers := range [][]string{
			{"Authorization: Bearer " + secret},
			{"X-API-Key: " + secret},
			{"X-API-Key: broken", "Cookie: session=" + secret},
			{"X-API-Key: panics", "Authorization: " + secret},
			{"X-Organization-Id: " + secret, "Idempotency-Key: " + secret, "User-Agent: " + secret, "X-" + secret + ": 1"},
			{"Traceparent: 00-" + secret, "Referer: " + secret},
		} {
			answer := f.send(r.method, r.target, r.body, headers...)
			sent++
			var got failure
			if answer.status >= 400 {
				require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
			}
			if answer.status >= 500 {
				require.NotContains(t, answer.body, secret)
			}
		}
	}
	lines, text := f.logs.take(t)
	require.Len(t, lines, sent, "one line a request")
	require.NotContains(t, text, secret)
	require.NotContains(t, text, adaKey)
}

// A host must not be able to get nobody's threads by mistake.
func TestNewPanicsOnMistakes(t *testing.T) {
	service := newService(nopStore{})
	auth := httpx.AuthenticatorFunc(func(*http.Request) (httpx.Caller, error) { return httpx.Caller{}, nil })
	require.Panics(t, func() { httpx.New(nil, auth, nil) }, "without a service")
	require.Panics(t, func() { httpx.New(service, nil, nil) }, "without an authenticator")
	require.Panics(t, func() { httpx.New(service, auth, &httpx.Options{Timeout: -1}) }, "with a negative time")
	require.Panics(t, func() { httpx.New(service, auth, &httpx.Options{MaxBody: -1}) }, "with a negative size")
	require.NotPanics(t, func() { httpx.New(service, auth, nil) })
}

// nopStore is a store that nothing asks anything.
type nopStore struct{ threads.Store }
