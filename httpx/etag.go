package httpx

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/skein-go/skein/threads"
)

// The entity tag of a thread is its version, in quotes. It is a strong one: it
// changes with everything of the thread that a client can change.

func etag(t threads.Thread) [2]string {
	return [2]string{"ETag", `"` + strconv.FormatInt(t.Version, 10) + `"`}
}

// versions are those that a thread may have for a request to go on.
type versions struct {
	any  bool // whatever the list says
	list []int64
}

func (v versions) has(version int64) bool { return slices.Contains(v.list, version) }

// ifMatch reads the precondition of a request (RFC 9110, section 13.1.1). A
// tag that is none of ours matches nothing, and neither does a weak one.
// Other preconditions are refused.
func ifMatch(r *http.Request) (v versions, err error) {
	lines, sent := r.Header["If-Match"]
	if err := unconditional(r, "ifmatch"); err != nil || !sent {
		return versions{any: true}, err
	}
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		return versions{any: true}, nil
	}
	for _, line := range lines {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimSpace(tag)
			text, weak := strings.CutPrefix(tag, "W/")
			text, opened := strings.CutPrefix(text, `"`)
			text, closed := strings.CutSuffix(text, `"`)
			if !opened || !closed || strings.Contains(text, `"`) {
				return v, malformed("header", "If-Match", `The header must be *, or entity tags in quotes with commas between them, such as "3".`)
			}
			version, err := strconv.ParseInt(text, 10, 64)
			if err == nil && !weak && strconv.FormatInt(version, 10) == text {
				v.list = append(v.list, version)
			}
		}
	}
	return v, nil
}

// unconditional refuses preconditions but for those named by their letters: to
// go on without having looked would be worse.
func unconditional(r *http.Request, but ...string) error {
	for name := range headers(r) {
		if l := letters(name); (precondition.MatchString(l) || l == "if") && !slices.Contains(but, l) {
			return malformed("header", name, "This call does not have that precondition.")
		}
	}
	return nil
}
