package httpx_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraceID(t *testing.T) {
	const id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	f := newFixture(t)
	ask := func(traceparents ...string) string {
		r := httptest.NewRequest("GET", "/nowhere", nil)
		for _, value := range traceparents {
			r.Header.Add("traceparent", value)
		}
		answer := serve(f, r)
		answer.refused(t, 404, "RESOURCE_NOT_FOUND") // where trace_id is checked to be that of Trace-Id
		lines, _ := f.logs.take(t)
		require.Equal(t, answer.header.Get("Trace-Id"), lines[0]["trace_id"], "the log has it too")
		return answer.header.Get("Trace-Id")
	}

	for name, value := range map[string]string{
		"version 00":                 "00-" + id + "-" + parent + "-01",
		"other flags":                "00-" + id + "-" + parent + "-ff",
		"a later version":            "01-" + id + "-" + parent + "-00",
		"a later version, with more": "cc-" + id + "-" + parent + "-00-what.the-future.holds",
	} {
		t.Run("a valid traceparent is taken: "+name, func(t *testing.T) {
			require.Equal(t, id, ask(value))
		})
	}

	for name, values := range map[string][]string{
		"none":                           nil,
		"empty":                          {""},
		"repeated":                       {"00-" + id + "-" + parent + "-01", "00-" + id + "-" + parent + "-01"},
		"version ff":                     {"ff-" + id + "-" + parent + "-01"},
		"version 00 with more":           {"00-" + id + "-" + parent + "-01-x"},
		"a later version with a suffix":  {"01-" + id + "-" + parent + "-01x"},
		"a version that is not hex":      {"0x-" + id + "-" + parent + "-01"},
		"a trace id of zeros":            {"00-00000000000000000000000000000000-" + parent + "-01"},
		"a parent of zeros":              {"00-" + id + "-0000000000000000-01"},
		"capitals in the trace id":       {"00-0AF7651916CD43DD8448EB211C80319C-" + parent + "-01"},
		"a trace id that is not hex":     {"00-0af7651916cd43dd8448eb211c80319g-" + parent + "-01"},
		"a parent that is not hex":       {"00-" + id + "-b7ad6b716920333\n-01"},
		"flags that are not hex":         {"00-" + id + "-" + parent + "-0x"},
		"a trace id that is short":       {"00-" + id[1:] + "-" + parent + "-01"},
		"no flags":                       {"00-" + id + "-" + parent},
		"underscores for dashes":         {"00_" + id + "_" + parent + "_01"},
		"a header that would break logs": {"00-\"}{\"user\":\"eve\"-----------------------------------------"},
	} {
		t.Run("otherwise it is random: "+name, func(t *testing.T) {
			first, second := ask(values...), ask(values...)
			require.Regexp(t, `^[0-9a-f]{32}$`, first)
			require.NotEqual(t, id, first)
			require.NotEqual(t, first, second)
		})
	}
}
