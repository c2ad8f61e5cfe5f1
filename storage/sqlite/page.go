package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/internal/merge"
	"github.com/skein-go/skein/threads"
)

// A page of a list is one statement: an arm for each part of an index that
// can hold what is asked for, in the order of the list, and UNION ALL over
// them. SQLite then walks all of them side by side and stops at the limit. A
// join, or IN, would read and sort everything first.

// maxArms is the most arms of one statement; SQLite takes 500.
const maxArms = 200

// pageArgs come before the numbers of the generations.
const pageArgs = 4 // created-at and id of the place, assistant, limit

// pageSQL is the text of the page of so many generations.
func pageSQL(q threads.Query, from bool, generations int) string {
	var arms []string
	for i := range generations {
		for _, part := range parts(q) {
			arms = append(arms, fmt.Sprintf("SELECT %s FROM skein_thread AS t INDEXED BY %s WHERE generation = ?%d%s",
				threadColumns, part.index, pageArgs+1+i, part.where+details(q)+place(q.Order, from)))
		}
	}
	direction := "DESC"
	if q.Order == threads.OldestFirst {
		direction = "ASC"
	}
	return strings.Join(arms, " UNION ALL ") + fmt.Sprintf(" ORDER BY created_at %s, id %[1]s LIMIT ?4", direction)
}

type part struct{ index, where string }

// parts are the narrowest parts of indexes that hold everything the query can
// match in a generation. Each is in the order of lists.
func parts(q threads.Query) []part {
	switch {
	case q.Assistant != "":
		return []part{{"skein_thread_assistant", " AND assistant = ?3 AND assistant <> ''"}}
	case q.Pinned != nil && *q.Pinned:
		return []part{{"skein_thread_pinned", " AND pinned_at IS NOT NULL"}}
	case q.Hidden == nil:
		return []part{{"skein_thread_page", " AND hidden = 0"}, {"skein_thread_page", " AND hidden = 1"}}
	case *q.Hidden:
		return []part{{"skein_thread_page", " AND hidden = 1"}}
	default:
		return []part{{"skein_thread_page", " AND hidden = 0"}}
	}
}

// details are the conditions that the part may not have.
func details(q threads.Query) (where string) {
	if q.Pinned != nil {
		where += map[bool]string{true: " AND pinned_at IS NOT NULL", false: " AND pinned_at IS NULL"}[*q.Pinned]
	}
	if q.Hidden != nil {
		where += map[bool]string{true: " AND hidden = 1", false: " AND hidden = 0"}[*q.Hidden]
	}
	return where
}

func place(order threads.Order, from bool) string {
	switch {
	case !from:
		return ""
	case order == threads.OldestFirst:
		return " AND (created_at, id) > (?1, ?2)"
	default:
		return " AND (created_at, id) < (?1, ?2)"
	}
}

// page reads the first limit threads of the generations that the query
// matches, after a place.
func (v *view) page(l generation.Ledger, q threads.Query, from threads.Cursor, limit int) ([]row, error) {
	rows, err := v.merged(l, q, from, limit)
	if err != nil {
		return nil, err
	}
	return rows, plausible(rows, l, q, from, limit)
}

// plausible finds what a damaged index shows by its effect on a page, for
// SQLite sees little of it: rows out of order or twice, and fewer than there are.
func plausible(rows []row, l generation.Ledger, q threads.Query, from threads.Cursor, limit int) error {
	if from.IsZero() && q.Assistant == "" && q.Pinned == nil && q.Hidden == nil {
		var all int64
		for _, g := range l {
			all += g.Threads
		}
		if n := int64(len(rows)); n != min(all, int64(limit)) {
			return corrupt("an index has %d of the %d threads that there are", n, all)
		}
	}
	for _, r := range rows {
		if !q.MatchesDetails(r.Thread) {
			return corrupt("an index has thread %q, which does not belong into it", r.ID)
		}
		if !merge.Follows(r.Cursor(), from, q.Order) {
			return corrupt("an index has thread %q out of order", r.ID)
		}
		from = r.Cursor()
	}
	return nil
}

func (v *view) merged(l generation.Ledger, q threads.Query, from threads.Cursor, limit int) ([]row, error) {
	most := maxArms / len(parts(q))
	if len(l) <= most {
		return v.pageOf(l, q, from, limit)
	}
	var all []row
	for batch := range slices.Chunk(l, most) {
		rows, err := v.pageOf(batch, q, from, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b row) int {
		n := a.Cursor().Compare(b.Cursor())
		if q.Order == threads.NewestFirst {
			return -n
		}
		return n
	})
	return all[:min(limit, len(all))], nil
}

func (v *view) pageOf(l generation.Ledger, q threads.Query, from threads.Cursor, limit int) ([]row, error) {
	if len(l) == 0 {
		return nil, nil
	}
	args := []any{nil, nil, q.Assistant, limit}
	if !from.IsZero() {
		args[0], args[1] = from.Time.UnixMicro(), from.ID
	}
	known := make(map[uint64]generation.Generation, len(l))
	for _, g := range l {
		known[g.ID] = g
		args = append(args, g.ID)
	}
	rows := make([]row, 0, limit)
	var rec threadRecord
	dest := rec.fields()
	err := v.query(pageSQL(q, !from.IsZero(), len(l)), args, func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		g, ok := known[rec.generation]
		if !ok {
			return corrupt("an index has thread %q in a generation that it is not in", rec.id)
		}
		r, err := rec.row(v.user, g)
		rows = append(rows, r)
		return err
	})
	return rows, err
}
