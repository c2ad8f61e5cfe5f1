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

type sessions map[string]string

func (s sessions) User(token string) (string, bool) {
	user, ok := s[token]
	return user, ok
}

// host is the service on this machine.
type host struct {
	url string
	svc *threads.Service
}

func newHost(t *testing.T) host {
	t.Helper()
	svc := threads.NewService(memory.New(), nil)
	server := httptest.NewServer(service.New(svc, sessions{"token-of-ada": "ada", "token-of-ben": "ben"}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return host{server.URL, svc}
}

// send returns status, header and body of the answer.
func (h host) send(t *testing.T, method, path, token string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, nil)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, strings.TrimSpace(string(body))
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
		_, err := h.svc.Create(t.Context(), user, threads.Draft{Organization: "org_abc123"})
		require.NoError(t, err)
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
