package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// Stats says how large the file is and what was written to it.
type Stats struct {
	FileBytes    int64 // size of the file; of a borrowed database, of the pages it counts
	FreeBytes    int64 // of which this is free for reuse, and given back by Compact
	PagesWritten int64 // pages that commits have written since the file was opened or compacted, beside one meta page each
	PageBytes    int64 // size of a page
}

// Stats returns figures about the file. It reads no record. For a database
// with NoStatistics only the sizes are known, without FreeBytes.
func (s *Store) Stats(ctx context.Context) (st Stats, err error) {
	db, err := s.enter(ctx, reading)
	if err != nil {
		return st, err
	}
	defer s.leave(db, reading)
	err = db.view(func(tx *bbolt.Tx) error { // or the map could move under Info
		st.FileBytes = tx.Size()
		if db.file != nil {
			info, err := db.file.Stat()
			if err != nil {
				return fmt.Errorf("bolt: stats: %w", err)
			}
			st.FileBytes = info.Size()
		}
		b := db.Stats()
		st.PageBytes = int64(db.Info().PageSize)
		st.FreeBytes = int64(b.FreePageN+b.PendingPageN) * st.PageBytes
		st.PagesWritten = b.TxStats.GetPageCount()
		return nil
	})
	return st, err
}
