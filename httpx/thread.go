package httpx

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/skein-go/skein/threads"
)

// bare refuses what an endpoint without parameters and body does not take.
func (x *exchange) bare() error {
	if _, err := parseQuery(x.r.URL.RawQuery); err != nil {
		return err
	}
	return x.noBody()
}

// getThread is GET /v1/threads/{id}.
func (h *handler) getThread(x *exchange) (answer, error) {
	if err := x.bare(); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnThread(x, x.id); err != nil {
		return answer{}, err
	}
	t, err := h.service.Get(x.ctx, x.caller.User, x.id, threads.Live)
	if err != nil {
		return answer{}, err
	}
	if err := x.mayActOn(threads.ScopeOf(t.Organization)); err != nil {
		return answer{}, err
	}
	return x.showThread(http.StatusOK, t), nil
}

// updateThread is PATCH /v1/threads/{id}.
func (h *handler) updateThread(x *exchange) (answer, error) {
	if _, err := parseQuery(x.r.URL.RawQuery); err != nil {
		return answer{}, err
	}
	match, err := ifMatch(x.r)
	if err != nil {
		return answer{}, err
	}
	body, err := h.readJSON(x)
	if err != nil {
		return answer{}, err
	}
	patch, err := decodePatch(body)
	if err != nil {
		return answer{}, err
	}
	if err := h.mayActOnThread(x, x.id); err != nil {
		return answer{}, err
	}
	t, err := h.update(x, match, patch)
	if err != nil {
		return answer{}, err
	}
	return x.showThread(http.StatusOK, t), nil
}

// update changes the thread if its version is one of those.
func (h *handler) update(x *exchange, match versions, patch threads.Patch) (threads.Thread, error) {
	if match.any {
		t, err := h.service.Update(x.ctx, x.caller.User, x.id, threads.AnyVersion, patch)
		if errors.Is(err, threads.ErrVersionMismatch) { // a 412 is for those who have set a condition
			err = &refusal{class: threads.ErrConflict, reason: "Others change this all the time. Nothing was changed; the request can be repeated."}
		}
		return t, err
	}
	t, err := h.service.Get(x.ctx, x.caller.User, x.id, threads.Live)
	if err != nil {
		return threads.Thread{}, err
	}
	if !match.has(t.Version) {
		return threads.Thread{}, threads.ErrVersionMismatch
	}
	return h.service.Update(x.ctx, x.caller.User, x.id, t.Version, patch)
}

// pinThread is POST /v1/threads/{id}/pin. It can be repeated.
func (h *handler) pinThread(x *exchange) (answer, error) {
	return h.pin(x, true, "Thread pinned successfully")
}

// unpinThread is POST /v1/threads/{id}/unpin. It can be repeated.
func (h *handler) unpinThread(x *exchange) (answer, error) {
	return h.pin(x, false, "Thread unpinned successfully")
}

func (h *handler) pin(x *exchange, pinned bool, message string) (answer, error) {
	if err := cmp.Or(x.bare(), unconditional(x.r)); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnThread(x, x.id); err != nil {
		return answer{}, err
	}
	t, err := h.update(x, versions{any: true}, threads.Patch{Pinned: &pinned})
	if err != nil {
		return answer{}, err
	}
	x.note(slog.String("thread_id", t.ID))
	return answer{status: http.StatusOK, header: [][2]string{etag(t)}, body: pinnedObject{
		ID: t.ID, IsPinned: !t.PinnedAt.IsZero(), PinnedAt: orNull(t.PinnedAt), Message: message,
	}}, nil
}

// deleteThread is DELETE /v1/threads/{id}. Like the call for all it can be
// undone, and refuses what asks for something else.
func (h *handler) deleteThread(x *exchange) (answer, error) {
	if err := cmp.Or(x.bare(), unsupported(x.r)); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnThread(x, x.id); err != nil {
		return answer{}, err
	}
	d, err := h.service.Delete(x.ctx, x.caller.User, x.id)
	x.undo(d)
	if err != nil {
		return answer{}, err
	}
	x.note(slog.String("thread_id", d.Thread))
	return answer{status: http.StatusNoContent}, nil
}

// undo says in headers what was recorded, and how to undo it; after an unknown
// outcome too.
func (x *exchange) undo(d threads.Deletion) {
	if d.ID == "" {
		return
	}
	x.note(slog.String("deletion_id", d.ID))
	x.w.Header().Set("Skein-Deletion-Id", d.ID)
	if path, ok := undoPath(x.r, d.ID); ok {
		x.w.Header().Set("Skein-Undo", path)
	}
}

// restoreThread is POST /v1/threads/{id}/restore. It can be repeated.
func (h *handler) restoreThread(x *exchange) (answer, error) {
	if err := cmp.Or(x.bare(), unconditional(x.r)); err != nil {
		return answer{}, err
	}
	if err := h.mayActOnThread(x, x.id); err != nil {
		return answer{}, err
	}
	t, err := h.service.RestoreThread(x.ctx, x.caller.User, x.id)
	if err != nil {
		return answer{}, err
	}
	return x.showThread(http.StatusOK, t), nil
}

// showThread is the answer that shows a thread.
func (x *exchange) showThread(status int, t threads.Thread) answer {
	x.note(slog.String("thread_id", t.ID))
	return answer{status: status, header: [][2]string{etag(t)}, body: newThreadObject(t)}
}
