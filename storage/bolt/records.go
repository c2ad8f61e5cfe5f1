package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// A record is a CBOR map (RFC 8949) with small integers for names. Fields can
// be added under new numbers; a number is never used again for something else.
//
// Every value, of an index too, ends in its seal: the CRC-32C of the key and
// of the value before it. bbolt has no checksums, so a flipped bit, or a value
// under a key that is not its own, would otherwise be a wrong answer.

type threadRecord struct {
	Organization string            `cbor:"1,keyasint,omitempty"`
	Assistant    string            `cbor:"2,keyasint,omitempty"`
	Title        string            `cbor:"3,keyasint,omitempty"`
	Metadata     map[string]string `cbor:"4,keyasint,omitempty"`
	PinnedAt     *int64            `cbor:"5,keyasint,omitempty"`
	UpdatedAt    int64             `cbor:"6,keyasint"` // microseconds after created-at, which is in the key
	ActiveAt     int64             `cbor:"7,keyasint"` // likewise
	Version      int64             `cbor:"8,keyasint"`
	Single       string            `cbor:"9,keyasint,omitempty"` // the deletion it is in, if it is among the singles
}

// whereRecord says where the thread of an id is.
type whereRecord struct {
	Generation uint64 `cbor:"1,keyasint"`
	CreatedAt  int64  `cbor:"2,keyasint"`
	Hidden     bool   `cbor:"3,keyasint,omitempty"`
}

type generationRecord struct {
	Threads  int64  `cbor:"1,keyasint"`
	Deletion string `cbor:"2,keyasint,omitempty"`
}

type deletionRecord struct {
	Scope      string `cbor:"1,keyasint"`
	Thread     string `cbor:"2,keyasint,omitempty"`
	Key        string `cbor:"3,keyasint,omitempty"`
	DeletedAt  int64  `cbor:"4,keyasint"`
	Count      int64  `cbor:"5,keyasint"`
	Held       int64  `cbor:"6,keyasint,omitempty"`
	RestoredAt *int64 `cbor:"7,keyasint,omitempty"`
	PurgedAt   *int64 `cbor:"8,keyasint,omitempty"`
}

var (
	encoder = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic}.EncMode())
	decoder = must(cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden}.DecMode())
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options above are constants
	}
	return v
}

func encode(key []byte, record any) ([]byte, error) {
	b, err := encoder.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return seal(key, b), nil
}

func decode(key, value []byte, record any) error {
	body, err := unseal(key, value)
	if err != nil {
		return err
	}
	return unmarshal(key, body, record)
}

func unmarshal(key, body []byte, record any) error {
	if err := decoder.Unmarshal(body, record); err != nil {
		return corrupt(key, err.Error())
	}
	return nil
}

// seal returns the value of the key that has that body.
func seal(key, body []byte) []byte {
	return binary.BigEndian.AppendUint32(body, checksum(key, body))
}

// unseal returns the body of a value.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < 4 {
		return nil, corrupt(key, "is cut short")
	}
	body, sum := value[:len(value)-4], value[len(value)-4:]
	if checksum(key, body) != binary.BigEndian.Uint32(sum) {
		return nil, corrupt(key, "does not match its checksum")
	}
	return body, nil
}

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

func corrupt(key []byte, what string) error {
	return fmt.Errorf("%w: the record under key %q %s", threads.ErrCorrupt, key, what)
}

func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	m := t.UnixMicro()
	return &m
}

func fromMicros(m *int64) time.Time {
	if m == nil {
		return time.Time{}
	}
	return time.UnixMicro(*m).UTC()
}

func recordOf(t threads.Thread, single string) threadRecord {
	created := t.CreatedAt.UnixMicro()
	return threadRecord{
		Organization: t.Organization, Assistant: t.Assistant, Title: t.Title, Metadata: t.Metadata,
		PinnedAt: micros(t.PinnedAt), UpdatedAt: t.UpdatedAt.UnixMicro() - created,
		ActiveAt: t.LastActivityAt.UnixMicro() - created, Version: t.Version, Single: single,
	}
}

func (r threadRecord) thread(user string, place threads.Cursor, hidden bool) threads.Thread {
	created := place.Time.UnixMicro()
	t := threads.Thread{
		ID: place.ID, User: user, Organization: r.Organization, Assistant: r.Assistant, Title: r.Title,
		Metadata: r.Metadata, Hidden: hidden, PinnedAt: fromMicros(r.PinnedAt), CreatedAt: place.Time,
		UpdatedAt:      time.UnixMicro(created + r.UpdatedAt).UTC(),
		LastActivityAt: time.UnixMicro(created + r.ActiveAt).UTC(), Version: r.Version,
	}
	if t.Metadata == nil {
		t.Metadata = map[string]string{}
	}
	return t
}

func recordOfGeneration(g generation.Generation) generationRecord {
	return generationRecord{Threads: g.Threads, Deletion: g.Deletion}
}

func recordOfDeletion(d threads.Deletion) deletionRecord {
	return deletionRecord{
		Scope: d.Scope.String(), Thread: d.Thread, Key: d.Key, DeletedAt: d.DeletedAt.UnixMicro(),
		Count: d.Count, Held: d.Held, RestoredAt: micros(d.RestoredAt), PurgedAt: micros(d.PurgedAt),
	}
}

func (r deletionRecord) deletion(user, id string) (threads.Deletion, error) {
	scope, err := threads.ParseScope(r.Scope)
	if err != nil {
		return threads.Deletion{}, fmt.Errorf("%w: deletion %s: %s", threads.ErrCorrupt, id, err.Error())
	}
	return threads.Deletion{
		ID: id, User: user, Scope: scope, Thread: r.Thread, Key: r.Key, DeletedAt: time.UnixMicro(r.DeletedAt).UTC(),
		Count: r.Count, Held: r.Held, RestoredAt: fromMicros(r.RestoredAt), PurgedAt: fromMicros(r.PurgedAt),
	}, nil
}
