//go:build unix

package apikey_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// An administrator who adds a key must not lock out the server, which runs as
// somebody else. Only root can give a file away, so only as root is the owner
// another here.
func TestOwnerStays(t *testing.T) {
	f, path := create(t)
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(path, 12345, 23456))
	}
	owner := func() [2]uint32 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		state := info.Sys().(*syscall.Stat_t)
		return [2]uint32{state.Uid, state.Gid}
	}
	before := owner()
	add(t, f, "ada")
	require.Equal(t, before, owner())
}
