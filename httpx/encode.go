package httpx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skein-go/skein/threads"
)

// answer is what goes back to the client.
type answer struct {
	status int
	header [][2]string // besides those of every answer
	body   any         // for encode; nil: none
	text   []byte      // instead of a body, of the Content-Type in header
}

// send writes the answer. That the client may be gone is no error of ours.
func (a answer) send(x *exchange) {
	header := x.w.Header()
	body := a.text
	if a.body != nil {
		body = encode(a.body)
		header.Set("Content-Type", "application/json")
	}
	header.Set("Cache-Control", "no-store") // caches do not know that X-API-Key makes an answer private
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Trace-Id", x.trace)
	for _, pair := range a.header {
		header.Set(pair[0], pair[1])
	}
	x.w.WriteHeader(a.status)
	_, _ = x.w.Write(body)
}

// encode returns v as compact JSON that means what it shows: no HTML escapes,
// no final newline. It panics if v is of a type that JSON cannot express,
// which is a mistake in this package.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("httpx: encode %T: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

type deletedObject struct {
	Deleted int64  `json:"deleted"`
	Message string `json:"message"`
}

type restoredObject struct {
	Restored int64  `json:"restored"`
	Message  string `json:"message"`
}

type pinnedObject struct {
	ID       string     `json:"id"`
	IsPinned bool       `json:"is_pinned"`
	PinnedAt *time.Time `json:"pinned_at"`
	Message  string     `json:"message"`
}

// deletionObject is the record of a deletion as clients see it.
type deletionObject struct {
	ID         string     `json:"id"`
	Object     string     `json:"object"`
	UserID     string     `json:"user_id"`
	Scope      string     `json:"scope"`     // as threads.Scope.String
	ThreadID   *string    `json:"thread_id"` // of the one thread, if it is the deletion of one
	DeletedAt  time.Time  `json:"deleted_at"`
	Count      int64      `json:"count"` // how many threads it deleted
	Held       int64      `json:"held"`  // and how many are still in it
	RestoredAt *time.Time `json:"restored_at"`
	PurgedAt   *time.Time `json:"purged_at"`
}

func newDeletionObject(d threads.Deletion) deletionObject {
	return deletionObject{
		ID: d.ID, Object: "deletion", UserID: d.User, Scope: d.Scope.String(), ThreadID: orNull(d.Thread),
		DeletedAt: d.DeletedAt, Count: d.Count, Held: d.Held,
		RestoredAt: orNull(d.RestoredAt), PurgedAt: orNull(d.PurgedAt),
	}
}

// threadObject is a thread as clients see it. Skein keeps no messages, so what
// is about them says that there are none.
type threadObject struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
	LastMessageAt  time.Time         `json:"last_message_at"`
	Metadata       map[string]string `json:"metadata"`
	AssistantID    *string           `json:"assistant_id"`
	OrganizationID *string           `json:"organization_id"`
	UserID         string            `json:"user_id"`
	Title          *string           `json:"title"`
	Status         string            `json:"status"`
	MessageCount   int               `json:"message_count"`
	VisibleInUI    bool              `json:"visible_in_ui"`
	LastModelUsed  *string           `json:"last_model_used"`
	IsPinned       bool              `json:"is_pinned"`
	PinnedAt       *time.Time        `json:"pinned_at"`
	SpaceIDs       []string          `json:"space_ids"`

	DeletedAt  *time.Time `json:"deleted_at,omitempty"`
	DeletionID string     `json:"deletion_id,omitempty"`
}

func newThreadObject(t threads.Thread) threadObject {
	return threadObject{
		ID: t.ID, Object: "thread",
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, LastMessageAt: t.LastActivityAt,
		Metadata: t.Metadata, AssistantID: orNull(t.Assistant), OrganizationID: orNull(t.Organization),
		UserID: t.User, Title: orNull(t.Title), Status: "inactive", VisibleInUI: !t.Hidden,
		IsPinned: !t.PinnedAt.IsZero(), PinnedAt: orNull(t.PinnedAt), SpaceIDs: []string{},
		DeletedAt: orNull(t.DeletedAt), DeletionID: t.DeletionID,
	}
}

// listObject is a page of threads or deletions.
type listObject[T any] struct {
	Object     string  `json:"object"`
	Data       []T     `json:"data"`
	FirstID    *string `json:"first_id"`
	LastID     *string `json:"last_id"`
	HasMore    bool    `json:"has_more"`
	Total      *int64  `json:"total,omitempty"`
	NextCursor *string `json:"next_cursor"`
}

// newListObject shows a page of things, each at its place. The next page is the
// one before it if the paging goes backwards.
func newListObject[T, O any](items []T, show func(T) O, place func(T) threads.Cursor, more, backwards bool) listObject[O] {
	list := listObject[O]{Object: "list", Data: []O{}, HasMore: more}
	for _, item := range items {
		list.Data = append(list.Data, show(item))
	}
	if len(items) == 0 {
		return list
	}
	first, last := place(items[0]), place(items[len(items)-1])
	list.FirstID, list.LastID = &first.ID, &last.ID
	switch {
	case more && backwards:
		list.NextCursor = orNull(first.String())
	case more:
		list.NextCursor = orNull(last.String())
	}
	return list
}

// orNull returns nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
