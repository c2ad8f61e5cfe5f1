package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/skein-go/skein/threads"
)

// The methods of a store that lists of calls are made of.
const (
	create        = "Create"
	get           = "Get"
	update        = "Update"
	list          = "List"
	count         = "Count"
	deleteOne     = "Delete"
	softDeleteAll = "SoftDeleteAll"
	restore       = "Restore"
	restoreThread = "RestoreThread"
	getDeletion   = "GetDeletion"
	listDeletions = "ListDeletions"
	previewPurge  = "PreviewPurge"
	purge         = "Purge"
)

// call is a call of a store with all of its arguments.
type call struct {
	method      string
	user        string
	id          string           // of a thread or a deletion, as the method wants
	thread      threads.Thread   // Create, Update
	deletion    threads.Deletion // Delete, SoftDeleteAll
	query       threads.Query    // List; its Scope is also that of Count, its State that of Get, its Order that of ListDeletions
	after       threads.Cursor   // List, ListDeletions
	limit       int              // List, ListDeletions, Purge
	before, now time.Time        // PreviewPurge, Purge; now is also that of Restore
}

// String shows what matters of the arguments.
func (c call) String() string {
	when := func(t time.Time) string { return t.Format("15:04") }
	args := c.id
	switch c.method {
	case create, update:
		args = fmt.Sprintf("%s in %s, version %d, %q", c.thread.ID, threads.ScopeOf(c.thread.Organization), c.thread.Version, c.thread.Title)
	case get:
		args = fmt.Sprintf("%s, state %d", c.id, c.query.State)
	case list:
		args = fmt.Sprintf("%s, state %d, of %q, order %d, after %s %q, %d", c.query.Scope, c.query.State, c.query.Deletion, c.query.Order,
			when(c.after.Time), c.after.ID, c.limit)
	case listDeletions:
		args = fmt.Sprintf("order %d, after %s %q, %d", c.query.Order, when(c.after.Time), c.after.ID, c.limit)
	case count:
		args = c.query.Scope.String()
	case deleteOne:
		args = c.id + " by " + c.deletion.ID
	case softDeleteAll:
		args = fmt.Sprintf("%s by %s, key %q", c.deletion.Scope, c.deletion.ID, c.deletion.Key)
	case previewPurge:
		args = when(c.before)
	case purge:
		args = fmt.Sprintf("%s, now %s, %d", when(c.before), when(c.now), c.limit)
	}
	return fmt.Sprintf("%s(%s, %s)", c.method, c.user, args)
}

// answer is what a call returned.
type answer struct {
	class     string // of the error; empty: none
	threads   []threads.Thread
	deletions []threads.Deletion
	counts    threads.Counts
	restored  int64
	purged    threads.PurgeResult
}

// String shows what is in it.
func (a answer) String() string {
	if a.class != "" {
		return a.class
	}
	text := "ok"
	for _, t := range a.threads {
		text += fmt.Sprintf(" %s v%d %q", t.ID, t.Version, t.DeletionID)
	}
	for _, d := range a.deletions {
		text += fmt.Sprintf(" %s %d of %d", d.ID, d.Held, d.Count)
	}
	return text + fmt.Sprintf(" %+v %d %+v", a.counts, a.restored, a.purged)
}

// equal reports whether two answers are the same.
func (a answer) equal(b answer) bool {
	return a.class == b.class && a.counts == b.counts && a.restored == b.restored && a.purged == b.purged &&
		slices.EqualFunc(a.threads, b.threads, sameThread) && slices.Equal(a.deletions, b.deletions)
}

func sameThread(a, b threads.Thread) bool {
	return a.ID == b.ID && a.User == b.User && a.Organization == b.Organization && a.Assistant == b.Assistant &&
		a.Title == b.Title && maps.Equal(a.Metadata, b.Metadata) && a.Hidden == b.Hidden && a.PinnedAt.Equal(b.PinnedAt) &&
		a.CreatedAt.Equal(b.CreatedAt) && a.UpdatedAt.Equal(b.UpdatedAt) && a.LastActivityAt.Equal(b.LastActivityAt) &&
		a.Version == b.Version && a.DeletedAt.Equal(b.DeletedAt) && a.DeletionID == b.DeletionID
}

// classes are those of errors that a caller may meet, the narrow ones first.
var classes = []error{
	threads.ErrInvalid, threads.ErrVersionMismatch, threads.ErrKeyReused, threads.ErrNotFound, threads.ErrExists,
	threads.ErrPurged, threads.ErrClosed, threads.ErrUnknownOutcome, threads.ErrCorrupt, threads.ErrFull,
	threads.ErrNewerLayout, threads.ErrLocked, context.Canceled, context.DeadlineExceeded,
}

// classOf names the class of an error; of one without class it is the text.
func classOf(err error) string {
	if err == nil {
		return ""
	}
	for _, class := range classes {
		if errors.Is(err, class) {
			return class.Error()
		}
	}
	return "an error of no class: " + err.Error()
}

// play makes the call.
func (c call) play(ctx context.Context, s threads.Store) (a answer) {
	var err error
	var t threads.Thread
	var d threads.Deletion
	switch c.method {
	case create:
		err = s.Create(ctx, c.user, c.thread)
	case get:
		t, err = s.Get(ctx, c.user, c.id, c.query.State)
		a.threads = []threads.Thread{t}
	case update:
		err = s.Update(ctx, c.user, c.thread)
	case list:
		a.threads, err = s.List(ctx, c.user, c.query, c.after, c.limit)
	case count:
		a.counts, err = s.Count(ctx, c.user, c.query.Scope)
	case deleteOne:
		d, err = s.Delete(ctx, c.user, c.id, c.deletion)
		a.deletions = []threads.Deletion{d}
	case softDeleteAll:
		d, err = s.SoftDeleteAll(ctx, c.user, c.deletion)
		a.deletions = []threads.Deletion{d}
	case restore:
		a.restored, err = s.Restore(ctx, c.user, c.id, c.now)
	case restoreThread:
		t, err = s.RestoreThread(ctx, c.user, c.id)
		a.threads = []threads.Thread{t}
	case getDeletion:
		d, err = s.GetDeletion(ctx, c.user, c.id)
		a.deletions = []threads.Deletion{d}
	case listDeletions:
		a.deletions, err = s.ListDeletions(ctx, c.user, c.query.Order, c.after, c.limit)
	case previewPurge:
		var p threads.Preview
		p, err = s.PreviewPurge(ctx, c.user, c.before)
		a.purged = threads.PurgeResult{Threads: p.Threads, Deletions: p.Deletions}
	case purge:
		a.purged, err = s.Purge(ctx, c.user, c.before, c.now, c.limit)
	default:
		panic("no method " + c.method)
	}
	if err != nil { // what is beside an error means nothing but to Purge
		return answer{class: classOf(err), purged: a.purged}
	}
	return a
}
