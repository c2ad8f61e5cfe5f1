package generation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// plain is the rule that the arithmetic must amount to, row by row: a thread
// is live, in one deletion, or purged and therefore absent.
type plain struct {
	ids       []string // of rows, in the order they were made
	rows      map[string]plainRow
	deletions []plainDeletion // in the order they were made
}

type plainRow struct{ organization, deletion string }

type plainDeletion struct {
	id                          string
	count                       int64
	deletedAt, restored, purged time.Time
}

func (m *plain) create(id, organization string) {
	m.ids = append(m.ids, id)
	m.rows[id] = plainRow{organization: organization}
}

func (m *plain) delete(id string, d threads.Deletion) {
	m.rows[id] = plainRow{m.rows[id].organization, d.ID}
	m.deletions = append(m.deletions, plainDeletion{id: d.ID, count: 1, deletedAt: d.DeletedAt})
}

func (m *plain) deleteAll(d threads.Deletion) int64 {
	var n int64
	for id, r := range m.rows {
		if r.deletion == "" && d.Scope.Contains(r.organization) {
			m.rows[id] = plainRow{r.organization, d.ID}
			n++
		}
	}
	if n > 0 || d.Key != "" {
		m.deletions = append(m.deletions, plainDeletion{id: d.ID, count: n, deletedAt: d.DeletedAt})
	}
	return n
}

func (m *plain) restore(i int, now time.Time) (int64, error) {
	d := &m.deletions[i]
	if !d.purged.IsZero() {
		return 0, threads.ErrPurged
	}
	if d.restored.IsZero() {
		d.restored = now
	}
	held := m.held(d.id)
	for _, id := range held {
		m.rows[id] = plainRow{organization: m.rows[id].organization}
	}
	return int64(len(held)), nil
}

func (m *plain) restoreOne(id string) error {
	r := m.rows[id]
	for _, d := range m.deletions {
		if d.id == r.deletion && !d.purged.IsZero() {
			return threads.ErrPurged
		}
	}
	m.rows[id] = plainRow{organization: r.organization}
	return nil
}

// held is the rows in a deletion.
func (m *plain) held(deletion string) []string {
	var ids []string
	for _, id := range m.ids {
		if m.rows[id].deletion == deletion {
			ids = append(ids, id)
		}
	}
	return ids
}

// earliest is the index of the deletion that is to be purged next, or -1.
func (m *plain) earliest(before time.Time) int {
	first, due := -1, time.Time{}
	for i, d := range m.deletions {
		at := d.deletedAt
		if !d.purged.IsZero() && len(m.held(d.id)) == 0 {
			at = d.purged
		}
		if at.Before(before) && (first < 0 || at.Before(due) || at.Equal(due) && d.id < m.deletions[first].id) {
			first, due = i, at
		}
	}
	return first
}

// purge takes the rows that were removed from the deletions whose turn it is.
// Which rows of a deletion go first is open.
func (m *plain) purge(before, now time.Time, limit int, removed []string) threads.PurgeResult {
	var r threads.PurgeResult
	for i := m.earliest(before); i >= 0; i = m.earliest(before) {
		if limit == 0 {
			r.More = true
			break
		}
		d := &m.deletions[i]
		held := m.held(d.id)
		if len(held) == 0 {
			if d.purged.IsZero() {
				r.Deletions++
			}
			m.deletions = slices.Delete(m.deletions, i, i+1)
			limit--
			continue
		}
		n := min(limit, len(held), len(removed))
		for _, id := range removed[:n] {
			if !slices.Contains(held, id) {
				panic(fmt.Sprintf("the purge removed %s; it was the turn of %s, which held %q", id, d.id, held))
			}
			m.ids = slices.DeleteFunc(m.ids, func(other string) bool { return other == id })
			delete(m.rows, id)
		}
		if n == 0 {
			panic(fmt.Sprintf("the purge stopped at %s, which held %q, with %d to go", d.id, held, limit))
		}
		if d.purged.IsZero() {
			d.purged = now
		}
		if n == len(held) {
			r.Deletions++
		}
		r.Threads += int64(n)
		removed, limit = removed[n:], limit-n
	}
	if len(removed) > 0 {
		panic(fmt.Sprintf("the purge removed %q besides; nothing more was due", removed))
	}
	return r
}

var (
	organizations = []string{"", "org_a", "org_b", "org_c"}
	scopes        = []threads.Scope{
		threads.All(), threads.Personal(), threads.InOrganization("org_a"), threads.InOrganization("org_b"),
		threads.InOrganization("org_c"), threads.InOrganization("org_unknown"),
	}
)

// compare panics where the world is not what the rule says.
func compare(w *world, m *plain) {
	w.check()
	if len(w.rows) != len(m.rows) {
		panic(fmt.Sprintf("%d threads; want %d", len(w.rows), len(m.rows)))
	}
	counts := map[string]threads.Counts{}
	held := map[string]int64{}
	for id, want := range m.rows {
		r := w.rows[id]
		if r == nil || r.organization != want.organization || w.deletionOf(r) != want.deletion {
			panic(fmt.Sprintf("thread %s = %+v; want %+v", id, r, want))
		}
		n := counts[want.organization]
		if want.deletion == "" {
			n.Live++
		} else {
			n.Deleted++
			held[want.deletion]++
		}
		counts[want.organization] = n
	}
	for _, scope := range scopes {
		var want threads.Counts
		for organization, n := range counts {
			if scope.Contains(organization) {
				want.Live += n.Live
				want.Deleted += n.Deleted
			}
		}
		l := w.given(func(g generation.Generation) bool { return scope.Contains(g.Organization) })
		if got := l.Counts(scope); got != want {
			panic(fmt.Sprintf("Counts(%s) = %+v; want %+v", scope, got, want))
		}
	}
	if len(w.deletions) != len(m.deletions) {
		panic(fmt.Sprintf("%d deletions; want %d", len(w.deletions), len(m.deletions)))
	}
	for _, want := range m.deletions {
		d, ok := w.deletions[want.id]
		got := plainDeletion{d.ID, d.Count, d.DeletedAt, d.RestoredAt, d.PurgedAt}
		if !ok || got != want || d.Held != held[want.id] {
			panic(fmt.Sprintf("deletion %+v; want %+v with %d held", d, want, held[want.id]))
		}
	}
}

// history is a run of random operations on the world and by the rule.
type history struct {
	w        *world
	m        *plain
	random   *rand.Rand
	now      int
	created  int
	made     int // deletions
	log      []string
	happened map[string]int
}

// does notes an operation that is about to be done.
func (h *history) does(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
	h.happened[strings.Fields(format)[0]]++
}

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// step does one operation and compares.
func (h *history) step() {
	h.now += h.random.IntN(3) // often the same time
	switch n := h.random.IntN(100); {
	case n < 40 || len(h.m.ids) == 0:
		for range 1 + h.random.IntN(6) {
			h.create()
		}
	case n < 55:
		h.delete()
	case n < 67:
		h.deleteAll()
	case n < 80 && len(h.m.deletions) > 0:
		h.restore()
	case n < 90:
		h.restoreOne()
	default:
		h.purge()
	}
	compare(h.w, h.m)
}

func (h *history) create() {
	h.created++
	id := fmt.Sprint("t", h.created)
	if again := fmt.Sprint("t", 1+h.random.IntN(h.created)); h.w.rows[again] == nil {
		id = again // an id that was purged, or never used, is free
	}
	organization := pick(h.random, organizations)
	h.does("create %s in %q", id, organization)
	h.w.create(id, organization)
	h.m.create(id, organization)
}

func (h *history) deletion() threads.Deletion {
	h.made++
	return threads.Deletion{ID: fmt.Sprint("d", h.made), DeletedAt: at(h.now)}
}

func (h *history) delete() {
	id := pick(h.random, h.m.ids)
	if h.m.rows[id].deletion != "" {
		return
	}
	d := h.deletion()
	h.does("delete %s as %s", id, d.ID)
	h.w.deleteOne(id, d)
	h.m.delete(id, d)
}

func (h *history) deleteAll() {
	d := h.deletion()
	d.Scope = pick(h.random, scopes)
	if h.random.IntN(3) == 0 {
		d.Key = d.ID
	}
	h.does("delete-all %s as %s with key %q", d.Scope, d.ID, d.Key)
	if got, want := h.w.deleteAll(d), h.m.deleteAll(d); got != want {
		panic(fmt.Sprintf("DeleteAll(%s) = %d; want %d", d.Scope, got, want))
	}
}

func (h *history) restore() {
	i := h.random.IntN(len(h.m.deletions))
	id := h.m.deletions[i].id
	h.does("restore %s", id)
	want, wantErr := h.m.restore(i, at(h.now))
	if got, err := h.w.restore(id, at(h.now)); got != want || !errors.Is(err, wantErr) {
		panic(fmt.Sprintf("Restore(%s) = %d, %v; want %d, %v", id, got, err, want, wantErr))
	}
}

func (h *history) restoreOne() {
	id := pick(h.random, h.m.ids)
	h.does("restore-one %s", id)
	want := h.m.restoreOne(id)
	if err := h.w.restoreOne(id); !errors.Is(err, want) {
		panic(fmt.Sprintf("RestoreOne(%s) = %v; want %v", id, err, want))
	}
}

func (h *history) purge() {
	before, now, limit := h.now-20+h.random.IntN(25), h.now, 1+h.random.IntN(12)
	h.does("purge before %d at %d, at most %d", before, now, limit)
	preview := h.w.preview(at(before))
	got, removed := h.w.purge(at(before), at(now), limit)
	if want := h.m.purge(at(before), at(now), limit, removed); got != want {
		panic(fmt.Sprintf("Purge() = %+v; want %+v", got, want))
	}
	if done := (threads.Preview{Threads: got.Threads, Deletions: got.Deletions}); !got.More && done != preview {
		panic(fmt.Sprintf("Purge() = %+v with no more to do; the preview said %+v", got, preview))
	}
}

// smalls are the values of Restore's small that histories take in turn.
var smalls = []int64{0, 1, 3, 10, generation.Small}

// run plays the history of a seed. What went wrong comes with what was done
// before.
func run(seed uint64, steps int) (happened map[string]int, err error) {
	random := rand.New(rand.NewPCG(seed, 0))
	small := smalls[seed%uint64(len(smalls))]
	h := &history{
		w: newWorld(random, small), m: &plain{rows: map[string]plainRow{}},
		random: random, happened: map[string]int{},
	}
	step := 0
	defer func() {
		if broken := recover(); broken != nil {
			last := h.log[max(0, len(h.log)-12):]
			err = fmt.Errorf("seed %d (small %d), step %d: %v\nafter, at last:\n\t%s\nreplay with SKEIN_SEED=%d",
				seed, small, step, broken, strings.Join(last, "\n\t"), seed)
		}
	}()
	for ; step < steps; step++ {
		h.step()
	}
	return h.happened, nil
}

// TestArithmeticIsTheRowByRowRule plays random histories of 600 steps:
// SKEIN_SEEDS of them, or the one of SKEIN_SEED.
func TestArithmeticIsTheRowByRowRule(t *testing.T) {
	const steps = 600
	first, seeds := uint64(0), setting(t, "SKEIN_SEEDS", 20)
	if os.Getenv("SKEIN_SEED") != "" {
		first, seeds = setting(t, "SKEIN_SEED", 0), 1
	}
	total := map[string]int{}
	for seed := first; seed < first+seeds; seed++ {
		happened, err := run(seed, steps)
		if err != nil {
			t.Fatal(err)
		}
		for operation, n := range happened {
			total[operation] += n
		}
	}
	for _, operation := range []string{"create", "delete", "delete-all", "restore", "restore-one", "purge"} {
		if total[operation] == 0 {
			t.Errorf("no history did a %s; this test proves nothing of it", operation)
		}
	}
	t.Logf("%d histories: %v", seeds, total)
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s=%q; want a number", name, text)
	}
	return n
}
