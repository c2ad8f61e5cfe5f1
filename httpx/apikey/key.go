package apikey

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/skein-go/skein/threads"
)

// Key is what the file keeps of an API key: everything but the secret. Times
// are UTC and whole seconds.
type Key struct {
	ID   string `json:"id"`   // "key_" and 16 hex digits; made here, but others of letters, digits, '_' and '-' will do
	User string `json:"user"` // whose threads the key opens

	// Scope is which of them: all, or those of some organizations. A key of
	// organizations opens personal threads only if its scope names these too.
	Scope threads.Scope `json:"scope"`

	Hash      Hash      `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // from when on it is refused; zero: never
	RevokedAt time.Time `json:"revoked_at,omitzero"` // zero: not revoked
}

// LogValue implements [slog.LogValuer]: a log has no use for the hash.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", k.ID), slog.String("user", k.User))
}

// Expired reports whether the key has expired at that time.
func (k Key) Expired(at time.Time) bool { return !k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt) }

// Revoked reports whether the key was revoked.
func (k Key) Revoked() bool { return !k.RevokedAt.IsZero() }

// idLetters is what ids are made of, so that they can be shown anywhere.
const idLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// validate reports whether k, as it was read from a file, is a key.
func (k Key) validate() error {
	switch {
	case strings.Trim(k.ID, idLetters) != "" || k.ID == "":
		return errors.New("has no id of letters, digits, '_' and '-'")
	case k.Scope == threads.Scope{}:
		return errors.New(`has no scope; "scope": "all" is that of a key for all of the user's threads`)
	case k.Hash == Hash{}:
		return errors.New("has no hash")
	case k.CreatedAt.IsZero():
		return errors.New("has no created_at")
	}
	if err := threads.ValidateUser(k.User); err != nil {
		return fmt.Errorf("has no valid user: %w", err)
	}
	return nil
}

// seconds is t as the file keeps it.
func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
