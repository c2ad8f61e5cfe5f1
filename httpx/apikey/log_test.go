package apikey_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// No line has a secret, whether it is good or not any more, and wherever it was
// put by mistake.
func TestLogHasNoSecret(t *testing.T) {
	f, _ := create(t)
	good, g := add(t, f, "ada")
	revoked, r := add(t, f, "ada")
	require.NoError(t, f.Revoke(r.ID, now))
	expired, x, err := f.Add("ada", threads.All(), now.Add(time.Minute), now)
	require.NoError(t, err)
	at(f, time.Hour)

	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := httpx.New(threads.NewService(memory.New(), nil), f, &httpx.Options{Logger: logger})
	lines := 0
	for secret, code := range map[string]string{good: "", revoked: "INVALID_API_KEY", expired: "API_KEY_EXPIRED", good + "x": "INVALID_API_KEY"} {
		for _, place := range []func(*http.Request){
			func(r *http.Request) { r.Header.Add("X-API-Key", secret) },
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) },
			func(r *http.Request) { r.Header.Set("X-"+secret, "1") },
			func(r *http.Request) { r.URL = &url.URL{Path: "/v1/threads/" + secret} },
			func(r *http.Request) { r.URL = &url.URL{Path: "/v1/threads", RawQuery: "api_key=" + secret} },
			func(r *http.Request) { r.Header.Set("Traceparent", secret) },
		} {
			request := httptest.NewRequest(http.MethodGet, "/v1/threads", nil)
			request.Header.Set("X-API-Key", secret)
			place(request)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request)
			lines++
		}
		_, body := call(h, http.MethodGet, "/v1/threads", secret)
		lines++
		require.Contains(t, body, code)
	}
	require.Equal(t, lines, bytes.Count(log.Bytes(), []byte("\n")), "one line a request")
	for _, k := range f.List() {
		logger.Info("a key", slog.Any("key", k))
	}
	for _, secret := range []string{good, revoked, expired} {
		require.NotContains(t, log.String(), secret)
	}
	for _, id := range []string{g.ID, r.ID, x.ID} {
		require.Contains(t, log.String(), fmt.Sprintf(`"key":{"id":%q,"user":"ada"}`, id), "a key as a value of a log")
	}
	require.NotContains(t, log.String(), "sha256:")
}
