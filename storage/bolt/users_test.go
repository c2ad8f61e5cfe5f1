package bolt_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/probe"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// alike are names that begin one another, or differ in their last byte, or
// hold bytes that mean something in a key.
var alike = []string{
	"a", "ab", "abc", "a\u00e9", "a ", "a~", "b", "A", "aorg_a", "at", "\u00a0", "\u00ff", "\U0010ffff", "ta", "tab",
	strings.Repeat("a", threads.MaxIdentifier), strings.Repeat("a", threads.MaxIdentifier-1),
}

func TestUsersWithNamesAlikeHaveNothingInCommon(t *testing.T) {
	ctx := t.Context()
	store, err := bolt.New(ctx, unsynced(t), nil)
	require.NoError(t, err)
	svc := probe.Clockwork(store)
	facts := map[string]map[string]string{}
	for _, user := range alike {
		require.NoError(t, probe.Populate(ctx, svc, user, 12))
	}
	for _, user := range alike {
		c, err := probe.CatalogOf(ctx, store, user)
		require.NoError(t, err)
		facts[user] = c.Facts(ctx, store)
	}
	sorted := slices.Sorted(slices.Values(alike))
	for i := range sorted {
		var got []string
		for from := sorted[i]; ; { // pages of one user, from each on
			page, err := store.UsersDue(ctx, probe.Far, from, 1)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			from = page[0]
		}
		assert.Equal(t, sorted[i+1:], append([]string{}, got...), "UsersDue after %q", sorted[i])
	}
	users, err := store.UsersDue(ctx, probe.Far, "", threads.MaxPage)
	require.NoError(t, err)
	assert.Equal(t, sorted, users)
	users, err = store.UsersDue(ctx, probe.Epoch, "", threads.MaxPage)
	require.NoError(t, err)
	assert.Empty(t, users, "nobody deleted anything before the beginning")

	for i, user := range alike {
		if i%2 == 0 {
			for r := (threads.PurgeResult{More: true}); r.More; {
				r, err = store.Purge(ctx, user, probe.Far, probe.Far, 5)
				require.NoError(t, err)
			}
		} else {
			_, err := store.Erase(ctx, user)
			require.NoError(t, err)
		}
		n, err := store.Count(ctx, user, threads.All())
		require.NoError(t, err)
		assert.Zero(t, n.Deleted)
		for _, other := range alike[i+1 : min(i+4, len(alike))] {
			c, err := probe.CatalogOf(ctx, store, other)
			require.NoError(t, err)
			require.Empty(t, probe.Differences(c.Facts(ctx, store), facts[other]), "%q after the purge or erasure of %q", other, user)
		}
		users, err := store.UsersDue(ctx, probe.Far, "", threads.MaxPage)
		require.NoError(t, err)
		if i%2 == 1 {
			assert.NotContains(t, users, user)
		}
	}
	_, err = store.Check(ctx)
	require.NoError(t, err)
}

func TestOrganizationsWithNamesAlikeHaveNothingInCommon(t *testing.T) {
	ctx := t.Context()
	store, err := bolt.New(ctx, unsynced(t), nil)
	require.NoError(t, err)
	svc := probe.Clockwork(store)
	organizations := []string{"", "org_a", "org_ab", "org_a-", "org_a_", "org_A", "org_b", "org_" + strings.Repeat("a", 124)}
	deletions := map[string]threads.Deletion{}
	for i, organization := range organizations {
		for range i + 1 {
			_, err := svc.Create(ctx, "ada", threads.Draft{Organization: organization, Pinned: true, Assistant: organization})
			require.NoError(t, err)
		}
	}
	counts := func() (live []int64) {
		for _, organization := range organizations {
			n, err := store.Count(ctx, "ada", threads.ScopeOf(organization))
			require.NoError(t, err)
			list, err := probe.List(ctx, store, "ada", threads.Query{Scope: threads.ScopeOf(organization)}, 3)
			require.NoError(t, err)
			require.Len(t, list, int(n.Live))
			live = append(live, n.Live)
		}
		return live
	}
	want := counts()
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8}, want)
	for i, organization := range organizations {
		d, err := svc.SoftDeleteAll(ctx, "ada", threads.ScopeOf(organization))
		require.NoError(t, err)
		assert.Equal(t, want[i], d.Count, "SoftDeleteAll(%q)", organization)
		deletions[organization] = d
		want[i] = 0
		assert.Equal(t, want, counts())
	}
	for i, organization := range organizations {
		n, err := svc.Restore(ctx, "ada", deletions[organization].ID)
		require.NoError(t, err)
		want[i] = int64(i + 1)
		assert.Equal(t, want[i], n, "Restore(%q)", organization)
		assert.Equal(t, want, counts())
	}
	_, err = store.Check(ctx)
	require.NoError(t, err)
}

// TestIDsOfOddBytes: ids are opaque; their order is that of their bytes.
func TestIDsOfOddBytes(t *testing.T) {
	ctx := t.Context()
	store, err := bolt.New(ctx, unsynced(t), nil)
	require.NoError(t, err)
	ids := append([]string{" ", "\ufffd", "t", "'\"\\", "\u202e", "i/../i", "%00"}, alike...)
	for _, id := range ids {
		th := thread("ada", id)
		th.Assistant = id
		require.NoError(t, store.Create(ctx, "ada", th), "%q", id)
		require.ErrorIs(t, store.Create(ctx, "ada", th), threads.ErrExists, "%q", id)
	}
	sorted := slices.Sorted(slices.Values(ids))
	var got []string
	list, err := probe.List(ctx, store, "ada", threads.Query{Scope: threads.All(), Order: threads.OldestFirst}, 2)
	require.NoError(t, err)
	for _, th := range list {
		got = append(got, th.ID)
	}
	assert.Equal(t, sorted, got)
	for _, id := range ids {
		list, err := probe.List(ctx, store, "ada", threads.Query{Scope: threads.All(), Assistant: id}, 2)
		require.NoError(t, err)
		require.Len(t, list, 1, "List(assistant %q)", id)
		assert.Equal(t, id, list[0].ID)
		d, err := store.Delete(ctx, "ada", id, threads.Deletion{ID: id, User: "ada", DeletedAt: probe.Epoch})
		require.NoError(t, err, "%q", id)
		assert.Equal(t, id, d.ID)
	}
	var deletions []string
	for from := (threads.Cursor{}); ; {
		page, err := store.ListDeletions(ctx, "ada", threads.OldestFirst, from, 2)
		require.NoError(t, err)
		for _, d := range page {
			deletions = append(deletions, d.ID)
			from = d.Cursor()
		}
		if len(page) < 2 {
			break
		}
	}
	assert.Equal(t, sorted, deletions)
	_, err = store.Check(ctx)
	require.NoError(t, err)
}
