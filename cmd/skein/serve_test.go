package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/httpx/ratelimit"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// quiet is for handlers whose log nobody reads.
func quiet() *httpx.Options { return &httpx.Options{Logger: slog.New(slog.DiscardHandler)} }

// server is skein serve inside this process.
type server struct {
	url  string
	log  *transcript
	stop func() (code int, rest string) // as a signal does; rest is what is on standard output after the first line
}

// startServe runs skein serve on a free port and waits until it listens.
func startServe(t *testing.T, keys string, more ...string) server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	log := newTranscript()
	code := make(chan int, 1)
	go func() {
		args := []string{"serve", "--store", "memory:", "--listen", "127.0.0.1:0", "--keys", keys}
		code <- run(ctx, append(args, more...), w, log)
		_ = w.Close()
	}()
	out := bufio.NewReader(r)
	first, err := out.ReadString('\n')
	require.NoError(t, err, "the first line; on standard error: %s", log)
	url, ok := strings.CutPrefix(strings.TrimSuffix(first, "\n"), "listening on ")
	require.True(t, ok, "the first line on standard output is %q; want \"listening on http://HOST:PORT\"", first)
	s := server{url: url, log: log}
	stopped := false
	s.stop = func() (int, string) {
		stopped = true
		cancel()
		rest, _ := io.ReadAll(out)
		return <-code, string(rest)
	}
	t.Cleanup(func() {
		if !stopped {
			s.stop()
		}
	})
	return s
}

func TestServeLetsKeysInAndEndsWell(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	adas, bens := newKey(t, keys, "ada"), newKey(t, keys, "ben")
	s := startServe(t, keys)
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d*$`, s.url)

	create(t, s.url, adas, "org_abc123", 2)
	create(t, s.url, adas, "", 1)
	create(t, s.url, bens, "org_abc123", 1)
	for _, key := range []string{"", "nonsense", adas + "x", adas[:len(adas)-1]} {
		status, _, body := request(t, http.MethodDelete, s.url+"/v1/threads", key, "")
		require.Equal(t, http.StatusUnauthorized, status, "delete with the key %q: %s", key, body)
	}
	status, header, body := request(t, http.MethodDelete, s.url+"/v1/threads?organization_id=org_abc123", adas, "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, body)
	status, _, body = request(t, http.MethodPost, s.url+header.Get("Skein-Undo"), adas, "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `{"restored":2,"message":"Successfully restored 2 thread(s)"}`, body)
	_, _, body = request(t, http.MethodDelete, s.url+"/v1/threads", adas, "")
	require.Equal(t, `{"deleted":3,"message":"Successfully deleted 3 thread(s)"}`, body)
	_, _, body = request(t, http.MethodDelete, s.url+"/v1/threads", bens, "")
	require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, body)

	code, rest := s.stop()
	require.Equal(t, exitSuccess, code, s.log)
	require.Empty(t, rest, "standard output after the first line")
	require.NotContains(t, s.log.String(), adas, "the log")
	_, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.Error(t, err, "a connection after the end")
}

func TestServeFollowsTheKeysFile(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	first := newKey(t, keys, "ada")
	s := startServe(t, keys)
	refusal := func(key string) string {
		t.Helper()
		status, _, body := request(t, http.MethodGet, s.url+"/v1/threads", key, "")
		if status == http.StatusOK {
			return ""
		}
		require.Equal(t, http.StatusUnauthorized, status, body)
		_, code, _ := strings.Cut(body, `"code":"`)
		code, _, _ = strings.Cut(code, `"`)
		return code
	}
	require.Empty(t, refusal(first))
	second := newKey(t, keys, "ben")
	require.Empty(t, refusal(second), "a key added while the server runs")
	code, _, errOut := skein(t, "keys", "revoke", "--keys", keys, keyID(t, keys, "ada"))
	require.Equal(t, exitSuccess, code, errOut)
	require.Equal(t, "INVALID_API_KEY", refusal(first), "a key revoked while the server runs")
	require.Empty(t, refusal(second), "the other key")
}

func TestServeHealth(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	s := startServe(t, keys)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		status, header, body := request(t, http.MethodGet, s.url+path, "", "")
		require.Equal(t, http.StatusOK, status, path)
		require.Equal(t, want, body, path)
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		status, _, _ = request(t, http.MethodHead, s.url+path, "", "")
		require.Equal(t, http.StatusOK, status, path)
		for _, other := range []string{path + "/", "/" + path, "/v1" + path} {
			status, _, _ = request(t, http.MethodGet, s.url+other, "", "")
			require.Equal(t, http.StatusNotFound, status, "GET %s", other)
		}
		status, _, _ = request(t, http.MethodDelete, s.url+path, key, "")
		require.Equal(t, http.StatusNotFound, status, "DELETE %s", path)
	}
}

// Requests that do not end must not keep the process: they are cut off, and
// whoever runs it is told.
func TestServeCutsOff(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cutOff := make(chan struct{})
	stuck := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
		close(cutOff)
	})
	h, log := &health{}, quiet().Logger
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			err = errors.Join(err, response.Body.Close())
		}
		answered <- err
	}()
	err = serveUntil(ctx, newServer(h.handler(stuck), log), listener, drain{h, 0, time.Millisecond}, log)
	require.ErrorContains(t, err, "requests were cut off after 1ms")
	require.Error(t, <-answered)
	<-cutOff
}

// What is not an endpoint byte for byte is not one: no redirect, no delete.
func TestServeDoesNotMendPaths(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	s := startServe(t, keys)
	create(t, s.url, key, "", 1)
	for _, path := range []string{"//v1/threads", "/v1//threads", "/v1/./threads", "/healthz/../v1/threads", "/readyz/../v1/threads", "/v1/threads/"} {
		status, _, _ := request(t, http.MethodDelete, s.url+path, key, "")
		require.Equal(t, http.StatusNotFound, status, "DELETE %s", path)
	}
	_, _, body := request(t, http.MethodDelete, s.url+"/v1/threads", key, "")
	require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, body, "nothing was deleted before")
}

// One key takes the place of another while the server runs, as the
// documentation of package apikey says.
func TestServeKeepsServingWhileAKeyIsReplaced(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	first := newKey(t, keys, "ada", "--expires", "720h")
	firstID := keyID(t, keys, "ada")
	s := startServe(t, keys)
	status := func(key string) int {
		t.Helper()
		status, _, _ := request(t, http.MethodGet, s.url+"/v1/threads", key, "")
		return status
	}
	list := func() (first, second string) {
		t.Helper()
		_, out, _ := skein(t, "keys", "list", "--keys", keys)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, lines, 3, out)
		return lines[1], lines[2]
	}
	const at = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	require.Equal(t, http.StatusOK, status(first))
	second := newKey(t, keys, "ada")
	require.Equal(t, http.StatusOK, status(second))
	require.Equal(t, http.StatusOK, status(first), "the first key beside the second")
	one, two := list()
	require.Regexp(t, `^`+firstID+` +ada +all +`+at+` +\S+ +`+at+` +-$`, one)
	require.Regexp(t, `^key_\S+ +ada +all +`+at+` +\S+ +- +-$`, two)
	code, _, errOut := skein(t, "keys", "revoke", "--keys", keys, firstID)
	require.Equal(t, exitSuccess, code, errOut)
	require.Equal(t, http.StatusUnauthorized, status(first))
	require.Equal(t, http.StatusOK, status(second))

	code, _ = s.stop()
	require.Equal(t, exitSuccess, code, s.log)
	one, two = list()
	require.Regexp(t, `^`+firstID+` +ada +all +`+at+` +`+at+` +`+at+` +`+at+`$`, one, "a server that ends writes it down")
	require.Regexp(t, `^key_\S+ +ada +all +`+at+` +`+at+` +- +-$`, two)
	for _, secret := range []string{first, second} {
		require.NotContains(t, s.log.String(), secret)
	}
}

func TestSaveUses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret := newKey(t, path, "ada")
	keys, err := apikey.Open(path)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-API-Key", secret)
	_, err = keys.Authenticate(r)
	require.NoError(t, err)

	var text bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(done)
		saveUses(ctx, keys, ticks, slog.New(slog.NewTextHandler(&text, nil)))
	}()
	require.NoError(t, os.WriteFile(path+".uses.lock", nil, 0o600))
	for range 3 {
		ticks <- time.Time{}
	}
	ticks <- time.Time{} // taken when the third has failed
	cancel()
	<-done
	require.Equal(t, 1, strings.Count(text.String(), "not written down"), "a failure that goes on is told once:\n%s", &text)
	require.NoFileExists(t, path+".uses")

	require.NoError(t, os.Remove(path+".uses.lock"))
	ctx, cancel = context.WithCancel(t.Context())
	done = make(chan struct{})
	go func() {
		defer close(done)
		saveUses(ctx, keys, ticks, slog.New(slog.DiscardHandler))
	}()
	ticks <- time.Time{}
	ticks <- time.Time{} // taken when the first is done
	cancel()
	<-done
	require.FileExists(t, path+".uses")
}

func TestServeHoldsKeysToTheirScope(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	whole, narrow := newKey(t, keys, "ada"), newKey(t, keys, "ada", "--scope", "org_abc123")
	s := startServe(t, keys)
	create(t, s.url, whole, "org_abc123", 2)
	create(t, s.url, whole, "org_other", 1)
	create(t, s.url, whole, "", 1)
	status, _, body := request(t, http.MethodDelete, s.url+"/v1/threads?organization_id=org_other", narrow, "")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, `"code":"ORGANIZATION_ACCESS_DENIED"`)
	status, _, _ = request(t, http.MethodPost, s.url+"/v1/threads", narrow, "{}")
	require.Equal(t, http.StatusForbidden, status, "a personal thread")
	_, _, body = request(t, http.MethodDelete, s.url+"/v1/threads", narrow, "")
	require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, body, "everything that the key is for")
	_, _, body = request(t, http.MethodDelete, s.url+"/v1/threads", whole, "")
	require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, body, "the rest")
}

func TestKeysListSaysWhatItDoesNotKnow(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, keys, "ada")
	require.NoError(t, os.WriteFile(keys+".uses", []byte("{"), 0o600))
	code, out, errOut := skein(t, "keys", "list", "--keys", keys)
	require.Equal(t, exitFailure, code)
	require.Regexp(t, `(?m)^key_\S+ +ada +all +\S+ +\? +- +-$`, out, "the keys are shown all the same")
	require.Contains(t, errOut, keys+".uses")
}

func TestServeRate(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	adas, bens := newKey(t, keys, "ada"), newKey(t, keys, "ben")
	list := func(s server, key string) (int, http.Header, string) {
		t.Helper()
		return request(t, http.MethodGet, s.url+"/v1/threads", key, "")
	}
	s := startServe(t, keys, "--rate", "0.001/s:3") // a token takes longer than any test
	for range 3 {
		status, _, body := list(s, adas)
		require.Equal(t, http.StatusOK, status, body)
	}
	status, header, body := list(s, adas)
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Regexp(t, `^([1-9]\d\d?|1000)$`, header.Get("Retry-After"), "whole seconds until the next token")
	require.Contains(t, body, `"code":"RATE_LIMIT_EXCEEDED"`)
	status, _, _ = list(s, bens)
	require.Equal(t, http.StatusOK, status, "another user")
	status, _, _ = list(s, "nonsense")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _, _ = request(t, http.MethodGet, s.url+"/healthz", "", "")
	require.Equal(t, http.StatusOK, status)

	s = startServe(t, keys)
	for range 50 {
		status, _, body := list(s, adas)
		require.Equal(t, http.StatusOK, status, "without --rate there is no limit: %s", body)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]ratelimit.Options{
		"20/s": {PerSecond: 20}, "0.5/s": {PerSecond: 0.5}, ".5/s:3": {PerSecond: 0.5, Burst: 3}, "20/s:100": {PerSecond: 20, Burst: 100},
	} {
		got, err := parseRate(text)
		require.NoError(t, err, text)
		require.Equal(t, &want, got, text)
	}
}

func TestServeRetention(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	s := startServe(t, keys, "--retention", "1s")
	create(t, s.url, key, "", 3)
	_, header, _ := request(t, http.MethodDelete, s.url+"/v1/threads", key, "")
	s.log.await(t, "threads=3")
	status, _, body := request(t, http.MethodPost, s.url+header.Get("Skein-Undo"), key, "")
	require.Equal(t, http.StatusGone, status, body)
	code, _ := s.stop()
	require.Equal(t, exitSuccess, code, s.log)
}

func TestServeBoundsHeaders(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, keys, "ada")
	s := startServe(t, keys)
	status, _, _ := request(t, http.MethodGet, s.url+"/healthz", strings.Repeat("k", 2*maxHeaderBytes), "")
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status)

	bounds := newServer(http.NotFoundHandler(), quiet().Logger)
	require.Positive(t, bounds.ReadHeaderTimeout)
	require.Greater(t, bounds.ReadTimeout, httpx.DefaultTimeout, "time to read a request: more than the handler takes, so that the handler answers")
	require.Greater(t, bounds.WriteTimeout, bounds.ReadTimeout)
	require.Positive(t, bounds.IdleTimeout)
	require.Greater(t, drainTimeout, httpx.DefaultTimeout, "time to end: more than a request takes")
}

func TestServeLog(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	for _, tt := range []struct {
		flags []string
		has   string // a log with these flags matches it
		lacks string // and contains no such thing
	}{
		{nil, `(?m)^time=\S+ level=INFO .*DELETE`, "{"},
		{[]string{"--log-format", "json"}, `(?m)^\{"time":.*"level":"INFO".*DELETE`, "level="},
		{[]string{"--log-level", "error"}, `^$`, "DELETE"},
	} {
		t.Run(strings.Join(tt.flags, " "), func(t *testing.T) {
			s := startServe(t, keys, tt.flags...)
			request(t, http.MethodDelete, s.url+"/v1/threads", key, "")
			code, _ := s.stop()
			require.Equal(t, exitSuccess, code, s.log)
			require.Regexp(t, tt.has, s.log.String())
			require.NotContains(t, s.log.String(), tt.lacks)
		})
	}
}

func TestServeWarns(t *testing.T) {
	dir := t.TempDir()
	keys, none := filepath.Join(dir, "keys.json"), filepath.Join(dir, "none.json")
	newKey(t, keys, "ada")
	newKey(t, none, "ada")
	skein(t, "keys", "revoke", "--keys", none, keyID(t, none, "ada"))

	s := startServe(t, keys)
	s.stop()
	require.Contains(t, s.log.String(), "kept in memory")
	require.NotContains(t, s.log.String(), "no key that is good")
	require.NotContains(t, s.log.String(), "clear text", "on loopback")

	s = startServe(t, none)
	s.stop()
	require.Contains(t, s.log.String(), "no key that is good")
}

// takenAddress returns an address that something listens on.
func takenAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestServeFailures(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	newKey(t, keys, "ada")
	absent := filepath.Join(dir, "absent.json")
	open := filepath.Join(dir, "open.json")
	newKey(t, open, "ada")
	require.NoError(t, os.Chmod(open, 0o644))
	taken := takenAddress(t)

	tests := []struct {
		name, keys, listen string
		want               []string
	}{
		{"absent keys", absent, "127.0.0.1:0", []string{absent, "skein keys add --keys " + absent + " --user USER"}},
		{"keys that others can read", open, "127.0.0.1:0", []string{"chmod 600 " + open}},
		{"address in use", keys, taken, []string{taken}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.keys == open && runtime.GOOS == "windows" {
				t.Skip("files have no such modes on Windows")
			}
			code, out, errOut := skein(t, "serve", "--store", "memory:", "--keys", tt.keys, "--listen", tt.listen)
			require.Equal(t, exitFailure, code, errOut)
			require.Empty(t, out, "standard output: it never listened")
			for _, want := range tt.want {
				require.Contains(t, errOut, want)
			}
		})
	}
	require.NoFileExists(t, absent)
}

// closing is a store whose Close fails, and counts.
type closing struct {
	threads.Store
	closed *int
}

var errClosing = errors.New("the store failed to close")

func (c closing) Close() error {
	*c.closed++
	return errors.Join(c.Store.Close(), errClosing)
}

func TestStoreIsClosedOnceAndItsErrorIsTold(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, keys, "ada")
	taken := takenAddress(t)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		run  func(storeURL) error
	}{
		{"serve", func(store storeURL) error {
			return serve(done, serveConfig{store: store, keys: keys, listen: "127.0.0.1:0", retention: time.Hour}, io.Discard, io.Discard)
		}},
		{"serve on an address in use", func(store storeURL) error {
			return serve(done, serveConfig{store: store, keys: keys, listen: taken}, io.Discard, io.Discard)
		}},
		{"demo", func(store storeURL) error { return demo(t.Context(), store, io.Discard, io.Discard) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed := 0
			err := tt.run(storeURL{"test:", func() (threads.Store, error) { return closing{memory.New(), &closed}, nil }})
			require.ErrorIs(t, err, errClosing)
			require.Equal(t, 1, closed, "calls of Close")
		})
	}
}

func TestServeFailsWhenItCannotSayWhereItListens(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, keys, "ada")
	log := newTranscript()
	code := run(t.Context(), []string{"serve", "--store", "memory:", "--keys", keys, "--listen", "127.0.0.1:0"}, broken{}, log)
	require.Equal(t, exitFailure, code)
	require.Contains(t, log.String(), "say where it listens")
}
