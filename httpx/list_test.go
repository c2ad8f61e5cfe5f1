package httpx_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// thread is the thread object. Unknown members are refused by decode.
type thread struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	LastMessageAt  string            `json:"last_message_at"`
	Metadata       map[string]string `json:"metadata"`
	AssistantID    *string           `json:"assistant_id"`
	OrganizationID *string           `json:"organization_id"`
	UserID         string            `json:"user_id"`
	Title          *string           `json:"title"`
	Status         string            `json:"status"`
	MessageCount   int               `json:"message_count"`
	VisibleInUI    bool              `json:"visible_in_ui"`
	LastModelUsed  *string           `json:"last_model_used"`
	IsPinned       bool              `json:"is_pinned"`
	PinnedAt       *string           `json:"pinned_at"`
	SpaceIDs       []string          `json:"space_ids"`
	DeletedAt      *string           `json:"deleted_at"`
	DeletionID     string            `json:"deletion_id"`
}

// list is the list envelope.
type list struct {
	Object     string   `json:"object"`
	Data       []thread `json:"data"`
	FirstID    *string  `json:"first_id"`
	LastID     *string  `json:"last_id"`
	HasMore    bool     `json:"has_more"`
	Total      *int     `json:"total"`
	NextCursor *string  `json:"next_cursor"`
}

// ids checks what every list promises and returns the ids, without "thrd_".
func (l list) ids(t testing.TB) string {
	t.Helper()
	require.Equal(t, "list", l.Object)
	ids := []string{}
	for _, one := range l.Data {
		ids = append(ids, strings.TrimPrefix(one.ID, "thrd_"))
	}
	if len(l.Data) == 0 {
		require.Nil(t, l.FirstID)
		require.Nil(t, l.LastID)
	} else {
		require.Equal(t, l.Data[0].ID, *l.FirstID)
		require.Equal(t, l.Data[len(l.Data)-1].ID, *l.LastID)
	}
	require.Equal(t, l.HasMore, l.NextCursor != nil, "there is a next_cursor exactly if there is more")
	return strings.Join(ids, " ")
}

func (f *fixture) list(query string, headers ...string) list {
	f.t.Helper()
	return decode[list](f.t, f.do("GET", "/v1/threads?"+query, headers...), 200)
}

func TestListThreads(t *testing.T) {
	t.Run("an empty list, in these bytes", func(t *testing.T) {
		f := newFixture(t)
		r := f.do("GET", "/v1/threads")
		require.Equal(t, 200, r.status)
		require.Equal(t, `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false,"next_cursor":null}`, r.body)
		r = f.do("GET", "/v1/threads?include_total=true&visible_in_ui=any")
		require.Equal(t, `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false,"total":0,"next_cursor":null}`, r.body)
	})

	t.Run("threads, live, pinned and deleted, in these bytes", func(t *testing.T) {
		f := newFixture(t)
		ctx := context.Background()
		_, err := f.service.Create(ctx, "ada", threads.Draft{Organization: "org_a", Title: "T", Pinned: true, CreatedAt: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		f.do("DELETE", "/v1/threads")
		f.create("ada", "")
		r := f.do("GET", "/v1/threads?include_deleted=true&include_total=true&visible_in_ui=any&limit=2")
		require.Equal(t, `{"object":"list","data":[`+
			`{"id":"thrd_2","object":"thread","created_at":"2025-01-02T03:04:08.678901Z","updated_at":"2025-01-02T03:04:08.678901Z",`+
			`"last_message_at":"2025-01-02T03:04:08.678901Z","metadata":{},"assistant_id":null,"organization_id":null,"user_id":"ada",`+
			`"title":null,"status":"inactive","message_count":0,"visible_in_ui":true,"last_model_used":null,"is_pinned":false,"pinned_at":null,"space_ids":[]},`+
			`{"id":"thrd_1","object":"thread","created_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z",`+
			`"last_message_at":"2024-01-01T00:00:00Z","metadata":{},"assistant_id":null,"organization_id":"org_a","user_id":"ada",`+
			`"title":"T","status":"inactive","message_count":0,"visible_in_ui":true,"last_model_used":null,"is_pinned":true,`+
			`"pinned_at":"2025-01-02T03:04:06.678901Z","space_ids":[],"deleted_at":"2025-01-02T03:04:07.678901Z","deletion_id":"del_1"}],`+
			`"first_id":"thrd_2","last_id":"thrd_1","has_more":false,"total":2,"next_cursor":null}`, r.body)
	})

	t.Run("a page is 20 unless another limit is asked for", func(t *testing.T) {
		f := newFixture(t)
		for range 101 {
			f.create("ada", "")
		}
		require.Len(t, f.list("").Data, 20)
		require.Len(t, f.list("limit=1").Data, 1)
		l := f.list("limit=100")
		require.Len(t, l.Data, 100)
		require.True(t, l.HasMore)
	})

	t.Run("a bare question mark is no parameter", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "")
		require.Equal(t, "1", decode[list](t, f.do("GET", "/v1/threads?"), 200).ids(t))
	})

	t.Run("another user's threads are not there", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		f.create("bob", "org_a")
		require.Equal(t, "1", f.list("").ids(t))
		require.Equal(t, "2", f.list("", "X-API-Key: "+bobKey).ids(t))
	})
}

func TestListThreadsFilters(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	for _, d := range []threads.Draft{
		{},                              // 1
		{Organization: "org_a"},         // 2
		{Organization: "org_b"},         // 3
		{Assistant: "asst_1"},           // 4
		{Hidden: true},                  // 5
		{Pinned: true},                  // 6
		{Organization: "org_deleted"},   // 7
		{Assistant: "asst x&y=z/ü?+%#"}, // 8
	} {
		_, err := f.service.Create(ctx, "ada", d)
		require.NoError(t, err)
	}
	require.Equal(t, 200, f.do("DELETE", "/v1/threads?organization_id=org_deleted").status)

	for query, ids := range map[string]string{
		"":                      "8 6 4 3 2 1",
		"order=desc":            "8 6 4 3 2 1",
		"order=asc":             "1 2 3 4 6 8",
		"organization_id=org_a": "2",
		"organization_id=org_b": "3",
		"organization_id=org_c": "",
		"assistant_id=asst_1":   "4",
		"assistant_id=asst+x%26y%3Dz/%C3%BC%3F%2B%25%23":   "8",
		"assistant_id=nobody":                              "",
		"visible_in_ui=true":                               "8 6 4 3 2 1",
		"visible_in_ui=True":                               "8 6 4 3 2 1",
		"visible_in_ui=false":                              "5",
		"visible_in_ui=any":                                "8 6 5 4 3 2 1",
		"is_pinned=true":                                   "6",
		"is_pinned=false":                                  "8 4 3 2 1",
		"include_deleted=true":                             "8 7 6 4 3 2 1",
		"include_deleted=True":                             "8 7 6 4 3 2 1",
		"include_deleted=false":                            "8 6 4 3 2 1",
		"include_deleted=False&visible_in_ui=any":          "8 6 5 4 3 2 1",
		"include_deleted=true&organization_id=org_deleted": "7",
		"include_deleted=true&visible_in_ui=any&order=asc": "1 2 3 4 5 6 7 8",
		"include_total=false":                              "8 6 4 3 2 1",
		"organization_id=org_a&assistant_id=asst_1":        "",
		"is_pinned=true&assistant_id=asst_1":               "",
		"is_pinned=false&assistant_id=asst_1&order=asc":    "4",
		"organization%5Fid=org%5Fa&limit=%31":              "2",
	} {
		t.Run("?"+query, func(t *testing.T) {
			l := decode[list](t, f.do("GET", "/v1/threads?"+query), 200)
			require.Equal(t, ids, l.ids(t))
			require.Nil(t, l.Total, "no total unless asked for")
			for _, one := range l.Data {
				require.Equal(t, one.ID == "thrd_7", one.DeletedAt != nil && one.DeletionID == "del_1")
				require.Equal(t, one.ID != "thrd_5", one.VisibleInUI)
				require.Equal(t, one.ID == "thrd_6", one.IsPinned && one.PinnedAt != nil)
			}
		})
	}

	for query, total := range map[string]int{
		"visible_in_ui=any":                                                       7,
		"visible_in_ui=any&limit=1":                                               7,
		"visible_in_ui=any&include_deleted=true":                                  8,
		"visible_in_ui=any&organization_id=org_a":                                 1,
		"visible_in_ui=any&organization_id=org_deleted":                           0,
		"visible_in_ui=any&organization_id=org_deleted&include_deleted=true":      1,
		"visible_in_ui=any&after=thrd_3":                                          7,
		"visible_in_ui=any&order=asc&before=thrd_3&organization_id=org_a&limit=5": 1,
	} {
		t.Run("include_total counts all of the scope: "+query, func(t *testing.T) {
			l := f.list("include_total=true&" + query)
			l.ids(t)
			require.NotNil(t, l.Total)
			require.Equal(t, total, *l.Total)
		})
	}

	for _, query := range []string{"", "visible_in_ui=true", "visible_in_ui=false", "visible_in_ui=any", "is_pinned=true", "is_pinned=false",
		"visible_in_ui=any&is_pinned=true", "visible_in_ui=any&is_pinned=false", "assistant_id=asst_1", "visible_in_ui=any&assistant_id=asst_1",
		"organization_id=org_a", "visible_in_ui=false&organization_id=org_a"} {
		for _, deleted := range []bool{false, true} {
			query := strings.Trim("include_deleted=false&"+query, "&")
			if deleted {
				query = strings.Replace(query, "false", "true", 1)
			}
			t.Run("include_total is what all pages hold: "+query, func(t *testing.T) {
				all := f.list("limit=100&" + query)
				l := f.list("limit=1&include_total=true&" + query)
				require.NotNil(t, l.Total)
				require.Equal(t, len(all.Data), *l.Total)
			})
		}
	}
}

func TestListThreadsPages(t *testing.T) {
	// Ten threads; 3 and 7 are in another organization, so that pages of one
	// are not just slices of all.
	make10 := func(t *testing.T) *fixture {
		t.Helper()
		f := newFixture(t)
		for i := 1; i <= 10; i++ {
			f.create("ada", map[bool]string{true: "org_b", false: "org_a"}[i == 3 || i == 7])
		}
		return f
	}

	for name, page := range map[string]struct {
		query string
		want  []string
	}{
		"newest first": {"limit=3", []string{"10 9 8", "7 6 5", "4 3 2", "1"}},
		"oldest first": {"limit=4&order=asc", []string{"1 2 3 4", "5 6 7 8", "9 10"}},
		"of one scope": {"limit=3&organization_id=org_a", []string{"10 9 8", "6 5 4", "2 1"}},
	} {
		t.Run("next_cursor leads through all, "+name, func(t *testing.T) {
			f := make10(t)
			l := f.list(page.query)
			for i, want := range page.want {
				require.Equal(t, want, l.ids(t))
				require.Equal(t, i < len(page.want)-1, l.HasMore)
				if l.HasMore {
					l = f.list(page.query + "&after=" + *l.NextCursor)
				}
			}
		})
		t.Run("last_id does too, "+name, func(t *testing.T) {
			f := make10(t)
			l := f.list(page.query)
			for _, want := range page.want {
				require.Equal(t, want, l.ids(t))
				l = f.list(page.query + "&after=" + *l.LastID)
			}
			require.Empty(t, l.ids(t))
		})
	}

	t.Run("before leads back, page by page, each in the order of the list", func(t *testing.T) {
		f := make10(t)
		l := f.list("limit=3&before=thrd_1")
		for _, want := range []string{"4 3 2", "7 6 5", "10 9 8"} {
			require.Equal(t, want, l.ids(t))
			if l.HasMore {
				l = f.list("limit=3&before=" + *l.NextCursor)
			}
		}
		require.False(t, l.HasMore)
		require.Equal(t, "1 2", f.list("order=asc&before=thrd_3").ids(t))
	})

	t.Run("deleting what was read, by page, leaves the rest in place", func(t *testing.T) {
		f := make10(t)
		l := f.list("limit=4")
		for _, one := range l.Data {
			_, err := f.service.Delete(context.Background(), "ada", one.ID)
			require.NoError(t, err)
		}
		require.Equal(t, "6 5 4 3", f.list("limit=4&after="+*l.NextCursor).ids(t), "by cursor")
		require.Equal(t, "6 5 4 3", f.list("limit=4&after="+*l.LastID).ids(t), "by the id of a deleted thread")
		_, err := f.service.Purge(context.Background(), "ada", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 100)
		require.NoError(t, err)
		require.Equal(t, "6 5 4 3", f.list("limit=4&after="+*l.NextCursor).ids(t), "by cursor after a purge")
		f.do("GET", "/v1/threads?after="+*l.LastID).refused(t, 422, "VALIDATION_ERROR")
	})

	t.Run("a cursor of another user shows no thread of theirs", func(t *testing.T) {
		f := make10(t)
		f.create("bob", "", "", "")
		l := f.list("limit=1")
		require.Equal(t, "", f.list("after="+*l.NextCursor, "X-API-Key: "+bobKey).ids(t))
		require.Equal(t, "13 12 11", f.list("before="+*l.NextCursor, "X-API-Key: "+bobKey).ids(t))
	})

	t.Run("a foreign thread and an absent one are the same bytes", func(t *testing.T) {
		with, without := newFixture(t), newFixture(t)
		_, err := with.service.Create(context.Background(), "bob", threads.Draft{ID: "thrd_x"})
		require.NoError(t, err)
		for _, field := range []string{"after", "before"} {
			target := "/v1/threads?" + field + "=thrd_x"
			foreign, absent := with.do("GET", target), without.do("GET", target)
			got := foreign.refused(t, 422, "VALIDATION_ERROR")
			require.Equal(t, absent, foreign)
			require.Equal(t, map[string]string{field: "thrd_x"}, got.Error.Details)
		}
	})

	t.Run("a store that fails over after is no mistake of the client", func(t *testing.T) {
		f := make10(t)
		f.store.before = func(_ context.Context, method string) error {
			return map[string]error{"Get": threads.ErrClosed}[method]
		}
		f.do("GET", "/v1/threads?after=thrd_3").refused(t, 503, "SERVICE_UNAVAILABLE")
		f.store.before = func(_ context.Context, method string) error {
			return map[string]error{"Count": threads.ErrCorrupt}[method]
		}
		f.do("GET", "/v1/threads?include_total=true").refused(t, 500, "INTERNAL_ERROR")
	})
}

func TestListThreadsRefuses(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_b")
	for query, field := range map[string]string{ // 422
		"limit=0":                    "limit",
		"limit=-1":                   "limit",
		"limit=101":                  "limit",
		"limit=1.5":                  "limit",
		"limit=x":                    "limit",
		"limit=%2B5":                 "limit",
		"limit=05":                   "limit",
		"limit=%205":                 "limit",
		"limit=1e1":                  "limit",
		"limit=99999999999999999999": "limit",
		"order=ASC":                  "order",
		"order=newest":               "order",
		"include_deleted=yes":        "include_deleted",
		"include_deleted=1":          "include_deleted",
		"include_deleted=TRUE":       "include_deleted",
		"visible_in_ui=both":         "visible_in_ui",
		"visible_in_ui=Any":          "visible_in_ui",
		"is_pinned=null":             "is_pinned",
		"is_pinned=any":              "is_pinned",
		"include_total=maybe":        "include_total",
		"organization_id=invalid_id": "organization_id",
		"organization_id=all":        "organization_id",
		"assistant_id=" + strings.Repeat("a", 129): "assistant_id",
		"assistant_id=%00":                         "assistant_id",
		"after=nothing":                            "after",
		"before=nothing":                           "before",
		"after=" + strings.Repeat("a", 1000):       "after",
		"after=%FF":                                "after",
		"after=thrd_1&before=thrd_2":               "before",
	} {
		t.Run("422 "+query[:min(len(query), 40)], func(t *testing.T) {
			got := f.do("GET", "/v1/threads?"+query).refused(t, 422, "VALIDATION_ERROR")
			require.Contains(t, got.Error.Details, field)
			require.Contains(t, got.Error.SystemMessage, "Invalid "+field+" format. Must ")
			require.LessOrEqual(t, len(got.Error.Details[field]), 480)
		})
	}
	for query, parameter := range map[string]string{ // 400
		"Limit=1":                          "Limit",
		"page=2":                           "page",
		"offset=20":                        "offset",
		"cursor=x":                         "cursor",
		"limit=1&limit=1":                  "limit",
		"limit":                            "limit",
		"limit=":                           "limit",
		"after=":                           "after",
		"organization_id=":                 "organization_id",
		"limit=%zz":                        "limit",
		"limit=1;order=asc":                "limit",
		"&":                                "",
		"limit=1&":                         "",
		"metadata[k]=v":                    "metadata[k]",
		url.QueryEscape("<script>") + "=1": "<script>",
		strings.Repeat("x", 1000) + "=1":   strings.Repeat("x", 157) + "...",
	} {
		t.Run("400 "+query[:min(len(query), 40)], func(t *testing.T) {
			got := f.do("GET", "/v1/threads?"+query).refused(t, 400, "INVALID_REQUEST")
			require.Equal(t, map[string]string{"parameter": parameter}, got.Error.Details)
		})
	}
}

// The words are for who has to find the mistake.
func TestQueryMistakesAreNamed(t *testing.T) {
	f := newFixture(t)
	for query, words := range map[string]string{
		"limit=1&":          "look for a '&' too many",
		"limit=1;order=asc": "must not have a ';'",
		"limit=%zz":         "percent-encoded correctly",
		"limi%t=1":          "percent-encoded correctly",
		"page=1":            "Unknown query parameter. Known are: limit, order,",
		"limit":             "must have a value",
		"limit=":            "must have a value",
		"limit=1&limit=2":   "must not be repeated",
	} {
		got := f.do("GET", "/v1/threads?"+query).refused(t, 400, "INVALID_REQUEST")
		require.Contains(t, got.Error.SystemMessage, words, query)
	}
}
