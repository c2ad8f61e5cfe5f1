package apitest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// history is one random history of requests: of several users, with keys for
// all and for some organizations, to one server, held to the model.
type history struct {
	*world
	*drawer
	model   model
	callers []caller
	steps   int // done
	good    int // requests that were accepted
}

const steps = 60

// TestHistories sends random requests: valid, nearly valid and hostile. After
// each, the answer is valid by the description, and never a 500; it shows
// nothing of another user; and what there is of every user is what the model
// says. SKEIN_HISTORIES says how many histories each store has, SKEIN_SEED
// with which seed the first begins, to repeat one.
func TestHistories(t *testing.T) {
	first, many := number(t, "SKEIN_SEED", 1), number(t, "SKEIN_HISTORIES", 20)
	c, keys := newChecker(t), newRing(t)
	var callers []caller
	for _, user := range []string{"-ada-", "-bob-", "-eve-"} {
		callers = append(callers,
			caller{keys.add(t, user, threads.Scope{}), user, nil},
			caller{keys.add(t, user, threads.Union(threads.Personal(), threads.InOrganization("org_a"))), user, []string{"", "org_a"}},
			caller{keys.add(t, user, threads.InOrganization("org_b")), user, []string{"org_b"}},
			caller{keys.add(t, user, threads.Union()), user, []string{}},
		)
	}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			good, all := 0, 0
			for seed := first; seed < first+many; seed++ {
				if t.Failed() {
					return
				}
				t.Run(fmt.Sprint("SKEIN_SEED=", seed), func(t *testing.T) {
					h := &history{
						world: newWorld(t, c, store.open(t), keys), callers: callers, model: model{},
						drawer: &drawer{Rand: rand.New(rand.NewPCG(uint64(seed), 0)), description: c.description,
							ids:           []string{"thrd_absent", "..", "a/b", "é %?#", "restore", strings.Repeat("x", 128)},
							organizations: []string{"org_a", "org_b", "org_c"}},
					}
					for _, one := range callers {
						h.model[one.user] = &account{map[string]*thread{}, map[string]*deletion{}, map[string]string{}}
					}
					for range steps {
						h.step()
					}
					good, all = good+h.good, all+h.steps
				})
			}
			if !t.Failed() {
				require.Greater(t, good*4, all, "of %d requests %d were accepted: too few to see much", all, good)
			}
		})
	}
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// step sends one request, or purges.
func (h *history) step() {
	t := h.world.t
	t.Helper()
	h.steps++
	c := h.callers[h.IntN(len(h.callers))]
	if !h.oneIn(3) {
		c.key, c.organizations = h.callers[h.IntN(3)*4].key, nil // most may act on all
		c.user = h.callers[slices.IndexFunc(h.callers, func(o caller) bool { return o.key == c.key })].user
	}
	if h.oneIn(25) {
		h.purge(c.user)
		return
	}
	h.mark = c.user
	h.nextThread = fmt.Sprintf("thrd_%s%d%s", c.user, h.steps, pick(h.drawer, []string{"", "", "/", "?x", " é", "%2F"}))
	h.nextDelete = fmt.Sprintf("del_%s%d", c.user, h.steps)
	o := pick(h.drawer, h.operations)
	if h.oneIn(4) {
		often := pick(h.drawer, []string{"createThread", "createThread", "updateThread"})
		o = h.operations[slices.IndexFunc(h.operations, func(o operation) bool { return o.id == often })]
	}
	if strings.HasPrefix(o.path, "/v1/deletions") && !strings.HasSuffix(o.path, "/threads") {
		h.own = slices.Sorted(maps.Keys(h.model[c.user].deletions))
	} else {
		h.own = slices.Sorted(maps.Keys(h.model[c.user].threads))
	}
	m := h.request(o)
	valid := !h.oneIn(4)
	if !valid {
		m = h.spoilt(m)
	}
	key, refusal := c.key, 0
	if h.oneIn(30) {
		key, refusal = c.key+"x", 401
	}
	m.headers = append(m.headers, "X-API-Key: "+key)

	got := h.send(m)
	require.NotEqual(t, 500, got.status, "%q = %s", m, got.body)
	h.discreet(c, m, got)
	switch r, err := m.request(); {
	case got.status == 0:
	case err != nil:
		t.Fatalf("%q = %d; want it to be refused", m, got.status)
	case got.status == 401 && refusal == 401:
	case valid || got.status < 300:
		o, ok := h.find(r)
		require.True(t, ok, "%q is for an operation", m)
		require.True(t, refusal == 0 || o.open, "%q = %d; want 401", m, got.status)
		require.NoError(t, h.checker.request(r, []byte(m.body)), "%q was drawn from the description", m)
		x, err := readCall(o, r, m.body)
		require.NoError(t, err)
		x.at, x.newThread, x.newDelete = h.now, h.nextThread, h.nextDelete
		h.compare(m, got, h.model[c.user], x, h.model.apply(c, x))
	}
	if got.status >= 200 && got.status < 300 {
		h.good++
	}
	h.agree(m)
}

// purge removes what a user deleted some time ago.
func (h *history) purge(user string) {
	ctx, before := context.Background(), h.now.Add(-time.Duration(h.IntN(20))*time.Second)
	for more := true; more; {
		r, err := h.service.Purge(ctx, user, before, 1+h.IntN(3))
		require.NoError(h.world.t, err)
		more = r.More
	}
	h.model[user].purge(before, h.now)
	h.agree(message{method: "purge", target: user})
}

// compare holds an answer to what the model says.
func (h *history) compare(m message, got reply, a *account, x call, want outcome) {
	t := h.world.t
	t.Helper()
	require.Equal(t, want.status, got.status, "%q = %s", m, got.body)
	if got.status >= 300 || x.operation == "getDescription" {
		return
	}
	require.Equal(t, want.deleted, got.header.Get("Skein-Deletion-Id"), "%q", m)
	if want.deleted != "" {
		h.remember([]string{want.deleted}, nil)
	}
	if got.status == 204 {
		return
	}
	var body struct {
		ID         string            `json:"id"`
		UserID     string            `json:"user_id"`
		Title      *string           `json:"title"`
		Metadata   map[string]string `json:"metadata"`
		IsPinned   bool              `json:"is_pinned"`
		Visible    bool              `json:"visible_in_ui"`
		CreatedAt  time.Time         `json:"created_at"`
		Data       []struct{ ID, DeletionID string }
		HasMore    bool    `json:"has_more"`
		Total      *int    `json:"total"`
		NextCursor *string `json:"next_cursor"`
		Deleted    *int64  `json:"deleted"`
		Restored   *int64  `json:"restored"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	if u := want.thread; u != nil {
		if u.id == "?" { // made with a key: the answer says which id it has
			delete(a.threads, "?")
			u.id = body.ID
			a.threads[u.id], a.keyed[x.header.Get("Idempotency-Key")] = u, u.id
		}
		if x.operation == "createThread" && got.status == 201 && u.version == 1 && u.deletion == "" && !u.pinned {
			u.created = body.CreatedAt
		}
		require.Equal(t, u.id, body.ID, "%q", m)
		require.Equal(t, u.pinned, body.IsPinned, "%q", m)
		require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(u.version)), got.header.Get("Etag"), "%q", m)
		if body.UserID != "" {
			require.Equal(t, u.metadata, body.Metadata, "%q", m)
			require.Equal(t, u.hidden, !body.Visible, "%q", m)
			require.Equal(t, u.title != "", body.Title != nil && *body.Title == u.title, "%q", m)
		}
		h.remember([]string{u.id}, nil)
	}
	if want.ids != nil {
		ids := []string{}
		for _, one := range body.Data {
			ids = append(ids, one.ID)
		}
		require.Equal(t, want.ids, ids, "%q", m)
		require.Equal(t, want.more, body.HasMore, "%q", m)
		require.Equal(t, want.more, body.NextCursor != nil, "%q", m)
		if want.more {
			end := ids[len(ids)-1]
			if x.query.Has("before") {
				end = ids[0]
			}
			place, err := threads.ParseCursor(*body.NextCursor)
			require.NoError(t, err, "%q", m)
			require.Equal(t, end, place.ID, "where next_cursor leads after %q", m)
		}
		if want.total >= 0 {
			require.Equal(t, want.total, *body.Total, "%q", m)
		}
		h.remember(ids, body.NextCursor)
	}
	if body.Deleted != nil {
		require.Equal(t, want.number, *body.Deleted, "%q", m)
	}
	if body.Restored != nil {
		require.Equal(t, want.number, *body.Restored, "%q", m)
	}
}

// discreet checks that an answer says nothing of another user that the request
// did not say: everything that is a user's has the user in it.
func (h *history) discreet(c caller, m message, got reply) {
	t := h.world.t
	t.Helper()
	said := m.String()
	for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		for _, piece := range []string{m.target, m.String()} {
			if text, err := decode(piece); err == nil {
				said += text
			}
		}
	}
	heard := fmt.Sprint(got.header, got.body)
	var list struct {
		NextCursor string `json:"next_cursor"`
	}
	if json.Unmarshal([]byte(got.body), &list) == nil && list.NextCursor != "" {
		place, err := threads.ParseCursor(list.NextCursor)
		require.NoError(t, err, "next_cursor can be used")
		heard += place.ID
	}
	for user := range h.model {
		if user != c.user && !strings.Contains(said, user) {
			require.NotContains(t, heard, user, "%q, by %s", m, c.user)
		}
	}
}

// agree checks that what there is of every user is what the model says.
func (h *history) agree(m message) {
	t := h.world.t
	t.Helper()
	for user, a := range h.model {
		p := h.possessions(user)
		require.Len(t, p.Threads, len(a.threads), "threads of %s after %q", user, m)
		for _, got := range p.Threads {
			want := a.threads[got.ID]
			require.NotNil(t, want, "thread %s of %s after %q", got.ID, user, m)
			require.Equal(t, thread{
				got.ID, got.Organization, got.Assistant, got.Title, got.Metadata, got.Hidden, !got.PinnedAt.IsZero(), got.Version, got.CreatedAt, got.DeletionID,
			}, *want, "thread of %s after %q", user, m)
		}
		require.Len(t, p.Deletions, len(a.deletions), "deletions of %s after %q", user, m)
		for _, got := range p.Deletions {
			want := a.deletions[got.ID]
			require.NotNil(t, want, "deletion %s of %s after %q", got.ID, user, m)
			scope := threads.All()
			if want.scope != nil {
				var parts []threads.Scope
				for _, o := range want.scope {
					parts = append(parts, threads.ScopeOf(o))
				}
				scope = threads.Union(parts...)
			}
			held := a.held(got.ID)
			require.Equal(t, threads.Deletion{
				ID: want.id, User: user, Scope: scope, Thread: got.Thread, Key: want.key, DeletedAt: want.at, Count: want.count, Held: held,
				RestoredAt: got.RestoredAt, PurgedAt: got.PurgedAt,
			}, got, "deletion of %s after %q", user, m)
			require.Equal(t, held > 0 && want.thread != "", got.Thread != "", "the thread that deletion %s names after %q", got.ID, m)
			require.Equal(t, want.restored, !got.RestoredAt.IsZero(), "whether deletion %s was restored after %q", got.ID, m)
			require.Equal(t, want.purged, !got.PurgedAt.IsZero(), "whether deletion %s is purged after %q", got.ID, m)
		}
	}
}
