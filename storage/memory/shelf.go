package memory

import (
	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// row is a thread where it is stored. Its Thread never holds a deletion: the
// shelf knows.
type row struct {
	threads.Thread
	shelf  *shelf
	single string // the deletion it is in, if it is among singles
}

// shelf is a generation with its threads. Each thread is in shown or hidden,
// and besides in the indexes of what sets few threads apart, so that a query
// for that does not walk over all the others.
type shelf struct {
	generation.Generation
	shown      index[row]
	hidden     index[row]
	pinned     index[row]
	assistants map[string]*index[row]
}

func (s *shelf) add(r *row) {
	r.shelf = s
	place := r.Cursor()
	if r.Hidden {
		s.hidden.set(place, r)
	} else {
		s.shown.set(place, r)
	}
	if !r.PinnedAt.IsZero() {
		s.pinned.set(place, r)
	}
	if r.Assistant != "" {
		x := s.assistants[r.Assistant]
		if x == nil {
			x = &index[row]{}
			if s.assistants == nil {
				s.assistants = map[string]*index[row]{}
			}
			s.assistants[r.Assistant] = x
		}
		x.set(place, r)
	}
}

// remove undoes add. The row must be as it was then.
func (s *shelf) remove(r *row) {
	place := r.Cursor()
	if r.Hidden {
		s.hidden.delete(place)
	} else {
		s.shown.delete(place)
	}
	if !r.PinnedAt.IsZero() {
		s.pinned.delete(place)
	}
	if x := s.assistants[r.Assistant]; x != nil {
		x.delete(place)
		if x.tree == nil {
			delete(s.assistants, r.Assistant)
		}
	}
}

// indexes returns the narrowest indexes that hold everything the query can
// match on the shelf.
func (s *shelf) indexes(q threads.Query) []*index[row] {
	switch {
	case q.Assistant != "":
		return []*index[row]{s.assistants[q.Assistant]}
	case q.Pinned != nil && *q.Pinned:
		return []*index[row]{&s.pinned}
	case q.Hidden == nil:
		return []*index[row]{&s.shown, &s.hidden}
	case *q.Hidden:
		return []*index[row]{&s.hidden}
	default:
		return []*index[row]{&s.shown}
	}
}

// some returns up to n threads of the shelf, the oldest first.
func (s *shelf) some(n int) []*row {
	var rows []*row
	walk([]*index[row]{&s.shown, &s.hidden}, threads.OldestFirst, threads.Cursor{}, func(r *row) bool {
		rows = append(rows, r)
		return len(rows) < n
	})
	return rows
}
