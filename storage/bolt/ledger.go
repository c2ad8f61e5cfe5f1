package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// generations returns those of the scope in a state.
func (v *view) generations(state generation.State, scope threads.Scope) (l generation.Ledger, err error) {
	p := gensPrefix(v.user, state)
	list, all := scope.Organizations()
	if all {
		return v.generationsUnder(p, nil)
	}
	for _, organization := range list {
		if l, err = v.generationsUnder(withText(p[:len(p):len(p)], organization), l); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// generationsUnder appends to the ledger those whose keys begin with p.
func (v *view) generationsUnder(p []byte, l generation.Ledger) (generation.Ledger, error) {
	states := len(prefix(kindGen, v.user))
	c := v.cursor(kindGen)
	for err := c.seek(p); ; err = c.next() {
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(c.key, p) {
			return l, nil
		}
		rest := c.key[states+1:]
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) != end+1+8 {
			return nil, corrupt(c.key, "is not that of a generation")
		}
		var rec generationRecord
		if err := unmarshal(c.key, c.body, &rec); err != nil {
			return nil, err
		}
		l = append(l, generation.Generation{
			ID: binary.BigEndian.Uint64(rest[end+1:]), Organization: string(rest[:end]),
			State: generation.State(c.key[states]), Deletion: rec.Deletion, Threads: rec.Threads,
		})
	}
}

// youngest returns the youngest live generation of an organization, if it has
// one.
func (v *view) youngest(organization string) (generation.Ledger, error) {
	p := withText(gensPrefix(v.user, generation.Live), organization)
	c := v.cursor(kindGen)
	if err := c.seekBefore(after(p)); err != nil || !bytes.HasPrefix(c.key, p) {
		return nil, err
	}
	if len(c.key) != len(p)+8 {
		return nil, corrupt(c.key, "is not that of a generation")
	}
	var rec generationRecord
	if err := unmarshal(c.key, c.body, &rec); err != nil {
		return nil, err
	}
	return generation.Ledger{{
		ID: binary.BigEndian.Uint64(c.key[len(p):]), Organization: organization, Threads: rec.Threads,
	}}, nil
}

// The sequence of the ledger is the number of the generation that was opened
// last, in the low 40 bits, and above them a checksum of it: a lower number
// would put new threads among old ones.
const numberBits = 40

func sealNumber(n uint64) uint64 {
	sum := crc32.Checksum(binary.BigEndian.AppendUint64(nil, n), castagnoli)
	return n | uint64(sum)<<numberBits
}

// lastNumber is that of the generation that was opened last.
func (v *view) lastNumber() (uint64, error) {
	sequence := v.ledger.Sequence()
	n := sequence & (1<<numberBits - 1)
	if sequence != 0 && sequence != sealNumber(n) {
		return 0, fmt.Errorf("%w: the number of the last generation does not match its checksum", threads.ErrCorrupt)
	}
	return n, nil
}

// fresh is the number of the next generation, if a plan opens one. Numbers
// are of the whole store and never come again.
func (v *view) fresh() (uint64, error) {
	n, err := v.lastNumber()
	return n + 1, err
}

// apply carries out the records and moves of a plan that was made from the
// ledger. The one thread that a plan is about is for the caller to move.
func (v *view) apply(p generation.Plan, l generation.Ledger) error {
	was := make(map[uint64]generation.Generation, len(l))
	for _, g := range l {
		was[g.ID] = g
	}
	for _, m := range p.Moves {
		rows, err := v.some(was[m.From], int(was[m.From].Threads))
		if err == nil && int64(len(rows)) != was[m.From].Threads {
			err = fmt.Errorf("%w: generation %d says it has %d threads, and has %d", threads.ErrCorrupt, m.From, was[m.From].Threads, len(rows))
		}
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := v.take(m.From, r.Thread); err != nil {
				return err
			}
			if err := v.insert(m.To, r.Thread, ""); err != nil {
				return err
			}
		}
	}
	for _, g := range p.Put {
		old, known := was[g.ID]
		if !known {
			v.wrote = true
			if err := v.ledger.SetSequence(sealNumber(g.ID)); err != nil {
				return err
			}
		}
		if known && (g.Threads == 0 || g.State != old.State) {
			if err := v.drop(old); err != nil {
				return err
			}
		}
		if g.Threads > 0 {
			if err := v.put(genKey(v.user, g), recordOfGeneration(g)); err != nil {
				return err
			}
		}
		if g.Threads > 0 && g.State == generation.Deleted && old.State != g.State {
			if err := v.mark(ownedKey(v.user, g), []byte(g.Organization)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop removes the record of a generation.
func (v *view) drop(g generation.Generation) error {
	if g.State == generation.Deleted {
		if err := v.remove(ownedKey(v.user, g)); err != nil {
			return err
		}
	}
	return v.remove(genKey(v.user, g))
}

// move carries out a plan for one thread.
func (v *view) move(r row, p generation.Plan, l generation.Ledger, single string) error {
	if err := v.take(r.gen.ID, r.Thread); err != nil {
		return err
	}
	if err := v.apply(p, l); err != nil {
		return err
	}
	return v.insert(p.Into, r.Thread, single)
}

// deletion reads the record of a deletion.
func (v *view) deletion(id string) (threads.Deletion, error) {
	var rec deletionRecord
	ok, err := v.get(deletionKey(v.user, id), &rec)
	if err != nil {
		return threads.Deletion{}, err
	}
	if !ok {
		return threads.Deletion{}, threads.ErrNotFound
	}
	return rec.deletion(v.user, id)
}

// deletionOf reads the record of the deletion that a thread is in.
func (v *view) deletionOf(r row) (threads.Deletion, error) {
	id := r.gen.Deletion
	if r.gen.State == generation.Singles {
		id = r.single
	}
	d, err := v.deletion(id)
	if err != nil {
		err = corrupt(deletionKey(v.user, id), "is missing, or: "+err.Error())
	}
	return d, err
}

// held returns the generations that a deletion of all still has, up to so many.
func (v *view) held(deletion string, most int) (generation.Ledger, error) {
	p := ownedPrefix(v.user, deletion)
	var l generation.Ledger
	c := v.cursor(kindOwned)
	err := c.seek(p)
	for ; err == nil && bytes.HasPrefix(c.key, p) && len(l) < most; err = c.next() {
		if len(c.key) != len(p)+8 {
			return nil, corrupt(c.key, "is not that of a generation")
		}
		g := generation.Generation{
			ID: binary.BigEndian.Uint64(c.key[len(p):]), Organization: string(c.body),
			State: generation.Deleted, Deletion: deletion,
		}
		var rec generationRecord
		if err := v.need(genKey(v.user, g), &rec); err != nil {
			return nil, err
		}
		if rec.Deletion != deletion {
			return nil, corrupt(c.key, "is of a generation of another deletion")
		}
		g.Threads = rec.Threads
		l = append(l, g)
	}
	return l, err
}

// single returns the thread of the deletion of one, which must still be in it.
func (v *view) single(d threads.Deletion) (row, error) {
	r, err := v.find(d.Thread, threads.Deleted)
	if err == nil && (r.gen.State != generation.Singles || r.single != d.ID) {
		err = errors.New("is in another deletion")
	}
	if err != nil && !errors.Is(err, threads.ErrCorrupt) {
		err = corrupt(deletionKey(d.User, d.ID), "names a thread that is not in it: "+err.Error())
	}
	return r, err
}

// record writes a deletion. The one it replaces, if any, is old.
func (v *view) record(old *threads.Deletion, d threads.Deletion) error {
	if old != nil && !old.Due().Equal(d.Due()) {
		if err := v.remove(dueKey(*old)); err != nil {
			return err
		}
	}
	if old == nil || !old.Due().Equal(d.Due()) {
		if err := v.mark(dueKey(d)); err != nil {
			return err
		}
	}
	if old == nil {
		if err := v.mark(timeKey(d)); err != nil {
			return err
		}
		if d.Key != "" {
			key := keyKey(v.user, d.Key)
			if err := v.put(key, d.ID); err != nil {
				return err
			}
		}
	}
	return v.put(deletionKey(v.user, d.ID), recordOfDeletion(d))
}

// forget removes a deletion that holds nothing.
func (v *view) forget(d threads.Deletion) error {
	keys := [][]byte{dueKey(d), timeKey(d), deletionKey(v.user, d.ID)}
	if d.Key != "" {
		keys = append(keys, keyKey(v.user, d.Key))
	}
	for _, key := range keys {
		if err := v.remove(key); err != nil {
			return err
		}
	}
	return nil
}
