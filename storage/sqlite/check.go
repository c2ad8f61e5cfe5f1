package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Report says what [Store.Check] found.
type Report struct {
	Threads     int64
	Deletions   int64
	Generations int64
	Problems    []string // at most MaxProblems, a sentence each; empty: all is well
}

// MaxProblems is the most that a [Report] lists.
const MaxProblems = 100

// Check has SQLite check its pages and indexes, then reads every row and holds
// checksums, counts and records against each other. If something does not fit
// it returns an [threads.ErrCorrupt] beside the report; other errors say why
// it could not finish.
//
// It reads one state of the store while the program goes on, and takes time
// with the size of the file and memory with the number of generations and
// deletions.
func (s *Store) Check(ctx context.Context) (Report, error) {
	c := checker{gens: map[uint64]*checkedGeneration{}, deleted: map[[2]string]threads.Deletion{}, held: map[[2]string]int64{}}
	err := s.read(ctx, "", nil, func(v *view) error {
		c.view = v
		return c.run()
	})
	if errors.Is(err, threads.ErrCorrupt) { // a damaged page ends the walk
		c.problem("%v", err)
		err = nil
	}
	if err == nil && len(c.Problems) > 0 {
		err = fmt.Errorf("sqlite: check: %w: %s", threads.ErrCorrupt, c.Problems[0])
	}
	return c.Report, err
}

type checker struct {
	Report
	*view
	gens    map[uint64]*checkedGeneration
	deleted map[[2]string]threads.Deletion // by user and id
	held    map[[2]string]int64            // threads found in each deletion, less those it says it holds
}

type checkedGeneration struct {
	generation.Generation
	user string
	rows int64 // threads found in it
}

func (c *checker) problem(format string, args ...any) {
	if len(c.Problems) < MaxProblems {
		c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) run() error {
	for _, step := range []func() error{c.engine, c.deletions, c.generations, c.threads} {
		if err := step(); err != nil {
			return err
		}
	}
	for id, g := range c.gens {
		if g.rows != g.Threads {
			c.problem("generation %d says it has %d threads, and has %d", id, g.Threads, g.rows)
		}
	}
	for of, n := range c.held {
		if n != 0 {
			c.problem("deletion %q of user %q says it holds another number of threads than it does, by %d", of[1], of[0], n)
		}
	}
	return nil
}

// tables are those of this package.
var tables = []string{"skein_layout", "skein_generation", "skein_thread", "skein_deletion"}

// engine is SQLite's own check, which also holds each index against its table.
// The host's own tables may break the rules of the host.
func (c *checker) engine() error {
	if c.s.path != "" {
		return c.integrity(`PRAGMA integrity_check(100)`)
	}
	for _, table := range tables {
		if err := c.integrity(`PRAGMA integrity_check(` + table + `)`); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) integrity(text string) error {
	return c.query(text, nil, func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		if line != "ok" {
			c.problem("SQLite: %s", line)
		}
		return err
	})
}

func (c *checker) generations() error {
	const all = `SELECT number, user, organization, state, deletion, threads, sum FROM skein_generation`
	return c.query(all, nil, func(scan func(...any) error) error {
		g := &checkedGeneration{}
		var sum int64
		if err := scan(&g.ID, &g.user, &g.Organization, &g.State, &g.Deletion, &g.Threads, &sum); err != nil {
			return err
		}
		c.Generations++
		if sumOfGeneration(g.user, g.Generation) != sum {
			c.problem("the row of generation %d does not match its checksum", g.ID)
		}
		c.gens[g.ID] = g
		if g.State == generation.Deleted {
			c.holds(g, g.Deletion, "", g.Threads)
		}
		return nil
	})
}

// holds adds threads to a deletion, or the one that is named.
func (c *checker) holds(g *checkedGeneration, deletion, thread string, n int64) {
	key := [2]string{g.user, deletion}
	c.held[key] += n
	d, ok := c.deleted[key]
	if !ok {
		c.problem("the deletion %q of user %q is missing", deletion, g.user)
		return
	}
	if err := canHold(d, g.Generation, thread); err != nil {
		c.problem("%v", err)
	}
}

func (c *checker) threads() error {
	const all = `SELECT ` + threadColumns + `, t.user FROM skein_thread AS t`
	return c.query(all, nil, func(scan func(...any) error) error {
		var rec threadRecord
		var user string
		if err := scan(append(rec.fields(), &user)...); err != nil {
			return err
		}
		c.Threads++
		g := c.gens[rec.generation]
		if g == nil {
			c.problem("thread %q of user %q is in generation %d, which is missing", rec.id, user, rec.generation)
			return nil
		}
		g.rows++
		r, err := rec.row(g.user, g.Generation)
		if r.Version == math.MaxInt64 { // can be made by an update, and not be given
			r.Version--
		}
		if err == nil {
			err = r.Validate(user) // also holds the user of the row against that of the generation
		}
		if err != nil {
			c.problem("thread %q of user %q: %v", rec.id, user, err)
		}
		switch {
		case g.State == generation.Singles:
			c.holds(g, rec.single, rec.id, 1)
		case rec.single != "":
			c.problem("thread %q of user %q names a deletion of its own outside the singles", rec.id, user)
		}
		return nil
	})
}

func (c *checker) deletions() error {
	const all = `SELECT ` + deletionColumns + ` FROM skein_deletion`
	return c.query(all, nil, func(scan func(...any) error) error {
		d, err := scanDeletion(scan)
		if err != nil && !errors.Is(err, threads.ErrCorrupt) {
			return err
		}
		if err != nil {
			c.problem("%v", err)
		}
		c.Deletions++
		key := [2]string{d.User, d.ID}
		c.deleted[key] = d
		c.held[key] -= d.Held
		if d.Held < 0 || d.Held > d.Count || d.Thread != "" && d.Count != 1 {
			c.problem("deletion %q of user %q holds %d of %d", d.ID, d.User, d.Held, d.Count)
		}
		return nil
	})
}
