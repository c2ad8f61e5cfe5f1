package apitest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pb33f/libopenapi/datamodel/high/base"

	"github.com/skein-go/skein/threads"
)

// drawer draws requests from the description.
type drawer struct {
	*rand.Rand
	*description
	ids, places   []string // of threads and deletions, of everybody; places are cursors
	own           []string // ids of what the operation is about, of the user who calls
	organizations []string
	mark          string // begins every text that is drawn, so that it can be told whose it is
}

func pick[T any](d *drawer, list []T) T { return list[d.IntN(len(list))] }

// oneIn is true once in n times.
func (d *drawer) oneIn(n int) bool { return d.IntN(n) == 0 }

// keys is few, so that they are used again.
var keys = []string{"k1", "k2", "org_a", "ключ", strings.Repeat("k", 255)}

// request draws a request that is valid by the description.
func (d *drawer) request(o operation) message {
	m := message{method: o.method, target: o.path}
	var query []string
	for _, p := range o.parameters {
		if !(p.Required != nil && *p.Required) && !d.oneIn(4) && !(p.Name == "limit" && d.oneIn(2)) {
			continue
		}
		value := d.parameter(p.Name, p.Schema.Schema())
		switch p.In {
		case "path":
			m.target = strings.Replace(m.target, "{"+p.Name+"}", escape(value), 1)
		case "query":
			query = append(query, p.Name+"="+url.QueryEscape(value))
		case "header":
			m.headers = append(m.headers, p.Name+": "+value)
		}
	}
	if len(query) > 0 {
		m.target += "?" + strings.Join(query, "&")
	}
	if o.detail.RequestBody != nil {
		media := o.detail.RequestBody.Content.GetOrZero("application/json")
		body, err := json.Marshal(d.value("", media.Schema.Schema()))
		if err != nil {
			panic(err)
		}
		m.body = string(body)
		m.headers = append(m.headers, "Content-Type: application/json")
	}
	return m
}

// parameter draws the value of a parameter.
func (d *drawer) parameter(name string, schema *base.Schema) string {
	mine := len(d.own) > 0 && !d.oneIn(4)
	switch {
	case name == "id" && mine:
		return pick(d, d.own)
	case name == "id":
		return pick(d, d.ids)
	case name == "after" || name == "before":
		if d.oneIn(2) && len(d.places) > 0 {
			return pick(d, d.places)
		} else if mine {
			return pick(d, d.own)
		}
		return pick(d, d.ids)
	}
	switch name {
	case "Idempotency-Key":
		return pick(d, keys)
	case "limit":
		if d.oneIn(2) {
			return pick(d, []string{"1", "2", "2", "3"}) // so that there are several pages
		}
	case "If-Match":
		return pick(d, []string{"*", `"1"`, `"2"`, `"1", "2"`, `"1","2" , "3"`, `W/"1"`, `"01"`, `"x"`, `"1" , "2","3"`})
	case "traceparent":
		return pick(d, []string{"00-" + aTrace + "-b7ad6b7169203331-01", "00-x", aTrace})
	}
	return fmt.Sprint(d.value(name, schema))
}

// value draws a value of that schema.
func (d *drawer) value(name string, schema *base.Schema) any {
	switch {
	case name == "organization_id" && !d.oneIn(3):
		return pick(d, d.organizations)
	case name == "assistant_id" && !d.oneIn(3):
		return pick(d, []string{"asst_1", "asst_2"})
	case len(schema.AnyOf) > 0:
		return d.value("", pick(d, schema.AnyOf).Schema())
	case len(schema.Enum) > 0:
		return pick(d, schema.Enum).Value
	}
	switch pick(d, schema.Type) {
	case "null":
		return nil
	case "boolean":
		return d.oneIn(2)
	case "integer":
		least, most := int(*schema.Minimum), int(*schema.Maximum)
		return pick(d, []int{least, most, least + d.IntN(3), least + d.IntN(most-least+1)})
	case "string":
		return d.text(schema)
	case "object":
		return d.object(schema)
	}
	panic(fmt.Sprintf("no value is drawn for %s %v", name, schema.Type))
}

func (d *drawer) object(schema *base.Schema) any {
	object := map[string]any{}
	for name, member := range schema.Properties.FromOldest() {
		if d.oneIn(2) {
			object[name] = d.value(name, member.Schema())
		}
	}
	if more := schema.AdditionalProperties; more != nil && more.IsA() {
		for range d.IntN(4) {
			object[pick(d, []string{"a", "b", "c", "ü", d.mark, strings.Repeat("k", 64)})] = d.value("", more.A.Schema())
		}
		if d.oneIn(20) {
			for i := range 16 - len(object) {
				object[fmt.Sprint(i)] = d.mark
			}
		}
	}
	return object
}

// text draws a text within its lengths; of an organization, one of its form.
func (d *drawer) text(schema *base.Schema) string {
	if strings.HasPrefix(schema.Pattern, "^org_") {
		return pick(d, d.organizations)
	}
	least, most := 0, 200
	if schema.MinLength != nil {
		least = int(*schema.MinLength)
	}
	if schema.MaxLength != nil {
		most = int(*schema.MaxLength)
	}
	letters := []string{"a", "B", "7", " ", "é", "<", "&", "\"", "\\", "\u2028", "😀"}
	if !strings.Contains(schema.Pattern, "Cc") {
		letters = append(letters, "\n", "\u0001", "\u0085")
	} else {
		most /= 4 // these are limited in bytes too
	}
	length := pick(d, []int{least, most, least + d.IntN(9), least + d.IntN(most-least+1)})
	text := ""
	if length >= len(d.mark) {
		text = d.mark
	}
	for utf8.RuneCountInString(text) < length {
		text += pick(d, letters)
	}
	return text
}

// spoilt is a request that is wrong in one way, or may be.
func (d *drawer) spoilt(m message) message {
	m.headers = slices.Clone(m.headers)
	join := "?"
	if strings.Contains(m.target, "?") {
		join = "&"
	}
	switch d.IntN(9) {
	case 0:
		m.target += join + pick(d, []string{"limit=0", "limit=101", "limit=-1", "limit=01", "limit=1e1", "limit=", "limit", "order=up", "order=DESC",
			"is_pinned=yes", "is_pinned=1", "visible_in_ui=maybe", "include_total=TRUE", "include_deleted=True", "organization_id=acme", "organization_id=org_",
			"organization_id=", "organization_id=org_a", "organizationId=org_a", "org_id=org_a", "after=x", "before=%00", "after=%ff", "x=1", "&", "=", ";", "%", "?", "dry_run=1"})
	case 1:
		m.target += pick(d, []string{"?", "/", "//", "/x", "%2F", "#x", "?&", "%00"})
	case 2:
		m.method = pick(d, []string{"PUT", "OPTIONS", "TRACE", "PROPFIND", "GET", "POST", "DELETE", "PATCH", "delete"})
	case 3:
		m.headers = append(m.headers, pick(d, []string{"X-Organization-Id: org_a", "Cookie: org=org_a", "If-None-Match: *", "If-Match: 1", "If-Match: \"1", "If-Unmodified-Since: x",
			"X-HTTP-Method-Override: GET", "Range: bytes=0-1", "X-Dry-Run: true", "Prefer: dry-run", "Idempotency-Key: ", "Idempotency-Key: ''", "Idempotent-Key: k1",
			"Idempotency-Key: " + strings.Repeat("k", 256), "X-Original-URL: /v1/threads?organization_id=org_a", "Referer: http://localhost/?organization_id=org_a"}))
	case 4:
		m.body = pick(d, []string{"{}", "", "null", "[]", "{", `{"title":1}`, `{"title":"x","title":"y"}`, `{"Title":"x"}`, `{"id":"x"}`, `{"user_id":"x"}`, `{"title":"\ud800"}`, "{\"title\":\"\xff\"}",
			`{"metadata":{"a":1}}`, `{"metadata":{"a":null}}`, `{"metadata":{"":"a"}}`, `{"metadata":[]}`, `{"organization_id":""}`, `{"organization_id":"acme"}`, `{"assistant_id":""}`,
			`{"assistant_id":"\n"}`, `{"visible_in_ui":"true"}`, `{"title":"` + strings.Repeat("é", 201) + `"}`, `{"title":"\u0000"}`, `{"deleted_at":null}`, `{"is_pinned":true}`,
			`{"title":"` + strings.Repeat("x", 70_000) + `"}`, " {} ", "{} {}"})
	case 5:
		if d.oneIn(2) {
			m.headers = slices.DeleteFunc(m.headers, func(line string) bool { return strings.HasPrefix(line, "Content-Type") })
		} else {
			m.headers = append(m.headers, pick(d, []string{"Content-Type: text/plain", "Content-Encoding: gzip", "Content-Type: application/json; charset=utf-16"}))
		}
	case 6:
		m.target = d.bytes(m.target, 1)
	case 7:
		m.body = d.bytes(m.body, 0)
	default:
		if len(m.headers) > 0 {
			i := d.IntN(len(m.headers))
			name, value, _ := strings.Cut(m.headers[i], ": ")
			m.headers[i] = name + ": " + d.bytes(value, 0)
		}
	}
	return m
}

// bytes changes a few bytes of a text, from a place on. It makes no new line:
// what follows would be another request.
func (d *drawer) bytes(text string, from int) string {
	b := []byte(text)
	for range 1 + d.IntN(3) {
		if len(b) <= from {
			break
		}
		i, c := from+d.IntN(len(b)-from), byte(d.IntN(256))
		if d.oneIn(2) {
			c = pick(d, []byte(`%&=?;#/"'\{}[]:,._-~*0aZ`+"\x00\x7f\xff"))
		}
		if c == '\n' || c == '\r' || c == ' ' {
			c = '+'
		}
		switch d.IntN(3) {
		case 0:
			b[i] = c
		case 1:
			b = slices.Insert(b, i, c)
		default:
			b = slices.Delete(b, i, i+1)
		}
	}
	return string(b)
}

// remember keeps what an answer names, for later requests.
func (d *drawer) remember(ids []string, next *string) {
	for _, id := range ids {
		if !slices.Contains(d.ids, id) {
			d.ids = append(d.ids, id)
		}
	}
	if next != nil {
		if _, err := threads.ParseCursor(*next); err == nil {
			d.places = append(d.places, *next)
		}
	}
}
