package apikey

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// ErrUnknownKey says that the file has no key of that id.
var ErrUnknownKey = errors.New("no such key")

// File is a keys file. It is safe for concurrent use, also of several Files
// and processes on one path.
type File struct {
	path  string
	clock func() time.Time // for expiry; time.Now

	mu     sync.RWMutex
	state  os.FileInfo // of what was read last
	readAt time.Time
	keys   []Key        // in the order they were made
	byHash map[Hash]int // where in keys

	uses uses
}

// Create makes a keys file without keys, which only its owner can read. If
// there is a file, the error matches [fs.ErrExist] and nothing is changed.
func Create(path string) (*File, error) {
	unlock, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("make keys file: %w", err)
	}
	defer unlock()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return nil, fmt.Errorf("make keys file: %w", err)
	}
	text, err := encode(nil)
	if err == nil {
		err = write(path, nil, text)
	}
	if err != nil {
		return nil, fmt.Errorf("make keys file: %w", err)
	}
	return Open(path)
}

// Open opens a keys file. A missing one is an error that matches
// [fs.ErrNotExist]. So that keys are neither lost nor leaked, a file is refused
// if it has a member or version this package does not know, and, where files
// have modes, if group or others have any access to it.
//
// Nothing stays open; a File needs no closing.
func Open(path string) (*File, error) {
	f := &File{path: path, clock: time.Now}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("open keys file: %w", err)
	}
	return f, nil
}

// List returns the keys in the order they were made, revoked and expired ones
// too, as they were when the file was last read.
func (f *File) List() []Key {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Clone(f.keys)
}

// Add makes a key that opens those of the user's threads that are in scope,
// and writes it to the file. It returns the secret, which is nowhere else and
// cannot be had again. The zero expires is never; another must be after now.
// A user may have any number of keys.
//
// After an error there is no secret; at worst the file has a record that no
// secret belongs to. The error is [threads.ErrInvalid] for a bad user, scope or
// time, and [threads.ErrLocked] if another is changing the file.
func (f *File) Add(user string, scope threads.Scope, expires, now time.Time) (secret string, k Key, err error) {
	secret = newSecret()
	k = Key{ID: newID(), User: user, Scope: scope, Hash: hashOf(secret), CreatedAt: seconds(now), ExpiresAt: seconds(expires)}
	if err = threads.ValidateUser(user); err == nil {
		err = scope.Validate()
	}
	if err == nil && k.Expired(now) {
		err = &threads.FieldError{Field: "expires", Rule: "Must be in the future", Given: expires.Format(time.RFC3339)}
	}
	if err == nil {
		err = f.change(func(keys []Key) ([]Key, error) {
			return append(keys, k), nil
		})
	}
	if err != nil {
		return "", Key{}, fmt.Errorf("add key: %w", err)
	}
	return secret, k, nil
}

// Revoke ends a key for good. Its record stays. Revoking again is success and
// keeps the first time. A key that is not there is [ErrUnknownKey]; if another
// is changing the file, it is [threads.ErrLocked].
func (f *File) Revoke(id string, now time.Time) error {
	err := f.change(func(keys []Key) ([]Key, error) {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("%w: %q", ErrUnknownKey, id)
		}
		if !keys[i].Revoked() {
			keys[i].RevokedAt = seconds(now)
		}
		return keys, nil
	})
	if err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	return nil
}

// newID makes the id of a key, which tells nothing about its secret.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return "key_" + hex.EncodeToString(b[:])
}

// change rewrites the file with what edit makes of its keys as they are now.
func (f *File) change(edit func([]Key) ([]Key, error)) error {
	path, err := filepath.EvalSymlinks(f.path) // a link stays a link, and all who follow it take one lock
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.loadLocked(); err != nil {
		return err
	}
	keys, err := edit(slices.Clone(f.keys))
	if err != nil {
		return err
	}
	text, err := encode(keys)
	if err == nil {
		err = write(path, f.state, text)
	}
	if err != nil {
		return err
	}
	return f.loadLocked()
}

func (f *File) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loadLocked()
}

// loadLocked reads the file. If it fails, nothing is changed. f.mu is held.
func (f *File) loadLocked() error {
	readAt := time.Now()
	keys, state, err := read(f.path)
	if err != nil {
		return err
	}
	f.keys, f.state, f.readAt = keys, state, readAt
	f.byHash = make(map[Hash]int, len(keys))
	for i, k := range keys {
		f.byHash[k.Hash] = i
	}
	return nil
}
