// Package powercut is a disk that remembers what a program did to it, and says
// what it would hold had the power gone at any moment of that.
//
// A program uses it through a file system ([Disk.Mount]), where it sees what it
// wrote, as any program does. The disk logs each call that changes something.
// [Disk.Replay] goes through the log, and makes an [Image] of any place in it:
// what was synced, and as much of the rest as chance will have.
//
// What it is stricter in than a real one: only a sync of the directory makes a
// name durable, and only a sync of the file its size.
package powercut

import (
	"sync"
	"syscall"
)

// An op is what a call did. Which fields it has depends on its kind.
type op struct {
	kind kind
	file int    // the file, by its number
	name string // in the directory; of a mark, its text
	to   string // the new name
	at   int64  // where it writes, or the new size
	data []byte // what it writes
}

type kind int

const (
	opWrite    kind = iota
	opTruncate      // to size at
	opSync          // of a file
	opLost          // a sync of a file that failed: what it should have kept is lost
	opLink          // file gets the name
	opUnlink        // name goes
	opRename        // name becomes to, in the place of what had it
	opSyncDir       // of the directory
	opMark          // of the program, for whoever reads the log
)

// Disk is a disk with one directory. It is safe for concurrent use.
type Disk struct {
	// Lies makes every sync say that it is done, and do nothing.
	Lies bool
	// FailSync is which sync of a file fails, counted from 1; 0: none. As
	// Linux does, it gives up what it could not write, and says so once.
	FailSync int
	// Fails is how many syncs fail from that one on; 0: one.
	Fails int
	// KillSync is at which sync of a file the process that wants it is killed,
	// counted alike; 0: none. Unless it fails too, nothing is lost by that.
	KillSync int

	mu    sync.Mutex
	log   []op
	files int // that there have been
	syncs int
}

// add logs an op.
func (d *Disk) add(o op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, o)
}

// newFile gives a new file its number.
func (d *Disk) newFile() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files++
	return d.files
}

// sync is a sync of a file, or of the directory, that a process wants.
func (d *Disk) sync(process int, o op) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.kind == opSync {
		d.syncs++
		if d.FailSync > 0 && d.syncs >= d.FailSync && d.syncs < d.FailSync+max(1, d.Fails) {
			o.kind = opLost
			d.log = append(d.log, o)
		}
		if d.syncs == d.KillSync {
			if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
				panic(err) // it waits for us
			}
			return syscall.EINTR
		}
		if o.kind == opLost {
			return syscall.EIO
		}
	}
	if !d.Lies {
		d.log = append(d.log, o)
	}
	return 0
}

// Spare has no process killed any more.
func (d *Disk) Spare() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.KillSync = 0
}

// Syncs is how many syncs of files there were.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// SyncsBefore returns which syncs of files had something to write, and all of it
// before an offset.
func (d *Disk) SyncsBefore(offset int64) (which []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ends, n := map[int]int64{}, 0 // ends has those of the files that have something to write
	for _, o := range d.log {
		switch o.kind { //nolint:exhaustive // the others are of names
		case opWrite, opTruncate:
			ends[o.file] = max(ends[o.file], o.at+int64(len(o.data)))
		case opSync, opLost:
			n++
			if end := ends[o.file]; end > 0 && end <= offset {
				which = append(which, n)
			}
			delete(ends, o.file)
		}
	}
	return which
}

// Replay returns a replay of what has been done until now.
func (d *Disk) Replay() *Replay {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Replay{log: d.log[:len(d.log):len(d.log)], files: map[int]*file{}, names: map[string]int{}}
}
