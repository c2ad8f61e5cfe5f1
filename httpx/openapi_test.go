package httpx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/skein-go/skein/httpx"
)

// Every route is described, and every description has a route.
func TestOpenAPIDescribesTheRoutes(t *testing.T) {
	var description struct {
		Paths map[string]map[string]any
	}
	require.NoError(t, yaml.Unmarshal(httpx.OpenAPI(), &description))
	var described []string
	for path, item := range description.Paths {
		for method := range item {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	routes := httpx.Routes()
	slices.Sort(described)
	slices.Sort(routes)
	require.Equal(t, routes, described)
}

func TestOpenAPIIsServed(t *testing.T) {
	f := newFixture(t)
	for _, key := range []string{"X-API-Key: ", "X-API-Key: expired", "X-API-Key: panics"} {
		r := f.do("GET", "/v1/openapi.yaml", key)
		require.Equal(t, 200, r.status, "it needs no credentials and looks at none")
		require.Equal(t, "application/yaml", r.header.Get("Content-Type"))
		require.Equal(t, trace, r.header.Get("Trace-Id"))
		require.Equal(t, string(httpx.OpenAPI()), r.body)
	}
	f.do("GET", "/v1/openapi.yaml?x=1").refused(t, 400, "INVALID_REQUEST")
	f.send("GET", "/v1/openapi.yaml", "{}").refused(t, 400, "INVALID_REQUEST")

	httpx.OpenAPI()[0] = 'X'
	require.Equal(t, byte('o'), httpx.OpenAPI()[0], "the slice is the caller's")
}
