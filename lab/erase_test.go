package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// diskFaults are faults of every kind, for a short process.
func diskFaults(k kind) (kinds []fault) {
	for call, n := range writeCalls[k.name] {
		for _, what := range []string{"error=EIO", "error=ENOSPC", "signal=KILL"} {
			kinds = append(kinds, fault{call, what, n / 3})
		}
	}
	slices.SortFunc(kinds, func(a, b fault) int { return strings.Compare(a.String(), b.String()) })
	return kinds
}

// copied copies a file into a directory of its own.
func copied(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(file)), b, 0o600))
	return dir
}

// TestErasuresThatFail holds that a fault leaves the user whole, or on the way
// out, that others have what they had, and that a second erasure finishes, down
// to the bytes.
func TestErasuresThatFail(t *testing.T) {
	for _, k := range fileKinds {
		t.Run(k.name, func(t *testing.T) {
			file := populatedFile(t, k, 45)
			truth, err := learn(t.Context(), k, copied(t, file))
			require.NoError(t, err)
			live := int64(0)
			for _, id := range truth.catalog.Threads["ada"] {
				if a := truth.answers["Get(ada, "+id+")"]; !strings.Contains(a.Text, "DeletionID:del_") {
					live++
				}
			}
			r := results.Result{Fault: "an erasure that fails", Store: k.name, Outcomes: map[string]int{}}
			var mu sync.Mutex
			r.Runs = everyFault(t, diskFaults(k), func(t *testing.T, f fault) int {
				t.Helper()
				dir := copied(t, file)
				lines, point := under(t, f, "eraser", workload{Kind: k.name, Dir: dir})
				outcome, err := erased(t.Context(), k, dir, truth, live, slices.Contains(lines, "erased: <nil>"))
				assert.NoError(t, err, "%v: %v; SKEIN_FAULT=%v go test -run '%s' .", f, lines, f, t.Name())
				mu.Lock()
				defer mu.Unlock()
				r.Outcomes[outcome]++
				return point
			})
			record(t, r)
		})
	}
}

// erased looks at what an erasure has left, and finishes it.
func erased(ctx context.Context, k kind, dir string, truth truths, live int64, done bool) (outcome string, err error) {
	store, err := k.open(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("Open = %w", err)
	}
	if err := checked(ctx, store); err != nil {
		return "", fmt.Errorf("Check = %w", err)
	}
	n, err := store.Count(ctx, "ada", threads.All())
	if err != nil {
		return "", err
	}
	switch {
	case n == threads.Counts{}:
		outcome = "all gone"
	case done:
		return "", fmt.Errorf("it said that it was done, and Count = %+v", n)
	case n.Live == live:
		outcome = "not begun"
	case n.Live == 0:
		outcome = "on the way out"
		for _, id := range truth.catalog.Threads["ada"] {
			if _, err := store.RestoreThread(ctx, "ada", id); !strings.Contains(truth.answers["Get(ada, "+id+")"].Text, "DeletionID:del_") &&
				!is(err, threads.ErrPurged, threads.ErrNotFound) {
				return "", fmt.Errorf("RestoreThread(%s) = %v; want ErrPurged or ErrNotFound", id, err) //nolint:errorlint // it may be nil
			}
		}
	default:
		return "", fmt.Errorf("%d of %d threads are live", n.Live, live)
	}
	if _, err := store.Erase(ctx, "ada"); err != nil {
		return "", fmt.Errorf("Erase again = %w", err)
	}
	if h := truth.listen(ctx, store, true); h.wrong != "" || h.damaged+h.hidden > 0 {
		return "", fmt.Errorf("others have not what they had: %+v", h)
	}
	if err := checked(ctx, store); err != nil {
		return "", fmt.Errorf("Check = %w", err)
	}
	if err := store.Close(); err != nil {
		return "", err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		if bytes.Contains(b, []byte("of ada")) {
			return "", fmt.Errorf("%s has titles of the user still", f.Name())
		}
		if !bytes.Contains(b, []byte("of bob")) {
			return "", fmt.Errorf("%s has no titles at all; the search would find none", f.Name())
		}
	}
	return outcome, nil
}

// eraser is a process that erases a user.
func eraser(ctx context.Context, decode func(any) error) error {
	var w workload
	if err := decode(&w); err != nil {
		return err
	}
	store, err := kindNamed(w.Kind).open(ctx, w.Dir)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	_, err = store.Erase(ctx, "ada")
	fmt.Println("erased:", err)
	fmt.Println("closing:", store.Close())
	return nil
}

// TestCompactionsThatFail holds that a fault leaves the old file or the new
// one, whole; package bolt alone has them.
func TestCompactionsThatFail(t *testing.T) {
	file := populatedFile(t, boltKind, 45)
	truth, err := learn(t.Context(), boltKind, copied(t, file))
	require.NoError(t, err)
	r := results.Result{Fault: "a compaction that fails", Store: "bolt", Outcomes: map[string]int{}}
	var mu sync.Mutex
	r.Runs = everyFault(t, append(diskFaults(boltKind), fault{"fchmodat", "error=EIO", 0}), func(t *testing.T, f fault) int {
		t.Helper()
		ctx := context.Background()
		dir := copied(t, file)
		lines, point := under(t, f, "compactor", workload{Kind: "bolt", Dir: dir})
		store, err := boltKind.open(ctx, dir)
		require.NoError(t, err, "%v", f)
		require.NoError(t, checked(ctx, store), "%v", f)
		outcome := "ended in the middle"
		for _, line := range lines {
			if id, ok := strings.CutPrefix(line, "done "); ok {
				_, err := store.Get(ctx, "eve", id, threads.Live)
				assert.NoError(t, err, "%v: an acknowledged write", f)
			}
			if strings.HasPrefix(line, "closing:") {
				outcome = "went on"
			}
		}
		mu.Lock()
		r.Outcomes[outcome]++
		mu.Unlock()
		compact := func() error { return store.(*bolt.Store).Compact(ctx) }
		require.NoError(t, compact(), "%v", f)
		assert.NoFileExists(t, filepath.Join(dir, boltKind.file+".compact"), "%v: what was left over is gone", f)
		h := truth.listen(ctx, store, false)
		assert.Empty(t, h.wrong, "%v: SKEIN_FAULT=%v go test -run '%s' .", f, f, t.Name())
		assert.Zero(t, h.damaged, "%v", f)
		require.NoError(t, store.Close(), "%v", f)
		return point
	})
	record(t, r)
}

// compactor is a process that compacts a store, and writes to it.
func compactor(ctx context.Context, decode func(any) error) error {
	var w workload
	if err := decode(&w); err != nil {
		return err
	}
	store, err := boltKind.open(ctx, w.Dir)
	if err != nil {
		fmt.Println("no store:", err)
		return nil
	}
	svc := probe.Clockwork(store)
	for range 2 {
		fmt.Println("compacting:", store.(*bolt.Store).Compact(ctx))
		if th, err := svc.Create(ctx, "eve", threads.Draft{}); err == nil {
			fmt.Println("done", th.ID)
		}
	}
	fmt.Println("closing:", store.Close())
	return nil
}
