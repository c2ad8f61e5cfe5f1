package httpx_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

func TestGetThread(t *testing.T) {
	f := newFixture(t)
	created := f.send("POST", "/v1/threads", `{"organization_id":"org_a","title":"one"}`)
	require.Equal(t, `"1"`, created.header.Get("ETag"))

	t.Run("is what its creation answered", func(t *testing.T) {
		got := f.do("GET", "/v1/threads/thrd_1")
		require.Equal(t, 200, got.status)
		require.Equal(t, created.body, got.body)
		require.Equal(t, `"1"`, got.header.Get("ETag"))
	})
	t.Run("a thread of another and one that never was are the same bytes", func(t *testing.T) {
		foreign := f.do("GET", "/v1/threads/thrd_1", "X-API-Key: "+bobKey)
		foreign.refused(t, 404, "RESOURCE_NOT_FOUND")
		require.Equal(t, foreign.body, f.do("GET", "/v1/threads/thrd_absent").body)
	})
	t.Run("parameters and bodies are refused", func(t *testing.T) {
		f.do("GET", "/v1/threads/thrd_1?include_deleted=true").refused(t, 400, "INVALID_REQUEST")
		f.send("GET", "/v1/threads/thrd_1", "{}").refused(t, 400, "INVALID_REQUEST")
	})
	t.Run("a deleted one is 404", func(t *testing.T) {
		require.Equal(t, 204, f.do("DELETE", "/v1/threads/thrd_1").status)
		f.do("GET", "/v1/threads/thrd_1").refused(t, 404, "RESOURCE_NOT_FOUND")
	})
}

func TestUpdateThread(t *testing.T) {
	const full = `{"organization_id":"org_a","title":"one","metadata":{"a":"1","b":"2"},"assistant_id":"asst_1","visible_in_ui":false}`
	of := func(t *testing.T) *fixture {
		t.Helper()
		f := newFixture(t)
		require.Equal(t, 201, f.send("POST", "/v1/threads", full).status)
		return f
	}
	for name, c := range map[string]struct {
		body string
		want func(*thread)
	}{
		"what is left out stays":         {`{}`, func(*thread) {}},
		"what is the same stays":         {strings.Replace(full, `"organization_id":"org_a",`, "", 1), func(*thread) {}},
		"a title":                        {`{"title":"two"}`, func(got *thread) { two := "two"; got.Title = &two }},
		"null clears the title":          {`{"title":null}`, func(got *thread) { got.Title = nil }},
		"an empty title clears it":       {`{"title":""}`, func(got *thread) { got.Title = nil }},
		"null clears the assistant":      {`{"assistant_id":null}`, func(got *thread) { got.AssistantID = nil }},
		"null shows":                     {`{"visible_in_ui":null}`, func(got *thread) { got.VisibleInUI = true }},
		"metadata is merged":             {`{"metadata":{"b":"3","c":"4"}}`, func(got *thread) { got.Metadata = map[string]string{"a": "1", "b": "3", "c": "4"} }},
		"a null pair is removed":         {`{"metadata":{"a":null,"absent":null}}`, func(got *thread) { got.Metadata = map[string]string{"b": "2"} }},
		"null clears metadata":           {`{"metadata":null}`, func(got *thread) { got.Metadata = map[string]string{} }},
		"empty metadata changes nothing": {`{"metadata":{}}`, func(*thread) {}},
	} {
		t.Run(name, func(t *testing.T) {
			f := of(t)
			want := decode[thread](t, f.do("GET", "/v1/threads/thrd_1"), 200)
			before := want
			c.want(&want)
			r := f.send("PATCH", "/v1/threads/thrd_1", c.body)
			got := decode[thread](t, r, 200)
			changed := r.header.Get("ETag") == `"2"`
			require.Equal(t, changed, got.UpdatedAt != before.UpdatedAt, "updated-at and the version change together")
			want.UpdatedAt = got.UpdatedAt
			require.Equal(t, want, got)
			before.UpdatedAt = got.UpdatedAt
			require.Equal(t, changed, !reflect.DeepEqual(before, got), "and only if something did")
			require.Equal(t, r.body, f.do("GET", "/v1/threads/thrd_1").body)
		})
	}

	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"an unknown member":           {400, `{"titel":"x"}`},
		"another organization":        {400, `{"organization_id":"org_b"}`},
		"a member twice":              {400, `{"title":"x","title":"y"}`},
		"a list":                      {400, `[]`},
		"half a body":                 {400, `{"title":`},
		"a number as title":           {422, `{"title":1}`},
		"a title that is too long":    {422, `{"title":"` + strings.Repeat("x", threads.MaxTitle+1) + `"}`},
		"an empty assistant":          {422, `{"assistant_id":""}`},
		"a list as metadata":          {422, `{"metadata":[]}`},
		"a number in metadata":        {422, `{"metadata":{"a":1}}`},
		"a pair twice":                {400, `{"metadata":{"a":"1","a":"2"}}`},
		"too many pairs":              {422, `{"metadata":{` + pairs(threads.MaxMetadataPairs+1) + `}}`},
		"visible_in_ui as text":       {422, `{"visible_in_ui":"true"}`},
		"one good and one bad member": {422, `{"title":"x","visible_in_ui":1}`},
	} {
		t.Run("refuses "+name+", and nothing is changed", func(t *testing.T) {
			f := of(t)
			before := f.do("GET", "/v1/threads/thrd_1").body
			code := map[int]string{400: "INVALID_REQUEST", 422: "VALIDATION_ERROR"}[c.status]
			f.send("PATCH", "/v1/threads/thrd_1", c.body).refused(t, c.status, code)
			require.Equal(t, before, f.do("GET", "/v1/threads/thrd_1").body)
		})
	}

	t.Run("absent, foreign and deleted are 404", func(t *testing.T) {
		f := of(t)
		f.send("PATCH", "/v1/threads/thrd_1", `{}`, "X-API-Key: "+bobKey).refused(t, 404, "RESOURCE_NOT_FOUND")
		f.send("PATCH", "/v1/threads/thrd_2", `{}`).refused(t, 404, "RESOURCE_NOT_FOUND")
		require.Equal(t, 200, f.do("DELETE", "/v1/threads").status)
		f.send("PATCH", "/v1/threads/thrd_1", `{"title":"back"}`).refused(t, 404, "RESOURCE_NOT_FOUND")
		require.Equal(t, threads.Counts{Deleted: 1}, f.count("ada", threads.All()), "an update brings nothing back")
	})
}

func pairs(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"k`+strings.Repeat("x", i)+`":"v"`)
	}
	return strings.Join(list, ",")
}

func TestConditionalUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"no condition":                {"", 200},
		"the version that is":         {`If-Match: "2"`, 200},
		"one of several":              {`If-Match: "1", "2" ,"9"`, 200},
		"any":                         {`If-Match: *`, 200},
		"the version that was":        {`If-Match: "1"`, 412},
		"the next one":                {`If-Match: "3"`, 412},
		"a weak tag":                  {`If-Match: W/"2"`, 412},
		"a tag of somebody else":      {`If-Match: "abc"`, 412},
		"another spelling of it":      {`If-Match: "02"`, 412},
		"any version, by our name":    {`If-Match: "-1"`, 412},
		"the version beyond all":      {`If-Match: "9223372036854775808"`, 412},
		"no quotes":                   {`If-Match: 2`, 400},
		"half a tag":                  {`If-Match: "2`, 400},
		"an empty piece":              {`If-Match: "2",`, 400},
		"any and more":                {`If-Match: *, "2"`, 400},
		"If-None-Match":               {`If-None-Match: "1"`, 400},
		"If-Unmodified-Since":         {`If-Unmodified-Since: Mon, 22 Dec 2025 15:30:00 GMT`, 400},
		"a header like the condition": {`X-If-Match: "2"`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.create("ada", "")
			require.Equal(t, `"2"`, f.send("PATCH", "/v1/threads/thrd_1", `{"title":"one"}`).header.Get("ETag"))
			before := f.do("GET", "/v1/threads/thrd_1").body
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			r := f.send("PATCH", "/v1/threads/thrd_1", `{"title":"two"}`, headers...)
			if c.status == 200 {
				require.Equal(t, "two", *decode[thread](t, r, 200).Title)
				require.Equal(t, `"3"`, r.header.Get("ETag"))
				return
			}
			r.refused(t, c.status, map[int]string{400: "INVALID_REQUEST", 412: "PRECONDITION_FAILED"}[c.status])
			require.Equal(t, before, f.do("GET", "/v1/threads/thrd_1").body)
		})
	}
	t.Run("an absent thread is 404 all the same", func(t *testing.T) {
		newFixture(t).send("PATCH", "/v1/threads/thrd_1", `{}`, `If-Match: "1"`).refused(t, 404, "RESOURCE_NOT_FOUND")
	})
}

func TestPinThread(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a")
	r := f.do("POST", "/v1/threads/thrd_1/pin")
	require.Equal(t, 200, r.status)
	require.Equal(t, `{"id":"thrd_1","is_pinned":true,"pinned_at":"2025-01-02T03:04:07.678901Z","message":"Thread pinned successfully"}`, r.body)
	require.Equal(t, r.body, f.do("POST", "/v1/threads/thrd_1/pin").body, "it can be repeated, and keeps the time")
	require.True(t, decode[thread](t, f.do("GET", "/v1/threads/thrd_1"), 200).IsPinned)
	for range 2 {
		r = f.do("POST", "/v1/threads/thrd_1/unpin")
		require.Equal(t, `{"id":"thrd_1","is_pinned":false,"pinned_at":null,"message":"Thread unpinned successfully"}`, r.body)
	}
	for _, path := range []string{"/v1/threads/thrd_1/pin", "/v1/threads/thrd_1/unpin", "/v1/threads/thrd_1/restore"} {
		f.send("POST", path, "{}").refused(t, 400, "INVALID_REQUEST")
		f.do("POST", path+"?x=1").refused(t, 400, "INVALID_REQUEST")
		f.do("POST", path, `If-Match: "1"`).refused(t, 400, "INVALID_REQUEST")
		foreign := f.do("POST", path, "X-API-Key: "+bobKey)
		foreign.refused(t, 404, "RESOURCE_NOT_FOUND")
		require.Equal(t, foreign.body, f.do("POST", strings.Replace(path, "thrd_1", "thrd_2", 1)).body)
	}
	require.Equal(t, 204, f.do("DELETE", "/v1/threads/thrd_1").status)
	f.do("POST", "/v1/threads/thrd_1/pin").refused(t, 404, "RESOURCE_NOT_FOUND")
}

func TestDeleteThread(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_a")
	f.create("bob", "org_a")
	r := f.do("DELETE", "/v1/threads/thrd_1")
	require.Equal(t, 204, r.status)
	require.Empty(t, r.body)
	require.Empty(t, r.header.Get("Content-Type"))
	require.Equal(t, "del_1", r.header.Get("Skein-Deletion-Id"))
	require.Equal(t, "/v1/deletions/del_1/restore", r.header.Get("Skein-Undo"))
	require.Equal(t, threads.Counts{Live: 1, Deleted: 1}, f.count("ada", threads.All()))

	f.do("DELETE", "/v1/threads/thrd_1").refused(t, 404, "RESOURCE_NOT_FOUND")
	foreign := f.do("DELETE", "/v1/threads/thrd_3")
	foreign.refused(t, 404, "RESOURCE_NOT_FOUND")
	require.Equal(t, foreign.body, f.do("DELETE", "/v1/threads/thrd_9").body)
	require.Equal(t, threads.Counts{Live: 1}, f.count("bob", threads.All()))

	require.Equal(t, `{"restored":1,"message":"Successfully restored 1 thread(s)"}`, f.do("POST", r.header.Get("Skein-Undo")).body)
	require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.All()))
}

// What asks for something else than the deletion of one thread deletes none,
// and a path that lost its id is never the call for all.
func TestDeleteThreadNeverGuesses(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_a")
	for _, c := range []struct{ target, body, header string }{
		{"/v1/threads/thrd_1?organization_id=org_a", "", ""},
		{"/v1/threads/thrd_1", `{"id":"thrd_2"}`, ""},
		{"/v1/threads/thrd_1", "", `If-Match: "7"`},
		{"/v1/threads/thrd_1", "", "X-HTTP-Method-Override: GET"},
		{"/v1/threads/thrd_1", "", "X-Dry-Run: true"},
		{"/v1/threads/", "", ""},
		{"/v1/threads//", "", ""},
		{"/v1/threads/%20", "", ""},
		{"/v1/threads/.", "", ""},
		{"/v1/threads/..", "", ""},
		{"/v1/threads/*", "", ""},
		{"/v1/threads/all", "", ""},
		{"/v1/threads/org_a", "", ""},
		{"/v1/threads/thrd_1,thrd_2", "", ""},
		{"/v1/threads/thrd_1%2Fpin", "", ""},
		{"/v1/threads/thrd_1/", "", ""},
		{"/v1/threads/%00", "", ""},
		{"/v1/threads/" + strings.Repeat("x", 200), "", ""},
	} {
		t.Run(c.target+" "+c.body+c.header, func(t *testing.T) {
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			r := f.send("DELETE", c.target, c.body, headers...)
			require.GreaterOrEqual(t, r.status, 400)
			require.Less(t, r.status, 500)
			require.Equal(t, threads.Counts{Live: 2}, f.count("ada", threads.All()))
		})
	}
}

func TestRestoreThread(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_a")
	before := f.do("GET", "/v1/threads/thrd_1").body
	require.Equal(t, 200, f.do("DELETE", "/v1/threads").status)
	r := f.do("POST", "/v1/threads/thrd_1/restore")
	require.Equal(t, 200, r.status)
	require.Equal(t, before, r.body, "exactly as it was")
	require.Equal(t, `"1"`, r.header.Get("ETag"))
	require.Equal(t, before, f.do("POST", "/v1/threads/thrd_1/restore").body, "it can be repeated")
	require.Equal(t, threads.Counts{Live: 1, Deleted: 1}, f.count("ada", threads.All()))

	_, err := f.service.Purge(t.Context(), "ada", time.Now().Add(time.Hour), 1)
	require.NoError(t, err)
	f.do("POST", "/v1/threads/thrd_2/restore").refused(t, 404, "RESOURCE_NOT_FOUND")
}

// An unknown outcome is told as one, with what to look for.
func TestDeleteThreadWithAnUnknownOutcome(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "")
	f.store.before = func(_ context.Context, method string) error {
		if method == "Delete" {
			return threads.ErrUnknownOutcome
		}
		return nil
	}
	r := f.do("DELETE", "/v1/threads/thrd_1")
	r.refused(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
	require.Equal(t, "del_1", r.header.Get("Skein-Deletion-Id"))
}

// 412 is about a precondition. A request that had none is told something else
// when others are always faster.
func TestUpdateThatOthersKeepFromHappening(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "")
	f.store.before = func(_ context.Context, method string) error {
		if method == "Update" {
			return threads.ErrVersionMismatch
		}
		return nil
	}
	const path = "/v1/threads/thrd_1"
	f.send("PATCH", path, `{"title":"x"}`).refused(t, 409, "RESOURCE_CONFLICT")
	f.send("PATCH", path, `{"title":"x"}`, "If-Match: *").refused(t, 409, "RESOURCE_CONFLICT")
	f.do("POST", path+"/pin").refused(t, 409, "RESOURCE_CONFLICT")
	f.send("PATCH", path, `{"title":"x"}`, `If-Match: "1"`).refused(t, 412, "PRECONDITION_FAILED")
	require.Equal(t, `"1"`, f.do("GET", path).header.Get("Etag"), "nothing was changed")
}
