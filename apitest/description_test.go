package apitest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
)

// description is the OpenAPI description of the handler, as it is read.
type description struct {
	document   libopenapi.Document
	model      *v3.Document
	operations []operation // in the order of the description
}

// operation is one operation of the description.
type operation struct {
	id         string // the operationId
	method     string
	path       string // with {id} in it, if it has one
	open       bool   // whether it needs no credentials
	parameters []*v3.Parameter
	item       *v3.PathItem
	detail     *v3.Operation
}

func (o operation) String() string { return o.method + " " + o.path }

// at is the path of the operation for that id, escaped.
func (o operation) at(id string) string { return strings.Replace(o.path, "{id}", escape(id), 1) }

// hasID reports whether the operation is about one thing with an id.
func (o operation) hasID() bool { return strings.Contains(o.path, "{id}") }

// nowhere is a path that is put into the description for answers to requests
// that are for no operation.
const nowhere = "/nowhere"

// describe reads the description that the handler serves.
func describe(t testing.TB) *description {
	t.Helper()
	const answersOfNoOperation = "\n  " + nowhere + ": {get: {responses: {" +
		"'404': {$ref: '#/components/responses/NotFound'}, '405': {$ref: '#/components/responses/MethodNotAllowed'}}}}\n\ncomponents:\n"
	text := string(httpx.OpenAPI())
	require.Equal(t, 1, strings.Count(text, "\ncomponents:\n"), "places to put a path at")
	text = strings.Replace(text, "\ncomponents:\n", answersOfNoOperation, 1)

	document, err := libopenapi.NewDocument([]byte(text))
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	d := &description{document: document, model: &model.Model}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		if path == nowhere {
			continue
		}
		for method, detail := range item.GetOperations().FromOldest() {
			d.operations = append(d.operations, operation{
				id: detail.OperationId, method: strings.ToUpper(method), path: path,
				open:       detail.Security != nil && len(detail.Security) == 0,
				parameters: slices.Concat(item.Parameters, detail.Parameters),
				item:       item, detail: detail,
			})
		}
	}
	require.NotEmpty(t, d.operations)
	return d
}

// find returns the operation that a request is for. It compares the path as
// the description says: byte for byte but for the id.
func (d *description) find(r *http.Request) (operation, bool) {
	for _, o := range d.operations {
		if o.method != r.Method {
			continue
		}
		want, got := strings.Split(o.path, "/"), strings.Split(r.URL.EscapedPath(), "/")
		if slices.EqualFunc(want, got, func(w, g string) bool { return w == g || w == "{id}" && g != "" }) {
			return o, true
		}
	}
	return operation{}, false
}

// escape percent-encodes every byte of an id that is not a letter, a digit or
// one of "-_.~", so that it is one segment of a path.
func escape(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
