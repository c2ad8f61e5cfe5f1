package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/skein-go/skein/threads"
)

// Harness says how to make the store to be checked, and what is known of it.
type Harness struct {
	// Open returns a store. One that persists is over the directory, which
	// exists and was empty when first given, and finds there what an earlier
	// store over it had when that was closed; nobody opens a directory that
	// is open. One that does not persist is new and empty each time.
	Open func(dir string) (threads.Store, error)

	// Persistent says that the store keeps its threads when it is closed.
	// Otherwise the clauses about that are skipped, and say so.
	Persistent bool

	// Gaps are the names of clauses that the store is known not to keep.
	// They are skipped, and say why. One that the store does keep fails the
	// run, and so does a name that is no clause's: the list stays true.
	Gaps []string

	// Histories is how many random histories are played, each a few hundred
	// calls; 0 is 50. A store whose calls are slow, with the race detector
	// above all, may play fewer and now and then, by SKEIN_HISTORIES in the
	// environment, many.
	Histories int

	// MaxThreads is the most threads that Benchmark creates for one
	// measurement; 0 is a million, or 10,000 with -short.
	MaxThreads int
}

// Run checks every clause, each in a subtest of its name, on a store of its
// own.
func Run(t *testing.T, h Harness) {
	if err := h.validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range Clauses() {
		t.Run(c.Name, func(t *testing.T) {
			skip, err := h.judge(t.Context(), c, t.TempDir())
			switch {
			case err != nil:
				t.Error(err)
			case skip != "":
				t.Skip(skip)
			}
		})
	}
}

// Check checks one clause on a fresh store, over a new directory below the
// one given if it persists, and returns what went otherwise than the rule
// says. It does not look at Gaps.
func (h Harness) Check(ctx context.Context, c Clause, dir string) error {
	e, err := newEnv(h, dir)
	if err != nil {
		return err
	}
	return errors.Join(c.Check(ctx, e), e.close())
}

// validate holds the harness to what Run can use.
func (h Harness) validate() error {
	if h.Open == nil {
		return errors.New("storagetest: the harness has no Open")
	}
	var errs []error
	if h.Histories < 0 {
		errs = append(errs, fmt.Errorf("storagetest: Histories is %d; want 0 or more", h.Histories))
	}
	for i, name := range h.Gaps {
		at := slices.IndexFunc(Clauses(), func(c Clause) bool { return c.Name == name })
		switch {
		case at < 0:
			errs = append(errs, fmt.Errorf("storagetest: the gap %q is not the name of a clause", name))
		case slices.Contains(h.Gaps[:i], name):
			errs = append(errs, fmt.Errorf("storagetest: the gap %q is listed twice", name))
		case Clauses()[at].Persistent && !h.Persistent:
			errs = append(errs, fmt.Errorf("storagetest: the gap %q is about stores that persist", name))
		}
	}
	return errors.Join(errs...)
}

// judge checks a clause and weighs the outcome against what is known of the
// store: an error fails the run, and the reason for a skip does not.
func (h Harness) judge(ctx context.Context, c Clause, dir string) (skip string, err error) {
	if c.Persistent && !h.Persistent {
		return "does not apply: the store does not persist", nil
	}
	err = h.Check(ctx, c, dir)
	known := slices.Contains(h.Gaps, c.Name)
	switch {
	case err == nil && known:
		return "", fmt.Errorf("stale gap: the store keeps this rule now; take %q out of Gaps\nrule: %s", c.Name, c.Rule)
	case err == nil:
		return "", nil
	case known:
		return fmt.Sprintf("known gap: %v\nrule: %s", err, c.Rule), nil
	}
	return "", fmt.Errorf("%w\nrule: %s", err, c.Rule)
}
