package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes one state of the database, the host's own tables included if
// it is borrowed, into a new file of mode 0600. [Open] opens it, or the host
// if the database is borrowed. The
// program goes on meanwhile; the log grows until it is done, and on a handle
// of one connection everything else waits. If the path exists it is refused,
// and if the copy fails no file is left.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: backup: %w", err)
		}
	}()
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// SQLite fills an empty file, and nobody else has this one open.
	f, err := os.OpenFile(absolute, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(absolute))
	}
	db := s.reader.db
	if s.path != "" {
		// A reader that may not write cannot write a copy either.
		if db, err = openFile(s.path, "rw", "deferred", safePragmas(s.busyTimeout)...); err != nil {
			return errors.Join(err, os.Remove(absolute))
		}
		defer func() { err = errors.Join(err, db.Close()) }()
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, absolute); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return errors.Join(s.classify(err), os.Remove(absolute))
	}
	return syncCopy(absolute)
}

// syncCopy makes a file and its name durable. SQLite has closed it.
func syncCopy(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(path)))
}
