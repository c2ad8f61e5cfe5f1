package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver of every contender on SQLite

	"github.com/skein-go/skein/threads"
)

// database is a SQLite file as a good engineer opens it: a write-ahead log
// that is synced at every commit, one connection that writes, some that read.
type database struct {
	write, read *sql.DB
}

// readers is how many connections read.
const readers = 4

func openSQLite(ctx context.Context, dir, name, schema string, fill bool) (database, error) {
	synchronous := "FULL"
	if fill {
		synchronous = "OFF"
	}
	source := "file:" + filepath.Join(dir, name) + "?_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(" + synchronous + ")&_pragma=foreign_keys(1)"
	write, err := sql.Open("sqlite", source)
	if err != nil {
		return database{}, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", source)
	if err != nil {
		return database{}, err
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	_, err = write.ExecContext(ctx, schema)
	return database{write, read}, err
}

func (d database) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// statements are kept prepared.
func prepare(ctx context.Context, db *sql.DB, texts ...string) ([]*sql.Stmt, error) {
	list := make([]*sql.Stmt, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = db.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

const stampedSchema = `
CREATE TABLE IF NOT EXISTS thread (number INTEGER PRIMARY KEY, user TEXT NOT NULL, organization TEXT NOT NULL, id TEXT NOT NULL, assistant TEXT NOT NULL,
	title TEXT NOT NULL, metadata TEXT NOT NULL, hidden INTEGER NOT NULL, pinned_at INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
	active_at INTEGER NOT NULL, version INTEGER NOT NULL, deleted_at INTEGER, UNIQUE (user, id)) STRICT;
CREATE INDEX IF NOT EXISTS thread_live ON thread (user, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS thread_deleted ON thread (user, deleted_at) WHERE deleted_at IS NOT NULL`

const (
	insertThread = `INSERT INTO thread (user, organization, id, assistant, title, metadata, hidden, created_at, updated_at, active_at, version)` +
		` VALUES (?, ?, ?, '', ?, ?, 0, ?, ?, ?, 1)`
	selectThread = `SELECT id, organization, assistant, title, metadata, hidden, pinned_at, created_at, updated_at, active_at, version FROM thread WHERE user = ? `
)

var stampedSQLite = Contender{
	Name: "stamped-sqlite", Engine: "SQLite",
	About: "By hand on SQLite: a column `deleted_at`, a partial index of the live rows and one of the deleted rows, prepared statements. Deleting all is one UPDATE; a count walks the index.",
	Open: func(ctx context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openSQLite(ctx, dir, "stamped.sqlite", stampedSchema, fill)
		if err != nil {
			return nil, err
		}
		write, err := prepare(ctx, db.write, insertThread,
			`UPDATE thread SET deleted_at = ? WHERE user = ? AND id = ? AND deleted_at IS NULL`,
			`UPDATE thread SET deleted_at = ? WHERE user = ? AND deleted_at IS NULL`,
			`UPDATE thread SET deleted_at = NULL WHERE user = ? AND deleted_at = ?`,
			`DELETE FROM thread WHERE number IN (SELECT number FROM thread WHERE user = ? AND deleted_at IS NOT NULL LIMIT ?)`)
		if err != nil {
			return nil, err
		}
		read, err := prepare(ctx, db.read,
			selectThread+`AND id = ? AND deleted_at IS NULL`,
			selectThread+`AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?`,
			selectThread+`AND deleted_at IS NULL AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?`,
			`SELECT count(*) FROM thread WHERE user = ? AND deleted_at IS NULL`)
		if err != nil {
			return nil, err
		}
		return &sqliteStamped{
			database: db,
			insert:   write[0], deleteOne: write[1], deleteAll: write[2], restore: write[3], purge: write[4],
			get: read[0], first: read[1], next: read[2], count: read[3],
		}, nil
	},
}

type sqliteStamped struct {
	database

	insert, deleteOne, deleteAll, restore, purge *sql.Stmt
	get, first, next, count                      *sql.Stmt

	last int64
}

func threadArguments(user string, t threads.Thread) ([]any, error) {
	metadata, err := json.Marshal(t.Metadata)
	return []any{user, t.Organization, t.ID, t.Title, string(metadata), t.CreatedAt.UnixMicro(), t.UpdatedAt.UnixMicro(), t.LastActivityAt.UnixMicro()}, err
}

// fillWith inserts many threads in few transactions.
func fillWith(ctx context.Context, db *sql.DB, insert, user string, from, to int) error {
	return batches(from, to, 10_000, func(from, to int) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		st, err := tx.PrepareContext(ctx, insert)
		if err != nil {
			return err
		}
		for n := from; n < to; n++ {
			args, err := threadArguments(user, numbered(user, n))
			if err != nil {
				return err
			}
			if _, err := st.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

func (s *sqliteStamped) Fill(ctx context.Context, user string, from, to int) error {
	return fillWith(ctx, s.write, insertThread, user, from, to)
}

// changed runs a statement and returns how many rows it changed.
func changed(ctx context.Context, st *sql.Stmt, args ...any) (int, error) {
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

func (s *sqliteStamped) Create(ctx context.Context, user string, t threads.Thread) error {
	args, err := threadArguments(user, t)
	if err != nil {
		return err
	}
	_, err = s.insert.ExecContext(ctx, args...)
	return err
}

// scanThreads reads the columns of selectThread.
func scanThreads(user string, rows *sql.Rows, err error) (list []threads.Thread, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		t := threads.Thread{User: user}
		var metadata string
		var pinned sql.NullInt64
		var created, updated, active int64
		if err := rows.Scan(&t.ID, &t.Organization, &t.Assistant, &t.Title, &metadata, &t.Hidden, &pinned, &created, &updated, &active, &t.Version); err != nil {
			return nil, err
		}
		t.CreatedAt, t.UpdatedAt, t.LastActivityAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC(), time.UnixMicro(active).UTC()
		if err := json.Unmarshal([]byte(metadata), &t.Metadata); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func (s *sqliteStamped) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	return getWith(ctx, s.get, user, id)
}

func getWith(ctx context.Context, st *sql.Stmt, user, id string) (threads.Thread, error) {
	rows, err := st.QueryContext(ctx, user, id)
	list, err := scanThreads(user, rows, err)
	if err != nil {
		return threads.Thread{}, err
	}
	if len(list) == 0 {
		return threads.Thread{}, errAbsent
	}
	return list[0], nil
}

func (s *sqliteStamped) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	return pageWith(ctx, s.first, s.next, user, from, limit)
}

func pageWith(ctx context.Context, first, next *sql.Stmt, user string, from Place, limit int) ([]threads.Thread, error) {
	var rows *sql.Rows
	var err error
	if from.After == nil {
		rows, err = first.QueryContext(ctx, user, limit)
	} else {
		rows, err = next.QueryContext(ctx, user, from.After.CreatedAt.UnixMicro(), from.After.ID, limit)
	}
	return scanThreads(user, rows, err)
}

func (s *sqliteStamped) Count(ctx context.Context, user string) (n int, err error) {
	return n, s.count.QueryRowContext(ctx, user).Scan(&n)
}

func (s *sqliteStamped) Delete(ctx context.Context, user, id string) error {
	n, err := changed(ctx, s.deleteOne, time.Now().UnixMicro(), user, id)
	if err == nil && n == 0 {
		err = errAbsent
	}
	return err
}

func (s *sqliteStamped) DeleteAll(ctx context.Context, user string) (int, error) {
	s.last = time.Now().UnixMicro()
	return changed(ctx, s.deleteAll, s.last, user)
}

func (s *sqliteStamped) Restore(ctx context.Context, user string) (int, error) {
	return changed(ctx, s.restore, user, s.last)
}

func (s *sqliteStamped) Purge(ctx context.Context, user string) (n int, err error) {
	return purgeWith(ctx, s.purge, user)
}

// purgeWith removes in batches as small as other writers can wait for.
func purgeWith(ctx context.Context, st *sql.Stmt, user string) (n int, err error) {
	const batch = 500
	for removed := batch; removed == batch && err == nil; n += removed {
		removed, err = changed(ctx, st, user, batch)
	}
	return n, err
}

var bareSQLite = Contender{
	Name: "bare-sqlite", Engine: "SQLite",
	About: "The least that SQLite can do: one table with its rows in the order of lists, ids found through it, no check of anything. Deleting or restoring all is a commit of one small row, whatever it would have to say.",
	Open: func(ctx context.Context, dir string, fill bool) (Keeper, error) {
		db, err := openSQLite(ctx, dir, "bare.sqlite", `
CREATE TABLE IF NOT EXISTS thread (user TEXT NOT NULL, organization TEXT NOT NULL, id TEXT NOT NULL, assistant TEXT NOT NULL,
	title TEXT NOT NULL, metadata TEXT NOT NULL, hidden INTEGER NOT NULL, pinned_at INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
	active_at INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (user, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS small (user TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID`, fill)
		if err != nil {
			return nil, err
		}
		write, err := prepare(ctx, db.write, insertThread, `DELETE FROM thread WHERE user = ? AND id = ?`,
			`INSERT INTO small VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n`,
			`DELETE FROM thread WHERE user = ?1 AND id IN (SELECT id FROM thread WHERE user = ?1 LIMIT ?2)`)
		if err != nil {
			return nil, err
		}
		read, err := prepare(ctx, db.read,
			selectThread+`AND id = ?`,
			selectThread+`ORDER BY id DESC LIMIT ?`,
			selectThread+`AND id < ?2 ORDER BY id DESC LIMIT ?3`,
			`SELECT n FROM small WHERE user = ?`)
		if err != nil {
			return nil, err
		}
		return &sqliteBare{
			database: db, deleted: map[string]int{},
			insert: write[0], deleteOne: write[1], small: write[2], purge: write[3],
			get: read[0], first: read[1], next: read[2], count: read[3],
		}, nil
	},
}

// sqliteBare does for each operation only what no store on SQLite can do
// without. So it does not delete: it counts what it would have to say.
type sqliteBare struct {
	database

	insert, deleteOne, small, purge *sql.Stmt
	get, first, next, count         *sql.Stmt

	deleted map[string]int
}

func (s *sqliteBare) Fill(ctx context.Context, user string, from, to int) error {
	if err := fillWith(ctx, s.write, insertThread, user, from, to); err != nil {
		return err
	}
	n, err := s.Count(ctx, user)
	if err != nil {
		return err
	}
	_, err = s.small.ExecContext(ctx, user, n+to-from)
	return err
}

func (s *sqliteBare) Create(ctx context.Context, user string, t threads.Thread) error {
	args, err := threadArguments(user, t)
	if err != nil {
		return err
	}
	_, err = s.insert.ExecContext(ctx, args...)
	return err
}

func (s *sqliteBare) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	return getWith(ctx, s.get, user, id)
}

func (s *sqliteBare) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	if from.After == nil {
		rows, err := s.first.QueryContext(ctx, user, limit)
		return scanThreads(user, rows, err)
	}
	rows, err := s.next.QueryContext(ctx, user, from.After.ID, limit)
	return scanThreads(user, rows, err)
}

func (s *sqliteBare) Count(ctx context.Context, user string) (n int, err error) {
	err = s.count.QueryRowContext(ctx, user).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, err
}

func (s *sqliteBare) Delete(ctx context.Context, user, id string) error {
	_, err := s.deleteOne.ExecContext(ctx, user, id)
	return err
}

func (s *sqliteBare) DeleteAll(ctx context.Context, user string) (int, error) {
	n, err := s.Count(ctx, user)
	if err != nil {
		return 0, err
	}
	s.deleted[user] = n
	_, err = s.small.ExecContext(ctx, user, 0)
	return n, err
}

func (s *sqliteBare) Restore(ctx context.Context, user string) (int, error) {
	n := s.deleted[user]
	_, err := s.small.ExecContext(ctx, user, n)
	return n, err
}

func (s *sqliteBare) Purge(ctx context.Context, user string) (int, error) {
	return purgeWith(ctx, s.purge, user)
}
