package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// openFile returns a handle for the file at the absolute path. Everything that
// makes it safe is in the name, for a pragma that is run on a handle reaches
// one connection of its pool. The name is a URI with the path escaped, for in
// a plain one SQLite reads no options, and "?" or "#" would end the path.
//
// Each transaction begins with the lock that is named: one that reads first
// and then wants to write would find that another has written meanwhile.
//
// The mode is "rw", or "ro" for one that cannot write.
func openFile(path, mode, lock string, pragmas ...string) (*sql.DB, error) {
	name := url.URL{Scheme: "file", Path: uriPath(path)}
	q := url.Values{"mode": {mode}, "_txlock": {lock}, "_pragma": pragmas}
	name.RawQuery = q.Encode()
	return sql.Open("sqlite", name.String())
}

// uriPath is the path as it stands in a file URI: with a slash before the
// drive letter on Windows.
func uriPath(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// safePragmas are those of every connection. A lock is waited for before
// anything else.
func safePragmas(busy time.Duration) []string {
	return []string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"synchronous(FULL)", // NORMAL loses the last commits at a power cut
		"foreign_keys(ON)",
		"secure_delete(ON)", // what is purged is overwritten, not just unlinked
		"trusted_schema(OFF)",
		"cell_size_check(ON)", // finds damage sooner
	}
}

// createFile makes an empty file of mode 0600 at the path if there is none;
// an empty file is an empty database, and SQLite gives its log the same mode.
//
// Closing any descriptor of a database drops the POSIX locks that the process
// has on it, so the file gets its name only when it is closed: by then nobody
// can have opened it.
func createFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // of mode 0600
	if err != nil {
		return err
	}
	err = f.Close()
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil // another was quicker
	}
	return errors.Join(err, os.Remove(f.Name()), syncDir(dir))
}

// syncDir makes the names in a directory durable. Windows has no such call,
// and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
