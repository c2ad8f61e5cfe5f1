package powercut

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// sector is what a disk writes wholly or not at all, in bytes.
const sector = 512

// Replay goes through what was done to a disk. It is used by one goroutine.
type Replay struct {
	log   []op
	next  int
	files map[int]*file
	names map[string]int // that are durable
	dir   []op           // changes of names since the last sync of the directory
}

// file is what is durable of a file, and what was done since its last sync.
type file struct {
	durable []byte
	pending []op
}

// Next takes the next call, and reports whether there was one, and its text if
// it was a mark.
func (r *Replay) Next() (mark string, ok bool) {
	if r.next == len(r.log) {
		return "", false
	}
	o := r.log[r.next]
	r.next++
	switch o.kind {
	case opWrite, opTruncate:
		f := r.file(o.file)
		f.pending = append(f.pending, o)
	case opSync:
		f := r.file(o.file)
		for _, p := range f.pending {
			f.durable = p.apply(f.durable)
		}
		f.pending = nil
	case opLost:
		r.file(o.file).pending = nil
	case opLink, opUnlink, opRename:
		r.dir = append(r.dir, o)
	case opSyncDir:
		for _, p := range r.dir {
			p.changeNames(r.names)
		}
		r.dir = nil
	case opMark:
		return o.name, true
	}
	return "", true
}

func (r *Replay) file(number int) *file {
	if r.files[number] == nil {
		r.files[number] = &file{}
	}
	return r.files[number]
}

// apply does a write or truncate to the content of a file.
func (o op) apply(b []byte) []byte {
	end := o.at + int64(len(o.data))
	if o.kind == opTruncate && end < int64(len(b)) {
		return b[:end:end]
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[o.at:], o.data)
	return b
}

// changeNames does a change of names.
func (o op) changeNames(names map[string]int) {
	switch o.kind { //nolint:exhaustive // the others change no names
	case opLink:
		names[o.name] = o.file
	case opUnlink:
		delete(names, o.name)
	case opRename:
		if n, ok := names[o.name]; ok {
			names[o.to] = n
			delete(names, o.name)
		}
	}
}

// A Chance is how much of what was not synced is there after a cut.
type Chance int

// The chances: nothing of it, each sector of it or not, all of it.
const (
	None Chance = iota
	Some
	All
)

// Image is the content of each file that has a name.
type Image map[string][]byte

// Cut returns what the disk holds if the power goes now. Of the changes of
// names, which a journal keeps in their order, it has the first so many. Of
// those that were not synced, Some takes random ones, by r.
func (r *Replay) Cut(c Chance, random *rand.Rand) Image {
	names := maps.Clone(r.names)
	first := map[Chance]int{None: 0, All: len(r.dir)}[c]
	if c == Some {
		first = random.IntN(len(r.dir) + 1)
	}
	for _, o := range r.dir[:first] {
		o.changeNames(names)
	}
	image := Image{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := r.file(names[name])
		b := slices.Clone(f.durable)
		for _, o := range f.pending {
			switch {
			case c == All:
				b = o.apply(b)
			case c == Some && o.kind == opTruncate && random.IntN(2) == 0:
				b = o.apply(b)
			case c == Some && o.kind == opWrite:
				for _, part := range o.sectors() {
					if random.IntN(2) == 0 {
						b = part.apply(b)
					}
				}
			}
		}
		image[name] = b
	}
	return image
}

// sectors are the parts of a write that are done wholly or not at all.
func (o op) sectors() (parts []op) {
	for at, data := o.at, o.data; len(data) > 0; {
		n := min(sector-at%sector, int64(len(data)))
		parts = append(parts, op{kind: opWrite, file: o.file, at: at, data: data[:n]})
		at, data = at+n, data[n:]
	}
	return parts
}

// WriteTo makes the files of an image in a directory.
func (i Image) WriteTo(dir string) error {
	for name, b := range i {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Len is how many calls there are.
func (r *Replay) Len() int { return len(r.log) }
