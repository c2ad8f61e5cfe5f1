package apikey_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/threads"
)

var (
	now   = time.Date(2025, 12, 22, 16, 30, 0, 123, time.FixedZone("elsewhere", 3600))
	never = time.Time{}
)

// create makes an empty keys file in a directory of the test's own.
func create(t testing.TB) (f *apikey.File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys.json")
	f, err := apikey.Create(path)
	require.NoError(t, err)
	f.SetClock(func() time.Time { return now })
	return f, path
}

func add(t testing.TB, f *apikey.File, user string) (secret string, k apikey.Key) {
	t.Helper()
	secret, k, err := f.Add(user, threads.All(), never, now)
	require.NoError(t, err)
	return secret, k
}

func open(t testing.TB, path string) *apikey.File {
	t.Helper()
	f, err := apikey.Open(path)
	require.NoError(t, err)
	f.SetClock(func() time.Time { return now })
	return f
}

// ask authenticates a request with those values of X-API-Key.
func ask(f *apikey.File, secrets ...string) (string, error) {
	r := httptest.NewRequest("GET", "/", nil)
	for _, secret := range secrets {
		r.Header.Add("X-API-Key", secret)
	}
	caller, err := f.Authenticate(r)
	return caller.User, err
}

func TestAuthenticate(t *testing.T) {
	f, _ := create(t)
	ada, _ := add(t, f, "ada")
	bob, _ := add(t, f, "bob")

	t.Run("a secret lets its user in", func(t *testing.T) {
		for secret, user := range map[string]string{ada: "ada", bob: "bob"} {
			got, err := ask(f, secret)
			require.NoError(t, err)
			require.Equal(t, user, got)
		}
	})

	t.Run("no secret is ErrNoCredentials", func(t *testing.T) {
		for _, secrets := range [][]string{nil, {""}} {
			_, err := ask(f, secrets...)
			require.ErrorIs(t, err, httpx.ErrNoCredentials)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+ada)
		_, err := f.Authenticate(r)
		require.ErrorIs(t, err, httpx.ErrNoCredentials, "a key in another header is none")
	})

	t.Run("anything unknown is ErrBadCredentials, whatever its form", func(t *testing.T) {
		last := map[bool]string{true: "b", false: "a"}[ada[len(ada)-1] == 'a']
		for _, secret := range []string{
			"x", "ak_live_51H8", "skein_", ada + "x", ada[1:], ada[:len(ada)-1], ada[:len(ada)-1] + last, strings.ToUpper(ada), " " + ada,
			`"` + ada + `"`, "Bearer " + ada, ada + "," + bob, strings.Repeat("a", 1<<20), "\x00", "\xff", f.List()[0].Hash.String(), f.List()[0].ID,
		} {
			_, err := ask(f, secret)
			require.ErrorIs(t, err, httpx.ErrBadCredentials, "%.60q", secret)
		}
	})

	t.Run("a repeated header is ErrBadCredentials, even if both are right", func(t *testing.T) {
		for _, secrets := range [][]string{{ada, ada}, {ada, bob}, {ada, ""}, {"", ada}, {"", ""}} {
			_, err := ask(f, secrets...)
			require.ErrorIs(t, err, httpx.ErrBadCredentials)
		}
	})

	t.Run("errors say nothing of the secret", func(t *testing.T) {
		_, err := ask(f, "my-secret")
		require.NotContains(t, err.Error(), "my-secret")
	})
}

func TestExpiry(t *testing.T) {
	f, path := create(t)
	expires := now.Add(time.Hour)
	secret, k, err := f.Add("ada", threads.All(), expires, now)
	require.NoError(t, err)
	require.Equal(t, time.Date(2025, 12, 22, 16, 30, 0, 0, time.UTC), k.ExpiresAt)
	for name, file := range map[string]*apikey.File{"which made it": f, "which reads it": open(t, path)} {
		t.Run("by a File "+name, func(t *testing.T) {
			for _, row := range []struct {
				at  time.Time
				err error
			}{
				{now.Add(-time.Hour), nil}, // a clock that went back
				{now, nil},
				{k.ExpiresAt.Add(-1), nil},
				{k.ExpiresAt, httpx.ErrExpiredCredentials},
				{k.ExpiresAt.Add(100 * 365 * 24 * time.Hour), httpx.ErrExpiredCredentials},
			} {
				file.SetClock(func() time.Time { return row.at })
				_, err := ask(file, secret)
				require.ErrorIs(t, err, row.err, "at %s", row.at)
				require.Equal(t, row.err != nil, k.Expired(row.at))
			}
		})
	}

	t.Run("a revoked key is bad even when it has expired", func(t *testing.T) {
		require.NoError(t, f.Revoke(k.ID, now))
		f.SetClock(func() time.Time { return expires.Add(time.Hour) })
		_, err := ask(f, secret)
		require.ErrorIs(t, err, httpx.ErrBadCredentials)
	})
}

func TestAdd(t *testing.T) {
	t.Run("the record says everything but the secret", func(t *testing.T) {
		f, _ := create(t)
		_, k := add(t, f, "ada")
		require.Regexp(t, `^key_[0-9a-f]{16}$`, k.ID)
		require.Equal(t, "ada", k.User)
		require.Equal(t, threads.All(), k.Scope)
		require.Equal(t, time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC), k.CreatedAt)
		require.True(t, k.ExpiresAt.IsZero())
		require.False(t, k.Revoked())
		require.False(t, k.Expired(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), "it never expires")
		require.Equal(t, []apikey.Key{k}, f.List())
	})

	t.Run("a secret has its form, and no two are alike", func(t *testing.T) {
		f, _ := create(t)
		seen := map[string]bool{}
		for range 50 {
			secret, k := add(t, f, "ada")
			require.Regexp(t, `^skein_[0-9A-Za-z]{49}$`, secret)
			require.True(t, apikey.Generated(secret))
			require.False(t, seen[secret] || seen[k.ID])
			seen[secret], seen[k.ID] = true, true
		}
		require.Len(t, f.List(), 50)
	})

	t.Run("what makes no key is refused and changes nothing", func(t *testing.T) {
		f, path := create(t)
		before := read(t, path)
		for _, row := range []struct {
			user    string
			scope   threads.Scope
			expires time.Time
		}{
			{"", threads.All(), never}, {"a\nb", threads.All(), never}, {strings.Repeat("a", 129), threads.All(), never}, {"\xff", threads.All(), never},
			{"ada", threads.Scope{}, never}, {"ada", threads.Union(), never}, {"ada", threads.InOrganization("a"), never},
			{"ada", threads.All(), now}, {"ada", threads.All(), now.Add(-time.Hour)}, {"ada", threads.All(), now.Add(time.Millisecond).Truncate(time.Second)},
		} {
			secret, k, err := f.Add(row.user, row.scope, row.expires, now)
			require.ErrorIs(t, err, threads.ErrInvalid)
			require.Empty(t, secret)
			require.Equal(t, apikey.Key{}, k)
		}
		require.Equal(t, before, read(t, path))
	})

	t.Run("many at once, of one File, are all there", func(t *testing.T) {
		f, path := create(t)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, _, err := f.Add("ada", threads.All(), never, now); err != nil {
					t.Errorf("Add = %v; want nil", err)
				}
				_, _ = ask(f, "unknown")
				f.List()
			})
		}
		wg.Wait()
		require.Len(t, open(t, path).List(), 16)
	})

	t.Run("many at once, of many Files, are there or refused as locked", func(t *testing.T) {
		_, path := create(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		added := map[string]bool{}
		for range 16 {
			f := open(t, path)
			wg.Go(func() {
				secret, _, err := f.Add("ada", threads.All(), never, now)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					added[secret] = true
				case !errors.Is(err, threads.ErrLocked):
					t.Errorf("Add = %v; want nil or ErrLocked", err)
				}
			})
		}
		wg.Wait()
		require.NotEmpty(t, added)
		f := open(t, path)
		require.Len(t, f.List(), len(added), "no key is lost to another writer")
		for secret := range added {
			_, err := ask(f, secret)
			require.NoError(t, err)
		}
	})
}

func TestRevoke(t *testing.T) {
	f, path := create(t)
	ada, k := add(t, f, "ada")
	bob, _ := add(t, f, "bob")
	require.NoError(t, f.Revoke(k.ID, now))
	for name, file := range map[string]*apikey.File{"which did it": f, "which reads it": open(t, path)} {
		t.Run("ends the key, and no other, for a File "+name, func(t *testing.T) {
			_, err := ask(file, ada)
			require.ErrorIs(t, err, httpx.ErrBadCredentials)
			_, err = ask(file, bob)
			require.NoError(t, err)
			require.True(t, file.List()[0].Revoked())
			require.Equal(t, time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC), file.List()[0].RevokedAt)
		})
	}
	t.Run("again is success and keeps the time", func(t *testing.T) {
		require.NoError(t, f.Revoke(k.ID, now.Add(time.Hour)))
		require.Equal(t, time.Date(2025, 12, 22, 15, 30, 0, 0, time.UTC), f.List()[0].RevokedAt)
	})
	t.Run("a key that is not there is ErrUnknownKey", func(t *testing.T) {
		require.ErrorIs(t, f.Revoke("key_0", now), apikey.ErrUnknownKey)
		require.ErrorIs(t, f.Revoke("", now), apikey.ErrUnknownKey)
	})
}

// A server that runs must notice what another process does to its file.
func TestChangesAreNoticed(t *testing.T) {
	server, path := create(t)
	tool := open(t, path)

	t.Run("a key that was added", func(t *testing.T) {
		secret, _ := add(t, tool, "ada")
		user, err := ask(server, secret)
		require.NoError(t, err)
		require.Equal(t, "ada", user)
	})

	t.Run("a key that was revoked, each of many times", func(t *testing.T) {
		for range 20 { // as quick as the clock of the file system, or quicker
			secret, k := add(t, tool, "ada")
			_, err := ask(server, secret)
			require.NoError(t, err)
			require.NoError(t, tool.Revoke(k.ID, now))
			_, err = ask(server, secret)
			require.ErrorIs(t, err, httpx.ErrBadCredentials)
		}
	})

	t.Run("a file that was written over in place", func(t *testing.T) {
		secret, k := add(t, tool, "ada")
		_, err := ask(server, secret)
		require.NoError(t, err)
		changed := strings.Replace(read(t, path), k.Hash.String(), "sha256:"+strings.Repeat("0f", 32), 1)
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o600)) // the same size
		_, err = ask(server, secret)
		require.ErrorIs(t, err, httpx.ErrBadCredentials)
	})

	t.Run("a file that was written over within the grain of its time", func(t *testing.T) {
		secret, k := add(t, tool, "ada")
		young := time.Now().Add(time.Hour) // younger than any reading of it
		require.NoError(t, os.Chtimes(path, young, young))
		_, err := ask(server, secret)
		require.NoError(t, err)
		changed := strings.Replace(read(t, path), k.Hash.String(), "sha256:"+strings.Repeat("1e", 32), 1)
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
		require.NoError(t, os.Chtimes(path, young, young))
		_, err = ask(server, secret)
		require.ErrorIs(t, err, httpx.ErrBadCredentials)
	})

	t.Run("a file that another took the place of, as long and as old", func(t *testing.T) {
		secret, k := add(t, tool, "ada")
		long := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(path, long, long))
		_, err := ask(server, secret)
		require.NoError(t, err)
		changed := strings.Replace(read(t, path), k.Hash.String(), "sha256:"+strings.Repeat("2d", 32), 1)
		require.NoError(t, os.WriteFile(path+".other", []byte(changed), 0o600))
		require.NoError(t, os.Chtimes(path+".other", long, long))
		require.NoError(t, os.Rename(path+".other", path))
		_, err = ask(server, secret)
		require.ErrorIs(t, err, httpx.ErrBadCredentials)
	})

	t.Run("a file that was left alone is not read again", func(t *testing.T) {
		secret, _ := add(t, tool, "ada")
		long := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(path, long, long))
		_, err := ask(server, secret) // reads it, for its time is another
		require.NoError(t, err)
		whole := read(t, path)
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", len(whole))), 0o600))
		require.NoError(t, os.Chtimes(path, long, long)) // what only who hides a change does
		_, err = ask(server, secret)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	})

	t.Run("a file that cannot be read any more lets nobody in", func(t *testing.T) {
		secret, _ := add(t, tool, "ada")
		_, err := ask(server, secret)
		require.NoError(t, err)
		whole := read(t, path)
		for name, spoil := range map[string]func() error{
			"it is gone":  func() error { return os.Remove(path) },
			"it is empty": func() error { return os.WriteFile(path, nil, 0o600) },
			"it is cut":   func() error { return os.WriteFile(path, []byte(whole[:len(whole)/2]), 0o600) },
		} {
			require.NoError(t, spoil())
			_, err = ask(server, secret)
			require.Error(t, err, name)
			for _, class := range []error{httpx.ErrNoCredentials, httpx.ErrBadCredentials, httpx.ErrExpiredCredentials} {
				require.NotErrorIs(t, err, class, "%s: that is no mistake of the client", name)
			}
			_, _, err = server.Add("ada", threads.All(), never, now)
			require.Error(t, err, "%s: nor is it written over", name)
			require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
			_, err = ask(server, secret)
			require.NoError(t, err, "%s, and then it is back", name)
		}
	})
}

func TestListIsACopy(t *testing.T) {
	f, _ := create(t)
	secret, _ := add(t, f, "ada")
	f.List()[0].User = "eve"
	user, err := ask(f, secret)
	require.NoError(t, err)
	require.Equal(t, "ada", user)
}

func TestGenerated(t *testing.T) {
	f, _ := create(t)
	secret, _ := add(t, f, "ada")
	require.True(t, apikey.Generated(secret))
	for i := range len(secret) { // each single character counts
		other := byte('a')
		if secret[i] == other {
			other = 'b'
		}
		require.False(t, apikey.Generated(secret[:i]+string(other)+secret[i+1:]), "with another character at %d", i)
	}
	for _, text := range []string{"", "skein_", secret[:len(secret)-1], secret + "0", secret[6:], " " + secret} {
		require.False(t, apikey.Generated(text), "%q", text)
	}
}

// What a 401 says, and that the handler takes it from here.
func TestChallenge(t *testing.T) {
	f, _ := create(t)
	h := httpx.New(threads.NewService(nopStore{}, nil), f, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("DELETE", "/v1/threads", nil))
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Equal(t, `ApiKey realm="skein", header="X-API-Key"`, w.Header().Get("WWW-Authenticate"))
}

// nopStore is a store that nothing asks anything.
type nopStore struct{ threads.Store }

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
