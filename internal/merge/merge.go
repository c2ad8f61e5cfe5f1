// Package merge reads several ordered sources as one.
package merge

import (
	"container/heap"

	"github.com/skein-go/skein/threads"
)

// Source is a reader that stands at an item.
type Source interface {
	// Place is that of the item, and stays until Next.
	Place() threads.Cursor

	// Next moves to the item after it and reports whether there is one.
	Next() bool
}

// Walk calls visit with the source that stands at the next item, in that
// order, until visit returns false or an error, or nothing is left. Each
// source must be in that order itself. It costs what it visits.
func Walk[S Source](sources []S, order threads.Order, visit func(S) (bool, error)) error {
	h := &queue[S]{sources: sources, order: order}
	heap.Init(h)
	for len(h.sources) > 0 {
		first := h.sources[0]
		more, err := visit(first)
		if err != nil || !more {
			return err
		}
		if first.Next() {
			heap.Fix(h, 0)
		} else {
			heap.Pop(h)
		}
	}
	return nil
}

// Follows reports whether an item at that place comes, in the order, after the
// place from; everything comes after the zero one.
func Follows(place, from threads.Cursor, order threads.Order) bool {
	switch {
	case from.IsZero():
		return true
	case order == threads.OldestFirst:
		return place.Compare(from) > 0
	default:
		return place.Compare(from) < 0
	}
}

// queue has the source on top that stands at the first item.
type queue[S Source] struct {
	sources []S
	order   threads.Order
}

func (q *queue[S]) Len() int      { return len(q.sources) }
func (q *queue[S]) Swap(i, j int) { q.sources[i], q.sources[j] = q.sources[j], q.sources[i] }
func (q *queue[S]) Push(x any)    { q.sources = append(q.sources, x.(S)) }

func (q *queue[S]) Pop() any {
	last := len(q.sources) - 1
	s := q.sources[last]
	q.sources = q.sources[:last]
	return s
}

func (q *queue[S]) Less(i, j int) bool {
	n := q.sources[i].Place().Compare(q.sources[j].Place())
	if q.order == threads.OldestFirst {
		return n < 0
	}
	return n > 0
}
