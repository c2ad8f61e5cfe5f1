package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/skein-go/skein/threads"
)

// listThreads is GET /v1/threads.
func (h *handler) listThreads(x *exchange) (answer, error) {
	l, err := parseList(x.r.URL.RawQuery)
	if err != nil {
		return answer{}, err
	}
	if err := x.noBody(); err != nil {
		return answer{}, err
	}
	if l.query.Scope == threads.All() {
		l.query.Scope = x.caller.Scope
	}
	if err := x.mayActOn(l.query.Scope); err != nil {
		return answer{}, err
	}
	return h.list(x, l)
}

// list answers with a page of threads.
func (h *handler) list(x *exchange, l listRequest) (answer, error) {
	if err := l.places(func(field, text string) (threads.Cursor, error) { return h.threadPlace(x, field, text) }); err != nil {
		return answer{}, err
	}
	page, err := h.service.List(x.ctx, x.caller.User, l.query, l.paging)
	if err != nil {
		return answer{}, err
	}
	body := newListObject(page.Threads, newThreadObject, threads.Thread.Cursor, page.HasMore, l.before != "")
	if l.total {
		n, err := h.total(x, l.query)
		if err != nil {
			return answer{}, err
		}
		body.Total = &n
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// total returns how many threads the query matches on all pages. Stores count
// by scope and state alone. What differs only by being hidden or not is
// counted by walking over the others, for most threads are shown; what an
// assistant or a pin selects, by walking over that.
func (h *handler) total(x *exchange, q threads.Query) (int64, error) {
	if q.Assistant != "" || q.Pinned != nil {
		return h.walk(x, q)
	}
	n, err := h.service.Count(x.ctx, x.caller.User, q.Scope)
	if err != nil {
		return 0, err
	}
	all := n.Live
	if q.State == threads.Both {
		all += n.Deleted
	}
	if q.Hidden == nil {
		return all, nil
	}
	others := !*q.Hidden
	q.Hidden = &others
	left, err := h.walk(x, q)
	return max(0, all-left), err // threads may come and go between the two
}

// walk counts the threads that match one by one.
func (h *handler) walk(x *exchange, q threads.Query) (n int64, err error) {
	for _, err := range h.service.All(x.ctx, x.caller.User, q) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// listRequest is what GET /v1/threads is asked for.
type listRequest struct {
	query         threads.Query
	paging        threads.Paging // without its places
	after, before string         // cursors or thread ids; empty: none
	total         bool
}

// parseList reads the query of GET /v1/threads. What the domain checks, it
// leaves to the domain.
func parseList(raw string) (listRequest, error) {
	values, err := parseQuery(raw, "limit", "order", "after", "before", "organization_id", "assistant_id",
		"include_deleted", "visible_in_ui", "is_pinned", "include_total")
	if err != nil {
		return listRequest{}, err
	}
	p := parameters{values: values}
	l := listRequest{
		query:  threads.Query{Scope: threads.All(), Assistant: values["assistant_id"], Order: p.order()},
		paging: threads.Paging{Limit: p.limit()},
		after:  values["after"],
		before: values["before"],
		total:  p.flag("include_total", false),
	}
	if id := values["organization_id"]; id != "" {
		l.query.Scope = threads.InOrganization(id)
	}
	if p.flag("include_deleted", false) {
		l.query.State = threads.Both
	}
	if values["is_pinned"] != "" {
		pinned := p.flag("is_pinned", false)
		l.query.Pinned = &pinned
	}
	if values["visible_in_ui"] != "any" {
		hidden := !p.flag("visible_in_ui", true)
		l.query.Hidden = &hidden
	}
	return l, p.err
}

// parameters reads the values of a query, none of them empty, and keeps the
// first error.
type parameters struct {
	values map[string]string
	err    error
}

func (p *parameters) refuse(name, rule string) {
	if p.err == nil {
		p.err = invalid(name, rule, p.values[name])
	}
}

// flag takes True and False too, as Python writes them.
func (p *parameters) flag(name string, otherwise bool) bool {
	switch p.values[name] {
	case "":
		return otherwise
	case "true", "True":
		return true
	case "false", "False":
		return false
	}
	p.refuse(name, "Must be true or false")
	return otherwise
}

func (p *parameters) order() threads.Order {
	switch p.values["order"] {
	case "", "desc":
		return threads.NewestFirst
	case "asc":
		return threads.OldestFirst
	}
	p.refuse("order", "Must be asc or desc")
	return threads.NewestFirst
}

// limit is checked here, for a page may be put together from several.
func (p *parameters) limit() int {
	text := p.values["limit"]
	if text == "" {
		return threads.DefaultPage
	}
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || n < 1 || n > threads.MaxPage {
		p.refuse("limit", fmt.Sprintf("Must be between 1 and %d", threads.MaxPage))
	}
	return n
}

// places finds the places that after and before stand for.
func (l *listRequest) places(find func(field, text string) (threads.Cursor, error)) (err error) {
	if l.paging.After, err = find("after", l.after); err == nil {
		l.paging.Before, err = find("before", l.before)
	}
	return err
}

// threadPlace returns the place in a list that a cursor, or a thread of the
// user, live or deleted, stands for. The empty text is no place.
func (h *handler) threadPlace(x *exchange, field, text string) (threads.Cursor, error) {
	return place(field, text, "thread", func() (threads.Cursor, error) {
		if err := h.mayActOnThread(x, text); err != nil {
			return threads.Cursor{}, err
		}
		t, err := h.service.Get(x.ctx, x.caller.User, text, threads.Both)
		return t.Cursor(), err
	})
}

// deletionPlace does so in a list of deletions.
func (h *handler) deletionPlace(x *exchange, field, text string) (threads.Cursor, error) {
	return place(field, text, "deletion", func() (threads.Cursor, error) {
		if err := h.mayActOnDeletion(x, text); err != nil {
			return threads.Cursor{}, err
		}
		d, err := h.service.Deletion(x.ctx, x.caller.User, text)
		return d.Cursor(), err
	})
}

func place(field, text, kind string, of func() (threads.Cursor, error)) (threads.Cursor, error) {
	if text == "" {
		return threads.Cursor{}, nil
	}
	if c, err := threads.ParseCursor(text); err == nil {
		return c, nil
	}
	c, err := of()
	if errors.Is(err, threads.ErrNotFound) || errors.Is(err, threads.ErrInvalid) {
		return threads.Cursor{}, invalid(field, "Must be the id of a "+kind+" of the user, or a next_cursor", text)
	}
	return c, err
}
