package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

var (
	longAgo = time.Unix(0, 0).UTC()                            // no rule reads more from it than a time of purge
	never   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // after every deletion
)

// Erase implements [threads.Store].
//
// In one commit it hides all live threads, then it removes everything in
// batches, as [Store.Purge] does, and at last it has SQLite rewrite the file
// and empty the log; that takes time with the size of the file, while which
// other writers wait. If it is stopped in between, what is left is hidden and
// cannot be restored; erase again, or purge. A thread that is created or
// restored while it runs may survive.
func (s *Store) Erase(ctx context.Context, user string) (threads.Erasure, error) {
	var e threads.Erasure
	var samples []string
	if err := s.write(ctx, user, threads.ValidateUser(user), func(v *view) (err error) {
		if samples, err = v.samples(); err != nil {
			return err
		}
		e.Deletions, err = v.hideAll()
		return err
	}); err != nil {
		return e, err
	}
	for more := true; more; {
		r, err := s.Purge(ctx, user, never, longAgo, threads.MaxPurge)
		e.Threads += r.Threads
		if err != nil {
			return e, err
		}
		more = r.More
	}
	if err := s.read(ctx, user, nil, func(v *view) error { return v.verifyErased(&e) }); err != nil {
		return e, err
	}
	if err := s.giveUpBytes(ctx, &e); err != nil {
		return e, err
	}
	if err := s.scanErased(ctx, samples, &e); err != nil {
		return e, err
	}
	e.Caveats = append(e.Caveats,
		"Blocks that the file system has freed, backups and copies made by other tools may keep the bytes.")
	return e, nil
}

// hideAll moves the live threads of a user into a deletion that is being
// purged, and returns how many deletions there were.
func (v *view) hideAll() (deletions int64, err error) {
	const count = `SELECT count(*) FROM skein_deletion WHERE user = ? AND id <> ?`
	if _, err := v.row(count, []any{v.user, erasing}, &deletions); err != nil {
		return 0, err
	}
	l, err := v.generations(generation.Live, threads.All())
	if err != nil || len(l) == 0 {
		return deletions, err
	}
	p := l.DeleteAll(threads.All(), erasing)
	if err := v.apply(p); err != nil {
		return 0, err
	}
	d, err := v.deletion(erasing) // of an erasure that was stopped
	switch {
	case err == nil:
		d.Count += p.Threads
		d.Held += p.Threads
		return deletions, v.rewrite(d)
	case errors.Is(err, threads.ErrNotFound):
		return deletions, v.record(threads.Deletion{
			ID: erasing, User: v.user, Scope: threads.All(), DeletedAt: longAgo, PurgedAt: longAgo, Count: p.Threads, Held: p.Threads,
		})
	}
	return 0, err
}

// verifyErased looks for any row of the user.
func (v *view) verifyErased(e *threads.Erasure) error {
	const query = `SELECT EXISTS (SELECT 1 FROM skein_thread WHERE user = ?1)` +
		` OR EXISTS (SELECT 1 FROM skein_generation WHERE user = ?1) OR EXISTS (SELECT 1 FROM skein_deletion WHERE user = ?1)`
	var left bool
	if _, err := v.row(query, []any{v.user}, &left); err != nil {
		return err
	}
	if left {
		e.Caveats = append(e.Caveats, "The user has records again: something was created or restored meanwhile.")
	} else {
		e.Verified = append(e.Verified, "The store holds no record of the user.")
	}
	return nil
}

// giveUpBytes has SQLite overwrite what it has freed. It does not look at the
// file itself: to close a file that SQLite has open would drop its locks.
func (s *Store) giveUpBytes(ctx context.Context, e *threads.Erasure) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.path == "" {
		var secure int
		if err := s.ask(ctx, `PRAGMA secure_delete`, &secure); err != nil {
			return err
		}
		if secure != 1 {
			e.Caveats = append(e.Caveats, "The database is the host's and a connection has secure_delete off: free pages keep the bytes until a VACUUM.")
		} else {
			e.Caveats = append(e.Caveats, "The database is the host's: pages may keep some of the bytes between their rows until a VACUUM.")
		}
	} else if _, err := s.writer.db.ExecContext(ctx, `VACUUM`); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("sqlite: vacuum: %w", s.classify(err))
	}
	return s.emptyLog(ctx, e)
}

// emptyLog moves what is in the write-ahead log into the file and cuts the log
// to nothing, waiting for readers as long as for a lock.
func (s *Store) emptyLog(ctx context.Context, e *threads.Erasure) error {
	var busy, log, done int64 // log is -1 if the database has none
	err := s.retry(ctx, func() error {
		err := s.ask(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`, &busy, &log, &done)
		if err == nil && busy != 0 {
			err = threads.ErrLocked
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, threads.ErrLocked):
		e.Caveats = append(e.Caveats, "A reader held the write-ahead log, which keeps the bytes until it is emptied: erase again.")
	case err != nil:
		return fmt.Errorf("sqlite: empty the log: %w", err)
	case log >= 0:
		e.Verified = append(e.Verified, "The write-ahead log was emptied.")
	}
	return nil
}

// samples returns some ids and titles of the user that are long enough to be
// nobody else's bytes.
func (v *view) samples() (texts []string, err error) {
	const some = `SELECT id, title FROM skein_thread WHERE user = ? LIMIT 16`
	const long = 16
	err = v.query(some, []any{v.user}, func(scan func(...any) error) error {
		var id, title string
		err := scan(&id, &title)
		for _, text := range []string{id, title} {
			if len(text) >= long {
				texts = append(texts, text)
			}
		}
		return err
	})
	return texts, err
}
