package apitest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	aTrace     = "0af7651916cd43dd8448eb211c80319c"
	aThread    = `{"id":"thrd_1","object":"thread","created_at":"2025-01-02T03:04:06.678901Z","updated_at":"2025-01-02T03:04:06Z","last_message_at":"2025-01-02T03:04:06.6Z","metadata":{"a":"b"},"assistant_id":null,"organization_id":"org_a","user_id":"ada","title":"x","status":"inactive","message_count":0,"visible_in_ui":true,"last_model_used":null,"is_pinned":false,"pinned_at":null,"space_ids":[]}`
	anEnvelope = `{"success":false,"error":{"code":"RESOURCE_NOT_FOUND","message":"m","system_message":"s","type":"client_error","status":404,"details":{},"trace_id":"` + aTrace + `","timestamp":"2025-12-22T15:30:00Z"}}`
)

// A checker that finds nothing is of no use: each of these answers is wrong
// in one way, and is refused.
func TestCheckerRefusesAnswers(t *testing.T) {
	c := newChecker(t)
	edit := func(old, replacement string) func(string) string {
		return func(body string) string { return strings.Replace(body, old, replacement, 1) }
	}
	header := func(name string, values ...string) func(http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	for _, sound := range []struct {
		target string
		status int
		body   string
		edits  map[string]func(string) string
		heads  map[string]func(http.Header)
	}{
		{"GET /v1/threads/thrd_1", 200, aThread, map[string]func(string) string{
			"no body":                        func(string) string { return "" },
			"no JSON":                        edit("}", ""),
			"a member more":                  edit(`"id"`, `"secret":"x","id"`),
			"a member less":                  edit(`"title":"x",`, ``),
			"a number for a text":            edit(`"title":"x"`, `"title":1`),
			"an empty title":                 edit(`"title":"x"`, `"title":""`),
			"a title that is too long":       edit(`"title":"x"`, `"title":"`+strings.Repeat("x", 201)+`"`),
			"null for a time":                edit(`"created_at":"2025-01-02T03:04:06.678901Z"`, `"created_at":null`),
			"a time in nanoseconds":          edit(`.678901Z`, `.678901234Z`),
			"a time elsewhere":               edit(`.678901Z`, `.678901+01:00`),
			"a month that is none":           edit(`2025-01-02T03:04:06.678901Z`, `2025-13-02T03:04:06Z`),
			"an organization that is none":   edit(`org_a`, `acme`),
			"metadata that is no text":       edit(`{"a":"b"}`, `{"a":1}`),
			"metadata without a key":         edit(`{"a":"b"}`, `{"":"b"}`),
			"no metadata":                    edit(`{"a":"b"}`, `null`),
			"another status":                 edit(`inactive`, `active`),
			"a space":                        edit(`[]`, `["x"]`),
			"deleted, and not in a deletion": edit(`"space_ids":[]`, `"space_ids":[],"deleted_at":"2025-01-02T03:04:06Z"`),
		}, map[string]func(http.Header){
			"no Trace-Id":                      func(h http.Header) { delete(h, "Trace-Id") },
			"another Trace-Id":                 header("Trace-Id", "x"),
			"no ETag":                          func(h http.Header) { delete(h, "Etag") },
			"a weak ETag":                      header("Etag", `W/"1"`),
			"two ETags":                        header("Etag", `"1"`, `"2"`),
			"an answer that is kept in caches": header("Cache-Control", "public"),
			"another Content-Type":             header("Content-Type", "text/html"),
			"a header that nobody described":   header("Skein-Undo", "/v1/deletions/del_1/restore"),
		}},
		{"GET /v1/threads/thrd_1", 404, anEnvelope, map[string]func(string) string{
			"a member more":            edit(`"code"`, `"user":"ada","code"`),
			"a member less":            edit(`"details":{},`, ``),
			"success":                  edit(`false`, `true`),
			"the status of another":    edit(`404`, `410`),
			"the code of another":      edit(`RESOURCE_NOT_FOUND`, `RESOURCE_PURGED`),
			"the type of another":      edit(`client_error`, `server_error`),
			"details":                  edit(`{}`, `{"id":"thrd_1"}`),
			"null for details":         edit(`{}`, `null`),
			"a timestamp in millis":    edit(`:00Z`, `:00.123Z`),
			"a trace id that is none":  edit(aTrace, "abc-123-def"),
			"no words for programmers": edit(`"s"`, `""`),
		}, map[string]func(http.Header){
			"an ETag": header("Etag", `"1"`),
		}},
		{"DELETE /v1/threads", 200, `{"deleted":42,"message":"Successfully deleted 42 thread(s)"}`, map[string]func(string) string{
			"a member more":      edit(`}`, `,"id":"del_1"}`),
			"a number below 0":   edit(`42,`, `-1,`),
			"a fraction":         edit(`42,`, `4.2,`),
			"a text as a number": edit(`42,`, `"42",`),
			"other words":        edit(`Successfully`, `Hopefully`),
		}, map[string]func(http.Header){
			"no path to undo": header("Skein-Undo", "nowhere"),
		}},
		{"DELETE /v1/threads/thrd_1", 204, "", map[string]func(string) string{
			"a body": func(string) string { return "{}" },
		}, map[string]func(http.Header){
			"a Content-Type": header("Content-Type", "application/json"),
		}},
		{"POST /v1/threads/thrd_1", 405, strings.NewReplacer("RESOURCE_NOT_FOUND", "METHOD_NOT_ALLOWED", "404", "405").Replace(anEnvelope), map[string]func(string) string{
			"the status of another": edit(`405`, `404`),
		}, map[string]func(http.Header){
			"no Allow": func(h http.Header) { delete(h, "Allow") },
		}},
		{"GET /v1/threads", 429, strings.NewReplacer("RESOURCE_NOT_FOUND", "RATE_LIMIT_EXCEEDED", "404", "429", "client_error", "rate_limit_error").Replace(anEnvelope), nil, map[string]func(http.Header){
			"no Retry-After":              func(h http.Header) { delete(h, "Retry-After") },
			"a Retry-After of no seconds": header("Retry-After", "0"),
		}},
		{"GET /v1/threads", 401, strings.NewReplacer("RESOURCE_NOT_FOUND", "INVALID_API_KEY", "404", "401", "client_error", "authentication_error").Replace(anEnvelope), nil, map[string]func(http.Header){
			"no WWW-Authenticate": func(h http.Header) { delete(h, "Www-Authenticate") },
		}},
	} {
		method, target, _ := strings.Cut(sound.target, " ")
		r := httptest.NewRequest(method, target, nil)
		head := func() http.Header {
			h := http.Header{"Trace-Id": {aTrace}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}}
			if sound.body != "" {
				h.Set("Content-Type", "application/json")
			}
			for status, extra := range map[int][2]string{
				200: {"ETag", `"1"`}, 401: {"WWW-Authenticate", "ApiKey"}, 405: {"Allow", "DELETE, GET, PATCH"}, 429: {"Retry-After", "1"},
			} {
				if status == sound.status && (status != 200 || method == http.MethodGet) {
					h.Set(extra[0], extra[1])
				}
			}
			return h
		}
		require.NoError(t, c.answer(r, sound.status, head(), []byte(sound.body)), "%s %d as it is", sound.target, sound.status)
		for name, edit := range sound.edits {
			body := edit(sound.body)
			require.NotEqual(t, sound.body, body, name)
			require.Error(t, c.answer(r, sound.status, head(), []byte(body)), "%s %d with %s", sound.target, sound.status, name)
		}
		for name, edit := range sound.heads {
			h := head()
			edit(h)
			require.Error(t, c.answer(r, sound.status, h, []byte(sound.body)), "%s %d with %s", sound.target, sound.status, name)
		}
		for _, status := range []int{206, 302, 402, 418, 501} {
			require.Error(t, c.answer(r, status, head(), []byte(sound.body)), "%s with status %d, which is not described", sound.target, status)
		}
	}
}

// So is each of these requests.
func TestCheckerRefusesRequests(t *testing.T) {
	c := newChecker(t)
	for _, row := range []struct {
		line    string
		body    string
		headers []string
		ok      bool
	}{
		{"GET /v1/threads", "", nil, true},
		{"GET /v1/threads?limit=100&order=asc&visible_in_ui=any&include_total=true&organization_id=org_a&after=thrd_1", "", nil, true},
		{"GET /v1/threads?limit=101", "", nil, false},
		{"GET /v1/threads?limit=x", "", nil, false},
		{"GET /v1/threads?order=up", "", nil, false},
		{"GET /v1/threads?visible_in_ui=maybe", "", nil, false},
		{"GET /v1/threads?is_pinned=maybe", "", nil, false},
		{"GET /v1/threads?organization_id=acme", "", nil, false},
		{"GET /v1/threads?unknown=1", "", nil, false},
		{"GET /v1/threads?limit=1&limit=2", "", nil, false},
		{"GET /v1/threads", "{}", nil, false},
		{"GET /v1/threads/thrd_1", "", nil, true},
		{"GET /v1/threads/a%2Fb%20c", "", nil, true},
		{"GET /v1/threads/%00", "", nil, false},
		{"GET /v1/threads/" + strings.Repeat("x", 129), "", nil, false},
		{"GET /v1/threads/", "", nil, false},
		{"PUT /v1/threads", "", nil, false},
		{"DELETE /v1/threads", "", []string{"Idempotency-Key: k"}, true},
		{"DELETE /v1/threads", "", []string{"Idempotency-Key: ''"}, false},
		{"DELETE /v1/threads", "{}", nil, false},
		{"DELETE /v1/threads?organization_id=", "", nil, false},
		{"POST /v1/threads", "{}", nil, true},
		{"POST /v1/threads", `{"title":null,"metadata":{"a":"b"},"organization_id":"org_a","visible_in_ui":false}`, nil, true},
		{"POST /v1/threads", "", nil, false},
		{"POST /v1/threads", "[]", nil, false},
		{"POST /v1/threads", `{"id":"thrd_1"}`, nil, false},
		{"POST /v1/threads", `{"metadata":{"a":null}}`, nil, false},
		{"POST /v1/threads", `{"title":"` + strings.Repeat("x", 201) + `"}`, nil, false},
		{"POST /v1/threads", `{"title":"` + strings.Repeat("é", 200) + `"}`, nil, true},
		{"POST /v1/threads", "{}", []string{"Content-Type: text/plain"}, false},
		{"PATCH /v1/threads/thrd_1", `{"metadata":{"a":null},"title":null}`, []string{`If-Match: "1", W/"2"`}, true},
		{"PATCH /v1/threads/thrd_1", `{}`, []string{`If-Match: 1`}, false},
		{"PATCH /v1/threads/thrd_1", `{"organization_id":"org_a"}`, nil, false},
		{"GET /v1/threads", "", []string{"X-API-Key: "}, false},
	} {
		method, target, _ := strings.Cut(row.line, " ")
		r := httptest.NewRequest(method, target, nil)
		r.Header.Set("X-API-Key", "k")
		if row.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for _, line := range row.headers {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
			if value == "" {
				r.Header.Del(name)
			}
		}
		err := c.request(r, []byte(row.body))
		require.Equal(t, row.ok, err == nil, "request(%s %s %v) = %v", row.line, row.body, row.headers, err)
	}
}
