package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/skein-go/skein/threads"
)

// content is what is in a keys file.
type content struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Keys    []Key  `json:"keys"`
}

const (
	format  = "skein api keys"
	version = 1
)

// maxSize bounds what is read into memory: some 100,000 keys.
const maxSize = 32 << 20

// read returns the keys in a file, and how the file was.
func read(path string) ([]Key, os.FileInfo, error) {
	text, state, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w; make one with: skein keys add --keys %s --user USER", err, path)
	}
	if err != nil {
		return nil, nil, err
	}
	keys, err := decode(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, state, nil
}

// readPrivate returns what is in a file that only its owner can read, and how
// the file was.
func readPrivate(path string) ([]byte, os.FileInfo, error) {
	// Looked at first, for opening a pipe would wait for whoever writes to it.
	if state, err := os.Stat(path); err == nil && !state.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	state, err := file.Stat()           // of what is open, not of what is there by now
	if err != nil {
		return nil, nil, err
	}
	switch {
	case !state.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	case runtime.GOOS != "windows" && state.Mode().Perm()&0o077 != 0:
		return nil, nil, fmt.Errorf("%s is open to others (mode %04o); close it with: chmod 600 %s", path, state.Mode().Perm(), path)
	case state.Size() > maxSize:
		return nil, nil, fmt.Errorf("%s is longer than %d bytes", path, maxSize)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSize))
	return text, state, err
}

// decode reads what encode wrote.
func decode(text []byte) ([]Key, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	switch err := json.Unmarshal(text, &head); {
	case err != nil:
		return nil, fmt.Errorf("not a keys file: %w", err)
	case head.Format != format:
		return nil, fmt.Errorf("not a keys file: its format is %q, not %q", head.Format, format)
	case head.Version != version:
		return nil, fmt.Errorf("the version of the keys file is %d; this program knows %d", head.Version, version)
	}
	var c content
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("the keys file is damaged: %w", err)
	}
	if c.Keys == nil {
		return nil, errors.New("the keys file is damaged: it has no keys member")
	}
	ids, hashes := map[string]bool{}, map[Hash]bool{}
	for i, k := range c.Keys {
		if err := k.validate(); err != nil {
			return nil, fmt.Errorf("the keys file is damaged: key %d %w", i+1, err)
		}
		if ids[k.ID] || hashes[k.Hash] {
			return nil, fmt.Errorf("the keys file is damaged: key %d is there twice", i+1)
		}
		ids[k.ID], hashes[k.Hash] = true, true
	}
	if !isCanonical(text, c.Keys) {
		return nil, errors.New("the keys file is damaged: a member is there twice, in another case or order, or null; only spaces may differ from what is written here")
	}
	return c.Keys, nil
}

// isCanonical reports whether the text says no more than the keys that were
// read from it. Encoding/json takes the last of two members, and names in
// another case: so a merge or an edit by hand could open more than it shows.
func isCanonical(text []byte, keys []Key) bool {
	want, err := encode(keys)
	var got, again bytes.Buffer
	err = errors.Join(err, json.Compact(&got, text), json.Compact(&again, want))
	return err == nil && bytes.Equal(got.Bytes(), again.Bytes())
}

func encode(keys []Key) ([]byte, error) {
	if keys == nil {
		keys = []Key{}
	}
	text, err := json.MarshalIndent(content{Format: format, Version: version, Keys: keys}, "", "\t")
	return append(text, '\n'), err
}

// write replaces the file with one of that text, so that a reader, and whoever
// comes after a crash, finds either the old one or the new one. Its owner is
// that of old, which may be nil.
func write(path string, old os.FileInfo, text []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name()) // holds hashes only
		}
	}()
	_, err = temp.Write(text)
	if err == nil && old != nil {
		err = keepOwner(temp, old)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in a directory durable. Windows has no such call.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// lock keeps others from changing the file until unlock is called. A lock file
// works on every system, unlike advisory locks; its price is that it stays
// behind a crash, so the error says what to do.
func lock(path string) (unlock func(), err error) {
	name := path + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: another is changing %s; if that is not so, a crash left its lock: remove %s", threads.ErrLocked, path, name)
	}
	if err != nil {
		return nil, err
	}
	_ = file.Close()
	return func() { _ = os.Remove(name) }, nil
}
