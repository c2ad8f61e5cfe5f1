package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"
)

const (
	prefix         = "skein_"
	randomBytes    = 32
	randomLength   = 43 // base62 digits of 256 bits
	checksumLength = 6  // base62 digits of 32 bits
)

// newSecret makes a secret.
func newSecret() string {
	var b [randomBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	random := base62(new(big.Int).SetBytes(b[:]), randomLength)
	return prefix + random + checksum(random)
}

func checksum(random string) string {
	sum := crc32.ChecksumIEEE([]byte(prefix + random))
	return base62(new(big.Int).SetUint64(uint64(sum)), checksumLength)
}

// base62 writes n with the digits 0-9 a-z A-Z, with leading zeros.
func base62(n *big.Int, length int) string {
	digits := n.Text(62)
	return strings.Repeat("0", length-len(digits)) + digits
}

// Generated reports whether text has the form of a secret made here: prefix,
// length and checksum. It is for scanners that look for leaked secrets, and
// says nothing about whether the key is in any file.
func Generated(text string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	return ok && len(rest) == randomLength+checksumLength && checksum(rest[:randomLength]) == rest[randomLength:]
}

// Hash is the SHA-256 of a secret. As text it is "sha256:" and 64 hex digits.
type Hash [sha256.Size]byte

const hashPrefix = "sha256:"

func hashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// String returns the hash as text.
func (h Hash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Hash) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), hashPrefix)
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != len(h) {
		return errors.New(`a hash is "sha256:" and 64 hex digits`)
	}
	copy(h[:], b)
	return nil
}
