package service

import (
	"net/http"
	"slices"
)

// cors lets pages of these origins call the handler from browsers, and read
// the headers of its answers. It names each origin and allows no cookies: who
// calls is said by a token that a page has to know.
//
// It goes around the handler, for a browser asks before it sends a DELETE, and
// it asks without credentials.
func cors(origins []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, header := r.Header.Get("Origin"), w.Header()
		header.Add("Vary", "Origin") // the answer to another origin is another
		allowed := slices.Contains(origins, origin)
		if allowed {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Expose-Headers", "ETag, Retry-After, Skein-Deletion-Id, Skein-Undo, Trace-Id")
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		if allowed {
			header.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-Match, Traceparent")
			header.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
