package bolt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// Erase implements [threads.Store].
//
// In one commit it hides all live threads in a deletion of its own, then it
// removes everything in batches, as [Store.Purge] does, and at last it
// compacts the file, as [Store.Compact] does. If it is stopped in between,
// what is left is deleted and cannot be restored, and the deletion is in the
// user's list; erase again, or purge. A thread that is created or restored
// while it runs may survive.
func (s *Store) Erase(ctx context.Context, user string) (threads.Erasure, error) {
	var e threads.Erasure
	var entries [][]byte
	var own string
	if err := s.write(ctx, user, threads.ValidateUser(user), func(v *view) (err error) {
		if entries, err = v.sampleEntries(); err == nil {
			own, err = v.hideAll()
		}
		return err
	}); err != nil {
		return e, err
	}
	for more := true; more; {
		r, others, err := s.purge(ctx, user, generation.Never, generation.LongAgo, threads.MaxPurge, own)
		e.Threads += r.Threads
		e.Deletions += others
		if err != nil {
			return e, err
		}
		more = r.More
	}
	if err := s.read(ctx, user, nil, func(v *view) error { return v.verifyErased(&e) }); err != nil {
		return e, err
	}
	switch err := s.Compact(ctx); {
	case errors.Is(err, ErrBorrowed):
		e.Caveats = append(e.Caveats, "The database is the host's: its free pages keep the bytes until it is compacted.")
		return e, nil
	case err != nil:
		return e, err
	}
	if err := s.scanErased(ctx, entries, &e); err != nil {
		return e, err
	}
	e.Caveats = append(e.Caveats,
		"Blocks that the file system has freed, and backups, may keep the bytes.")
	return e, nil
}

// hideAll moves the live threads of a user into a deletion whose purge has
// begun, and returns its id; "" if there are none.
func (v *view) hideAll() (id string, err error) {
	l, err := v.generations(generation.Live, threads.All())
	if err != nil || len(l) == 0 {
		return "", err
	}
	d, err := generation.Erasing(v.user, func(id string) (bool, error) { return v.has(deletionKey(v.user, id)) })
	if err != nil {
		return "", err
	}
	p := l.DeleteAll(d.Scope, d.ID)
	if err := v.apply(p, l); err != nil {
		return "", err
	}
	d.Count, d.Held = p.Threads, p.Threads
	return d.ID, v.record(nil, d)
}

// verifyErased looks for any record of the user.
func (v *view) verifyErased(e *threads.Erasure) error {
	for _, kind := range append(rowKinds[:len(rowKinds):len(rowKinds)], ledgerKinds...) {
		p := prefix(kind, v.user)
		c := v.cursor(kind)
		if err := c.seek(p); err != nil {
			return err
		}
		if bytes.HasPrefix(c.key, p) {
			e.Caveats = append(e.Caveats, "The user has records again: something was created or restored meanwhile.")
			return nil
		}
	}
	e.Verified = append(e.Verified, "The store holds no record of the user.")
	return nil
}

// sampleEntries returns the bytes of some entries of the user as they are in
// the file. Each ends in a seal of the user's name and all before it, so these
// bytes are nobody else's, whatever ids and texts others have.
func (v *view) sampleEntries() (entries [][]byte, err error) {
	const most = 16
	p := prefix(kindID, v.user)
	c := v.cursor(kindID)
	for err = c.seek(p); err == nil && bytes.HasPrefix(c.key, p) && len(entries) < most; err = c.next() {
		entries = append(entries, append(bytes.Clone(c.key), seal(c.key, bytes.Clone(c.body))...))
	}
	return entries, err
}

// scanErased looks for the entries in the bytes of the file.
func (s *Store) scanErased(ctx context.Context, entries [][]byte, e *threads.Erasure) error {
	if len(entries) == 0 {
		return nil
	}
	db, err := s.enter(ctx, reading)
	if err != nil {
		return err
	}
	defer s.leave(db, reading)
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("bolt: scan: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	longest := 0
	for _, entry := range entries {
		longest = max(longest, len(entry))
	}
	buf := make([]byte, 1<<20)
	scanned, kept := int64(0), 0
	for {
		n, err := f.Read(buf[kept:])
		window := buf[:kept+n]
		for _, entry := range entries {
			if bytes.Contains(window, entry) {
				e.Caveats = append(e.Caveats, "A scan of the file found bytes of an erased thread.")
				return nil
			}
		}
		scanned += int64(n)
		kept = copy(buf, window[max(0, len(window)-longest):])
		if errors.Is(err, io.EOF) {
			break
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("bolt: scan: %w", err)
		}
	}
	e.Verified = append(e.Verified, fmt.Sprintf("A scan of the %d bytes of the file found none of %d erased records.", scanned, len(entries)))
	return nil
}
