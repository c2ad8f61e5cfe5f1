package apitest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// noStore does nothing, successfully, and lists the same page each time: what
// a handler over it costs is what HTTP costs.
type noStore struct {
	threads.Store // nil: nothing else is called
	page          []threads.Thread
}

func (s noStore) Create(context.Context, string, threads.Thread) error { return nil }

func (s noStore) List(_ context.Context, _ string, _ threads.Query, _ threads.Cursor, limit int) ([]threads.Thread, error) {
	return s.page[:min(limit, len(s.page))], nil
}

func (s noStore) SoftDeleteAll(_ context.Context, _ string, d threads.Deletion) (threads.Deletion, error) {
	record, _ := d.OfAll(1)
	return record, nil
}

func (s noStore) Close() error { return nil }

// pageSize is how many threads the user has whose threads are listed; a page
// holds 20.
const pageSize = 100

func openNoStore(testing.TB) threads.Store {
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	s := noStore{}
	for i := range pageSize {
		s.page = append(s.page, threads.Thread{
			ID: fmt.Sprintf("thrd_%032d", i), User: "lister", Title: "Travel plans", Organization: "org_a", Metadata: map[string]string{"topic": "travel"},
			CreatedAt: at, UpdatedAt: at, LastActivityAt: at, Version: 1,
		})
	}
	return s
}

// BenchmarkHTTP sends requests over loopback, from 8 clients at once, to the
// same handler over each store and over one that does nothing. It reports how
// many requests a second there were and what 99 in 100 took at most.
func BenchmarkHTTP(b *testing.B) {
	for _, store := range append(slices.Clone(stores), namedStore{"none", openNoStore}) {
		draft := threads.Draft{Title: "Travel plans", Organization: "org_a", Metadata: map[string]string{"topic": "travel"}}
		b.Run("create/"+store.name, func(b *testing.B) {
			s := newBenchServer(b, store.open(b))
			s.measure(b, func(int) (*http.Request, int) {
				r := s.request(http.MethodPost, "/v1/threads", "creator",
					`{"organization_id":"org_a","title":"Travel plans","metadata":{"topic":"travel"}}`)
				r.Header.Set("Content-Type", "application/json")
				return r, http.StatusCreated
			})
		})
		b.Run("list/"+store.name, func(b *testing.B) {
			s := newBenchServer(b, store.open(b))
			s.create(b, pageSize, draft, func(int) string { return "lister" })
			s.measure(b, func(int) (*http.Request, int) {
				return s.request(http.MethodGet, "/v1/threads?visible_in_ui=any", "lister", ""), http.StatusOK
			})
		})
		b.Run("delete-all/"+store.name, func(b *testing.B) {
			s := newBenchServer(b, store.open(b))
			user := func(i int) string { return fmt.Sprint("user-", i) }
			s.create(b, b.N, draft, user) // each has one to delete, so that each delete is a commit
			s.measure(b, func(i int) (*http.Request, int) {
				return s.request(http.MethodDelete, "/v1/threads", user(i), ""), http.StatusOK
			})
		})
	}
}

const clients = 8

// benchServer is a server on loopback whose keys are the names of users.
type benchServer struct {
	service *threads.Service
	url     string
	client  *http.Client
}

func newBenchServer(b *testing.B, store threads.Store) *benchServer {
	b.Helper()
	s := &benchServer{service: threads.NewService(store, nil)}
	authenticate := func(r *http.Request) (httpx.Caller, error) { return httpx.Caller{User: r.Header.Get("X-API-Key")}, nil }
	server := httptest.NewServer(httpx.New(s.service, httpx.AuthenticatorFunc(authenticate), &httpx.Options{Logger: slog.New(slog.DiscardHandler)}))
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	s.url, s.client = server.URL, &http.Client{Transport: transport}
	b.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		require.NoError(b, store.Close())
	})
	return s
}

func (s *benchServer) request(method, target, user, body string) *http.Request {
	r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("X-API-Key", user)
	return r
}

// create makes so many threads, by the service.
func (s *benchServer) create(b *testing.B, many int, d threads.Draft, user func(int) string) {
	b.Helper()
	s.each(many, func(i int) {
		_, err := s.service.Create(context.Background(), user(i), d)
		if err != nil {
			b.Error(err)
		}
	})
}

// each calls f for every number below many, from as many goroutines as there
// are clients.
func (s *benchServer) each(many int, f func(int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= many {
					return
				}
				f(i)
			}
		})
	}
	group.Wait()
}

// measure sends b.N requests.
func (s *benchServer) measure(b *testing.B, request func(int) (r *http.Request, status int)) {
	b.Helper()
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	s.each(b.N, func(i int) {
		r, want := request(i)
		start := time.Now()
		answer, err := s.client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		took[i] = time.Since(start)
		if err != nil || answer.StatusCode != want {
			b.Errorf("%s %s = %d %s, %v; want %d", r.Method, r.URL, answer.StatusCode, body, err, want)
		}
	})
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(took[(len(took)-1)*99/100].Microseconds()), "p99-µs")
}
