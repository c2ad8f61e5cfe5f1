package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/threads"
)

// TestAnOpenerThatWaitedForACompactionGetsTheNewFile: it has opened the old
// file by then, and holds its lock as soon as the holder lets go of it.
func TestAnOpenerThatWaitedForACompactionGetsTheNewFile(t *testing.T) {
	ctx := t.Context()
	path, _, _ := populated(t, 12, "ada")
	p := role.Start(t, "holder", path)
	require.Equal(t, "open", p.Line())
	waiting := role.Start(t, "creator", creation{Path: path, User: "ada", ID: "thrd_waiter"})
	require.Equal(t, "opening", waiting.Line())
	for !hasOpen(t, waiting.Process.Pid, path) {
		time.Sleep(time.Millisecond) // until it waits for the lock of the old file
	}
	p.Say(t, "compact")
	require.Equal(t, "done compact", p.Line())
	p.Say(t, "create")
	require.Equal(t, "done create", p.Line())
	p.Say(t, "close")
	_, err := waiting.Finish()
	require.NoError(t, err)
	require.NoError(t, p.In.Close())
	_, err = p.Finish()
	require.NoError(t, err)
	store := openAt(t, path, nil)
	for _, id := range []string{"thrd_holder", "thrd_waiter"} {
		_, err := store.Get(ctx, "ada", id, threads.Live)
		require.NoError(t, err, id)
	}
}

// hasOpen reports whether a process has the file open.
func hasOpen(t *testing.T, pid int, path string) bool {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == path {
			return true
		}
	}
	return false
}
