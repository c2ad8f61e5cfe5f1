package sqlite_test

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// modernc.org/sqlite is C that was translated for one version of its C
// library, modernc.org/libc, and is wrong in small ways with another.
func TestTheCLibraryIsTheOneThatSQLiteWasBuiltFor(t *testing.T) {
	const library = "modernc.org/libc"
	var engine struct{ GoMod string }
	read(t, &engine, "list", "-m", "-json", "modernc.org/sqlite")
	var wants struct {
		Require []struct{ Path, Version string }
	}
	read(t, &wants, "mod", "edit", "-json", engine.GoMod)
	want := ""
	for _, r := range wants.Require {
		if r.Path == library {
			want = r.Version
		}
	}
	require.NotEmpty(t, want)
	var have struct{ Version string }
	read(t, &have, "list", "-m", "-json", library)
	if have.Version != want {
		t.Errorf("go.mod selects %s %s; want %s, which modernc.org/sqlite asks for", library, have.Version, want)
	}
}

// read asks the go command something.
func read(t *testing.T, answer any, arguments ...string) {
	t.Helper()
	out, err := exec.Command("go", arguments...).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, answer))
}
