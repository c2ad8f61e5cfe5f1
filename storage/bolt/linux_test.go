package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

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
