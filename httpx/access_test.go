package httpx_test

import (
	"log/slog"
	"net/http"
	"strings"
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
	}), &httpx.Options{Logger: slog.New(f.logs), Now: now})
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

// A caller who may act in some organizations finds those deletions that were
// of nothing else, page by page.
func TestDeletionsOfACallerWithSomeOrganizations(t *testing.T) {
	f := newFixture(t)
	inA := f.restricted(threads.Union(threads.InOrganization("org_a"), threads.Personal()))
	for i := range 6 {
		f.create("ada", "org_a", "org_b", "")
		switch i % 3 {
		case 0:
			require.Equal(t, 200, f.do("DELETE", "/v1/threads").status) // 1, 4
		case 1:
			require.Equal(t, 200, inA.do("DELETE", "/v1/threads").status) // 2, 5
		default:
			require.Equal(t, 200, inA.do("DELETE", "/v1/threads?organization_id=org_a").status) // 3, 6
		}
	}
	for target, want := range map[string]struct {
		ids  string
		more bool
	}{
		"":                      {"del_6 del_5 del_3 del_2", false},
		"?limit=2":              {"del_6 del_5", true},
		"?limit=2&after=del_5":  {"del_3 del_2", false},
		"?limit=1&after=del_5":  {"del_3", true},
		"?limit=2&before=del_2": {"del_5 del_3", true},
		"?limit=3&before=del_2": {"del_6 del_5 del_3", false},
	} {
		l := decode[deletionList](t, inA.do("GET", "/v1/deletions"+target), 200)
		require.Equal(t, want.ids, strings.Join(l.ids(), " "), target)
		require.Equal(t, want.more, l.HasMore, target)
	}
	before := f.count("ada", threads.All())
	for _, target := range []string{"GET /v1/deletions/del_1", "GET /v1/deletions/del_1/threads", "POST /v1/deletions/del_4/restore"} {
		method, path, _ := strings.Cut(target, " ")
		r := inA.do(method, path).refused(t, 403, "ORGANIZATION_ACCESS_DENIED")
		require.Equal(t, "authorization_error", r.Error.Type)
	}
	require.Equal(t, before, f.count("ada", threads.All()))
	require.Equal(t, `{"restored":1,"message":"Successfully restored 1 thread(s)"}`, inA.do("POST", "/v1/deletions/del_6/restore").body)
}

// "All organizations" is all that the caller may act in.
func TestACallerWithSomeOrganizations(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_b", "")
	inA := f.restricted(threads.InOrganization("org_a"))

	t.Run("a foreign organization is 403 on every endpoint", func(t *testing.T) {
		for _, c := range []struct{ method, target, body string }{
			{"DELETE", "/v1/threads?organization_id=org_b", ""},
			{"GET", "/v1/threads?organization_id=org_b", ""},
			{"POST", "/v1/threads", `{"organization_id":"org_b"}`},
			{"POST", "/v1/threads", `{}`},
			{"GET", "/v1/threads/thrd_2", ""},
			{"PATCH", "/v1/threads/thrd_2", `{"title":"x"}`},
			{"DELETE", "/v1/threads/thrd_2", ""},
			{"POST", "/v1/threads/thrd_2/pin", ""},
			{"POST", "/v1/threads/thrd_2/unpin", ""},
			{"POST", "/v1/threads/thrd_2/restore", ""},
			{"DELETE", "/v1/threads/thrd_3", ""},
		} {
			inA.send(c.method, c.target, c.body).refused(t, 403, "ORGANIZATION_ACCESS_DENIED")
		}
		require.Equal(t, threads.Counts{Live: 3}, f.count("ada", threads.All()))
	})
	t.Run("what is absent stays 404, and what is malformed 422", func(t *testing.T) {
		inA.do("GET", "/v1/threads/thrd_9").refused(t, 404, "RESOURCE_NOT_FOUND")
		inA.do("DELETE", "/v1/threads?organization_id=acme").refused(t, 422, "VALIDATION_ERROR")
	})
	t.Run("a list without an organization is of the caller's", func(t *testing.T) {
		l := decode[list](t, inA.do("GET", "/v1/threads?include_total=true"), 200)
		require.Equal(t, "thrd_1", ids(l))
		require.EqualValues(t, 1, *l.Total)
	})
	t.Run("so is a delete of all", func(t *testing.T) {
		r := inA.do("DELETE", "/v1/threads", "Idempotency-Key: k")
		require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, r.body)
		require.Equal(t, threads.Counts{Live: 2, Deleted: 1}, f.count("ada", threads.All()))
		wider := f.restricted(threads.Union(threads.InOrganization("org_a"), threads.InOrganization("org_b")))
		wider.do("DELETE", "/v1/threads", "Idempotency-Key: k").refused(t, 422, "VALIDATION_ERROR")
		require.Equal(t, threads.Counts{Live: 2, Deleted: 1}, f.count("ada", threads.All()), "a retry is not wider than the first call")
	})
	t.Run("who may act in nothing is refused everything", func(t *testing.T) {
		nobody := f.restricted(threads.Union())
		for _, target := range []string{"GET /v1/threads", "DELETE /v1/threads", "GET /v1/threads/thrd_2", "GET /v1/threads?organization_id=org_b"} {
			method, path, _ := strings.Cut(target, " ")
			nobody.do(method, path).refused(t, 403, "ORGANIZATION_ACCESS_DENIED")
		}
		require.Empty(t, decode[deletionList](t, nobody.do("GET", "/v1/deletions"), 200).Data)
		require.Equal(t, threads.Counts{Live: 2, Deleted: 1}, f.count("ada", threads.All()))
	})
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
