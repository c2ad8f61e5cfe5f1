package httpx

import (
	"net/url"
	"slices"
	"strings"
)

// parseQuery reads the query of a URL into the value of each parameter. It
// takes only what can mean one thing: pieces name=value joined by '&', each
// known name once, no value empty. Anything else is a 400.
func parseQuery(raw string, known ...string) (map[string]string, error) {
	values := map[string]string{}
	if raw == "" {
		return values, nil
	}
	for _, piece := range strings.Split(raw, "&") {
		name, value, assigned := strings.Cut(piece, "=")
		name, badName := url.QueryUnescape(name)
		value, badValue := url.QueryUnescape(value)
		_, repeated := values[name]
		switch {
		case piece == "":
			return nil, malformed("parameter", "", "The query must not have an empty piece: look for a '&' too many.")
		case strings.Contains(piece, ";"):
			return nil, malformed("parameter", name, "The query must not have a ';': parameters are joined by '&'.")
		case badName != nil || badValue != nil:
			return nil, malformed("parameter", name, "The query must be percent-encoded correctly.")
		case !slices.Contains(known, name):
			return nil, malformed("parameter", name, "Unknown query parameter. %s", knownNames(known))
		case !assigned || value == "":
			return nil, malformed("parameter", name, "A query parameter must have a value; leave it out instead.")
		case repeated:
			return nil, malformed("parameter", name, "A query parameter must not be repeated.")
		}
		values[name] = value
	}
	return values, nil
}

func knownNames(known []string) string {
	if len(known) == 0 {
		return "There are none here."
	}
	return "Known are: " + strings.Join(known, ", ") + "."
}
