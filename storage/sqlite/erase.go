package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Erase implements [threads.Store].
//
// In one commit it hides all live threads in a deletion of its own, then it
// removes everything in batches, as [Store.Purge] does, and at last it has
// SQLite rewrite the file and empty the log; that takes time with the size of
// the file, while which other writers wait. If it is stopped in between, what
// is left is deleted and cannot be restored, and the deletion is in the user's
// list; erase again, or purge. A thread that is created or restored while it
// runs may survive.
func (s *Store) Erase(ctx context.Context, user string) (threads.Erasure, error) {
	var e threads.Erasure
	var samples [][]byte
	var own erasing
	if err := s.write(ctx, user, threads.ValidateUser(user), func(v *view) (err error) {
		if samples, err = v.samples(); err != nil {
			return err
		}
		own.deletion, err = v.hideAll()
		return err
	}); err != nil {
		return e, err
	}
	for more := true; more; {
		r, err := s.purge(ctx, user, generation.Never, generation.LongAgo, threads.MaxPurge, &own)
		e.Threads += r.Threads
		e.Deletions = own.others
		if err != nil {
			return e, err
		}
		more = r.More
	}
	if err := s.read(ctx, user, nil, func(v *view) error { return v.verifyErased(&e) }); err != nil {
		return e, err
	}
	if err := s.giveUpBytes(ctx, own, &e); err != nil {
		return e, err
	}
	if err := s.scanErased(ctx, samples, &e); err != nil {
		return e, err
	}
	e.Caveats = append(e.Caveats,
		"Blocks that the file system has freed, backups and copies made by other tools may keep the bytes.")
	return e, nil
}

// erasing is what an erasure knows of its purges.
type erasing struct {
	deletion string // its own, which is not counted
	others   int64  // records of other deletions that were removed
	insecure bool   // whether a connection that removed something has secure_delete off
}

// hideAll moves the live threads of a user into a deletion whose purge has
// begun, and returns its id; "" if there are none.
func (v *view) hideAll() (id string, err error) {
	l, err := v.generations(generation.Live, threads.All())
	if err != nil || len(l) == 0 {
		return "", err
	}
	d, err := generation.Erasing(v.user, func(id string) (bool, error) {
		list, err := v.deletions(deletionOfIDSQL, v.user, id)
		return len(list) > 0, err
	})
	if err != nil {
		return "", err
	}
	p := l.DeleteAll(d.Scope, d.ID)
	if err := v.apply(p); err != nil {
		return "", err
	}
	d.Count, d.Held = p.Threads, p.Threads
	return d.ID, v.record(d)
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
func (s *Store) giveUpBytes(ctx context.Context, own erasing, e *threads.Erasure) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.path == "" {
		if own.insecure {
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
// to nothing, waiting for readers as long as for a lock. Between its attempts
// others write.
func (s *Store) emptyLog(ctx context.Context, e *threads.Erasure) error {
	var log int64 // -1 if the database has none
	err := s.retry(ctx, func() (err error) {
		log, err = s.checkpoint(ctx)
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

// checkpoint tries to empty the log, without waiting for anybody.
func (s *Store) checkpoint(ctx context.Context) (log int64, err error) {
	conn, err := s.writer.db.Conn(ctx)
	if err != nil {
		return 0, s.classify(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var patience, busy, done int64
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&patience); err != nil {
		return 0, s.classify(err)
	}
	detached := context.WithoutCancel(ctx)
	defer func() {
		_, failed := conn.ExecContext(detached, fmt.Sprintf(`PRAGMA busy_timeout = %d`, patience))
		err = errors.Join(err, s.classify(failed))
	}()
	if _, err := conn.ExecContext(detached, `PRAGMA busy_timeout = 0`); err != nil {
		return 0, s.classify(err)
	}
	if err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &done); err != nil {
		return 0, s.classify(err)
	}
	if busy != 0 {
		return 0, threads.ErrLocked
	}
	return log, nil
}
