package metrics_test

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/examples/metrics"
	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// send makes a request as the user and returns the body of the answer.
func send(t *testing.T, method, url, user string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	r.Header.Set("X-User", user)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(send(t, http.MethodGet, url+"/metrics", "")))
	require.NoError(t, err)
	return families
}

// labels returns the values of the metric's labels, in the order of their
// names.
func labels(m *dto.Metric) string {
	var values []string
	for _, l := range m.GetLabel() {
		values = append(values, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(values, " ")
}

func TestMetrics(t *testing.T) {
	svc := threads.NewService(memory.New(), nil)
	auth := httpx.AuthenticatorFunc(func(r *http.Request) (httpx.Caller, error) {
		if r.Header.Get("X-User") == "" {
			return httpx.Caller{}, httpx.ErrNoCredentials
		}
		return httpx.Caller{User: r.Header.Get("X-User")}, nil
	})
	server := httptest.NewServer(metrics.New(svc, auth, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	require.Empty(t, scrape(t, server.URL), "before the first request")

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, path := range []string{"/v1/threads", "/v1/threads?organization_id=org_secret"} {
				send(t, http.MethodDelete, server.URL+path, "ada")
			}
			send(t, http.MethodDelete, server.URL+"/v1/threads?organization_id=secret", "ada")
			send(t, http.MethodGet, server.URL+"/v1/threads/thrd_secret", "ada")
			send(t, http.MethodGet, server.URL+"/v1/threads", "")
			send(t, http.MethodGet, server.URL+"/secret", "ada")
			send(t, http.MethodPut, server.URL+"/v1/threads", "ada")
		})
	}
	wg.Wait()

	families := scrape(t, server.URL)
	require.Equal(t, dto.MetricType_COUNTER, families["skein_http_requests_total"].GetType())
	got := map[string]float64{}
	for _, m := range families["skein_http_requests_total"].GetMetric() {
		got[labels(m)] = m.GetCounter().GetValue()
	}
	require.Equal(t, map[string]float64{
		"class= method=DELETE route=/v1/threads status=200":            8,
		"class=invalid method=DELETE route=/v1/threads status=422":     4,
		"class=not_found method=GET route=/v1/threads/{id} status=404": 4,
		"class=no_credentials method=GET route=/v1/threads status=401": 4,
		"class=no_route method= route= status=404":                     4,
		"class=method method= route= status=405":                       4,
	}, got)

	require.Equal(t, dto.MetricType_HISTOGRAM, families["skein_http_request_seconds"].GetType())
	counts := map[string]uint64{}
	for _, m := range families["skein_http_request_seconds"].GetMetric() {
		counts[labels(m)] = m.GetHistogram().GetSampleCount()
	}
	require.Equal(t, map[string]uint64{
		"method=DELETE route=/v1/threads":   12,
		"method=GET route=/v1/threads/{id}": 4,
		"method=GET route=/v1/threads":      4,
		"method= route=":                    8,
	}, counts)

	require.ElementsMatch(t, []string{"skein_http_requests_total", "skein_http_request_seconds"}, slices.Collect(maps.Keys(families)))
	text := send(t, http.MethodGet, server.URL+"/metrics", "")
	require.NotContains(t, text, "secret")
	require.NotContains(t, text, "ada")
}
