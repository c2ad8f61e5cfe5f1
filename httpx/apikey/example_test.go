package apikey_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// A keys file lets a user in until the key is revoked.
func Example() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	keys, err := apikey.Create(filepath.Join(dir, "keys.json"))
	if err != nil {
		panic(err)
	}
	secret, key, err := keys.Add("ada", threads.All(), time.Time{}, time.Now())
	if err != nil {
		panic(err)
	}

	handler := httpx.New(threads.NewService(memory.New(), nil), keys, &httpx.Options{
		Logger: slog.New(slog.DiscardHandler),
	})
	deleteAll := func() {
		r := httptest.NewRequest(http.MethodDelete, "/v1/threads", nil)
		r.Header.Set("X-API-Key", secret)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}

	deleteAll()
	if err := keys.Revoke(key.ID, time.Now()); err != nil {
		panic(err)
	}
	deleteAll()
	// Output:
	// 200
	// 401
}
