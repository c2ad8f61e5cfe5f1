package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// When keys were last used is in a file of its own, beside the keys: it is
// written by servers, often, and the keys by people, seldom; and no fault in
// it can lock anybody out, or let anybody in.

// useGrain is how exactly the last use of a key is known. Uses within it make
// one change.
const useGrain = time.Minute

// usesSuffix is what the name of the file of uses ends in, after that of the
// keys file.
const usesSuffix = ".uses"

// uses is when keys were last used, as far as one File has seen. It is safe
// for concurrent use.
type uses struct {
	mu    sync.Mutex
	last  map[string]time.Time // by the id of the key
	saved bool
}

// note says that the key is used.
func (u *uses) note(id string, now time.Time) {
	at := now.UTC().Truncate(useGrain)
	u.mu.Lock()
	defer u.mu.Unlock()
	if !at.After(u.last[id]) {
		return
	}
	if u.last == nil {
		u.last = map[string]time.Time{}
	}
	u.last[id], u.saved = at, false
}

// take returns what was not saved yet, and takes it for saved.
func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.saved {
		return nil
	}
	u.saved = true
	return maps.Clone(u.last)
}

// untake says that what was taken is not saved.
func (u *uses) untake() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.saved = false
}

func (u *uses) all() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.last)
}

// SaveUses writes down when keys were last used, to the minute, in a file
// beside the keys file: its name with ".uses" at the end. If there is nothing
// new since the last time, it writes nothing. A server calls it every minute
// or so, and once before it ends; several may, on one file. What was not saved
// when a process is killed is not known.
//
// The error is [threads.ErrLocked] if another is writing the file. After any
// error the uses are still there for the next call.
func (f *File) SaveUses() error {
	fresh := f.uses.take()
	if len(fresh) == 0 {
		return nil
	}
	if err := f.mergeUses(fresh); err != nil {
		f.uses.untake()
		return fmt.Errorf("save uses of keys: %w", err)
	}
	return nil
}

// LastUsed returns when keys were last used, by their ids: what was saved by
// anybody, and what this File has seen. A key that was never used is not
// there. The map is the caller's.
func (f *File) LastUsed() (map[string]time.Time, error) {
	path, err := f.usesPath()
	if err != nil {
		return nil, fmt.Errorf("read uses of keys: %w", err)
	}
	saved, err := readUses(path)
	if err != nil {
		return nil, fmt.Errorf("read uses of keys: %w", err)
	}
	return later(saved, f.uses.all()), nil
}

// mergeUses writes to the file what it does not have.
func (f *File) mergeUses(fresh map[string]time.Time) error {
	path, err := f.usesPath()
	if err != nil {
		return err
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	saved, err := readUses(path)
	if err != nil {
		return err
	}
	merged := later(maps.Clone(saved), fresh)
	if maps.EqualFunc(saved, merged, time.Time.Equal) {
		return nil
	}
	text, err := json.MarshalIndent(usesContent{usesFormat, usesVersion, merged}, "", "\t")
	if err != nil {
		return err
	}
	keys, err := os.Stat(f.path) // who reads the one reads the other
	if err != nil {
		return err
	}
	return write(path, keys, append(text, '\n'))
}

func (f *File) usesPath() (string, error) {
	path, err := filepath.EvalSymlinks(f.path)
	return path + usesSuffix, err
}

// later adds to a what is later or only in b, and returns it.
func later(a, b map[string]time.Time) map[string]time.Time {
	for id, at := range b {
		if at.After(a[id]) {
			a[id] = at
		}
	}
	return a
}

// usesContent is what is in a file of uses.
type usesContent struct {
	Format   string               `json:"format"`
	Version  int                  `json:"version"`
	LastUsed map[string]time.Time `json:"last_used"`
}

const (
	usesFormat  = "skein api key uses"
	usesVersion = 1
)

// readUses returns what is in a file of uses; in none, there are none.
func readUses(path string) (map[string]time.Time, error) {
	text, _, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	var c usesContent
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&c)
	if err == nil && (c.Format != usesFormat || c.Version != usesVersion || c.LastUsed == nil) {
		err = fmt.Errorf("its format is %q, version %d", c.Format, c.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a file of uses that this program knows; if it is damaged, remove it: %w", path, err)
	}
	return c.LastUsed, nil
}
