package httpx

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/skein-go/skein/threads"
)

// listDeletions is GET /v1/deletions, newest first.
func (h *handler) listDeletions(x *exchange) (answer, error) {
	values, err := parseQuery(x.r.URL.RawQuery, "limit", "after", "before")
	if err != nil {
		return answer{}, err
	}
	p := parameters{values: values}
	l := listRequest{paging: threads.Paging{Limit: p.limit()}, after: values["after"], before: values["before"]}
	if err := cmp.Or(p.err, x.noBody()); err != nil {
		return answer{}, err
	}
	if err := l.places(func(field, text string) (threads.Cursor, error) { return h.deletionPlace(x, field, text) }); err != nil {
		return answer{}, err
	}
	page, err := h.deletions(x, l.paging)
	if err != nil {
		return answer{}, err
	}
	return answer{
		status: http.StatusOK,
		body:   newListObject(page.Deletions, newDeletionObject, threads.Deletion.Cursor, page.HasMore, l.before != ""),
	}, nil
}

// deletions returns a page of those deletions that the caller may act on.
func (h *handler) deletions(x *exchange, p threads.Paging) (threads.DeletionPage, error) {
	if x.caller.Scope == threads.All() {
		return h.service.Deletions(x.ctx, x.caller.User, p)
	}
	var found threads.DeletionPage
	limit, backwards := p.Limit, !p.Before.IsZero()
	for p.Limit = threads.MaxPage; ; {
		page, err := h.service.Deletions(x.ctx, x.caller.User, p)
		if err != nil {
			return threads.DeletionPage{}, err
		}
		for i := range page.Deletions {
			if backwards {
				i = len(page.Deletions) - 1 - i
			}
			d := page.Deletions[i]
			if !x.caller.Scope.Covers(d.Scope) {
				continue
			}
			if found.HasMore = len(found.Deletions) == limit; found.HasMore {
				return found, nil
			}
			if backwards {
				found.Deletions = append([]threads.Deletion{d}, found.Deletions...)
			} else {
				found.Deletions = append(found.Deletions, d)
			}
		}
		if !page.HasMore {
			return found, nil
		}
		if backwards {
			p.Before = page.Deletions[0].Cursor()
		} else {
			p.After = page.Deletions[len(page.Deletions)-1].Cursor()
		}
	}
}

// getDeletion is GET /v1/deletions/{id}.
func (h *handler) getDeletion(x *exchange) (answer, error) {
	if err := x.bare(); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnDeletion(x, x.id); err != nil {
		return answer{}, err
	}
	d, err := h.service.Deletion(x.ctx, x.caller.User, x.id)
	if err != nil {
		return answer{}, err
	}
	x.note(slog.String("deletion_id", d.ID))
	return answer{status: http.StatusOK, body: newDeletionObject(d)}, nil
}

// listDeletion is GET /v1/deletions/{id}/threads: those that are still in it,
// hidden ones too.
func (h *handler) listDeletion(x *exchange) (answer, error) {
	values, err := parseQuery(x.r.URL.RawQuery, "limit", "order", "after", "before")
	if err != nil {
		return answer{}, err
	}
	p := parameters{values: values}
	l := listRequest{
		query:  threads.Query{Scope: x.caller.Scope, State: threads.Deleted, Deletion: x.id, Order: p.order()},
		paging: threads.Paging{Limit: p.limit()},
		after:  values["after"], before: values["before"],
	}
	if err := cmp.Or(p.err, x.noBody()); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnDeletion(x, x.id); err != nil {
		return answer{}, err
	}
	return h.list(x, l)
}

// restoreDeletion is POST /v1/deletions/{id}/restore. It needs no idempotency
// key: repeated, it restores nothing and says so.
func (h *handler) restoreDeletion(x *exchange) (answer, error) {
	if err := cmp.Or(x.bare(), unconditional(x.r)); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnDeletion(x, x.id); err != nil {
		return answer{}, err
	}
	n, err := h.service.Restore(x.ctx, x.caller.User, x.id)
	if err != nil {
		return answer{}, err
	}
	x.note(slog.String("deletion_id", x.id))
	x.note(slog.Int64("restored", n))
	return answer{
		status: http.StatusOK,
		body:   restoredObject{n, fmt.Sprintf("Successfully restored %d thread(s)", n)},
	}, nil
}
