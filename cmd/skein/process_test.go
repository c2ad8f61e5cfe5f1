//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is skein serve as a process of its own.
type process struct {
	cmd *exec.Cmd
	out *bufio.Reader
	url string
	log *transcript
}

// startProcess runs the binary on a free port and waits until it listens. The
// process ends with the test.
func startProcess(t *testing.T, keys string, more ...string) *process {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	args := []string{"serve", "--store", "memory:", "--listen", "127.0.0.1:0", "--keys", keys}
	p := &process{cmd: exec.CommandContext(ctx, path, append(args, more...)...), log: newTranscript()}
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewReader(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait() // an error if the test has waited already
	})
	first, err := p.out.ReadString('\n')
	require.NoError(t, err, "the first line; on standard error: %s", p.log)
	require.Regexp(t, `^listening on http://127\.0\.0\.1:[1-9]\d*\n$`, first)
	p.url = strings.TrimSpace(strings.TrimPrefix(first, "listening on "))
	return p
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// wait waits for the end and returns how the process ended.
func (p *process) wait(t *testing.T) syscall.WaitStatus {
	t.Helper()
	rest, err := io.ReadAll(p.out)
	require.NoError(t, err)
	require.Empty(t, string(rest), "standard output after the first line")
	_ = p.cmd.Wait() // its error says what the status says
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func TestSignalEndsServer(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			keys := filepath.Join(t.TempDir(), "keys.json")
			key := newKey(t, keys, "ada")
			p := startProcess(t, keys)
			create(t, p.url, key, "", 1) // and leaves an idle connection behind
			p.signal(t, s)
			status := p.wait(t)
			require.True(t, status.Exited(), "%s ends the process before it can end by itself", s)
			require.Equal(t, exitSuccess, status.ExitStatus(), p.log)
		})
	}
}

func TestKeyIsRevokedIfTheReaderOfItsSecretIsGone(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	t.Cleanup(func() { _ = w.Close() })
	cmd := exec.CommandContext(t.Context(), path, "keys", "add", "--keys", file, "--user", "ada")
	cmd.Stdout = w
	_ = cmd.Run() // its error says what the exit code says
	require.Equal(t, exitFailure, cmd.ProcessState.ExitCode())
	_, list, _ := skein(t, "keys", "list", "--keys", file)
	require.Regexp(t, `(?m)^key_\S+ +ada +all +\S+ +- +- +\d{4}-\S+$`, list, "a revoked key")
}

// upload is a request whose body the server is waiting for.
type upload struct {
	conn net.Conn
	in   *bufio.Reader
	body string
}

// startUpload begins to create a thread, and returns when the handler has
// taken the request up and asks for its body.
func startUpload(t *testing.T, p *process, key string) upload {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	u := upload{conn, bufio.NewReader(conn), `{"title":"slow"}`}
	_, err = fmt.Fprintf(conn, "POST /v1/threads HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", key, len(u.body))
	require.NoError(t, err)
	line, err := u.in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = u.in.ReadString('\n')
	require.NoError(t, err)
	return u
}

func TestSignalLetsRequestUnderWayFinish(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	p := startProcess(t, keys)
	u := startUpload(t, p, key)
	p.signal(t, syscall.SIGTERM)
	p.log.await(t, "stopping")

	_, err := io.WriteString(u.conn, u.body)
	require.NoError(t, err)
	response, err := http.ReadResponse(u.in, nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.Contains(t, string(body), `"title":"slow"`)

	status := p.wait(t)
	require.True(t, status.Exited())
	require.Equal(t, exitSuccess, status.ExitStatus(), p.log)
}

// get returns the answer to a request on a connection of its own, and whether
// the server means to close that.
func get(t *testing.T, url string) (status int, body string, closes bool) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text), response.Close
}

func TestSignalTurnsAwayBeforeItStops(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	p := startProcess(t, keys, "--drain-wait", "1h") // longer than any test
	status, body, closes := get(t, p.url+"/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ready\n", body)
	require.False(t, closes)

	p.signal(t, syscall.SIGTERM)
	p.log.await(t, "draining")
	for range 2 { // nothing but time ends this
		status, body, closes = get(t, p.url+"/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, "draining\n", body)
		require.True(t, closes, "the next request is on a new connection, perhaps to another server")
		status, body, _ = get(t, p.url+"/healthz")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "ok\n", body)
		create(t, p.url, key, "", 1) // whoever has not noticed yet is still served
	}
	p.signal(t, syscall.SIGTERM)
	require.True(t, p.wait(t).Signaled())
}

func TestDrainKeepsWhatWasUnderWay(t *testing.T) {
	dir := t.TempDir()
	keys, store := filepath.Join(dir, "keys.json"), "bolt:"+filepath.Join(dir, "threads.db")
	key := newKey(t, keys, "ada")
	p := startProcess(t, keys, "--store", store, "--drain-wait", "1s")
	u := startUpload(t, p, key)
	p.signal(t, syscall.SIGTERM)
	p.log.await(t, "stopping")
	for { // until no more connections are taken
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		require.NoError(t, conn.Close())
	}

	_, err := io.WriteString(u.conn, u.body)
	require.NoError(t, err)
	response, err := http.ReadResponse(u.in, nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.True(t, response.Close, "the answer says that the connection ends")
	status := p.wait(t)
	require.True(t, status.Exited())
	require.Equal(t, exitSuccess, status.ExitStatus(), p.log)

	// The store was closed: another process opens the file, and it is all there.
	p = startProcess(t, keys, "--store", store)
	_, _, body := request(t, http.MethodGet, p.url+"/v1/threads", key, "")
	require.Contains(t, body, `"title":"slow"`)
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	key := newKey(t, keys, "ada")
	p := startProcess(t, keys)
	startUpload(t, p, key)
	p.signal(t, syscall.SIGTERM)
	p.log.await(t, "stopping")
	p.signal(t, syscall.SIGTERM)
	status := p.wait(t)
	require.True(t, status.Signaled() && status.Signal() == syscall.SIGTERM, "the process ends with %v; want it ended by the second SIGTERM", status)
}
