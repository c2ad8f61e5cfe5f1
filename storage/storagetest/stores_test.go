package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

// The stores here keep every rule: the model, which the histories trust; a
// journal, which persists; and one that does everything in a way that nobody
// would think of and no rule forbids.

func TestModelKeepsEveryRule(t *testing.T) {
	Run(t, Harness{Open: func(string) (threads.Store, error) { return &model{}, nil }})
}

func TestJournalKeepsEveryRule(t *testing.T) {
	Run(t, Harness{Persistent: true, Open: func(dir string) (threads.Store, error) {
		return openJournal(dir, func(*journal) {})
	}})
}

func TestOddStoreKeepsEveryRule(t *testing.T) {
	Run(t, Harness{Open: func(string) (threads.Store, error) { return newAltered(odd), nil }})
}

// odd makes a store slow, its rows come in random order, its purges begin
// with any thread of a deletion, its errors are deep inside others, its slices are
// longer than they look, and it returns nonsense beside an error.
func odd(a *altered) {
	random := rand.New(rand.NewPCG(1, 2))
	a.gone = func(string, string) bool { return true }
	a.around = func(ctx context.Context, method, user string, call func(context.Context) error) error {
		runtime.Gosched()
		err := call(ctx)
		a.mu.Lock()
		defer a.mu.Unlock()
		random.Shuffle(len(a.rows), func(i, j int) { a.rows[i], a.rows[j] = a.rows[j], a.rows[i] })
		random.Shuffle(len(a.deletions), func(i, j int) { a.deletions[i], a.deletions[j] = a.deletions[j], a.deletions[i] })
		if err != nil {
			err = oddError{fmt.Errorf("odd store: %w", oddError{fmt.Errorf("cannot %s: %w", method, err)})}
		}
		return err
	}
	get := a.get
	a.get = func(ctx context.Context, user, id string, state threads.State) (threads.Thread, error) {
		t, err := get(ctx, user, id, state)
		if err != nil {
			t = threads.Thread{ID: "nonsense", DeletionID: "nonsense"}
		}
		return t, err
	}
	list := a.list
	a.list = func(ctx context.Context, user string, q threads.Query, after threads.Cursor, limit int) ([]threads.Thread, error) {
		page, err := list(ctx, user, q, after, limit)
		if err != nil {
			return []threads.Thread{{ID: "nonsense"}}, err
		}
		return slices.Grow(append([]threads.Thread{}, page...), 7), nil
	}
	deletions := a.listDeletions
	a.listDeletions = func(ctx context.Context, user string, order threads.Order, after threads.Cursor, limit int) ([]threads.Deletion, error) {
		page, err := deletions(ctx, user, order, after, limit)
		return slices.Grow(append([]threads.Deletion{}, page...), 7), err
	}
	deleteAll := a.deleteAll
	a.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
		v, err := deleteAll(ctx, user, d)
		if err != nil {
			v = threads.Deletion{ID: "nonsense", Count: 1 << 40}
		}
		return v, err
	}
	restore := a.restore
	a.restore = func(ctx context.Context, user, id string, at time.Time) (int64, error) {
		n, err := restore(ctx, user, id, at)
		if err != nil {
			n = -1
		}
		return n, err
	}
	usersDue := a.usersDue
	a.usersDue = func(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
		users, err := usersDue(ctx, before, after, limit)
		return append(make([]string, 0, 9), users...), err
	}
	erase := a.erase
	a.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
		e, err := erase(ctx, user)
		e.Verified = append(e.Verified, "The moon is where it was.")
		e.Caveats = []string{"There may be backups."}
		return e, err
	}
}

// oddError has its cause, and shows it only to errors.Is and errors.As.
type oddError struct{ cause error }

func (oddError) Error() string   { return "it did not work" }
func (e oddError) Unwrap() error { return e.cause }
