package sqlite

import (
	"context"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// PageSQL is the text of a page, for tests of how SQLite goes about it.
func PageSQL(q threads.Query, from bool, generations int) string {
	return pageSQL(q, from, generations)
}

// Statements are those whose text does not vary and whose cost must not.
func Statements() map[string]string {
	return map[string]string{
		"generations of a user": generationsOfUserSQL,
		"generations":           generationsSQL,
		"generations of one":    generationsLiveInSQL,
		"generation, youngest":  generationYoungestSQL,
		"generations deleted":   generationsOfDeletionSQL,
		"generation":            generationOfNumberSQL,
		"move threads":          moveThreadsSQL,
		"thread":                threadOfIDSQL,
		"remove threads":        removeThreadsSQL,
		"remove until":          removeLastSQL,
		"update thread":         updateThreadSQL,
		"move thread":           moveThreadSQL,
		"deletion":              deletionOfIDSQL,
		"deletion of a key":     deletionOfKeySQL,
		"deletions, newest":     deletionsSQL(threads.NewestFirst, true),
		"deletions, oldest":     deletionsSQL(threads.OldestFirst, true),
		"deletions, first page": deletionsSQL(threads.NewestFirst, false),
		"preview":               previewSQL,
		"earliest":              earliestSQL,
		"users due":             usersDueSQL,
		"update deletion":       updateDeletionSQL,
		"update generation":     updateGenerationSQL,
		"recount generation":    recountGenerationSQL,
	}
}

// Explain returns the steps of SQLite's plan for a statement.
func (s *Store) Explain(ctx context.Context, text string) (steps []string, err error) {
	rows, err := s.reader.db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, make([]any, 64)...) // values do not matter
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// Pragmas returns a setting on every connection of the writer and of the
// readers, n of them at once.
func (s *Store) Pragmas(ctx context.Context, name string, n int) (writer string, readers []string, err error) {
	if err := s.ask(ctx, "PRAGMA "+name, &writer); err != nil {
		return "", nil, err
	}
	for range n {
		conn, err := s.reader.db.Conn(ctx)
		if err != nil {
			return "", nil, err
		}
		defer func() { _ = conn.Close() }()
		var value string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return "", nil, err
		}
		readers = append(readers, value)
	}
	return writer, readers, nil
}

// MaxLive is how many live generations a page of one statement takes.
const MaxLive = maxArms / 2

// PlantDeletion replaces the record of a deletion by one that has been altered,
// and seals it.
func (s *Store) PlantDeletion(ctx context.Context, user, id string, alter func(*threads.Deletion)) error {
	return s.write(ctx, user, nil, func(v *view) error {
		d, err := v.deletion(id)
		if err != nil {
			return err
		}
		alter(&d)
		if err := v.changed(dropDeletionSQL, user, id); err != nil {
			return err
		}
		return v.record(d)
	})
}

// PlantCount changes how many threads the generations of a bulk deletion say
// they have, and seals them.
func (s *Store) PlantCount(ctx context.Context, user, deletion string, n int64) error {
	return s.write(ctx, user, nil, func(v *view) error {
		l, err := v.held(deletion)
		if err != nil {
			return err
		}
		for i := range l {
			l[i].Threads = n
		}
		return v.apply(generation.Plan{Put: l})
	})
}

// DecodeMetadata reads metadata as rows have it.
func DecodeMetadata(text string) (map[string]string, error) { return decodeMetadata(text) }
