// Package metrics shows Prometheus metrics of Skein's HTTP handler. It is a
// module of its own, so that nobody who imports Skein gets Prometheus with it.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/threads"
)

// requests is what is measured of the requests to the handler.
//
// No label is about a user, an organization or an id: each value is a time
// series, and there are as many as there are routes, statuses and classes.
type requests struct {
	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newRequests(registry prometheus.Registerer) *requests {
	r := &requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "skein_http_requests_total",
			Help: "Requests that were answered, by route, status and class of the error, if any.",
		}, []string{"method", "route", "status", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "skein_http_request_seconds",
			Help:    "How long it took until the answer was known, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16), // half a millisecond to 16 seconds: beyond the handler's timeout
		}, []string{"method", "route"}),
	}
	registry.MustRegister(r.total, r.seconds)
	return r
}

// observe is for [httpx.Options]. Requests without a route share one value,
// whatever paths strangers think of.
func (r *requests) observe(_ context.Context, s httpx.Served) {
	r.total.WithLabelValues(s.Method, s.Route, strconv.Itoa(s.Status), s.Class).Inc()
	r.seconds.WithLabelValues(s.Method, s.Route).Observe(s.Duration.Seconds())
}

// New returns a handler with the API under /v1, and at /metrics what is
// measured of it. The latter asks for no credentials: a service puts it where
// only its own network gets to.
func New(svc *threads.Service, auth httpx.Authenticator, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	api := httpx.New(svc, auth, &httpx.Options{Logger: log, Observe: newRequests(registry).observe})
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			scrape.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}
