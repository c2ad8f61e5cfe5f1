package httpx

import (
	_ "embed"
	"net/http"
	"slices"
)

// openAPI is the description of every endpoint. A test holds it against
// routes.
//
//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of every endpoint, in OpenAPI 3.1 as YAML.
// It is what GET /v1/openapi.yaml answers. The slice is the caller's.
func OpenAPI() []byte { return slices.Clone(openAPI) }

// getDescription is GET /v1/openapi.yaml.
func (h *handler) getDescription(x *exchange) (answer, error) {
	if err := x.bare(); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, header: [][2]string{{"Content-Type", "application/yaml"}}, text: openAPI}, nil
}
