package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/skein-go/skein/threads"
)

// Contender is one way to keep the threads of users.
type Contender struct {
	Name   string // as in by=NAME
	Engine string // what is under it: memory, bbolt or SQLite. Those of one engine are compared
	About  string // what it is, and how it differs from the others, for a reader of the tables

	// Slow is the most threads with which it is measured, by any workload: to
	// fill more and to delete them takes more than a minute. 0: any number.
	Slow int

	// Open returns the keeper in a directory, which is empty or was filled
	// by another of its keepers; one of memory ignores it. A keeper that only
	// fills may leave out syncs.
	Open func(ctx context.Context, dir string, fill bool) (Keeper, error)
}

// noTimes says of a contender that it has no place for some of a thread.
const noTimes = "it keeps no version and no times but its own."

// Keeper keeps threads. What it returns is decoded; what it acknowledges is
// durable, if it keeps files. It may be called by any number of goroutines at
// once, but Fill, DeleteAll, Restore and Purge of one user by one.
//
// What it has no way to do is errors.ErrUnsupported.
type Keeper interface {
	// Fill adds the threads that numbered returns from a first number to
	// before a last, as quickly as it can.
	Fill(ctx context.Context, user string, from, to int) error

	Create(ctx context.Context, user string, t threads.Thread) error
	Get(ctx context.Context, user, id string) (threads.Thread, error)

	// Page returns the newest threads from a place on.
	Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error)

	Count(ctx context.Context, user string) (int, error)
	Delete(ctx context.Context, user, id string) error

	// DeleteAll deletes all threads and returns how many.
	DeleteAll(ctx context.Context, user string) (int, error)

	// Restore undoes the last DeleteAll and returns how many came back.
	Restore(ctx context.Context, user string) (int, error)

	// Purge removes what is deleted for good and returns how many threads
	// that was.
	Purge(ctx context.Context, user string) (int, error)

	Close() error
}

// Place is a place in a list, newest first: after so many threads, of which
// this is the last. The zero Place is before all.
type Place struct {
	Offset int
	After  *threads.Thread
}

// Contenders are all of them, those of one engine side by side, the least that
// the engine can do last.
func Contenders() []Contender {
	return []Contender{
		skeinMemory, adkMemory, trpcMemory,
		skeinBolt, stampedBolt, bareBolt,
		skeinSQLite, stampedSQLite, gormSQLite, adkSQLite, bareSQLite,
	}
}

// numbered returns the same thread for the same number: of a usual size, a
// millisecond newer than the one before.
func numbered(user string, n int) threads.Thread {
	at := time.UnixMilli(1_700_000_000_000 + int64(n)).UTC()
	return threads.Thread{
		ID: threadID(n), User: user, Organization: "org_bench",
		Title:     "Notes on the harvest of the northern orchards",
		Metadata:  map[string]string{"source": "web", "topic": "orchards"},
		CreatedAt: at, UpdatedAt: at, LastActivityAt: at, Version: 1,
	}
}

func threadID(n int) string { return fmt.Sprintf("thrd_%032d", n) }

var errAbsent = errors.New("no such thread")

// batches calls do for parts of a range, one after the other.
func batches(from, to, size int, do func(from, to int) error) error {
	for ; from < to; from += size {
		if err := do(from, min(from+size, to)); err != nil {
			return err
		}
	}
	return nil
}
