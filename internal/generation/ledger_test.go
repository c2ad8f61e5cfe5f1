package generation_test

import (
	"reflect"
	"testing"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// liveOf, deletedIn and singlesOf are generations in short.
func liveOf(organization string, id uint64, n int64) generation.Generation {
	return generation.Generation{ID: id, Organization: organization, State: generation.Live, Threads: n}
}

func deletedIn(deletion, organization string, id uint64, n int64) generation.Generation {
	return generation.Generation{ID: id, Organization: organization, State: generation.Deleted, Deletion: deletion, Threads: n}
}

func singlesOf(organization string, id uint64, n int64) generation.Generation {
	return generation.Generation{ID: id, Organization: organization, State: generation.Singles, Threads: n}
}

type ledger = generation.Ledger

// The history of one organization, plan by plan.
func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name string
		got  generation.Plan
		want generation.Plan
	}{
		{
			"the first thread opens a generation",
			ledger{}.Create("org_a", 7),
			generation.Plan{Put: ledger{liveOf("org_a", 7, 1)}, Into: 7, Threads: 1, Recount: true},
		},
		{
			"the next joins the youngest live one of its organization",
			ledger{liveOf("org_a", 7, 4), liveOf("org_a", 9, 1), liveOf("org_b", 11, 1), deletedIn("d1", "org_a", 12, 3)}.Create("org_a", 13),
			generation.Plan{Put: ledger{liveOf("org_a", 9, 2)}, Into: 9, Threads: 1, Recount: true},
		},
		{
			"a personal thread joins no organization's",
			ledger{liveOf("org_a", 7, 4)}.Create("", 8),
			generation.Plan{Put: ledger{liveOf("", 8, 1)}, Into: 8, Threads: 1, Recount: true},
		},
		{
			"deleting all rewrites the live records of the scope, and no more",
			ledger{liveOf("org_a", 7, 4), singlesOf("org_a", 8, 2), liveOf("org_b", 9, 5), deletedIn("d1", "org_a", 10, 6), liveOf("org_a", 11, 1_000_000)}.
				DeleteAll(threads.InOrganization("org_a"), "d2"),
			generation.Plan{Put: ledger{deletedIn("d2", "org_a", 7, 4), deletedIn("d2", "org_a", 11, 1_000_000)}, Threads: 1_000_004},
		},
		{
			"deleting all of nothing is no work",
			ledger{liveOf("org_b", 9, 5), deletedIn("d1", "", 10, 6)}.DeleteAll(threads.Personal(), "d2"),
			generation.Plan{},
		},
		{
			"deleting all of no scope is no work",
			ledger{liveOf("org_b", 9, 5), liveOf("", 10, 6)}.DeleteAll(threads.Scope{}, "d2"),
			generation.Plan{},
		},
		{
			"the first thread deleted singly opens the singles",
			ledger{liveOf("org_a", 7, 4), singlesOf("org_b", 8, 2)}.DeleteOne(7, 9),
			generation.Plan{Put: ledger{liveOf("org_a", 7, 3), singlesOf("org_a", 9, 1)}, Into: 9, Threads: 1, Recount: true},
		},
		{
			"the last thread of a generation leaves it to be dropped",
			ledger{liveOf("org_a", 7, 1), singlesOf("org_a", 8, 2)}.DeleteOne(7, 9),
			generation.Plan{Put: ledger{liveOf("org_a", 7, 0), singlesOf("org_a", 8, 3)}, Into: 8, Threads: 1, Recount: true},
		},
		{
			"one thread restored joins the live ones",
			ledger{deletedIn("d1", "org_a", 7, 4), liveOf("org_a", 8, 2)}.RestoreOne(7, 9),
			generation.Plan{Put: ledger{deletedIn("d1", "org_a", 7, 3), liveOf("org_a", 8, 3)}, Into: 8, Threads: 1, Recount: true},
		},
		{
			"purged threads leave their generation",
			ledger{deletedIn("d1", "org_a", 7, 4)}.Remove(7, 4),
			generation.Plan{Put: ledger{deletedIn("d1", "org_a", 7, 0)}, Threads: 4, Recount: true},
		},
	} {
		if !samePlan(c.got, c.want) {
			t.Errorf("%s: the plan is %+v; want %+v", c.name, c.got, c.want)
		}
	}
}

func TestRestorePlans(t *testing.T) {
	for _, c := range []struct {
		name  string
		given ledger
		small int64
		want  generation.Plan
	}{
		{
			"where nothing is live, the record is rewritten and no thread touched",
			ledger{deletedIn("d1", "org_a", 1, 1_000_000)}, 10,
			generation.Plan{Put: ledger{liveOf("org_a", 1, 1_000_000)}, Threads: 1_000_000},
		},
		{
			"a small deleted one is moved into a large live one",
			ledger{deletedIn("d1", "org_a", 1, 10), liveOf("org_a", 2, 500)}, 10,
			generation.Plan{
				Put:   ledger{{ID: 1, Organization: "org_a", State: generation.Deleted, Deletion: "d1"}, liveOf("org_a", 2, 510)},
				Moves: []generation.Move{{From: 1, To: 2}}, Threads: 10,
			},
		},
		{
			"a small live one is moved into a large deleted one",
			ledger{deletedIn("d1", "org_a", 1, 500), liveOf("org_a", 2, 10)}, 10,
			generation.Plan{
				Put:   ledger{{ID: 2, Organization: "org_a", State: generation.Live}, liveOf("org_a", 1, 510)},
				Moves: []generation.Move{{From: 2, To: 1}}, Threads: 500,
			},
		},
		{
			"two large ones stay apart, and the live one is not written",
			ledger{deletedIn("d1", "org_a", 1, 500), liveOf("org_a", 2, 11)}, 10,
			generation.Plan{Put: ledger{liveOf("org_a", 1, 500)}, Threads: 500},
		},
		{
			"the smallest of all organizations go first, to the limit",
			ledger{
				deletedIn("d1", "org_a", 1, 7), liveOf("org_a", 2, 100),
				deletedIn("d1", "org_b", 3, 3), liveOf("org_b", 4, 100),
				deletedIn("d1", "org_c", 5, 8), liveOf("org_c", 6, 100),
			}, 10,
			generation.Plan{
				Put: ledger{
					{ID: 3, Organization: "org_b", State: generation.Deleted, Deletion: "d1"}, liveOf("org_b", 4, 103),
					{ID: 1, Organization: "org_a", State: generation.Deleted, Deletion: "d1"}, liveOf("org_a", 2, 107),
					liveOf("org_c", 5, 8),
				},
				Moves: []generation.Move{{From: 3, To: 4}, {From: 1, To: 2}}, Threads: 18,
			},
		},
		{
			"other deletions, singles and organizations not concerned stay as they are",
			ledger{
				deletedIn("d1", "org_a", 1, 2), deletedIn("d2", "org_a", 2, 2), singlesOf("org_a", 3, 2),
				liveOf("org_b", 4, 2), liveOf("org_b", 5, 2),
			}, 10,
			generation.Plan{Put: ledger{liveOf("org_a", 1, 2)}, Threads: 2},
		},
		{"a deletion that holds nothing is no work", ledger{liveOf("org_a", 1, 2), liveOf("org_a", 2, 3)}, 10, generation.Plan{}},
	} {
		if got := c.given.Restore("d1", c.small); !samePlan(got, c.want) {
			t.Errorf("%s: the plan is %+v; want %+v", c.name, got, c.want)
		}
	}
}

// samePlan compares plans but for the order of their records, which is open.
func samePlan(a, b generation.Plan) bool {
	records := func(p generation.Plan) map[generation.Generation]int {
		set := map[generation.Generation]int{}
		for _, g := range p.Put {
			set[g]++
		}
		return set
	}
	return a.Into == b.Into && a.Threads == b.Threads && a.Recount == b.Recount && reflect.DeepEqual(a.Moves, b.Moves) && reflect.DeepEqual(records(a), records(b))
}

// A store that asks about a generation it did not hand over has a mistake in
// it, and must not go on.
func TestPlanOverAnIncompleteLedgerPanics(t *testing.T) {
	for name, plan := range map[string]func(ledger){
		"DeleteOne":  func(l ledger) { l.DeleteOne(7, 9) },
		"RestoreOne": func(l ledger) { l.RestoreOne(7, 9) },
		"Remove":     func(l ledger) { l.Remove(7, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of a generation that was not given returned; want a panic", name)
				}
			}()
			plan(ledger{liveOf("org_a", 8, 1)})
		}()
	}
}
