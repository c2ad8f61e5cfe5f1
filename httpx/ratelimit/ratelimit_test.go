package ratelimit_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/ratelimit"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// clock is a time that goes on when told to. It is safe for concurrent use.
type clock struct{ since atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC).Add(time.Duration(c.since.Load()))
}

func (c *clock) wait(d time.Duration) { c.since.Add(int64(d)) }

func newLimiter(perSecond float64, burst int) (*ratelimit.Limiter, *clock) {
	c := &clock{}
	return ratelimit.New(&ratelimit.Options{PerSecond: perSecond, Burst: burst, Now: c.now}), c
}

// take makes n requests and returns how many of them are allowed.
func take(l *ratelimit.Limiter, user string, n int) (allowed int) {
	for range n {
		if _, ok := l.Allow(user); ok {
			allowed++
		}
	}
	return allowed
}

func TestAllow(t *testing.T) {
	t.Run("a burst, and then the rate", func(t *testing.T) {
		l, clock := newLimiter(2, 5)
		require.Equal(t, 5, take(l, "ada", 20), "at once")
		for range 10 {
			clock.wait(time.Second)
			require.Equal(t, 2, take(l, "ada", 20), "a second later")
		}
		clock.wait(time.Hour)
		require.Equal(t, 5, take(l, "ada", 20), "after a long time, no more than a burst")
	})

	t.Run("each user has a bucket of their own", func(t *testing.T) {
		l, _ := newLimiter(1, 3)
		require.Equal(t, 3, take(l, "ada", 10))
		require.Equal(t, 3, take(l, "ben", 10))
		require.Equal(t, 0, take(l, "ada", 10))
	})

	t.Run("by default it allows a second's requests", func(t *testing.T) {
		now := time.Now()
		for _, opts := range []*ratelimit.Options{{Now: func() time.Time { return now }}, {Now: func() time.Time { return now }, PerSecond: 19.5}} {
			require.Equal(t, ratelimit.DefaultPerSecond, take(ratelimit.New(opts), "ada", 100))
		}
		_, ok := ratelimit.New(nil).Allow("ada")
		require.True(t, ok)
		require.Equal(t, 1, take(ratelimit.New(&ratelimit.Options{PerSecond: 0.01, Now: func() time.Time { return now }}), "ada", 100), "at least one")
	})

	t.Run("many at once get no more than the burst", func(t *testing.T) {
		l, clock := newLimiter(1, 50)
		for range 3 { // also when the users were forgotten meanwhile
			var allowed [4]atomic.Int64
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() { allowed[i%4].Add(int64(take(l, fmt.Sprint(i%4), 40))) })
			}
			wg.Wait()
			for i := range allowed {
				require.EqualValues(t, 50, allowed[i].Load(), "user %d", i)
			}
			clock.wait(50 * time.Second)
		}
	})
}

// Whatever the rate, who waits as long as was said is let in, and who comes
// earlier is not.
func TestWait(t *testing.T) {
	for _, perSecond := range []float64{0.001, 1.0 / 3, 1, 3, 7.3, 60, 999, 1e6} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			l, clock := newLimiter(perSecond, 3)
			random := rand.New(rand.NewPCG(1, 2))
			for range 1000 {
				clock.wait(time.Duration(random.Float64() * float64(time.Second) / perSecond))
				take(l, "ada", 4)
				wait, ok := l.Allow("ada")
				require.False(t, ok)
				require.Positive(t, wait)
				require.LessOrEqual(t, float64(wait), float64(time.Second)/perSecond+1, "time for more than one token")
				again, ok := l.Allow("ada")
				require.False(t, ok)
				require.Equal(t, wait, again, "a refused request takes nothing")
				if early := wait / 2; early > 2 { // the arithmetic rounds nanoseconds
					clock.wait(early)
					_, ok = l.Allow("ada")
					require.False(t, ok, "after half of the wait of %s", wait)
					wait -= early
				}
				clock.wait(wait)
				_, ok = l.Allow("ada")
				require.True(t, ok, "after the rest of the wait")
			}
		})
	}
}

func TestItForgets(t *testing.T) {
	l, clock := newLimiter(10, 10) // a bucket is full after a second
	t.Run("users whose buckets are full", func(t *testing.T) {
		for i := range 10_000 { // 100 a second
			clock.wait(10 * time.Millisecond)
			take(l, fmt.Sprint("user ", i), 1)
			require.LessOrEqual(t, l.Held(), 200, "users of the last two seconds")
		}
	})
	t.Run("and no others", func(t *testing.T) {
		for i := range 200 {
			require.Equal(t, 10, take(l, "ada", 20), "a full bucket")
			for range 9 { // through every part of a turn
				clock.wait(100 * time.Millisecond)
				take(l, fmt.Sprint("other ", i), 1)
				require.Equal(t, 1, take(l, "ada", 20), "a token every tenth of a second, whoever else comes")
			}
			clock.wait(time.Second + 7*time.Millisecond)
		}
	})
	t.Run("everybody, when nobody has come for long", func(t *testing.T) {
		for range 2 {
			clock.wait(time.Hour)
			take(l, "ada", 1)
		}
		require.Equal(t, 1, l.Held())
	})
}

// A limiter that forgets is the same as one that does not.
func TestForgettingIsNotSeen(t *testing.T) {
	forgets, clock := newLimiter(5, 20) // four seconds
	remembers := map[string]*ratelimit.Limiter{}
	random := rand.New(rand.NewPCG(3, 4))
	for step := range 20_000 {
		clock.wait(time.Duration(random.IntN(500)) * time.Millisecond)
		user := fmt.Sprint(random.IntN(8))
		if remembers[user] == nil {
			remembers[user] = ratelimit.New(&ratelimit.Options{PerSecond: 5, Burst: 20, Now: clock.now})
		}
		n := random.IntN(30)
		require.Equal(t, take(remembers[user], user, n), take(forgets, user, n), "of %d requests of user %s at step %d", n, user, step)
	}
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		opts ratelimit.Options
		want string // empty: valid
	}{
		{ratelimit.Options{}, ""},
		{ratelimit.Options{PerSecond: 0.5}, ""},
		{ratelimit.Options{PerSecond: 1e6, Burst: 1e9}, ""},
		{ratelimit.Options{PerSecond: 1.0 / 86400}, ""},
		{ratelimit.Options{PerSecond: -1}, "the rate must be"},
		{ratelimit.Options{PerSecond: math.NaN()}, "the rate must be"},
		{ratelimit.Options{PerSecond: math.Inf(1)}, "the rate must be"},
		{ratelimit.Options{PerSecond: 1e6 + 1}, "the rate must be"},
		{ratelimit.Options{Burst: -1}, "the burst must be at least 1"},
		{ratelimit.Options{PerSecond: 1e-300}, "the burst must be at most"},
		{ratelimit.Options{PerSecond: 1, Burst: 86401}, "the burst must be at most"},
	} {
		err := row.opts.Validate()
		if row.want == "" {
			require.NoError(t, err, "%+v", row.opts)
			require.NotPanics(t, func() { ratelimit.New(&row.opts) })
			continue
		}
		require.ErrorContains(t, err, row.want, "%+v", row.opts)
		require.PanicsWithValue(t, "ratelimit: "+err.Error(), func() { ratelimit.New(&row.opts) })
	}
}

func TestOverHTTP(t *testing.T) {
	l, clock := newLimiter(0.1, 2)
	service := threads.NewService(memory.New(), nil)
	auth := httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		switch user := r.Header.Get("X-User"); user {
		case "":
			return httpx.Caller{}, httpx.ErrNoCredentials
		default:
			return httpx.Caller{User: user}, nil
		}
	})
	server := httptest.NewServer(httpx.New(service, auth, &httpx.Options{Limiter: l, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	_, err := service.Create(t.Context(), "ada", threads.Draft{})
	require.NoError(t, err)
	send := func(method, path, user string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		require.NoError(t, err)
		if user != "" {
			r.Header.Set("X-User", user)
		}
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, response.Header, string(body)
	}

	for range 5 {
		status, _, _ := send(http.MethodGet, "/v1/threads", "")
		require.Equal(t, http.StatusUnauthorized, status, "who is not let in is not counted")
	}
	status, _, _ := send(http.MethodGet, "/v1/threads", "ada")
	require.Equal(t, http.StatusOK, status)
	status, _, _ = send(http.MethodGet, "/v1/threads?nonsense=1", "ada")
	require.Equal(t, http.StatusBadRequest, status, "a refused request counts")

	clock.wait(500 * time.Millisecond)
	status, header, body := send(http.MethodDelete, "/v1/threads", "ada")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "10", header.Get("Retry-After"), "9.5 seconds, rounded up")
	require.Equal(t, "application/json", header.Get("Content-Type"))
	var refused struct {
		Success *bool
		Error   map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(body), &refused))
	require.NotNil(t, refused.Success)
	require.False(t, *refused.Success)
	require.Len(t, refused.Error, 8, "members of the envelope")
	require.Equal(t, "RATE_LIMIT_EXCEEDED", refused.Error["code"])
	require.Equal(t, "rate_limit_error", refused.Error["type"])
	require.EqualValues(t, 429, refused.Error["status"])
	require.Equal(t, header.Get("Trace-Id"), refused.Error["trace_id"])
	n, err := service.Count(t.Context(), "ada", threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 1}, n, "a delete that came too soon deletes nothing")

	status, _, _ = send(http.MethodGet, "/v1/threads", "ben")
	require.Equal(t, http.StatusOK, status, "another user")
	clock.wait(10 * time.Second) // as Retry-After said
	status, _, body = send(http.MethodDelete, "/v1/threads", "ada")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, body)
}
