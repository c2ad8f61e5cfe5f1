package sqlite

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
)

// settle makes the log durable that other processes have left or have open,
// before anything relies on it.
//
// After a sync that failed the system may show bytes that are not on the disk,
// and will not write them. The process whose commit that was takes it back. If
// it dies, the next one finds the commit in the log, goes on from it, and syncs
// no more than it adds. A power cut would then end the log where the bytes are
// missing, and all later commits with it; or, if the log had been moved into
// the file meanwhile, leave half a log that puts old pages over new ones. So
// emptying the log is no way out, and it is written over itself.
//
// Nobody changes the log meanwhile, for we have SQLite's lock for writing;
// readers see the same bytes. SQLite has no POSIX lock on the log that closing
// it here could drop. The file itself needs none of this: what a checkpoint
// could not sync is still in the log, and the next process writes it again.
//
// Until it is settled the log must not be moved into the file, and that is what
// the last connection does when it is closed. So one that cannot write is
// opened first and closed last.
func (s *Store) settle(ctx context.Context) (err error) {
	log, err := logOf(s.path)
	if err != nil {
		return err
	}
	info, err := os.Stat(log)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil // and what comes into it from now on is of processes that live
	}
	if err != nil {
		return err
	}
	keeper, err := openFile(s.path, "ro", "deferred", safePragmas(s.busyTimeout)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	conn, err := keeper.Conn(ctx)
	if err != nil {
		return s.classify(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var tables int
	if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil { // now it has the log
		return s.classify(err)
	}
	if err = s.rewriteLog(ctx, log); err != nil {
		err = errors.Join(err, s.writer.db.Close())
	}
	return err
}

// rewriteLog writes the log over itself and syncs it and its name. The
// transaction does not end with the context, for with it the lock would.
func (s *Store) rewriteLog(ctx context.Context, log string) error {
	tx, err := s.writer.db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return s.classify(err)
	}
	return errors.Join(rewrite(log), syncDir(filepath.Dir(log)), tx.Rollback())
}

// rewrite writes a file over itself and syncs it.
func rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the last process closed the database before we had it open
	}
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(io.NewOffsetWriter(f, 0), io.NewSectionReader(f, 0, math.MaxInt64), make([]byte, 1<<20))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// logOf is where SQLite keeps the log: beside what a symbolic link leads to,
// but on Windows, beside the link.
func logOf(path string) (string, error) {
	if runtime.GOOS != "windows" {
		var err error
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
	}
	return path + "-wal", nil
}
