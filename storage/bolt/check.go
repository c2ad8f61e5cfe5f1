package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Report says what [Store.Check] found.
type Report struct {
	Threads     int64
	Deletions   int64
	Generations int64
	Problems    []string // at most MaxProblems, a sentence each; empty: all is well
}

// MaxProblems is the most that a [Report] lists.
const MaxProblems = 100

// Check reads every record and holds counts, indexes and records against each
// other; of a file of its own, the pages too. If something does not fit it
// returns an [threads.ErrCorrupt] beside the report; other errors say why it
// could not finish.
//
// It reads one state of the store while the program goes on; a Close waits for
// it. It takes time with the size of the file, and memory with the number of
// generations, deletions and pages.
func (s *Store) Check(ctx context.Context) (Report, error) {
	c := checker{ctx: ctx, have: map[uint64]int64{}, gens: map[uint64]generation.Generation{}, held: map[string]int64{}}
	err := s.checkPages(ctx)
	if err == nil {
		err = s.read(ctx, "", nil, func(v *view) error {
			c.view = v
			return c.run()
		})
	}
	if errors.Is(err, threads.ErrCorrupt) { // a damaged page ends the walk
		c.problem("%v", err)
		err = nil
	}
	if err == nil && len(c.Problems) > 0 {
		err = fmt.Errorf("bolt: check: %w: %s", threads.ErrCorrupt, c.Problems[0])
	}
	return c.Report, err
}

func (s *Store) checkPages(ctx context.Context) error {
	db, err := s.enter(ctx, reading)
	if err != nil {
		return err
	}
	defer s.leave(db, reading)
	return db.verify(ctx)
}

type checker struct {
	Report
	*view
	ctx  context.Context
	have map[uint64]int64                 // threads found in each generation
	gens map[uint64]generation.Generation // and what its record says
	held map[string]int64                 // threads found in each deletion, less those it says it holds, by user, 0, id
	last uint64                           // number of a generation
}

func (c *checker) problem(format string, args ...any) {
	if len(c.Problems) < MaxProblems {
		c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) run() error {
	// Generations first, then the threads in them, then what counts those.
	steps := []struct {
		kind byte
		look func(user string, rest, key, body []byte) error
	}{
		{kindGen, c.generation},
		{kindShown, c.thread},
		{kindHidden, c.thread},
		{kindPinned, c.extra},
		{kindAssistant, c.extra},
		{kindID, c.where},
		{kindDeletion, c.deletion},
		{kindOwned, c.owned},
		{kindByTime, c.listed},
		{kindDue, c.listed},
		{kindKey, c.key},
	}
	for _, step := range steps {
		cur := c.bucket(step.kind).Cursor()
		p := []byte{step.kind}
		for key, value := cur.Seek(p); bytes.HasPrefix(key, p); key, value = cur.Next() {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			end := bytes.IndexByte(key, 0)
			if end < 0 {
				c.problem("the key %q names no user", key)
				continue
			}
			c.user = string(key[1:end])
			body, err := unseal(key, value)
			if err == nil {
				err = step.look(c.user, key[end+1:], key, body)
			}
			if err != nil {
				if !errors.Is(err, threads.ErrCorrupt) {
					return err
				}
				c.problem("%v", err)
			}
		}
	}
	c.strangers()
	var err error
	if c.last, err = c.lastNumber(); err != nil {
		return err
	}
	for id, g := range c.gens {
		if g.ID > c.last {
			c.problem("generation %d is beyond the last number %d", g.ID, c.last)
		}
		if c.have[id] != g.Threads {
			c.problem("generation %d says it has %d threads, and has %d", id, g.Threads, c.have[id])
		}
		delete(c.have, id)
	}
	for id, n := range c.have {
		c.problem("%d threads are in generation %d, which is missing", n, id)
	}
	for id, n := range c.held {
		if n != 0 {
			c.problem("deletion %q says it holds another number of threads than it does, by %d", id, n)
		}
	}
	return nil
}

// strangers looks for keys of no kind.
func (c *checker) strangers() {
	for _, b := range []struct {
		*bbolt.Bucket
		kinds []byte
	}{{c.rows, rowKinds}, {c.ledger, ledgerKinds}} {
		cur := b.Cursor()
		for key, _ := cur.First(); key != nil; {
			if bytes.IndexByte(b.kinds, key[0]) >= 0 {
				key, _ = cur.Seek([]byte{key[0] + 1})
				continue
			}
			if !bytes.Equal(key, layoutKey) {
				c.problem("the key %q is of no kind", key)
			}
			key, _ = cur.Next()
		}
	}
}

func (c *checker) generation(user string, rest, key, body []byte) error {
	if len(rest) < 1+1+8 || rest[0] > byte(generation.Singles) {
		return corrupt(key, "is not that of a generation")
	}
	state, rest := generation.State(rest[0]), rest[1:]
	end := bytes.IndexByte(rest, 0)
	if end < 0 || len(rest) != end+1+8 {
		return corrupt(key, "is not that of a generation")
	}
	var rec generationRecord
	if err := unmarshal(key, body, &rec); err != nil {
		return err
	}
	g := generation.Generation{
		ID: binary.BigEndian.Uint64(rest[end+1:]), Organization: string(rest[:end]),
		State: state, Deletion: rec.Deletion, Threads: rec.Threads,
	}
	if _, twice := c.gens[g.ID]; twice || g.Threads < 1 || (g.State == generation.Deleted) != (g.Deletion != "") {
		c.problem("generation %d of user %q does not make sense: %+v", g.ID, user, g)
	}
	c.gens[g.ID] = g
	if g.State == generation.Deleted {
		c.held[user+"\x00"+g.Deletion] += g.Threads
		if !bytes.Equal(c.ledger.Get(ownedKey(user, g)), seal(ownedKey(user, g), []byte(g.Organization))) {
			c.problem("generation %d of user %q is not in the index of its deletion", g.ID, user)
		}
		d, err := c.view.deletion(g.Deletion)
		if err != nil || d.Thread != "" || !d.Scope.Contains(g.Organization) {
			c.problem("generation %d of user %q and organization %q cannot be of the deletion %q", g.ID, user, g.Organization, g.Deletion)
		}
	}
	c.Generations++
	return nil
}

func (c *checker) thread(user string, rest, key, _ []byte) error {
	if len(rest) <= 16 {
		return corrupt(key, "is not that of a thread")
	}
	gen := binary.BigEndian.Uint64(rest)
	c.Threads++
	c.have[gen]++
	place, _ := placeOf(rest[8:])
	r, err := c.read(gen, key[0] == kindHidden, place)
	if err != nil {
		return err
	}
	t := r.Thread
	if t.Version == math.MaxInt64 { // can be made by an update, and not be given
		t.Version--
	}
	if err := t.Validate(user); err != nil {
		c.problem("thread %q of user %q: %v", t.ID, user, err)
	}
	g := c.gens[gen]
	if g.Organization != t.Organization {
		c.problem("thread %q of user %q is of organization %q in a generation of %q", t.ID, user, t.Organization, g.Organization)
	}
	switch {
	case g.State == generation.Singles:
		c.held[user+"\x00"+r.single]++
		if d, err := c.view.deletion(r.single); err != nil || d.Thread != t.ID {
			c.problem("thread %q of user %q is in the deletion %q, which is not of it alone", t.ID, user, r.single)
		}
	case r.single != "":
		c.problem("thread %q of user %q names a deletion of its own outside the singles", t.ID, user)
	}
	var w whereRecord
	if err := c.need(idKey(user, t.ID), &w); err != nil {
		return err
	}
	if w.Generation != gen || w.CreatedAt != t.CreatedAt.UnixMicro() || w.Hidden != t.Hidden {
		c.problem("thread %q of user %q is not where its id points to", t.ID, user)
	}
	for _, extra := range extraKeys(gen, t) {
		if !bytes.Equal(c.rows.Get(extra), seal(extra, key[:1:1])) {
			c.problem("thread %q of user %q is not in an index it belongs to", t.ID, user)
		}
	}
	return nil
}

// extra looks at an entry of an index: its thread must be there, and in it.
func (c *checker) extra(user string, rest, key, body []byte) error {
	if len(rest) <= 16 || len(body) != 1 {
		return corrupt(key, "is not that of an index")
	}
	gen, rest := binary.BigEndian.Uint64(rest), rest[8:]
	if key[0] == kindAssistant {
		rest = rest[bytes.IndexByte(rest, 0)+1:]
	}
	place, ok := placeOf(rest)
	if !ok {
		return corrupt(key, "is not that of an index")
	}
	r, err := c.read(gen, body[0] == kindHidden, place)
	if err != nil {
		return err
	}
	for _, k := range extraKeys(gen, r.Thread) {
		if bytes.Equal(k, key) {
			return nil
		}
	}
	c.problem("thread %q of user %q is in an index it does not belong to", r.ID, user)
	return nil
}

func (c *checker) where(user string, rest, key, body []byte) error {
	var w whereRecord
	if err := unmarshal(key, body, &w); err != nil {
		return err
	}
	_, err := c.read(w.Generation, w.Hidden, threads.Cursor{Time: fromMicros(&w.CreatedAt), ID: string(rest)})
	return err
}

func (c *checker) deletion(user string, rest, _, _ []byte) error {
	d, err := c.view.deletion(string(rest))
	if err != nil {
		return err
	}
	c.Deletions++
	c.held[user+"\x00"+d.ID] -= d.Held
	if d.Held < 0 || d.Held > d.Count || d.Thread != "" && d.Count != 1 {
		c.problem("deletion %q of user %q holds %d of %d", d.ID, user, d.Held, d.Count)
	}
	for _, k := range [][]byte{timeKey(d), dueKey(d)} {
		if c.ledger.Get(k) == nil {
			c.problem("deletion %q of user %q is not in an index it belongs to", d.ID, user)
		}
	}
	if d.Key != "" {
		var id string
		if err := c.need(keyKey(user, d.Key), &id); err != nil {
			return err
		}
		if id != d.ID {
			c.problem("the idempotency key of deletion %q of user %q points to %q", d.ID, user, id)
		}
	}
	return nil
}

// owned looks at an entry of the index of generations by their deletion.
func (c *checker) owned(user string, rest, key, body []byte) error {
	if len(rest) < 1+8 {
		return corrupt(key, "is not that of a generation")
	}
	id := binary.BigEndian.Uint64(rest[len(rest)-8:])
	g := c.gens[id]
	if g.State != generation.Deleted || !bytes.Equal(key, ownedKey(user, g)) || g.Organization != string(body) {
		c.problem("generation %d of user %q is in an index it does not belong to", id, user)
	}
	return nil
}

// listed looks at an entry of an index of deletions.
func (c *checker) listed(user string, rest, key, _ []byte) error {
	place, ok := placeOf(rest)
	if !ok {
		return corrupt(key, "has no place")
	}
	d, err := c.view.deletion(place.ID)
	if err != nil {
		return corrupt(key, "points to a deletion that cannot be read: "+err.Error())
	}
	if want := map[byte][]byte{kindByTime: timeKey(d), kindDue: dueKey(d)}[key[0]]; !bytes.Equal(key, want) {
		c.problem("deletion %q of user %q is in an index at another place than its own", d.ID, user)
	}
	return nil
}

func (c *checker) key(user string, rest, key, body []byte) error {
	var id string
	if err := unmarshal(key, body, &id); err != nil {
		return err
	}
	if d, err := c.view.deletion(id); err != nil || d.Key != string(rest) {
		c.problem("the idempotency key %q of user %q points to a deletion without it", rest, user)
	}
	return nil
}
