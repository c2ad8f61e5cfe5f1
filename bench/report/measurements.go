package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/skein-go/skein/bench"
)

// measurements are the values of each benchmark, one a round.
type measurements struct {
	values map[key][]float64
	config map[string]string
}

// key names values: of the workload DeleteAll/threads=100, by whom, in what
// unit.
type key struct{ workload, by, unit string }

var processors = regexp.MustCompile(`-\d+$`)

func read(r io.Reader, name string) (measurements, error) {
	m := measurements{map[key][]float64{}, map[string]string{}}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			full := processors.ReplaceAllString(string(record.Name), "")
			workload, by, ok := strings.Cut(full, "/by=")
			if !ok {
				continue
			}
			for _, v := range record.Values {
				value, unit := v.Value, v.Unit
				if v.OrigUnit != "" { // in the unit that was reported, not in the base unit
					value, unit = v.OrigValue, v.OrigUnit
				}
				k := key{workload, by, unit}
				m.values[k] = append(m.values[k], value)
			}
			for _, c := range record.Config {
				m.config[c.Key] = string(c.Value)
			}
		case *benchfmt.SyntaxError:
			return m, record
		}
	}
	if err := reader.Err(); err != nil {
		return m, err
	}
	if len(m.values) == 0 {
		return m, errors.New("no benchmark has by=NAME in " + name)
	}
	for k, list := range m.values {
		if most := m.rounds(); len(list) != most {
			return m, fmt.Errorf("%s has %d rounds of %s by %s, and %d of another", name, len(list), k.workload, k.by, most)
		}
	}
	return m, nil
}

// spread is the median of some rounds, their least and their most.
type spread struct{ median, least, most float64 }

func (m measurements) of(workload, by, unit string) (spread, bool) {
	list := slices.Sorted(slices.Values(m.values[key{workload, by, unit}]))
	if len(list) == 0 {
		return spread{}, false
	}
	return spread{(list[(len(list)-1)/2] + list[len(list)/2]) / 2, list[0], list[len(list)-1]}, true
}

// rounds is how many values each has.
func (m measurements) rounds() int {
	most := 0
	for _, list := range m.values {
		most = max(most, len(list))
	}
	return most
}

// ratio is how many times that of another a median is.
func (m measurements) ratio(workload, unit, by, other string) (string, error) {
	a, ok := m.of(workload, by, unit)
	b, okay := m.of(workload, other, unit)
	if !ok || !okay {
		return "", fmt.Errorf("no %s of %s by %s and %s", unit, workload, by, other)
	}
	return times(a.median / b.median), nil
}

func times(r float64) string {
	if r >= 10 {
		return group(int64(math.Round(r))) + "×"
	}
	return strconv.FormatFloat(r, 'f', 2, 64) + "×"
}

func (m measurements) machine() string {
	var lines []string
	for _, k := range []string{"cpu", "processors", "memory", "kernel", "filesystem", "go", "goos", "goarch", "date"} {
		if v := m.config[k]; v != "" {
			lines = append(lines, fmt.Sprintf("| %s | %s |", k, v))
		}
	}
	return "| | |\n|---|---|\n" + strings.Join(lines, "\n")
}

// table has a row a contender and a column for each workload. A column is
// "heading: workload unit". A cell has the median, how far the rounds are from
// it, and, unless it is a number of samples, how many times that of the bare
// engine it is.
func (m measurements) table(columns ...string) (string, error) {
	var b strings.Builder
	b.WriteString("| |")
	line := "|---|"
	type column struct {
		workload, unit string
		measured       bool
	}
	var list []column
	for _, text := range columns {
		heading, rest, _ := strings.Cut(text, ": ")
		workload, unit, ok := strings.Cut(rest, " ")
		if !ok {
			return "", fmt.Errorf("column %q; want heading: workload unit", text)
		}
		fmt.Fprintf(&b, " %s |", heading)
		line += "--:|"
		list = append(list, column{workload: workload, unit: unit})
	}
	b.WriteString("\n" + line + "\n")
	for _, c := range bench.Contenders() {
		var cells []string
		have := false
		for i, col := range list {
			s, ok := m.of(col.workload, c.Name, col.unit)
			if !ok {
				cells = append(cells, "—")
				continue
			}
			have, list[i].measured = true, true
			cell := format(s.median, col.unit)
			if around := max(s.most-s.median, s.median-s.least); s.median > 0 && around > 0 {
				cell += fmt.Sprintf(" ±%.0f %%", 100*around/s.median)
			}
			if bare, ok := m.of(col.workload, bareOf(c.Engine), col.unit); ok && col.unit != "samples" && bare.median > 0 && c.Name != bareOf(c.Engine) {
				cell += ", " + times(s.median/bare.median)
			}
			cells = append(cells, cell)
		}
		if have {
			name := c.Name
			if strings.HasPrefix(name, "skein-") {
				name = "**" + name + "**"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(cells, " | "))
		}
	}
	for _, col := range list {
		if !col.measured {
			return "", fmt.Errorf("nobody has %s of %s", col.unit, col.workload)
		}
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// bareOf names the least that an engine can do.
func bareOf(engine string) string {
	return map[string]string{"bbolt": "bare-bolt", "SQLite": "bare-sqlite"}[engine]
}

// format writes a value for people, with three digits.
func format(v float64, unit string) string {
	switch {
	case unit == "allocs/op", unit == "samples":
		return group(int64(math.Round(v)))
	case strings.Contains(unit, "B/op"):
		return scaled(v, []string{"B", "KB", "MB", "GB"})
	default: // nanoseconds
		return scaled(v, []string{"ns", "µs", "ms", "s"})
	}
}

func scaled(v float64, units []string) string {
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 0
	switch {
	case v == 0 || i == 0:
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[i]
}

// group writes a number with commas.
func group(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
