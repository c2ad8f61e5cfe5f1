package apitest_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// situations is what a request can be about, and who can send it.
var situations = []string{"own", "colleague", "forbidden", "deleted", "purging", "purged", "absent", "malformed", "no-key", "bad-key", "expired", "revoked"}

// matrix is the status that each operation answers in each situation, in the
// order of situations:
//
//	own        a live thread or a deletion of the caller, in an organization that the caller may act in
//	colleague  one of another user in the same organization
//	forbidden  one of the same user in an organization that this caller may not act in
//	deleted    a thread in the trash; the deletion that it is in
//	purging    a deletion of two threads of which one is purged; the thread that is left
//	purged     a thread that is gone; its deletion, of which the record is left
//	absent     an id that nobody has
//	malformed  an id that is none
//
// Operations without an id have what stands for it in their query or body: an
// organization, or a place in the list (listDeletions). There a dash says that
// there is no such request. The last four columns are about the credentials.
const matrix = `
                     own colleague forbidden deleted purging purged absent malformed  no-key bad-key expired revoked
listThreads          200 422       403       200     200     422    422    422        401    401     401     401
createThread         201 -         403       -       -       -      -      422        401    401     401     401
deleteAllThreads     200 -         403       -       -       -      200    422        401    401     401     401
getThread            200 404       403       404     404     404    404    422        401    401     401     401
updateThread         200 404       403       404     404     404    404    422        401    401     401     401
deleteThread         204 404       403       404     404     404    404    422        401    401     401     401
pinThread            200 404       403       404     404     404    404    422        401    401     401     401
unpinThread          200 404       403       404     404     404    404    422        401    401     401     401
restoreThread        200 404       403       200     410     404    404    422        401    401     401     401
listDeletions        200 422       403       200     200     200    422    422        401    401     401     401
getDeletion          200 404       403       200     200     200    404    422        401    401     401     401
listDeletionThreads  200 404       403       200     200     200    404    422        401    401     401     401
restoreDeletion      200 404       403       200     410     410    404    422        401    401     401     401
getDescription       200 -         -         -       -       -      -      -          200    200     200     200
`

// expectations reads the matrix: by operation and situation, 0 for none.
func expectations(t *testing.T) map[string]map[string]int {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	require.Equal(t, situations, strings.Fields(lines[0]))
	all := map[string]map[string]int{}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		require.Len(t, fields, len(situations)+1, line)
		row := map[string]int{}
		for i, situation := range situations {
			if cell := fields[i+1]; cell != "-" {
				status, err := strconv.Atoi(cell)
				require.NoError(t, err)
				row[situation] = status
			}
		}
		all[fields[0]] = row
	}
	return all
}

// furnish puts into the world what the situations are about. The id of each
// thing is the name of its situation: of a thread as it is, of a deletion with
// "del-" before it. Without the colleague, nobody has those ids.
func furnish(w *world, colleague bool) {
	ctx := context.Background()
	create := func(user, organization, id string) {
		_, err := w.service.Create(ctx, user, threads.Draft{ID: id, Organization: organization, Title: "of " + user})
		require.NoError(w.t, err)
	}
	remove := func(user string, scope threads.Scope, id string) {
		w.nextDelete = id
		_, err := w.service.SoftDeleteAll(ctx, user, scope)
		require.NoError(w.t, err)
	}
	create("ada", "org_a", "purged")
	remove("ada", threads.InOrganization("org_a"), "del-purged")
	create("ada", "org_a", "purging")
	create("ada", "org_a", "purging-too")
	remove("ada", threads.InOrganization("org_a"), "del-purging")
	r, err := w.service.Purge(ctx, "ada", w.now.Add(time.Millisecond), 2)
	require.NoError(w.t, err)
	require.Equal(w.t, threads.PurgeResult{Threads: 2, Deletions: 1, More: true}, r)
	// Which of the two is left is the store's choice.

	create("ada", "org_a", "deleted")
	remove("ada", threads.InOrganization("org_a"), "del-deleted")
	create("ada", "org_b", "in-del-forbidden")
	remove("ada", threads.InOrganization("org_b"), "del-forbidden")
	create("ada", "org_b", "forbidden")
	create("ada", "org_a", "in-del-own")
	remove("ada", threads.InOrganization("org_a"), "del-own")
	create("ada", "org_a", "own")
	create("ada", "", "own-personal")

	create("bob", "org_a", "other")
	remove("bob", threads.All(), "del-other")
	create("bob", "org_a", "other-2")
	if colleague {
		create("bob", "org_a", "in-del-colleague")
		remove("bob", threads.All(), "del-colleague")
		create("bob", "org_a", "colleague")
	}
	w.nextThread, w.nextDelete = "thrd_new", "del_new"
}

// about is the request of an operation in a situation.
func about(t *testing.T, w *world, o operation, situation, key string) message {
	t.Helper()
	m := message{method: o.method, target: o.path, headers: []string{"traceparent: 00-" + aTrace + "-b7ad6b7169203331-01"}}
	if key != "" {
		m.headers = append(m.headers, "X-API-Key: "+key)
	}
	id := situation
	switch {
	case slices.Contains(situations[8:], situation): // the credentials
		id = "own"
	case situation == "malformed":
		id = "\x00"
	case situation == "purging":
		if _, err := w.service.Get(context.Background(), "ada", id, threads.Both); err != nil {
			id = "purging-too"
		}
	}
	deletion := "del-" + strings.TrimSuffix(id, "-too")
	if id == "\x00" {
		deletion = id
	}
	organization := map[string]string{"own": "org_a", "forbidden": "org_b", "absent": "org_c", "malformed": "acme"}[situation]
	if organization == "" {
		organization = "org_a"
	}
	switch {
	case strings.HasPrefix(o.path, "/v1/deletions/{id}"):
		m.target = o.at(deletion)
	case o.hasID():
		m.target = o.at(id)
	case o.id == "listDeletions":
		m.target += "?after=" + escape(deletion)
	case o.id == "listThreads" && situation == "malformed", o.id == "deleteAllThreads":
		m.target += "?organization_id=" + organization
	case o.id == "listThreads":
		m.target += "?after=" + escape(id)
	case o.id == "createThread":
		m.body = fmt.Sprintf(`{"organization_id":%q}`, organization)
	}
	if o.id == "updateThread" {
		m.body = `{"title":"changed"}`
	}
	if m.body != "" {
		m.headers = append(m.headers, "Content-Type: application/json")
	}
	return m
}

// Every operation of the description in every situation has the status of the
// matrix. What is refused changes nothing, and what is done changes nothing of
// anyone else, nor of what the caller may not act on. A thread or deletion of
// a colleague is answered with the same bytes as one that nobody has.
func TestMatrix(t *testing.T) {
	c, want, keys := newChecker(t), expectations(t), newRing(t)
	all := keys.add(t, "ada", threads.Scope{})
	some := keys.add(t, "ada", threads.Union(threads.InOrganization("org_a"), threads.InOrganization("org_c"), threads.Personal()))
	credentials := map[string]string{"no-key": "", "bad-key": all + "x", "expired": keys.addExpired(t, "ada"), "revoked": keys.addRevoked(t, "ada")}
	codes := map[string]string{"no-key": "AUTHENTICATION_REQUIRED", "bad-key": "INVALID_API_KEY", "expired": "API_KEY_EXPIRED", "revoked": "INVALID_API_KEY"}
	require.Len(t, want, len(c.operations), "the matrix has a row for each operation")

	for _, store := range stores {
		for _, o := range c.operations {
			require.Contains(t, want, o.id, "the matrix has a row for each operation")
			for _, situation := range situations {
				status, ok := want[o.id][situation]
				if !ok {
					continue
				}
				for name, key := range map[string]string{"all": all, "some": some} {
					if situation == "forbidden" && name == "all" {
						continue // nothing is forbidden to it
					}
					if situation != "forbidden" && name == "some" && store.name != "memory" {
						continue // the organizations of a caller are no matter of the store
					}
					other, isCredential := credentials[situation]
					if isCredential {
						key = other
					}
					t.Run(strings.Join([]string{store.name, o.id, situation, name}, "/"), func(t *testing.T) {
						w := newWorld(t, c, store.open(t), keys)
						furnish(w, true)
						ada, bob := w.possessions("ada"), w.possessions("bob")
						m := about(t, w, o, situation, key)
						got := w.send(m)
						require.Equal(t, status, got.status, "%q = %s", m, got.body)
						require.Equal(t, bob, w.possessions("bob"), "nothing of another user is changed")
						if status >= 400 || o.method == "GET" {
							require.Equal(t, ada, w.possessions("ada"), "what is refused, or reads, changes nothing")
						} else if situation == "own" && !slices.Contains([]string{"restoreThread", "unpinThread"}, o.id) {
							require.NotEqual(t, ada, w.possessions("ada"), "what is done changes something")
						}
						if isCredential && !o.open {
							require.Contains(t, got.body, `"code":"`+codes[situation]+`"`)
						}
						_, err := w.service.Get(context.Background(), "ada", "forbidden", threads.Live)
						require.NoError(t, err, "what the caller may not act on, or did not name, is left alone")
						require.NotContains(t, got.body, "bob")

						if situation == "colleague" {
							w := newWorld(t, c, store.open(t), keys)
							furnish(w, false)
							require.Equal(t, w.send(m), got, "what a colleague has is answered like what nobody has")
						}
					})
				}
			}
		}
	}
}

// Without an organization, a delete is for everything that the caller may act
// on, and for no more.
func TestDeleteAllOfARestrictedCaller(t *testing.T) {
	c, keys := newChecker(t), newRing(t)
	some := keys.add(t, "ada", threads.Union(threads.InOrganization("org_a"), threads.Personal()))
	nothing := keys.add(t, "ada", threads.Union())
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			w := newWorld(t, c, store.open(t), keys)
			furnish(w, true)
			before, bob := w.possessions("ada"), w.possessions("bob")
			require.Equal(t, 403, w.send(message{method: "DELETE", target: "/v1/threads", headers: []string{"X-API-Key: " + nothing}}).status)
			require.Equal(t, before, w.possessions("ada"), "who may act on nothing deletes nothing")

			got := w.send(message{method: "DELETE", target: "/v1/threads", headers: []string{"X-API-Key: " + some}})
			require.Equal(t, `{"deleted":2,"message":"Successfully deleted 2 thread(s)"}`, got.body)
			_, err := w.service.Get(context.Background(), "ada", "forbidden", threads.Live)
			require.NoError(t, err)
			require.Equal(t, bob, w.possessions("bob"))

			got = w.send(message{method: "POST", target: got.header.Get("Skein-Undo"), headers: []string{"X-API-Key: " + some}})
			require.Equal(t, `{"restored":2,"message":"Successfully restored 2 thread(s)"}`, got.body)
		})
	}
}
