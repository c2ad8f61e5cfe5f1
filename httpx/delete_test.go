package httpx_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

func TestDeleteThreads(t *testing.T) {
	organizations := []string{"org_a", "org_a", "org_a", "org_b", "org_b", ""}

	t.Run("without an organization deletes every thread, in the seed's bytes", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", organizations...)
		f.create("bob", organizations...)
		r := f.do("DELETE", "/v1/threads")
		require.Equal(t, 200, r.status)
		require.Equal(t, `{"deleted":6,"message":"Successfully deleted 6 thread(s)"}`, r.body)
		require.Equal(t, http.Header{
			"Content-Type":           {"application/json"},
			"Cache-Control":          {"no-store"},
			"X-Content-Type-Options": {"nosniff"},
			"Trace-Id":               {trace},
			"Skein-Deletion-Id":      {"del_1"},
			"Skein-Undo":             {"/v1/deletions/del_1/restore"},
		}, r.header)
		require.Equal(t, threads.Counts{Deleted: 6}, f.count("ada", threads.All()))
		require.Equal(t, threads.Counts{Live: 6}, f.count("bob", threads.All()), "another user's threads are untouched")
	})

	t.Run("with an organization deletes that one's", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", organizations...)
		r := f.do("DELETE", "/v1/threads?organization_id=org_a")
		require.Equal(t, `{"deleted":3,"message":"Successfully deleted 3 thread(s)"}`, r.body)
		require.Equal(t, threads.Counts{Deleted: 3}, f.count("ada", threads.InOrganization("org_a")))
		require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.InOrganization("org_b")))
		require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.Personal()))
	})

	t.Run("none to delete is 200 with 0, and there is nothing to undo", func(t *testing.T) {
		f := newFixture(t)
		for _, target := range []string{"/v1/threads", "/v1/threads?organization_id=org_a"} {
			r := f.do("DELETE", target)
			require.Equal(t, 200, r.status)
			require.Equal(t, `{"deleted":0,"message":"Successfully deleted 0 thread(s)"}`, r.body)
			require.NotContains(t, r.header, "Skein-Deletion-Id")
			require.NotContains(t, r.header, "Skein-Undo")
		}
	})

	t.Run("a malformed organization is the seed's 422, byte for byte", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", organizations...)
		r := f.do("DELETE", "/v1/threads?organization_id=invalid_id")
		require.Equal(t, 422, r.status)
		require.Equal(t, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
			`"message":"Please check your input and try again.",`+
			`"system_message":"Invalid organization_id format. Must start with 'org_'",`+
			`"type":"validation_error","status":422,"details":{"organization_id":"invalid_id"},`+
			`"trace_id":"`+trace+`","timestamp":"`+timestamp+`"}}`, r.body)
		require.Equal(t, threads.Counts{Live: 6}, f.count("ada", threads.All()))
	})

	t.Run("other mistakes in an organization say what is right", func(t *testing.T) {
		f := newFixture(t)
		long := "org_"
		for len(long) < threads.MaxIdentifier+1 {
			long += "x"
		}
		for id, rule := range map[string]string{
			"org_":    "Must have at least one character after 'org_'",
			"org_a.b": "Must have only letters, digits, '_' and '-' after 'org_'",
			long:      "Must be at most 128 bytes long",
		} {
			got := f.do("DELETE", "/v1/threads?organization_id="+id).refused(t, 422, "VALIDATION_ERROR")
			require.Equal(t, "Invalid organization_id format. "+rule, got.Error.SystemMessage)
			require.Equal(t, map[string]string{"organization_id": id}, got.Error.Details)
		}
		huge := "org_"
		for len(huge) < 4000 {
			huge += "x"
		}
		got := f.do("DELETE", "/v1/threads?organization_id="+huge).refused(t, 422, "VALIDATION_ERROR")
		require.LessOrEqual(t, len(got.Error.Details["organization_id"]), 160, "what is echoed is bounded")
	})

	t.Run("what it deleted can be undone where Skein-Undo says", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", organizations...)
		undo := f.do("DELETE", "/v1/threads?organization_id=org_a").header.Get("Skein-Undo")
		require.Equal(t, `{"restored":3,"message":"Successfully restored 3 thread(s)"}`, f.do("POST", undo).body)
		require.Equal(t, threads.Counts{Live: 6}, f.count("ada", threads.All()))
	})
}

func TestDeleteThreadsIdempotencyKey(t *testing.T) {
	t.Run("a repeated key gets the first answer and deletes nothing newer", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b")
		first := f.do("DELETE", "/v1/threads", "Idempotency-Key: k1")
		require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, first.body)
		f.create("ada", "org_a")
		require.Equal(t, first, f.do("DELETE", "/v1/threads", "Idempotency-Key: k1"))
		require.Equal(t, threads.Counts{Live: 1, Deleted: 2}, f.count("ada", threads.All()))
	})

	t.Run("a call that deletes nothing is recorded if it has a key", func(t *testing.T) {
		f := newFixture(t)
		first := f.do("DELETE", "/v1/threads", "Idempotency-Key: k1")
		require.Equal(t, "del_1", first.header.Get("Skein-Deletion-Id"))
		f.create("ada", "org_a")
		require.Equal(t, first, f.do("DELETE", "/v1/threads", "Idempotency-Key: k1"))
		require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
	})

	t.Run("the same key with another scope is 422 and deletes nothing", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b")
		f.do("DELETE", "/v1/threads?organization_id=org_a", "Idempotency-Key: k1")
		for _, target := range []string{"/v1/threads", "/v1/threads?organization_id=org_b"} {
			f.do("DELETE", target, "Idempotency-Key: k1").refused(t, 422, "VALIDATION_ERROR")
		}
		require.Equal(t, threads.Counts{Live: 1, Deleted: 1}, f.count("ada", threads.All()))
	})

	t.Run("keys of two users have nothing to do with each other", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		f.create("bob", "org_b")
		f.do("DELETE", "/v1/threads?organization_id=org_a", "Idempotency-Key: k1")
		r := f.do("DELETE", "/v1/threads", "Idempotency-Key: k1", "X-API-Key: "+bobKey)
		require.Equal(t, `{"deleted":1,"message":"Successfully deleted 1 thread(s)"}`, r.body)
	})

	t.Run("of many calls at once with one key, one deletes and all answer alike", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b", "")
		answers := make([]response, 32)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = f.do("DELETE", "/v1/threads", "Idempotency-Key: k1") })
		}
		wg.Wait()
		require.Equal(t, `{"deleted":3,"message":"Successfully deleted 3 thread(s)"}`, answers[0].body)
		for _, r := range answers {
			require.Equal(t, answers[0], r)
		}
		page, err := f.service.Deletions(context.Background(), "ada", threads.Paging{})
		require.NoError(t, err)
		require.Len(t, page.Deletions, 1, "one deletion is recorded")
		require.EqualValues(t, 3, page.Deletions[0].Held)
	})

	t.Run("many calls at once without a key count each thread once", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a", "org_b", "")
		var mu sync.Mutex
		var wg sync.WaitGroup
		var sum int64
		for i := range 16 {
			wg.Go(func() {
				target := "/v1/threads"
				if i%2 == 0 {
					target += "?organization_id=org_a"
				}
				r := f.do("DELETE", target)
				var n int64
				_, err := fmt.Sscanf(r.body, `{"deleted":%d,`, &n)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("DELETE %s = %d %s: %v", target, r.status, r.body, err)
				}
				sum += n
			})
		}
		wg.Wait()
		require.EqualValues(t, 3, sum)
	})
}
