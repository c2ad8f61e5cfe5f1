package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// held is all that one user has, by the plainest rule: every thread is a row
// with the deletion it is in stamped on it. It is a value: a call makes
// another one, and what two share is never changed.
type held struct {
	threads   []threads.Thread   // by Cursor
	deletions []threads.Deletion // by Cursor
}

// outcome is a way in which a call may end: what it returns, and what the user
// has then.
type outcome struct {
	answer
	held held
}

func (h held) equal(other held) bool {
	return slices.EqualFunc(h.threads, other.threads, sameThread) && slices.Equal(h.deletions, other.deletions)
}

// String names what is in which deletion.
func (h held) String() string {
	var parts []string
	for _, t := range h.threads {
		parts = append(parts, fmt.Sprintf("%s v%d %s", t.ID, t.Version, t.DeletionID))
	}
	for _, d := range h.deletions {
		parts = append(parts, fmt.Sprintf("[%s %d]", d.ID, d.Held))
	}
	return strings.Join(parts, ", ")
}

// refused is a call that changes nothing.
func (h held) refused(err error) []outcome { return []outcome{{answer{class: classOf(err)}, h}} }

// thread returns where the thread with that id is, or -1.
func (h held) thread(id string) int {
	return slices.IndexFunc(h.threads, func(t threads.Thread) bool { return t.ID == id })
}

// deletion returns where the deletion with that id is, or -1.
func (h held) deletion(id string) int {
	return slices.IndexFunc(h.deletions, func(d threads.Deletion) bool { return d.ID == id })
}

// clone returns what can be changed without h being changed.
func (h held) clone() held { return held{slices.Clone(h.threads), slices.Clone(h.deletions)} }

func (h *held) addThread(t threads.Thread) {
	h.threads = append(h.threads, t)
	slices.SortFunc(h.threads, func(a, b threads.Thread) int { return a.Cursor().Compare(b.Cursor()) })
}

func (h *held) addDeletion(d threads.Deletion) {
	h.deletions = append(h.deletions, d)
	slices.SortFunc(h.deletions, func(a, b threads.Deletion) int { return a.Cursor().Compare(b.Cursor()) })
}

// invalid returns what a store has against the arguments.
func (c call) invalid() error {
	user, id := threads.ValidateUser(c.user), func() error { return threads.ValidateThreadID(c.id) }
	if user != nil {
		return user
	}
	start := func() error { return threads.ValidateListStart(c.after, c.limit) }
	switch c.method {
	case create, update:
		return c.thread.Validate(c.user)
	case get:
		return cmp.Or(id(), c.query.State.Validate())
	case list:
		return cmp.Or(c.query.Validate(), start())
	case count:
		return c.query.Scope.Validate()
	case deleteOne:
		d := c.deletion
		d.Scope, d.Key = threads.Personal(), ""
		return cmp.Or(id(), d.Validate(c.user))
	case softDeleteAll:
		return c.deletion.Validate(c.user)
	case restore:
		return cmp.Or(threads.ValidateDeletionID(c.id), threads.ValidateTime("restored_at", c.now))
	case restoreThread:
		return id()
	case getDeletion:
		return threads.ValidateDeletionID(c.id)
	case listDeletions:
		return cmp.Or(c.query.Order.Validate(), start())
	case previewPurge:
		return threads.ValidateTime("before", c.before)
	case purge:
		return cmp.Or(threads.ValidateTime("before", c.before), threads.ValidateTime("now", c.now), threads.ValidatePurgeLimit(c.limit))
	}
	panic("no method " + c.method)
}

// outcomes returns every way in which the call may end, if nothing fails.
func (h held) outcomes(c call) []outcome {
	if err := c.invalid(); err != nil {
		return h.refused(err)
	}
	switch c.method {
	case create:
		return h.create(c)
	case get:
		return h.get(c)
	case update:
		return h.update(c)
	case list:
		return []outcome{{answer{threads: h.list(c)}, h}}
	case count:
		return []outcome{{answer{counts: h.count(c.query.Scope)}, h}}
	case deleteOne:
		return h.deleteOne(c)
	case softDeleteAll:
		return h.softDeleteAll(c)
	case restore:
		return h.restore(c)
	case restoreThread:
		return h.restoreThread(c)
	case getDeletion:
		if i := h.deletion(c.id); i >= 0 {
			return []outcome{{answer{deletions: h.deletions[i : i+1]}, h}}
		}
		return h.refused(threads.ErrNotFound)
	case listDeletions:
		return []outcome{{answer{deletions: page(h.deletions, threads.Deletion.Cursor, c)}, h}}
	case previewPurge:
		all := c
		all.now, all.limit = c.before, len(h.threads)+2*len(h.deletions)
		return []outcome{{answer{purged: h.purge(all)[0].purged}, h}}
	default:
		return h.purge(c)
	}
}

func (h held) create(c call) []outcome {
	if h.thread(c.thread.ID) >= 0 {
		return h.refused(threads.ErrExists)
	}
	next := h.clone()
	next.addThread(c.thread.Clone())
	return []outcome{{answer{}, next}}
}

func (h held) get(c call) []outcome {
	i := h.thread(c.id)
	if i < 0 || !c.query.State.Matches(h.threads[i].Live()) {
		return h.refused(threads.ErrNotFound)
	}
	return []outcome{{answer{threads: h.threads[i : i+1]}, h}}
}

func (h held) update(c call) []outcome {
	i := h.thread(c.thread.ID)
	switch {
	case i < 0 || !h.threads[i].Live():
		return h.refused(threads.ErrNotFound)
	case h.threads[i].Version != c.thread.Version:
		return h.refused(threads.ErrVersionMismatch)
	}
	next := h.clone()
	next.threads[i] = h.threads[i].Revised(c.thread.Clone())
	return []outcome{{answer{}, next}}
}

func (h held) list(c call) []threads.Thread {
	var matching []threads.Thread
	for _, t := range h.threads {
		if c.query.Matches(t) {
			matching = append(matching, t)
		}
	}
	return page(matching, threads.Thread.Cursor, c)
}

// page returns what a list call shows of all, which are oldest first.
func page[T any](all []T, place func(T) threads.Cursor, c call) []T {
	all = slices.Clone(all)
	if c.query.Order == threads.NewestFirst {
		slices.Reverse(all)
	}
	if !c.after.IsZero() {
		all = slices.DeleteFunc(all, func(x T) bool {
			n := place(x).Compare(c.after)
			return n == 0 || (n < 0) == (c.query.Order == threads.OldestFirst)
		})
	}
	return all[:min(c.limit, len(all))]
}

func (h held) count(scope threads.Scope) (n threads.Counts) {
	for _, t := range h.threads {
		switch {
		case !scope.Contains(t.Organization):
		case t.Live():
			n.Live++
		default:
			n.Deleted++
		}
	}
	return n
}

func (h held) deleteOne(c call) (ways []outcome) {
	i := h.thread(c.id)
	if i < 0 || !h.threads[i].Live() {
		ways = h.refused(threads.ErrNotFound)
	}
	if h.deletion(c.deletion.ID) >= 0 { // which rule comes first is open
		ways = append(ways, h.refused(threads.ErrExists)...)
	}
	if ways != nil {
		return ways
	}
	next, d := h.clone(), c.deletion.OfOne(h.threads[i])
	next.threads[i].DeletionID, next.threads[i].DeletedAt = d.ID, d.DeletedAt
	next.addDeletion(d)
	return []outcome{{answer{deletions: []threads.Deletion{d}}, next}}
}

func (h held) softDeleteAll(c call) []outcome {
	for i, first := range h.deletions {
		if c.deletion.Key != "" && first.Key == c.deletion.Key {
			if err := first.Replay(c.deletion.Scope); err != nil {
				return h.refused(err)
			}
			return []outcome{{answer{deletions: h.deletions[i : i+1]}, h}}
		}
	}
	if h.deletion(c.deletion.ID) >= 0 {
		return h.refused(threads.ErrExists)
	}
	next, n := h.clone(), int64(0)
	for i, t := range next.threads {
		if t.Live() && c.deletion.Scope.Contains(t.Organization) {
			next.threads[i].DeletionID, next.threads[i].DeletedAt = c.deletion.ID, c.deletion.DeletedAt
			n++
		}
	}
	d, keep := c.deletion.OfAll(n)
	if keep {
		next.addDeletion(d)
	}
	return []outcome{{answer{deletions: []threads.Deletion{d}}, next}}
}

func (h held) restore(c call) []outcome {
	i := h.deletion(c.id)
	if i < 0 {
		return h.refused(threads.ErrNotFound)
	}
	d := h.deletions[i]
	if err := d.Restorable(); err != nil {
		return h.refused(err)
	}
	next := h.clone()
	next.deletions[i] = d.Restored(c.now)
	for i, t := range next.threads {
		if t.DeletionID == d.ID {
			next.threads[i].DeletionID, next.threads[i].DeletedAt = "", time.Time{}
		}
	}
	return []outcome{{answer{restored: d.Held}, next}}
}

func (h held) restoreThread(c call) []outcome {
	i := h.thread(c.id)
	if i < 0 {
		return h.refused(threads.ErrNotFound)
	}
	next := h.clone()
	if t := &next.threads[i]; !t.Live() {
		d := h.deletion(t.DeletionID)
		if err := h.deletions[d].Restorable(); err != nil {
			return h.refused(err)
		}
		next.deletions[d] = h.deletions[d].Without(1)
		t.DeletionID, t.DeletedAt = "", time.Time{}
	}
	return []outcome{{answer{threads: next.threads[i : i+1]}, next}}
}

// purge removes one thread or record at a time. Which threads of a deletion go
// first is open, so there are as many ways as choices.
func (h held) purge(c call) (ends []outcome) {
	ways := []outcome{{held: h}}
	for left := c.limit; len(ways) > 0; left-- {
		var next []outcome
		for _, way := range ways {
			d, due := way.held.earliest(c.before)
			switch {
			case !due:
				ends = append(ends, way)
			case left == 0:
				way.purged.More = true
				ends = append(ends, way)
			default:
				next = append(next, way.purgeOne(d, c.now)...)
			}
		}
		ways = distinct(next)
	}
	return ends
}

// earliest returns the deletion that a purge takes first.
func (h held) earliest(before time.Time) (first threads.Deletion, due bool) {
	for _, d := range h.deletions {
		if d.Due().Before(before) && (!due || cmp.Or(d.Due().Compare(first.Due()), strings.Compare(d.ID, first.ID)) < 0) {
			first, due = d, true
		}
	}
	return first, due
}

// purgeOne removes any one of the threads in the deletion, or its record if it
// holds none.
func (o outcome) purgeOne(d threads.Deletion, now time.Time) (ways []outcome) {
	at := o.held.deletion(d.ID)
	if d.Held == 0 {
		o.held = o.held.clone()
		o.held.deletions = slices.Delete(o.held.deletions, at, at+1)
		if !d.Emptied() {
			o.purged.Deletions++
		}
		return []outcome{o}
	}
	if d.PurgedAt.IsZero() {
		d.PurgedAt = now
	}
	d = d.Without(1)
	o.purged.Threads++
	if d.Held == 0 {
		o.purged.Deletions++
	}
	for i, t := range o.held.threads {
		if t.DeletionID == d.ID {
			way := o
			way.held = o.held.clone()
			way.held.deletions[at] = d
			way.held.threads = slices.Delete(way.held.threads, i, i+1)
			ways = append(ways, way)
		}
	}
	return ways
}

// distinct leaves out ways that lead to the same.
func distinct(ways []outcome) (kept []outcome) {
	for _, way := range ways {
		if !slices.ContainsFunc(kept, func(k outcome) bool { return k.answer.equal(way.answer) && k.held.equal(way.held) }) {
			kept = append(kept, way)
		}
	}
	return kept
}
