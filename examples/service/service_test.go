package service_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/examples/service"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

type sessions map[string]service.Session

func (s sessions) Find(token string) (service.Session, bool) {
	session, ok := s[token]
	return session, ok
}

const page = "https://app.example.com"

// host is the service on this machine.
type host struct {
	url string
	svc *threads.Service
}

func newHost(t *testing.T) host {
	t.Helper()
	svc := threads.NewService(memory.New(), nil)
	server := httptest.NewServer(service.New(svc, sessions{
		"token-of-ada": {User: "ada", Organizations: []string{"org_abc123"}},
		"token-of-ben": {User: "ben"},
	}, []string{page}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return host{server.URL, svc}
}

// send returns status, header and body of the answer.
func (h host) send(t *testing.T, method, path, token string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, nil)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, strings.TrimSpace(string(body))
}

func (h host) create(t *testing.T, user, organization string) {
	t.Helper()
	_, err := h.svc.Create(t.Context(), user, threads.Draft{Organization: organization})
	require.NoError(t, err)
}

func (h host) live(t *testing.T, user string) int64 {
	t.Helper()
	n, err := h.svc.Count(context.Background(), user, threads.All())
	require.NoError(t, err)
	return n.Live
}

func TestService(t *testing.T) {
	h := newHost(t)
	for _, user := range []string{"ada", "ada", "ben"} {
		h.create(t, user, "")
	}

	status, _, body := h.send(t, http.MethodGet, "/hello", "")
	require.Equal(t, http.StatusOK, status, "a page of the host's own")
	require.Equal(t, "Hello", body, "a page of the host's own")

	for _, token := range []string{"", "token-of-nobody"} {
		status, _, _ = h.send(t, http.MethodDelete, "/chat/v1/threads", token)
		require.Equal(t, http.StatusUnauthorized, status, "delete with token %q", token)
	}
	require.EqualValues(t, 2, h.live(t, "ada"), "live threads after requests that were not let in")

	status, header, body := h.send(t, http.MethodDelete, "/chat/v1/threads", "token-of-ada")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, body)
	require.EqualValues(t, 0, h.live(t, "ada"), "ada's live threads after she deleted hers")
	require.EqualValues(t, 1, h.live(t, "ben"), "ben's live threads after ada deleted hers")

	// Where to undo it is a reference that holds below the host's prefix too.
	deleted, err := url.Parse(h.url + "/chat/v1/threads")
	require.NoError(t, err)
	undo, err := deleted.Parse(header.Get("Skein-Undo"))
	require.NoError(t, err)
	status, _, body = h.send(t, http.MethodPost, undo.RequestURI(), "token-of-ben")
	require.Equal(t, http.StatusNotFound, status, "ben undoes ada's delete: %s", body)
	status, _, body = h.send(t, http.MethodPost, undo.RequestURI(), "token-of-ada")
	require.Equal(t, http.StatusOK, status, "ada undoes her delete at %s: %s", undo, body)
	require.EqualValues(t, 2, h.live(t, "ada"), "ada's live threads after the undo")
}

// Whoever left an organization cannot reach what they have there, and loses
// nothing of it.
func TestMemberships(t *testing.T) {
	h := newHost(t)
	for _, organization := range []string{"org_abc123", "org_left", ""} {
		h.create(t, "ada", organization)
	}
	status, _, body := h.send(t, http.MethodDelete, "/chat/v1/threads?organization_id=org_left", "token-of-ada")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, `"code":"ORGANIZATION_ACCESS_DENIED"`)
	status, _, body = h.send(t, http.MethodGet, "/chat/v1/threads", "token-of-ada")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 2, strings.Count(body, `"object":"thread"`), body)
	require.NotContains(t, body, "org_left")
	_, _, body = h.send(t, http.MethodDelete, "/chat/v1/threads", "token-of-ada")
	require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, body, "everything that ada may act on")
	require.EqualValues(t, 1, h.live(t, "ada"), "what is in the organization that she left")
}

func TestCORS(t *testing.T) {
	const threadsPath, foreign = "/chat/v1/threads", "https://elsewhere.example.com"
	h := newHost(t)
	h.create(t, "ada", "")
	ask := []string{"Access-Control-Request-Method: DELETE", "Access-Control-Request-Headers: authorization"}

	status, header, _ := h.send(t, http.MethodOptions, threadsPath, "", append(ask, "Origin: "+page)...)
	require.Equal(t, http.StatusNoContent, status, "a browser asks whether a page may delete")
	require.Equal(t, page, header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, header.Get("Access-Control-Allow-Methods"), "DELETE")
	require.Contains(t, header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.Empty(t, header.Get("Access-Control-Allow-Credentials"), "cookies are not allowed")
	require.EqualValues(t, 1, h.live(t, "ada"), "asking deletes nothing")

	for _, origin := range []string{foreign, "null", page + ".evil.example", "http://app.example.com"} {
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			_, header, _ = h.send(t, method, threadsPath, "", append(ask, "Origin: "+origin)...)
			require.Empty(t, header.Get("Access-Control-Allow-Origin"), "%s from %s", method, origin)
			require.Empty(t, header.Get("Access-Control-Allow-Methods"), "%s from %s", method, origin)
			require.Equal(t, "Origin", header.Get("Vary"))
		}
	}

	status, header, _ = h.send(t, http.MethodGet, threadsPath, "", "Origin: "+page)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, page, header.Get("Access-Control-Allow-Origin"), "so that the page can read why")
	status, header, _ = h.send(t, http.MethodDelete, threadsPath, "token-of-ada", "Origin: "+page)
	require.Equal(t, http.StatusOK, status)
	exposed := strings.Split(header.Get("Access-Control-Expose-Headers"), ", ")
	for _, name := range []string{"Skein-Undo", "Skein-Deletion-Id", "Trace-Id"} {
		require.Contains(t, exposed, name)
		require.NotEmpty(t, header.Get(name))
	}
	status, header, _ = h.send(t, http.MethodOptions, threadsPath, "")
	require.Equal(t, http.StatusMethodNotAllowed, status, "OPTIONS of nobody's page is not ours to answer")
	require.NotEmpty(t, header.Get("Allow"))
}
