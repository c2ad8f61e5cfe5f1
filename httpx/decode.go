package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// hasBody reports whether the request may have a body that is not empty. The
// length alone does not tell: it is -1 if unknown, and 0 in requests of
// adapters that do not set it.
func hasBody(r *http.Request) bool {
	return r.ContentLength > 0 || r.Body != nil && r.Body != http.NoBody
}

// boundBody gives the body as long to arrive as the request has. Without a
// body the connection is left alone. The server lifts the deadline when it has
// read the body to its end. If it has not it must stay, for the server discards
// the rest before it sends the answer.
func (x *exchange) boundBody() {
	if deadline, ok := x.ctx.Deadline(); ok && hasBody(x.r) {
		_ = http.NewResponseController(x.w).SetReadDeadline(deadline) // not supported: the server's own bounds hold
	}
}

// noBody refuses a request that has a body. It reads a byte to know.
func (x *exchange) noBody() error {
	if !hasBody(x.r) {
		return nil
	}
	refused := &refusal{class: errMalformed, reason: "This request must not have a body, nor trailers."}
	if x.r.ContentLength > 0 {
		return refused
	}
	switch n, err := io.ReadFull(x.r.Body, make([]byte, 1)); {
	case n > 0:
		return refused
	case err != io.EOF:
		return unreadable(err)
	case len(x.r.Trailer) > 0: // known only now
		return refused
	}
	return nil
}

// readJSON returns the body of a request, which must be JSON.
func (h *handler) readJSON(x *exchange) ([]byte, error) {
	empty := &refusal{class: errMalformed, reason: "The request must have a body, a JSON object; {} will do."}
	switch {
	case !hasBody(x.r):
		return nil, empty
	case !isJSON(x.r.Header):
		return nil, &refusal{class: errMediaType, reason: "The request must have Content-Type: application/json, in UTF-8 and not compressed."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, h.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &refusal{class: errTooLarge, reason: fmt.Sprintf("The body must be at most %d bytes long.", tooLarge.Limit)}
	case err != nil:
		return nil, unreadable(err)
	}
	if len(body) == 0 {
		return nil, empty
	}
	return body, nil
}

// unreadable is the error of a body that could not be read.
func unreadable(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlowBody
	}
	return &refusal{class: errMalformed, reason: "The body could not be read to its end."}
}

// isJSON reports whether the headers say that the body is plain JSON.
func isJSON(header http.Header) bool {
	types := header["Content-Type"]
	if len(types) != 1 || len(header["Content-Encoding"]) > 0 && header.Get("Content-Encoding") != "identity" {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	charset, has := params["charset"]
	return err == nil && mediaType == "application/json" && (!has || strings.EqualFold(charset, "utf-8"))
}

// member is one name and value of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// decodeObject reads a body that is one JSON object. Encoding/json takes more
// than can be meant: names in another case, the last of two values, text that
// is not Unicode with its faults replaced, null for anything. So only its
// grammar is used here.
func decodeObject(body []byte) ([]member, error) {
	switch {
	case !utf8.Valid(body):
		return nil, &refusal{class: errMalformed, reason: "The body must be valid UTF-8."}
	case !json.Valid(body):
		return nil, &refusal{class: errMalformed, reason: "The body must be one JSON object, and valid."}
	case hasLoneSurrogate(body):
		return nil, &refusal{class: errMalformed, reason: `The body must not have half of a surrogate pair (\ud800 to \udfff).`}
	case !isObject(body):
		return nil, &refusal{class: errMalformed, reason: "The body must be a JSON object."}
	}
	return members(body)
}

// members returns what is in a valid JSON object, in its order. A name that
// comes twice is a 400.
func members(object []byte) ([]member, error) {
	var list []member
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token() // the brace
	for err == nil && d.More() {
		var name json.Token
		var m member
		if name, err = d.Token(); err != nil {
			break
		}
		m.name = name.(string)
		if seen[m.name] {
			return nil, malformed("member", m.name, "The body must not have a member twice.")
		}
		seen[m.name] = true
		err = d.Decode(&m.value)
		list = append(list, m)
	}
	if err != nil { // valid JSON has none
		return nil, &refusal{class: errMalformed, reason: "The body must be valid JSON."}
	}
	return list, nil
}

func isObject(value []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{"))
}

// hasLoneSurrogate reports whether valid JSON has an escape for half of a
// character, which encoding/json would replace.
func hasLoneSurrogate(text []byte) bool {
	high := false // whether the last escape was the first half
	for i := 0; i < len(text); i++ {
		unit := rune(-1)
		if text[i] == '\\' {
			i++
			if text[i] == 'u' {
				n, _ := strconv.ParseUint(string(text[i+1:i+5]), 16, 16) // valid JSON has four digits
				unit = rune(n)
				i += 4
			}
		}
		low := 0xDC00 <= unit && unit <= 0xDFFF
		if high != low {
			return true
		}
		high = 0xD800 <= unit && unit <= 0xDBFF
	}
	return false // the last byte of an object is a brace
}
