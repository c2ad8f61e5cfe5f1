package threads_test

import (
	"testing"

	"github.com/skein-go/skein/threads"
)

func TestQueryValidate(t *testing.T) {
	for name, c := range map[string]struct {
		q     threads.Query
		field string // empty: valid
	}{
		"the zero query":                {threads.Query{}, "scope"},
		"a forgotten scope":             {threads.Query{State: threads.Both}, "scope"},
		"a malformed organization":      {threads.Query{Scope: threads.InOrganization("acme")}, "organization_id"},
		"a scope alone":                 {threads.Query{Scope: threads.All()}, ""},
		"an unknown state":              {threads.Query{Scope: threads.All(), State: 3}, "state"},
		"an unknown order":              {threads.Query{Scope: threads.All(), Order: 2}, "order"},
		"a deletion":                    {threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "del_1"}, ""},
		"a deletion among live threads": {threads.Query{Scope: threads.All(), Deletion: "del_1"}, "state"},
		"a deletion among both":         {threads.Query{Scope: threads.All(), State: threads.Both, Deletion: "del_1"}, "state"},
		"a deletion id that is none":    {threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "a\n"}, "deletion_id"},
		"an assistant":                  {threads.Query{Scope: threads.All(), Assistant: "asst_1"}, ""},
		"an assistant that is none":     {threads.Query{Scope: threads.All(), Assistant: "\xff"}, "assistant_id"},
	} {
		err := c.q.Validate()
		switch {
		case c.field != "":
			wantInvalid(t, "Validate of a query with "+name, err, c.field)
		case err != nil:
			t.Errorf("Validate of a query with %s = %v; want nil", name, err)
		}
	}
}

func TestQueryMatches(t *testing.T) {
	live := full()
	deleted := full()
	deleted.DeletionID, deleted.DeletedAt = "del_1", start
	plain := threads.Thread{ID: "thrd_2", User: "ada"}

	for name, c := range map[string]struct {
		q                    threads.Query
		live, deleted, plain bool // plain is a personal live thread with nothing set
	}{
		"all that live":           {threads.Query{Scope: threads.All()}, true, false, true},
		"all that are deleted":    {threads.Query{Scope: threads.All(), State: threads.Deleted}, false, true, false},
		"both":                    {threads.Query{Scope: threads.All(), State: threads.Both}, true, true, true},
		"no state at all":         {threads.Query{Scope: threads.All(), State: 3}, false, false, false},
		"no scope":                {threads.Query{State: threads.Both}, false, false, false},
		"personal":                {threads.Query{Scope: threads.Personal(), State: threads.Both}, false, false, true},
		"its organization":        {threads.Query{Scope: threads.InOrganization("org_a"), State: threads.Both}, true, true, false},
		"another organization":    {threads.Query{Scope: threads.InOrganization("org_b"), State: threads.Both}, false, false, false},
		"its deletion":            {threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "del_1"}, false, true, false},
		"another deletion":        {threads.Query{Scope: threads.All(), State: threads.Deleted, Deletion: "del_2"}, false, false, false},
		"its assistant":           {threads.Query{Scope: threads.All(), State: threads.Both, Assistant: "asst_1"}, true, true, false},
		"another assistant":       {threads.Query{Scope: threads.All(), State: threads.Both, Assistant: "asst_2"}, false, false, false},
		"pinned":                  {threads.Query{Scope: threads.All(), State: threads.Both, Pinned: ptr(true)}, true, true, false},
		"not pinned":              {threads.Query{Scope: threads.All(), State: threads.Both, Pinned: ptr(false)}, false, false, true},
		"hidden":                  {threads.Query{Scope: threads.All(), State: threads.Both, Hidden: ptr(true)}, true, true, false},
		"not hidden":              {threads.Query{Scope: threads.All(), State: threads.Both, Hidden: ptr(false)}, false, false, true},
		"hidden but not pinned":   {threads.Query{Scope: threads.All(), State: threads.Both, Hidden: ptr(true), Pinned: ptr(false)}, false, false, false},
		"hidden, pinned, deleted": {threads.Query{Scope: threads.All(), State: threads.Deleted, Hidden: ptr(true), Pinned: ptr(true)}, false, true, false},
	} {
		if got := c.q.Matches(live); got != c.live {
			t.Errorf("a query for %s matches the live thread: %t; want %t", name, got, c.live)
		}
		if got := c.q.Matches(deleted); got != c.deleted {
			t.Errorf("a query for %s matches the deleted thread: %t; want %t", name, got, c.deleted)
		}
		if got := c.q.Matches(plain); got != c.plain {
			t.Errorf("a query for %s matches the plain thread: %t; want %t", name, got, c.plain)
		}
	}
}
