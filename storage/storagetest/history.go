package storagetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// How histories are played, unless the environment says otherwise.
const (
	histories     = 50 // or Harness.Histories
	historyLength = 300
	lookEvery     = 30  // operations between two looks at everything
	shrinkTries   = 400 // most plays to find a shorter history that fails
)

// historyClauses hold a store against the model.
var historyClauses = []Clause{
	clause("history/random",
		"After any calls of any users whatever, every answer is the one that follows from the rules.",
		func(s *script) { s.ok("", playHistories(s.ctx, s.env, false)) }),
	persistent("history/reopened",
		"So it is when the store is closed and opened again between any calls.",
		func(s *script) { s.ok("", playHistories(s.ctx, s.env, true)) }),
}

// playHistories plays the histories that the environment asks for.
func playHistories(ctx context.Context, e *Env, reopen bool) error {
	first, last, err := seeds(os.Getenv, cmp.Or(e.harness.Histories, histories))
	if err != nil {
		return err
	}
	for seed := first; seed <= last; seed++ {
		if err := playHistory(ctx, e, seed, reopen); err != nil {
			return err
		}
	}
	return nil
}

// seeds returns the first and the last seed to play: usual many, unless the
// environment says otherwise.
func seeds(getenv func(string) string, usual int) (first, last uint64, err error) {
	if text := getenv("SKEIN_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("SKEIN_SEED is %q; want a number from 0", text)
		}
		return seed, seed, nil
	}
	if text := getenv("SKEIN_HISTORIES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n == 0 {
			return 0, 0, fmt.Errorf("SKEIN_HISTORIES is %q; want a number from 1", text)
		}
		return 1, n, nil
	}
	return 1, uint64(usual), nil
}

// playHistory plays one history. If it fails, it looks for a shorter one that
// does, and says so.
func playHistory(ctx context.Context, e *Env, seed uint64, reopen bool) error {
	list := newHistory(seed, historyLength, reopen)
	at, err := run(ctx, e, list)
	if err == nil {
		return nil
	}
	short := shrink(list[:at+1], func(list []operation) (int, bool) {
		at, err := run(ctx, e, list)
		return at, err != nil
	})
	_, shortErr := run(ctx, e, short)
	var text strings.Builder
	for i, o := range short {
		fmt.Fprintf(&text, "\n%4d  %s", i+1, o.text)
	}
	return fmt.Errorf("history %d goes wrong at operation %d, %s: %w\nSKEIN_SEED=%d plays it again; of it these %d suffice to go wrong (%w):%s",
		seed, at+1, list[at].text, err, seed, len(short), shortErr, text.String())
}

// run plays operations on a fresh store and a fresh model. It returns the
// first operation whose answer, or what there is after it, differs from the
// model's, and how.
func run(ctx context.Context, e *Env, list []operation) (at int, err error) {
	tested, err := newEnv(e.harness, e.root)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, tested.close()) }()
	m := &model{gone: func(user, thread string) bool {
		_, err := tested.store.Get(ctx, user, thread, threads.Both)
		return errors.Is(err, threads.ErrNotFound)
	}}
	for i, o := range list {
		if o.reopen {
			if err := tested.reopen(); err != nil {
				return i, err
			}
		} else {
			var version int64
			if r := m.row(o.user, o.thread, threads.Both); r != nil {
				version = r.Version
			}
			got, gotErr := o.play(ctx, tested.store, version)
			want, wantErr := o.play(ctx, m, version)
			if text := agree(got, gotErr, want, wantErr); text != "" {
				return i, errors.New(text)
			}
		}
		if i%lookEvery == lookEvery-1 || i == len(list)-1 || o.reopen {
			if err := sameState(ctx, tested, m); err != nil {
				return i, err
			}
		}
	}
	return 0, nil
}

// sameState holds everything that there is against the model's.
func sameState(ctx context.Context, tested *Env, m *model) error {
	modelled := &Env{store: m}
	for _, user := range historyUsers {
		var want state
		err := errors.Join(
			play(ctx, modelled, func(s *script) { want = s.state(user) }),
			play(ctx, tested, func(s *script) {
				s.equal("what "+user+" has then", s.consistent(user), want)
				for _, scope := range historyScopes {
					s.equal(fmt.Sprintf("Count(%s, %s) then", user, scope), s.count(user, scope), must(m.Count(ctx, user, scope)))
				}
				for _, before := range []time.Time{at(8), at(16), far} {
					s.equal(fmt.Sprintf("PreviewPurge(%s, %s) then", user, timeText(before)), s.preview(user, before), must(m.PreviewPurge(ctx, user, before)))
				}
				for _, d := range want.Deletions {
					s.equal("List of what is in "+d.ID+" of "+user+" then", s.list(user, within(d.ID)),
						must(m.List(ctx, user, within(d.ID), threads.Cursor{}, threads.MaxPage)))
				}
			}))
		if err != nil {
			return err
		}
	}
	return play(ctx, tested, func(s *script) {
		s.equal("UsersDue then", s.usersDue(far, "", 10), must(m.UsersDue(ctx, far, "", 10)))
	})
}

// must returns what the model, which does not fail, answers.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// shrink returns a list that still fails, and from which no single element
// can be left out, if it finds it within shrinkTries.
func shrink[T any](list []T, fails func([]T) (at int, failed bool)) []T {
	tries := 0
	for size := len(list) / 2; size > 0; {
		smaller := false
		for i := 0; i < len(list) && tries < shrinkTries; {
			shorter := slices.Concat(list[:i], list[min(i+size, len(list)):])
			tries++
			if at, failed := fails(shorter); failed {
				list, smaller = shorter[:at+1], true
			} else {
				i += size
			}
		}
		if !smaller || size > 1 {
			size /= 2
		}
	}
	return list
}
