package apitest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchange is a request and its answer, as the tests of httpx note them.
type exchange struct {
	Method       string      `json:"method"`
	Target       string      `json:"target"`
	Header       http.Header `json:"header"`
	Body         []byte      `json:"body"`
	Faulty       bool        `json:"faulty"` // whether the store was one that breaks its promises
	Status       int         `json:"status"`
	AnswerHeader http.Header `json:"answer_header"`
	AnswerBody   []byte      `json:"answer_body"`
}

// TestTheSuiteOfHTTPX runs the tests of package httpx and holds every answer
// that they get to the description, and every request that succeeds.
func TestTheSuiteOfHTTPX(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	suite := exec.Command("go", "test", "-count=1", "./httpx")
	suite.Dir = ".."
	suite.Env = append(os.Environ(), "SKEIN_JOURNAL="+journal, "GOFLAGS=-buildvcs=false")
	out, err := suite.CombinedOutput()
	require.NoError(t, err, "%s", out)
	file, err := os.Open(journal)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()

	c := newChecker(t)
	succeeded, refused := 0, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var x exchange
		require.NoError(t, json.Unmarshal(lines.Bytes(), &x))
		if x.Faulty && x.Status < 500 { // of a class that the call cannot have
			continue
		}
		r, err := http.NewRequest(x.Method, "http://localhost"+x.Target, bytes.NewReader(x.Body))
		if err != nil { // no server would have let it through
			require.GreaterOrEqual(t, x.Status, 400, "%s %s", x.Method, x.Target)
			continue
		}
		r.Header = x.Header
		if err := c.answer(r, x.Status, x.AnswerHeader, x.AnswerBody); err != nil {
			t.Errorf("%s %s is answered %d %s, which is not as described: %v", x.Method, x.Target, x.Status, x.AnswerBody, err)
		}
		if x.Status >= 300 {
			refused++
			continue
		}
		succeeded++
		if err := c.request(r, x.Body); err != nil {
			t.Errorf("%s %s with %s succeeds, and is not as described: %v", x.Method, x.Target, x.Body, err)
		}
	}
	require.NoError(t, lines.Err())
	t.Logf("%d requests succeeded, %d were refused", succeeded, refused)
	require.Greater(t, succeeded, 200)
	require.Greater(t, refused, 400)
}
