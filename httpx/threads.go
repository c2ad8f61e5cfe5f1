package httpx

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/skein-go/skein/threads"
)

// deleteThreads is DELETE /v1/threads.
func (h *handler) deleteThreads(x *exchange) (answer, error) {
	scope, err := deleteScope(x)
	if err != nil {
		return answer{}, err
	}
	if scope == threads.All() {
		scope = x.caller.Scope // everything that the caller may act on
	}
	if err := x.mayActOn(scope); err != nil {
		return answer{}, err
	}
	key, err := idempotencyKey(x.r.Header)
	if err != nil {
		return answer{}, err
	}
	var opts []threads.DeleteOption
	if key != "" {
		opts = append(opts, threads.WithIdempotencyKey(key))
	}
	d, err := h.service.SoftDeleteAll(x.ctx, x.caller.User, scope, opts...)
	x.undo(d)
	if err != nil {
		return answer{}, err
	}
	x.note(slog.Int64("deleted", d.Count))
	return answer{
		status: http.StatusOK,
		body:   deletedObject{d.Count, fmt.Sprintf("Successfully deleted %d thread(s)", d.Count)},
	}, nil
}

// createThread is POST /v1/threads.
func (h *handler) createThread(x *exchange) (answer, error) {
	if _, err := parseQuery(x.r.URL.RawQuery); err != nil {
		return answer{}, err
	}
	key, err := idempotencyKey(x.r.Header)
	if err != nil {
		return answer{}, err
	}
	body, err := h.readJSON(x)
	if err != nil {
		return answer{}, err
	}
	d, err := decodeDraft(body)
	if err != nil {
		return answer{}, err
	}
	if d.Organization == "" && h.RequireOrganization {
		return answer{}, invalid("organization_id", "Must be given", "")
	}
	if err := x.mayActOn(threads.ScopeOf(d.Organization)); err != nil {
		return answer{}, err
	}
	var t threads.Thread
	if key == "" {
		t, err = h.service.Create(x.ctx, x.caller.User, d)
	} else {
		t, err = h.createKeyed(x.ctx, x.caller.User, key, d)
	}
	if err != nil {
		if t.ID != "" { // its outcome is unknown
			x.note(slog.String("thread_id", t.ID))
		}
		return answer{}, err
	}
	return x.showThread(http.StatusCreated, t), nil
}
