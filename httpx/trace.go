package httpx

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// traceID returns the trace id of the one valid W3C traceparent among the
// headers, or else a random one of the same form: 32 lower-case hex digits.
func traceID(header http.Header) string {
	if sent := header["Traceparent"]; len(sent) == 1 {
		if id, ok := parseTraceparent(sent[0]); ok {
			return id
		}
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// parseTraceparent reads "version-traceid-parentid-flags". Version 00 is
// exactly that; a later one may have more after another dash; ff is none.
func parseTraceparent(s string) (id string, ok bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", false
	}
	version, id, parent, flags, rest := s[:2], s[3:35], s[36:52], s[53:length], s[length:]
	switch {
	case !isLowerHex(version) || !isLowerHex(id) || !isLowerHex(parent) || !isLowerHex(flags):
		return "", false
	case version == "ff", version == "00" && rest != "", rest != "" && rest[0] != '-':
		return "", false
	case strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "":
		return "", false
	}
	return id, true
}

func isLowerHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
