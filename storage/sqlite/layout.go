package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/skein-go/skein/threads"
)

// applicationID marks a file that [Open] has made: "SKEI".
const applicationID = 0x534b4549

// identify refuses a file that is somebody else's, before anything in it is
// changed.
func (s *Store) identify(ctx context.Context) error {
	var id, foreign int64
	const query = `SELECT application_id, (SELECT count(*) FROM sqlite_schema WHERE name NOT GLOB 'skein_*' AND name NOT GLOB 'sqlite_*')` +
		` FROM pragma_application_id` // one statement: another may be making the file
	if err := s.ask(ctx, query, &id, &foreign); err != nil || id == applicationID {
		return err
	}
	if id != 0 || foreign != 0 {
		return fmt.Errorf("%w: it is a SQLite database of another program; to keep threads beside other data, open it and call New", threads.ErrCorrupt)
	}
	return nil
}

// checkHeader looks at the two bytes of a file by which SQLite would take it to
// be of another kind and write nothing.
func (s *Store) checkHeader(ctx context.Context) error {
	var kind string
	if err := s.ask(ctx, `SELECT hex(substr(data, 19, 2)) FROM sqlite_dbpage WHERE pgno = 1`, &kind); err != nil {
		return err
	}
	if kind != "0202" { // both say that there is a write-ahead log
		return fmt.Errorf("%w: the file says that it is of the kind %s, which was never written", threads.ErrCorrupt, kind)
	}
	return nil
}

// ask scans the one row of a query.
func (s *Store) ask(ctx context.Context, query string, values ...any) error {
	if err := s.writer.db.QueryRowContext(ctx, query).Scan(values...); err != nil {
		return s.classify(err)
	}
	return nil
}

// migrate brings the database to the layout of this package, in one
// transaction. Of many who try at once one does it, and the others find it
// done, for each reads the version once it has the lock.
func (s *Store) migrate(ctx context.Context) (err error) {
	conn, err := s.writer.db.Conn(ctx)
	if err != nil {
		return s.classify(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	version, err := s.layoutOf(ctx, conn)
	if err != nil || version == layout() {
		return err
	}
	run := func(ctx context.Context, text string) error {
		_, err := conn.ExecContext(ctx, text)
		return s.classify(err)
	}
	if err := run(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	detached := context.WithoutCancel(ctx)
	defer func() {
		if err != nil {
			_ = run(detached, `ROLLBACK`) // of what has failed already
		}
	}()
	if version, err = s.layoutOf(ctx, conn); err != nil {
		return err
	}
	fresh := version == 0
	for ; version < layout(); version++ {
		if err := run(detached, migrations[version]); err != nil {
			return fmt.Errorf("migrate from layout %d: %w", version, err)
		}
	}
	if s.path != "" {
		if fresh {
			if err := run(detached, ownSQL); err != nil {
				return err
			}
		}
		if err := run(detached, fmt.Sprintf(`PRAGMA user_version = %d`, layout())); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return run(detached, `COMMIT`)
}

// layoutOf returns the version of the layout that the database has, 0 for
// none, and refuses one that is newer than this package.
func (s *Store) layoutOf(ctx context.Context, conn *sql.Conn) (int, error) {
	var tables int
	if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'skein_layout'`).Scan(&tables); err != nil {
		return 0, s.classify(err)
	}
	if tables == 0 {
		return 0, nil
	}
	var version, rows int
	if err := conn.QueryRowContext(ctx, layoutSQL).Scan(&version, &rows); err != nil {
		return 0, s.classify(err)
	}
	return version, checkLayout(version, rows)
}

const layoutSQL = `SELECT CAST(ifnull(max(version), 0) AS INTEGER), count(*) FROM skein_layout`

func checkLayout(version, rows int) error {
	switch {
	case rows != 1 || version < 1:
		return fmt.Errorf("%w: the database names %d layouts, not one, or none that there is", threads.ErrCorrupt, rows)
	case version > layout():
		return fmt.Errorf("%w: it has layout %d and this version knows up to %d", threads.ErrNewerLayout, version, layout())
	}
	return nil
}

// lockSQL writes nothing, but has SQLite take the lock for writing, whatever
// the handle does at the start of a transaction. A transaction that reads
// first and then wants the lock can fail, or read what is old.
const lockSQL = `UPDATE skein_layout SET version = version WHERE version < 0`

// prepareWrite is the beginning of every transaction that writes: it has the
// lock, the layout is still ours, and the connection will keep its promises.
func (s *Store) prepareWrite(t *txn) error {
	if s.path == "" {
		if err := t.control(lockSQL); err != nil {
			return err
		}
		if err := s.checkConnection(t); err != nil {
			return err
		}
	}
	var version, rows int
	if _, err := t.row(layoutSQL, nil, &version, &rows); err != nil {
		return err
	}
	return checkLayout(version, rows)
}
