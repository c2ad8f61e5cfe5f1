package bolt

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/internal/merge"
	"github.com/skein-go/skein/threads"
)

// view is what one user has, inside a transaction.
type view struct {
	rows   *bbolt.Bucket
	ledger *bbolt.Bucket
	user   string
	wrote  bool // whether anything was written, so that an error can no longer be undone alone
	grows  bool // whether it is a create or an update, which leave room for others
}

func viewOf(tx *bbolt.Tx, user string) (*view, error) {
	v := &view{rows: tx.Bucket(rowsName), ledger: tx.Bucket(ledgerName), user: user}
	if v.rows == nil || v.ledger == nil {
		return nil, fmt.Errorf("%w: one of the buckets %q and %q is missing", threads.ErrCorrupt, ledgerName, rowsName)
	}
	return v, nil
}

// bucket is the one that keys of the kind are in.
func (v *view) bucket(kind byte) *bbolt.Bucket {
	if bytes.IndexByte(rowKinds, kind) >= 0 {
		return v.rows
	}
	return v.ledger
}

// get reads the record under the key and reports whether there is one.
func (v *view) get(key []byte, record any) (bool, error) {
	c := v.cursor(key[0])
	if err := c.seek(key); err != nil || !bytes.Equal(c.key, key) {
		return false, err
	}
	return true, unmarshal(key, c.body, record)
}

// has reports whether there is something under the key.
func (v *view) has(key []byte) (bool, error) {
	c := v.cursor(key[0])
	err := c.seek(key)
	return err == nil && bytes.Equal(c.key, key), err
}

// need reads the record under a key that another record points to.
func (v *view) need(key []byte, record any) error {
	ok, err := v.get(key, record)
	if err == nil && !ok {
		err = corrupt(key, "is missing")
	}
	return err
}

func (v *view) put(key []byte, record any) error {
	value, err := encode(key, record)
	if err != nil {
		return err
	}
	return v.set(key, value)
}

// mark writes an entry of an index.
func (v *view) mark(key []byte, body ...byte) error { return v.set(key, seal(key, body)) }

func (v *view) set(key, value []byte) error {
	v.wrote = true
	if err := v.bucket(key[0]).Put(key, value); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

func (v *view) remove(key []byte) error {
	v.wrote = true
	if err := v.bucket(key[0]).Delete(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// row is a thread and where it is. Its Thread never holds a deletion.
type row struct {
	threads.Thread
	gen    generation.Generation
	single string // the deletion it is in, if it is among the singles
}

// find returns the row of a thread in that state.
func (v *view) find(id string, state threads.State) (row, error) {
	var w whereRecord
	ok, err := v.get(idKey(v.user, id), &w)
	if err != nil {
		return row{}, err
	}
	if !ok {
		return row{}, threads.ErrNotFound
	}
	place := threads.Cursor{Time: fromMicros(&w.CreatedAt), ID: id}
	r, err := v.read(w.Generation, w.Hidden, place)
	if err != nil {
		return row{}, err
	}
	if r.gen, err = v.generation(r.Organization, w.Generation); err != nil {
		return row{}, err
	}
	if !state.Matches(r.gen.State == generation.Live) {
		return row{}, threads.ErrNotFound
	}
	return r, nil
}

// read reads a thread at its place in a generation; the caller sets gen.
func (v *view) read(gen uint64, hidden bool, place threads.Cursor) (row, error) {
	var rec threadRecord
	key := withPlace(rowsPrefix(rowKind(hidden), v.user, gen), place)
	if err := v.need(key, &rec); err != nil {
		return row{}, err
	}
	return row{Thread: rec.thread(v.user, place, hidden), single: rec.Single}, nil
}

// generation finds a generation of which only the number is known.
func (v *view) generation(organization string, id uint64) (generation.Generation, error) {
	g := generation.Generation{ID: id, Organization: organization}
	for g.State = generation.Live; g.State <= generation.Singles; g.State++ {
		var rec generationRecord
		ok, err := v.get(genKey(v.user, g), &rec)
		if err != nil {
			return g, err
		}
		if ok {
			g.Threads, g.Deletion = rec.Threads, rec.Deletion
			return g, nil
		}
	}
	return g, fmt.Errorf("%w: generation %d of user %q is missing", threads.ErrCorrupt, id, v.user)
}

// insert puts a row into a generation.
func (v *view) insert(gen uint64, t threads.Thread, single string) error {
	if err := v.put(rowKey(gen, t), recordOf(t, single)); err != nil {
		return err
	}
	where := whereRecord{Generation: gen, CreatedAt: t.CreatedAt.UnixMicro(), Hidden: t.Hidden}
	if err := v.put(idKey(v.user, t.ID), where); err != nil {
		return err
	}
	for _, key := range extraKeys(gen, t) {
		if err := v.mark(key, rowKind(t.Hidden)); err != nil {
			return err
		}
	}
	return nil
}

// take removes a row from a generation; the record of its id stays.
func (v *view) take(gen uint64, t threads.Thread) error {
	for _, key := range append(extraKeys(gen, t), rowKey(gen, t)) {
		if err := v.remove(key); err != nil {
			return err
		}
	}
	return nil
}

func rowKey(gen uint64, t threads.Thread) []byte {
	return withPlace(rowsPrefix(rowKind(t.Hidden), t.User, gen), t.Cursor())
}

// extraKeys are the keys of a thread in the indexes of what sets few apart.
func extraKeys(gen uint64, t threads.Thread) [][]byte {
	var keys [][]byte
	if !t.PinnedAt.IsZero() {
		keys = append(keys, withPlace(rowsPrefix(kindPinned, t.User, gen), t.Cursor()))
	}
	if t.Assistant != "" {
		keys = append(keys, withPlace(assistantPrefix(t.User, gen, t.Assistant), t.Cursor()))
	}
	return keys
}

// reader walks the entries under a prefix that end in a place: the threads of
// one generation in one index, or the deletions in one.
type reader struct {
	cursor
	forward bool
	gen     generation.Generation // for the caller to set
	prefix  []byte
	place   threads.Cursor
	err     error // why it ended before its time
}

var _ merge.Source = (*reader)(nil)

// open returns a reader that stands at the first entry under the prefix after
// the place, or nil if there is none.
func (v *view) open(p []byte, order threads.Order, from threads.Cursor) (*reader, error) {
	r := &reader{cursor: v.cursor(p[0]), forward: order == threads.OldestFirst, prefix: p}
	start := p
	if !from.IsZero() {
		start = withPlace(bytes.Clone(p), from)
	} else if !r.forward {
		start = after(p)
	}
	var err error
	if !r.forward {
		err = r.seekBefore(start)
	} else if err = r.seek(start); err == nil && bytes.Equal(r.key, start) {
		err = r.next()
	}
	if !r.valid(err) {
		return nil, r.err
	}
	return r, nil
}

// valid reports whether the reader stands at an entry of its own.
func (r *reader) valid(err error) bool {
	if err != nil {
		r.err = err
		return false
	}
	if r.key == nil || !bytes.HasPrefix(r.key, r.prefix) {
		return false
	}
	place, ok := placeOf(r.key[len(r.prefix):])
	if !ok {
		r.err = corrupt(r.key, "has no place")
	}
	r.place = place
	return ok
}

// Place implements [merge.Source].
func (r *reader) Place() threads.Cursor { return r.place }

// Next implements [merge.Source]. At an error it returns false, and sets err.
func (r *reader) Next() bool {
	if r.forward {
		return r.valid(r.next())
	}
	return r.valid(r.prev())
}

// each visits what open finds, until visit returns false or an error.
func (v *view) each(p []byte, order threads.Order, from threads.Cursor, visit func(*reader) (more bool, err error)) error {
	r, err := v.open(p, order, from)
	for r != nil && err == nil {
		more, err := visit(r)
		if err != nil || !more {
			return err
		}
		if !r.Next() {
			return r.err
		}
	}
	return err
}

// rowAt reads the thread the reader stands at.
func (v *view) rowAt(r *reader) (row, error) {
	kind := r.key[0]
	if kind == kindPinned || kind == kindAssistant {
		if len(r.body) != 1 {
			return row{}, corrupt(r.key, "is not an index entry")
		}
		found, err := v.read(r.gen.ID, r.body[0] == kindHidden, r.place)
		found.gen = r.gen
		return found, err
	}
	var rec threadRecord
	if err := unmarshal(r.key, r.body, &rec); err != nil {
		return row{}, err
	}
	return row{Thread: rec.thread(v.user, r.place, kind == kindHidden), gen: r.gen, single: rec.Single}, nil
}

// prefixes returns those of the narrowest indexes that hold everything the
// query can match in a generation.
func (v *view) prefixes(gen uint64, q threads.Query) [][]byte {
	switch {
	case q.Assistant != "":
		return [][]byte{assistantPrefix(v.user, gen, q.Assistant)}
	case q.Pinned != nil && *q.Pinned:
		return [][]byte{rowsPrefix(kindPinned, v.user, gen)}
	case q.Hidden != nil:
		return [][]byte{rowsPrefix(rowKind(*q.Hidden), v.user, gen)}
	default:
		return [][]byte{rowsPrefix(kindShown, v.user, gen), rowsPrefix(kindHidden, v.user, gen)}
	}
}

// some returns up to n threads of a generation.
func (v *view) some(g generation.Generation, n int) ([]row, error) {
	var rows []row
	for _, p := range v.prefixes(g.ID, threads.Query{}) {
		if len(rows) == n {
			break
		}
		if err := v.each(p, threads.OldestFirst, threads.Cursor{}, func(r *reader) (bool, error) {
			r.gen = g
			found, err := v.rowAt(r)
			rows = append(rows, found)
			return len(rows) < n, err
		}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
