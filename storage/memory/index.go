package memory

import (
	"github.com/tidwall/btree"

	"github.com/skein-go/skein/internal/merge"
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
	head    entry[T] // what it stands at
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
		return nil
	}
	r.head = r.iter.Item()
	return r
}

// Place implements [merge.Source].
func (r *reader[T]) Place() threads.Cursor { return r.head.place }

// Next implements [merge.Source].
func (r *reader[T]) Next() bool {
	step := r.iter.Prev
	if r.forward {
		step = r.iter.Next
	}
	ok := step()
	if ok {
		r.head = r.iter.Item()
	}
	return ok
}

// walk calls f for the items of all the indexes that come after the place, in
// that order, until f returns false. It costs what it visits, and a seek an
// index.
func walk[T any](indexes []*index[T], order threads.Order, after threads.Cursor, f func(*T) bool) {
	var readers []*reader[T]
	for _, x := range indexes {
		if r := x.read(order, after); r != nil {
			readers = append(readers, r)
		}
	}
	_ = merge.Walk(readers, order, func(r *reader[T]) (bool, error) { // which fails only as the function does
		return f(r.head.item), nil
	})
}
