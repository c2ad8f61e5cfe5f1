package storagetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/skein-go/skein/threads"
)

// journal is a model that persists: each call that changed something is a
// line of a file, and opening the file makes the calls again.
type journal struct {
	*altered
	mu   sync.Mutex // held from a call to its line, so that lines are in the order of calls
	path string
	file *os.File

	// note alters what is written of a call, or returns false so that
	// nothing is.
	note func(*entry) bool
}

// entry is a line of the file: a call of a method with its arguments.
type entry struct {
	Method   string
	User     string
	ID       string            `json:",omitempty"` // of the thread, or of the deletion to restore
	Thread   *threads.Thread   `json:",omitempty"`
	Deletion *threads.Deletion `json:",omitempty"`
	Before   time.Time         `json:",omitzero"`
	At       time.Time         `json:",omitzero"`
	Limit    int               `json:",omitempty"`
}

// openJournal opens the journal in a directory. A fault may alter it before
// anything is read.
func openJournal(dir string, fault func(*journal)) (*journal, error) {
	j := &journal{altered: newAltered(func(*altered) {}), path: filepath.Join(dir, "journal"), note: func(*entry) bool { return true }}
	fault(j)
	content, err := os.ReadFile(j.path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%w: %w", threads.ErrCorrupt, err)
		}
		if err := j.again(e); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", threads.ErrCorrupt, lines.Text(), err)
		}
	}
	j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return j, err
}

// again makes the call of a line.
func (j *journal) again(e entry) error {
	ctx := context.Background()
	switch e.Method {
	case "Create":
		return j.model.Create(ctx, e.User, *e.Thread)
	case "Update":
		return j.model.Update(ctx, e.User, *e.Thread)
	case "Delete":
		_, err := j.model.Delete(ctx, e.User, e.ID, *e.Deletion)
		return err
	case "SoftDeleteAll":
		_, err := j.model.SoftDeleteAll(ctx, e.User, *e.Deletion)
		return err
	case "Restore":
		_, err := j.model.Restore(ctx, e.User, e.ID, e.At)
		return err
	case "RestoreThread":
		_, err := j.model.RestoreThread(ctx, e.User, e.ID)
		return err
	case "Purge":
		_, err := j.model.Purge(ctx, e.User, e.Before, e.At, e.Limit)
		return err
	}
	return fmt.Errorf("no method %q", e.Method)
}

// write makes a call and, if it succeeds, writes its line.
func write[T any](j *journal, e entry, call func() (T, error)) (T, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	v, err := call()
	if err != nil || !j.note(&e) {
		return v, err
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", threads.ErrUnknownOutcome, err)
	}
	return v, err
}

func (j *journal) Create(ctx context.Context, user string, t threads.Thread) error {
	_, err := write(j, entry{Method: "Create", User: user, Thread: &t}, func() (any, error) {
		return nil, j.altered.Create(ctx, user, t)
	})
	return err
}

func (j *journal) Update(ctx context.Context, user string, t threads.Thread) error {
	_, err := write(j, entry{Method: "Update", User: user, Thread: &t}, func() (any, error) {
		return nil, j.altered.Update(ctx, user, t)
	})
	return err
}

func (j *journal) Delete(ctx context.Context, user, id string, d threads.Deletion) (threads.Deletion, error) {
	given := d
	given.Scope = threads.Personal() // it is ignored, and may be one that cannot be written
	return write(j, entry{Method: "Delete", User: user, ID: id, Deletion: &given}, func() (threads.Deletion, error) {
		return j.altered.Delete(ctx, user, id, d)
	})
}

func (j *journal) SoftDeleteAll(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
	return write(j, entry{Method: "SoftDeleteAll", User: user, Deletion: &d}, func() (threads.Deletion, error) {
		return j.altered.SoftDeleteAll(ctx, user, d)
	})
}

func (j *journal) Restore(ctx context.Context, user, deletion string, at time.Time) (int64, error) {
	return write(j, entry{Method: "Restore", User: user, ID: deletion, At: at}, func() (int64, error) {
		return j.altered.Restore(ctx, user, deletion, at)
	})
}

func (j *journal) RestoreThread(ctx context.Context, user, id string) (threads.Thread, error) {
	return write(j, entry{Method: "RestoreThread", User: user, ID: id}, func() (threads.Thread, error) {
		return j.altered.RestoreThread(ctx, user, id)
	})
}

func (j *journal) Purge(ctx context.Context, user string, before, now time.Time, limit int) (threads.PurgeResult, error) {
	return write(j, entry{Method: "Purge", User: user, Before: before, At: now, Limit: limit}, func() (threads.PurgeResult, error) {
		return j.altered.Purge(ctx, user, before, now, limit)
	})
}

// Erase writes the file anew without the user's lines. No line of another
// user depends on them.
func (j *journal) Erase(ctx context.Context, user string) (threads.Erasure, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, err := j.altered.Erase(ctx, user)
	if err != nil || !j.note(&entry{Method: "Erase", User: user}) {
		return e, err
	}
	content, err := os.ReadFile(j.path)
	if err != nil {
		return e, err
	}
	var kept []byte
	for line := range bytes.Lines(content) {
		var of entry
		if err := json.Unmarshal(line, &of); err != nil {
			return e, err
		}
		if of.User != user {
			kept = append(kept, line...)
		}
	}
	if err := os.WriteFile(j.path+".new", kept, 0o600); err != nil {
		return e, err
	}
	if err := os.Rename(j.path+".new", j.path); err != nil {
		return e, err
	}
	old := j.file
	if j.file, err = os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return e, err
	}
	return e, old.Close()
}

func (j *journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.model.closed {
		return nil
	}
	if err := j.altered.Close(); err != nil {
		return err
	}
	return j.file.Close()
}

func reopenFaults() []fault {
	var list []fault
	add := func(clause, wrong string, f func(*journal)) {
		list = append(list, fault{clause: clause, wrong: wrong, persistent: true, open: func(dir string) (threads.Store, error) {
			return openJournal(dir, f)
		}})
	}
	// notes makes a fault that alters lines, or leaves them out.
	notes := func(clause, wrong string, note func(*entry) bool) {
		add(clause, wrong, func(j *journal) { j.note = note })
	}
	list = append(list, fault{clause: "reopen/nothing", wrong: "an empty file is taken for a damaged one", persistent: true, open: func(dir string) (threads.Store, error) {
		if info, err := os.Stat(filepath.Join(dir, "journal")); err == nil && info.Size() == 0 {
			return nil, threads.ErrCorrupt
		}
		return openJournal(dir, func(*journal) {})
	}})
	notes("reopen/threads", "creates are forgotten when the store is closed", func(e *entry) bool { return e.Method != "Create" })
	notes("reopen/threads", "updates are forgotten when the store is closed", func(e *entry) bool { return e.Method != "Update" })
	notes("reopen/threads", "metadata is forgotten when the store is closed", func(e *entry) bool {
		if e.Thread != nil {
			t := *e.Thread
			t.Metadata = nil
			e.Thread = &t
		}
		return true
	})
	notes("reopen/deleted", "SoftDeleteAll is forgotten when the store is closed", func(e *entry) bool { return e.Method != "SoftDeleteAll" })
	notes("reopen/deleted", "Delete is forgotten when the store is closed", func(e *entry) bool { return e.Method != "Delete" })
	notes("reopen/restored", "RestoreThread is forgotten when the store is closed", func(e *entry) bool { return e.Method != "RestoreThread" })
	notes("reopen/restored", "Restore is forgotten when the store is closed", func(e *entry) bool { return e.Method != "Restore" })
	notes("reopen/purged", "Purge is forgotten when the store is closed", func(e *entry) bool { return e.Method != "Purge" })
	notes("reopen/purged", "when a purge began is forgotten when the store is closed", func(e *entry) bool {
		if e.Method == "Purge" {
			e.At = e.Before
		}
		return true
	})
	add("reopen/keys", "keys used before the store was opened do not count", func(j *journal) {
		loaded := map[string]bool{}
		own := j.around
		first := true
		j.around = func(ctx context.Context, method, user string, call func(context.Context) error) error {
			if first {
				first = false
				for _, d := range j.deletions {
					loaded[d.User+" "+d.Key] = true
				}
			}
			return own(ctx, method, user, call)
		}
		deleteAll := j.deleteAll
		j.deleteAll = func(ctx context.Context, user string, d threads.Deletion) (threads.Deletion, error) {
			if loaded[user+" "+d.Key] {
				d.Key = ""
			}
			return deleteAll(ctx, user, d)
		}
	})
	notes("reopen/erased", "Erase is forgotten when the store is closed", func(e *entry) bool { return e.Method != "Erase" })
	add("reopen/goes-on", "the first thread created after reopening joins the last deletion of all", func(j *journal) {
		reopened, joined := false, true
		own := j.around
		j.around = func(ctx context.Context, method, user string, call func(context.Context) error) error {
			if !reopened {
				reopened, joined = true, len(j.deletions) == 0
			}
			return own(ctx, method, user, call)
		}
		create := j.create
		j.create = func(ctx context.Context, user string, t threads.Thread) error {
			err := create(ctx, user, t)
			for _, d := range j.deletions {
				if err == nil && !joined && d.Thread == "" && d.Scope.Contains(t.Organization) {
					j.edit(user, func(r *threads.Thread) {
						if r.ID == t.ID {
							r.DeletionID, r.DeletedAt = d.ID, d.DeletedAt
						}
					})
				}
			}
			joined = true
			return err
		}
	})
	list = append(list, fault{clause: "durable/on-return", wrong: "what was done is written when the store is closed", persistent: true, open: func(dir string) (threads.Store, error) {
		j, err := openJournal(dir, func(*journal) {})
		if err != nil {
			return nil, err
		}
		return late(j)
	}})
	list = append(list, fault{clause: "erase/no-bytes", wrong: "Erase leaves the bytes of what it erased", persistent: true, open: func(dir string) (threads.Store, error) {
		return openJournal(dir, func(j *journal) {
			own := j.erase
			j.erase = func(ctx context.Context, user string) (threads.Erasure, error) {
				content, err := os.ReadFile(j.path)
				if err == nil {
					err = os.WriteFile(filepath.Join(filepath.Dir(j.path), "backup"), content, 0o600)
				}
				if err != nil {
					return threads.Erasure{}, err
				}
				return own(ctx, user)
			}
		})
	}})
	return list
}

// late is a journal whose file is in another place until it is closed.
func late(j *journal) (threads.Store, error) {
	home := j.path
	away, err := os.MkdirTemp(filepath.Dir(filepath.Dir(home)), "away-")
	if err != nil {
		return nil, err
	}
	j.path = filepath.Join(away, "journal")
	if err := os.Rename(home, j.path); err != nil {
		return nil, err
	}
	j.close = func() error {
		if err := os.Rename(j.path, home); err != nil {
			return err
		}
		return j.model.Close()
	}
	return j, nil
}
