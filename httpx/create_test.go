package httpx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

func TestCreateThread(t *testing.T) {
	t.Run("the smallest request makes a personal thread, in these bytes", func(t *testing.T) {
		f := newFixture(t)
		r := f.send("POST", "/v1/threads", `{}`)
		require.Equal(t, 201, r.status)
		require.Equal(t, `{"id":"thrd_1","object":"thread","created_at":"2025-01-02T03:04:06.678901Z","updated_at":"2025-01-02T03:04:06.678901Z",`+
			`"last_message_at":"2025-01-02T03:04:06.678901Z","metadata":{},"assistant_id":null,"organization_id":null,"user_id":"ada",`+
			`"title":null,"status":"inactive","message_count":0,"visible_in_ui":true,"last_model_used":null,"is_pinned":false,"pinned_at":null,"space_ids":[]}`,
			r.body)
		require.Equal(t, "application/json", r.header.Get("Content-Type"))
	})

	t.Run("every member comes back, text as it was", func(t *testing.T) {
		f := newFixture(t)
		r := f.send("POST", "/v1/threads", `{"organization_id":"org_a","title":"<b>Q&A</b> 'é' \ud83d\ude00 \u0001",`+
			`"metadata":{"z":"1","a":"","ключ":"\"\\"},"assistant_id":"asst_1","visible_in_ui":false}`)
		require.Equal(t, 201, r.status)
		require.Equal(t, `{"id":"thrd_1","object":"thread","created_at":"2025-01-02T03:04:06.678901Z","updated_at":"2025-01-02T03:04:06.678901Z",`+
			`"last_message_at":"2025-01-02T03:04:06.678901Z","metadata":{"a":"","z":"1","ключ":"\"\\"},"assistant_id":"asst_1","organization_id":"org_a","user_id":"ada",`+
			`"title":"<b>Q&A</b> 'é' 😀 \u0001","status":"inactive","message_count":0,"visible_in_ui":false,"last_model_used":null,"is_pinned":false,"pinned_at":null,"space_ids":[]}`,
			r.body)
	})

	t.Run("null is the same as leaving a member out", func(t *testing.T) {
		without, with := newFixture(t), newFixture(t)
		require.Equal(t, without.send("POST", "/v1/threads", `{}`), with.send("POST", "/v1/threads",
			`{"organization_id":null,"title":null,"metadata":null,"assistant_id":null,"visible_in_ui":null}`))
	})

	t.Run("escapes next to those of surrogate pairs", func(t *testing.T) {
		f := newFixture(t)
		got := decode[thread](t, f.send("POST", "/v1/threads", `{"title":"\ud800\udc00\uDBFF\uDFFF\ud7ff\ue000\\ud83d"}`), 201)
		require.Equal(t, "\U00010000\U0010ffff\ud7ff\ue000\\ud83d", *got.Title)
	})

	t.Run("visible_in_ui says whether it is hidden", func(t *testing.T) {
		f := newFixture(t)
		for _, visible := range []bool{true, false} {
			got := decode[thread](t, f.send("POST", "/v1/threads", fmt.Sprintf(`{"visible_in_ui":%t}`, visible)), 201)
			require.Equal(t, visible, got.VisibleInUI)
		}
	})

	t.Run("content types that are JSON", func(t *testing.T) {
		f := newFixture(t)
		for _, value := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", "application/json; profile=x"} {
			require.Equal(t, 201, f.send("POST", "/v1/threads", `{}`, "Content-Type: "+value).status, value)
		}
	})

	t.Run("the largest thread", func(t *testing.T) {
		f := newFixture(t)
		metadata := map[string]string{}
		for i := range threads.MaxMetadataPairs {
			metadata[strings.Repeat("€", threads.MaxMetadataKey-2)+fmt.Sprintf("%02d", i)] = strings.Repeat("😀", threads.MaxMetadataValue)
		}
		body, err := json.Marshal(map[string]any{
			"organization_id": "org_" + strings.Repeat("o", threads.MaxIdentifier-4),
			"title":           strings.Repeat("😀", threads.MaxTitle),
			"assistant_id":    strings.Repeat("a", threads.MaxIdentifier),
			"metadata":        metadata,
		})
		require.NoError(t, err)
		got := decode[thread](t, f.send("POST", "/v1/threads", string(body)), 201)
		require.Equal(t, metadata, got.Metadata)
	})
}

func TestCreateThreadRefuses(t *testing.T) {
	many := func(n int) string {
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = fmt.Sprintf(`"k%d":"v"`, i)
		}
		return `{"metadata":{` + strings.Join(pairs, ",") + `}}`
	}
	for _, row := range []struct {
		name    string
		body    string
		status  int
		details map[string]string // nil: not looked at
	}{
		// Not one JSON object.
		{name: "an empty body", body: "", status: 400},
		{name: "spaces", body: "  ", status: 400},
		{name: "an array", body: `[]`, status: 400},
		{name: "null", body: `null`, status: 400},
		{name: "a string", body: `"{}"`, status: 400},
		{name: "cut short", body: `{"title":"x"`, status: 400},
		{name: "two objects", body: `{}{}`, status: 400},
		{name: "something after the object", body: `{} x`, status: 400},
		{name: "a comma too many", body: `{"title":"x",}`, status: 400},
		{name: "a comment", body: `{/* */}`, status: 400},
		{name: "single quotes", body: `{'title':'x'}`, status: 400},
		{name: "a byte order mark", body: "\xef\xbb\xbf{}", status: 400},
		{name: "a form", body: `title=x`, status: 400},
		{name: "nesting without end", body: `{"a":` + strings.Repeat("[", 20_000), status: 400},

		// Members that are not known, or known twice.
		{name: "an unknown member", body: `{"name":"x"}`, status: 400, details: map[string]string{"member": "name"}},
		{name: "an unknown member that is null", body: `{"name":null}`, status: 400, details: map[string]string{"member": "name"}},
		{name: "a known member in another case", body: `{"Title":"x"}`, status: 400, details: map[string]string{"member": "Title"}},
		{name: "a member in Unicode's case folding", body: `{"vi\u017fible_in_ui":true}`, status: 400},
		{name: "a member that is ours to set", body: `{"id":"thrd_9"}`, status: 400, details: map[string]string{"member": "id"}},
		{name: "the user", body: `{"user_id":"bob"}`, status: 400},
		{name: "an empty name", body: `{"":1}`, status: 400},
		{name: "a member twice", body: `{"title":"x","title":"y"}`, status: 400, details: map[string]string{"member": "title"}},
		{name: "a member twice with the same value", body: `{"title":"x","title":"x"}`, status: 400},
		{name: "a member twice in another spelling", body: `{"title":"x","t\u0069tle":"y"}`, status: 400},
		{name: "a metadata key twice", body: `{"metadata":{"a":"1","a":"2"}}`, status: 400, details: map[string]string{"member": "a"}},

		// Text that would have to be changed.
		{name: "bytes that are not UTF-8", body: "{\"title\":\"\xff\"}", status: 400},
		{name: "the first half of a surrogate pair", body: `{"title":"\ud83d"}`, status: 400},
		{name: "the second half of a surrogate pair", body: `{"title":"\ude00"}`, status: 400},
		{name: "the last first half", body: `{"title":"\udbff"}`, status: 400},
		{name: "the first second half", body: `{"title":"\uDC00"}`, status: 400},
		{name: "the last second half", body: `{"title":"\uDFFF"}`, status: 400},
		{name: "the halves in the wrong order", body: `{"title":"\ude00\ud83d"}`, status: 400},
		{name: "a first half before another character", body: `{"title":"\ud83dx"}`, status: 400},
		{name: "a first half before an escape", body: `{"title":"\ud83d\\ude00"}`, status: 400},
		{name: "half of a pair in a metadata key", body: `{"metadata":{"\uDC00":"x"}}`, status: 400},

		// Values of another type.
		{name: "a number for the title", body: `{"title":1}`, status: 422, details: map[string]string{"title": "1"}},
		{name: "an object for the organization", body: `{"organization_id":{}}`, status: 422, details: map[string]string{"organization_id": "{}"}},
		{name: "true for the assistant", body: `{"assistant_id":true}`, status: 422},
		{name: "a string for visible_in_ui", body: `{"visible_in_ui":"false"}`, status: 422, details: map[string]string{"visible_in_ui": `"false"`}},
		{name: "a number for visible_in_ui", body: `{"visible_in_ui":0}`, status: 422},
		{name: "an array for the metadata", body: `{"metadata":[]}`, status: 422},
		{name: "a number in the metadata", body: `{"metadata":{"a":1}}`, status: 422, details: map[string]string{"metadata": "1"}},
		{name: "null in the metadata", body: `{"metadata":{"a":null}}`, status: 422},
		{name: "an object in the metadata", body: `{"metadata":{"a":{}}}`, status: 422},

		// Values that break a rule.
		{name: "a malformed organization", body: `{"organization_id":"invalid_id"}`, status: 422, details: map[string]string{"organization_id": "invalid_id"}},
		{name: "an empty organization", body: `{"organization_id":""}`, status: 422, details: map[string]string{"organization_id": ""}},
		{name: "an empty assistant", body: `{"assistant_id":""}`, status: 422},
		{name: "an assistant that is too long", body: `{"assistant_id":"` + strings.Repeat("a", 129) + `"}`, status: 422},
		{name: "an assistant with a control character", body: `{"assistant_id":"a\u0000"}`, status: 422},
		{name: "a title with NUL", body: `{"title":"a\u0000"}`, status: 422},
		{name: "a title that is too long", body: `{"title":"` + strings.Repeat("é", 201) + `"}`, status: 422},
		{name: "too many pairs of metadata", body: many(17), status: 422},
		{name: "an empty metadata key", body: `{"metadata":{"":"x"}}`, status: 422},
		{name: "a metadata key that is too long", body: `{"metadata":{"` + strings.Repeat("k", 65) + `":"x"}}`, status: 422},
		{name: "a metadata value that is too long", body: `{"metadata":{"k":"` + strings.Repeat("v", 513) + `"}}`, status: 422},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			code := map[int]string{400: "INVALID_REQUEST", 422: "VALIDATION_ERROR"}[row.status]
			got := f.send("POST", "/v1/threads", row.body).refused(t, row.status, code)
			if row.details != nil {
				require.Equal(t, row.details, got.Error.Details)
			}
			for name, value := range got.Error.Details {
				require.LessOrEqual(t, len(name+value), 400, "what is echoed is bounded")
			}
			require.Equal(t, threads.Counts{}, f.count("ada", threads.All()), "nothing is created")
		})
	}

	t.Run("a query, which it does not have", func(t *testing.T) {
		f := newFixture(t)
		got := f.send("POST", "/v1/threads?organization_id=org_a", `{}`).refused(t, 400, "INVALID_REQUEST")
		require.Equal(t, map[string]string{"parameter": "organization_id"}, got.Error.Details)
		require.Equal(t, threads.Counts{}, f.count("ada", threads.All()))
	})

	t.Run("no organization, if the host requires one", func(t *testing.T) {
		f := newFixture(t, func(o *httpx.Options) { o.RequireOrganization = true })
		for _, body := range []string{`{}`, `{"organization_id":null}`} {
			got := f.send("POST", "/v1/threads", body).refused(t, 422, "VALIDATION_ERROR")
			require.Equal(t, "Invalid organization_id format. Must be given", got.Error.SystemMessage)
		}
		require.Equal(t, 201, f.send("POST", "/v1/threads", `{"organization_id":"org_a"}`).status)
		require.Equal(t, 200, f.do("GET", "/v1/threads").status, "other endpoints do not need one")
	})
}

func TestBody(t *testing.T) {
	t.Run("another content type is 415", func(t *testing.T) {
		f := newFixture(t)
		for _, headers := range [][]string{
			{"Content-Type: "},
			{"Content-Type: text/plain"},
			{"Content-Type: application/x-www-form-urlencoded"},
			{"Content-Type: application/jsonp"},
			{"Content-Type: text/json"},
			{"Content-Type: application/json; charset=latin1"},
			{"Content-Type: application/json; charset"},
			{"Content-Type: application/json, text/plain"},
			{"Content-Encoding: gzip"},
		} {
			f.send("POST", "/v1/threads", `{}`, headers...).refused(t, 415, "UNSUPPORTED_MEDIA_TYPE")
		}
		r := httptest.NewRequest("POST", "/v1/threads", strings.NewReader(`{}`))
		r.Header["X-Api-Key"] = []string{adaKey}
		r.Header["Content-Type"] = []string{"application/json", "application/json"}
		serve(f, r).refused(t, 415, "UNSUPPORTED_MEDIA_TYPE")
		require.Equal(t, threads.Counts{}, f.count("ada", threads.All()))
	})

	t.Run("a body over the limit is 413, at the limit it is not", func(t *testing.T) {
		f := newFixture(t, func(o *httpx.Options) { o.MaxBody = 20 })
		body := `{"title":"` + strings.Repeat("x", 8) + `"}`
		require.Len(t, body, 20)
		require.Equal(t, 201, f.send("POST", "/v1/threads", body).status)
		got := f.send("POST", "/v1/threads", " "+body).refused(t, 413, "REQUEST_TOO_LARGE")
		require.Equal(t, "The body must be at most 20 bytes long.", got.Error.SystemMessage)
		chunked := httptest.NewRequest("POST", "/v1/threads", struct{ *strings.Reader }{strings.NewReader(" " + body)})
		chunked.Header = map[string][]string{"X-Api-Key": {adaKey}, "Content-Type": {"application/json"}}
		require.EqualValues(t, -1, chunked.ContentLength)
		serve(f, chunked).refused(t, 413, "REQUEST_TOO_LARGE")
		require.EqualValues(t, 1, f.count("ada", threads.All()).Live)
	})

	t.Run("the default limit", func(t *testing.T) {
		f := newFixture(t)
		pad := strings.Repeat(" ", httpx.DefaultMaxBody-2)
		require.Equal(t, 201, f.send("POST", "/v1/threads", pad+`{}`).status)
		f.send("POST", "/v1/threads", pad+` {}`).refused(t, 413, "REQUEST_TOO_LARGE")
	})

	t.Run("a chunked body of nothing is empty", func(t *testing.T) {
		f := newFixture(t)
		r := sendRaw(t, listen(t, f), "POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "+adaKey+
			"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		got := r.refused(t, 400, "INVALID_REQUEST")
		require.Contains(t, got.Error.SystemMessage, "must have a body")
	})

	t.Run("where there is none to be, one is refused", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		f.do("DELETE", "/v1/threads")
		for _, target := range []string{"GET /v1/threads", "POST /v1/deletions/del_1/restore"} {
			method, path, _ := strings.Cut(target, " ")
			f.send(method, path, `{}`).refused(t, 400, "INVALID_REQUEST")
		}
		require.Equal(t, threads.Counts{Deleted: 1}, f.count("ada", threads.All()))
	})

	t.Run("a body whose length an adapter left at 0 is seen all the same", func(t *testing.T) {
		f := newFixture(t)
		f.create("ada", "org_a")
		r := httptest.NewRequest("DELETE", "/v1/threads", strings.NewReader(`{"organization_id":"org_b"}`))
		r.ContentLength = 0
		r.Header.Set("X-API-Key", adaKey)
		serve(f, r).refused(t, 400, "INVALID_REQUEST")
		require.Equal(t, threads.Counts{Live: 1}, f.count("ada", threads.All()))
	})
}

func TestCreateThreadIdempotencyKey(t *testing.T) {
	const body = `{"organization_id":"org_a","title":"first","metadata":{"k":"v"}}`
	key := "Idempotency-Key: k1"
	ctx := context.Background()
	first := func(t *testing.T) (*fixture, response, string) {
		t.Helper()
		f := newFixture(t)
		r := f.send("POST", "/v1/threads", body, key)
		return f, r, decode[thread](t, r, 201).ID
	}

	t.Run("a repeated key gets the first answer and makes nothing", func(t *testing.T) {
		f, r, id := first(t)
		require.Regexp(t, `^thrd_[0-9a-f]{32}$`, id)
		require.Equal(t, r, f.send("POST", "/v1/threads", body, key))
		require.Equal(t, r, f.send("POST", "/v1/threads", `{"metadata":{"k":"v"}, "title":"first","organization_id":"org_a","assistant_id":null}`, key), "in another order")
		require.EqualValues(t, 1, f.count("ada", threads.All()).Live)
	})

	t.Run("with another request it is 422", func(t *testing.T) {
		f, _, _ := first(t)
		for _, other := range []string{
			`{}`,
			`{"organization_id":"org_b","title":"first","metadata":{"k":"v"}}`,
			`{"organization_id":"org_a","title":"second","metadata":{"k":"v"}}`,
			`{"organization_id":"org_a","title":"first","metadata":{"k":"w"}}`,
			`{"organization_id":"org_a","title":"first"}`,
			`{"organization_id":"org_a","title":"first","metadata":{"k":"v"},"assistant_id":"asst_1"}`,
			`{"organization_id":"org_a","title":"first","metadata":{"k":"v"},"visible_in_ui":false}`,
		} {
			f.send("POST", "/v1/threads", other, key).refused(t, 422, "VALIDATION_ERROR")
		}
		require.EqualValues(t, 1, f.count("ada", threads.All()).Live)
	})

	t.Run("another key, and another user's, make another thread", func(t *testing.T) {
		f, _, id := first(t)
		other := decode[thread](t, f.send("POST", "/v1/threads", body, "Idempotency-Key: k2"), 201).ID
		bobs := decode[thread](t, f.send("POST", "/v1/threads", body, key, "X-API-Key: "+bobKey), 201).ID
		require.NotEqual(t, id, other)
		require.NotEqual(t, id, bobs)
		require.EqualValues(t, 2, f.count("ada", threads.All()).Live)
		require.EqualValues(t, 1, f.count("bob", threads.All()).Live)
	})

	t.Run("a thread that was used but still says the same is the answer, as it is now", func(t *testing.T) {
		f, _, id := first(t)
		at := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
		_, err := f.service.Update(ctx, "ada", id, threads.AnyVersion, threads.Patch{LastActivityAt: &at})
		require.NoError(t, err)
		got := decode[thread](t, f.send("POST", "/v1/threads", body, key), 201)
		require.Equal(t, id, got.ID)
		require.Equal(t, "2025-06-01T00:00:00Z", got.LastMessageAt)
	})

	t.Run("a thread that was changed since is a conflict that names it", func(t *testing.T) {
		f, _, id := first(t)
		title := "renamed"
		_, err := f.service.Update(ctx, "ada", id, threads.AnyVersion, threads.Patch{Title: &title})
		require.NoError(t, err)
		got := f.send("POST", "/v1/threads", body, key).refused(t, 409, "RESOURCE_CONFLICT")
		require.Equal(t, map[string]string{"id": id}, got.Error.Details)
		f.send("POST", "/v1/threads", `{"organization_id":"org_b"}`, key).refused(t, 422, "VALIDATION_ERROR") // an organization never changes
		require.EqualValues(t, 1, f.count("ada", threads.All()).Live)
	})

	t.Run("a thread that was deleted since stays deleted, and the answer says so", func(t *testing.T) {
		f, _, id := first(t)
		f.do("DELETE", "/v1/threads")
		got := decode[thread](t, f.send("POST", "/v1/threads", body, key), 201)
		require.Equal(t, id, got.ID)
		require.Equal(t, "del_1", got.DeletionID)
		require.NotNil(t, got.DeletedAt)
		require.Equal(t, threads.Counts{Deleted: 1}, f.count("ada", threads.All()))
	})

	t.Run("once it is purged, the key is free", func(t *testing.T) {
		f, _, id := first(t)
		f.do("DELETE", "/v1/threads")
		_, err := f.service.Purge(ctx, "ada", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 10)
		require.NoError(t, err)
		got := decode[thread](t, f.send("POST", "/v1/threads", `{"title":"second"}`, key), 201)
		require.Equal(t, id, got.ID)
		require.Equal(t, "second", *got.Title)
	})

	t.Run("purged between two looks, it is made anew", func(t *testing.T) {
		f, _, id := first(t)
		f.do("DELETE", "/v1/threads")
		f.store.before = func(_ context.Context, method string) error {
			if method == "Get" {
				f.store.before = nil
				_, err := f.service.Purge(ctx, "ada", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 10)
				return err
			}
			return nil
		}
		got := decode[thread](t, f.send("POST", "/v1/threads", body, key), 201)
		require.Equal(t, id, got.ID)
		require.Nil(t, got.DeletedAt)
	})

	t.Run("a store that has it and has it not ends the tries", func(t *testing.T) {
		f := newFixture(t)
		f.store.before = func(_ context.Context, method string) error {
			return map[string]error{"Create": threads.ErrExists, "Get": threads.ErrNotFound}[method]
		}
		f.send("POST", "/v1/threads", body, key).refused(t, 409, "RESOURCE_CONFLICT")
	})

	t.Run("a store that cannot say whether it is the same request fails", func(t *testing.T) {
		f, _, _ := first(t)
		f.store.before = func(_ context.Context, method string) error {
			return map[string]error{"Get": threads.ErrClosed}[method]
		}
		f.send("POST", "/v1/threads", body, key).refused(t, 503, "SERVICE_UNAVAILABLE")
	})

	t.Run("of many requests at once, one makes the thread and all answer alike", func(t *testing.T) {
		f := newFixture(t)
		answers := make([]response, 32)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = f.send("POST", "/v1/threads", body, key) })
		}
		wg.Wait()
		require.Equal(t, 201, answers[0].status)
		for _, r := range answers {
			require.Equal(t, answers[0], r)
		}
		require.EqualValues(t, 1, f.count("ada", threads.All()).Live)
	})

	t.Run("a header that is not a key is refused", func(t *testing.T) {
		f := newFixture(t)
		r := httptest.NewRequest("POST", "/v1/threads", strings.NewReader(body))
		r.Header = map[string][]string{"X-Api-Key": {adaKey}, "Content-Type": {"application/json"}, "Idempotency-Key": {""}}
		serve(f, r).refused(t, 400, "INVALID_REQUEST")
		f.send("POST", "/v1/threads", body, "X-Idempotency-Key: k1").refused(t, 400, "INVALID_REQUEST")
		f.send("POST", "/v1/threads", body, "Idempotency-Key: "+strings.Repeat("k", 256)).refused(t, 422, "VALIDATION_ERROR")
		require.Equal(t, threads.Counts{}, f.count("ada", threads.All()))
	})
}
