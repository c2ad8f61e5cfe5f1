package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// operation is one call of a history, with all of its arguments, so that it
// can be played on any store and after any others.
type operation struct {
	text string // the call, for people

	// play makes the call. The version is the one that the thread of an
	// Update has.
	play func(ctx context.Context, s threads.Store, version int64) (any, error)

	user, thread string // whose version that is
	reopen       bool   // instead of a call: close the store and open it again
}

// The names in histories: few, so that calls meet one another's threads.
var (
	historyUsers         = []string{"ada", "ad", "Zoë 🧶"}
	historyThreads       = []string{"t1", "t2", "t3", "T1", "é", "🧶", "t10", "~", "a/b", "t4", "t5", "t6", "t7", "t8"}
	historyOrganizations = []string{"", "org_a", "org_ab"}
	historyAssistants    = []string{"", "asst_1", "asst_2"}
	historyScopes        = []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_ab"),
		threads.Union(threads.Personal(), threads.InOrganization("org_ab"))}
	historyKeys = []string{"", "", "", "", "", "k1", "k2"}
)

// author makes up operations.
type author struct {
	*rand.Rand
	made      int                 // how many operations there are
	deletions map[string][]string // the ids that each user may have given to deletions, the last one last
}

// newHistory returns the history of that seed, always the same.
func newHistory(seed uint64, length int, reopen bool) []operation {
	a := &author{Rand: rand.New(rand.NewPCG(seed, 0x5ce1)), deletions: map[string][]string{}}
	list := make([]operation, length)
	for i := range list {
		list[i] = a.operation(reopen)
		a.made++
	}
	return list
}

func pick[T any](a *author, list []T) T { return list[a.IntN(len(list))] }

// chance is true n times of a hundred.
func (a *author) chance(n int) bool { return a.IntN(100) < n }

// time is one of few, so that many are the same, and no later than before
// half of the time.
func (a *author) time() time.Time { return at(a.IntN(24)) }

// deletion is the id of a deletion that the user may well have.
func (a *author) deletion(user string) string {
	if a.chance(5) {
		user = pick(a, historyUsers)
	}
	list := a.deletions[user]
	if len(list) == 0 {
		return "d0"
	}
	return list[len(list)-1-min(a.IntN(len(list)), a.IntN(12))]
}

// newDeletion is one whose id is nearly always new.
func (a *author) newDeletion(user string, scope threads.Scope) threads.Deletion {
	d := threads.Deletion{ID: fmt.Sprint("d", a.made), User: user, Scope: scope, Key: pick(a, historyKeys), DeletedAt: a.time()}
	if a.chance(5) {
		d.ID = a.deletion(user)
	}
	return d
}

func (a *author) newThread(user string) threads.Thread {
	t := threads.Thread{
		ID: pick(a, historyThreads), User: user, Organization: pick(a, historyOrganizations), Assistant: pick(a, historyAssistants),
		Title: fmt.Sprint("made by operation ", a.made), Hidden: a.chance(30),
		CreatedAt: a.time(), UpdatedAt: a.time(), LastActivityAt: a.time(), Version: 1 + int64(a.IntN(3)),
	}
	if a.chance(30) {
		t.PinnedAt = a.time()
	}
	if a.chance(70) {
		t.Metadata = map[string]string{"n": fmt.Sprint(a.made), "o": t.Organization}
	}
	return t
}

func (a *author) place(ids []string) threads.Cursor {
	if a.chance(40) {
		return threads.Cursor{}
	}
	return threads.Cursor{Time: a.time(), ID: pick(a, ids)}
}

func (a *author) query(user string) threads.Query {
	q := threads.Query{Scope: pick(a, historyScopes), State: threads.State(a.IntN(3)), Order: threads.Order(a.IntN(2))}
	tri := []*bool{nil, nil, is(true), is(false)}
	q.Pinned, q.Hidden = pick(a, tri), pick(a, tri)
	if a.chance(40) {
		q.Assistant = pick(a, historyAssistants)
	}
	if a.chance(30) {
		q.State, q.Deletion = threads.Deleted, a.deletion(user)
	}
	return q
}

// operation makes up the next one.
func (a *author) operation(reopen bool) operation {
	if reopen && a.chance(3) {
		return operation{text: "close and open again", reopen: true}
	}
	user := pick(a, historyUsers)
	if a.chance(50) {
		user = historyUsers[0]
	}
	if a.chance(3) {
		return a.refused(user)
	}
	thread := pick(a, historyThreads)
	o := operation{user: user, thread: thread}
	switch n := a.IntN(100); {
	case n < 30:
		t := a.newThread(user)
		o.text = fmt.Sprintf("Create(%s)", threadText(t))
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) { return nil, s.Create(ctx, user, t) }
	case n < 37:
		t, off := a.newThread(user), int64(0)
		if a.chance(20) {
			off = int64(a.IntN(5)) - 2
		}
		o.thread = t.ID
		o.text = fmt.Sprintf("Update(%s), for its version %+d", threadText(t), off)
		o.play = func(ctx context.Context, s threads.Store, version int64) (any, error) {
			next := t
			next.Version = max(1, version+off)
			return nil, s.Update(ctx, user, next)
		}
	case n < 40:
		state := threads.State(a.IntN(3))
		o.text = fmt.Sprintf("Get(%s, %s, %d)", user, thread, state)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.Get(ctx, user, thread, state)
		}
	case n < 48:
		q, after, limit := a.query(user), a.place(historyThreads), 1+a.IntN(6)
		o.text = fmt.Sprintf("List(%s, %s, after %s, %d)", user, queryText(q), placeText(after), limit)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.List(ctx, user, q, after, limit)
		}
	case n < 50:
		scope := pick(a, historyScopes)
		o.text = fmt.Sprintf("Count(%s, %s)", user, scope)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) { return s.Count(ctx, user, scope) }
	case n < 60:
		d := a.newDeletion(user, pick(a, historyScopes))
		if a.chance(35) { // as many as find their thread
			a.deletions[user] = append(a.deletions[user], d.ID)
		}
		o.text = fmt.Sprintf("Delete(%s, %s, %s)", user, thread, deletionText(d))
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.Delete(ctx, user, thread, d)
		}
	case n < 69:
		d := a.newDeletion(user, pick(a, historyScopes))
		a.deletions[user] = append(a.deletions[user], d.ID)
		o.text = fmt.Sprintf("SoftDeleteAll(%s, %s, %s)", user, d.Scope, deletionText(d))
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) { return s.SoftDeleteAll(ctx, user, d) }
	case n < 81:
		id, now := a.deletion(user), a.time()
		o.text = fmt.Sprintf("Restore(%s, %s, %s)", user, id, timeText(now))
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) { return s.Restore(ctx, user, id, now) }
	case n < 86:
		o.text = fmt.Sprintf("RestoreThread(%s, %s)", user, thread)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.RestoreThread(ctx, user, thread)
		}
	case n < 88:
		id := a.deletion(user)
		o.text = fmt.Sprintf("GetDeletion(%s, %s)", user, id)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) { return s.GetDeletion(ctx, user, id) }
	case n < 91:
		order, after, limit := threads.Order(a.IntN(2)), a.place([]string{a.deletion(user)}), 1+a.IntN(6)
		o.text = fmt.Sprintf("ListDeletions(%s, %d, after %s, %d)", user, order, placeText(after), limit)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.ListDeletions(ctx, user, order, after, limit)
		}
	case n < 93:
		before := a.time()
		o.text = fmt.Sprintf("PreviewPurge(%s, %s)", user, timeText(before))
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.PreviewPurge(ctx, user, before)
		}
	case n < 97:
		before, now, limit := at(min(a.IntN(24), a.IntN(24))), a.time(), 1+a.IntN(6)
		o.text = fmt.Sprintf("Purge(%s, %s, %s, %d)", user, timeText(before), timeText(now), limit)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.Purge(ctx, user, before, now, limit)
		}
	case n < 99:
		before, after, limit := a.time(), pick(a, append(historyUsers, "")), 1+a.IntN(3)
		o.text = fmt.Sprintf("UsersDue(%s, %q, %d)", timeText(before), after, limit)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			return s.UsersDue(ctx, before, after, limit)
		}
	default:
		o.text = fmt.Sprintf("Erase(%s)", user)
		o.play = func(ctx context.Context, s threads.Store, _ int64) (any, error) {
			e, err := s.Erase(ctx, user)
			return [2]int64{e.Threads, e.Deletions}, err // what it verified is its own to say
		}
	}
	return o
}

// refused makes up a call that a store has to refuse: one argument is bad, or
// the context is done.
func (a *author) refused(user string) operation {
	m := pick(a, methods)
	good := arguments{
		user: user, id: pick(a, historyThreads), thread: a.newThread(user), deletion: a.newDeletion(user, threads.All()),
		scope: threads.All(), query: every(threads.Both), before: a.time(), now: a.time(), limit: 5,
	}
	bad, done := good, a.chance(30)
	text := m.name + " with a context that is done"
	if !done {
		text = m.name + " with nothing good"
		bad = arguments{id: pick(a, badIdentifiers), limit: -1}
	}
	return operation{text: text, play: func(ctx context.Context, s threads.Store, _ int64) (any, error) {
		if done {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			cancel()
		}
		return nil, m.call(ctx, s, bad)
	}}
}

func threadText(t threads.Thread) string {
	parts := []string{t.User, t.ID, threads.ScopeOf(t.Organization).String(), timeText(t.CreatedAt)}
	if t.Hidden {
		parts = append(parts, "hidden")
	}
	if !t.PinnedAt.IsZero() {
		parts = append(parts, "pinned")
	}
	if t.Assistant != "" {
		parts = append(parts, "with "+t.Assistant)
	}
	return strings.Join(parts, ", ")
}

func deletionText(d threads.Deletion) string {
	text := d.ID + " " + timeText(d.DeletedAt)
	if d.Key != "" {
		text += " key " + d.Key
	}
	return text
}

// agree says how an answer differs from the model's, or "".
func agree(got any, err error, want any, wantErr error) string {
	var one either
	switch {
	case err == nil && wantErr == nil:
		return difference("its answer", got, want)
	case err == nil:
		return fmt.Sprintf("it returned no error; want %v", wantErr)
	case wantErr == nil:
		return fmt.Sprintf("it returned the error %q; want none", err)
	case errors.As(wantErr, &one):
		if sameClass(err, one[0]) || sameClass(err, one[1]) || sameClass(err, one) {
			return ""
		}
	case sameClass(err, wantErr):
		return ""
	}
	return fmt.Sprintf("it returned the error %q, of the classes %q; want %v", err, classes(err), wantErr)
}
