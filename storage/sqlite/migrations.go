package sqlite

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ownSQL marks a file as one that holds nothing but threads.
//
//go:embed own.sql
var ownSQL string

// Migrations returns the numbered SQL files that bring a database to the
// layout of this package, for hosts whose own tool runs them: each once, in
// the order of their names, each in a transaction. [Open] and [New] run those
// that are missing themselves.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return sub
}

// migrations are the texts of the files; migrations[0] makes layout 1.
var migrations = func() (texts []string) {
	names, err := fs.Glob(Migrations(), "*.sql") // in the order of names
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(Migrations(), name)
		if err != nil {
			panic(err)
		}
		texts = append(texts, strings.TrimSpace(string(text)))
	}
	return texts
}()

// layout is the version this package writes.
func layout() int { return len(migrations) }
