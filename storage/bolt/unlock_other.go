//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import "os"

// abandon closes a file that bbolt has failed to let go of, and with it its
// lock.
func abandon(f *os.File) { _ = f.Close() }
