package threads

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Cursor is a place in a list: just after, or just before, the thread or
// deletion with that time and id. It stays good when that thread or deletion
// is deleted or purged. The zero Cursor is no place.
//
// It names no user and grants nothing: with another user's cursor, a user
// still sees only their own threads.
type Cursor struct {
	Time time.Time // created-at of a thread, deleted-at of a deletion
	ID   string
}

// IsZero reports whether c is no place.
func (c Cursor) IsZero() bool { return c.ID == "" && c.Time.IsZero() }

// Compare orders places by time, then by the bytes of the id. It returns -1,
// 0 or +1. Every list is in this order, or in its reverse.
func (c Cursor) Compare(d Cursor) int {
	if n := c.Time.Compare(d.Time); n != 0 {
		return n
	}
	switch {
	case c.ID < d.ID:
		return -1
	case c.ID > d.ID:
		return +1
	}
	return 0
}

// The token of a cursor is base64url, without padding, of: one byte of
// version, eight of big-endian microseconds since 1970, the id, and the
// CRC-32C of all before, so that a token cut short is refused and not taken
// for another place.
const (
	cursorVersion  = 1
	cursorOverhead = 1 + 8 + 4
)

var (
	castagnoli    = crc32.MakeTable(crc32.Castagnoli)
	cursorBase64  = base64.RawURLEncoding.Strict()
	maxCursorText = cursorBase64.EncodedLen(cursorOverhead + MaxIdentifier)
)

// String returns the cursor as an opaque token for [ParseCursor], or "" for
// the zero Cursor. The token is safe in a URL.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	b := make([]byte, 0, cursorOverhead+len(c.ID))
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMicro()))
	b = append(b, c.ID...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return cursorBase64.EncodeToString(b)
}

// ParseCursor reads a token made by [Cursor.String], of this version or an
// earlier one. Anything else, the empty token included, is an [ErrInvalid].
func ParseCursor(token string) (Cursor, error) {
	bad := invalid("cursor", "Must be a cursor from an earlier page", token)
	if len(token) > maxCursorText {
		return Cursor{}, bad
	}
	b, err := cursorBase64.DecodeString(token)
	if err != nil || len(b) <= cursorOverhead || b[0] != cursorVersion {
		return Cursor{}, bad
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(sum) {
		return Cursor{}, bad
	}
	c := Cursor{
		Time: time.UnixMicro(int64(binary.BigEndian.Uint64(body[1:9]))).UTC(),
		ID:   string(body[9:]),
	}
	if c.Validate() != nil || c.String() != token {
		return Cursor{}, bad
	}
	return c, nil
}

// Validate reports whether c is a place a list can start from. The zero
// Cursor is not.
func (c Cursor) Validate() error {
	if err := validateIdentifier("cursor", c.ID); err != nil {
		return err
	}
	return validateTime("cursor", c.Time)
}
