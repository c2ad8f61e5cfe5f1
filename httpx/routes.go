package httpx

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one endpoint.
type route struct {
	method  string
	pattern string // "{id}" stands for any one segment that is not empty
	serve   func(*handler, *exchange) (answer, error)
	open    bool // whether it needs no credentials; it then tells nothing about anyone
}

// routes returns every endpoint.
func routes() []route {
	return []route{
		{method: http.MethodDelete, pattern: "/v1/threads", serve: (*handler).deleteThreads},
		{method: http.MethodGet, pattern: "/v1/threads", serve: (*handler).listThreads},
		{method: http.MethodPost, pattern: "/v1/threads", serve: (*handler).createThread},
		{method: http.MethodGet, pattern: "/v1/threads/{id}", serve: (*handler).getThread},
		{method: http.MethodPatch, pattern: "/v1/threads/{id}", serve: (*handler).updateThread},
		{method: http.MethodDelete, pattern: "/v1/threads/{id}", serve: (*handler).deleteThread},
		{method: http.MethodPost, pattern: "/v1/threads/{id}/pin", serve: (*handler).pinThread},
		{method: http.MethodPost, pattern: "/v1/threads/{id}/unpin", serve: (*handler).unpinThread},
		{method: http.MethodPost, pattern: "/v1/threads/{id}/restore", serve: (*handler).restoreThread},
		{method: http.MethodGet, pattern: "/v1/deletions", serve: (*handler).listDeletions},
		{method: http.MethodGet, pattern: "/v1/deletions/{id}", serve: (*handler).getDeletion},
		{method: http.MethodGet, pattern: "/v1/deletions/{id}/threads", serve: (*handler).listDeletion},
		{method: http.MethodPost, pattern: restorePattern, serve: (*handler).restoreDeletion},
		{method: http.MethodGet, pattern: "/v1/openapi.yaml", serve: (*handler).getDescription, open: true},
	}
}

const restorePattern = "/v1/deletions/{id}/restore"

// findRoute returns the endpoint of a request, and what {id} stands for. It
// compares the path as it was sent, byte for byte: whoever sends another
// spelling may have meant another thing.
func findRoute(r *http.Request) (route, string, error) {
	path := r.URL.EscapedPath()
	var allow []string
	for _, one := range routes() {
		id, ok := match(one.pattern, path)
		if !ok {
			continue
		}
		if one.method == r.Method {
			return one, id, nil
		}
		allow = append(allow, one.method)
	}
	if allow == nil {
		return route{}, "", errNoRoute
	}
	slices.Sort(allow)
	methods := strings.Join(allow, ", ")
	return route{}, "", &refusal{
		class:  errMethod,
		reason: fmt.Sprintf("This path allows %s.", methods),
		header: [2]string{"Allow", methods},
	}
}

// match compares an escaped path with a pattern and returns the unescaped
// {id}.
func match(pattern, path string) (id string, ok bool) {
	before, after, has := strings.Cut(pattern, "{id}")
	if !has {
		return "", path == pattern
	}
	id, ok = strings.CutPrefix(path, before)
	if ok {
		id, ok = strings.CutSuffix(id, after)
	}
	if !ok || id == "" || strings.Contains(id, "/") {
		return "", false
	}
	id, err := url.PathUnescape(id)
	return id, err == nil
}

// undoPath returns the path, from the root of the server, that restores a
// deletion made by the request. It is unknown if the host has changed the path
// in another way than by taking a prefix off.
func undoPath(r *http.Request, deletion string) (path string, ok bool) {
	prefix := ""
	if r.RequestURI != "" {
		sent, err := url.ParseRequestURI(r.RequestURI)
		if err != nil {
			return "", false
		}
		if prefix, ok = strings.CutSuffix(sent.EscapedPath(), r.URL.EscapedPath()); !ok {
			return "", false
		}
	}
	path = prefix + strings.Replace(restorePattern, "{id}", url.PathEscape(deletion), 1)
	return path, !strings.HasPrefix(path, "//") // which would name a host
}
