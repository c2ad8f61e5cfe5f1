package httpx

import (
	"net/http"
	"path"
	"strings"
)

// Mount returns a handler that serves what is under the prefix with api, the
// prefix taken off, and everything else with rest: a host's own mux.
//
// An [http.ServeMux] alone would redirect a request whose path is not clean,
// and clients follow: DELETE /api/v1/threads/. would arrive as the call for
// all threads. Mount hands such a request to api as it came, where it is a 404.
//
// It panics if the prefix does not begin with a '/' or ends with one: that is a
// mistake in the program.
func Mount(prefix string, api, rest http.Handler) http.Handler {
	if !strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") {
		panic("httpx: Mount needs a prefix like /api")
	}
	under := http.StripPrefix(prefix, api)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, prefix+"/"):
			under.ServeHTTP(w, r)
		case strings.HasPrefix(path.Clean("/"+r.URL.Path)+"/", prefix+"/"):
			api.ServeHTTP(w, r) // it is under the prefix only when cleaned
		default:
			rest.ServeHTTP(w, r)
		}
	})
}
