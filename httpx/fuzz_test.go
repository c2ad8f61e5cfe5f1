package httpx_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// readRequest reads ada's request as a server does, or reports that a server
// would refuse it before any handler.
func readRequest(head, body string) (*http.Request, bool) {
	raw := fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		head, adaKey, len(body), body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil || r.RequestURI != strings.TrimPrefix(head, r.Method+" ") {
		return nil, false // not what was meant to be sent, such as a line more
	}
	return r, true
}

// oracle says, in its own way, what a query that is all there is of a request
// asks to delete: "all", an organization, or "" if it is to be refused.
func oracle(query string) string {
	name, value, ok := strings.Cut(query, "=")
	if !ok || strings.ContainsAny(query, "&;") {
		return ""
	}
	unescape := func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '+':
				b.WriteByte(' ')
			case '%':
				if i+2 >= len(s) {
					return "broken"
				}
				n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
				if err != nil {
					return "broken"
				}
				b.WriteByte(byte(n))
				i += 2
			default:
				b.WriteByte(s[i])
			}
		}
		return b.String()
	}
	organization := unescape(value)
	if unescape(name) != "organization_id" || len(organization) < len("org_?") || len(organization) > 128 || organization[:4] != "org_" {
		return ""
	}
	for _, c := range []byte(organization) {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", rune(c)) {
			return ""
		}
	}
	return organization
}

// Whatever the query: no panic and no 5xx, a refused request deletes nothing,
// and a success deletes exactly what the query says to an oracle that knows
// nothing of the handler.
func FuzzDeleteQuery(f *testing.F) {
	for _, row := range refusedDeletes {
		if _, query, ok := strings.Cut(row.target, "?"); ok {
			f.Add(query)
		}
	}
	for _, query := range []string{"organization_id=org_a", "organization_id=org%5Fa", "organization%5fid=org_b", "%6f%72ganization_id=%6f%72%67%5f%61",
		"organization_id=org_c", "organization_id=org_" + strings.Repeat("a", 124), "organization_id=org_a%", "organization_id=org_a%5"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r, ok := readRequest("DELETE /v1/threads?"+query, "")
		if !ok {
			return
		}
		x := newFixture(t)
		live := map[string]int64{"": 3, "org_a": 2, "org_b": 1}
		for organization, n := range live {
			for range n {
				x.create("ada", organization)
			}
		}
		x.create("bob", "org_a", "")

		answer := serve(x, r)
		want := oracle(query)
		switch want {
		case "":
			if answer.status < 400 || answer.status >= 500 {
				t.Fatalf("DELETE /v1/threads?%s = %d %s; want a 4xx", query, answer.status, answer.body)
			}
		default:
			n := live[want]
			delete(live, want)
			if golden := fmt.Sprintf(`{"deleted":%d,"message":"Successfully deleted %d thread(s)"}`, n, n); answer.status != 200 || answer.body != golden {
				t.Fatalf("DELETE /v1/threads?%s = %d %s; want 200 %s", query, answer.status, answer.body, golden)
			}
		}
		for _, organization := range []string{"", "org_a", "org_b"} {
			scope := threads.ScopeOf(organization)
			if n := x.count("ada", scope).Live; n != live[organization] {
				t.Fatalf("after DELETE /v1/threads?%s = %d, %s has %d live threads; want %d", query, answer.status, scope, n, live[organization])
			}
		}
		if n := x.count("bob", threads.All()); n != (threads.Counts{Live: 2}) {
			t.Fatalf("after DELETE /v1/threads?%s of ada, bob has %v", query, n)
		}
	})
}

// Whatever the body: no panic and no 5xx, a refused request creates nothing,
// and the thread that a success shows is the one that is listed.
func FuzzCreateBody(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"title":"x"}`, `{"Title":"x"}`, `{"title":"x","title":"y"}`, `{"title":"\ud83d\ude00"}`, `{"title":"\ud83d"}`,
		`{"organization_id":"org_a","title":"<b>&","metadata":{"a":"1","b":""},"assistant_id":"asst_1","visible_in_ui":false}`,
		`{"organization_id":"org_"}`, `{"organization_id":""}`, `{"metadata":{"a":1}}`, `{"metadata":{"a":null}}`, `{"metadata":null}`,
		`{"visible_in_ui":"true"}`, `{"visible_in_ui":true} x`, "{\"title\":\"\xff\"}", `{"title":"\u0000\u2028\n"}`, `{"assistant_id":"\u0000"}`,
		`{"title":"` + strings.Repeat("é", 200) + `"}`, ` { "title" : null } `, `{"a":` + strings.Repeat("[", 11_000),
	} {
		f.Add(body, "")
		f.Add(body, "k1")
	}
	f.Fuzz(func(t *testing.T, body, key string) {
		r, ok := readRequest("POST /v1/threads", body)
		if !ok {
			return
		}
		if key != "" {
			r.Header["Idempotency-Key"] = []string{key}
		}
		x := newFixture(t)
		answer := serve(x, r)
		listed := x.do("GET", "/v1/threads?visible_in_ui=any&include_deleted=true&include_total=true")
		if answer.status >= 400 && answer.status < 500 {
			require.Contains(t, listed.body, `"data":[]`, "a refused request creates nothing")
			require.Contains(t, listed.body, `"total":0`)
			return
		}
		require.Equal(t, 201, answer.status, "POST %q = %s", body, answer.body)
		require.True(t, json.Valid([]byte(body)), "only JSON is accepted")
		var page struct{ Data []json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(listed.body), &page))
		require.Len(t, page.Data, 1)
		require.Equal(t, answer.body, string(page.Data[0]), "what is listed is what was answered")

		// What was said is what is there, as encoding/json reads it.
		var said struct {
			OrganizationID *string           `json:"organization_id"`
			AssistantID    *string           `json:"assistant_id"`
			Title          *string           `json:"title"`
			Metadata       map[string]string `json:"metadata"`
			VisibleInUI    *bool             `json:"visible_in_ui"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &said))
		got := decode[thread](t, answer, 201)
		require.Equal(t, said.OrganizationID, got.OrganizationID)
		require.Equal(t, said.AssistantID, got.AssistantID)
		if said.Title != nil && *said.Title != "" {
			require.Equal(t, said.Title, got.Title)
		} else {
			require.Nil(t, got.Title, "an empty title is none")
		}
		require.Len(t, got.Metadata, len(said.Metadata))
		for k, v := range said.Metadata {
			require.Equal(t, v, got.Metadata[k])
		}
		require.Equal(t, said.VisibleInUI == nil || *said.VisibleInUI, got.VisibleInUI)
		if key != "" {
			r, _ = readRequest("POST /v1/threads", body)
			r.Header["Idempotency-Key"] = []string{key}
			require.Equal(t, answer.body, serve(x, r).body, "a repeated key has the first answer")
		}
	})
}

// Whatever the query: no panic and no 5xx, nothing is changed, and a success
// is a page of the user's own threads, within the limit, that can be read on.
func FuzzListQuery(f *testing.F) {
	for _, query := range []string{
		"", "limit=1", "limit=100", "limit=0", "limit=101", "order=asc", "after=thrd_2", "before=thrd_2", "after=x&before=y", "organization_id=org_a",
		"organization_id=invalid_id", "assistant_id=asst_1", "include_deleted=true", "visible_in_ui=any", "visible_in_ui=false", "is_pinned=true",
		"include_total=true", "include_total=true&visible_in_ui=any", "after=" + url.QueryEscape((threads.Cursor{Time: time.Date(2025, 1, 2, 3, 4, 9, 0, time.UTC), ID: "thrd_9"}).String()),
		"limit=1&limit=1", "&", "limit", "limit=", "Limit=1", "limit=%zz", "limit=1;order=asc", "metadata[a]=b", "after=%00", "assistant_id=%ff",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		x := newFixture(t)
		x.create("ada", "org_a", "org_b", "", "org_a")
		x.create("bob", "org_a")
		require.Equal(t, 200, x.do("DELETE", "/v1/threads?organization_id=org_b").status)
		r, ok := readRequest("GET /v1/threads?"+query, "")
		if !ok {
			return
		}
		before := x.everything()
		answer := serve(x, r)
		require.Equal(t, before, x.everything(), "a list changes nothing")
		if answer.status >= 400 && answer.status < 500 {
			return
		}
		l := decode[list](t, answer, 200)
		l.ids(t)
		limit := 20
		if values, err := url.ParseQuery(query); err == nil && values.Has("limit") {
			limit, err = strconv.Atoi(values.Get("limit"))
			require.NoError(t, err)
		}
		require.LessOrEqual(t, len(l.Data), limit)
		for _, one := range l.Data {
			require.Equal(t, "ada", one.UserID)
		}
		if l.NextCursor != nil {
			_, err := threads.ParseCursor(*l.NextCursor)
			require.NoError(t, err, "next_cursor can be used")
		}
	})
}
