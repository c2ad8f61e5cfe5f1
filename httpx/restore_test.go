package httpx_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

func TestRestoreDeletion(t *testing.T) {
	deleted := func(t *testing.T) *fixture {
		t.Helper()
		f := newFixture(t)
		f.create("ada", "org_a", "org_a", "org_b")
		require.Equal(t, "del_1", f.do("DELETE", "/v1/threads?organization_id=org_a").header.Get("Skein-Deletion-Id"))
		return f
	}

	t.Run("brings back what the call deleted, once", func(t *testing.T) {
		f := deleted(t)
		r := f.do("POST", "/v1/deletions/del_1/restore")
		require.Equal(t, 200, r.status)
		require.Equal(t, `{"restored":2,"message":"Successfully restored 2 thread(s)"}`, r.body)
		require.Equal(t, "application/json", r.header.Get("Content-Type"))
		require.Equal(t, threads.Counts{Live: 3}, f.count("ada", threads.All()))
		require.Equal(t, `{"restored":0,"message":"Successfully restored 0 thread(s)"}`, f.do("POST", "/v1/deletions/del_1/restore").body)
	})

	t.Run("an id is unescaped", func(t *testing.T) {
		f := deleted(t)
		require.Equal(t, 200, f.do("POST", "/v1/deletions/%64el%5F1/restore").status)
		require.Equal(t, threads.Counts{Live: 3}, f.count("ada", threads.All()))
	})

	t.Run("a purged deletion is 410", func(t *testing.T) {
		f := deleted(t)
		_, err := f.service.Purge(context.Background(), "ada", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 1)
		require.NoError(t, err)
		got := f.do("POST", "/v1/deletions/del_1/restore").refused(t, 410, "RESOURCE_PURGED")
		require.Equal(t, "client_error", got.Error.Type)
	})

	t.Run("a foreign deletion and an absent one are the same bytes", func(t *testing.T) {
		f := deleted(t)
		foreign := f.do("POST", "/v1/deletions/del_1/restore", "X-API-Key: "+bobKey)
		absent := newFixture(t).do("POST", "/v1/deletions/del_1/restore", "X-API-Key: "+bobKey)
		foreign.refused(t, 404, "RESOURCE_NOT_FOUND")
		require.Equal(t, absent, foreign)
		require.Equal(t, absent, f.do("POST", "/v1/deletions/del_9/restore"), "nor does the answer depend on the id")
		require.Equal(t, threads.Counts{Live: 1, Deleted: 2}, f.count("ada", threads.All()))
	})

	t.Run("an id that cannot be one is 422", func(t *testing.T) {
		f := deleted(t)
		for _, id := range []string{"%00", "%FF", strings.Repeat("d", 129)} {
			f.do("POST", "/v1/deletions/"+id+"/restore").refused(t, 422, "VALIDATION_ERROR")
		}
	})

	t.Run("it takes no query", func(t *testing.T) {
		f := deleted(t)
		for _, query := range []string{"organization_id=org_a", "&", "x"} {
			f.do("POST", "/v1/deletions/del_1/restore?"+query).refused(t, 400, "INVALID_REQUEST")
		}
		require.Equal(t, threads.Counts{Live: 1, Deleted: 2}, f.count("ada", threads.All()))
	})
}
