package sqlite_test

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// TestRecordsThatContradictEachOther are whole, each by itself: what a fault in
// a program leaves, and not in a disk. Check finds them, and no call says that
// it did what it did not, or takes a thread of another deletion.
func TestRecordsThatContradictEachOther(t *testing.T) {
	ctx := t.Context()
	deletion := func(id string, alter func(*threads.Deletion)) func(*sqlite.Store) error {
		return func(s *sqlite.Store) error { return s.PlantDeletion(ctx, "ada", id, alter) }
	}
	for name, c := range map[string]struct {
		plant func(*sqlite.Store) error
		of    string
	}{
		"a deletion of one that names the thread of another": {
			deletion("del_one", func(d *threads.Deletion) { d.Thread = "thrd_1" }), "del_one",
		},
		"a deletion of one that names a thread of a deletion of all": {
			deletion("del_one", func(d *threads.Deletion) { d.Thread = "thrd_2" }), "del_one",
		},
		"a deletion of one that names a live thread": {
			deletion("del_one", func(d *threads.Deletion) { d.Thread = "thrd_live_0" }), "del_one",
		},
		"a deletion of one that says it is of all": {
			deletion("del_one", func(d *threads.Deletion) { d.Thread = "" }), "del_one",
		},
		"a deletion of one that says it holds more": {
			deletion("del_one", func(d *threads.Deletion) { d.Held, d.Count = 2, 2 }), "del_one",
		},
		"a deletion of all that says it is of one thread": {
			deletion("del_all", func(d *threads.Deletion) { d.Thread = "thrd_0" }), "del_all",
		},
		"a deletion of all that says it holds more": {
			deletion("del_all", func(d *threads.Deletion) { d.Held, d.Count = 5, 5 }), "del_all",
		},
		"a generation that says it has more": {
			func(s *sqlite.Store) error {
				if err := s.PlantCount(ctx, "ada", "del_all", 5); err != nil {
					return err
				}
				return deletion("del_all", func(d *threads.Deletion) { d.Held, d.Count = 5, 5 })(s)
			}, "del_all",
		},
		"a deletion with a scope that does not hold its threads": {
			deletion("del_all", func(d *threads.Deletion) { d.Scope = threads.InOrganization("org_x") }), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := planted(t, c.plant)
			_, err := store.Check(ctx)
			require.ErrorIs(t, err, threads.ErrCorrupt)
			if c.of == "" {
				return
			}
			_, err = store.List(ctx, "ada", threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: c.of}, threads.Cursor{}, 10)
			assert.ErrorIs(t, err, threads.ErrCorrupt, "List")
			n, err := store.Restore(ctx, "ada", c.of, epoch)
			assert.ErrorIs(t, err, threads.ErrCorrupt, "Restore = %d", n)
			for _, limit := range []int{10, 3, 1} { // each meets another part of what there is
				if r, err := store.Purge(ctx, "ada", epoch.Add(time.Hour), epoch, limit); err == nil && !r.More {
					t.Errorf("Purge(%d) = %+v, nil; want ErrCorrupt in the end", limit, r)
				}
			}
		})
	}
}

// planted is a store of two threads that were deleted one by one, two that were
// deleted together and seven that are live, with something planted in it.
func planted(t *testing.T, plant func(*sqlite.Store) error) *sqlite.Store {
	t.Helper()
	ctx := t.Context()
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), nil)
	create := func(ids ...string) {
		for _, id := range ids {
			require.NoError(t, store.Create(ctx, "ada", thread("ada", id)))
		}
	}
	create("thrd_0", "thrd_1", "thrd_2", "thrd_3")
	for thread, id := range map[string]string{"thrd_0": "del_one", "thrd_1": "del_two"} {
		_, err := store.Delete(ctx, "ada", thread, threads.Deletion{ID: id, User: "ada", DeletedAt: epoch})
		require.NoError(t, err)
	}
	_, err := store.SoftDeleteAll(ctx, "ada", threads.Deletion{ID: "del_all", User: "ada", Scope: threads.Personal(), DeletedAt: epoch})
	require.NoError(t, err)
	create("thrd_live_0", "thrd_live_1", "thrd_live_2", "thrd_live_3", "thrd_live_4", "thrd_live_5", "thrd_live_6")
	_, err = store.Check(ctx)
	require.NoError(t, err, "before")
	require.NoError(t, plant(store))
	return store
}

// The last version there is can be reached, and is sound.
func TestCheckOfTheLastVersion(t *testing.T) {
	ctx := t.Context()
	store, _ := open(t, filepath.Join(t.TempDir(), "db"), nil)
	th := thread("ada", "t1")
	th.Version = math.MaxInt64 - 1
	require.NoError(t, store.Create(ctx, "ada", th))
	require.NoError(t, store.Update(ctx, "ada", th))
	_, err := store.Check(ctx)
	require.NoError(t, err)
}

// What is wrong with a table of the host is for the host to say.
func TestCheckLeavesTheHostsTablesAlone(t *testing.T) {
	db, err := hostDatabase(filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	require.NoError(t, err)
	_, err = db.ExecContext(context.Background(), `CREATE TABLE host (x INTEGER NOT NULL CHECK (x > 0));`+
		` PRAGMA ignore_check_constraints = ON; INSERT INTO host VALUES (-1); PRAGMA ignore_check_constraints = OFF`)
	require.NoError(t, err)
	_, err = store.Check(t.Context())
	require.NoError(t, err)
	_, err = db.ExecContext(context.Background(), `PRAGMA ignore_check_constraints = ON;`+
		` INSERT INTO skein_generation (user, organization, state, deletion, threads, sum) VALUES ('', '', 0, '', 1, 0); PRAGMA ignore_check_constraints = OFF`)
	require.NoError(t, err)
	r, err := store.Check(t.Context())
	require.ErrorIs(t, err, threads.ErrCorrupt)
	require.Contains(t, r.Problems[0], "SQLite: ")
}
