package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// cursor walks over the entries of a bucket and looks at the seal of each.
//
// That is also how it knows that nothing is missing. Open has found the keys
// of all pages in order; so if the keys on both sides of a gap are undamaged,
// nothing that belongs between them has another key now.
type cursor struct {
	c    *bbolt.Cursor
	key  []byte // nil: no entry
	body []byte // of its value
}

// cursor returns one over the bucket that keys of the kind are in.
func (v *view) cursor(kind byte) cursor { return cursor{c: v.bucket(kind).Cursor()} }

func (c *cursor) set(key, value []byte) (err error) {
	c.key, c.body = key, nil
	if key != nil {
		c.body, err = unseal(key, value)
	}
	return err
}

// seek moves to the first entry from the key on. If that has another key, the
// entry before it is looked at too.
func (c *cursor) seek(key []byte) error {
	if err := c.set(c.c.Seek(key)); err != nil || bytes.Equal(c.key, key) {
		return err
	}
	found := c.key
	if err := c.set(c.c.Prev()); err != nil {
		return err
	}
	if c.key == nil { // there is none, or this transaction has emptied its page
		return c.set(c.c.Seek(key))
	}
	if bytes.Compare(c.key, key) >= 0 || found != nil && bytes.Compare(found, key) < 0 {
		return corrupt(c.key, "is out of order")
	}
	return c.set(c.c.Next())
}

// seekBefore moves to the last entry before the key. The one after it is
// looked at too.
func (c *cursor) seekBefore(key []byte) error {
	if err := c.set(c.c.Seek(key)); err != nil {
		return err
	}
	if c.key == nil {
		return c.set(c.c.Last())
	}
	return c.prev()
}

func (c *cursor) next() error {
	last := c.key
	err := c.set(c.c.Next())
	if err == nil && c.key != nil && bytes.Compare(c.key, last) <= 0 {
		err = corrupt(c.key, "is out of order")
	}
	return err
}

func (c *cursor) prev() error {
	last := c.key
	err := c.set(c.c.Prev())
	if err == nil && c.key != nil && bytes.Compare(c.key, last) >= 0 {
		err = corrupt(c.key, "is out of order")
	}
	return err
}
