package apitest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// namedStore is a kind of store, each made anew.
type namedStore struct {
	name string
	open func(testing.TB) threads.Store
}

// stores is every kind of store there is.
var stores = []namedStore{
	{"memory", func(testing.TB) threads.Store { return memory.New() }},
	{"bolt", func(t testing.TB) threads.Store {
		store, err := bolt.Open(context.Background(), filepath.Join(t.TempDir(), "threads.db"), nil)
		require.NoError(t, err)
		return store
	}},
	{"sqlite", func(t testing.TB) threads.Store {
		store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "threads.db"), nil)
		require.NoError(t, err)
		return store
	}},
}

// ring is the API keys of every kind, in a file, and what their callers may
// act on. It is the Authenticator of a host whose users act in organizations.
type ring struct {
	file   *apikey.File
	scopes map[string]threads.Scope // by the secret; absent: all
}

func newRing(t testing.TB) *ring {
	t.Helper()
	file, err := apikey.Create(filepath.Join(t.TempDir(), "keys.json"))
	require.NoError(t, err)
	return &ring{file, map[string]threads.Scope{}}
}

// add makes a key; the zero Scope is all.
func (k *ring) add(t testing.TB, user string, scope threads.Scope) (secret string) {
	t.Helper()
	secret, _, err := k.file.Add(user, threads.All(), time.Time{}, time.Now())
	require.NoError(t, err)
	k.scopes[secret] = scope
	return secret
}

func (k *ring) addExpired(t testing.TB, user string) (secret string) {
	t.Helper()
	secret, _, err := k.file.Add(user, threads.All(), time.Now().Add(-time.Hour), time.Now().Add(-2*time.Hour))
	require.NoError(t, err)
	return secret
}

func (k *ring) addRevoked(t testing.TB, user string) (secret string) {
	t.Helper()
	secret, key, err := k.file.Add(user, threads.All(), time.Time{}, time.Now())
	require.NoError(t, err)
	require.NoError(t, k.file.Revoke(key.ID, time.Now()))
	return secret
}

func (k *ring) Challenge() string { return k.file.Challenge() }

func (k *ring) Authenticate(r *http.Request) (httpx.Caller, error) {
	caller, err := k.file.Authenticate(r)
	if err == nil {
		caller.Scope = k.scopes[r.Header.Get("X-API-Key")]
	}
	return caller, err
}

// world is a server on loopback over a store, whose clock and ids are the
// test's. Each look at the clock is a second after the last.
type world struct {
	t                      testing.TB
	service                *threads.Service
	checker                *checker
	now                    time.Time
	nextThread, nextDelete string // the next ids
	addr                   string
	conn                   net.Conn // nil: none is open
	reader                 *bufio.Reader
}

func newWorld(t testing.TB, c *checker, store threads.Store, keys *ring) *world {
	t.Helper()
	w := &world{t: t, checker: c, now: time.Date(2025, 1, 2, 3, 4, 5, 678_901_000, time.UTC)}
	w.service = threads.NewService(store, &threads.Options{
		Now:           func() time.Time { w.now = w.now.Add(time.Second); return w.now },
		NewThreadID:   func() string { return w.nextThread },
		NewDeletionID: func() string { return w.nextDelete },
	})
	still := time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC)
	server := httptest.NewServer(httpx.New(w.service, keys, &httpx.Options{
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return still },
	}))
	w.addr = server.Listener.Addr().String()
	t.Cleanup(func() {
		w.hangUp()
		server.Close()
		require.NoError(t, store.Close())
	})
	return w
}

func (w *world) hangUp() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// message is a request as it goes over the wire. Nothing on the way
// normalises anything.
type message struct {
	method, target string
	headers        []string // "Name: value"
	body           string
}

func (m message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", m.method, m.target)
	for _, line := range m.headers {
		b.WriteString(line + "\r\n")
	}
	if m.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.body))
	}
	return b.String() + "\r\n" + m.body
}

// request is the message as a server reads it.
func (m message) request() (*http.Request, error) {
	return http.ReadRequest(bufio.NewReader(strings.NewReader(m.String())))
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request and holds the answer to the description; and, if it is
// a success, the request too: what is accepted is described. An answer of
// net/http itself, to what it cannot read, has status 0.
func (w *world) send(m message) reply {
	w.t.Helper()
	got := w.exchange(m)
	r, err := m.request()
	if err != nil || got.header.Get("Trace-Id") == "" {
		require.Equal(w.t, 400, got.status, "only what cannot be read is answered by net/http itself; %q", m)
		require.True(w.t, strings.HasPrefix(got.body, "400 Bad Request"), "%q = %q", m, got.body)
		return reply{}
	}
	require.NoError(w.t, w.checker.answer(r, got.status, got.header, []byte(got.body)), "the answer to %q: %d %v %s", m, got.status, got.header, got.body)
	if got.status < 300 {
		require.NoError(w.t, w.checker.request(r, []byte(m.body)), "%q is accepted", m)
	}
	return got
}

// exchange writes the bytes of a request to the connection and reads the
// answer.
func (w *world) exchange(m message) reply {
	w.t.Helper()
	if w.conn == nil {
		conn, err := net.Dial("tcp", w.addr)
		require.NoError(w.t, err)
		w.conn, w.reader = conn, bufio.NewReader(conn)
	}
	require.NoError(w.t, w.conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err := io.WriteString(w.conn, m.String())
	require.NoError(w.t, err)
	answer, err := http.ReadResponse(w.reader, &http.Request{Method: m.method})
	require.NoError(w.t, err, "the answer to %q", m)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	if answer.Close || w.reader.Buffered() > 0 { // what comes now answers nothing that was asked
		w.hangUp()
	}
	answer.Header.Del("Date")
	return reply{answer.StatusCode, answer.Header, string(bytes.Clone(body))}
}

// possessions is all there is of a user.
type possessions struct {
	Threads   []threads.Thread
	Deletions []threads.Deletion
}

func (w *world) possessions(user string) (p possessions) {
	w.t.Helper()
	for t, err := range w.service.All(context.Background(), user, threads.Query{Scope: threads.All(), State: threads.Both}) {
		require.NoError(w.t, err)
		p.Threads = append(p.Threads, t)
	}
	page := threads.Paging{Limit: threads.MaxPage}
	for more := true; more; {
		found, err := w.service.Deletions(context.Background(), user, page)
		require.NoError(w.t, err)
		p.Deletions = append(p.Deletions, found.Deletions...)
		if more = found.HasMore; more {
			page.After = p.Deletions[len(p.Deletions)-1].Cursor()
		}
	}
	return p
}
