package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAddPrintsTheSecretAndKeepsItsHash(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	code, out, errOut := skein(t, "keys", "add", "--keys", file, "--user", "ada")
	require.Equal(t, exitSuccess, code, errOut)
	secret := strings.TrimSuffix(out, "\n")
	require.Regexp(t, `^\S{40,}$`, secret, "standard output: the secret alone")
	require.NotContains(t, errOut, secret)
	require.Contains(t, errOut, "for user ada")

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(text), secret)
	require.Contains(t, string(text), "ada")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), "mode of the keys file")
	}

	other := newKey(t, file, "ben")
	require.NotEqual(t, secret, other)
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	require.Regexp(t, `(?m)^key_\S+ +ada `, list, "the first key, still there")
	require.Regexp(t, `(?m)^key_\S+ +ben `, list)
}

func TestKeysListShowsNothingSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	secrets := []string{newKey(t, file, "ada"), newKey(t, file, "ben", "--expires", "720h", "--scope", "personal,org_b,org_a,org_b")}
	code, out, errOut := skein(t, "keys", "list", "--keys", file)
	require.Equal(t, exitSuccess, code, errOut)
	const at = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	require.Regexp(t, `^ID +USER +SCOPE +CREATED +LAST USED +EXPIRES +REVOKED\n`+
		`key_\S+ +ada +all +`+at+` +- +- +-\n`+
		`key_\S+ +ben +org_a,org_b,personal +`+at+` +- +`+at+` +-\n$`, out)
	for _, secret := range secrets {
		require.NotContains(t, out, secret)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	hashes := regexp.MustCompile(`"hash": ?"([^"]+)"`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, hashes, 2)
	for _, hash := range hashes {
		require.NotContains(t, out, hash[1])
	}
}

func TestKeysRevoke(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, file, "ada")
	newKey(t, file, "ben")
	id := keyID(t, file, "ada")
	for _, args := range [][]string{{"--keys", file, id}, {id, "--keys", file}} { // the second time it is revoked already
		code, out, errOut := skein(t, append([]string{"keys", "revoke"}, args...)...)
		require.Equal(t, exitSuccess, code, errOut)
		require.Empty(t, out)
	}
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	require.Regexp(t, `(?m)^key_\S+ +ada +all +\S+ +- +- +\d{4}-\S+$`, list)
	require.Regexp(t, `(?m)^key_\S+ +ben +all +\S+ +- +- +-$`, list)
}

func TestKeysFailures(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.json")
	secret := newKey(t, file, "ada")
	absent := filepath.Join(dir, "absent.json")
	damaged := filepath.Join(dir, "damaged.json")
	require.NoError(t, os.WriteFile(damaged, []byte(`{"keys":`), 0o600))
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"list of an absent file", []string{"keys", "list", "--keys", absent}, exitFailure, []string{absent, "skein keys add --keys " + absent}},
		{"revoke in an absent file", []string{"keys", "revoke", "--keys", absent, "key_1"}, exitFailure, []string{"skein keys add --keys " + absent}},
		{"revoke of an unknown key", []string{"keys", "revoke", "--keys", file, "key_1"}, exitFailure, []string{`has no key "key_1"`, "skein keys list"}},
		{"revoke by a secret", []string{"keys", "revoke", "--keys", file, secret}, exitUsage, []string{"that is a secret"}},
		{"add to a directory that is not there", []string{"keys", "add", "--keys", filepath.Join(dir, "no", "keys.json"), "--user", "ada"}, exitFailure, []string{"keys.json"}},
		{"add to a damaged file", []string{"keys", "add", "--keys", damaged, "--user", "ada"}, exitFailure, []string{"damaged.json"}},
		{"revoke of what may be a secret does not repeat it", []string{"keys", "revoke", "--keys", file, "skein_OWuYmostofasecret "}, exitFailure, []string{"has no key of that id"}},
		{"list of a damaged file", []string{"keys", "list", "--keys", damaged}, exitFailure, []string{"damaged.json"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := skein(t, tt.args...)
			require.Equal(t, tt.code, code, errOut)
			require.Empty(t, out)
			for _, want := range tt.want {
				require.Contains(t, errOut, want)
			}
			require.NotContains(t, errOut, secret)
		})
	}
	require.NoFileExists(t, absent)
	text, err := os.ReadFile(damaged)
	require.NoError(t, err)
	require.Equal(t, `{"keys":`, string(text), "a damaged file, which nothing overwrites")
}

func TestKeysAddRevokesWhatItCannotPrint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	var errOut bytes.Buffer
	code := run(t.Context(), []string{"keys", "add", "--keys", file, "--user", "ada"}, broken{}, &errOut)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut.String(), "is revoked")
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	require.Regexp(t, `(?m)^key_\S+ +ada +all +\S+ +- +- +\d{4}-\S+$`, list, "a revoked key")
}

func TestKeysChangedByManyAtOnce(t *testing.T) {
	const many = 8
	file := filepath.Join(t.TempDir(), "keys.json")
	var adding sync.WaitGroup
	for range many {
		adding.Go(func() {
			var out, errOut bytes.Buffer
			if code := run(t.Context(), []string{"keys", "add", "--keys", file, "--user", "ada"}, &out, &errOut); code != exitSuccess {
				t.Errorf("skein keys add exits with %d: %s", code, &errOut)
			}
		})
	}
	adding.Wait()
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	if n := strings.Count(list, "\nkey_"); n != many {
		t.Errorf("%d keys were added to the file at once, and it has %d; want all", many, n)
	}
}

func TestKeysSaysThatALockIsLeftBehind(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, file, "ada")
	require.NoError(t, os.WriteFile(file+".lock", nil, 0o600))
	code, _, errOut := skein(t, "keys", "revoke", "--keys", file, keyID(t, file, "ada"))
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut, "remove "+file+".lock")
}

// keyID returns the id of the user's one key.
func keyID(t *testing.T, file, user string) string {
	t.Helper()
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	found := regexp.MustCompile(`(?m)^(key_\S+) +`+user+` `).FindAllStringSubmatch(list, -1)
	require.Len(t, found, 1, list)
	return found[0][1]
}
