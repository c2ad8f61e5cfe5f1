package main

import (
	"bytes"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

var update = flag.Bool("update", false, "write testdata anew")

// volatile is what is different each time the demo runs.
var volatile = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(thrd|del)_[0-9a-f]{32}`), "${1}_HEX"},
	{regexp.MustCompile(`[0-9a-f]{32}`), "TRACE"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
}

func TestDemo(t *testing.T) {
	code, out, errOut := skein(t, "demo")
	require.Equal(t, exitSuccess, code, errOut)
	require.Empty(t, errOut)
	require.NotRegexp(t, `X-API-Key: [^$]`, out, "a key that is not redacted")
	for _, v := range volatile {
		out = v.pattern.ReplaceAllString(out, v.instead)
	}
	golden := filepath.Join("testdata", "demo.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(out), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out, "the demo's output; if it is meant to be different: go test ./cmd/skein -run TestDemo -update")

	_, again, _ := skein(t, "demo", "--store", "memory:")
	require.Equal(t, strings.Count(out, "\n"), strings.Count(again, "\n"), "lines of the demo on the default store, named")
}

func TestDemoFailsWhenItCannotPrint(t *testing.T) {
	var errOut bytes.Buffer
	if code := run(t.Context(), []string{"demo"}, broken{}, &errOut); code != exitFailure {
		t.Errorf("skein demo exits with %d when its output is lost; want %d", code, exitFailure)
	}
}

func TestDemoLeavesNothingBehind(t *testing.T) {
	temp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP"} { // of Unix and of Windows
		t.Setenv(name, temp)
	}
	code, _, errOut := skein(t, "demo")
	require.Equal(t, exitSuccess, code, errOut)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// The demo deletes threads, so it keeps away from those of others.
func TestDemoRefusesAStoreWithThreadsOfItsUsers(t *testing.T) {
	store := memory.New()
	svc := threads.NewService(store, nil)
	_, err := svc.Create(t.Context(), ben, threads.Draft{})
	require.NoError(t, err)
	err = demo(t.Context(), storeURL{"test:", func() (threads.Store, error) { return kept{store}, nil }}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "give it a store of its own")
	n, err := svc.Count(t.Context(), ben, threads.All())
	require.NoError(t, err)
	require.Equal(t, threads.Counts{Live: 1}, n)
}

// kept is a store that outlives the demo.
type kept struct{ threads.Store }

func (kept) Close() error { return nil }

// broken is a writer that takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A demo that does not look at the answers shows nothing. So each answer is
// spoilt in turn, and the story must notice.
func TestStoryNoticesEveryWrongAnswer(t *testing.T) {
	body := func(was, is string) func(*answer) {
		return func(a *answer) { a.body = strings.Replace(a.body, was, is, 1) }
	}
	spoils := []struct {
		name  string
		spoil func(*answer)
	}{
		{"another status", func(a *answer) { a.status++ }},
		{"half a body", func(a *answer) { a.body = a.body[:len(a.body)/2] }},
		{"a line more", func(a *answer) { a.body += "\n{}" }},
		{"another count deleted", func(a *answer) { a.body = regexp.MustCompile(`"deleted":\d`).ReplaceAllString(a.body, `"deleted":8`) }},
		{"another count restored", body(`"restored":3`, `"restored":4`)},
		{"another title", body(`"title":"`, `"title":"x`)},
		{"another user", body(`"user_id":"`, `"user_id":"x`)},
		{"another time", body(`"created_at":"2`, `"created_at":"3`)},
		{"no list", body(`"data":[`, `"data":null,"was":[`)},
		{"more in the list", body(`"has_more":false`, `"has_more":true`)},
		{"another order of members", body(`"code":"VALIDATION_ERROR","message":"Please check your input and try again.",`, `"message":"Please check your input and try again.","code":"VALIDATION_ERROR",`)},
		{"another trace in the body", body(`"trace_id":"`, `"trace_id":"0`)},
		{"another form of time", body(`Z"}}`, `+00:00"}}`)},
		{"undo elsewhere", func(a *answer) {
			if undo := a.header.Get("Skein-Undo"); undo != "" {
				a.header.Set("Skein-Undo", "http://127.0.0.1:1"+undo)
			}
		}},
		{"no deletion named", func(a *answer) { a.header.Del("Skein-Deletion-Id") }},
		{"a deletion where nothing is deleted", func(a *answer) {
			if a.status == http.StatusUnprocessableEntity {
				a.header.Set("Skein-Deletion-Id", "del_1")
			}
		}},
	}
	secrets := demoKeys(t)
	honest, err := secrets.tell(t, -1, nil)
	require.NoError(t, err)
	require.Greater(t, len(honest), 15, "answers in the story")
	for _, s := range spoils {
		t.Run(s.name, func(t *testing.T) {
			spoilt := 0
			for k, a := range honest {
				was := answer{a.request, a.status, a.header.Clone(), a.body}
				if s.spoil(&a); reflect.DeepEqual(a, was) {
					continue // this answer has nothing of the kind
				}
				spoilt++
				if _, err := secrets.tell(t, k, s.spoil); err == nil {
					t.Errorf("the story ends well although answer %d of %d, to %s, is spoilt", k+1, len(honest), a.request)
				}
			}
			require.Positive(t, spoilt, "answers that have something of the kind")
		})
	}
}

// demoUsers is a key for each user of the demo.
type demoUsers struct {
	keys    *apikey.File
	secrets map[string]string
}

func demoKeys(t *testing.T) demoUsers {
	t.Helper()
	keys, err := apikey.Create(filepath.Join(t.TempDir(), "keys.json"))
	require.NoError(t, err)
	u := demoUsers{keys, map[string]string{}}
	for _, user := range []string{ada, ben} {
		u.secrets[user], _, err = keys.Add(user, threads.All(), time.Time{}, time.Now())
		require.NoError(t, err)
	}
	return u
}

// tell tells the story against a server whose k-th answer is spoilt, and
// returns the answers that it gave.
func (u demoUsers) tell(t *testing.T, k int, spoil func(*answer)) ([]answer, error) {
	t.Helper()
	var answers []answer
	handler := httpx.New(threads.NewService(memory.New(), nil), u.keys, quiet())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		handler.ServeHTTP(recorded, r)
		a := answer{r.Method + " " + r.URL.RequestURI(), recorded.Code, recorded.Header(), recorded.Body.String()}
		if len(answers) == k {
			spoil(&a)
		}
		answers = append(answers, a)
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	defer server.Close()
	err := tell(t.Context(), server.URL, u.secrets, io.Discard)
	return answers, err
}
