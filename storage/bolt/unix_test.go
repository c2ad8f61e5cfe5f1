//go:build unix

package bolt_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/storage/bolt"
)

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "threads.db")
	store := openAt(t, path, nil)
	mode := func() os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	assert.Equal(t, os.FileMode(0o600), mode())
	require.NoError(t, store.Compact(t.Context()))
	assert.Equal(t, os.FileMode(0o600), mode())
}

// TestFilesThatMayNotBeWritten are opened by a process that is not root, for
// root may write anything.
func TestFilesThatMayNotBeWritten(t *testing.T) {
	path, _, _ := populated(t, 12, "ada")
	dir := filepath.Dir(path)
	for _, parent := range []string{dir, filepath.Dir(dir)} { // others can go there
		require.NoError(t, os.Chmod(parent, 0o755))
	}
	hidden := filepath.Join(dir, "hidden")
	require.NoError(t, os.Mkdir(hidden, 0o700))
	copyFile(t, path, filepath.Join(hidden, "threads.db"))
	require.NoError(t, os.Chmod(hidden, 0))
	t.Cleanup(func() { require.NoError(t, os.Chmod(hidden, 0o700)) })
	require.NoError(t, os.Chmod(path, 0o444))
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o700)) })
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, path := range map[string]string{
		"a file that is read-only":       path,
		"a directory that is read-only":  filepath.Join(dir, "new.db"),
		"a path that cannot be followed": filepath.Join(hidden, "threads.db"),
	} {
		t.Run(name, func(t *testing.T) {
			p := role.StartAs(t, "opener", path, nobody)
			lines, err := p.Finish()
			require.NoError(t, err)
			require.Len(t, lines, 1)
			assert.Contains(t, lines[0], "permission ", "Open = %s; want an fs.ErrPermission", lines[0])
			assert.Contains(t, lines[0], path)
		})
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.NoFileExists(t, filepath.Join(dir, "new.db"))
	openAt(t, path, &bolt.Options{})
}

// nobody makes a command run without the rights of root.
func nobody(p *role.Process) {
	if os.Geteuid() == 0 {
		p.Path = "/proc/self/exe" // which needs no way to it
		p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// TestACompactionKeepsTheOwner, for the owner must be able to open the file.
func TestACompactionKeepsTheOwner(t *testing.T) {
	store, path := newStore(t, nil)
	require.NoError(t, store.Create(t.Context(), "ada", thread("ada", "thrd_1")))
	if err := os.Chown(path, 1234, 1234); err != nil {
		t.Skip("it takes the right to give files away:", err)
	}
	require.NoError(t, store.Compact(t.Context()))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 1234, info.Sys().(*syscall.Stat_t).Uid)
	assert.EqualValues(t, 1234, info.Sys().(*syscall.Stat_t).Gid)
}
