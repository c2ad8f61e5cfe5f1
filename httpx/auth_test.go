package httpx_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func TestAuthentication(t *testing.T) {
	for key, code := range map[string]string{
		"":        "AUTHENTICATION_REQUIRED",
		"wrong":   "INVALID_API_KEY",
		"expired": "API_KEY_EXPIRED",
	} {
		t.Run(code+" is 401 with a challenge", func(t *testing.T) {
			f := newFixture(t)
			f.create("ada", "org_a")
			for _, method := range []string{"DELETE", "GET", "POST"} {
				r := f.do(method, "/v1/threads", "X-API-Key: "+key)
				got := r.refused(t, 401, code)
				require.Equal(t, "authentication_error", got.Error.Type)
				require.Equal(t, httpx.DefaultChallenge, r.header.Get("WWW-Authenticate"))
			}
			require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
		})
	}

	for _, key := range []string{"broken", "misleading", "nobody", "panics"} {
		t.Run("an authenticator that is "+key+" is 500, whatever the class of its error", func(t *testing.T) {
			f := newFixture(t)
			r := f.do("DELETE", "/v1/threads", "X-API-Key: "+key)
			r.refused(t, 500, "INTERNAL_ERROR")
			require.NotContains(t, r.header, "Www-Authenticate")
			require.NotContains(t, r.body, errDirectory.Error())
		})
	}

	t.Run("an authenticator says its own challenge", func(t *testing.T) {
		h := httpx.New(newService(memory.New()), bearer{}, quiet)
		r := serve(h, mustRequest(t, "DELETE", "/v1/threads"))
		require.Equal(t, 401, r.status)
		require.Equal(t, `Bearer realm="example"`, r.header.Get("WWW-Authenticate"))
	})

	t.Run("an authenticator has the time of the request, and no more", func(t *testing.T) {
		auth := httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
			<-r.Context().Done()
			return httpx.Caller{}, fmt.Errorf("directory: %w", r.Context().Err())
		})
		h := httpx.New(newService(memory.New()), auth, &httpx.Options{Logger: quiet.Logger, Timeout: time.Millisecond})
		require.Equal(t, 503, serve(h, mustRequest(t, "DELETE", "/v1/threads")).status)
	})

	t.Run("an authenticator whose own time was up is 500", func(t *testing.T) {
		auth := httpx.AuthenticatorFunc(func(*http.Request) (httpx.Caller, error) {
			return httpx.Caller{}, context.DeadlineExceeded
		})
		h := httpx.New(newService(memory.New()), auth, quiet)
		require.Equal(t, 500, serve(h, mustRequest(t, "DELETE", "/v1/threads")).status)
	})
}

// bearer is a host's authenticator that lets nobody in.
type bearer struct{}

func (bearer) Authenticate(*http.Request) (httpx.Caller, error) {
	return httpx.Caller{}, httpx.ErrNoCredentials
}
func (bearer) Challenge() string { return `Bearer realm="example"` }

// mustRequest is a request as a host might make it by hand: without
// RequestURI, and without a body at all.
func mustRequest(t testing.TB, method, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	require.NoError(t, err)
	return r
}
