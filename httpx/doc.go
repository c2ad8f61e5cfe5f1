// Package httpx serves a [threads.Service] over HTTP.
//
// [New] returns a handler for DELETE /v1/threads, the main job, and the other
// endpoints under /v1. Serve it alone, or beside what a host has already, under
// a prefix, with [Mount]: an [http.ServeMux] redirects paths that are not
// clean, and a redirected delete is not the one that was asked for. Who calls is for the host to say, with an
// [Authenticator]; package apikey has one for API keys.
//
// GET /v1/openapi.yaml is the description of them all ([OpenAPI]), without
// credentials.
//
// # A destructive call never guesses
//
// DELETE /v1/threads without the parameter organization_id deletes the threads
// of every organization. Whatever else could be a narrower request gone wrong
// is refused with a 4xx and deletes nothing:
//
//   - a parameter that is empty, repeated, misspelt or malformed; a '?' with
//     nothing after it;
//   - a body;
//   - an organization named in a header or cookie and not in the query, or
//     another one in a header than in the query;
//   - a path or query that was longer before a redirect, a proxy or middleware,
//     as far as the request tells;
//   - a precondition, range, trial run or method override, for they ask for
//     something that this call does not do.
//
// (A body that [net/http] does not take for one it does not see either: bytes
// without a length, or in chunks over HTTP/1.0.) A host whose middleware takes
// parameters out of the query must take them out of [http.Request.RequestURI]
// too, or a call for everything is refused.
//
// # Order of checks
//
// The path, then the method, then the credentials, then the rest. So 404 and
// 405 tell only what this documentation tells; everything about a user is
// behind the credentials. Paths are matched as they were sent: a path that
// needs cleaning or decoding to be an endpoint is not one.
//
// # Answers
//
// Every answer but the description is compact JSON without a final newline;
// every one carries Trace-Id:
// the trace id of the caller's traceparent header if that is valid, and else a
// random one. An error has the envelope
//
//	{"success":false,"error":{"code","message","system_message","type","status","details","trace_id","timestamp"}}
//
// with all members always there. What the handler does not know is a 500 whose
// cause is in the log and not in the answer. A thread or deletion of another
// user and one that never was answer alike.
//
// What DELETE /v1/threads recorded is named in the header Skein-Deletion-Id,
// and Skein-Undo is the path to POST to for undoing it.
//
// # Idempotency-Key
//
// A key belongs to one method and path.
//
// On DELETE /v1/threads, a repeated key gets the first call's answer and
// deletes nothing newer; with another scope it is a 422. The key lives as long
// as the record of the deletion.
//
// On POST /v1/threads, the id of the thread follows from user and key, and the
// key lives as long as the thread, live or deleted. A repeated key never makes
// a second thread: if the thread still says what the request says, it is the
// answer, as it is now (with deleted_at, if it was deleted since); if it was
// never changed and says something else, the key belongs to another request,
// 422; if it was changed, nobody can tell any more which request made it, and
// the answer is a 409 that names it.
//
// # Lists
//
// GET /v1/threads lists threads that are not hidden; visible_in_ui=false lists
// the hidden ones, and visible_in_ui=any both. after and before take the id of
// a thread or a next_cursor, which stays good when its thread is purged. With
// before, next_cursor is for the next request with before.
//
// include_total is exact unless threads come or go while it is made. It costs
// nothing with visible_in_ui=any; by default it walks over the hidden threads,
// which are taken to be few; with assistant_id or is_pinned, over what these
// select.
//
// # Limits
//
// The handler bounds the body, the page and the time of each request: the
// context it hands to the service ends, and so does its patience with a body
// that does not arrive. It sets the read deadline of connections for that; a
// middleware whose ResponseWriter has no Unwrap keeps it from doing so, and
// the server's ReadTimeout is then the bound. Time for writing the answer is
// the server's WriteTimeout.
//
// How many requests a user may make is for a [Limiter] to say; package
// ratelimit has one, and without any there is no limit. It is asked when the
// caller is known, so that nobody uses up what is another's. CORS, TLS, and
// what strangers send, are the host's.
//
// # Log
//
// Each request that reaches the handler is one line, written before the answer
// is sent: trace id, user, method, route, status, duration, and what applies of
// thread, deletion, how many were deleted or restored, class and cause of the
// error. No line holds a credential, a header, a query or a body. For metrics,
// [Options.Observe] is called with much the same; examples/metrics hands it to
// Prometheus.
package httpx
