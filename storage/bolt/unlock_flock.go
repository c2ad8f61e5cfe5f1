//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"os"
	"syscall"
)

// abandon closes a file that bbolt has failed to let go of. The lock is of the
// open file, which lives as long as the memory map; so closing alone would not
// end it.
func abandon(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}
