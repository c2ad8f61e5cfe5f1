package lab

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// ledger is what a process said of a workload: by user and place, the last
// word on each step.
type ledger struct {
	workload
	steps []map[int]string // by user; "try" if there was no other word
	saw   map[int]string   // by user, a digest of what a process has seen, after the end of all who write that
	wrong []string
	words map[string]int // how often each
}

func newLedger(w workload) *ledger {
	l := &ledger{workload: w, saw: map[int]string{}, words: map[string]int{}}
	for range w.Users {
		l.steps = append(l.steps, map[int]string{})
	}
	return l
}

// hear enters a line.
func (l *ledger) hear(line string) {
	word, rest, _ := strings.Cut(line, " ")
	l.words[word]++
	var user, place int
	switch word {
	case "try", "done", "unknown", "full", "refused", "failed":
		if _, err := fmt.Sscan(rest, &user, &place); err != nil {
			l.wrong = append(l.wrong, line)
			return
		}
		l.steps[user][place] = word
	case "saw":
		var facts string
		if _, err := fmt.Sscan(rest, &user, &facts); err != nil {
			l.wrong = append(l.wrong, line)
			return
		}
		l.saw[user] = facts
	case "WRONG:":
		l.wrong = append(l.wrong, line)
	}
}

// outcome says in a word or two what happened to the process.
func (l *ledger) outcome() string {
	for _, word := range []string{"unknown", "full", "failed"} {
		if l.words[word] > 0 {
			return "some steps " + word
		}
	}
	switch {
	case l.words["done"]+l.words["refused"] == 0:
		return "before the first step"
	case l.words["end"] == 0:
		return "ended in the middle"
	}
	return "went on"
}

// histories are the sets of steps that may have been done, by what the process
// said of a user's; and whether the erasure at the end may be half done.
func (l *ledger) histories(user int) (sets [][]int, half bool) {
	var sure, unsure []int
	for place := range len(l.script(user)) {
		word := l.steps[user][place]
		switch {
		case word == "done":
			sure = append(sure, place)
		case place == eraseStep && word != "":
			unsure, half = append(unsure, place), true
		case word == "try", word == "unknown":
			unsure = append(unsure, place)
		}
	}
	for some := range 1 << len(unsure) {
		set := slices.Clone(sure)
		for i, place := range unsure {
			if some>>i&1 == 1 {
				set = append(set, place)
			}
		}
		slices.Sort(set)
		sets = append(sets, set)
	}
	return sets, half
}

// hold holds a store, closed, against the ledger: it must open, be whole, have
// all that was acknowledged, and of what was not, each step wholly or not at
// all; and it must take new writes.
func (l *ledger) hold(ctx context.Context) (err error) {
	if len(l.wrong) > 0 {
		return errors.New(strings.Join(l.wrong, "\n"))
	}
	store, err := kindNamed(l.Kind).open(ctx, l.Dir)
	if err != nil {
		return fmt.Errorf("Open = %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := checked(ctx, store); err != nil {
		return fmt.Errorf("Check = %w", err)
	}
	for user := range l.Users {
		if err := l.holdUser(ctx, store, user); err != nil {
			return err
		}
	}
	svc := serviceAt(store, 1000)
	th, err := svc.Create(ctx, l.user(0), threads.Draft{Title: "after"})
	if err != nil {
		return fmt.Errorf("Create afterwards = %w", err)
	}
	d, err := svc.SoftDeleteAll(ctx, l.user(0), threads.All(), threads.WithIdempotencyKey("after"))
	if err != nil || d.Count < 1 {
		return fmt.Errorf("SoftDeleteAll afterwards = %d, %w; want 1 or more", d.Count, err)
	}
	if _, err := svc.Get(ctx, l.user(0), th.ID, threads.Deleted); err != nil {
		return fmt.Errorf("Get afterwards = %w", err)
	}
	if err := checked(ctx, store); err != nil {
		return fmt.Errorf("Check afterwards = %w", err)
	}
	return nil
}

func (l *ledger) holdUser(ctx context.Context, store threads.Store, user int) error {
	got := stepCatalog(l.user(user)).Facts(ctx, store)
	if saw, ok := l.saw[user]; ok && saw != digest(got) {
		return fmt.Errorf("user %d, who has %v, is not what a process has seen any more", user, l.steps[user])
	}
	sets, half := l.histories(user)
	var least []string
	for _, set := range sets {
		want, ok := l.expected(user, set)
		if !ok {
			continue
		}
		lines := probe.Differences(got, want)
		if len(lines) == 0 {
			return nil
		}
		if least == nil || len(lines) < len(least) {
			least = lines
		}
	}
	if half { // then another erasure finishes it
		if _, err := store.Erase(ctx, l.user(user)); err != nil {
			return fmt.Errorf("Erase again = %w", err)
		}
		want, _ := l.expected(user, nil)
		if least = probe.Differences(stepCatalog(l.user(user)).Facts(ctx, store), want); len(least) == 0 {
			return nil
		}
	}
	return fmt.Errorf("user %d, who has %v, may have done %v: %s", user, l.steps[user], sets, strings.Join(least, "\n"))
}

// digest is a word for some facts.
func digest(facts map[string]string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(facts))))
}

// stepCatalog is all that the script could have made for a user.
func stepCatalog(user string) probe.Catalog {
	c := probe.Catalog{Users: []string{user}, Threads: map[string][]string{}, Deletions: map[string][]string{}}
	for place := range script() {
		c.Threads[user] = append(c.Threads[user], fmt.Sprintf("thrd_of_step_%03d_1", place))
		c.Deletions[user] = append(c.Deletions[user], fmt.Sprintf("del_of_step_%03d_1", place))
	}
	return c
}

var references struct {
	mu    sync.Mutex
	facts map[string]map[string]string
}

// expected is what there is after those steps, by the reference. It reports
// false if they cannot all have been done.
func (l *ledger) expected(user int, done []int) (facts map[string]string, possible bool) {
	references.mu.Lock()
	defer references.mu.Unlock()
	key := fmt.Sprint(user, done)
	if facts, ok := references.facts[key]; ok {
		return facts, true
	}
	ctx := context.Background()
	store := memory.New()
	for _, place := range done {
		if l.script(user)[place](ctx, serviceAt(store, place), l.user(user)) != nil {
			return nil, false
		}
	}
	facts = stepCatalog(l.user(user)).Facts(ctx, store)
	if references.facts == nil {
		references.facts = map[string]map[string]string{}
	}
	references.facts[key] = facts
	return facts, true
}
