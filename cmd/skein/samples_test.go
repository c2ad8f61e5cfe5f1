//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// samplesDir holds the clients that the documentation shows.
const samplesDir = "../../examples/clients"

// samples is every client, and what runs it.
var samples = []struct {
	file         string
	run          []string
	organization string // what it deletes; empty: everything
	printsBody   bool   // whether it prints the answer as it came
}{
	{"delete_all.sh", []string{"sh"}, "", true},
	{"delete_organization.sh", []string{"sh"}, "org_abc123", true},
	{"delete_organization.py", []string{"python3"}, "org_abc123", false},
	{"delete_organization.mjs", []string{"node"}, "org_abc123", false},
}

func TestReadmeShowsTheSamples(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, s := range samples {
		code, err := os.ReadFile(filepath.Join(samplesDir, s.file))
		require.NoError(t, err)
		if !bytes.Contains(readme, code) {
			t.Errorf("README.md does not have examples/clients/%s as it is; put in:\n%s", s.file, code)
		}
	}
}

// needSamples skips the test unless SKEIN_SAMPLES is set, and fails it if what
// runs the samples is missing then.
func needSamples(t *testing.T) {
	t.Helper()
	if os.Getenv("SKEIN_SAMPLES") == "" {
		t.Skip("SKEIN_SAMPLES=1 runs the client samples; it needs curl, python3 with requests, and node")
	}
	for _, probe := range [][]string{{"curl", "--version"}, {"python3", "-c", "import requests"}, {"node", "--version"}} {
		if text, err := exec.CommandContext(t.Context(), probe[0], probe[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("the samples need %s: %v\n%s", strings.Join(probe, " "), err, text)
		}
	}
}

// What the documentation of DELETE /v1/threads says it answers.
const (
	documentedAnswer = `{
  "deleted": 42,
  "message": "Successfully deleted 42 thread(s)"
}`
	documentedError = `{
  "success": false,
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "Please check your input and try again.",
    "system_message": "Invalid organization_id format. Must start with 'org_'",
    "type": "validation_error",
    "status": 422,
    "details": {
      "organization_id": "invalid_id"
    },
    "trace_id": "abc-123-def",
    "timestamp": "2025-12-22T15:30:00Z"
  }
}`
)

// Against a server process, each sample gets, byte for byte, the documented
// body, and what the sample prints follows from it.
func TestSamples(t *testing.T) {
	needSamples(t)
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			x := newSampleServer(t)
			left := 0
			if s.organization == "" {
				create(t, x.p.url, x.key, "org_abc123", 20)
				create(t, x.p.url, x.key, "org_other", 12)
				create(t, x.p.url, x.key, "", 10)
			} else {
				create(t, x.p.url, x.key, s.organization, 42)
				create(t, x.p.url, x.key, "org_other", 2)
				create(t, x.p.url, x.key, "", 1)
				left = 3
			}
			want := compact(t, documentedAnswer)
			out, err := x.play(t, s.run, s.file)
			require.NoError(t, err)
			require.Equal(t, want, x.sent(t), "the body that the server sent")
			if s.printsBody {
				require.Equal(t, want, out, "what the sample prints")
			} else {
				require.Equal(t, "Deleted 42 thread(s)\n", out, "what the sample prints")
			}
			_, _, list := request(t, http.MethodGet, x.p.url+"/v1/threads", x.key, "")
			require.Equal(t, left, strings.Count(list, `"object":"thread"`), "threads left in %s", list)
		})
	}
}

// A malformed organization gets the documented error, byte for byte but for
// trace id and time, and deletes nothing.
func TestSamplesWithMalformedOrganization(t *testing.T) {
	needSamples(t)
	x := newSampleServer(t)
	create(t, x.p.url, x.key, "org_abc123", 1)
	for _, s := range samples {
		if s.organization == "" {
			continue
		}
		t.Run(s.file, func(t *testing.T) {
			out, err := x.play(t, s.run, s.file, s.organization, "invalid_id")
			got := x.sent(t)
			if s.printsBody {
				require.NoError(t, err)
				require.Equal(t, got, out, "what the sample prints")
			} // the others take the answer for a success and stumble over it

			var e struct {
				Error struct {
					TraceID   string `json:"trace_id"`
					Timestamp string `json:"timestamp"`
				} `json:"error"`
			}
			require.NoError(t, json.Unmarshal([]byte(got), &e))
			require.Regexp(t, traceID, e.Error.TraceID)
			_, err = time.Parse("2006-01-02T15:04:05Z", e.Error.Timestamp)
			require.NoError(t, err)
			want := compact(t, documentedError)
			want = strings.Replace(want, "abc-123-def", e.Error.TraceID, 1)
			want = strings.Replace(want, "2025-12-22T15:30:00Z", e.Error.Timestamp, 1)
			require.Equal(t, want, got, "the body that the server sent")
		})
	}
	_, _, list := request(t, http.MethodGet, x.p.url+"/v1/threads", x.key, "")
	require.Equal(t, 1, strings.Count(list, `"object":"thread"`), "threads left in %s", list)
}

// sampleServer is a server process, and before it a proxy that keeps the
// bodies it passes on.
type sampleServer struct {
	p      *process
	key    string
	proxy  *httptest.Server
	bodies chan string
}

func newSampleServer(t *testing.T) *sampleServer {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys.json")
	x := &sampleServer{key: newKey(t, keys, "ada"), p: startProcess(t, keys), bodies: make(chan string, 1)}
	to, err := url.Parse(x.p.url)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		x.bodies <- string(body)
		return nil
	}
	x.proxy = httptest.NewServer(proxy)
	t.Cleanup(x.proxy.Close)
	return x
}

// sent returns the body that the server sent since the last call.
func (x *sampleServer) sent(t *testing.T) string {
	t.Helper()
	select {
	case body := <-x.bodies:
		return body
	default:
		t.Fatal("the sample made no request, or got no answer")
		return ""
	}
}

// play runs a sample as it is but for the server's address and what else is
// to be replaced. It returns what the sample prints on standard output, and
// an error if the sample fails.
func (x *sampleServer) play(t *testing.T, program []string, file string, replace ...string) (string, error) {
	t.Helper()
	code, err := os.ReadFile(filepath.Join(samplesDir, file))
	require.NoError(t, err)
	replace = append([]string{"127.0.0.1:8080", x.proxy.Listener.Addr().String()}, replace...)
	text := string(code)
	for i := 0; i < len(replace); i += 2 {
		require.Equal(t, 1, strings.Count(text, replace[i]), "occurrences of %s in %s", replace[i], file)
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	path := filepath.Join(t.TempDir(), file)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(program[1:], path)...)
	cmd.Env = append(os.Environ(), "SKEIN_API_KEY="+x.key, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	require.NoError(t, ctx.Err(), "the sample did not end; on standard error: %s", &errOut)
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", file, err, &errOut)
	}
	return string(out), err
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, []byte(text)))
	return b.String()
}
