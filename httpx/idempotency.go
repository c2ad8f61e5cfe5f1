package httpx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/skein-go/skein/threads"
)

const keyHeader = "Idempotency-Key"

// idempotencyKey returns the key of a request, or "" if it has none. A header
// that was meant as the key and is not is refused: the caller counts on a
// retry being safe.
func idempotencyKey(header http.Header) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if l := letters(name); name != keyHeader && strings.Contains(l, "idem") && strings.Contains(l, "key") {
			return "", malformed("header", name, "Unknown header. The key of a request goes into %s.", keyHeader)
		}
	}
	keys, sent := header[keyHeader]
	if !sent {
		return "", nil
	}
	if len(keys) != 1 {
		return "", malformed("header", keyHeader, "The header must not be repeated.")
	}
	if strings.Trim(keys[0], `"' `) == "" {
		return "", malformed("header", keyHeader, "The header must have a value; leave it out instead.")
	}
	return keys[0], threads.ValidateKey(keys[0])
}

// letters returns the lower-case letters of s.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// keyedThreadID returns the id of the thread that the user makes with the key.
// Its 128 bits are of a digest, so that nobody finds another pair with the
// same. Neither user nor key can hold the separator, a control character.
func keyedThreadID(user, key string) string {
	sum := sha256.Sum256([]byte("skein thread\x00" + user + "\x00" + key))
	return "thrd_" + hex.EncodeToString(sum[:16])
}

// maxKeyedTries bounds how often createKeyed starts over because the thread of
// its key was purged under its eyes.
const maxKeyedTries = 3

// createKeyed makes the thread of the user and key once. See the package
// comment for what a repeated key is answered.
func (h *handler) createKeyed(ctx context.Context, user, key string, d threads.Draft) (threads.Thread, error) {
	d.ID = keyedThreadID(user, key)
	for try := 1; ; try++ {
		t, err := h.service.Create(ctx, user, d)
		if !errors.Is(err, threads.ErrExists) || try == maxKeyedTries {
			return t, err
		}
		t, err = h.service.Get(ctx, user, d.ID, threads.Both)
		if errors.Is(err, threads.ErrNotFound) {
			continue
		}
		if err != nil {
			return threads.Thread{}, err
		}
		return t, sameRequest(t, d)
	}
}

// sameRequest returns nil if the thread that a key has made says what the
// draft says. If it does not, that is for certain another request only as long
// as the thread was never changed.
func sameRequest(t threads.Thread, d threads.Draft) error {
	switch {
	case t.Organization == d.Organization && t.Assistant == d.Assistant && t.Title == d.Title &&
		t.Hidden == d.Hidden && maps.Equal(t.Metadata, d.Metadata):
		return nil
	case t.Version == 1 || t.Organization != d.Organization: // which never changes
		return fmt.Errorf("create thread %q: %w", t.ID, threads.ErrKeyReused)
	}
	return &refusal{
		class:   threads.ErrConflict,
		reason:  "The Idempotency-Key has made a thread that was changed since, so it cannot be told whether this is the same request.",
		details: map[string]string{"id": t.ID},
	}
}
