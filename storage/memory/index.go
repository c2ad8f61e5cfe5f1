package memory

import (
	"container/heap"

	"github.com/tidwall/btree"

	"github.com/skein-go/skein/threads"
)

// index is an ordered map from places to items. Its zero value is empty. The
// store's lock guards it.
type index[T any] struct{ tree *btree.BTreeG[entry[T]] }

type entry[T any] struct {
	place threads.Cursor
	item  *T
}

func (x *index[T]) set(place threads.Cursor, item *T) {
	if x.tree == nil {
		x.tree = btree.NewBTreeGOptions(func(a, b entry[T]) bool { return a.place.Compare(b.place) < 0 },
			btree.Options{NoLocks: true})
	}
	x.tree.Set(entry[T]{place, item})
}

func (x *index[T]) delete(place threads.Cursor) {
	if x.tree == nil {
		return
	}
	x.tree.Delete(entry[T]{place: place})
	if x.tree.Len() == 0 {
		x.tree = nil // most users' generations are few and small; an empty tree is not worth its nodes
	}
}

// reader walks an index in one direction.
type reader[T any] struct {
	iter    btree.IterG[entry[T]]
	forward bool
	head    entry[T] // what next returns
}

// read returns a reader of what comes after the place in that order, or nil
// if there is nothing. The zero Cursor is before all.
func (x *index[T]) read(order threads.Order, after threads.Cursor) *reader[T] {
	if x == nil || x.tree == nil {
		return nil
	}
	r := &reader[T]{iter: x.tree.Iter(), forward: order == threads.OldestFirst}
	pivot := entry[T]{place: after}
	var ok bool
	switch {
	case after.IsZero() && r.forward:
		ok = r.iter.First()
	case after.IsZero():
		ok = r.iter.Last()
	case r.forward:
		ok = r.iter.Seek(pivot)
		if ok && r.iter.Item().place.Compare(after) == 0 {
			ok = r.iter.Next()
		}
	case r.iter.Seek(pivot): // at the first that is not before the place
		ok = r.iter.Prev()
	default: // all are before it
		ok = r.iter.Last()
	}
	if !ok {
		r.iter.Release()
		return nil
	}
	r.head = r.iter.Item()
	return r
}

// next moves on and reports whether there is a head.
func (r *reader[T]) next() bool {
	step := r.iter.Prev
	if r.forward {
		step = r.iter.Next
	}
	ok := step()
	if ok {
		r.head = r.iter.Item()
	} else {
		r.iter.Release()
	}
	return ok
}

// merge is readers of one direction, the one whose head comes first on top.
type merge[T any] []*reader[T]

func (m merge[T]) Len() int      { return len(m) }
func (m merge[T]) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge[T]) Push(x any)   { *m = append(*m, x.(*reader[T])) }
func (m *merge[T]) Pop() any {
	last := len(*m) - 1
	r := (*m)[last]
	*m = (*m)[:last]
	return r
}

func (m merge[T]) Less(i, j int) bool {
	n := m[i].head.place.Compare(m[j].head.place)
	if m[i].forward {
		return n < 0
	}
	return n > 0
}

// walk calls f for the items of all the indexes that come after the place, in
// that order, until f returns false. It costs what it visits, and a seek an
// index.
func walk[T any](indexes []*index[T], order threads.Order, after threads.Cursor, f func(*T) bool) {
	var m merge[T]
	for _, x := range indexes {
		if r := x.read(order, after); r != nil {
			m = append(m, r)
		}
	}
	defer func() {
		for _, r := range m {
			r.iter.Release()
		}
	}()
	heap.Init(&m)
	for len(m) > 0 {
		if !f(m[0].head.item) {
			return
		}
		if m[0].next() {
			heap.Fix(&m, 0)
		} else {
			heap.Pop(&m)
		}
	}
}
