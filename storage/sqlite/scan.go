package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/skein-go/skein/threads"
)

// scanErased looks for the texts in the pages of the file, by the engine's own
// view of them: see giveUpBytes for why.
func (s *Store) scanErased(ctx context.Context, texts []string, e *threads.Erasure) error {
	if len(texts) == 0 || s.path == "" { // another driver may have no sqlite_dbpage
		return nil
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
			for _, text := range texts {
				found = found || bytes.Contains(window, []byte(text))
			}
			kept = window[max(0, len(window)-4*threads.MaxTitle):]
			return nil
		})
		if err != nil {
			return err
		}
		if found {
			e.Caveats = append(e.Caveats, "The file holds an erased id or title: another thread has the same, or it is a remnant.")
		} else {
			e.Verified = append(e.Verified, fmt.Sprintf("A scan of the %d pages of the file found none of %d erased ids and titles.", pages, len(texts)))
		}
		return nil
	})
}
