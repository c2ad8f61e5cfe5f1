package lab

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/threads"
)

// TestNoGoroutineIsLeftBehind uses every store with every option, from many
// goroutines and with calls that are cancelled, under retention and behind the
// HTTP handler, closes it, and looks for goroutines that are still there.
func TestNoGoroutineIsLeftBehind(t *testing.T) {
	for _, k := range optionKinds {
		t.Run(strings.ReplaceAll(k.name, " ", "_"), func(t *testing.T) {
			own := goleak.IgnoreCurrent()
			store, err := k.open(t.Context(), t.TempDir())
			require.NoError(t, err)
			for _, seed := range seeds(t, 2, 20) {
				playTogether(t.Context(), seed, store)
			}
			svc := threads.NewService(store, nil)
			answered := serve(t, svc)
			retainABit(t, svc, store)
			require.NoError(t, store.Close())
			goleak.VerifyNone(t, own)
			record(t, results.Result{Fault: "goroutines after Close" + k.options(), Store: k.engine(), Runs: 1, Outcomes: map[string]int{"none left; requests answered": answered}})
		})
	}
}

// retainABit runs retention until it has purged something.
func retainABit(t *testing.T, svc *threads.Service, store threads.Store) {
	t.Helper()
	populate(t, store, hostage)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := svc.Retain(ctx, threads.Retention{Keep: time.Second, Report: func(string, threads.PurgeResult, error) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
}

// serve answers requests of several clients at once, some of which go away
// before they are answered, and shuts the server down. It returns how many were
// answered.
func serve(t *testing.T, svc *threads.Service) (answered int) {
	t.Helper()
	auth := httpx.AuthenticatorFunc(func(*http.Request) (httpx.Caller, error) { return httpx.Caller{User: hostage}, nil })
	server := httptest.NewServer(httpx.New(svc, auth, &httpx.Options{Logger: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	var crowd sync.WaitGroup
	var mu sync.Mutex
	for range 4 {
		crowd.Go(func() {
			for i := range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				method, path, body := http.MethodGet, "/v1/threads", ""
				switch i % 5 {
				case 0:
					method, body = http.MethodPost, `{"title":"x"}`
				case 1:
					method = http.MethodDelete
				case 2:
					path = "/v1/deletions"
				}
				r, err := http.NewRequestWithContext(ctx, method, server.URL+path, strings.NewReader(body))
				if err != nil {
					t.Error(err)
				}
				r.Header.Set("Content-Type", "application/json")
				if i%5 == 3 {
					go cancel()
				}
				answer, err := client.Do(r)
				if err == nil {
					err = answer.Body.Close()
					mu.Lock()
					answered++
					mu.Unlock()
				}
				if err != nil && ctx.Err() == nil {
					t.Errorf("%s %s = %v; want an answer", method, path, err)
				}
				cancel()
			}
		})
	}
	crowd.Wait()
	return answered
}

// TestAGoroutineLeftBehindIsFound is the control of the test above.
func TestAGoroutineLeftBehindIsFound(t *testing.T) {
	own, stop := goleak.IgnoreCurrent(), make(chan struct{})
	go func() { <-stop }()
	require.Error(t, goleak.Find(own))
	close(stop)
	goleak.VerifyNone(t, own)
	record(t, results.Result{Fault: "a goroutine left behind on purpose", Store: "memory", Runs: 1, Controls: map[string]int{"found": 1}})
}
