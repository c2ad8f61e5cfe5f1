package sqlite

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// SQLite has no checksum of its own, so a flipped bit would otherwise be a
// wrong answer. The column "sum" of a row is the CRC-32C of its fields, those
// it is found by included, so that an index that points to another row shows.
// To that of a thread the number of its generation is added, times a constant:
// so a statement can move any number of threads without reading them.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// generationWeight is odd, so that every difference of less than 2^32 between
// two numbers shows in the sum.
const generationWeight = 0x9e3779b1

const sumMask = 1<<32 - 1

// seal gathers the fields of a row.
type seal struct{ buf []byte }

func (s *seal) text(values ...string) {
	for _, v := range values {
		s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(len(v)))
		s.buf = append(s.buf, v...)
	}
}

func (s *seal) number(values ...int64) {
	for _, v := range values {
		s.buf = binary.BigEndian.AppendUint64(s.buf, uint64(v))
	}
}

func (s *seal) optional(values ...*int64) {
	for _, v := range values {
		if v == nil {
			s.buf = append(s.buf, 0)
			continue
		}
		s.buf = append(s.buf, 1)
		s.number(*v)
	}
}

func (s *seal) sum() int64 { return int64(crc32.Checksum(s.buf, castagnoli)) }

// moved is what is added to the sum of a thread when it goes from one
// generation to another; 0 stands for none.
func moved(from, to uint64) int64 {
	return int64((to - from) * generationWeight & sumMask)
}

// threadRecord is a row of skein_thread as it is stored.
type threadRecord struct {
	number     int64
	generation uint64
	id         string
	assistant  string
	title      string
	metadata   string
	hidden     bool
	pinnedAt   *int64
	createdAt  int64
	updatedAt  int64
	activeAt   int64
	version    int64
	single     string
	sum        int64
}

// threadColumns are the columns of a thread in skein_thread AS t. The order is that
// of fields.
const threadColumns = `t.number, t.generation, t.id, t.assistant, t.title, t.metadata, t.hidden, t.pinned_at, t.created_at, t.updated_at, t.active_at, t.version, t.deletion, t.sum`

// fields are where threadColumns go.
func (r *threadRecord) fields() []any {
	return []any{&r.number, &r.generation, &r.id, &r.assistant, &r.title, &r.metadata, &r.hidden, &r.pinnedAt,
		&r.createdAt, &r.updatedAt, &r.activeAt, &r.version, &r.single, &r.sum}
}

// sealed is what the sum has to be.
func (r *threadRecord) sealed(user, organization string) int64 {
	hidden := int64(0)
	if r.hidden {
		hidden = 1
	}
	var room [512]byte // most rows fit, and cost no memory
	s := seal{buf: room[:0]}
	s.text(user, organization, r.id, r.assistant, r.title, r.metadata, r.single)
	s.number(hidden, r.createdAt, r.updatedAt, r.activeAt, r.version)
	s.optional(r.pinnedAt)
	return (s.sum() + moved(0, r.generation)) & sumMask
}

// recordOf makes the record of a thread. Its number is not set.
func recordOf(t threads.Thread, gen uint64, single string) (threadRecord, error) {
	r := threadRecord{
		generation: gen, id: t.ID, assistant: t.Assistant, title: t.Title, hidden: t.Hidden,
		pinnedAt: micros(t.PinnedAt), createdAt: t.CreatedAt.UnixMicro(), updatedAt: t.UpdatedAt.UnixMicro(),
		activeAt: t.LastActivityAt.UnixMicro(), version: t.Version, single: single,
	}
	var err error
	if r.metadata, err = encodeMetadata(t.Metadata); err != nil {
		return r, fmt.Errorf("sqlite: encode metadata: %w", err)
	}
	r.sum = r.sealed(t.User, t.Organization)
	return r, nil
}

// row is a thread and where it is. Its Thread never holds a deletion.
type row struct {
	threads.Thread
	number int64
	gen    generation.Generation
	single string // the deletion it is in, if it is among the singles
}

// row reads the record of a thread that was found in a generation.
func (r *threadRecord) row(user string, g generation.Generation) (row, error) {
	if r.generation != g.ID || r.sealed(user, g.Organization) != r.sum {
		return row{}, corrupt("the row %d of thread %q does not match its checksum", r.number, r.id)
	}
	metadata, err := decodeMetadata(r.metadata)
	if err != nil {
		return row{}, corrupt("the metadata of thread %q: %v", r.id, err)
	}
	t := threads.Thread{
		ID: r.id, User: user, Organization: g.Organization, Assistant: r.assistant, Title: r.title,
		Metadata: metadata, Hidden: r.hidden, PinnedAt: fromMicros(r.pinnedAt),
		CreatedAt: time.UnixMicro(r.createdAt).UTC(), UpdatedAt: time.UnixMicro(r.updatedAt).UTC(),
		LastActivityAt: time.UnixMicro(r.activeAt).UTC(), Version: r.version,
	}
	return row{Thread: t, number: r.number, gen: g, single: r.single}, nil
}

func sumOfGeneration(user string, g generation.Generation) int64 {
	var s seal
	s.text(user, g.Organization, g.Deletion)
	s.number(int64(g.ID), int64(g.State), g.Threads)
	return s.sum()
}

func sumOfDeletion(d threads.Deletion) int64 {
	var s seal
	s.text(d.User, d.ID, d.Scope.String(), d.Thread, d.Key)
	s.number(d.DeletedAt.UnixMicro(), d.Count, d.Held, d.Due().UnixMicro())
	s.optional(micros(d.RestoredAt), micros(d.PurgedAt))
	return s.sum()
}

// deletionColumns are what scanDeletion reads, in that order.
const deletionColumns = `user, id, scope, thread, key, deleted_at, count, held, restored_at, purged_at, due, sum`

func scanDeletion(scan func(...any) error) (threads.Deletion, error) {
	var d threads.Deletion
	var scope string
	var deletedAt, due, sum int64
	var restoredAt, purgedAt *int64
	if err := scan(&d.User, &d.ID, &scope, &d.Thread, &d.Key, &deletedAt, &d.Count, &d.Held, &restoredAt, &purgedAt, &due, &sum); err != nil {
		return d, err
	}
	var err error
	d.Scope, err = threads.ParseScope(scope)
	d.DeletedAt = time.UnixMicro(deletedAt).UTC()
	d.RestoredAt, d.PurgedAt = fromMicros(restoredAt), fromMicros(purgedAt)
	if err != nil || sumOfDeletion(d) != sum || d.Due().UnixMicro() != due {
		return d, corrupt("the row of deletion %q does not match its checksum", d.ID)
	}
	return d, nil
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
