package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/skein-go/skein/threads"
)

// samples returns the bytes of some rows of the user as they are in the file.
// Each ends in a seal of the user's name and all before it, so these bytes are
// nobody else's, whatever ids and texts others have.
func (v *view) samples() (rows [][]byte, err error) {
	const some = `SELECT ` + threadColumns + ` FROM skein_thread AS t WHERE user = ? LIMIT 64`
	const longest = 900 // a quarter of a page: SQLite keeps such a row in one piece
	err = v.query(some, []any{v.user}, func(scan func(...any) error) error {
		var rec threadRecord
		err := scan(rec.fields()...)
		if b := rec.stored(v.user); len(b) <= longest && len(rows) < 16 {
			rows = append(rows, b)
		}
		return err
	})
	return rows, err
}

// stored is the end of the row as SQLite writes it, from the user on: the
// columns in the order of the table, one after the other.
func (r *threadRecord) stored(user string) []byte {
	b := []byte(user + r.id + r.assistant + r.title + r.metadata) // then hidden, which takes none
	if r.pinnedAt != nil {
		b = appendStored(b, *r.pinnedAt)
	}
	for _, n := range []int64{r.createdAt, r.updatedAt, r.activeAt, r.version} {
		b = appendStored(b, n)
	}
	return appendStored(append(b, r.single...), r.sum)
}

// appendStored appends an integer as SQLite keeps it: in 1, 2, 3, 4, 6 or 8
// bytes, and 0 and 1 in none, for the head of the row says them.
func appendStored(b []byte, n int64) []byte {
	if n == 0 || n == 1 {
		return b
	}
	size := 8
	for _, s := range []int{6, 4, 3, 2, 1} {
		if limit := int64(1) << (8*s - 1); -limit <= n && n < limit {
			size = s
		}
	}
	var full [8]byte
	binary.BigEndian.PutUint64(full[:], uint64(n))
	return append(b, full[8-size:]...)
}

// scanErased looks for the rows in the pages of the file, by the engine's own
// view of them: see giveUpBytes for why.
func (s *Store) scanErased(ctx context.Context, rows [][]byte, e *threads.Erasure) error {
	if len(rows) == 0 || s.path == "" { // another driver may have no sqlite_dbpage
		return nil
	}
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row))
	}
	return s.read(ctx, "", nil, func(v *view) error {
		var kept []byte // the end of the page before
		pages := 0
		found := false
		err := v.query(`SELECT data FROM sqlite_dbpage ORDER BY pgno`, nil, func(scan func(...any) error) error {
			var page []byte
			if err := scan(&page); err != nil {
				return err
			}
			pages++
			window := slices.Concat(kept, page)
			for _, row := range rows {
				found = found || bytes.Contains(window, row)
			}
			kept = window[max(0, len(window)-longest):]
			return nil
		})
		if err != nil {
			return err
		}
		if found {
			e.Caveats = append(e.Caveats, "A scan of the file found bytes of an erased thread.")
		} else {
			e.Verified = append(e.Verified, fmt.Sprintf("A scan of the %d pages of the file found none of %d erased rows.", pages, len(rows)))
		}
		return nil
	})
}
