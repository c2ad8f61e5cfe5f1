package storagetest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/skein-go/skein/threads"
)

// reopenClauses are about stores that persist.
var reopenClauses = []Clause{
	persistent("reopen/nothing",
		"A store that was closed with nothing in it opens again with nothing in it, and works.",
		func(s *script) {
			for range 3 {
				s.reopen()
				s.equal("what ada has after reopening an empty store", s.state("ada"), state{Counts: make([]threads.Counts, len(scopes))})
			}
			s.create("ada", "t1")
			s.lists("ada", every(threads.Both), "t1")
		}),

	persistent("reopen/threads",
		"After Close and reopening every live thread is as it was, whatever last changed it.",
		func(s *script) {
			s.create("ada", "t2", in("org_a"))
			s.put(full("ada", "t1"))
			next := s.put(full("bob", "t1"))
			next.Title = "changed"
			s.update(next)
			s.reopened("ada", "bob")
			s.refused("Create(ada, t1)", s.env.store.Create(s.ctx, "ada", s.thread("ada", "t1")), threads.ErrExists)
		}),

	persistent("reopen/deleted",
		"So is every deleted thread, and it is no less deleted.",
		func(s *script) {
			s.put(full("ada", "t1"))
			s.put(full("ada", "t2"))
			s.create("ada", "t3")
			s.delete("ada", "t1", "d1")
			s.deleteAll("ada", threads.All(), "d2")
			s.create("ada", "t4")
			s.reopened("ada")
			s.are("ada", "t1=d1 t2=d2 t3=d2 t4=live")
		}),

	persistent("reopen/restored",
		"So is every thread that was restored, and the record that says so.",
		func(s *script) {
			s.populate("ada")
			s.restoreThread("ada", "bulk1")
			s.reopened("ada")
			s.restore("ada", "d2")
			s.restore("ada", "d1")
			s.reopened("ada")
			s.are("ada", "single=live bulk1=live bulk2=live")
		}),

	persistent("reopen/purged",
		"What was purged stays purged, and a purge that has begun has begun.",
		func(s *script) {
			s.makeTrash("ada")
			s.reopened("ada")
			for _, id := range []string{"d0", "d1"} {
				_, err := s.env.store.Restore(s.ctx, "ada", id, at(1))
				s.refused("Restore(ada, "+id+") after reopening", err, threads.ErrPurged)
			}
			s.purge("ada", far, at(300), 100)
			s.reopened("ada")
			s.purge("ada", far, at(301), 100)
			s.reopened("ada")
			s.equal("ids of ListDeletions(ada)", s.deletions("ada", threads.OldestFirst, threads.Cursor{}, 10), "")
		}),

	persistent("reopen/keys",
		"Idempotency keys last as long as their records: a retry after reopening is a retry.",
		func(s *script) {
			s.createOf("ada", "")
			first := s.deleteAll("ada", threads.All(), "d1", keyed("k1"))
			none := s.deleteAll("ada", threads.Personal(), "d2", keyed("k2"))
			s.create("ada", "t2")
			s.reopen()
			s.equal("SoftDeleteAll(ada, all, key k1) again", s.deleteAll("ada", threads.All(), "d3", keyed("k1")), first)
			s.equal("SoftDeleteAll(ada, personal, key k2) again", s.deleteAll("ada", threads.Personal(), "d4", keyed("k2")), none)
			s.are("ada", "t2=live")
		}),

	persistent("reopen/erased",
		"What was erased stays erased.",
		func(s *script) {
			s.populate("ada")
			s.populate("bob")
			s.erase("ada")
			s.reopened("ada", "bob")
		}),

	persistent("reopen/goes-on",
		"Whatever is done after reopening goes on from what was before: what is created joins what is live, what is deleted and restored is what it would have been.",
		func(s *script) {
			for i := range 6 {
				for j, o := range []string{"", "org_a", "org_b"} {
					s.create("ada", fmt.Sprintf("t%d%d", i, j), in(o))
				}
				s.reopen()
				s.equal("SoftDeleteAll(ada, org_a).Count", s.deleteAll("ada", threads.InOrganization("org_a"), fmt.Sprint("a", i)).Count, int64(1))
				s.reopen()
				s.delete("ada", fmt.Sprintf("t%d0", i), fmt.Sprint("s", i))
				s.reopen()
				s.create("ada", fmt.Sprintf("t%d3", i), in("org_a"))
				s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), fmt.Sprint("d", i)).Count, int64(2))
			}
			s.consistent("ada")
			for i := range 6 {
				s.restores("ada", fmt.Sprint("d", i), 2)
				s.reopen()
				s.restores("ada", fmt.Sprint("a", i), 1)
				s.are("ada", fmt.Sprintf("t%d0=s%d t%d1=live t%d2=live t%d3=live", i, i, i, i, i))
				s.reopen()
				s.restoreThread("ada", fmt.Sprintf("t%d0", i))
			}
			s.consistent("ada")
			s.equal("SoftDeleteAll(ada, all).Count", s.deleteAll("ada", threads.All(), "end").Count, int64(24))
		}),

	persistent("durable/on-return",
		"What a call did is durable when it returns, not when the store is closed: a copy of the files made then has it.",
		func(s *script) {
			next := s.thread("ada", "one")
			step := func(what string) {
				want := s.state("ada")
				copied := &Env{harness: s.env.harness, root: s.env.root}
				var err error
				copied.dir, err = os.MkdirTemp(s.env.root, "copy-")
				s.ok("", err)
				s.ok("", copyFiles(copied.dir, s.env.dir))
				s.ok("", copied.open())
				s.ok("", play(s.ctx, copied, func(s *script) {
					s.equal("what ada has in a copy of the files after "+what, s.state("ada"), want)
					s.close()
				}))
			}
			s.put(next)
			step("Create")
			s.createOf("ada", "", "org_a", "org_a", "org_b")
			next.Title = "changed"
			s.update(next)
			step("Update")
			s.delete("ada", "t0", "d1")
			step("Delete")
			s.deleteAll("ada", threads.All(), "d2", keyed("k2"))
			step("SoftDeleteAll")
			s.restoreThread("ada", "t2")
			step("RestoreThread")
			s.restore("ada", "d2")
			step("Restore")
			s.deleteAll("ada", threads.All(), "d3")
			s.purge("ada", far, far, 4)
			step("Purge")
			s.erase("ada")
			step("Erase")
		}),

	persistent("erase/no-bytes",
		"After Erase the user's titles, metadata, ids and keys are not found in a byte scan of the store's files, and after reopening they are not either.",
		func(s *script) {
			const mark = "Zmjx7Qvt"
			for i := range 40 {
				s.create("ada", fmt.Sprint("id-", mark, i), in([]string{"", "org_a"}[i%2]), with("assistant-"+mark), func(t *threads.Thread) {
					t.Title, t.Metadata = "title-"+mark, map[string]string{"key-" + mark: "value-" + mark}
				})
			}
			s.create("bob", "t1")
			s.delete("ada", "id-"+mark+"3", "deletion-"+mark)
			s.deleteAll("ada", threads.InOrganization("org_a"), "all-"+mark, keyed("idempotency-"+mark))
			s.restoreThread("ada", "id-"+mark+"5")
			s.purge("ada", far, far, 7)
			s.erase("ada")
			scan := func(when string) {
				s.ok("", eachFile(s.env.dir, func(path string, content []byte) error {
					if i := bytes.Index(content, []byte(mark)); i >= 0 {
						return fmt.Errorf("file %s %s has %q; want nothing of the user", filepath.Base(path), when, content[max(0, i-12):min(len(content), i+len(mark))])
					}
					return nil
				}))
			}
			scan("after Erase")
			s.reopen()
			scan("after reopening")
			s.lists("bob", every(threads.Both), "t1")
		}),
}

// reopened closes and opens the store, and holds that what the users have is
// what they had.
func (s *script) reopened(users ...string) {
	s.unchanged(s.reopen, users...)
}

// eachFile calls f with every regular file below the directory.
func eachFile(dir string, f func(path string, content []byte) error) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return f(path, content)
	})
}

// copyFiles copies what is below one directory to another.
func copyFiles(to, from string) error {
	return eachFile(from, func(path string, content []byte) error {
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}
