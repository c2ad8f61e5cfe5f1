package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// A file of its own, and a question in SQL to it, from the same program or any
// SQLite shell.
func Example() {
	dir, err := os.MkdirTemp("", "skein-example-")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)
	ctx, path := context.Background(), filepath.Join(dir, "threads.db")

	store, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		log.Panic(err)
	}
	defer store.Close()
	svc := threads.NewService(store, nil)
	for _, title := range []string{"Plans", "Recipes"} {
		if _, err := svc.Create(ctx, "ada", threads.Draft{Title: title}); err != nil {
			log.Panic(err)
		}
	}
	deletion, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
	if err != nil {
		log.Panic(err)
	}
	fmt.Println("deleted", deletion.Count)
	if _, err := svc.Restore(ctx, "ada", deletion.ID); err != nil {
		log.Panic(err)
	}

	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		log.Panic(err)
	}
	defer db.Close()
	var titles string
	if err := db.QueryRowContext(ctx, `SELECT group_concat(title, ', ') FROM live_threads WHERE user = 'ada'`).Scan(&titles); err != nil {
		log.Panic(err)
	}
	fmt.Println(titles)
	// Output:
	// deleted 2
	// Plans, Recipes
}

// In a database of the host, beside its own tables. The settings have to be in
// the name, so that every connection of the pool has them.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "skein-example-")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	const settings = "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)"
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+settings)
	if err != nil {
		log.Panic(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `CREATE TABLE customer (name TEXT)`); err != nil {
		log.Panic(err)
	}
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		log.Panic(err)
	}
	defer store.Close() // leaves db open
	thread, err := threads.NewService(store, nil).Create(ctx, "ada", threads.Draft{Title: "Plans"})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(thread.Title)
	// Output:
	// Plans
}
