package httpx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// A destructive call never guesses. Each row is a way in which a client, a
// proxy or a typo can lose, repeat, misspell, mis-encode or misplace the
// organization of a DELETE, or ask for something that the call does not do.
// The bytes go over a real connection as they stand here.
var refusedDeletes = []struct {
	name   string
	target string   // of the request line; empty: /v1/threads
	lines  []string // headers, after Host and X-API-Key
	body   string   // with the headers that it needs among lines
	status int
}{
	// The query is there and says nothing.
	{name: "a bare question mark", target: "/v1/threads?", status: 400},
	{name: "two question marks", target: "/v1/threads??", status: 400},
	{name: "a second question mark before the parameter", target: "/v1/threads??organization_id=org_a", status: 400},
	{name: "only an ampersand", target: "/v1/threads?&", status: 400},
	{name: "an ampersand before the parameter", target: "/v1/threads?&organization_id=org_a", status: 400},
	{name: "an ampersand after the parameter", target: "/v1/threads?organization_id=org_a&", status: 400},
	{name: "an empty parameter", target: "/v1/threads?organization_id=", status: 400},
	{name: "a parameter without a value", target: "/v1/threads?organization_id", status: 400},
	{name: "a value without a name", target: "/v1/threads?=org_a", status: 400},
	{name: "only an equals sign", target: "/v1/threads?=", status: 400},
	{name: "only a value", target: "/v1/threads?org_a", status: 400},
	{name: "a colon for the equals sign", target: "/v1/threads?organization_id:org_a", status: 400},
	{name: "an encoded equals sign", target: "/v1/threads?organization_id%3Dorg_a", status: 400},
	{name: "two equals signs", target: "/v1/threads?organization_id==org_a", status: 422},
	{name: "a fragment for the query", target: "/v1/threads#organization_id=org_a", status: 404},
	{name: "a fragment after a bare question mark", target: "/v1/threads?#organization_id=org_a", status: 400},
	{name: "a fragment after the value", target: "/v1/threads?organization_id=org_a#top", status: 422},

	// It is there more than once.
	{name: "repeated with the same value", target: "/v1/threads?organization_id=org_a&organization_id=org_a", status: 400},
	{name: "repeated with another value", target: "/v1/threads?organization_id=org_a&organization_id=org_b", status: 400},
	{name: "repeated with an empty value", target: "/v1/threads?organization_id=org_a&organization_id=", status: 400},
	{name: "repeated without a value", target: "/v1/threads?organization_id&organization_id=org_a", status: 400},
	{name: "repeated in another encoding", target: "/v1/threads?organization_id=org_a&organization%5Fid=org_b", status: 400},
	{name: "a second query", target: "/v1/threads?organization_id=org_a?organization_id=org_b", status: 422},

	// It is misspelt.
	{name: "a capital letter", target: "/v1/threads?Organization_id=org_a", status: 400},
	{name: "all capitals", target: "/v1/threads?ORGANIZATION_ID=org_a", status: 400},
	{name: "the British spelling", target: "/v1/threads?organisation_id=org_a", status: 400},
	{name: "camel case", target: "/v1/threads?organizationId=org_a", status: 400},
	{name: "a dash", target: "/v1/threads?organization-id=org_a", status: 400},
	{name: "a dot", target: "/v1/threads?organization.id=org_a", status: 400},
	{name: "without the underscore", target: "/v1/threads?organizationid=org_a", status: 400},
	{name: "abbreviated", target: "/v1/threads?org_id=org_a", status: 400},
	{name: "shortened", target: "/v1/threads?organization=org_a", status: 400},
	{name: "plural", target: "/v1/threads?organization_ids=org_a", status: 400},
	{name: "a letter missing", target: "/v1/threads?organizaton_id=org_a", status: 400},
	{name: "an array in PHP's style", target: "/v1/threads?organization_id[]=org_a", status: 400},
	{name: "an array with an index", target: "/v1/threads?organization_id[0]=org_a", status: 400},
	{name: "an object", target: "/v1/threads?filter[organization_id]=org_a", status: 400},
	{name: "a space before it", target: "/v1/threads?%20organization_id=org_a", status: 400},
	{name: "a plus before it", target: "/v1/threads?+organization_id=org_a", status: 400},
	{name: "a space after it", target: "/v1/threads?organization_id%20=org_a", status: 400},
	{name: "a zero byte after it", target: "/v1/threads?organization_id%00=org_a", status: 400},
	{name: "a byte order mark before it", target: "/v1/threads?%EF%BB%BForganization_id=org_a", status: 400},
	{name: "a Cyrillic letter in it", target: "/v1/threads?%D0%BErganization_id=org_a", status: 400},
	{name: "in quotes", target: "/v1/threads?%22organization_id%22=org_a", status: 400},
	{name: "an ampersand escaped for HTML", target: "/v1/threads?x=1&amp;organization_id=org_a", status: 400},
	{name: "an escaped ampersand first", target: "/v1/threads?amp;organization_id=org_a", status: 400},
	{name: "a template left as it was", target: "/v1/threads?{organization_id}", status: 400},
	{name: "the name of a template variable", target: "/v1/threads?%7BorganizationId%7D=org_a", status: 400},
	{name: "JSON for a query", target: "/v1/threads?%7B%22organization_id%22%3A%22org_a%22%7D", status: 400},
	{name: "encoded twice", target: "/v1/threads?organization%255Fid=org_a", status: 400},
	{name: "a parameter of another call", target: "/v1/threads?limit=1", status: 400},
	{name: "a parameter besides", target: "/v1/threads?organization_id=org_a&limit=1", status: 400},
	{name: "a parameter besides, first", target: "/v1/threads?assistant_id=a&organization_id=org_a", status: 400},
	{name: "a trial run as a parameter", target: "/v1/threads?dry_run=true", status: 400},
	{name: "a method override as a parameter", target: "/v1/threads?_method=GET", status: 400},
	{name: "an API key as a parameter", target: "/v1/threads?api_key=x", status: 400},

	// It is mis-encoded.
	{name: "a broken escape in the value", target: "/v1/threads?organization_id=org_%zz", status: 400},
	{name: "a cut escape in the value", target: "/v1/threads?organization_id=org_a%5", status: 400},
	{name: "a percent sign alone", target: "/v1/threads?organization_id=%", status: 400},
	{name: "a broken escape in the name", target: "/v1/threads?organization%_id=org_a", status: 400},
	{name: "only a broken escape", target: "/v1/threads?%", status: 400},
	{name: "a semicolon between parameters", target: "/v1/threads?organization_id=org_a;limit=1", status: 400},
	{name: "a semicolon first", target: "/v1/threads?;organization_id=org_a", status: 400},
	{name: "a semicolon at the end", target: "/v1/threads?organization_id=org_a;", status: 400},
	{name: "only a semicolon", target: "/v1/threads?;", status: 400},
	{name: "a value encoded twice", target: "/v1/threads?organization_id=org%255Fa", status: 422},
	{name: "a value in bytes that are not UTF-8", target: "/v1/threads?organization_id=org_%ff", status: 422},
	{name: "an overlong encoding", target: "/v1/threads?organization_id=org%c1%9fa", status: 422},

	// The value is not an organization.
	{name: "null", target: "/v1/threads?organization_id=null", status: 422},
	{name: "nil", target: "/v1/threads?organization_id=nil", status: 422},
	{name: "undefined", target: "/v1/threads?organization_id=undefined", status: 422},
	{name: "None", target: "/v1/threads?organization_id=None", status: 422},
	{name: "NaN", target: "/v1/threads?organization_id=NaN", status: 422},
	{name: "false", target: "/v1/threads?organization_id=false", status: 422},
	{name: "0", target: "/v1/threads?organization_id=0", status: 422},
	{name: "[object Object]", target: "/v1/threads?organization_id=%5Bobject%20Object%5D", status: 422},
	{name: "an asterisk", target: "/v1/threads?organization_id=*", status: 422},
	{name: "all, the word", target: "/v1/threads?organization_id=all", status: 422},
	{name: "personal, the word", target: "/v1/threads?organization_id=personal", status: 422},
	{name: "an asterisk after the prefix", target: "/v1/threads?organization_id=org_*", status: 422},
	{name: "a wildcard of SQL", target: "/v1/threads?organization_id=org_%25", status: 422},
	{name: "the prefix alone", target: "/v1/threads?organization_id=org_", status: 422},
	{name: "without the prefix", target: "/v1/threads?organization_id=a", status: 422},
	{name: "a dash in the prefix", target: "/v1/threads?organization_id=org-a", status: 422},
	{name: "a prefix in capitals", target: "/v1/threads?organization_id=ORG_a", status: 422},
	{name: "in double quotes", target: "/v1/threads?organization_id=%22org_a%22", status: 422},
	{name: "in single quotes", target: "/v1/threads?organization_id='org_a'", status: 422},
	{name: "empty quotes", target: "/v1/threads?organization_id=%22%22", status: 422},
	{name: "a space alone", target: "/v1/threads?organization_id=%20", status: 422},
	{name: "a plus alone", target: "/v1/threads?organization_id=+", status: 422},
	{name: "a space before", target: "/v1/threads?organization_id=%20org_a", status: 422},
	{name: "a space after", target: "/v1/threads?organization_id=org_a%20", status: 422},
	{name: "a newline after", target: "/v1/threads?organization_id=org_a%0A", status: 422},
	{name: "a carriage return after", target: "/v1/threads?organization_id=org_a%0D", status: 422},
	{name: "a tab before", target: "/v1/threads?organization_id=%09org_a", status: 422},
	{name: "a zero byte after", target: "/v1/threads?organization_id=org_a%00", status: 422},
	{name: "a zero byte alone", target: "/v1/threads?organization_id=%00", status: 422},
	{name: "two with a comma", target: "/v1/threads?organization_id=org_a,org_b", status: 422},
	{name: "a comma after", target: "/v1/threads?organization_id=org_a,", status: 422},
	{name: "two with a space", target: "/v1/threads?organization_id=org_a+org_b", status: 422},
	{name: "two with an encoded ampersand", target: "/v1/threads?organization_id=org_a%26organization_id=org_b", status: 422},
	{name: "two with a bar", target: "/v1/threads?organization_id=org_a%7Corg_b", status: 422},
	{name: "an array of JSON", target: "/v1/threads?organization_id=%5B%22org_a%22%5D", status: 422},
	{name: "a shell variable", target: "/v1/threads?organization_id=$ORG_ID", status: 422},
	{name: "a template", target: "/v1/threads?organization_id={organization_id}", status: 422},
	{name: "a placeholder", target: "/v1/threads?organization_id=%3Corganization_id%3E", status: 422},
	{name: "a route parameter", target: "/v1/threads?organization_id=:organization_id", status: 422},
	{name: "another kind of id", target: "/v1/threads?organization_id=thrd_1", status: 422},
	{name: "a Cyrillic o", target: "/v1/threads?organization_id=%D0%BErg_a", status: 422},
	{name: "full-width letters", target: "/v1/threads?organization_id=%EF%BD%8F%EF%BD%92%EF%BD%87_a", status: 422},
	{name: "a full-width underscore", target: "/v1/threads?organization_id=org%EF%BC%BFa", status: 422},
	{name: "a zero-width space", target: "/v1/threads?organization_id=org_%E2%80%8Ba", status: 422},
	{name: "a byte order mark", target: "/v1/threads?organization_id=%EF%BB%BForg_a", status: 422},
	{name: "a dot", target: "/v1/threads?organization_id=org_a.b", status: 422},
	{name: "a path", target: "/v1/threads?organization_id=org_a/../org_b", status: 422},
	{name: "too long by one", target: "/v1/threads?organization_id=org_" + strings.Repeat("a", 125), status: 422},
	{name: "very long", target: "/v1/threads?organization_id=org_" + strings.Repeat("a", 100_000), status: 422},

	// It is in the path, or the path is another.
	{name: "a final slash", target: "/v1/threads/", status: 404},
	{name: "a final slash and the parameter", target: "/v1/threads/?organization_id=org_a", status: 404},
	{name: "two slashes first", target: "//v1/threads", status: 404},
	{name: "two slashes within", target: "/v1//threads", status: 404},
	{name: "an encoded slash", target: "/v1%2Fthreads", status: 404},
	{name: "an encoded letter", target: "/v1/thread%73", status: 404},
	{name: "a dot segment", target: "/v1/./threads", status: 404},
	{name: "a dot-dot segment", target: "/v1/x/../threads", status: 404},
	{name: "a matrix parameter", target: "/v1/threads;organization_id=org_a", status: 404},
	{name: "an encoded question mark", target: "/v1/threads%3Forganization_id=org_a", status: 404},
	{name: "an ampersand for the question mark", target: "/v1/threads&organization_id=org_a", status: 404},
	{name: "an escaped question mark of a shell", target: `/v1/threads\?organization_id=org_a`, status: 404},
	{name: "a space in the path", target: "/v1/threads%20", status: 404},
	{name: "a newline in the path", target: "/v1/threads%0A?organization_id=org_a", status: 404},
	{name: "a zero byte in the path", target: "/v1/threads%00", status: 404},
	{name: "the organization as a segment", target: "/v1/threads/organization_id/org_a", status: 404},
	{name: "the organization before", target: "/v1/organizations/org_a/threads", status: 404},
	{name: "the path in capitals", target: "/V1/Threads", status: 404},
	{name: "without the version", target: "/threads", status: 404},
	{name: "no path", target: "/", status: 404},
	{name: "an asterisk for the path", target: "*", status: 404},
	{name: "a broken escape in the path", target: "/v1/threads%", status: 400},
	{name: "a space in the request line", target: "/v1/threads?organization_id=org_a org_b", status: 400},
	{name: "a space for the question mark", target: "/v1/threads organization_id=org_a", status: 400},

	// It is in the body.
	{name: "a JSON body", lines: []string{"Content-Type: application/json", "Content-Length: 27"}, body: `{"organization_id":"org_a"}`, status: 400},
	{name: "an empty JSON object", lines: []string{"Content-Type: application/json", "Content-Length: 2"}, body: `{}`, status: 400},
	{name: "a form", lines: []string{"Content-Type: application/x-www-form-urlencoded", "Content-Length: 21"}, body: `organization_id=org_a`, status: 400},
	{name: "a body without a type", lines: []string{"Content-Length: 5"}, body: `org_a`, status: 400},
	{name: "a newline for a body", lines: []string{"Content-Length: 1"}, body: "\n", status: 400},
	{name: "a body and the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"Content-Length: 2"}, body: `{}`, status: 400},
	{name: "a chunked body", lines: []string{"Transfer-Encoding: chunked"}, body: "1b\r\n{\"organization_id\":\"org_a\"}\r\n0\r\n\r\n", status: 400},
	{name: "a chunked body of one byte", lines: []string{"Transfer-Encoding: chunked"}, body: "1\r\n \r\n0\r\n\r\n", status: 400},
	{name: "a chunked body that is broken", lines: []string{"Transfer-Encoding: chunked"}, body: "organization_id=org_a\r\n", status: 400},
	{name: "a trailer that is announced", lines: []string{"Transfer-Encoding: chunked", "Trailer: Organization-Id"}, body: "0\r\nOrganization-Id: org_a\r\n\r\n", status: 400},
	{name: "a trailer that is not", lines: []string{"Transfer-Encoding: chunked"}, body: "0\r\nOrganization-Id: org_a\r\n\r\n", status: 400},

	// It is in a header or a cookie.
	{name: "Organization-Id", lines: []string{"Organization-Id: org_a"}, status: 400},
	{name: "X-Organization-Id", lines: []string{"X-Organization-Id: org_a"}, status: 400},
	{name: "organization_id", lines: []string{"organization_id: org_a"}, status: 400},
	{name: "Organization", lines: []string{"Organization: org_a"}, status: 400},
	{name: "X-Organisation-Id", lines: []string{"X-Organisation-Id: org_a"}, status: 400},
	{name: "OrganizationId", lines: []string{"OrganizationId: org_a"}, status: 400},
	{name: "Org-Id", lines: []string{"Org-Id: org_a"}, status: 400},
	{name: "OrgId", lines: []string{"OrgId: org_a"}, status: 400},
	{name: "X-Org-Id", lines: []string{"X-Org-Id: org_a"}, status: 400},
	{name: "X-Org", lines: []string{"X-Org: org_a"}, status: 400},
	{name: "X-Scope-OrgID", lines: []string{"X-Scope-OrgID: org_a"}, status: 400},
	{name: "OpenAI-Organization", lines: []string{"OpenAI-Organization: org_a"}, status: 400},
	{name: "Vendor-Organization-Id", lines: []string{"Vendor-Organization-Id: org_a"}, status: 400},
	{name: "a header of that name with no organization", lines: []string{"X-Organization-Id: 17"}, status: 400},
	{name: "one in the British spelling", lines: []string{"X-Organisation: 17"}, status: 400},
	{name: "one that is abbreviated", lines: []string{"X-Org: acme"}, status: 400},
	{name: "one that is abbreviated, as one word", lines: []string{"X-OrgId: 17"}, status: 400},
	{name: "one that is abbreviated, in the plural", lines: []string{"X-Orgs: 17"}, status: 400},
	{name: "one that is abbreviated, as one word, in the plural", lines: []string{"OrgIds: 17"}, status: 400},
	{name: "a header of that name, empty", lines: []string{"X-Organization-Id:"}, status: 400},
	{name: "a header of that name that is not the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Organization-Id: org_b"}, status: 400},
	{name: "a header of that name, twice, one not the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Organization-Id: org_a", "X-Organization-Id: org_b"}, status: 400},
	{name: "an organization under another name", lines: []string{"X-Tenant: org_a"}, status: 400},
	{name: "an organization in quotes under another name", lines: []string{`X-Workspace-Id: "org_a"`}, status: 400},
	{name: "another organization under another name", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Tenant: org_b"}, status: 400},
	{name: "a cookie", lines: []string{"Cookie: session=1; organization_id=org_a"}, status: 400},
	{name: "a cookie under another name", lines: []string{"Cookie: workspace=org_a"}, status: 400},

	// A proxy says that it lost the query.
	{name: "X-Original-URI had a query", lines: []string{"X-Original-URI: /v1/threads?organization_id=org_a"}, status: 400},
	{name: "X-Original-URL had a query", lines: []string{"X-Original-URL: /v1/threads?organization_id=org_a"}, status: 400},
	{name: "X-Rewrite-URL had a query", lines: []string{"X-Rewrite-URL: /v1/threads?organization_id=org_a"}, status: 400},
	{name: "X-Forwarded-Uri had a query", lines: []string{"X-Forwarded-Uri: /v1/threads?organization_id=org_a"}, status: 400},
	{name: "X-Envoy-Original-Path had a query", lines: []string{"X-Envoy-Original-Path: /v1/threads?organization_id=org_a"}, status: 400},

	{name: "X-Waws-Unencoded-Url had a query", lines: []string{"X-Waws-Unencoded-Url: /v1/threads?organization_id=org_a"}, status: 400},

	// What a first look does not find.
	{name: "a cookie of JSON", lines: []string{`Cookie: organization_id={"id":"org_a"}`}, status: 400},
	{name: "a cookie with a quote too many", lines: []string{`Cookie: organization_id="org_a`}, status: 400},
	{name: "a cookie with brackets", lines: []string{`Cookie: a=b; organization_id[]=org_a`}, status: 400},
	{name: "a cookie with a space in its name", lines: []string{`Cookie: organization id=org_a`}, status: 400},
	{name: "a cookie with a colon", lines: []string{`Cookie: organization_id:org_a`}, status: 400},
	{name: "a cookie that is escaped", lines: []string{`Cookie: tenant=%22org_a%22`}, status: 400},
	{name: "two organizations under another name", lines: []string{`X-Tenant: org_a, org_b`}, status: 400},
	{name: "an organization and a semicolon", lines: []string{`X-Tenant: org_a;`}, status: 400},
	{name: "the parameter as a value", lines: []string{`X-Filter: organization_id=org_a`}, status: 400},
	{name: "the parameter in JSON", lines: []string{`X-Params: {"organization_id":"a"}`}, status: 400},
	{name: "the parameter in camel case", lines: []string{`X-Params: {"organizationId":"a"}`}, status: 400},
	{name: "the parameter in Prefer", lines: []string{`Prefer: organization_id=org_a`}, status: 400},
	{name: "a name that ends in Org", lines: []string{`X-CurrentOrg: 17`}, status: 400},
	{name: "a name that begins with Org", lines: []string{`X-OrgSlug: acme`}, status: 400},
	{name: "X_Original_URI had a query", lines: []string{`X_Original_URI: /v1/threads?a=b`}, status: 400},
	{name: "X-MS-Original-URL had a query", lines: []string{`X-MS-Original-URL: /v1/threads?a=b`}, status: 400},
	{name: "X-Replaced-Path had a query", lines: []string{`X-Replaced-Path: /v1/threads?a=b`}, status: 400},
	{name: "X-Original-Request-Uri had a query", lines: []string{`X-Original-Request-Uri: /v1/threads?a=b`}, status: 400},
	{name: "X-Forwarded-Url had a query", lines: []string{`X-Forwarded-Url: /v1/threads?a=b`}, status: 400},
	{name: "X-Forwarded-Path had a query", lines: []string{`X-Forwarded-Path: /v1/threads?a=b`}, status: 400},
	{name: "X-Request-Uri had a query", lines: []string{`X-Request-Uri: /v1/threads?a=b`}, status: 400},
	{name: "X-Real-Uri had a query", lines: []string{`X-Real-Uri: /v1/threads?a=b`}, status: 400},
	{name: "X-Forwarded-Query", lines: []string{`X-Forwarded-Query: a=b`}, status: 400},
	{name: "X-Original-Query", lines: []string{`X-Original-Query: a=b`}, status: 400},
	{name: "X-Query-String", lines: []string{`X-Query-String: a=b`}, status: 400},
	{name: "Query", lines: []string{`Query: a=b`}, status: 400},
	{name: "a path that names the organization", lines: []string{`X-Original-Uri: /v1/organizations/org_a/threads`}, status: 400},
	{name: "X-Dry-Run-Mode 1, in another spelling", lines: []string{`X-Dry-Run-Mode: 1`}, status: 400},
	{name: "X-Validate-Only true, in another spelling", lines: []string{`X-Validate-Only: true`}, status: 400},
	{name: "Prefer dry-run, in another spelling", lines: []string{`Prefer: dry-run`}, status: 400},
	{name: "X-If-Match '1', in another spelling", lines: []string{`X-If-Match: "1"`}, status: 400},
	{name: "_method GET, in another spelling", lines: []string{`_method: GET`}, status: 400},
	{name: "Idem-Key a, in another spelling", lines: []string{`Idem-Key: a`}, status: 400},
	{name: "Idempotency-Key '', in another spelling", lines: []string{`Idempotency-Key: ""`}, status: 400},

	// It asks for something that the call does not do.
	{name: "X-HTTP-Method-Override", lines: []string{"X-HTTP-Method-Override: GET"}, status: 400},
	{name: "X-HTTP-Method-Override that changes nothing", lines: []string{"X-HTTP-Method-Override: DELETE"}, status: 400},
	{name: "X-HTTP-Method", lines: []string{"X-HTTP-Method: GET"}, status: 400},
	{name: "X-Method-Override", lines: []string{"X-Method-Override: PATCH"}, status: 400},
	{name: "X-Method", lines: []string{"X-Method: GET"}, status: 400},
	{name: "X-Original-Method", lines: []string{"X-Original-Method: GET"}, status: 400},
	{name: "X-Forwarded-Method", lines: []string{"X-Forwarded-Method: GET"}, status: 400},
	{name: "If-Match", lines: []string{`If-Match: "1"`}, status: 400},
	{name: "If_Match", lines: []string{"If_Match: *"}, status: 400},
	{name: "If-Match any", lines: []string{"If-Match: *"}, status: 400},
	{name: "If-None-Match", lines: []string{"If-None-Match: *"}, status: 400},
	{name: "If-Modified-Since", lines: []string{"If-Modified-Since: Mon, 22 Dec 2025 15:30:00 GMT"}, status: 400},
	{name: "If-Unmodified-Since", lines: []string{"If-Unmodified-Since: Mon, 22 Dec 2025 15:30:00 GMT"}, status: 400},
	{name: "If-Range", lines: []string{`If-Range: "1"`}, status: 400},
	{name: "If", lines: []string{`If: (["1"])`}, status: 400},
	{name: "Range", lines: []string{"Range: items=0-9"}, status: 400},
	{name: "Content-Range", lines: []string{"Content-Range: items 0-9/*"}, status: 400},
	{name: "Depth", lines: []string{"Depth: 0"}, status: 400},
	{name: "Dry-Run", lines: []string{"Dry-Run: true"}, status: 400},
	{name: "X-Dry-Run", lines: []string{"X-Dry-Run: 1"}, status: 400},

	// The key that was to make a retry safe is not one.
	{name: "an empty Idempotency-Key", lines: []string{"Idempotency-Key:"}, status: 400},
	{name: "a repeated Idempotency-Key", lines: []string{"Idempotency-Key: k1", "Idempotency-Key: k2"}, status: 400},
	{name: "the same Idempotency-Key twice", lines: []string{"Idempotency-Key: k1", "Idempotency-Key: k1"}, status: 400},
	{name: "an Idempotency-Key that is too long", lines: []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, status: 422},
	{name: "an Idempotency-Key that is not UTF-8", lines: []string{"Idempotency-Key: \xff"}, status: 422},
	{name: "Idempotency_Key", lines: []string{"Idempotency_Key: k1"}, status: 400},
	{name: "X-Idempotency-Key", lines: []string{"X-Idempotency-Key: k1"}, status: 400},
	{name: "IdempotencyKey", lines: []string{"IdempotencyKey: k1"}, status: 400},
	{name: "Idempotent-Key", lines: []string{"Idempotent-Key: k1"}, status: 400},
}

// rawDelete is the bytes of ada's request.
func rawDelete(target string, lines []string, body string) string {
	if target == "" {
		target = "/v1/threads"
	}
	head := fmt.Sprintf("DELETE %s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n", target, adaKey)
	for _, line := range lines {
		head += line + "\r\n"
	}
	return head + "\r\n" + body
}

// everything is what each user has: it must be the same before and after a
// request that is refused.
func (f *fixture) everything() map[string]any {
	all := map[string]any{}
	for _, user := range []string{"ada", "bob"} {
		for _, scope := range []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")} {
			all[user+" "+scope.String()] = f.count(user, scope)
		}
		page, err := f.service.Deletions(context.Background(), user, threads.Paging{})
		require.NoError(f.t, err)
		all[user+" deletions"] = page.Deletions
	}
	return all
}

func TestDeleteNeverGuesses(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "org_a", "org_a", "org_b", "")
	f.create("bob", "org_a", "")
	addr := listen(t, f)
	for _, row := range refusedDeletes {
		t.Run(row.name, func(t *testing.T) {
			before := f.everything()
			r := sendRaw(t, addr, rawDelete(row.target, row.lines, row.body))
			require.Equal(t, row.status, r.status, "status; body %s", r.body)
			require.Equal(t, before, f.everything(), "a refused request changes nothing")
			lines, _ := f.logs.take(t)
			if len(lines) == 0 { // refused by net/http, which knows no envelope
				require.Equal(t, "400 Bad Request", r.body)
				return
			}
			code := map[int]string{400: "INVALID_REQUEST", 404: "RESOURCE_NOT_FOUND", 422: "VALIDATION_ERROR"}[row.status]
			r.refused(t, row.status, code)
		})
	}
	// The same request without what is wrong with it does delete, so it was
	// that for which the others were refused.
	r := sendRaw(t, addr, rawDelete("", nil, ""))
	require.Equal(t, `{"deleted":4,"message":"Successfully deleted 4 thread(s)"}`, r.body)
}

// What must keep working: other spellings of the same request, and headers
// that say nothing about it.
func TestDeleteUnderstands(t *testing.T) {
	for _, row := range []struct {
		name    string
		target  string
		lines   []string
		body    string
		deleted int
	}{
		{name: "no query", deleted: 4},
		{name: "an organization", target: "/v1/threads?organization_id=org_a", deleted: 2},
		{name: "an organization without threads", target: "/v1/threads?organization_id=org_c", deleted: 0},
		{name: "an organization in other letters", target: "/v1/threads?organization_id=org_A", deleted: 0},
		{name: "an organization called null", target: "/v1/threads?organization_id=org_null", deleted: 0},
		{name: "the longest organization", target: "/v1/threads?organization_id=org_" + strings.Repeat("a", 124), deleted: 0},
		{name: "an escaped underscore in the value", target: "/v1/threads?organization_id=org%5Fa", deleted: 2},
		{name: "an escaped underscore in the name", target: "/v1/threads?organization%5fid=org_a", deleted: 2},
		{name: "everything escaped", target: "/v1/threads?%6f%72ganization_id=%6f%72%67%5f%61", deleted: 2},
		{name: "the absolute form of the target", target: "http://localhost/v1/threads?organization_id=org_a", deleted: 2},
		{name: "the absolute form without a query", target: "http://localhost/v1/threads", deleted: 4},
		{name: "a content type without a body", lines: []string{"Content-Type: application/json"}, deleted: 4},
		{name: "a content length of 0", lines: []string{"Content-Length: 0"}, deleted: 4},
		{name: "both", lines: []string{"Content-Type: application/json", "Content-Length: 0"}, deleted: 4},
		{name: "a chunked body of nothing", lines: []string{"Transfer-Encoding: chunked"}, body: "0\r\n\r\n", deleted: 4},
		{name: "a header that repeats the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Organization-Id: org_a"}, deleted: 2},
		{name: "a cookie that repeats the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"Cookie: org=org_a"}, deleted: 2},
		{name: "a cookie of the host", lines: []string{"Cookie: session=abc; theme=dark"}, deleted: 4},
		{name: "a key that looks like an organization", lines: []string{"Idempotency-Key: org_a"}, deleted: 4},
		{name: "headers of browsers and proxies", deleted: 4, lines: []string{
			"Accept: */*", "Accept-Encoding: gzip, br", "User-Agent: x", "Origin: http://localhost", "Referer: http://localhost/?organization_id=org_b",
			"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /api", "Forwarded: for=127.0.0.1",
			"X-Request-Id: 1", "Authorization: Bearer org_a", "X-Forwarded-Method: DELETE", "X-Original-URI: /v1/threads", "X-Anti-Forgery-Token: 1",
		}},
		{name: "a cookie that remembers another organization", target: "/v1/threads?organization_id=org_a", lines: []string{"Cookie: current_org=org_b; org=acme"}, deleted: 2},
		{name: "a header of that name, empty, beside the parameter", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Organization-Id:"}, deleted: 2},
		{name: "what a proxy says of the caller's address", deleted: 4, lines: []string{
			"X-GeoIP-Org: Example Networks", "GeoIP-Organization: Example Networks", "CF-AS-Organization: Example Networks", "X-AS-Organization: Example Networks",
		}},
		{name: "text that only looks like an organization", deleted: 4, lines: []string{
			"User-Agent: org_client", "X-Request-Id: org_1", "Idempotency-Replayed: 1", "Baggage: organization_id=org_a",
		}},
		{name: "a query that reached us and the proxy's record of it", target: "/v1/threads?organization_id=org_a", lines: []string{"X-Original-URI: /v1/threads?organization_id=org_a"}, deleted: 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.create("ada", "org_a", "org_a", "org_b", "")
			f.create("bob", "org_a")
			r := sendRaw(t, listen(t, f), rawDelete(row.target, row.lines, row.body))
			require.Equal(t, 200, r.status, r.body)
			require.Equal(t, fmt.Sprintf(`{"deleted":%d,"message":"Successfully deleted %[1]d thread(s)"}`, row.deleted), r.body)
			require.EqualValues(t, row.deleted, f.count("ada", threads.All()).Deleted)
			require.Equal(t, threads.Counts{Live: 1}, f.count("bob", threads.All()))
		})
	}
}
