package apikey_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/threads"
)

// minute is now, as the last use of a key is known.
var minute = time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC)

func lastUsed(t *testing.T, f *apikey.File) map[string]time.Time {
	t.Helper()
	used, err := f.LastUsed()
	require.NoError(t, err)
	return used
}

// at sets the clock to so long after now.
func at(f *apikey.File, after time.Duration) {
	f.SetClock(func() time.Time { return now.Add(after) })
}

func TestLastUsed(t *testing.T) {
	f, path := create(t)
	ada, k := add(t, f, "ada")
	_, unused := add(t, f, "ben")
	expired, x, err := f.Add("ada", threads.All(), now.Add(time.Second), now)
	require.NoError(t, err)
	revoked, r := add(t, f, "ada")
	require.NoError(t, f.Revoke(r.ID, now))
	require.Empty(t, lastUsed(t, f), "before any use")
	require.NoError(t, f.SaveUses())
	require.NoFileExists(t, path+".uses", "nothing to save")

	at(f, 10*time.Second)
	for _, secret := range []string{ada, expired, revoked, "nonsense"} {
		_, _ = ask(f, secret)
	}
	want := map[string]time.Time{k.ID: minute}
	require.Equal(t, want, lastUsed(t, f), "who was not let in did not use the key (%s, %s, %s)", unused.ID, x.ID, r.ID)
	require.Empty(t, lastUsed(t, open(t, path)), "another File, before they are saved")
	require.NoError(t, f.SaveUses())
	require.Equal(t, want, lastUsed(t, open(t, path)), "and then")

	require.Equal(t, "{\n\t\"format\": \"skein api key uses\",\n\t\"version\": 1,\n\t\"last_used\": {\n\t\t\""+k.ID+"\": \"2025-12-22T15:30:00Z\"\n\t}\n}\n", read(t, path+".uses"))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2, "the keys, the uses, and nothing else")

	t.Run("a clock that goes back takes nothing back", func(t *testing.T) {
		at(f, time.Hour)
		_, _ = ask(f, ada)
		want[k.ID] = minute.Add(time.Hour)
		for range 2 { // before it is saved, and after
			at(f, -time.Hour)
			_, _ = ask(f, ada)
			require.Equal(t, want, lastUsed(t, f))
			require.NoError(t, f.SaveUses())
			require.Equal(t, want, lastUsed(t, open(t, path)))
		}
	})
	t.Run("the map is a copy", func(t *testing.T) {
		lastUsed(t, f)[k.ID] = never
		require.Equal(t, want, lastUsed(t, f))
	})
}

// A use must not cost a write. Each write makes another file of the same name,
// so that writes can be counted.
func TestUsesAreSavedSeldom(t *testing.T) {
	f, path := create(t)
	ada, _ := add(t, f, "ada")
	ben, _ := add(t, f, "ben")
	keysBefore := read(t, path)
	var last os.FileInfo
	writes := 0
	for second := range 180 {
		at(f, time.Duration(second)*time.Second)
		for range 5 {
			for _, secret := range []string{ada, ben} {
				_, err := ask(f, secret)
				require.NoError(t, err)
			}
		}
		require.NoError(t, f.SaveUses())
		state, err := os.Stat(path + ".uses")
		require.NoError(t, err)
		if last == nil || !os.SameFile(last, state) {
			writes++
		}
		last = state
	}
	require.Equal(t, 3, writes, "writes for 1800 uses in three minutes")
	require.Equal(t, keysBefore, read(t, path), "the keys file, which uses do not touch")
}

func TestUsesOfSeveralServers(t *testing.T) {
	one, path := create(t)
	ada, k := add(t, one, "ada")
	ben, l := add(t, one, "ben")
	two := open(t, path)
	at(one, 2*time.Minute)
	at(two, time.Minute)
	for _, f := range []*apikey.File{one, two} {
		_, _ = ask(f, ada)
	}
	_, _ = ask(two, ben)
	require.NoError(t, one.SaveUses())
	require.NoError(t, two.SaveUses())
	want := map[string]time.Time{k.ID: minute.Add(2 * time.Minute), l.ID: minute.Add(time.Minute)}
	for _, f := range []*apikey.File{one, two, open(t, path)} {
		require.Equal(t, want, lastUsed(t, f), "the latest of each key")
	}

	before, err := os.Stat(path + ".uses")
	require.NoError(t, err)
	third := open(t, path)
	at(third, time.Minute)
	_, _ = ask(third, ada)
	require.NoError(t, third.SaveUses())
	after, err := os.Stat(path + ".uses")
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "what is there already is not written again")
}

func TestUsesAtOnce(t *testing.T) {
	f, path := create(t)
	ada, k := add(t, f, "ada")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				_, _ = ask(f, ada)
				_ = f.SaveUses() // it may be locked by another of them
				_, _ = f.LastUsed()
			}
		})
	}
	wg.Wait()
	require.NoError(t, f.SaveUses())
	require.Equal(t, map[string]time.Time{k.ID: minute}, lastUsed(t, open(t, path)))
}

// What cannot be saved is kept for later, and lets in whoever it would have.
func TestUsesThatCannotBeSaved(t *testing.T) {
	f, path := create(t)
	ada, k := add(t, f, "ada")
	want := map[string]time.Time{k.ID: minute}
	_, _ = ask(f, ada)

	require.NoError(t, os.WriteFile(path+".uses.lock", nil, 0o600))
	err := f.SaveUses()
	require.ErrorIs(t, err, threads.ErrLocked)
	require.ErrorContains(t, err, "remove "+path+".uses.lock")
	require.NoError(t, os.Remove(path+".uses.lock"))
	require.Equal(t, want, lastUsed(t, f))

	for name, text := range map[string]string{
		"empty": "", "no JSON": "x", "of another format": `{"format":"skein api keys","version":1,"last_used":{}}`,
		"newer": `{"format":"skein api key uses","version":2,"last_used":{}}`, "of more": `{"format":"skein api key uses","version":1,"last_used":{},"more":1}`,
		"of less": `{"format":"skein api key uses","version":1}`, "of no times": `{"format":"skein api key uses","version":1,"last_used":{"key_1":"yesterday"}}`,
	} {
		t.Run("the file is "+name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path+".uses", []byte(text), 0o600))
			require.ErrorContains(t, f.SaveUses(), "if it is damaged, remove it")
			_, err := f.LastUsed()
			require.ErrorContains(t, err, path+".uses")
			require.Equal(t, text, read(t, path+".uses"), "it is not written over")
			_, err = ask(open(t, path), ada)
			require.NoError(t, err, "the keys are not concerned")
		})
	}
	require.NoError(t, os.Remove(path+".uses"))
	require.NoError(t, f.SaveUses())
	require.Equal(t, want, lastUsed(t, open(t, path)))
}

func TestUsesOfALink(t *testing.T) {
	onlyWithModes(t)
	f, path := create(t)
	ada, k := add(t, f, "ada")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	server := open(t, link)
	_, _ = ask(server, ada)
	require.NoError(t, server.SaveUses())
	require.NoFileExists(t, link+".uses")
	require.Equal(t, map[string]time.Time{k.ID: minute}, lastUsed(t, f), "it is beside what the link leads to")
	info, err := os.Stat(path + ".uses")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

// One key takes the place of another while both are good.
func TestRotation(t *testing.T) {
	f, path := create(t)
	server := open(t, path)
	oldSecret, oldKey := add(t, f, "ada")
	in := func(secret string) bool {
		user, err := ask(server, secret)
		return err == nil && user == "ada"
	}
	require.True(t, in(oldSecret))
	newSecret, newKey := add(t, f, "ada")
	require.True(t, in(oldSecret) && in(newSecret), "both let her in")

	at(server, time.Hour) // the clients have the new one by now
	require.True(t, in(newSecret))
	require.NoError(t, server.SaveUses())
	require.Equal(t, map[string]time.Time{oldKey.ID: minute, newKey.ID: minute.Add(time.Hour)}, lastUsed(t, f), "the old one is not used any more")

	require.NoError(t, f.Revoke(oldKey.ID, now))
	require.False(t, in(oldSecret))
	require.True(t, in(newSecret))
}
