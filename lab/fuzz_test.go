package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// reader takes choices out of bytes; beyond their end all are 0.
type reader struct{ left []byte }

func (r *reader) choose(n int) int {
	if len(r.left) == 0 {
		return 0
	}
	b := r.left[0]
	r.left = r.left[1:]
	return int(b) % n
}

// maxCalls bounds what one input does.
const maxCalls = 48

// decode makes calls of a user out of bytes: any bytes are some calls.
func decode(data []byte, user string) (calls []call) {
	r := &reader{data}
	methods := []string{
		create, create, create, update, get, list, count, deleteOne, softDeleteAll, restore, restoreThread, getDeletion, listDeletions, previewPurge, purge,
	}
	ids := []string{"t1", "t2", "é", "🧶", "T", "a/b", "", "x\x00"}
	scopes := []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.Union(threads.Personal(), threads.InOrganization("org_ab")), {}}
	flags := []*bool{nil, nil, new(bool), new(bool)}
	*flags[3] = true
	for len(r.left) > 0 && len(calls) < maxCalls {
		c := call{method: methods[r.choose(len(methods))], user: user, id: ids[r.choose(len(ids))]}
		deletion := func() string { return fmt.Sprint("d", max(0, len(calls)-r.choose(6))) }
		switch c.method {
		case create, update:
			c.thread = threads.Thread{
				ID: c.id, User: user, Organization: []string{"", "org_a", "org_ab", "no"}[r.choose(4)], Hidden: r.choose(2) == 1,
				Title: fmt.Sprint("by call ", len(calls)), Metadata: map[string]string{"n": fmt.Sprint(len(calls))},
				CreatedAt: at(r.choose(4)), UpdatedAt: at(len(calls)), LastActivityAt: at(len(calls)), Version: int64(r.choose(3)) + 1,
			}
			if r.choose(3) == 0 {
				c.thread.PinnedAt, c.thread.Assistant = at(1), "asst"
			}
		case get:
			c.query.State = threads.State(r.choose(4))
		case list:
			c.query = threads.Query{
				Scope: scopes[r.choose(len(scopes))], State: threads.State(r.choose(3)), Order: threads.Order(r.choose(2)),
				Pinned: flags[r.choose(4)], Hidden: flags[r.choose(4)], Assistant: []string{"", "", "asst"}[r.choose(3)],
			}
			if r.choose(4) == 0 {
				c.query.Deletion = deletion()
			}
			c.limit, c.after = r.choose(9), threads.Cursor{Time: at(r.choose(4)), ID: ids[r.choose(len(ids))]}
			if r.choose(2) == 0 {
				c.after = threads.Cursor{}
			}
		case count:
			c.query.Scope = scopes[r.choose(len(scopes))]
		case deleteOne, softDeleteAll:
			c.deletion = threads.Deletion{
				ID: fmt.Sprint("d", len(calls)), User: user, Scope: scopes[r.choose(len(scopes))], Key: []string{"", "", "", "k1", "k2"}[r.choose(5)], DeletedAt: at(r.choose(8)),
			}
			if r.choose(8) == 7 {
				c.deletion.ID = deletion()
			}
		case restore, getDeletion:
			c.id, c.now = deletion(), at(r.choose(8))
		case listDeletions:
			c.query.Order, c.limit, c.after = threads.Order(r.choose(3)), r.choose(9), threads.Cursor{Time: at(r.choose(8)), ID: deletion()}
			if r.choose(2) == 0 {
				c.after = threads.Cursor{}
			}
		case previewPurge, purge:
			c.before, c.now, c.limit = at(r.choose(10)), at(r.choose(10)), r.choose(6)
		}
		calls = append(calls, c)
	}
	return calls
}

// fuzzStores are the three stores, in files that are not synced where that can
// be said: nobody pulls the plug.
func fuzzStores(t testing.TB, dir string) map[string]threads.Store {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, boltKind.file), 0o600, &bbolt.Options{NoSync: true})
	require.NoError(t, err)
	ctx := context.Background() // for a fuzz target has none before it runs
	lentBolt, err := bolt.New(ctx, db, nil)
	require.NoError(t, err)
	ownSQLite, err := sqliteKind.open(ctx, dir)
	require.NoError(t, err)
	stores := map[string]threads.Store{"memory": memory.New(), "bolt": &lent{Store: lentBolt, host: db}, "sqlite": ownSQLite}
	t.Cleanup(func() {
		for name, s := range stores {
			require.NoError(t, s.Close(), name)
		}
	})
	return stores
}

// explain plays calls on a store and returns the first whose answer does not
// follow from the rules, or -1.
func explain(t *testing.T, store threads.Store, calls []call) (at int, got answer, want []outcome) {
	t.Helper()
	ways := []outcome{{}}
	for i, c := range calls {
		got := c.play(t.Context(), store)
		var next, possible []outcome
		for _, way := range ways {
			for _, end := range way.held.outcomes(c) {
				possible = append(possible, end)
				if end.answer.equal(got) {
					next = append(next, outcome{held: end.held})
				}
			}
		}
		if len(next) == 0 {
			return i, got, possible
		}
		ways = distinct(next)
	}
	return -1, answer{}, nil
}

// FuzzCalls makes calls out of any bytes, and holds the answers of every store
// to the rules, and so to each other's. Where a purge chooses what to remove,
// each store may choose for itself. "-fuzzminimizetime 5x" lets it try new
// inputs instead of making each as short as it can be, which is slow here.
func FuzzCalls(f *testing.F) {
	stores := fuzzStores(f, f.TempDir())
	for seed := range byte(4) {
		var data []byte
		for i := range byte(250) {
			data = append(data, i*(2*seed+13)+seed)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha256.Sum256(data)
		user := hex.EncodeToString(sum[:8]) // of no other input
		calls := decode(data, user)
		for _, name := range []string{"memory", "bolt", "sqlite"} {
			if at, got, want := explain(t, stores[name], calls); at >= 0 {
				t.Errorf("%s, after %v:\n%s = %v; want one of %v", name, calls[:at], calls[at], got, want)
			}
			_, err := stores[name].Erase(t.Context(), user) // for the input may come again
			require.NoError(t, err)
		}
	})
}

// TestEveryStoreAnswersByTheRules does what FuzzCalls does with random bytes.
func TestEveryStoreAnswersByTheRules(t *testing.T) {
	stores := fuzzStores(t, t.TempDir())
	for _, k := range kinds {
		outcomes, runs := map[string]int{}, 0
		for _, seed := range seeds(t, 40, 5_000) {
			runs++
			r := rand.New(rand.NewPCG(seed, 9))
			data := make([]byte, 400)
			for i := range data {
				data[i] = byte(r.UintN(256))
			}
			calls := decode(data, fmt.Sprint("user", seed))
			if at, got, want := explain(t, stores[k.name], calls); at >= 0 {
				t.Fatalf("%s, after %v:\n%s = %v; want one of %v\n%s", k.name, calls[:at], calls[at], got, want, again(t, seed))
			}
			outcomes["calls answered by the rules"] += len(calls)
		}
		record(t, results.Result{Fault: "random calls, one after another", Store: k.name, Runs: runs, Outcomes: outcomes})
	}
}

// TestFuzzCallsReachesEveryMethod is about the decoder: what it never makes is
// never tried.
func TestFuzzCallsReachesEveryMethod(t *testing.T) {
	made := map[string]bool{}
	for b := range 256 {
		for _, c := range decode([]byte{byte(b), 0, 0, 0}, "ada") {
			made[c.method] = true
		}
	}
	var missing []string
	for _, m := range []string{create, get, update, list, count, deleteOne, softDeleteAll, restore, restoreThread, getDeletion, listDeletions, previewPurge, purge} {
		if !made[m] {
			missing = append(missing, m)
		}
	}
	require.Empty(t, slices.Compact(missing))
}
