package sqlite

import (
	"context"
	"fmt"
	"os"
)

// Stats says how large the file is and what was written to it.
type Stats struct {
	FileBytes   int64 // size of the database, without the log
	FreeBytes   int64 // of which this is free for reuse
	LogBytes    int64 // size of the write-ahead log, for a file that is owned; it is reused, and emptied at the last Close
	RowsWritten int64 // rows that this store has inserted, changed or deleted since it was opened
}

// Stats returns figures about the database. It reads no record.
func (s *Store) Stats(ctx context.Context) (st Stats, err error) {
	if err := s.enter(ctx); err != nil {
		return st, err
	}
	defer s.leave()
	const query = `SELECT page_count * page_size, freelist_count * page_size FROM pragma_page_count, pragma_page_size, pragma_freelist_count`
	if err := s.reader.db.QueryRowContext(ctx, query).Scan(&st.FileBytes, &st.FreeBytes); err != nil {
		return st, fmt.Errorf("sqlite: stats: %w", s.classify(err))
	}
	if s.path != "" {
		if info, err := os.Stat(s.path + "-wal"); err == nil {
			st.LogBytes = info.Size()
		}
	}
	st.RowsWritten = s.rowsWritten.Load()
	return st, nil
}
