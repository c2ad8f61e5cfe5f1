package httpx_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deletion is the record of a deletion as clients see it.
type deletion struct {
	ID         string  `json:"id"`
	Object     string  `json:"object"`
	UserID     string  `json:"user_id"`
	Scope      string  `json:"scope"`
	ThreadID   *string `json:"thread_id"`
	DeletedAt  string  `json:"deleted_at"`
	Count      int64   `json:"count"`
	Held       int64   `json:"held"`
	RestoredAt *string `json:"restored_at"`
	PurgedAt   *string `json:"purged_at"`
}

type deletionList struct {
	Object     string     `json:"object"`
	Data       []deletion `json:"data"`
	FirstID    *string    `json:"first_id"`
	LastID     *string    `json:"last_id"`
	HasMore    bool       `json:"has_more"`
	NextCursor *string    `json:"next_cursor"`
}

func (l deletionList) ids() (ids []string) {
	for _, d := range l.Data {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestGetDeletion(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_a", "")
	require.Equal(t, 200, f.do("DELETE", "/v1/threads?organization_id=org_a").status)
	require.Equal(t, 204, f.do("DELETE", "/v1/threads/thrd_3").status)

	t.Run("of many, in these bytes", func(t *testing.T) {
		r := f.do("GET", "/v1/deletions/del_1")
		require.Equal(t, 200, r.status)
		require.Equal(t, `{"id":"del_1","object":"deletion","user_id":"ada","scope":"org_a","thread_id":null,`+
			`"deleted_at":"2025-01-02T03:04:09.678901Z","count":2,"held":2,"restored_at":null,"purged_at":null}`, r.body)
	})
	t.Run("of one", func(t *testing.T) {
		d := decode[deletion](t, f.do("GET", "/v1/deletions/del_2"), 200)
		require.Equal(t, "personal", d.Scope)
		require.Equal(t, "thrd_3", *d.ThreadID)
		require.EqualValues(t, 1, d.Count)
	})
	t.Run("foreign and absent are the same bytes", func(t *testing.T) {
		for _, path := range []string{"/v1/deletions/del_1", "/v1/deletions/del_1/threads"} {
			foreign := f.do("GET", path, "X-API-Key: "+bobKey)
			foreign.refused(t, 404, "RESOURCE_NOT_FOUND")
			require.Equal(t, foreign.body, f.do("GET", strings.Replace(path, "del_1", "del_9", 1)).body)
		}
	})
	t.Run("parameters and bodies are refused", func(t *testing.T) {
		f.do("GET", "/v1/deletions/del_1?limit=1").refused(t, 400, "INVALID_REQUEST")
		f.send("GET", "/v1/deletions/del_1", "{}").refused(t, 400, "INVALID_REQUEST")
		f.send("GET", "/v1/deletions", "{}").refused(t, 400, "INVALID_REQUEST")
	})
	t.Run("tells when it was restored", func(t *testing.T) {
		require.Equal(t, 200, f.do("POST", "/v1/threads/thrd_1/restore").status)
		d := decode[deletion](t, f.do("GET", "/v1/deletions/del_1"), 200)
		require.EqualValues(t, 1, d.Held, "a thread restored alone is not held any more")
		require.Nil(t, d.RestoredAt)
		require.Equal(t, 200, f.do("POST", "/v1/deletions/del_1/restore").status)
		d = decode[deletion](t, f.do("GET", "/v1/deletions/del_1"), 200)
		require.EqualValues(t, 2, d.Count)
		require.EqualValues(t, 0, d.Held)
		require.NotNil(t, d.RestoredAt)
	})
	t.Run("tells when its purge began, and is then 410 to restore", func(t *testing.T) {
		_, err := f.service.Purge(t.Context(), "ada", time.Now().Add(time.Hour), 2) // the record of del_1, and thrd_3
		require.NoError(t, err)
		d := decode[deletion](t, f.do("GET", "/v1/deletions/del_2"), 200)
		require.NotNil(t, d.PurgedAt)
		require.EqualValues(t, 0, d.Held)
		f.do("POST", "/v1/deletions/del_2/restore").refused(t, 410, "RESOURCE_PURGED")
	})
}

func TestListDeletions(t *testing.T) {
	f := newFixture(t)
	none := decode[deletionList](t, f.do("GET", "/v1/deletions"), 200)
	require.Equal(t, deletionList{Object: "list", Data: []deletion{}}, none)
	for range 5 {
		f.create("ada", "org_a")
		require.Equal(t, 200, f.do("DELETE", "/v1/threads").status)
	}
	for target, want := range map[string]struct {
		ids  string
		more bool
	}{
		"":                       {"del_5 del_4 del_3 del_2 del_1", false},
		"?limit=2":               {"del_5 del_4", true},
		"?limit=2&after=del_4":   {"del_3 del_2", true},
		"?limit=2&after=del_2":   {"del_1", false},
		"?limit=2&before=del_3":  {"del_5 del_4", false},
		"?limit=2&before=del_1":  {"del_3 del_2", true},
		"?limit=100&after=del_1": {"", false},
	} {
		t.Run(target, func(t *testing.T) {
			l := decode[deletionList](t, f.do("GET", "/v1/deletions"+target), 200)
			require.Equal(t, want.ids, strings.Join(l.ids(), " "))
			require.Equal(t, want.more, l.HasMore)
			require.Equal(t, want.more, l.NextCursor != nil)
		})
	}
	t.Run("next_cursor leads on, and outlives its deletion", func(t *testing.T) {
		l := decode[deletionList](t, f.do("GET", "/v1/deletions?limit=2"), 200)
		next := decode[deletionList](t, f.do("GET", "/v1/deletions?limit=2&after="+*l.NextCursor), 200)
		require.Equal(t, []string{"del_3", "del_2"}, next.ids())
	})
	for _, target := range []string{"?limit=0", "?limit=101", "?limit=x", "?after=del_9", "?before=thrd_1", "?after=del_1&before=del_2"} {
		f.do("GET", "/v1/deletions"+target).refused(t, 422, "VALIDATION_ERROR")
	}
	for _, target := range []string{"?order=asc", "?after=", "?limit=1&limit=2", "?x=1"} {
		f.do("GET", "/v1/deletions"+target).refused(t, 400, "INVALID_REQUEST")
	}
}

func TestListThreadsOfADeletion(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "", "org_b")
	require.Equal(t, 201, f.send("POST", "/v1/threads", `{"visible_in_ui":false}`).status)
	require.Equal(t, 200, f.do("DELETE", "/v1/threads").status)
	f.create("ada", "org_a")
	l := decode[list](t, f.do("GET", "/v1/deletions/del_1/threads?limit=3"), 200)
	require.Equal(t, "thrd_4 thrd_3 thrd_2", ids(l), "newest first, hidden ones too")
	require.True(t, l.HasMore)
	require.Equal(t, "del_1", l.Data[0].DeletionID)
	require.NotNil(t, l.Data[0].DeletedAt)
	l = decode[list](t, f.do("GET", "/v1/deletions/del_1/threads?after="+*l.NextCursor), 200)
	require.Equal(t, "thrd_1", ids(l))
	l = decode[list](t, f.do("GET", "/v1/deletions/del_1/threads?order=asc&limit=2"), 200)
	require.Equal(t, "thrd_1 thrd_2", ids(l))
	require.Equal(t, 200, f.do("POST", "/v1/threads/thrd_1/restore").status)
	l = decode[list](t, f.do("GET", "/v1/deletions/del_1/threads?before=thrd_2"), 200)
	require.Equal(t, "thrd_4 thrd_3", ids(l))
	f.do("GET", "/v1/deletions/del_1/threads?include_deleted=true").refused(t, 400, "INVALID_REQUEST")
	f.do("GET", "/v1/deletions/del_1/threads?limit=0").refused(t, 422, "VALIDATION_ERROR")
}

func ids(l list) string {
	var all []string
	for _, th := range l.Data {
		all = append(all, th.ID)
	}
	return strings.Join(all, " ")
}
