package sqlite_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/skein-go/skein/storage/sqlite"
)

// FuzzDecodeMetadata: whatever a row has for metadata, it reads as encoding/json does.
func FuzzDecodeMetadata(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":"b"}`, `{"a":"b","c":"d"}`, `{"":""}`, `{"a":":"}`, `{":":"v"}`, `{",":","}`, `{"a":",","b":"c"}`, `{"a":"b","a":"c"}`,
		`{"a":"\"","b":"\u00e9\n"}`, `{"a":"<é&\u2028>"}`, "{\"a\":\"\u2028\ufffd\x7f\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\n\"}",
		`{ "a" : "b" }`, `{"a":"b"} `, `{"a":"b",}`, `{"a":"b" ,"c":"d"}`, `{"a":" , ":"b"}`, `{"a":1}`, `{"a":null}`, `{"a":["b"]}`, `{"a":{"b":"c"}}`,
		`{"a"}`, `{"a","b"}`, `{"}`, `{"a":"b""c":"d"}`, `{"a":"b"}{"c":"d"}`, `null`, `[]`, `"a"`, `1`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := map[string]string{}
		failed := json.Unmarshal([]byte(text), &want)
		got, err := sqlite.DecodeMetadata(text)
		if (err == nil) != (failed == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("decodeMetadata(%q) = %q, %v; want %q, %v", text, got, err, want, failed)
		}
	})
}
