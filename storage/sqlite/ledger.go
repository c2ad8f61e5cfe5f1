package sqlite

import (
	"errors"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// view is what one user has, inside a transaction.
type view struct {
	*txn
	user string
}

const generationSQL = `SELECT number, organization, state, deletion, threads, sum FROM skein_generation `

// Indexes are named wherever there is a choice: after an ANALYZE of a small
// database, which a host may run, SQLite would read the whole table for ever.
const (
	generationsOfUserSQL     = generationSQL + `INDEXED BY skein_generation_state WHERE user = ?`
	generationsSQL           = generationsOfUserSQL + ` AND state = ?`
	generationsLiveInSQL     = generationsSQL + ` AND deletion = '' AND organization = ?`
	generationYoungestSQL    = generationsLiveInSQL + ` ORDER BY number DESC LIMIT 1`
	generationsOfDeletionSQL = generationsSQL + ` AND deletion = ?`
	generationOfNumberSQL    = generationSQL + `WHERE number = ?`
)

func (v *view) ledger(text string, args ...any) (l generation.Ledger, err error) {
	err = v.query(text, args, func(scan func(...any) error) error {
		var g generation.Generation
		var sum int64
		if err := scan(&g.ID, &g.Organization, &g.State, &g.Deletion, &g.Threads, &sum); err != nil {
			return err
		}
		if sumOfGeneration(v.user, g) != sum {
			return corruptGeneration(g)
		}
		l = append(l, g)
		return nil
	})
	return l, err
}

func corruptGeneration(g generation.Generation) error {
	return corrupt("the row of generation %d does not match its checksum", g.ID)
}

// generations returns those of the scope in a state.
func (v *view) generations(state generation.State, scope threads.Scope) (generation.Ledger, error) {
	list, all := scope.Organizations()
	if all || state == generation.Deleted { // the index has those by their deletion
		l, err := v.ledger(generationsSQL, v.user, state)
		return within(l, scope), err
	}
	var l generation.Ledger
	for _, organization := range list {
		more, err := v.ledger(generationsLiveInSQL, v.user, state, organization)
		if err != nil {
			return nil, err
		}
		l = append(l, more...)
	}
	return l, nil
}

// youngest returns the one generation that new threads of the organization go
// into, if there is one.
func (v *view) youngest(organization string) (generation.Ledger, error) {
	return v.ledger(generationYoungestSQL, v.user, generation.Live, organization)
}

// held returns the generations that a bulk deletion still has.
func (v *view) held(deletion string) (generation.Ledger, error) {
	return v.ledger(generationsOfDeletionSQL, v.user, generation.Deleted, deletion)
}

func within(l generation.Ledger, scope threads.Scope) (in generation.Ledger) {
	for _, g := range l {
		if scope.Contains(g.Organization) {
			in = append(in, g)
		}
	}
	return in
}

// generation returns the generation that a row names.
func (v *view) generation(number uint64) (generation.Generation, error) {
	l, err := v.ledger(generationOfNumberSQL, number)
	if err != nil {
		return generation.Generation{}, err
	}
	if len(l) == 0 {
		return generation.Generation{}, corrupt("generation %d is missing", number)
	}
	return l[0], nil
}

// fresh stands for the number of a generation that a plan opens. The database
// gives it one.
const fresh = 0

const (
	openGenerationSQL   = `INSERT INTO skein_generation (user, organization, state, deletion, threads, sum) VALUES (?, ?, ?, ?, ?, 0) RETURNING number`
	sealGenerationSQL   = `UPDATE skein_generation SET sum = ? WHERE number = ?`
	updateGenerationSQL = `UPDATE skein_generation SET state = ?, deletion = ?, threads = ?, sum = ? WHERE number = ?`
	// This one leaves the index alone, a page less to write: SQLite rewrites what
	// an UPDATE names, the same or not.
	recountGenerationSQL = `UPDATE skein_generation SET threads = ?, sum = ? WHERE number = ?`
	dropGenerationSQL    = `DELETE FROM skein_generation WHERE number = ?`
	moveThreadsSQL       = `UPDATE skein_thread INDEXED BY skein_thread_page SET generation = ?, sum = (sum + ?) & 4294967295 WHERE generation = ?`
)

// prepare carries out what of a plan comes before its one thread goes into a
// generation, and returns the number of that. Generations that are left empty
// are dropped by settle, for the thread may still be in one.
func (v *view) prepare(p generation.Plan) (into uint64, err error) {
	for _, m := range p.Moves {
		from, err := v.generation(m.From)
		if err != nil {
			return 0, err
		}
		n, err := v.exec(moveThreadsSQL, m.To, moved(m.From, m.To), m.From)
		if err == nil && n != from.Threads {
			err = corrupt("generation %d says it has %d threads, and has %d", m.From, from.Threads, n)
		}
		if err != nil {
			return 0, err
		}
	}
	into = p.Into
	for _, g := range p.Put {
		switch {
		case g.ID == fresh:
			if into, err = v.openGeneration(g); err != nil {
				return 0, err
			}
		case g.Threads > 0 && p.Recount:
			if err := v.changed(recountGenerationSQL, g.Threads, sumOfGeneration(v.user, g), g.ID); err != nil {
				return 0, err
			}
		case g.Threads > 0:
			if err := v.changed(updateGenerationSQL, g.State, g.Deletion, g.Threads, sumOfGeneration(v.user, g), g.ID); err != nil {
				return 0, err
			}
		}
	}
	return into, nil
}

func (v *view) settle(p generation.Plan) error {
	for _, g := range p.Put {
		if g.Threads == 0 {
			if err := v.changed(dropGenerationSQL, g.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply carries out a plan that is about whole generations.
func (v *view) apply(p generation.Plan) error {
	if _, err := v.prepare(p); err != nil {
		return err
	}
	return v.settle(p)
}

func (v *view) openGeneration(g generation.Generation) (uint64, error) {
	v.wrote = true
	if _, err := v.row(openGenerationSQL, []any{v.user, g.Organization, g.State, g.Deletion, g.Threads}, &g.ID); err != nil {
		return 0, err
	}
	v.rows++
	return g.ID, v.changed(sealGenerationSQL, sumOfGeneration(v.user, g), g.ID)
}

// changed runs a statement about one row that was just read.
func (v *view) changed(text string, args ...any) error {
	n, err := v.exec(text, args...)
	if err == nil && n != 1 {
		err = corrupt("%d rows have a key that one has", n)
	}
	return err
}

const deletionOfIDSQL = `SELECT ` + deletionColumns + ` FROM skein_deletion WHERE user = ? AND id = ?`

// deletions reads records of deletions.
func (v *view) deletions(text string, args ...any) (list []threads.Deletion, err error) {
	err = v.query(text, args, func(scan func(...any) error) error {
		d, err := scanDeletion(scan)
		if err == nil && d.User != v.user {
			err = corrupt("an index has a deletion under another user")
		}
		list = append(list, d)
		return err
	})
	return list, err
}

// deletion reads the record of a deletion.
func (v *view) deletion(id string) (threads.Deletion, error) {
	list, err := v.deletions(deletionOfIDSQL, v.user, id)
	if err != nil {
		return threads.Deletion{}, err
	}
	if len(list) == 0 {
		return threads.Deletion{}, threads.ErrNotFound
	}
	return list[0], nil
}

// deletionOf reads the record of the deletion that a thread is in.
func (v *view) deletionOf(r row) (threads.Deletion, error) {
	id := r.gen.Deletion
	if r.gen.State == generation.Singles {
		id = r.single
	}
	list, err := v.deletions(deletionOfIDSQL, v.user, id)
	if err == nil && len(list) == 0 {
		err = corrupt("the deletion %q of thread %q is missing", id, r.ID)
	}
	if err != nil {
		return threads.Deletion{}, err
	}
	return list[0], canHold(list[0], r.gen, r.ID)
}

// single returns the thread of the deletion of one that still holds it.
func (v *view) single(d threads.Deletion) (row, error) {
	r, err := v.find(d.Thread, threads.Deleted)
	if errors.Is(err, threads.ErrNotFound) {
		return r, corrupt("the thread %q of deletion %q is missing", d.Thread, d.ID)
	}
	if err == nil && (r.gen.State != generation.Singles || r.single != d.ID || d.Held != 1) {
		err = corrupt("the deletion %q names the thread %q, which is not in it", d.ID, d.Thread)
	}
	return r, err
}

// canHold returns an error if the deletion cannot be that of a thread in the
// generation.
func canHold(d threads.Deletion, g generation.Generation, thread string) error {
	one := g.State == generation.Singles
	if one != (d.Thread != "") || one && (d.Thread != thread || d.Count != 1) || !d.Scope.Contains(g.Organization) {
		return corrupt("thread %q of generation %d cannot be of the deletion %q", thread, g.ID, d.ID)
	}
	return nil
}

const (
	insertDeletionSQL = `INSERT INTO skein_deletion (user, id, scope, thread, key, deleted_at, count, held, restored_at, purged_at, due, sum)` +
		` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, id) DO NOTHING`
	updateDeletionSQL = `UPDATE skein_deletion SET thread = ?, count = ?, held = ?, restored_at = ?, purged_at = ?, due = ?, sum = ? WHERE user = ? AND id = ?`
	dropDeletionSQL   = `DELETE FROM skein_deletion WHERE user = ? AND id = ?`
)

// record writes a new deletion. If the user has one of that id, it returns
// ErrExists.
func (v *view) record(d threads.Deletion) error {
	n, err := v.exec(insertDeletionSQL, v.user, d.ID, d.Scope.String(), d.Thread, d.Key, d.DeletedAt.UnixMicro(),
		d.Count, d.Held, micros(d.RestoredAt), micros(d.PurgedAt), d.Due().UnixMicro(), sumOfDeletion(d))
	if err == nil && n == 0 {
		err = threads.ErrExists
	}
	return err
}

// rewrite replaces a deletion.
func (v *view) rewrite(d threads.Deletion) error {
	return v.changed(updateDeletionSQL, d.Thread, d.Count, d.Held, micros(d.RestoredAt), micros(d.PurgedAt), d.Due().UnixMicro(), sumOfDeletion(d), v.user, d.ID)
}
