// Command report makes the tables of docs/reliability.md of what the lab has
// found.
//
//	SKEIN_LAB_RESULTS=$PWD/results/results.jsonl go test .
//	go run ./report results/results.jsonl ../docs/reliability.md
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/skein-go/skein/lab/results"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: report RESULTS PAGE")
	}
	if err := update(os.Args[1], os.Args[2]); err != nil {
		log.Fatal("report: ", err)
	}
}

// update puts the table into a page, between two marks.
func update(from, page string) error {
	list, err := read(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page) //nolint:gosec // the developer who runs it names the files
	if err != nil {
		return err
	}
	made, err := insert(text, table(list))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, made, 0o600) //nolint:gosec // so
}

const begin, end = "<!-- made by lab/report: begin -->\n", "<!-- made by lab/report: end -->"

func insert(page []byte, table string) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(begin))
	_, after, okay := bytes.Cut(rest, []byte(end))
	if !ok || !okay {
		return nil, errors.New("it has no marks for the table")
	}
	return slices.Concat(before, []byte(begin), []byte(table), []byte(end), after), nil
}

// read returns the last result of each test, store and form of the fault; one
// of the long form rather than one of the short.
func read(path string) ([]results.Result, error) {
	f, err := os.Open(path) //nolint:gosec // so
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var list []results.Result
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r results.Result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		same := func(o results.Result) bool {
			return o.Test == r.Test && o.Store == r.Store && (o.Fault == r.Fault || o.Long != r.Long)
		}
		if i := slices.IndexFunc(list, same); i >= 0 {
			if r.Long || !list[i].Long {
				list[i] = r
			}
			continue
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b results.Result) int {
		return cmp.Or(cmp.Compare(test(a), test(b)), cmp.Compare(a.Store, b.Store))
	})
	return list, lines.Err()
}

// test is the name of the test function.
func test(r results.Result) string {
	name, _, _ := strings.Cut(r.Test, "/")
	return name
}

// merged adds up the results of one test and store: of its options, or of the
// parts of the fault.
func merged(list []results.Result) (sums []results.Result) {
	count := map[int]int{}
	for _, r := range list {
		i := slices.IndexFunc(sums, func(s results.Result) bool { return test(s) == test(r) && s.Store == r.Store && s.Long == r.Long })
		if i < 0 {
			r.Outcomes, r.Controls = maps.Clone(r.Outcomes), maps.Clone(r.Controls)
			sums = append(sums, r)
			continue
		}
		count[i]++
		s := &sums[i]
		s.Runs += r.Runs
		if len(r.Fault) < len(s.Fault) {
			s.Fault = r.Fault
		}
		for what, n := range r.Outcomes {
			s.Outcomes[what] += n
		}
		for what, n := range r.Controls {
			s.Controls[what] += n
		}
	}
	for i, n := range count {
		sums[i].Fault += fmt.Sprintf(" (with %d settings)", n+1)
	}
	return sums
}

func table(list []results.Result) string {
	var b strings.Builder
	b.WriteString("| fault | store | runs | what came of it | command |\n|---|---|--:|---|---|\n")
	for _, r := range merged(list) {
		command := fmt.Sprintf("go test -run '^%s$' .", test(r))
		if r.Long {
			command = "SKEIN_LAB=long go test -timeout 0" + strings.TrimPrefix(command, "go test")
		}
		var parts []string
		for _, o := range []map[string]int{r.Outcomes, r.Controls} {
			var some []string
			for _, what := range sorted(o) {
				some = append(some, fmt.Sprintf("%d %s", o[what], what))
			}
			if len(some) > 0 {
				parts = append(parts, strings.Join(some, "; "))
			}
		}
		text := strings.Join(parts, ". Control: ")
		if len(r.Outcomes) == 0 {
			text = "Control: " + text
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s | `%s` |\n", r.Fault, r.Store, r.Runs, text, command)
	}
	return b.String()
}

// sorted are the keys, the most frequent first.
func sorted(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	return keys
}
