package lab

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
)

// long reports whether the long form is wanted.
func long() bool { return os.Getenv("SKEIN_LAB") == "long" }

var recording sync.Mutex

// record logs what was run and what came of it, and adds that to the results
// if they are wanted. A test calls it at its end, for each store, unless it
// failed.
func record(t *testing.T, r results.Result) {
	t.Helper()
	if t.Failed() {
		return
	}
	r.Test, r.Long = t.Name(), long()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	t.Logf("%s", b)
	path := os.Getenv("SKEIN_LAB_RESULTS")
	if path == "" {
		return
	}
	recording.Lock()
	defer recording.Unlock()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.Write(append(b, '\n'))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
