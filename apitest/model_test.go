package apitest_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// model is what the API promises, row by row: every thread says for itself
// whether it is deleted. It knows nothing of how a store does it.
type model map[string]*account // by user

type account struct {
	threads   map[string]*thread
	deletions map[string]*deletion
	keyed     map[string]string // the id of the thread that a key has made, by the key
}

type thread struct {
	id, organization, assistant, title string
	metadata                           map[string]string
	hidden, pinned                     bool
	version                            int64
	created                            time.Time
	deletion                           string // empty: live
}

type deletion struct {
	id, thread, key  string
	scope            []string // organizations, "" for personal; nil: all
	at               time.Time
	count            int64
	restored, purged bool
	purgedAt         time.Time
}

// caller is who makes a request.
type caller struct {
	key, user     string
	organizations []string // that the caller may act in, "" for personal threads; nil: all
}

func (c caller) may(organization string) bool {
	return c.organizations == nil || slices.Contains(c.organizations, organization)
}

func (c caller) mayAll(scope []string) bool {
	switch {
	case c.organizations == nil || scope == nil:
		return c.organizations == nil
	case len(c.organizations) == 0:
		return false // who may act on nothing is refused whatever it is
	}
	return !slices.ContainsFunc(scope, func(o string) bool { return !c.may(o) })
}

// call is a request that is valid by the description.
type call struct {
	operation string // the operationId
	id        string
	query     url.Values
	header    http.Header
	body      map[string]any
	at        time.Time // by when the store has done it
	newThread string    // what the ids will be, if there are any
	newDelete string
}

// outcome is what a call is to answer.
type outcome struct {
	status  int
	ids     []string // of a list, in order
	more    bool
	total   int // -1: none
	number  int64
	thread  *thread
	deleted string // the deletion named in the headers; empty: none
	etag    bool
}

func refused(status int) outcome { return outcome{status: status, total: -1} }

// apply answers a call, and does what it asks for.
func (m model) apply(c caller, x call) outcome {
	a := m[c.user]
	switch x.operation {
	case "getDescription":
		return outcome{status: 200, total: -1}
	case "listThreads":
		return a.listThreads(c, x)
	case "createThread":
		return a.create(c, x)
	case "deleteAllThreads":
		return a.deleteAll(c, x)
	case "listDeletions":
		return a.listDeletions(c, x)
	case "getDeletion", "listDeletionThreads", "restoreDeletion":
		return a.onDeletion(c, x)
	}
	return a.onThread(c, x)
}

func (a *account) onThread(c caller, x call) outcome {
	t := a.threads[x.id]
	switch {
	case t == nil:
		return refused(404)
	case !c.may(t.organization):
		return refused(403)
	case t.deletion != "" && x.operation != "restoreThread":
		return refused(404)
	}
	shown := outcome{status: 200, total: -1, thread: t, etag: true}
	switch x.operation {
	case "updateThread":
		return a.update(t, x)
	case "pinThread", "unpinThread":
		if pinned := x.operation == "pinThread"; t.pinned != pinned {
			t.pinned = pinned
			t.version++
		}
	case "deleteThread":
		d := &deletion{id: x.newDelete, thread: t.id, scope: []string{t.organization}, at: x.at, count: 1}
		a.deletions[d.id] = d
		t.deletion = d.id
		return outcome{status: 204, total: -1, deleted: d.id}
	case "restoreThread":
		if t.deletion != "" && a.deletions[t.deletion].purged {
			return refused(410)
		}
		t.deletion = ""
	}
	return shown
}

func (a *account) update(t *thread, x call) outcome {
	if tags, sent := x.header["If-Match"]; sent && strings.TrimSpace(tags[0]) != "*" {
		own := `"` + strconv.FormatInt(t.version, 10) + `"`
		if !slices.ContainsFunc(strings.Split(tags[0], ","), func(tag string) bool { return strings.TrimSpace(tag) == own }) {
			return refused(412)
		}
	}
	next := *t
	next.metadata = maps.Clone(t.metadata)
	for name, value := range x.body {
		switch name {
		case "title":
			next.title, _ = value.(string)
		case "assistant_id":
			next.assistant, _ = value.(string)
		case "visible_in_ui":
			next.hidden = value == false
		case "metadata":
			if value == nil {
				clear(next.metadata)
				continue
			}
			for k, v := range value.(map[string]any) {
				if v == nil {
					delete(next.metadata, k)
				} else {
					next.metadata[k] = v.(string)
				}
			}
		}
	}
	if len(next.metadata) > threads.MaxMetadataPairs {
		return refused(422)
	}
	if !next.says(t) {
		next.version++
	}
	*t = next
	return outcome{status: 200, total: -1, thread: t, etag: true}
}

// says reports whether two threads are alike in what a client can say.
func (t *thread) says(u *thread) bool {
	return t.title == u.title && t.assistant == u.assistant && t.organization == u.organization &&
		t.hidden == u.hidden && maps.Equal(t.metadata, u.metadata)
}

func (a *account) create(c caller, x call) outcome {
	t := &thread{id: x.newThread, metadata: map[string]string{}, version: 1, created: x.at}
	t.organization, _ = x.body["organization_id"].(string)
	t.title, _ = x.body["title"].(string)
	t.assistant, _ = x.body["assistant_id"].(string)
	t.hidden = x.body["visible_in_ui"] == false
	pairs, _ := x.body["metadata"].(map[string]any)
	for k, v := range pairs {
		t.metadata[k] = v.(string)
	}
	if !c.may(t.organization) {
		return refused(403)
	}
	if key := x.header.Get("Idempotency-Key"); key != "" {
		made, again := a.threads[a.keyed[key]]
		switch {
		case again && made.says(t):
			return outcome{status: 201, total: -1, thread: made, etag: true}
		case again && (made.version == 1 || made.organization != t.organization):
			return refused(422)
		case again:
			return refused(409)
		}
		if t.id = a.keyed[key]; t.id == "" {
			t.id = "?" // for the answer to say
		}
	}
	a.threads[t.id] = t
	return outcome{status: 201, total: -1, thread: t, etag: true}
}

func (a *account) deleteAll(c caller, x call) outcome {
	scope := c.organizations
	if organization := x.query.Get("organization_id"); organization != "" {
		scope = []string{organization}
	}
	if !c.mayAll(scope) {
		return refused(403)
	}
	key := x.header.Get("Idempotency-Key")
	for _, d := range a.deletions {
		if key != "" && d.key == key {
			if (d.scope == nil) != (scope == nil) || !slices.Equal(d.scope, scope) {
				return refused(422)
			}
			return outcome{status: 200, total: -1, number: d.count, deleted: d.id}
		}
	}
	d := &deletion{id: x.newDelete, scope: scope, key: key, at: x.at}
	for _, t := range a.threads {
		if t.deletion == "" && (scope == nil || slices.Contains(scope, t.organization)) {
			t.deletion = d.id
			d.count++
		}
	}
	if d.count == 0 && key == "" {
		return outcome{status: 200, total: -1}
	}
	a.deletions[d.id] = d
	return outcome{status: 200, total: -1, number: d.count, deleted: d.id}
}

func (a *account) onDeletion(c caller, x call) outcome {
	d := a.deletions[x.id]
	access := outcome{}
	switch {
	case d == nil:
		access = refused(404)
	case !c.mayAll(d.scope):
		access = refused(403)
	}
	if x.operation == "listDeletionThreads" {
		l, status := a.threadPlaces(c, x)
		if c.organizations != nil && access.status != 0 {
			return access
		}
		if status = cmp.Or(status, access.status); status != 0 {
			return refused(status)
		}
		return l.page(a.places(func(t *thread) bool { return t.deletion == d.id }), false)
	}
	if access.status != 0 {
		return access
	}
	if x.operation == "getDeletion" {
		return outcome{status: 200, total: -1}
	}
	if d.purged {
		return refused(410)
	}
	n := a.held(d.id)
	for _, t := range a.threads {
		if t.deletion == d.id {
			t.deletion = ""
		}
	}
	d.restored = true
	return outcome{status: 200, total: -1, number: n}
}

// held returns how many threads are in a deletion.
func (a *account) held(deletion string) (n int64) {
	for _, t := range a.threads {
		if t.deletion == deletion {
			n++
		}
	}
	return n
}

// listing is how a list is asked for.
type listing struct {
	after, before *threads.Cursor
	oldestFirst   bool
	limit         int
}

// threadPlaces reads a listing of threads; the status is 0 if it is good.
func (a *account) threadPlaces(c caller, x call) (listing, int) {
	return readListing(x, func(id string) (threads.Cursor, int) {
		t := a.threads[id]
		switch {
		case t == nil:
			return threads.Cursor{}, 422
		case !c.may(t.organization):
			return threads.Cursor{}, 403
		}
		return threads.Cursor{Time: t.created, ID: t.id}, 0
	})
}

func readListing(x call, find func(id string) (threads.Cursor, int)) (l listing, status int) {
	l = listing{limit: 20, oldestFirst: x.query.Get("order") == "asc"}
	if text := x.query.Get("limit"); text != "" {
		l.limit, _ = strconv.Atoi(text)
	}
	for name, place := range map[string]**threads.Cursor{"after": &l.after, "before": &l.before} {
		text := x.query.Get(name)
		if text == "" {
			continue
		}
		c, err := threads.ParseCursor(text)
		if err != nil {
			var found int
			if c, found = find(text); found != 0 && (status == 0 || name == "after") {
				status = found
			}
		}
		*place = &c
	}
	if status == 0 && l.after != nil && l.before != nil {
		status = 422
	}
	return l, status
}

// places returns where the threads are that match, oldest first.
func (a *account) places(match func(*thread) bool) (list []threads.Cursor) {
	for _, t := range a.threads {
		if match(t) {
			list = append(list, threads.Cursor{Time: t.created, ID: t.id})
		}
	}
	slices.SortFunc(list, threads.Cursor.Compare)
	return list
}

// page returns a page of what is at those places, oldest first.
func (l listing) page(all []threads.Cursor, total bool) outcome {
	o := outcome{status: 200, total: -1}
	if total {
		o.total = len(all)
	}
	if !l.oldestFirst {
		slices.Reverse(all)
	}
	compare := func(p, q threads.Cursor) int {
		if l.oldestFirst {
			return p.Compare(q)
		}
		return q.Compare(p)
	}
	var page []threads.Cursor
	for _, p := range all {
		if (l.after == nil || compare(p, *l.after) > 0) && (l.before == nil || compare(p, *l.before) < 0) {
			page = append(page, p)
		}
	}
	if o.more = len(page) > l.limit; o.more && l.before != nil {
		page = page[len(page)-l.limit:]
	} else if o.more {
		page = page[:l.limit]
	}
	o.ids = []string{}
	for _, p := range page {
		o.ids = append(o.ids, p.ID)
	}
	return o
}

func (a *account) listThreads(c caller, x call) outcome {
	organization := x.query.Get("organization_id")
	if organization != "" && !c.may(organization) || c.organizations != nil && len(c.organizations) == 0 {
		return refused(403)
	}
	l, status := a.threadPlaces(c, x)
	if status != 0 {
		return refused(status)
	}
	is := func(name string) bool { return x.query.Get(name) == "true" || x.query.Get(name) == "True" }
	return l.page(a.places(func(t *thread) bool {
		visible := x.query.Get("visible_in_ui")
		return c.may(t.organization) && (organization == "" || t.organization == organization) &&
			(t.deletion == "" || is("include_deleted")) &&
			(!x.query.Has("assistant_id") || t.assistant == x.query.Get("assistant_id")) &&
			(!x.query.Has("is_pinned") || t.pinned == is("is_pinned")) &&
			(visible == "any" || t.hidden == (visible == "false" || visible == "False"))
	}), is("include_total"))
}

func (a *account) listDeletions(c caller, x call) outcome {
	l, status := readListing(x, func(id string) (threads.Cursor, int) {
		d := a.deletions[id]
		switch {
		case d == nil:
			return threads.Cursor{}, 422
		case !c.mayAll(d.scope):
			return threads.Cursor{}, 403
		}
		return threads.Cursor{Time: d.at, ID: d.id}, 0
	})
	if status != 0 {
		return refused(status)
	}
	var all []threads.Cursor
	for _, d := range a.deletions {
		if c.mayAll(d.scope) {
			all = append(all, threads.Cursor{Time: d.at, ID: d.id})
		}
	}
	slices.SortFunc(all, threads.Cursor.Compare)
	return l.page(all, false)
}

// purge removes everything that was deleted before a time.
func (a *account) purge(before, now time.Time) {
	for id, d := range a.deletions {
		held := a.held(id)
		due := d.at
		if d.purged && held == 0 {
			due = d.purgedAt
		}
		switch {
		case !due.Before(before):
		case held == 0:
			delete(a.deletions, id)
		default:
			for thread, t := range a.threads {
				if t.deletion == id {
					delete(a.threads, thread)
				}
			}
			d.purged = true
			if d.purgedAt.IsZero() {
				d.purgedAt = now
			}
		}
	}
}

// readCall is what a request that is valid by the description asks for.
func readCall(o operation, r *http.Request, body string) (call, error) {
	x := call{operation: o.id, query: r.URL.Query(), header: r.Header}
	if o.hasID() {
		escaped := strings.Split(r.URL.EscapedPath(), "/")[3]
		id, err := url.PathUnescape(escaped)
		if err != nil {
			return x, err
		}
		x.id = id
	}
	if body != "" {
		if err := json.Unmarshal([]byte(body), &x.body); err != nil {
			return x, err
		}
	}
	return x, nil
}
