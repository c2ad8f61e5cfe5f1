package sqlite

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// encodeMetadata returns metadata as it is stored: a JSON object of strings.
func encodeMetadata(m map[string]string) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read it
	if err := e.Encode(m); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// decodeMetadata reads what encodeMetadata has made, and any other object that
// encoding/json reads as one of strings. The map is the caller's.
func decodeMetadata(text string) (map[string]string, error) {
	if m, ok := plainMetadata(text); ok {
		return m, nil
	}
	m := map[string]string{}
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}

// plainMetadata reads objects that have nothing to unescape and no space
// between their parts, as most are: in a profile of bench's pages encoding/json
// took more time than SQLite. Without a backslash every quote begins or ends a
// string, so what is cut here at quotes and has none inside is such an object,
// and all of it.
func plainMetadata(text string) (map[string]string, bool) {
	if text == "{}" {
		return map[string]string{}, true
	}
	fields, opened := strings.CutPrefix(text, `{"`)
	fields, closed := strings.CutSuffix(fields, `"}`)
	if !opened || !closed || strings.ContainsFunc(text, special) {
		return nil, false
	}
	m := make(map[string]string, 1+strings.Count(fields, `","`))
	for field := range strings.SplitSeq(fields, `","`) {
		key, value, ok := strings.Cut(field, `":"`)
		if !ok || strings.Contains(key, `"`) || strings.Contains(value, `"`) {
			return nil, false
		}
		m[key] = value
	}
	return m, true
}

// special are escapes, what JSON takes only escaped, and what is not UTF-8.
func special(r rune) bool { return r == '\\' || r < ' ' || r == utf8.RuneError }
