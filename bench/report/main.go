// Command report makes docs/performance.md and its plots of what the
// benchmarks have printed. bench/run calls it.
//
//	go run ./report -results results.txt -series DIR -out ../docs
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/skein-go/skein/bench"
)

//go:embed performance.md.tmpl
var pageText string

func main() {
	log.SetFlags(0)
	results := flag.String("results", "", "what the benchmarks printed, all rounds one after the other")
	series := flag.String("series", "", "directory with the latencies of the mixed workload")
	out := flag.String("out", "../docs", "directory for performance.md and the plots")
	flag.Parse()
	if err := report(*results, *series, *out); err != nil {
		log.Fatal("report: ", err)
	}
}

func report(results, series, out string) error {
	f, err := os.Open(results)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	m, err := read(f, results)
	if err != nil {
		return err
	}
	plots := filepath.Join(out, "performance")
	if err := os.MkdirAll(plots, 0o750); err != nil {
		return err
	}
	if err := errors.Join(
		plotDeleteAll(m, filepath.Join(plots, "delete-all.svg")),
		plotLatency(series, "bbolt", filepath.Join(plots, "latency-bbolt.svg")),
		plotLatency(series, "SQLite", filepath.Join(plots, "latency-sqlite.svg")),
	); err != nil {
		return err
	}
	t, err := template.New("performance.md").Funcs(template.FuncMap{
		"table":      m.table,
		"machine":    m.machine,
		"contenders": contenders,
		"rounds":     m.rounds,
		"ratio":      m.ratio,
	}).Parse(pageText)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "performance.md"), []byte(b.String()), 0o600)
}

// contenders says what each is.
func contenders() string {
	var b strings.Builder
	b.WriteString("| name | engine | what it is |\n|---|---|---|\n")
	for _, c := range bench.Contenders() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, c.Engine, c.About)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
