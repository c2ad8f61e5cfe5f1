package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/skein-go/skein/threads"
)

// deleteScope returns what DELETE /v1/threads is to delete. A destructive call
// never guesses: an absent organization_id is the only way to say "all", so
// whatever could have been a narrower request on its way here is refused.
func deleteScope(x *exchange) (threads.Scope, error) {
	values, err := parseQuery(x.r.URL.RawQuery, "organization_id")
	if err != nil {
		return threads.Scope{}, err
	}
	organization, narrow := values["organization_id"]
	if narrow {
		err = threads.ValidateOrganizationID(organization)
	} else {
		err = lostQuery(x.r)
	}
	if err == nil {
		err = x.noBody()
	}
	if err == nil {
		err = unsupported(x.r)
	}
	if err == nil {
		err = misplaced(x.r, organization)
	}
	switch {
	case err != nil:
		return threads.Scope{}, err
	case narrow:
		return threads.InOrganization(organization), nil
	}
	return threads.All(), nil
}

// originalURL is the headers in which proxies say what URL they were sent.
var originalURL = []string{
	"X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Forwarded-Uri", "X-Envoy-Original-Path", "X-Waws-Unencoded-Url",
}

// lostQuery refuses a request without parameters that once had a query: one
// that was empty, or was lost in a proxy or in the host's middleware.
func lostQuery(r *http.Request) error {
	if r.URL.ForceQuery || strings.Contains(r.RequestURI, "?") {
		return &refusal{class: errMalformed, reason: "A '?' must be followed by organization_id: without both, all threads are deleted."}
	}
	for _, name := range originalURL {
		for _, value := range r.Header[name] {
			if strings.Contains(value, "?") {
				return malformed("header", name, "The original URL had a query, which was lost on the way.")
			}
		}
	}
	return nil
}

// unsupported refuses headers that ask for something else than what the call
// does. They are matched by their letters: a proxy may have '_' for '-'.
func unsupported(r *http.Request) error {
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		switch l := letters(name); {
		case strings.Contains(l, "methodoverride"), l == "xhttpmethod", l == "xmethod":
			return malformed("header", name, "The method must be that of the request; there is no overriding it.")
		case l == "xoriginalmethod", l == "xforwardedmethod":
			if slices.ContainsFunc(r.Header[name], func(method string) bool { return method != r.Method }) {
				return malformed("header", name, "The request had another method before.")
			}
		case l == "if", strings.HasPrefix(strings.ToLower(name), "if-"), strings.HasPrefix(strings.ToLower(name), "if_"):
			return malformed("header", name, "This call has no preconditions.")
		case l == "range", l == "contentrange", l == "depth":
			return malformed("header", name, "This call cannot be for a part.")
		case strings.HasSuffix(l, "dryrun"):
			return malformed("header", name, "This call cannot be tried without effect; but it can be undone.")
		}
	}
	return nil
}

// ownValue is the headers that may hold any text, also one that looks like an
// organization id, without meaning it.
var ownValue = []string{"Authorization", "Proxy-Authorization", "X-Api-Key", keyHeader, "Cookie"}

// misplaced refuses an organization in a header or cookie, unless it is the
// one in the query. Either the name or the value gives it away.
func misplaced(r *http.Request, organization string) error {
	elsewhere := func(name, value string) bool {
		value = strings.Trim(value, `"' `)
		same := value == organization && value != ""
		return !same && (namesOrganization(name) || threads.ValidateOrganizationID(value) == nil)
	}
	const reason = "An organization goes into the query, as organization_id, and anywhere else must be the same."
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			if !slices.Contains(ownValue, name) && elsewhere(name, value) {
				return malformed("header", name, reason)
			}
		}
	}
	for _, cookie := range r.Cookies() {
		if elsewhere(cookie.Name, cookie.Value) {
			return malformed("cookie", cookie.Name, reason)
		}
	}
	return nil
}

// namesOrganization reports whether the name of a header or cookie says that
// it holds an organization: Organization-Id, X-Org-Id, OpenAI-Organization.
func namesOrganization(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.Contains(word, "organization") || strings.Contains(word, "organisation") ||
			slices.Contains([]string{"org", "orgs", "orgid", "orgids"}, word)
	})
}
