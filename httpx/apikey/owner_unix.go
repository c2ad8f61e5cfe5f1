//go:build unix

package apikey

import (
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the old one, so that a server still
// can read its keys after an administrator has added one.
func keepOwner(file *os.File, old os.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Geteuid() {
		return nil
	}
	return file.Chown(int(was.Uid), int(was.Gid))
}
