package httpx

import (
	"fmt"
	"log/slog"
	"net/http"
)

// restoreDeletion is POST /v1/deletions/{id}/restore. It needs no idempotency
// key: repeated, it restores nothing and says so.
func (h *handler) restoreDeletion(x *exchange) (answer, error) {
	if _, err := parseQuery(x.r.URL.RawQuery); err != nil {
		return answer{}, err
	}
	if err := x.noBody(); err != nil {
		return answer{}, err
	}
	x.note(slog.String("deletion_id", echo(x.id)))
	n, err := h.service.Restore(x.ctx, x.user, x.id)
	if err != nil {
		return answer{}, err
	}
	x.note(slog.Int64("restored", n))
	return answer{
		status: http.StatusOK,
		body:   restoredObject{n, fmt.Sprintf("Successfully restored %d thread(s)", n)},
	}, nil
}
