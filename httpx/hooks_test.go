package httpx_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
)

func TestLimiter(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "")
	asked := map[string]int{}
	limited := newFixture(t, func(o *httpx.Options) {
		o.Limiter = limiterFunc(func(user string) (time.Duration, bool) {
			asked[user]++
			return 1500 * time.Millisecond, asked[user] <= 2
		})
	})
	for range 2 {
		require.Equal(t, 200, limited.do("GET", "/v1/threads").status)
	}
	r := limited.do("DELETE", "/v1/threads")
	got := r.refused(t, 429, "RATE_LIMIT_EXCEEDED")
	require.Equal(t, "rate_limit_error", got.Error.Type)
	require.Equal(t, "2", r.header.Get("Retry-After"), "rounded up")
	require.Equal(t, 200, limited.do("GET", "/v1/threads", "X-API-Key: "+bobKey).status, "another user has a bound of its own")
	limited.do("GET", "/v1/threads", "X-API-Key: wrong").refused(t, 401, "INVALID_API_KEY")
	require.Equal(t, map[string]int{"ada": 3, "bob": 1}, asked, "only who is known is counted")
}

func TestObserve(t *testing.T) {
	var seen []string
	f := newFixture(t, func(o *httpx.Options) {
		o.Observe = func(_ context.Context, s httpx.Served) {
			seen = append(seen, fmt.Sprintf("%s %s %d %s %s", s.Method, s.Route, s.Status, s.User, s.Class))
			require.Equal(t, trace, s.TraceID)
		}
	})
	f.create("ada", "")
	f.do("GET", "/v1/threads/thrd_1")
	f.do("GET", "/v1/threads/thrd_9")
	f.do("BREW", "/v1/threads")
	f.do("GET", "/v1/secrets")
	f.do("GET", "/v1/threads", "X-API-Key: wrong")
	f.do("GET", "/v1/threads", "X-API-Key: panics")
	require.Equal(t, []string{
		"GET /v1/threads/{id} 200 ada ",
		"GET /v1/threads/{id} 404 ada not_found",
		"  405  method",
		"  404  no_route",
		"GET /v1/threads 401  bad_credentials",
		"GET /v1/threads 500  panic",
	}, seen, "methods and paths that anyone can make up are not in it")
}

type limiterFunc func(string) (time.Duration, bool)

func (f limiterFunc) Allow(user string) (time.Duration, bool) { return f(user) }
