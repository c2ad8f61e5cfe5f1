package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what has to happen. It bounds a test
// that fails; none that passes depends on it.
const patience = 30 * time.Second

// scratch is a directory that is there as long as the tests run.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "skein-test-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := os.RemoveAll(scratch); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// program builds the binary, once, and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "skein.exe")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return path, nil
})

// skein calls run and returns the exit code, standard output and standard
// error. A command that would go on for ever is ended after some time.
func skein(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

// newKey makes a key for the user in the file and returns its secret.
func newKey(t *testing.T, file, user string, more ...string) (secret string) {
	t.Helper()
	code, out, errOut := skein(t, append([]string{"keys", "add", "--keys", file, "--user", user}, more...)...)
	require.Equal(t, exitSuccess, code, errOut)
	return strings.TrimSuffix(out, "\n")
}

// request makes a request with the key and returns the answer's status,
// header and body. A key of "" sends none.
func request(t *testing.T, method, url, key, body string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		r.Header.Set("X-API-Key", key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(text)
}

// create puts n threads of the organization ("" for personal) into the server.
func create(t *testing.T, url, key, organization string, n int) {
	t.Helper()
	body := `{}`
	if organization != "" {
		body = fmt.Sprintf(`{"organization_id":%q}`, organization)
	}
	for range n {
		status, _, text := request(t, http.MethodPost, url+"/v1/threads", key, body)
		require.Equal(t, http.StatusCreated, status, text)
	}
}

// transcript is a stream of text that can be waited on. It is safe for
// concurrent use.
type transcript struct {
	mu   sync.Mutex
	text []byte
	more chan struct{} // closed when there is more
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write implements [io.Writer].
func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	close(l.more)
	l.more = make(chan struct{})
	return len(p), nil
}

func (l *transcript) String() string {
	text, _ := l.read()
	return text
}

func (l *transcript) read() (text string, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text), l.more
}

// await waits until the transcript contains what is given.
func (l *transcript) await(t *testing.T, what string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		text, more := l.read()
		if strings.Contains(text, what) {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("waited in vain for %q in:\n%s", what, text)
		}
	}
}
