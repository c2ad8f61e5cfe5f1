package httpx

import (
	"cmp"
	"fmt"

	"github.com/skein-go/skein/threads"
)

// What the caller may not act on is a 403, and it is so before anything is
// read or changed. The scope of a deletion never changes, nor the organization
// of a thread: between the look and the act it could only be purged, and made
// anew under the same id by the same user.

// mayActOn refuses a scope that the caller's does not cover, and one that is
// invalid.
func (x *exchange) mayActOn(scope threads.Scope) error {
	if x.caller.Scope.Covers(scope) {
		return nil
	}
	if err := scope.Validate(); err != nil && x.caller.Scope.Validate() == nil {
		return err
	}
	details := map[string]string{}
	if list, all := scope.Organizations(); !all && len(list) == 1 && list[0] != "" {
		details["organization_id"] = echo(list[0])
	}
	return &refusal{class: errDenied, reason: "The caller may not act in this organization.", details: details}
}

// mayActOnThread refuses a thread of the user, live or deleted, in an
// organization that the caller may not act in.
func (h *handler) mayActOnThread(x *exchange, id string) error {
	if x.caller.Scope == threads.All() {
		return nil // whether there is one is for the call itself to say
	}
	t, err := h.service.Get(x.ctx, x.caller.User, id, threads.Both)
	if err != nil {
		return err
	}
	return x.mayActOn(threads.ScopeOf(t.Organization))
}

// mayActOnDeletion refuses a deletion of the user that was of more than the
// caller may act on. Its threads can still be restored one by one.
func (h *handler) mayActOnDeletion(x *exchange, id string) error {
	if x.caller.Scope == threads.All() {
		return nil
	}
	d, err := h.service.Deletion(x.ctx, x.caller.User, id)
	if err != nil {
		return err
	}
	return x.mayActOn(d.Scope)
}

// admit keeps the caller with the request, unless there have been too many.
func (h *handler) admit(x *exchange, caller Caller) error {
	x.caller = caller
	x.caller.Scope = cmp.Or(caller.Scope, threads.All())
	if h.Limiter == nil {
		return nil
	}
	wait, ok := h.Limiter.Allow(caller.User)
	if ok {
		return nil
	}
	return &refusal{
		class:  errTooMany,
		reason: "The user has made too many requests. Wait for as long as Retry-After says.",
		header: [2]string{"Retry-After", fmt.Sprint(seconds(wait))},
	}
}
