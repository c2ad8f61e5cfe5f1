package storagetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skein-go/skein/threads"
)

// fault is a store that breaks a rule.
type fault struct {
	clause string // the first one to fail with it
	wrong  string // what it does, in words
	alter  func(*altered)

	// open makes a store that is not an altered model.
	open       func(dir string) (threads.Store, error)
	persistent bool
}

func (f fault) harness() Harness {
	h := Harness{Open: f.open, Persistent: f.persistent}
	if f.open == nil {
		h.Open = func(string) (threads.Store, error) { return newAltered(f.alter), nil }
	}
	return h
}

// faults returns every broken store there is.
func faults() []fault {
	return slices.Concat(
		createFaults(), updateFaults(), copyFaults(), userFaults(), argumentFaults(), listFaults(), deleteAllFaults(),
		keyFaults(), deleteFaults(), restoreFaults(), restoreThreadFaults(), deletionFaults(), purgeFaults(),
		usersDueFaults(), eraseFaults(), countFaults(), lifeFaults(), reopenFaults(), concurrentFaults(), manyFaults(),
		historyFaults(),
	)
}

// TestFaultsAreCaught holds that each broken store fails the clause it is
// listed for, and none before it.
func TestFaultsAreCaught(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.clause+"/"+f.wrong, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for i, c := range Clauses() {
				if c.Persistent && !f.persistent {
					continue
				}
				root := dir
				if !f.persistent {
					root = filepath.Join(dir, strconv.Itoa(i)) // need not be there
				}
				ctx := t.Context()
				if c.Name == f.clause {
					ctx = context.WithValue(ctx, holding{}, true)
				}
				err := f.harness().Check(ctx, c, root)
				switch {
				case err != nil && c.Name != f.clause:
					t.Fatalf("%s is the first clause that fails; want %s\n%v", c.Name, f.clause, err)
				case err != nil:
					t.Log(err)
					return
				case c.Name == f.clause:
					t.Fatalf("%s passes; want it to fail\nrule: %s", c.Name, c.Rule)
				}
			}
		})
	}
}

// TestClausesAreComplete holds that every clause has a name of its own, a
// rule, and a broken store that it is the first to catch.
func TestClausesAreComplete(t *testing.T) {
	names := map[string]int{}
	for _, c := range Clauses() {
		names[c.Name] = 0
		if c.Rule == "" || c.Check == nil {
			t.Errorf("clause %q has no rule or no check", c.Name)
		}
	}
	if len(names) != len(Clauses()) {
		t.Errorf("%d clauses have %d names; want one each", len(Clauses()), len(names))
	}
	wrongs := map[string]bool{}
	for _, f := range faults() {
		if _, ok := names[f.clause]; !ok {
			t.Errorf("the store of which %s is listed for %q, which is no clause", f.wrong, f.clause)
		}
		if wrongs[f.wrong] {
			t.Errorf("two stores are called %q", f.wrong)
		}
		wrongs[f.wrong] = true
		names[f.clause]++
	}
	for name, n := range names {
		if n == 0 {
			t.Errorf("clause %s has no broken store that it catches first", name)
		}
	}
}

// document is where the clauses are written down for people.
const document = "../../docs/clauses.md"

// TestDocument holds that the document says what the clauses and the broken
// stores are. SKEIN_UPDATE=1 writes it.
func TestDocument(t *testing.T) {
	want := documentText()
	for _, c := range Clauses() {
		t.Logf("%s first catches: %s", c.Name, strings.Join(wrongsOf(c.Name), "; "))
	}
	if os.Getenv("SKEIN_UPDATE") == "1" {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date; SKEIN_UPDATE=1 go test ./storage/storagetest -run TestDocument writes it", document)
	}
}

func wrongsOf(clause string) (list []string) {
	for _, f := range faults() {
		if f.clause == clause {
			list = append(list, f.wrong)
		}
	}
	return list
}

func documentText() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What every store keeps

These are the %d clauses that `+"`storage/storagetest`"+` checks on a store, in its order, and under each rule the
broken stores that show the clause at work: %d in all. A test of the kit holds that each of them fails that clause and
none before it. Clauses marked *persistent* are for stores that keep their threads when they are closed.

This file is written by `+"`SKEIN_UPDATE=1 go test ./storage/storagetest -run TestDocument`"+`; a test fails when it is out
of date.
`, len(Clauses()), len(faults()))
	group := ""
	for _, c := range Clauses() {
		if g, _, _ := strings.Cut(c.Name, "/"); g != group {
			group = g
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		mark := ""
		if c.Persistent {
			mark = " (*persistent*)"
		}
		fmt.Fprintf(&b, "\n### %s%s\n\n%s\n\n", c.Name, mark, c.Rule)
		for _, wrong := range wrongsOf(c.Name) {
			fmt.Fprintf(&b, "- %s\n", wrong)
		}
	}
	return b.String()
}
