package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files are the stores that keep threads in a file.
var files = []string{"bolt:", "sqlite:"}

// Every store gives the answers that the demo shows.
func TestDemoIsTheSameOnEveryStore(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "demo.txt"))
	require.NoError(t, err)
	for _, scheme := range files {
		t.Run(scheme, func(t *testing.T) {
			url := scheme + filepath.Join(t.TempDir(), "threads.db")
			code, out, errOut := skein(t, "demo", "--store", url)
			require.Equal(t, exitSuccess, code, errOut)
			out = strings.Replace(out, url, "memory:", 1)
			for _, v := range volatile {
				out = v.pattern.ReplaceAllString(out, v.instead)
			}
			require.Equal(t, string(want), out)

			code, _, errOut = skein(t, "demo", "--store", url)
			require.Equal(t, exitFailure, code, "demo on a file in which the first has left threads")
			require.Contains(t, errOut, "give it a store of its own")
		})
	}
}

func TestServeKeepsThreadsInAFile(t *testing.T) {
	for _, scheme := range files {
		t.Run(scheme, func(t *testing.T) {
			dir := t.TempDir()
			keys := filepath.Join(dir, "keys.json")
			key := newKey(t, keys, "ada")
			url := scheme + filepath.Join(dir, "threads.db")
			s := startServe(t, keys, "--store", url)
			create(t, s.url, key, "org_abc123", 3)
			code, rest := s.stop()
			require.Equal(t, exitSuccess, code, s.log)
			require.Empty(t, rest)

			s = startServe(t, keys, "--store", url)
			status, header, body := request(t, http.MethodDelete, s.url+"/v1/threads", key, "")
			require.Equal(t, http.StatusOK, status, body)
			require.Contains(t, body, `"deleted":3,`)
			status, _, body = request(t, http.MethodPost, s.url+header.Get("Skein-Undo"), key, "")
			require.Equal(t, http.StatusOK, status, body)
			code, _ = s.stop()
			require.Equal(t, exitSuccess, code, s.log)
		})
	}
}
