package httpx

import (
	"cmp"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
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
		err = cmp.Or(threads.ValidateOrganizationID(organization), contradicted(x.r, organization))
	} else {
		err = cmp.Or(lostQuery(x.r), misplaced(x.r))
	}
	if err == nil {
		err = x.noBody()
	}
	if err == nil {
		err = unsupported(x.r)
	}
	switch {
	case err != nil:
		return threads.Scope{}, err
	case narrow:
		return threads.InOrganization(organization), nil
	}
	return threads.All(), nil
}

// lostQuery refuses a request without parameters that once had a query: one
// that was empty, or was lost in a proxy or in the host's middleware.
func lostQuery(r *http.Request) error {
	if r.URL.ForceQuery || strings.Contains(r.RequestURI, "?") {
		return &refusal{class: errMalformed, reason: "A '?' must be followed by organization_id: without both, all threads are deleted."}
	}
	if moreThanAll(r.RequestURI) {
		return &refusal{class: errMalformed, reason: "The path was sent as another one, which lost its end on the way: without that, all threads are deleted."}
	}
	for name, value := range headers(r) {
		if originalURL.MatchString(letters(name)) && strings.Contains(value, "?") ||
			originalQuery.MatchString(letters(name)) && value != "" {
			return malformed("header", name, "The original request had a query, which was lost on the way.")
		}
		if originalURL.MatchString(letters(name)) && moreThanAll(value) {
			return malformed("header", name, "The original request had a longer path, which was lost on the way.")
		}
		// A client that follows a redirect says where it was sent from.
		if name == "Referer" && strings.Contains(value, "/v1/threads") {
			return malformed("header", name, "The request was redirected, and may have lost what it asked for on the way.")
		}
	}
	return nil
}

// moreThanAll reports whether a path, or the URL that it is in, goes on after
// the word threads: to one thread, or to one whose id was lost.
func moreThanAll(path string) bool {
	_, rest, found := strings.Cut(path, "/threads/")
	return found && !strings.HasSuffix(rest, "/threads") // a prefix may have the word too
}

// In which headers proxies say what URL, or query, they were sent.
var (
	originalURL   = regexp.MustCompile(`(original|forwarded|rewrit|replaced|request|real|unencoded|raw).*(url|uri|path)$`)
	originalQuery = regexp.MustCompile(`^x?(original|forwarded|rewrit|replaced|request|real|raw)?.*query(string)?$`)
)

// unsupported refuses headers that ask for something else than what the call
// does. They are matched by their letters: a proxy may have '_' for '-'.
func unsupported(r *http.Request) error {
	for name, value := range headers(r) {
		switch l := letters(name); {
		case strings.Contains(l, "methodoverride"), l == "xhttpmethod", l == "xmethod", l == "method":
			return malformed("header", name, "The method must be that of the request; there is no overriding it.")
		case l == "xoriginalmethod", l == "xforwardedmethod":
			if value != r.Method {
				return malformed("header", name, "The request had another method before.")
			}
		case l == "if", precondition.MatchString(l):
			return malformed("header", name, "This call has no preconditions.")
		case l == "range", l == "contentrange", l == "depth":
			return malformed("header", name, "This call cannot be for a part.")
		case trial.MatchString(l), l == "prefer" && trial.MatchString(letters(value)):
			return malformed("header", name, "This call cannot be tried without effect; but it can be undone.")
		}
	}
	return nil
}

var (
	precondition = regexp.MustCompile(`^x?if(match|nonematch|modified|unmodified|range|schedule|state)`)
	trial        = regexp.MustCompile(`dryrun|validateonly|simulate|preview`)
)

// misplaced refuses a call for everything that speaks of an organization
// elsewhere than in the query: in the name of a header or cookie, or in the
// value of a header that could hold a parameter.
func misplaced(r *http.Request) error {
	const reason = "An organization goes into the query, as organization_id: without it, all threads are deleted."
	for name, value := range headers(r) {
		if namesOrganization(name) || !slices.Contains(freeText, name) && speaksOfOrganization(value) {
			return malformed("header", name, reason)
		}
	}
	// Not r.Cookies(), which leaves out what it cannot parse.
	for _, line := range r.Header["Cookie"] {
		for piece := range strings.SplitSeq(line, ";") {
			name, value := piece, ""
			if end := strings.IndexAny(piece, `=:[{("`); end >= 0 {
				name, value = piece[:end], piece[end:]
			}
			if slices.Contains(parameterNames, letters(name)) || speaksOfOrganization(value) {
				return malformed("cookie", strings.TrimSpace(name), reason)
			}
		}
	}
	return nil
}

// contradicted refuses a call for one organization in which a header names
// another: by its own name, or by a value that is nothing but an organization
// id. Cookies are left alone: what a browser remembers is not what this request
// asks for, and cannot make it wider.
func contradicted(r *http.Request, organization string) error {
	for name, value := range headers(r) {
		value = strings.Trim(value, `"' `)
		byName := slices.Contains(parameterNames, strings.TrimPrefix(letters(name), "x"))
		byValue := !slices.Contains(freeText, name) && threads.ValidateOrganizationID(value) == nil
		if (byName || byValue) && value != "" && value != organization {
			return malformed("header", name, "The query names another organization.")
		}
	}
	return nil
}

// parameterNames is the letters of what people call the parameter.
var parameterNames = []string{"organizationid", "organisationid", "organization", "organisation", "orgid", "org"}

// freeText is the headers that may hold any text, also one like an
// organization id, without meaning it: what identifies the caller, the request
// or the page it comes from. Cookies are looked at one by one.
var freeText = []string{
	"Authorization", "Proxy-Authorization", "X-Api-Key", keyHeader, "Cookie", "User-Agent", "Referer", "Origin",
	"Traceparent", "Tracestate", "Baggage", "X-Request-Id", "X-Correlation-Id", "X-Amzn-Trace-Id", "Via",
}

// namesOrganization reports whether the name of a header says that it holds an
// organization: Organization-Id, X-Org-Id, X-CurrentOrg. What a proxy says of
// the organization that an address belongs to is something else.
func namesOrganization(name string) bool {
	l := strings.TrimPrefix(letters(name), "x")
	if strings.HasPrefix(l, "geo") || strings.HasPrefix(l, "cf") || strings.HasPrefix(l, "asn") || strings.HasPrefix(l, "asorg") {
		return false
	}
	if strings.Contains(l, "organization") || strings.Contains(l, "organisation") || strings.HasSuffix(l, "org") || strings.HasSuffix(l, "orgid") {
		return true
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, "org") })
}

// speaksOfOrganization reports whether a value has an organization id, or the
// name of the parameter, in it.
func speaksOfOrganization(value string) bool {
	if text, err := url.PathUnescape(value); err == nil {
		value = text
	}
	return organizationText.MatchString(value)
}

var organizationText = regexp.MustCompile(`(?i)(^|[^a-z0-9])org(ani[sz]ation_?id|_[a-z0-9])`)

// headers returns every name and value, in an order that does not change from
// request to request.
func headers(r *http.Request) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			for _, value := range r.Header[name] {
				if !yield(name, value) {
					return
				}
			}
		}
	}
}
