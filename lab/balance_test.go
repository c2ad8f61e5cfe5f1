package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/threads"
)

// balance adds up what calls returned for one user, by scopes that do not
// overlap: one for each organization of a user whose calls are all narrow, or
// All.
type balance struct {
	user   string
	scopes []threads.Scope

	mu        sync.Mutex
	created   map[threads.Scope]int64
	restored  map[threads.Scope]int64
	purged    int64
	deletions []threads.Deletion          // in the order in which they were heard of
	known     map[string]threads.Deletion // the same by id; a key repeats its own
	outcomes  map[string]int
}

func newBalance(user string, narrow bool) *balance {
	l := &balance{
		user: user, scopes: []threads.Scope{threads.All()}, created: map[threads.Scope]int64{}, restored: map[threads.Scope]int64{},
		known: map[string]threads.Deletion{}, outcomes: map[string]int{},
	}
	if narrow {
		l.scopes = []threads.Scope{threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")}
	}
	return l
}

// account returns the scope of the balance that holds the other.
func (l *balance) account(s threads.Scope) threads.Scope {
	for _, own := range l.scopes {
		if own.Covers(s) {
			return own
		}
	}
	panic("a call of a narrow user was wide: " + s.String())
}

// noted counts how a call ended, and reports whether it succeeded.
func (l *balance) noted(t *testing.T, method string, err error, allowed ...error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.outcomes[method]++
		return true
	case errors.Is(err, context.Canceled):
		l.outcomes["cancelled"]++
		return false
	}
	for _, class := range allowed {
		if errors.Is(err, class) {
			l.outcomes["refused"]++
			return false
		}
	}
	t.Errorf("%s(%s) = %v; want success or one of %q", method, l.user, err, allowed)
	return false
}

func (l *balance) deleted(d threads.Deletion) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, again := l.known[d.ID]; d.ID != "" && !again {
		l.known[d.ID] = d
		l.deletions = append(l.deletions, d)
	}
}

// some returns one of the last deletions.
func (l *balance) some(back int) (threads.Deletion, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.deletions) <= back {
		return threads.Deletion{}, false
	}
	return l.deletions[len(l.deletions)-1-back], true
}

// work makes calls, and puts what they return into the balance. Now and then a
// call is cancelled on its way.
func (l *balance) work(t *testing.T, svc *threads.Service, r *rand.Rand, calls int, name string) {
	for i := range calls {
		ctx := t.Context()
		if r.IntN(10) == 0 {
			ctx = newCountdown(ctx, r.IntN(8))
		}
		scope := l.scopes[r.IntN(len(l.scopes))]
		if scope == threads.All() && r.IntN(3) > 0 {
			scope = []threads.Scope{threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b")}[r.IntN(3)]
		}
		switch n := r.IntN(100); {
		case n < 45:
			l.create(ctx, t, svc, scope, fmt.Sprint(name, ".", i))
		case n < 50:
			title := fmt.Sprint("by ", name)
			_, err := svc.Update(ctx, l.user, fmt.Sprint(name, ".", max(0, i-r.IntN(5))), threads.AnyVersion, threads.Patch{Title: &title})
			l.noted(t, "Update", err, threads.ErrNotFound, threads.ErrVersionMismatch)
		case n < 60:
			d, err := svc.Delete(ctx, l.user, fmt.Sprint(name, ".", max(0, i-r.IntN(5))))
			if l.noted(t, "Delete", err, threads.ErrNotFound) {
				l.deleted(d)
			}
		case n < 75:
			var opts []threads.DeleteOption
			if r.IntN(3) == 0 {
				opts = append(opts, threads.WithIdempotencyKey(fmt.Sprintf("%s %d", scope, i/8)))
			}
			d, err := svc.SoftDeleteAll(ctx, l.user, scope, opts...)
			if l.noted(t, "SoftDeleteAll", err) {
				l.deleted(d)
			}
		case n < 92:
			if d, ok := l.some(r.IntN(6)); ok {
				n, err := svc.Restore(ctx, l.user, d.ID)
				if l.noted(t, "Restore", err, threads.ErrNotFound, threads.ErrPurged) {
					l.mu.Lock()
					l.restored[l.account(d.Scope)] += n
					l.mu.Unlock()
				}
			}
		default:
			if d, ok := l.some(5 + r.IntN(10)); ok {
				p, err := svc.Purge(ctx, l.user, d.DeletedAt, 1+r.IntN(40))
				l.mu.Lock()
				l.purged += p.Threads // of a call that failed, too
				l.mu.Unlock()
				l.noted(t, "Purge", err)
			}
		}
	}
}

// create makes a thread in the scope, which is All only if any will do.
func (l *balance) create(ctx context.Context, t *testing.T, svc *threads.Service, scope threads.Scope, id string) {
	organization := ""
	if list, all := scope.Organizations(); !all {
		organization = list[0]
	}
	_, err := svc.Create(ctx, l.user, threads.Draft{ID: id, Organization: organization})
	if l.noted(t, "Create", err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.created[l.account(threads.ScopeOf(organization))]++
	}
}

// balance holds what there is against what calls returned.
func (l *balance) balance(t *testing.T, svc *threads.Service) {
	t.Helper()
	ctx := t.Context()
	deleted := map[threads.Scope]int64{}
	var trash int64
	for _, d := range l.deletions {
		deleted[l.account(d.Scope)] += d.Count
		trash += d.Count
	}
	for _, scope := range l.scopes {
		n, err := svc.Count(ctx, l.user, scope)
		require.NoError(t, err)
		assert.Equalf(t, l.created[scope]-deleted[scope]+l.restored[scope], n.Live,
			"Count(%s, %s).Live; of it %d were created, %d deleted and %d restored", l.user, scope, l.created[scope], deleted[scope], l.restored[scope])
		var listed int64
		for _, err := range svc.All(ctx, l.user, threads.Query{Scope: scope}) {
			require.NoError(t, err)
			listed++
		}
		assert.Equalf(t, n.Live, listed, "length of List(%s, %s)", l.user, scope)
		trash -= l.restored[scope]
	}
	n, err := svc.Count(ctx, l.user, threads.All())
	require.NoError(t, err)
	assert.Equalf(t, trash-l.purged, n.Deleted, "Count(%s, all).Deleted, %d having been purged", l.user, l.purged)
}

// TestEveryCountAddsUp has many users, each with several clients, create,
// delete, restore and purge at once: what is left is what the answers say.
func TestEveryCountAddsUp(t *testing.T) {
	users, clients, calls := 12, 4, 50
	if long() {
		users, clients, calls = 1_000, 8, 100
	}
	for _, k := range []kind{memoryKind, boltKind, smallBolt, sqliteKind, smallSQLite} {
		t.Run(strings.ReplaceAll(k.name, " ", "_"), func(t *testing.T) {
			outcomes, runs := map[string]int{}, 0
			for _, seed := range seeds(t, 2, 10) {
				runs++
				dir := t.TempDir()
				store := k.openIn(t, dir)
				svc := threads.NewService(store, nil)
				var balances []*balance
				var crowd sync.WaitGroup
				for u := range users {
					l := newBalance(fmt.Sprint("user", u), u%2 == 0)
					balances = append(balances, l)
					for c := range clients {
						r := rand.New(rand.NewPCG(seed, uint64(u*clients+c)))
						crowd.Go(func() { l.work(t, svc, r, calls, fmt.Sprint("c", c)) })
					}
				}
				crowd.Wait()
				balance := func(svc *threads.Service) {
					for _, l := range balances {
						l.balance(t, svc)
					}
				}
				balance(svc)
				check(t, store)
				if k.file != "" {
					require.NoError(t, store.Close())
					store = k.openIn(t, dir)
					balance(threads.NewService(store, nil))
				}
				require.NoError(t, store.Close())
				for _, l := range balances {
					for what, n := range l.outcomes {
						outcomes[what] += n
					}
				}
				if t.Failed() {
					t.Logf("%s", again(t, seed))
					return
				}
			}
			record(t, results.Result{Fault: fmt.Sprintf("%d users with %d clients each%s", users, clients, k.options()), Store: k.engine(), Runs: runs, Outcomes: outcomes})
		})
	}
}
