package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// The classes of what this package itself refuses.
var (
	errMalformed = errors.New("malformed request")
	errNoRoute   = errors.New("no such path")
	errMethod    = errors.New("method not allowed")
	errSlowBody  = errors.New("body did not arrive in time")
	errTooLarge  = errors.New("body too large")
	errMediaType = errors.New("unsupported media type")
	errDenied    = errors.New("organization access denied")
	errTooMany   = errors.New("too many requests")
	errPanic     = errors.New("panic")
)

// class is how an error is answered.
type class struct {
	err     error // what it is, for errors.Is
	name    string
	status  int
	code    string
	message string // for the person in front of the client
	system  string // for the programmer of the client, unless the error has better words
}

const (
	badInput    = "Please check your input and try again."
	notSignedIn = "Please check your API key and try again."
	tryLater    = "The service is not available right now. Please try again later."
)

// classes is the one table from errors to answers. The first match counts: an
// unknown outcome stays one whatever it wraps, and what is wrong with the store
// or the time is never taken for a mistake of the client.
var classes = []class{
	{threads.ErrUnknownOutcome, "unknown_outcome", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"It is not known whether the request took effect. Look before deciding; a request with an Idempotency-Key can be repeated with the same."},
	{errPanic, "panic", http.StatusInternalServerError, internal.code, internal.message, internal.system},
	{threads.ErrCorrupt, "corrupt", http.StatusInternalServerError, internal.code, internal.message, internal.system},
	{threads.ErrClosed, "closed", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"The store is closed. Nothing was changed; the request can be repeated."},
	{threads.ErrLocked, "locked", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"Another process holds the store. Nothing was changed; the request can be repeated."},
	{threads.ErrFull, "full", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"The store has no room left. Nothing was changed; the request can be repeated."},
	{threads.ErrNewerLayout, "newer_layout", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"The store was written by a newer version. Nothing was changed; the request can be repeated."},
	{context.DeadlineExceeded, "timeout", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"The time for the request was up before it took effect. It can be repeated."},
	{context.Canceled, "canceled", http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", tryLater,
		"The request was given up before it took effect. It can be repeated."},

	{errMalformed, "malformed", http.StatusBadRequest, "INVALID_REQUEST", badInput, "The request is malformed."},
	{ErrNoCredentials, "no_credentials", http.StatusUnauthorized, "AUTHENTICATION_REQUIRED", notSignedIn,
		"The request has no credentials."},
	{ErrBadCredentials, "bad_credentials", http.StatusUnauthorized, "INVALID_API_KEY", notSignedIn,
		"The credentials are not valid."},
	{ErrExpiredCredentials, "expired_credentials", http.StatusUnauthorized, "API_KEY_EXPIRED", notSignedIn,
		"The credentials have expired."},
	{errTooMany, "too_many", http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED", "There were too many requests. Please try again later.", ""},
	{errDenied, "denied", http.StatusForbidden, "ORGANIZATION_ACCESS_DENIED", "You do not have access to this organization.",
		"The caller may not act in this organization."},
	{errNoRoute, "no_route", http.StatusNotFound, "RESOURCE_NOT_FOUND", "There is nothing here.",
		"No endpoint has this path. Paths are matched exactly, as they are sent."},
	{threads.ErrNotFound, "not_found", http.StatusNotFound, "RESOURCE_NOT_FOUND", "This could not be found.",
		"The user has nothing of that id."},
	{errMethod, "method", http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This cannot be done here.", ""},
	{errSlowBody, "slow_body", http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The request took too long. Please try again.",
		"The body of the request did not arrive in time."},
	{threads.ErrKeyReused, "key_reused", http.StatusUnprocessableEntity, "VALIDATION_ERROR", badInput,
		"The Idempotency-Key was used before, for another request."},
	{threads.ErrVersionMismatch, "version_mismatch", http.StatusPreconditionFailed, "PRECONDITION_FAILED",
		"This was changed meanwhile. Please look at it again.", "The version is another by now."},
	{threads.ErrConflict, "conflict", http.StatusConflict, "RESOURCE_CONFLICT", "This contradicts what is there.",
		"The request contradicts what is stored."},
	{threads.ErrExists, "exists", http.StatusConflict, "RESOURCE_CONFLICT", "This exists already.",
		"The user has something of that id already."},
	{threads.ErrPurged, "purged", http.StatusGone, "RESOURCE_PURGED", "This was removed for good.",
		"The purge of the deletion has begun, so it cannot be restored."},
	{errTooLarge, "too_large", http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", badInput, ""},
	{errMediaType, "media_type", http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", badInput, ""},
	{threads.ErrInvalid, "invalid", http.StatusUnprocessableEntity, "VALIDATION_ERROR", badInput, "An argument is invalid."},
}

// internal is the class of every other error.
var internal = class{
	name: "internal", status: http.StatusInternalServerError, code: "INTERNAL_ERROR",
	message: "Something went wrong. Please try again later.",
	system:  "An internal error. Its cause is in the server's log, under the trace id.",
}

func classOf(err error) class {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return c
		}
	}
	return internal
}

// kind is the "type" of the envelope.
func (c class) kind() string {
	switch {
	case c.status == http.StatusUnauthorized:
		return "authentication_error"
	case c.status == http.StatusForbidden:
		return "authorization_error"
	case c.status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case c.status == http.StatusUnprocessableEntity:
		return "validation_error"
	case c.status >= 500:
		return "server_error"
	}
	return "client_error"
}

// refusal is an error of this package with words for the client. It matches
// its class.
type refusal struct {
	class   error
	reason  string            // a sentence
	details map[string]string // nil: none
	header  [2]string         // a header of the answer; empty: none
}

func (e *refusal) Error() string { return fmt.Sprintf("%v: %s", e.class, e.reason) }
func (e *refusal) Unwrap() error { return e.class }

// malformed is a 400 about the part of the request that what and name say:
// "parameter", "header", "member".
func malformed(what, name, format string, args ...any) *refusal {
	return &refusal{class: errMalformed, reason: fmt.Sprintf(format, args...), details: map[string]string{what: echo(name)}}
}

// invalid is a 422 about a field, in the words that the domain has for its
// own.
func invalid(field, rule, given string) *threads.FieldError {
	return &threads.FieldError{Field: field, Rule: rule, Given: echo(given)}
}

// maxEcho bounds what an answer repeats of a request, in bytes. It leaves room
// for every valid identifier.
const maxEcho = 160

func echo(s string) string {
	if len(s) > maxEcho {
		return strings.ToValidUTF8(s[:maxEcho-3], "") + "..." // the cut may be in a character
	}
	return s
}

// envelope is the body of every answer that is not a success.
type envelope struct {
	Success bool          `json:"success"`
	Error   envelopeError `json:"error"`
}

type envelopeError struct {
	Code          string            `json:"code"`
	Message       string            `json:"message"`
	SystemMessage string            `json:"system_message"`
	Type          string            `json:"type"`
	Status        int               `json:"status"`
	Details       map[string]string `json:"details"`
	TraceID       string            `json:"trace_id"`
	Timestamp     string            `json:"timestamp"`
}

// refuse is the answer to a request that failed.
func (h *handler) refuse(x *exchange, err error) answer {
	c := classOf(err)
	a := answer{status: c.status}
	system, details := c.system, map[string]string{}
	var own *refusal
	var field *threads.FieldError
	switch {
	case c.status >= 500: // its cause is for the log alone
	case errors.As(err, &own):
		system = own.reason
		if own.details != nil {
			details = own.details
		}
		if own.header[0] != "" {
			a.header = append(a.header, own.header)
		}
	case errors.As(err, &field):
		system = fmt.Sprintf("Invalid %s format. %s", field.Field, field.Rule)
		details[field.Field] = field.Given
	}
	if c.status == http.StatusUnauthorized {
		a.header = append(a.header, [2]string{"WWW-Authenticate", h.challenge()})
	}
	a.body = envelope{Error: envelopeError{
		Code: c.code, Message: c.message, SystemMessage: system, Type: c.kind(), Status: c.status,
		Details: details, TraceID: x.trace, Timestamp: h.Now().UTC().Format(time.RFC3339),
	}}
	return a
}

// panicError is a panic on the way to an answer.
type panicError struct {
	value any
	stack []byte
}

// panicked makes an error of what recover returned.
func panicked(value any) error { return &panicError{value, debug.Stack()} }

func (e *panicError) Error() string        { return fmt.Sprintf("panic: %v", e.value) }
func (e *panicError) Is(target error) bool { return target == errPanic }

// aborted reports whether err is a panic with [http.ErrAbortHandler], by which
// a handler asks the server to drop the connection.
func aborted(err error) bool {
	var p *panicError
	if !errors.As(err, &p) {
		return false
	}
	value, ok := p.value.(error)
	return ok && errors.Is(value, http.ErrAbortHandler)
}
