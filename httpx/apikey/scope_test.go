package apikey_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// call sends a request with the secret to a handler.
func call(h http.Handler, method, target, secret string) (status int, body string) {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("X-API-Key", secret)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// A key opens what its scope says, and no more, however it is asked.
func TestScope(t *testing.T) {
	a, b, personal := threads.InOrganization("org_a"), threads.InOrganization("org_b"), threads.Personal()
	for _, row := range []struct {
		scope    threads.Scope
		inA      int    // status in org_a
		inB      int    // and in org_b
		deleted  string // by a delete of everything, of two threads each in org_a, org_b and none
		livesOn  threads.Scope
		livesOnN int64
	}{
		{threads.All(), 200, 200, "6", threads.All(), 0},
		{a, 200, 403, "2", threads.Union(b, personal), 4},
		{personal, 403, 403, "2", threads.Union(a, b), 4},
		{threads.Union(a, personal), 200, 403, "4", b, 2},
		{threads.Union(a, b), 200, 200, "4", personal, 2},
		{threads.InOrganization("org_c"), 403, 403, "0", threads.All(), 6},
	} {
		t.Run(row.scope.String(), func(t *testing.T) {
			f, path := create(t)
			secret, _, err := f.Add("ada", row.scope, never, now)
			require.NoError(t, err)
			for name, file := range map[string]*apikey.File{"made": f, "read": open(t, path)} {
				service := threads.NewService(memory.New(), nil)
				h := httpx.New(service, file, &httpx.Options{Logger: slog.New(slog.DiscardHandler)})
				for _, organization := range []string{"org_a", "org_a", "org_b", "org_b", "", ""} {
					_, err := service.Create(t.Context(), "ada", threads.Draft{Organization: organization})
					require.NoError(t, err)
				}
				for organization, want := range map[string]int{"org_a": row.inA, "org_b": row.inB} {
					status, body := call(h, "GET", "/v1/threads?organization_id="+organization, secret)
					require.Equal(t, want, status, "%s: list in %s: %s", name, organization, body)
					if want == 200 {
						continue // it is deleted below, with the rest
					}
					status, body = call(h, "DELETE", "/v1/threads?organization_id="+organization, secret)
					require.Equal(t, want, status, "%s: delete in %s: %s", name, organization, body)
				}
				status, body := call(h, "DELETE", "/v1/threads", secret)
				require.Equal(t, 200, status, "%s: %s", name, body)
				require.Contains(t, body, `{"deleted":`+row.deleted+`,`, name)
				n, err := service.Count(t.Context(), "ada", row.livesOn)
				require.NoError(t, err)
				require.Equal(t, row.livesOnN, n.Live, "%s: what the key is not for", name)
			}
		})
	}
}
