package httpx_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// restricted is the fixture's handler for ada, who may act in that scope
// alone.
func (f *fixture) restricted(scope threads.Scope) *fixture {
	g := *f
	g.Handler = httpx.New(f.service, httpx.AuthenticatorFunc(func(*http.Request) (httpx.Caller, error) {
		return httpx.Caller{User: "ada", Scope: scope}, nil
	}), quiet)
	return &g
}

// A place in a list is looked up like anything else: what the caller may not
// act on is a 403 there too.
func TestPlacesOfWhatTheCallerMayNotActOn(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_b", "org_b")
	require.Equal(t, 204, f.do("DELETE", "/v1/threads/thrd_1").status)
	require.Equal(t, 204, f.do("DELETE", "/v1/threads/thrd_2").status)
	inA := f.restricted(threads.InOrganization("org_a"))
	for target, status := range map[string]int{
		"/v1/deletions?after=del_1":                200,
		"/v1/deletions?after=del_2":                403,
		"/v1/deletions?before=del_2":               403,
		"/v1/deletions?after=del_9":                422,
		"/v1/threads?after=thrd_1":                 200,
		"/v1/threads?after=thrd_2":                 403,
		"/v1/threads?before=thrd_3":                403,
		"/v1/threads?after=thrd_9":                 422,
		"/v1/deletions/del_1/threads?after=thrd_3": 403,
	} {
		require.Equal(t, status, inA.do("GET", target).status, target)
	}
}

// A page is bounded for every caller.
func TestLimitsOfWhoMayActInSomeOrganizations(t *testing.T) {
	f := newFixture(t)
	inA := f.restricted(threads.InOrganization("org_a"))
	for _, target := range []string{"/v1/deletions", "/v1/threads"} {
		for _, limit := range []string{"-1", "0", "101", "1000000"} {
			r := inA.do("GET", target+"?limit="+limit)
			require.Equal(t, 422, r.status, "GET %s?limit=%s", target, limit)
			require.Equal(t, f.do("GET", target+"?limit="+limit).refused(t, 422, "VALIDATION_ERROR").Error.SystemMessage, "Invalid limit format. Must be between 1 and 100")
		}
	}
}
