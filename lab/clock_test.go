package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/threads"
)

// loose is a clock that stands still, steps back and leaps.
type loose struct {
	*rand.Rand
	now time.Time
}

func (l *loose) tick() time.Time {
	steps := []time.Duration{0, 0, time.Microsecond, time.Minute, 48 * time.Hour, -time.Microsecond, -time.Minute, -time.Hour, -72 * time.Hour}
	l.now = l.now.Add(steps[l.IntN(len(steps))])
	return l.now
}

// drift is a service under such a clock, and what it said.
type drift struct {
	t   *testing.T
	svc *threads.Service
	*rand.Rand
	clock *loose
	made  int

	said     []string
	keys     map[string]threads.Deletion // the first answer to each
	outcomes map[string]int
}

func newDrift(t *testing.T, store threads.Store, seed uint64) *drift {
	t.Helper()
	d := &drift{t: t, Rand: rand.New(rand.NewPCG(seed, 7)), keys: map[string]threads.Deletion{}, outcomes: map[string]int{}}
	d.clock = &loose{rand.New(rand.NewPCG(seed, 8)), at(0)}
	next := func(prefix string) func() string {
		return func() string { d.made++; return fmt.Sprint(prefix, d.made*7919%1000, "_", d.made) } // in no order
	}
	d.svc = threads.NewService(store, &threads.Options{Now: d.clock.tick, NewThreadID: next("thrd_"), NewDeletionID: next("del_")})
	return d
}

const drifter = "ada"

func (d *drift) say(format string, args ...any) {
	d.said = append(d.said, fmt.Sprintf(format, args...))
}

// list returns a list, and holds it to the total order.
func (d *drift) list(q threads.Query) (list []threads.Thread) {
	d.t.Helper()
	for th, err := range d.svc.All(d.t.Context(), drifter, q) {
		require.NoError(d.t, err)
		list = append(list, th)
	}
	strict := slices.IsSortedFunc(list, func(a, b threads.Thread) int {
		n := a.Cursor().Compare(b.Cursor())
		if n == 0 { // no two are in one place
			n = 1
			if q.Order == threads.NewestFirst {
				n = -1
			}
		}
		if q.Order == threads.NewestFirst {
			return -n
		}
		return n
	})
	require.Truef(d.t, strict, "List(%s) is in order: %v", drifter, list)
	return list
}

func (d *drift) deletions() []threads.Deletion {
	d.t.Helper()
	page, err := d.svc.Deletions(d.t.Context(), drifter, threads.Paging{Limit: threads.MaxPage})
	require.NoError(d.t, err)
	require.False(d.t, page.HasMore)
	return page.Deletions
}

// step makes one call, or two that undo each other.
func (d *drift) step() {
	d.t.Helper()
	ctx := d.t.Context()
	scope := []threads.Scope{threads.All(), threads.Personal(), threads.InOrganization("org_a")}[d.IntN(3)]
	switch n := d.IntN(100); {
	case n < 40:
		th, err := d.svc.Create(ctx, drifter, threads.Draft{Organization: []string{"", "org_a"}[d.IntN(2)], Pinned: n%2 == 0})
		require.NoError(d.t, err)
		d.say("created %+v", th)
	case n < 50:
		if live := d.list(threads.Query{Scope: scope}); len(live) > 0 {
			title := fmt.Sprint("title ", d.made)
			th, err := d.svc.Update(ctx, drifter, live[d.IntN(len(live))].ID, threads.AnyVersion, threads.Patch{Title: &title})
			require.NoError(d.t, err)
			d.say("updated %+v", th)
		}
	case n < 65:
		d.undo(scope)
	case n < 75:
		done, err := d.svc.SoftDeleteAll(ctx, drifter, scope)
		require.NoError(d.t, err)
		d.say("deleted %+v", done)
	case n < 85:
		d.keyed(scope)
	default:
		d.purge()
	}
}

// undo deletes all and restores that, and holds what is live to what was.
func (d *drift) undo(scope threads.Scope) {
	d.t.Helper()
	before := d.list(threads.Query{Scope: threads.All()})
	done, err := d.svc.SoftDeleteAll(d.t.Context(), drifter, scope)
	require.NoError(d.t, err)
	if done.ID == "" {
		return
	}
	require.Empty(d.t, d.list(threads.Query{Scope: scope}))
	n, err := d.svc.Restore(d.t.Context(), drifter, done.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, done.Count, n, "Restore(%s)", done.ID)
	require.Equal(d.t, before, d.list(threads.Query{Scope: threads.All()}), "what is live after an undo")
	d.say("undone %+v", done)
	d.outcomes["undone exactly"]++
}

// keyed deletes with a key, and holds the answer to the first with that key,
// for as long as there is its record.
func (d *drift) keyed(scope threads.Scope) {
	d.t.Helper()
	key := fmt.Sprint(scope, d.IntN(2))
	first, known := d.keys[key]
	if known {
		_, err := d.svc.Deletion(d.t.Context(), drifter, first.ID)
		known = err == nil
	}
	live := d.list(threads.Query{Scope: threads.All()})
	done, err := d.svc.SoftDeleteAll(d.t.Context(), drifter, scope, threads.WithIdempotencyKey(key))
	require.NoError(d.t, err)
	d.say("deleted %+v", done)
	if !known {
		d.keys[key] = done
		return
	}
	require.Equal(d.t, []any{first.ID, first.Count, first.DeletedAt}, []any{done.ID, done.Count, done.DeletedAt}, "a repeated key")
	require.Equal(d.t, live, d.list(threads.Query{Scope: threads.All()}), "what is live after a repeated key")
	d.outcomes["keys repeated"]++
}

// purge purges before some time, and holds what is left to the rule: what is
// not due is as it was, and what is due has gone. Of that the record stays
// until it is due itself.
func (d *drift) purge() {
	d.t.Helper()
	before := d.clock.now.Add(time.Duration(d.IntN(96)-72) * time.Hour)
	records := d.deletions()
	r, err := d.svc.Purge(d.t.Context(), drifter, before, threads.MaxPurge)
	require.NoError(d.t, err)
	now := d.clock.now // what the service handed in
	d.say("purged before %s: %+v", before, r)
	after := map[string]threads.Deletion{}
	for _, x := range d.deletions() {
		after[x.ID] = x
	}
	for _, x := range records {
		left, there := after[x.ID]
		switch {
		case !x.Due().Before(before):
			require.Truef(d.t, there, "the record of %+v, not due before %s, is there", x, before)
			require.Equal(d.t, x, left, "a deletion that is not due before %s", before)
			d.outcomes["left by a purge"]++
		case x.Held == 0 || now.Before(before):
			require.Falsef(d.t, there, "the record of %+v, purged before %s at %s, is there", x, before, now)
			d.outcomes["records purged"]++
		default:
			require.Truef(d.t, there, "the record of %+v, purged before %s at %s, is there", x, before, now)
			require.True(d.t, left.Emptied() && left.PurgedAt.Equal(now), "%+v is emptied at %s", left, now)
			_, err := d.svc.Restore(d.t.Context(), drifter, x.ID)
			require.ErrorIs(d.t, err, threads.ErrPurged)
			d.outcomes["threads purged, and told so"]++
		}
	}
}

// TestAClockThatStepsBackChangesNoRule plays the same use cases on every store
// under a clock that stands still, steps back and leaps.
func TestAClockThatStepsBackChangesNoRule(t *testing.T) {
	outcomes, runs := map[string]map[string]int{}, 0
	for _, seed := range seeds(t, 20, 500) {
		runs++
		var first []string
		for _, k := range kinds {
			d := newDrift(t, k.openIn(t, t.TempDir()), seed)
			for range 120 {
				d.step()
			}
			d.say("%+v", d.list(threads.Query{Scope: threads.All(), State: threads.Both, Order: threads.OldestFirst}))
			d.say("%+v", d.deletions())
			if first == nil {
				first = d.said
			}
			require.Equalf(t, first, d.said, "what %s says; %s", k.name, again(t, seed))
			if outcomes[k.name] == nil {
				outcomes[k.name] = map[string]int{}
			}
			for what, n := range d.outcomes {
				outcomes[k.name][what] += n
			}
		}
	}
	for _, k := range kinds {
		if runs > 1 {
			require.Len(t, outcomes[k.name], 5, "%s: every kind of outcome was there: %v", k.name, outcomes[k.name])
		}
		record(t, results.Result{Fault: "a clock that steps back", Store: k.name, Runs: runs, Outcomes: outcomes[k.name]})
	}
}
