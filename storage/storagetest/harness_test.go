package storagetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/skein-go/skein/threads"
)

var (
	kept       = clause("kept", "a rule", func(*script) {})
	broken     = clause("broken", "another rule", func(s *script) { s.fail("Call() = 1; want 2") })
	reopening  = persistent("reopening", "a third rule", func(s *script) { s.reopen() })
	openModel  = func(string) (threads.Store, error) { return &model{}, nil }
	brokenGaps = []string{"broken", "kept"}
)

func TestRunWeighsOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		clause     Clause
		harness    Harness
		skip, fail string // what each contains; both empty: the clause passes
	}{
		"a rule that is kept passes":                            {kept, Harness{Open: openModel}, "", ""},
		"a rule that is broken fails, and is printed":           {broken, Harness{Open: openModel}, "", "Call() = 1; want 2\nrule: another rule"},
		"a known gap is skipped, with the reason":               {broken, Harness{Open: openModel, Gaps: brokenGaps}, "known gap: Call() = 1; want 2\nrule: another rule", ""},
		"a gap that is none any more fails":                     {kept, Harness{Open: openModel, Gaps: brokenGaps}, "", `stale gap: the store keeps this rule now; take "kept" out of Gaps`},
		"a rule about persistence does not apply to all stores": {reopening, Harness{Open: openModel}, "does not apply", ""},
		"a rule about persistence applies to those that say so": {reopening, Harness{Open: openModel, Persistent: true}, "", ""},
		"a store that does not open fails": {kept, Harness{Open: func(string) (threads.Store, error) {
			return nil, threads.ErrLocked
		}}, "", "locked by another process"},
		"no store fails": {kept, Harness{Open: func(string) (threads.Store, error) { return nil, nil }}, "", "Open(dir) = nil, nil; want a store"},
		"a store that does not close fails": {kept, Harness{Open: func(string) (threads.Store, error) {
			return newAltered(func(a *altered) { a.close = func() error { return threads.ErrFull } }), nil
		}}, "", "Close() = no space left; want nil"},
	} {
		t.Run(name, func(t *testing.T) {
			skip, err := c.harness.judge(t.Context(), c.clause, t.TempDir())
			fail := ""
			if err != nil {
				fail = err.Error()
			}
			if !strings.Contains(skip, c.skip) || (skip == "") != (c.skip == "") {
				t.Errorf("judge: skip = %q; want %q", skip, c.skip)
			}
			if !strings.Contains(fail, c.fail) || (fail == "") != (c.fail == "") {
				t.Errorf("judge: error = %q; want %q", fail, c.fail)
			}
		})
	}
}

func TestRunRefusesHarnesses(t *testing.T) {
	name, persistentName := "create/every-field", "reopen/threads"
	for what, c := range map[string]struct {
		harness Harness
		want    string // what the error contains; empty: none
	}{
		"no Open":                           {Harness{}, "has no Open"},
		"less than no histories":            {Harness{Open: openModel, Histories: -1}, "Histories is -1; want 0 or more"},
		"no gaps":                           {Harness{Open: openModel}, ""},
		"gaps":                              {Harness{Open: openModel, Persistent: true, Gaps: []string{name, persistentName}}, ""},
		"an unknown gap":                    {Harness{Open: openModel, Gaps: []string{name, "create/everything"}}, `"create/everything" is not the name of a clause`},
		"a gap listed twice":                {Harness{Open: openModel, Gaps: []string{name, name}}, `"create/every-field" is listed twice`},
		"a gap about what the store is not": {Harness{Open: openModel, Gaps: []string{persistentName}}, `"reopen/threads" is about stores that persist`},
	} {
		t.Run(what, func(t *testing.T) {
			err := c.harness.validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("validate() = %v; want %q", err, c.want)
			}
		})
	}
}

func TestChecksKeepTheErrorsOfTheStore(t *testing.T) {
	full := errors.New("disk full")
	c := clause("x", "a rule", func(s *script) { s.create("ada", "t1") })
	err := Harness{Open: func(string) (threads.Store, error) {
		return newAltered(func(a *altered) {
			a.create = func(context.Context, string, threads.Thread) error { return full }
		}), nil
	}}.Check(t.Context(), c, t.TempDir())
	if !errors.Is(err, full) {
		t.Errorf("Check() = %v; want an error that is %v", err, full)
	}
}

func TestChecksDoNotHidePanicsOfTheStore(t *testing.T) {
	c := clause("x", "a rule", func(*script) { panic("in the store") })
	defer func() {
		if r := recover(); r != "in the store" {
			t.Errorf("Check panics with %v; want what the store panicked with", r)
		}
	}()
	_ = Harness{Open: openModel}.Check(t.Context(), c, t.TempDir())
}
