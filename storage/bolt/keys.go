package bolt

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Records are in two buckets, under flat keys. A key is a byte that says what
// it is, the user and a zero byte, and then, in the bucket of threads:
//
//	t, h  generation, created-at, id     a thread that is shown, or hidden
//	p     generation, created-at, id     a pinned thread; its kind, t or h
//	a     generation, assistant, 0, created-at, id   a thread with that assistant; likewise
//	i     id                             where the thread of that id is
//
// and in the ledger, which is all that deletes and restores touch, so that
// what they write does not grow with the tree of the threads:
//
//	G     state, organization, 0, generation   a generation
//	D     id                             a deletion
//	C     deleted-at, id                 the same, in the order of lists; nothing
//	U     due, id                        the same, in the order of purges; nothing
//	K     idempotency key                the id of its deletion
//	O     deletion, 0, generation        a generation of a deletion of all; its organization
//
// The kinds in the ledger are capital letters, all before those of the other
// bucket: so no page of one bucket fits into the order of the other.
//
// Users, ids, organizations and keys hold no control characters, so the zero
// byte ends them and no key is the beginning of another user's. Numbers are
// eight bytes, big-endian; times are microseconds since 1970 with the sign bit
// turned, so that bytes sort as times do.
const (
	kindShown     = 't'
	kindHidden    = 'h'
	kindPinned    = 'p'
	kindAssistant = 'a'
	kindID        = 'i'
	kindGen       = 'G'
	kindDeletion  = 'D'
	kindOwned     = 'O'
	kindByTime    = 'C'
	kindDue       = 'U'
	kindKey       = 'K'
)

// rowKinds and ledgerKinds are the kinds of key in the two buckets.
var (
	rowKinds    = []byte{kindShown, kindHidden, kindPinned, kindAssistant, kindID}
	ledgerKinds = []byte{kindGen, kindDeletion, kindOwned, kindByTime, kindDue, kindKey}
)

// prefix begins every key of a kind of the user.
func prefix(kind byte, user string) []byte {
	k := make([]byte, 0, 2+len(user)+2*8+threads.MaxIdentifier)
	k = append(k, kind)
	k = append(k, user...)
	return append(k, 0)
}

func withNumber(k []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(k, n) }

func withTime(k []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(k, uint64(t.UnixMicro())^(1<<63))
}

func withText(k []byte, s string) []byte { return append(append(k, s...), 0) }

func withPlace(k []byte, c threads.Cursor) []byte { return append(withTime(k, c.Time), c.ID...) }

// placeOf reads the place at the end of a key, after its prefix.
func placeOf(rest []byte) (threads.Cursor, bool) {
	if len(rest) <= 8 {
		return threads.Cursor{}, false
	}
	micros := int64(binary.BigEndian.Uint64(rest) ^ (1 << 63))
	return threads.Cursor{Time: time.UnixMicro(micros).UTC(), ID: string(rest[8:])}, true
}

func rowKind(hidden bool) byte {
	if hidden {
		return kindHidden
	}
	return kindShown
}

// rowsPrefix begins the keys of one kind of a generation's threads.
func rowsPrefix(kind byte, user string, gen uint64) []byte {
	return withNumber(prefix(kind, user), gen)
}

func assistantPrefix(user string, gen uint64, assistant string) []byte {
	return withText(rowsPrefix(kindAssistant, user, gen), assistant)
}

func idKey(user, id string) []byte { return append(prefix(kindID, user), id...) }

func gensPrefix(user string, state generation.State) []byte {
	return append(prefix(kindGen, user), byte(state))
}

func genKey(user string, g generation.Generation) []byte {
	return withNumber(withText(gensPrefix(user, g.State), g.Organization), g.ID)
}

func deletionKey(user, id string) []byte { return append(prefix(kindDeletion, user), id...) }

// ownedPrefix begins the keys of the generations of a deletion.
func ownedPrefix(user, deletion string) []byte { return withText(prefix(kindOwned, user), deletion) }

func ownedKey(user string, g generation.Generation) []byte {
	return withNumber(ownedPrefix(user, g.Deletion), g.ID)
}

func timeKey(d threads.Deletion) []byte {
	return withPlace(prefix(kindByTime, d.User), d.Cursor())
}

func dueKey(d threads.Deletion) []byte {
	return withPlace(prefix(kindDue, d.User), threads.Cursor{Time: d.Due(), ID: d.ID})
}

func keyKey(user, key string) []byte { return append(prefix(kindKey, user), key...) }

// after is the least key that does not begin with p, or nil if there is none.
func after(p []byte) []byte {
	end := append([]byte(nil), p...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != math.MaxUint8 {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
