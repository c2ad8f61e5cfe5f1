package main

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// number is one of a drawing, of which the last digits depend on the processor.
var number = regexp.MustCompile(`-?\d+(\.\d+)?(e-?\d+)?`)

// sameDrawing compares drawings: all that is not a number exactly, numbers
// nearly.
func sameDrawing(t *testing.T, name, want, got string) {
	t.Helper()
	require.Equal(t, number.ReplaceAllString(want, "0"), number.ReplaceAllString(got, "0"), name)
	others := number.FindAllString(got, -1)
	for i, text := range number.FindAllString(want, -1) {
		a, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		b, err := strconv.ParseFloat(others[i], 64)
		require.NoError(t, err)
		require.InDelta(t, a, b, 1e-3*max(1, math.Abs(a)), "number %d of %s", i, name)
	}
}

// TestThePageIsWhatWasMeasured: nobody writes figures by hand.
func TestThePageIsWhatWasMeasured(t *testing.T) {
	out := t.TempDir()
	require.NoError(t, report("../results/results.txt", "../results/series", out))
	for _, name := range []string{"performance.md", "performance/delete-all.svg", "performance/latency-bbolt.svg", "performance/latency-sqlite.svg"} {
		want, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		require.NoError(t, err)
		name += ": go run ./report makes it anew"
		if strings.Contains(name, ".svg") {
			sameDrawing(t, name, string(want), string(got))
		} else {
			require.Equal(t, string(want), string(got), name)
		}
	}
}

func TestMeasurements(t *testing.T) {
	m, err := read(strings.NewReader(`processors: 2
BenchmarkDeleteAll/threads=100/by=skein-bolt-2 3 500000 ns/op 400000 restore-ns/op 2000 written-B/op 10 allocs/op
BenchmarkDeleteAll/threads=100/by=skein-bolt-2 3 700000 ns/op 400000 restore-ns/op 2000 written-B/op 10 allocs/op
BenchmarkDeleteAll/threads=100/by=bare-bolt-2 3 200000 ns/op 200000 restore-ns/op 1000 written-B/op 10 allocs/op
BenchmarkDeleteAll/threads=100/by=bare-bolt-2 3 200000 ns/op 200000 restore-ns/op 1000 written-B/op 10 allocs/op
BenchmarkDeleteAll/threads=100/by=skein-memory-2 3 1500 ns/op 1200 allocs/op
BenchmarkDeleteAll/threads=100/by=skein-memory-2 3 1500 ns/op 1200 allocs/op
`), "example")
	require.NoError(t, err)
	require.Equal(t, 2, m.rounds())
	table, err := m.table("time: DeleteAll/threads=100 ns/op", "back: DeleteAll/threads=100 restore-ns/op", "written: DeleteAll/threads=100 written-B/op", "allocations: DeleteAll/threads=100 allocs/op")
	require.NoError(t, err)
	require.Equal(t, `| | time | back | written | allocations |
|---|--:|--:|--:|--:|
| **skein-memory** | 1.50 µs | — | — | 1,200 |
| **skein-bolt** | 600 µs ±17 %, 3.00× | 400 µs, 2.00× | 2.00 KB, 2.00× | 10, 1.00× |
| bare-bolt | 200 µs | 200 µs | 1.00 KB | 10 |`, table)
	ratio, err := m.ratio("DeleteAll/threads=100", "ns/op", "skein-bolt", "bare-bolt")
	require.NoError(t, err)
	require.Equal(t, "3.00×", ratio)
	m, err = read(strings.NewReader(`BenchmarkMixed/during=nothing/by=skein-bolt 1 2000000 p99-ns 1010 samples
BenchmarkMixed/during=nothing/by=bare-bolt 1 1000000 p99-ns 1009 samples
`), "example")
	require.NoError(t, err)
	table, err = m.table("late: Mixed/during=nothing p99-ns", "writes: Mixed/during=nothing samples")
	require.NoError(t, err)
	require.Equal(t, `| | late | writes |
|---|--:|--:|
| **skein-bolt** | 2.00 ms, 2.00× | 1,010 |
| bare-bolt | 1.00 ms | 1,009 |`, table)
}

func TestWhatWasNotMeasured(t *testing.T) {
	m, err := read(strings.NewReader(`BenchmarkDeleteAll/threads=100/by=skein-bolt-2 3 600000 ns/op
BenchmarkDeleteAll/threads=100/by=bare-bolt-2 3 200000 ns/op
`), "example")
	require.NoError(t, err)
	_, err = m.ratio("DeleteAll/threads=100", "ns/op", "skein-bolt", "nobody")
	require.EqualError(t, err, "no ns/op of DeleteAll/threads=100 by skein-bolt and nobody")
	_, err = m.table("no unit: DeleteAll")
	require.EqualError(t, err, `column "no unit: DeleteAll"; want heading: workload unit`)
	_, err = m.table("time: DeleteAll/threads=100 ns/op", "nobody: DeleteAll/threads=100 purge-ns")
	require.EqualError(t, err, "nobody has purge-ns of DeleteAll/threads=100")
	_, err = read(strings.NewReader("PASS\n"), "nothing")
	require.EqualError(t, err, "no benchmark has by=NAME in nothing")
	_, err = read(strings.NewReader(`BenchmarkGet/by=skein-bolt-2 3 500 ns/op
BenchmarkGet/by=skein-bolt-2 3 500 ns/op
BenchmarkGet/by=bare-bolt-2 3 500 ns/op
`), "example")
	require.EqualError(t, err, "example has 1 rounds of Get by bare-bolt, and 2 of another")
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0, "ns/op", "0 ns"},
		{999.4, "ns/op", "999 ns"},
		{999.6, "ns/op", "1.00 µs"},
		{12_340, "ns/op", "12.3 µs"},
		{5e9, "delete-ns", "5.00 s"},
		{1e12, "ns/op", "1000 s"},
		{1_234_567, "allocs/op", "1,234,567"},
		{730e6, "written-B/op", "730 MB"},
		{512, "B/op", "512 B"},
		{1_010, "samples", "1,010"},
	} {
		require.Equal(t, c.want, format(c.value, c.unit), "%v %s", c.value, c.unit)
	}
}
