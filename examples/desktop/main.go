// Command desktop is a program for one person with Skein inside: its threads
// are in a file of that person, and it needs no server.
//
//	desktop [--file PATH]
//
// It reads commands from standard input, one a line: add TITLE, list,
// delete-all, undo, quit.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// me is the owner of all threads: the file is one person's.
const me = "me"

func main() {
	file := flag.String("file", "", "where threads are kept (default: skein-desktop/threads.db in the user's directory for configuration)")
	flag.Parse()
	if err := run(context.Background(), *file, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "desktop:", err)
		os.Exit(1)
	}
}

// run carries out the commands from in until there are no more. The file is
// open all the time, and closed when run returns.
func run(ctx context.Context, file string, in io.Reader, out io.Writer) (err error) {
	if file == "" {
		if file, err = defaultFile(); err != nil {
			return err
		}
	}
	store, err := bolt.Open(ctx, file, nil)
	if errors.Is(err, threads.ErrLocked) {
		return fmt.Errorf("another instance has %s open; close that one first, or choose another file with --file: %w", file, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	svc := threads.NewService(store, nil)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch command, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); command {
		case "":
		case "add":
			err = add(ctx, svc, strings.TrimSpace(rest), out)
		case "list":
			err = list(ctx, svc, out)
		case "delete-all":
			err = deleteAll(ctx, svc, out)
		case "undo":
			err = undo(ctx, svc, out)
		case "quit":
			return nil
		default:
			fmt.Fprintf(out, "There is no command %q; there are: add TITLE, list, delete-all, undo, quit.\n", command)
		}
		if field := (*threads.FieldError)(nil); errors.As(err, &field) {
			fmt.Fprintf(out, "That %s does not work: %s.\n", field.Field, field.Rule) // a mistake of the person, who can try again
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

// defaultFile returns where threads are kept if nothing else is said, in a
// directory that only the person can look into.
func defaultFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for threads: %w; choose one with --file", err)
	}
	dir = filepath.Join(dir, "skein-desktop")
	return filepath.Join(dir, "threads.db"), os.MkdirAll(dir, 0o700)
}

func add(ctx context.Context, svc *threads.Service, title string, out io.Writer) error {
	t, err := svc.Create(ctx, me, threads.Draft{Title: title})
	if err == nil {
		fmt.Fprintf(out, "Added %q.\n", t.Title)
	}
	return err
}

func list(ctx context.Context, svc *threads.Service, out io.Writer) error {
	n := 0
	for t, err := range svc.All(ctx, me, threads.Query{Scope: threads.All()}) {
		if err != nil {
			return err
		}
		n++
		fmt.Fprintf(out, "%s  %s\n", t.CreatedAt.Local().Format("2006-01-02 15:04"), t.Title)
	}
	fmt.Fprintf(out, "%d thread(s).\n", n)
	return nil
}

func deleteAll(ctx context.Context, svc *threads.Service, out io.Writer) error {
	d, err := svc.SoftDeleteAll(ctx, me, threads.All())
	if err == nil {
		fmt.Fprintf(out, "Deleted %d thread(s). To have them back: undo\n", d.Count)
	}
	return err
}

// undo takes back the newest deletion that still has something to give back.
func undo(ctx context.Context, svc *threads.Service, out io.Writer) error {
	var from threads.Cursor
	for {
		page, err := svc.Deletions(ctx, me, threads.Paging{After: from})
		if err != nil {
			return err
		}
		for _, d := range page.Deletions {
			if d.Held == 0 {
				continue
			}
			n, err := svc.Restore(ctx, me, d.ID)
			if err == nil {
				fmt.Fprintf(out, "Brought %d thread(s) back.\n", n)
			}
			return err
		}
		if !page.HasMore {
			fmt.Fprintln(out, "There is nothing to undo.")
			return nil
		}
		from = page.Deletions[len(page.Deletions)-1].Cursor()
	}
}
