package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// ErrUnsafe is what [New] returns, and later a write, for a handle whose
// settings would break a promise. Its text says which, and what to set.
var ErrUnsafe = errors.New("sqlite: the settings of the database handle are not safe")

// checkHandle looks at what is the same on every connection of a handle.
func (s *Store) checkHandle(ctx context.Context) error {
	var version, encoding, file string
	for query, value := range map[string]*string{
		`SELECT sqlite_version()`: &version,
		`PRAGMA encoding`:         &encoding,
		`SELECT ifnull(max(file), '') FROM pragma_database_list WHERE name = 'main'`: &file,
	} {
		if err := s.ask(ctx, query, value); err != nil {
			return err
		}
	}
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d.", &major, &minor); err != nil || major != 3 || minor < 38 {
		return fmt.Errorf("%w: it is SQLite %s; 3.38 or later is needed", ErrUnsafe, version)
	}
	if encoding != "UTF-8" {
		return fmt.Errorf("%w: the encoding is %s, in which texts have another order; it must be UTF-8", ErrUnsafe, encoding)
	}
	if file == "" {
		return fmt.Errorf("%w: the database is in memory, or temporary, and keeps nothing", ErrUnsafe)
	}
	return nil
}

const connectionSQL = `SELECT (SELECT synchronous FROM pragma_synchronous), (SELECT journal_mode FROM pragma_journal_mode),` +
	` (SELECT query_only FROM pragma_query_only), (SELECT read_uncommitted FROM pragma_read_uncommitted)`

// checkConnection looks at what each connection of a handle has of its own,
// so it is asked of each that writes.
func (s *Store) checkConnection(t *txn) error {
	var synchronous int
	var journal string
	var queryOnly, uncommitted bool
	if _, err := t.row(connectionSQL, nil, &synchronous, &journal, &queryOnly, &uncommitted); err != nil {
		return err
	}
	switch journal = strings.ToLower(journal); {
	case synchronous < 2:
		return fmt.Errorf("%w: synchronous is %d on a connection, which loses commits at a power cut; set PRAGMA synchronous = FULL on every connection",
			ErrUnsafe, synchronous)
	case journal == "off" || journal == "memory":
		return fmt.Errorf("%w: journal_mode is %s on a connection, which a crash does not survive; set PRAGMA journal_mode = WAL", ErrUnsafe, journal)
	case journal == "persist":
		return fmt.Errorf("%w: journal_mode is persist on a connection, so a file beside the database keeps what was erased; set PRAGMA journal_mode = WAL",
			ErrUnsafe)
	case queryOnly:
		return fmt.Errorf("%w: query_only is set on a connection", ErrUnsafe)
	case uncommitted:
		return fmt.Errorf("%w: read_uncommitted is set on a connection, so a read may see half of a write", ErrUnsafe)
	}
	return nil
}

// checkOneConnection is checkConnection before there is any table of ours.
func (s *Store) checkOneConnection(ctx context.Context) error {
	conn, err := s.writer.db.Conn(ctx)
	if err != nil {
		return s.classify(err)
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return errors.Join(s.classify(err), conn.Close())
	}
	t := s.newTxn(ctx, s.writer, tx)
	t.release = conn.Close
	defer t.rollback()
	return s.checkConnection(t)
}
