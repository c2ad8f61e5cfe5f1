package apikey

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/skein-go/skein/httpx"
)

var (
	_ httpx.Authenticator = (*File)(nil)
	_ httpx.Challenger    = (*File)(nil)
)

// header is where the secret goes.
const header = "X-API-Key"

// Authenticate implements [httpx.Authenticator]. It takes the secret from the
// header X-API-Key; an absent or empty one is [httpx.ErrNoCredentials]. A key
// that is unknown or revoked, and a repeated header, are
// [httpx.ErrBadCredentials]; an expired key is [httpx.ErrExpiredCredentials].
//
// The caller may act on the scope of the key. That the key was used is noted in
// memory; see [File.SaveUses].
//
// If the file was changed it is read again first. If that fails nobody is let
// in, for what was read before may hold keys that were revoked since.
func (f *File) Authenticate(r *http.Request) (httpx.Caller, error) {
	secrets := r.Header.Values(header)
	switch {
	case len(secrets) == 0 || len(secrets) == 1 && secrets[0] == "":
		return httpx.Caller{}, httpx.ErrNoCredentials
	case len(secrets) > 1:
		return httpx.Caller{}, httpx.ErrBadCredentials
	}
	k, ok, err := f.find(hashOf(secrets[0]))
	now := f.clock()
	switch {
	case err != nil:
		return httpx.Caller{}, fmt.Errorf("read keys file: %w", err)
	case !ok || k.Revoked():
		return httpx.Caller{}, httpx.ErrBadCredentials
	case k.Expired(now):
		return httpx.Caller{}, httpx.ErrExpiredCredentials
	}
	f.uses.note(k.ID, now)
	return httpx.Caller{User: k.User, Scope: k.Scope}, nil
}

// Challenge implements [httpx.Challenger].
func (f *File) Challenge() string { return `ApiKey realm="skein", header="` + header + `"` }

// find returns the key with that hash. How long the look-up takes tells of the
// hash at most, from which nobody gets back to a secret.
func (f *File) find(h Hash) (k Key, ok bool, err error) {
	if err := f.refresh(); err != nil {
		return Key{}, false, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if i, found := f.byHash[h]; found {
		k = f.keys[i]
	}
	return k, subtle.ConstantTimeCompare(h[:], k.Hash[:]) == 1, nil
}

// refresh reads the file again if it is not as it was when it was last read.
func (f *File) refresh() error {
	now, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	f.mu.RLock()
	same := unchanged(f.state, now, f.readAt)
	f.mu.RUnlock()
	if same {
		return nil
	}
	return f.load()
}

// settled is how old a modification time must be, when the file is read, to
// tell it from that of any later change: file systems round it.
const settled = 2 * time.Second

// unchanged reports whether a file is as it was when it was read.
func unchanged(then, now os.FileInfo, readAt time.Time) bool {
	return os.SameFile(then, now) && then.Size() == now.Size() && then.Mode() == now.Mode() &&
		then.ModTime().Equal(now.ModTime()) && readAt.Sub(then.ModTime()) > settled
}
