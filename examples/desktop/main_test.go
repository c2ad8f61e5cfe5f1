package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

var times = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d  `)

// session runs the program on those lines and returns what it says, with times
// replaced.
func session(t *testing.T, file string, lines ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(t.Context(), file, strings.NewReader(strings.Join(lines, "\n")), &out))
	return times.ReplaceAllString(out.String(), "TIME ")
}

func TestDesktop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "threads.db")
	require.Equal(t, "0 thread(s).\nThere is nothing to undo.\nDeleted 0 thread(s). To have them back: undo\n",
		session(t, file, "list", "undo", "delete-all"))
	require.Equal(t, "Added \"Plans for May\".\nAdded \"Recipes\".\nTIME Recipes\nTIME Plans for May\n2 thread(s).\n",
		session(t, file, "add  Plans for May", "", "add Recipes", "list", "quit", "add what comes after quit"))
	require.Equal(t, "Deleted 2 thread(s). To have them back: undo\n0 thread(s).\n",
		session(t, file, "delete-all", "list"))
	require.Equal(t, "Added \"Later\".\nBrought 2 thread(s) back.\nTIME Later\nTIME Recipes\nTIME Plans for May\n3 thread(s).\nThere is nothing to undo.\n",
		session(t, file, "add Later", "undo", "list", "undo"))
	require.Equal(t, "That title does not work: The title must be at most 200 characters long, not 201.\nThere is no command \"delete\"; there are: add TITLE, list, delete-all, undo, quit.\nTIME Later\nTIME Recipes\nTIME Plans for May\n3 thread(s).\n",
		session(t, file, "add "+strings.Repeat("x", 201), "delete", "list"))
}

// More deletions than one page has, most of which were taken back.
func TestUndoLooksFarBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "threads.db")
	session(t, file, "add First", "delete-all")
	var lines []string
	for range threads.DefaultPage + 1 {
		lines = append(lines, "add Next", "delete-all", "undo")
	}
	session(t, file, lines...)
	require.Equal(t, "Brought 1 thread(s) back.\n", session(t, file, "undo"), "the first")
}

func TestSecondInstance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "threads.db")
	in, typed := io.Pipe()
	said, out := io.Pipe()
	first := make(chan error, 1)
	go func() { first <- run(context.Background(), file, in, out) }()
	_, err := io.WriteString(typed, "add Mine\n")
	require.NoError(t, err)
	_, err = said.Read(make([]byte, 100)) // it has the file open
	require.NoError(t, err)

	err = run(t.Context(), file, strings.NewReader("delete-all\n"), io.Discard)
	require.ErrorIs(t, err, threads.ErrLocked)
	require.ErrorContains(t, err, "another instance has "+file+" open; close that one first")

	require.NoError(t, typed.Close())
	require.NoError(t, <-first)
	require.Equal(t, "TIME Mine\n1 thread(s).\n", session(t, file, "list"), "when the first is closed")
}

func TestDefaultFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} { // what os.UserConfigDir asks on the systems there are
		t.Setenv(name, dir)
	}
	require.Equal(t, "Added \"Here\".\n", session(t, "", "add Here"))
	config, err := os.UserConfigDir()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(config, dir))
	require.FileExists(t, filepath.Join(config, "skein-desktop", "threads.db"))
	require.Equal(t, "TIME Here\n1 thread(s).\n", session(t, "", "list"))
}
