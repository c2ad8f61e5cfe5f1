package httpx_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

const (
	adaKey = "secret-of-ada"
	bobKey = "secret-of-bob"

	// What goldens are made of: the trace id that is sent, and the time.
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	trace       = "0af7651916cd43dd8448eb211c80319c"
	timestamp   = "2025-12-22T15:30:00Z"
)

// errDirectory is an error of a host's authenticator, with a cause that
// clients must not see.
var errDirectory = errors.New("directory at 10.0.0.7 is down")

// authenticate lets in ada and bob, and fails in every way an authenticator
// can.
func authenticate(r *http.Request) (httpx.Caller, error) {
	switch key := r.Header.Get("X-API-Key"); key {
	case adaKey:
		return httpx.Caller{User: "ada"}, nil
	case bobKey:
		return httpx.Caller{User: "bob"}, nil
	case "":
		return httpx.Caller{}, httpx.ErrNoCredentials
	case "expired":
		return httpx.Caller{}, fmt.Errorf("%w: since yesterday", httpx.ErrExpiredCredentials)
	case "broken":
		return httpx.Caller{}, errDirectory
	case "misleading":
		return httpx.Caller{}, fmt.Errorf("user lookup: %w", threads.ErrNotFound)
	case "nobody":
		return httpx.Caller{}, nil
	case "panics":
		panic("authenticator is broken")
	default:
		return httpx.Caller{}, fmt.Errorf("%w: %d bytes", httpx.ErrBadCredentials, len(key))
	}
}

// fixture is a handler over a store in memory, with its clock, ids and log in
// hand.
type fixture struct {
	http.Handler
	t       testing.TB
	store   *faultyStore
	service *threads.Service
	logs    *logs
}

func newFixture(t testing.TB, options ...func(*httpx.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, store: &faultyStore{Store: memory.New()}, logs: &logs{}}
	f.service = newService(f.store)
	opts := httpx.Options{Logger: slog.New(f.logs), Now: now}
	for _, set := range options {
		set(&opts)
	}
	f.Handler = httpx.New(f.service, httpx.AuthenticatorFunc(authenticate), &opts)
	return f
}

// now is the timestamp.
func now() time.Time {
	return time.Date(2025, 12, 22, 16, 30, 0, 987_654_321, time.FixedZone("elsewhere", 3600))
}

// quiet is the options of a handler whose log is of no interest.
var quiet = &httpx.Options{Logger: slog.New(slog.DiscardHandler)}

// newService makes thrd_1, thrd_2, … and del_1, del_2, …; each look at its
// clock is a second after the last.
func newService(store threads.Store) *threads.Service {
	var ticks, made, deleted atomic.Int64
	start := time.Date(2025, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	return threads.NewService(store, &threads.Options{
		Now:           func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * time.Second) },
		NewThreadID:   func() string { return fmt.Sprintf("thrd_%d", made.Add(1)) },
		NewDeletionID: func() string { return fmt.Sprintf("del_%d", deleted.Add(1)) },
	})
}

// create makes a thread for the user in each of the organizations, "" being
// personal.
func (f *fixture) create(user string, organizations ...string) {
	f.t.Helper()
	for _, organization := range organizations {
		_, err := f.service.Create(context.Background(), user, threads.Draft{Organization: organization})
		require.NoError(f.t, err)
	}
}

func (f *fixture) count(user string, scope threads.Scope) threads.Counts {
	f.t.Helper()
	n, err := f.service.Count(context.Background(), user, scope)
	require.NoError(f.t, err)
	return n
}

// response is an answer, read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends ada's request, with headers "Name: value" added, and no body.
func (f *fixture) do(method, target string, headers ...string) response {
	f.t.Helper()
	return f.send(method, target, "", headers...)
}

// send is do with a body, if there is one. A header without a value is left
// out of the request.
func (f *fixture) send(method, target, body string, headers ...string) response {
	f.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Header.Set("X-API-Key", adaKey)
	r.Header.Set("Traceparent", traceparent)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	answer := serve(f, r)
	f.note(r, body, answer)
	return answer
}

// note writes what was sent and answered to the file that SKEIN_JOURNAL names,
// if there is one, a line of JSON each: apitest holds that to the description
// of the API.
func (f *fixture) note(r *http.Request, body string, answer response) {
	t := f.t
	t.Helper()
	path := os.Getenv("SKEIN_JOURNAL")
	if path == "" {
		return
	}
	line, err := json.Marshal(map[string]any{
		"method": r.Method, "target": r.RequestURI, "header": r.Header, "body": []byte(body),
		"faulty": f.store.before != nil, "status": answer.status, "answer_header": answer.header, "answer_body": []byte(answer.body),
	})
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.Write(append(line, '\n'))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func serve(h http.Handler, r *http.Request) response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return response{w.Code, w.Header(), w.Body.String()}
}

// listen serves the handler on loopback and returns the address.
func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// sendRaw writes the bytes of a request to a new connection and reads the
// answer. Nothing on the way normalises anything.
func sendRaw(t testing.TB, addr, raw string) response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, raw)
	require.NoError(t, err)
	method, _, _ := strings.Cut(raw, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return response{answer.StatusCode, answer.Header, string(body)}
}

// failure is the envelope of an error. Unknown members are refused.
type failure struct {
	Success bool `json:"success"`
	Error   struct {
		Code          string            `json:"code"`
		Message       string            `json:"message"`
		SystemMessage string            `json:"system_message"`
		Type          string            `json:"type"`
		Status        int               `json:"status"`
		Details       map[string]string `json:"details"`
		TraceID       string            `json:"trace_id"`
		Timestamp     string            `json:"timestamp"`
	} `json:"error"`
}

// refused checks that an answer is an error of that status and code, in a
// complete envelope that agrees with the headers, and returns it.
func (r response) refused(t testing.TB, status int, code string) failure {
	t.Helper()
	require.Equal(t, status, r.status, "status; body %s", r.body)
	require.Equal(t, "application/json", r.header.Get("Content-Type"), "Content-Type")
	var f failure
	d := json.NewDecoder(strings.NewReader(r.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&f), "the body is one envelope: %s", r.body)
	require.Equal(t, code, f.Error.Code, "code; body %s", r.body)
	require.Equal(t, status, f.Error.Status, "the status in the envelope is that of the answer")
	require.False(t, f.Success, "success")
	require.NotEmpty(t, f.Error.Message, "message")
	require.NotEmpty(t, f.Error.SystemMessage, "system_message")
	require.NotNil(t, f.Error.Details, "details are there even if empty")
	require.Equal(t, r.header.Get("Trace-Id"), f.Error.TraceID, "trace_id is that of the header")
	require.Equal(t, timestamp, f.Error.Timestamp, "timestamp is Options.Now in UTC, in whole seconds")
	require.Regexp(t, `^\{"success":false,"error":\{"code":.*,"message":.*,"system_message":.*,"type":.*,"status":.*,"details":.*,"trace_id":.*,"timestamp":"[^"]*"\}\}$`,
		r.body, "the members are in their order, with nothing after")
	return f
}

// decode reads a body that is a success.
func decode[T any](t testing.TB, r response, status int) T {
	t.Helper()
	require.Equal(t, status, r.status, "status; body %s", r.body)
	var v T
	d := json.NewDecoder(strings.NewReader(r.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), "body %s", r.body)
	return v
}

// faultyStore is a store that can be told to do something else first, and
// fail if that fails.
type faultyStore struct {
	threads.Store
	before func(ctx context.Context, method string) error
}

func (s *faultyStore) fail(ctx context.Context, method string) error {
	if s.before == nil {
		return nil
	}
	return s.before(ctx, method)
}

func (s *faultyStore) Create(ctx context.Context, user string, t threads.Thread) error {
	if err := s.fail(ctx, "Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, user, t)
}

func (s *faultyStore) Get(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
	if err := s.fail(ctx, "Get"); err != nil {
		return threads.Thread{}, err
	}
	return s.Store.Get(ctx, user, id, state)
}

func (s *faultyStore) Update(ctx context.Context, user string, t threads.Thread) error {
	if err := s.fail(ctx, "Update"); err != nil {
		return err
	}
	return s.Store.Update(ctx, user, t)
}

func (s *faultyStore) List(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
	if err := s.fail(ctx, "List"); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, user, q, after, limit)
}

func (s *faultyStore) Count(ctx context.Context, user string, scope threads.Scope) (threads.Counts, error) {
	if err := s.fail(ctx, "Count"); err != nil {
		return threads.Counts{}, err
	}
	return s.Store.Count(ctx, user, scope)
}

func (s *faultyStore) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	if err := s.fail(ctx, "SoftDeleteAll"); err != nil {
		return threads.Deletion{}, err
	}
	return s.Store.SoftDeleteAll(ctx, user, d)
}

func (s *faultyStore) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	if err := s.fail(ctx, "Delete"); err != nil {
		return threads.Deletion{}, err
	}
	return s.Store.Delete(ctx, user, id, d)
}

func (s *faultyStore) Restore(ctx context.Context, user, deletion string, at time.Time) (int64, error) {
	if err := s.fail(ctx, "Restore"); err != nil {
		return 0, err
	}
	return s.Store.Restore(ctx, user, deletion, at)
}

// logs is a [slog.Handler] that keeps every line, as JSON.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { panic("not used") }
func (l *logs) WithGroup(string) slog.Handler            { panic("not used") }

func (l *logs) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slog.NewJSONHandler(&l.text, nil).Handle(ctx, r)
}

// take returns the lines so far, and forgets them.
func (l *logs) take(t testing.TB) (lines []map[string]any, text string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	text = l.text.String()
	l.text.Reset()
	for line := range strings.Lines(text) {
		var attrs map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &attrs))
		lines = append(lines, attrs)
	}
	return lines, text
}
