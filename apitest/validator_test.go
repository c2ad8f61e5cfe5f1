package apitest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	liberrors "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi/orderedmap"
	"github.com/stretchr/testify/require"
)

// checker holds requests and answers to the description. What the library
// does not look at, it looks at itself: parameters and headers that are
// repeated, bodies where none is described, bodies that are not there and
// should be, and what answers a request that is for no operation.
type checker struct {
	*description
	library validator.Validator
}

func newChecker(t testing.TB) *checker {
	t.Helper()
	d := describe(t)
	library, errs := validator.NewValidator(d.document,
		config.WithFormatAssertions(), config.WithContentAssertions(), config.WithRejectUndeclaredRequestBody(),
		config.WithStrictMode(),
		// Schemas say for themselves what else there may be in a body, and a
		// request may have any header and cookie.
		config.WithStrictIgnorePaths("$.body.**", "$.headers.**", "$.cookies.**"),
		config.WithStrictIgnoredHeadersExtra(ordinaryHeaders...))
	require.Empty(t, errs)
	ok, invalid := library.ValidateDocument()
	require.True(t, ok, "the description is valid OpenAPI: %v", joined(invalid))
	return &checker{d, library}
}

// ordinaryHeaders is what the two ends of a connection add of themselves.
var ordinaryHeaders = []string{"Date", "Content-Length", "Content-Type", "Connection", "Accept-Encoding", "User-Agent", "Host"}

// request returns what is wrong with a request, by the description.
func (c *checker) request(r *http.Request, body []byte) error {
	o, ok := c.find(r)
	if !ok {
		return fmt.Errorf("no operation is %s %s", r.Method, r.URL)
	}
	for name, values := range r.URL.Query() {
		if len(values) > 1 {
			return fmt.Errorf("parameter %s is there %d times", name, len(values))
		}
	}
	if o.detail.RequestBody == nil && len(body) > 0 {
		return errors.New("a body is there and none is described")
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	_, errs := c.library.ValidateHttpRequestSyncWithPathItem(r, o.item, o.path)
	return joined(errs)
}

// answer returns what is wrong with the answer to a request, by the
// description.
func (c *checker) answer(r *http.Request, status int, header http.Header, body []byte) error {
	o, ok := c.find(r)
	r = r.Clone(r.Context())
	item, path := o.item, o.path
	if !ok {
		r.Method, path = http.MethodGet, nowhere
		item = c.model.Paths.PathItems.GetOrZero(nowhere)
	}
	answer := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
	if _, errs := c.library.GetResponseBodyValidator().ValidateResponseBodyWithPathItem(r, answer, item, path); len(errs) > 0 {
		return joined(errs)
	}
	described := item.GetOperations().GetOrZero(strings.ToLower(r.Method)).Responses.Codes.GetOrZero(fmt.Sprint(status))
	for name, values := range header {
		_, known := described.Headers.Get(name)
		for h := range described.Headers.KeysFromOldest() {
			known = known || http.CanonicalHeaderKey(h) == name
		}
		if !known && !slices.Contains(ordinaryHeaders, name) {
			return fmt.Errorf("nobody described the header %s", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("header %s is there %d times", name, len(values))
		}
	}
	switch has := orderedmap.Len(described.Content) > 0; {
	case has && len(body) == 0:
		return errors.New("no body is there and one is described")
	case !has && (len(body) > 0 || header["Content-Type"] != nil):
		return fmt.Errorf("a body is there and none is described: %q", body)
	}
	return nil
}

func joined(list []*liberrors.ValidationError) error {
	var errs []error
	for _, err := range list {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
