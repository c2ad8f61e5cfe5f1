package bolt_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// TestRecordsThatContradictEachOther are whole, each by itself: what a fault in
// a program leaves, and not in a disk. Check finds them, and no restore says
// that it did what it did not.
func TestRecordsThatContradictEachOther(t *testing.T) {
	ctx := t.Context()
	for name, plant := range map[string]func(t *testing.T, ledger *bbolt.Bucket){
		"a deletion that has lost its threads": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			require.NoError(t, ledger.Delete(first(ledger, "Oada\x00")))
		},
		"a generation that is missing": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			require.NoError(t, ledger.Delete(first(ledger, "Gada\x00\x01")))
		},
		"a deletion of all that says it is of one thread": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			alter(t, ledger, "Dada\x00del_all", 2, "thrd_1")
		},
		"a deletion of one that says it is of all": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			alter(t, ledger, "Dada\x00del_one", 2, "")
		},
		"a deletion of one that names another thread": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			alter(t, ledger, "Dada\x00del_one", 2, "thrd_2")
		},
		"a deletion with a scope that does not hold its threads": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			alter(t, ledger, "Dada\x00del_all", 1, "org_other")
		},
		"a deletion that says it holds more": func(t *testing.T, ledger *bbolt.Bucket) {
			t.Helper()
			alter(t, ledger, "Dada\x00del_all", 6, 4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := unsynced(t)
			store, err := bolt.New(ctx, db, nil)
			require.NoError(t, err)
			for _, id := range []string{"thrd_0", "thrd_1", "thrd_2", "thrd_3"} {
				require.NoError(t, store.Create(ctx, "ada", thread("ada", id)))
			}
			_, err = store.Delete(ctx, "ada", "thrd_0", threads.Deletion{ID: "del_one", User: "ada", DeletedAt: probe.Epoch})
			require.NoError(t, err)
			_, err = store.SoftDeleteAll(ctx, "ada", threads.Deletion{ID: "del_all", User: "ada", Scope: threads.Personal(), DeletedAt: probe.Epoch})
			require.NoError(t, err)
			_, err = store.Check(ctx)
			require.NoError(t, err, "before")

			require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
				plant(t, tx.Bucket([]byte("skein")))
				return nil
			}))
			_, err = store.Check(ctx)
			require.ErrorIs(t, err, threads.ErrCorrupt)
			for _, id := range []string{"del_one", "del_all"} {
				before, err := store.List(ctx, "ada", threads.Query{Scope: threads.All()}, threads.Cursor{}, 10)
				require.NoError(t, err)
				n, err := store.Restore(ctx, "ada", id, probe.Epoch)
				after, listErr := store.List(ctx, "ada", threads.Query{Scope: threads.All()}, threads.Cursor{}, 10)
				if listErr != nil || err != nil {
					assert.ErrorIs(t, err, threads.ErrCorrupt, "Restore(%s) = %d", id, n)
					continue
				}
				assert.EqualValues(t, n, len(after)-len(before), "Restore(%s) restores what it says", id)
			}
		})
	}
}

// first is the first key that begins so.
func first(b *bbolt.Bucket, prefix string) []byte {
	key, _ := b.Cursor().Seek([]byte(prefix))
	return append([]byte(nil), key...)
}

// alter changes a field of a record, and seals it.
func alter(t *testing.T, b *bbolt.Bucket, key string, field int, value any) {
	t.Helper()
	old := b.Get([]byte(key))
	require.NotNil(t, old)
	fields := map[int]any{}
	require.NoError(t, cbor.Unmarshal(old[:len(old)-4], &fields))
	fields[field] = value
	body, err := cbor.Marshal(fields)
	require.NoError(t, err)
	sum := crc32.Checksum(append([]byte(key), body...), crc32.MakeTable(crc32.Castagnoli))
	require.NoError(t, b.Put([]byte(key), binary.BigEndian.AppendUint32(body, sum)))
}
