package memory

import (
	"cmp"
	"slices"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// account is everything of one user. A nil map or tree in it reads as empty.
type account struct {
	rows          map[string]*row          // every thread, by id
	shelves       map[uint64]*shelf        // every generation
	organizations map[string]*organization // the same, by organization
	held          map[string][]*shelf      // the same, by the deletion they belong to
	lastShelf     uint64

	deletions map[string]*threads.Deletion // every deletion, by id; what they point to never changes
	keys      map[string]*threads.Deletion // the same, by idempotency key
	byTime    index[threads.Deletion]      // the same, in the order of lists
	byDue     index[threads.Deletion]      // the same, in the order of purges
}

// organization is the generations of one organization, by state, the youngest
// last.
type organization struct {
	live    []*shelf
	deleted []*shelf
	singles *shelf
}

func newAccount() *account {
	return &account{
		rows:          map[string]*row{},
		shelves:       map[uint64]*shelf{},
		organizations: map[string]*organization{},
		held:          map[string][]*shelf{},
		deletions:     map[string]*threads.Deletion{},
		keys:          map[string]*threads.Deletion{},
	}
}

func (a *account) empty() bool { return len(a.rows) == 0 && len(a.deletions) == 0 }

// fresh is the id of the next generation, if a plan opens one.
func (a *account) fresh() uint64 { return a.lastShelf + 1 }

// each calls f for the organizations of the scope.
func (a *account) each(scope threads.Scope, f func(*organization)) {
	list, all := scope.Organizations()
	if all {
		for _, o := range a.organizations {
			f(o)
		}
	}
	for _, id := range list {
		if o := a.organizations[id]; o != nil {
			f(o)
		}
	}
}

// live is the ledger of the live generations of a scope.
func (a *account) live(scope threads.Scope) generation.Ledger {
	var l generation.Ledger
	a.each(scope, func(o *organization) { l = with(l, o.live...) })
	return l
}

// youngest is the ledger of the youngest live generation of an organization,
// if it has one.
func (a *account) youngest(organization string) generation.Ledger {
	o := a.organizations[organization]
	if o == nil || len(o.live) == 0 {
		return nil
	}
	return with(nil, o.live[len(o.live)-1])
}

// all is the ledger of every generation of a scope.
func (a *account) all(scope threads.Scope) generation.Ledger {
	var l generation.Ledger
	a.each(scope, func(o *organization) {
		l = with(l, o.live...)
		l = with(l, o.deleted...)
		if o.singles != nil {
			l = with(l, o.singles)
		}
	})
	return l
}

func with(l generation.Ledger, shelves ...*shelf) generation.Ledger {
	for _, s := range shelves {
		l = append(l, s.Generation)
	}
	return l
}

// apply carries out the records and moves of a plan. The one thread that a
// plan is about is for the caller to move.
func (a *account) apply(p generation.Plan) {
	for _, g := range p.Put {
		if a.shelves[g.ID] == nil {
			a.shelves[g.ID] = &shelf{Generation: generation.Generation{ID: g.ID, Organization: g.Organization}}
			a.lastShelf = max(a.lastShelf, g.ID)
		}
	}
	for _, m := range p.Moves {
		from, to := a.shelves[m.From], a.shelves[m.To]
		for _, r := range from.some(len(a.rows)) {
			from.remove(r)
			to.add(r)
		}
	}
	for _, g := range p.Put {
		s := a.shelves[g.ID]
		a.unfile(s)
		s.Generation = g
		if g.Threads == 0 {
			delete(a.shelves, g.ID)
		} else {
			a.file(s)
		}
	}
}

// file enters a shelf under its organization, state and deletion.
func (a *account) file(s *shelf) {
	o := a.organizations[s.Organization]
	if o == nil {
		o = &organization{}
		a.organizations[s.Organization] = o
	}
	switch s.State {
	case generation.Live:
		o.live = including(o.live, s)
	case generation.Deleted:
		o.deleted = including(o.deleted, s)
		a.held[s.Deletion] = including(a.held[s.Deletion], s)
	case generation.Singles:
		o.singles = s
	}
}

// unfile undoes file. A shelf that was not filed is left alone.
func (a *account) unfile(s *shelf) {
	o := a.organizations[s.Organization]
	if o == nil {
		return
	}
	switch s.State {
	case generation.Live:
		o.live = without(o.live, s)
	case generation.Deleted:
		o.deleted = without(o.deleted, s)
		if a.held[s.Deletion] = without(a.held[s.Deletion], s); len(a.held[s.Deletion]) == 0 {
			delete(a.held, s.Deletion)
		}
	case generation.Singles:
		if o.singles == s {
			o.singles = nil
		}
	}
	if len(o.live) == 0 && len(o.deleted) == 0 && o.singles == nil {
		delete(a.organizations, s.Organization)
	}
}

// including returns the shelves, in the order of their ids, with s among them.
func including(shelves []*shelf, s *shelf) []*shelf {
	i, _ := slices.BinarySearchFunc(shelves, s.ID, byID)
	return slices.Insert(shelves, i, s)
}

// without undoes including. Shelves without s are left alone.
func without(shelves []*shelf, s *shelf) []*shelf {
	i, found := slices.BinarySearchFunc(shelves, s.ID, byID)
	if !found {
		return shelves
	}
	return slices.Delete(shelves, i, i+1)
}

func byID(s *shelf, id uint64) int { return cmp.Compare(s.ID, id) }

// put writes the record of a deletion.
func (a *account) put(d threads.Deletion) {
	if old := a.deletions[d.ID]; old != nil {
		a.byDue.delete(duePlace(*old))
	}
	a.deletions[d.ID] = &d
	a.byTime.set(d.Cursor(), &d)
	a.byDue.set(duePlace(d), &d)
	if d.Key != "" {
		a.keys[d.Key] = &d
	}
}

// drop removes the record of a deletion.
func (a *account) drop(d threads.Deletion) {
	a.byDue.delete(duePlace(d))
	a.byTime.delete(d.Cursor())
	delete(a.deletions, d.ID)
	if d.Key != "" {
		delete(a.keys, d.Key)
	}
}

func duePlace(d threads.Deletion) threads.Cursor { return threads.Cursor{Time: d.Due(), ID: d.ID} }

// deletionID returns the id of the deletion a thread is in; "" if it is live.
func (r *row) deletionID() string {
	if r.shelf.State == generation.Singles {
		return r.single
	}
	return r.shelf.Deletion
}

// view is a caller's copy of a thread.
func (a *account) view(r *row) threads.Thread {
	t := r.Clone()
	if id := r.deletionID(); id != "" {
		t.DeletionID, t.DeletedAt = id, a.deletions[id].DeletedAt
	}
	return t
}

// find returns the row of a thread in that state.
func (a *account) find(id string, state threads.State) (*row, error) {
	r := a.rows[id]
	if r == nil || !state.Matches(r.shelf.State == generation.Live) {
		return nil, threads.ErrNotFound
	}
	return r, nil
}
