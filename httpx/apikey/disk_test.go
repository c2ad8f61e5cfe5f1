package apikey_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/threads"
)

func TestFileIsWhatItShouldBe(t *testing.T) {
	f, path := create(t)
	require.Equal(t, "{\n\t\"format\": \"skein api keys\",\n\t\"version\": 1,\n\t\"keys\": []\n}\n", read(t, path))
	secret, k, err := f.Add("ada", threads.Union(threads.InOrganization("org_a"), threads.Personal()), now.Add(time.Hour), now)
	require.NoError(t, err)
	require.NoError(t, f.Revoke(k.ID, now))
	other, l := add(t, f, "bob")
	text := read(t, path)
	require.Equal(t, `{
	"format": "skein api keys",
	"version": 1,
	"keys": [
		{
			"id": "`+k.ID+`",
			"user": "ada",
			"scope": "org_a,personal",
			"hash": "`+k.Hash.String()+`",
			"created_at": "2025-12-22T15:30:00Z",
			"expires_at": "2025-12-22T16:30:00Z",
			"revoked_at": "2025-12-22T15:30:00Z"
		},
		{
			"id": "`+l.ID+`",
			"user": "bob",
			"scope": "all",
			"hash": "`+l.Hash.String()+`",
			"created_at": "2025-12-22T15:30:00Z"
		}
	]
}
`, text)
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, k.Hash.String())

	t.Run("no secret is in it, nor any part of one that helps", func(t *testing.T) {
		for _, s := range []string{secret, other} {
			for i := 0; i+8 <= len(s); i++ {
				require.NotContains(t, text, s[i:i+8])
			}
		}
	})

	t.Run("another File reads the same keys", func(t *testing.T) {
		require.Equal(t, f.List(), open(t, path).List())
	})

	t.Run("nothing else is left in the directory", func(t *testing.T) {
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})

	t.Run("only its owner can read it", func(t *testing.T) {
		onlyWithModes(t)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	})
}

// onlyWithModes ends a test where files have no modes.
func onlyWithModes(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes on windows")
	}
}

func TestCreate(t *testing.T) {
	t.Run("does not touch a file that is there", func(t *testing.T) {
		f, path := create(t)
		add(t, f, "ada")
		before := read(t, path)
		_, err := apikey.Create(path)
		require.ErrorIs(t, err, fs.ErrExist)
		require.Equal(t, before, read(t, path))
	})
	t.Run("does not follow a link that leads nowhere", func(t *testing.T) {
		onlyWithModes(t)
		dir := t.TempDir()
		link := filepath.Join(dir, "link")
		require.NoError(t, os.Symlink(filepath.Join(dir, "elsewhere"), link))
		_, err := apikey.Create(link)
		require.ErrorIs(t, err, fs.ErrExist)
	})
	t.Run("needs the directory", func(t *testing.T) {
		_, err := apikey.Create(filepath.Join(t.TempDir(), "no", "keys.json"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestOpenRefuses(t *testing.T) {
	f, path := create(t)
	_, k := add(t, f, "ada")
	whole := read(t, path)

	for name, row := range map[string]struct{ text, message string }{
		"an empty file":              {"", "not a keys file"},
		"another kind of file":       {"hello", "not a keys file"},
		"another kind of JSON":       {"{}", "not a keys file"},
		"another format":             {strings.Replace(whole, "skein api keys", "skein", 1), "not a keys file"},
		"a newer version":            {strings.Replace(whole, `"version": 1`, `"version": 2, "more": 1`, 1), "version of the keys file is 2; this program knows 1"},
		"no version":                 {strings.Replace(whole, `"version": 1,`, ``, 1), "version of the keys file is 0"},
		"an unknown member":          {strings.Replace(whole, `"version": 1`, `"version": 1, "more": 1`, 1), `unknown field "more"`},
		"an unknown member of a key": {strings.Replace(whole, `"user"`, `"role": "all", "user"`, 1), `unknown field "role"`},
		"a key without a scope":      {strings.Replace(whole, `"scope": "all",`, "", 1), `key 1 has no scope; "scope": "all" is`},
		"a scope of null":            {strings.Replace(whole, `"all"`, "null", 1), "key 1 has no scope"},
		"an empty scope":             {strings.Replace(whole, `"all"`, `""`, 1), "damaged"},
		"a scope that is none":       {strings.Replace(whole, `"all"`, `"acme"`, 1), "damaged"},
		"a scope of all and more":    {strings.Replace(whole, `"all"`, `"all,org_a"`, 1), "damaged"},
		"a file that is cut":         {whole[:len(whole)-4], "not a keys file"},
		"something after the end":    {whole + "{}", "not a keys file"},
		"no keys":                    {`{"format": "skein api keys", "version": 1}`, "no keys member"},
		"a key without an id":        {strings.Replace(whole, k.ID, "", 1), "key 1 has no id"},
		"a key without a user":       {strings.Replace(whole, `"ada"`, `""`, 1), "key 1 has no valid user"},
		"a key without a hash":       {strings.Replace(whole, `"hash": "`+k.Hash.String()+`",`, "", 1), "key 1 has no hash"},
		"a hash of zeros":            {strings.Replace(whole, k.Hash.String(), "sha256:"+strings.Repeat("0", 64), 1), "key 1 has no hash"},
		"a hash that is short":       {strings.Replace(whole, k.Hash.String(), k.Hash.String()[:69], 1), "64 hex digits"},
		"a hash of another kind":     {strings.Replace(whole, "sha256:", "sha512:", 1), "64 hex digits"},
		"a hash without its kind":    {strings.Replace(whole, "sha256:", "", 1), "64 hex digits"},
		"a key without a time":       {strings.Replace(whole, `"2025-12-22T15:30:00Z"`, `"0001-01-01T00:00:00Z"`, 1), "key 1 has no created_at"},
		"a time that is none":        {strings.Replace(whole, `"2025-12-22T15:30:00Z"`, `"yesterday"`, 1), "damaged"},
		"a scope twice":              {strings.Replace(whole, `"scope": "all"`, `"scope": "org_a", "scope": "all"`, 1), "a member is there twice"},
		"a scope in another case":    {strings.Replace(whole, `"scope": "all"`, `"scope": "org_a", "Scope": "all"`, 1), "in another case"},
		"a user in another case":     {strings.Replace(whole, `"user": "ada"`, `"user": "ada", "USER": "eve"`, 1), "in another case"},
		"a revocation taken back":    {strings.Replace(whole, `"created_at"`, `"revoked_at": "2025-12-22T15:30:00Z", "revoked_at": "0001-01-01T00:00:00Z", "created_at"`, 1), "a member is there twice"},
		"an expiry of null":          {strings.Replace(whole, `"created_at"`, `"expires_at": null, "created_at"`, 1), "or null"},
		"a list of keys twice":       {strings.Replace(whole, `"keys": [`, `"keys": [], "keys": [`, 1), "a member is there twice"},
		"a key twice":                {strings.Replace(whole, `"keys": [`, `"keys": [{"id":"`+k.ID+`","user":"eve","scope":"all","hash":"sha256:`+strings.Repeat("01", 32)+`","created_at":"2025-12-22T15:30:00Z"},`, 1), "key 2 is there twice"},
		"a hash twice":               {strings.Replace(whole, `"keys": [`, `"keys": [{"id":"key_1","user":"eve","scope":"all","hash":"`+k.Hash.String()+`","created_at":"2025-12-22T15:30:00Z"},`, 1), "key 2 is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, whole, row.text)
			path := filepath.Join(t.TempDir(), "keys.json")
			require.NoError(t, os.WriteFile(path, []byte(row.text), 0o600))
			_, err := apikey.Open(path)
			require.ErrorContains(t, err, row.message)
			require.ErrorContains(t, err, path)
		})
	}

	t.Run("a missing file, and says how to make one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.json")
		_, err := apikey.Open(path)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorContains(t, err, "make one with: skein keys add --keys "+path+" --user USER")
	})

	t.Run("a file that is too long to be one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.json")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, 32<<20+1))
		_, err := apikey.Open(path)
		require.ErrorContains(t, err, "longer than")
	})

	t.Run("a directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.Mkdir(dir, 0o700))
		_, err := apikey.Open(dir)
		require.ErrorContains(t, err, dir+" is not a regular file")
	})

	t.Run("a file that others have access to, and says what to do", func(t *testing.T) {
		onlyWithModes(t)
		for _, mode := range []fs.FileMode{0o644, 0o640, 0o660, 0o604, 0o610, 0o602, 0o666} {
			long := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chmod(path, 0o600))
			require.NoError(t, os.Chtimes(path, long, long))
			_, err := ask(f, "x")
			require.ErrorIs(t, err, httpx.ErrBadCredentials)
			require.NoError(t, os.Chmod(path, mode)) // which leaves the time as it was
			_, err = apikey.Open(path)
			require.ErrorContains(t, err, "chmod 600 "+path, "mode %o", mode)
			_, err = ask(f, "x")
			require.ErrorContains(t, err, "chmod 600 "+path, "a File that was open notices it")
		}
		for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
			require.NoError(t, os.Chmod(path, mode))
			_, err := apikey.Open(path)
			require.NoError(t, err, "mode %o", mode)
		}
	})
}

func TestLock(t *testing.T) {
	f, path := create(t)
	_, k := add(t, f, "ada")
	before := read(t, path)
	require.NoError(t, os.WriteFile(path+".lock", nil, 0o600))

	_, _, err := f.Add("ada", threads.All(), never, now)
	require.ErrorIs(t, err, threads.ErrLocked)
	require.ErrorContains(t, err, "remove "+path+".lock")
	require.ErrorIs(t, f.Revoke(k.ID, now), threads.ErrLocked)
	_, err = apikey.Create(path + ".lock")
	require.Error(t, err)
	require.Equal(t, before, read(t, path))
	require.FileExists(t, path+".lock", "it is not ours to remove")

	require.NoError(t, os.Remove(path+".lock"))
	require.NoError(t, f.Revoke(k.ID, now))
	require.ErrorIs(t, f.Revoke("key_0", now), apikey.ErrUnknownKey)
	require.NoFileExists(t, path+".lock", "neither success nor failure leaves it")
}

func TestLinkStaysALink(t *testing.T) {
	onlyWithModes(t)
	_, path := create(t)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	secret, _ := add(t, open(t, link), "ada")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeSymlink)
	_, err = ask(open(t, path), secret)
	require.NoError(t, err, "what it leads to has the key")
}

func TestAWriteThatFailsLeavesTheOldFile(t *testing.T) {
	made, path := create(t)
	secret, _ := add(t, made, "ada")
	before := read(t, path)
	path = filepath.Join(t.TempDir(), strings.Repeat("k", 248)) // room for ".lock", but not for a temporary name
	require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
	f := open(t, path)

	_, _, err := f.Add("bob", threads.All(), never, now)
	require.Error(t, err)
	require.Error(t, f.Revoke(f.List()[0].ID, now))
	require.Equal(t, before, read(t, path))
	require.NoFileExists(t, path+".lock")
	require.False(t, f.List()[0].Revoked(), "what is not in the file is not in the File")
	_, err = ask(f, secret)
	require.NoError(t, err)
	require.Len(t, f.List(), 1)
}
