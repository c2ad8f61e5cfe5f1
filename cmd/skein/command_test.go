package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageErrors(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	newKey(t, keys, "ada")
	served := []string{"serve", "--store", "memory:", "--keys", keys}
	serving := func(more ...string) []string { return append(served[:len(served):len(served)], more...) }
	tests := []struct {
		name string
		args []string
		want []string // what is wrong, and what would be right
	}{
		{"no command", nil, []string{"a command is missing", "skein help"}},
		{"empty command", []string{""}, []string{`unknown command ""`, "skein help"}},
		{"unknown command", []string{"sevre"}, []string{`unknown command "sevre"`, "skein help"}},
		{"flag before the command", []string{"--store", "memory:", "serve"}, []string{`unknown command "--store"`}},
		{"help about an unknown command", []string{"help", "sevre"}, []string{`unknown command "sevre"`}},
		{"help about too much", []string{"help", "serve", "now"}, []string{`unexpected argument "now"`}},
		{"version with an argument", []string{"version", "now"}, []string{`unexpected argument "now"`, "Usage: skein version"}},

		{"serve nothing", []string{"serve"}, []string{"--store is missing", "--store memory:", "Usage: skein serve --store URL"}},
		{"serve without keys", []string{"serve", "--store", "memory:"}, []string{"--keys is missing", "skein keys add"}},
		{"serve with an empty keys", []string{"serve", "--store", "memory:", "--keys", ""}, []string{"--keys is missing"}},
		{"serve without a store", []string{"serve", "--keys", keys}, []string{"--store is missing"}},
		{"serve with an argument", serving("now"), []string{`unexpected argument "now"`}},
		{"serve with an unknown flag", serving("--prot", "80"), []string{"not defined: -prot", "skein serve -h"}},
		{"serve with a flag without value", serving("--listen"), []string{"flag needs an argument: -listen"}},
		{"bolt store without a path", []string{"serve", "--keys", keys, "--store", "bolt:"}, []string{"memory:", "bolt:PATH"}},
		{"sqlite store without a path", []string{"serve", "--keys", keys, "--store", "sqlite:"}, []string{"memory:", "sqlite:PATH"}},
		{"empty store", []string{"serve", "--keys", keys, "--store", ""}, []string{"it must be memory:"}},
		{"store without a colon", []string{"serve", "--keys", keys, "--store", "memory"}, []string{"it must be memory:"}},
		{"memory store with a path", []string{"serve", "--keys", keys, "--store", "memory:x"}, []string{"it must be memory:"}},
		{"unknown store", []string{"serve", "--keys", keys, "--store", "mysql:x"}, []string{"it must be memory:"}},
		{"empty address", serving("--listen", ""), []string{"it must be HOST:PORT, like 127.0.0.1:8080"}},
		{"address without a port", serving("--listen", "127.0.0.1"), []string{"it must be HOST:PORT"}},
		{"address with an empty port", serving("--listen", "127.0.0.1:"), []string{"it must be HOST:PORT"}},
		{"address with a port out of range", serving("--listen", "127.0.0.1:70000"), []string{"it must be HOST:PORT"}},
		{"address with a negative port", serving("--listen", "127.0.0.1:-1"), []string{"it must be HOST:PORT"}},
		{"address with a named port", serving("--listen", "127.0.0.1:http"), []string{"it must be HOST:PORT"}},
		{"address that is a URL", serving("--listen", "http://127.0.0.1:8080"), []string{"it must be HOST:PORT"}},
		{"retention without a unit", serving("--retention", "30"), []string{"like 90m or 720h"}},
		{"retention in days", serving("--retention", "30d"), []string{"like 90m or 720h"}},
		{"retention of nothing", serving("--retention", "0s"), []string{"at least 1s"}},
		{"negative retention", serving("--retention", "-1h"), []string{"at least 1s"}},
		{"rate without a unit", serving("--rate", "20"), []string{"it must be N/s or N/s:BURST, like 20/s"}},
		{"rate a minute", serving("--rate", "20/m"), []string{"it must be N/s"}},
		{"empty rate", serving("--rate", ""), []string{"it must be N/s"}},
		{"rate that is no number", serving("--rate", "many/s"), []string{"it must be N/s"}},
		{"rate with two points", serving("--rate", "1.2.3/s"), []string{"it must be N/s"}},
		{"rate that is not finite", serving("--rate", "Inf/s"), []string{"it must be N/s"}},
		{"negative rate", serving("--rate", "-1/s"), []string{"it must be N/s"}},
		{"rate of nothing", serving("--rate", "0/s"), []string{"would let nobody in; without the flag there is no limit"}},
		{"rate beyond all", serving("--rate", "2000000/s"), []string{"at most 1000000 a second"}},
		{"rate with an empty burst", serving("--rate", "20/s:"), []string{"it must be N/s"}},
		{"rate with a burst of nothing", serving("--rate", "20/s:0"), []string{"would let nobody in"}},
		{"rate with a negative burst", serving("--rate", "20/s:-1"), []string{"the burst must be at least 1"}},
		{"rate with a burst in pieces", serving("--rate", "20/s:1.5"), []string{"it must be N/s"}},
		{"rate with the burst of days", serving("--rate", "1/s:100000"), []string{"24 hours"}},
		{"drain wait without a unit", serving("--drain-wait", "5"), []string{"like 90m or 720h"}},
		{"unknown log level", serving("--log-level", "loud"), []string{"debug, info, warn or error"}},
		{"unknown log format", serving("--log-format", "xml"), []string{"text or json"}},

		{"demo with an argument", []string{"demo", "memory:"}, []string{`unexpected argument "memory:"`}},
		{"demo on an unknown store", []string{"demo", "--store", "mysql:x"}, []string{"it must be memory:"}},

		{"keys", []string{"keys"}, []string{"one of add, list, revoke is missing"}},
		{"keys with an unknown command", []string{"keys", "remove"}, []string{`unknown command "remove"`, "add, list, revoke"}},
		{"keys add without a file", []string{"keys", "add", "--user", "ada"}, []string{"--keys is missing", "--keys keys.json"}},
		{"keys add without a user", []string{"keys", "add", "--keys", keys}, []string{"--user is missing"}},
		{"keys add with an empty user", []string{"keys", "add", "--keys", keys, "--user", ""}, []string{"--user is missing"}},
		{"keys add with a bad user", []string{"keys", "add", "--keys", keys, "--user", "a\nb"}, []string{"Must not contain control characters"}},
		{"keys add with an argument", []string{"keys", "add", "--keys", keys, "ada"}, []string{`unexpected argument "ada"`}},
		{"keys add that expires before now", []string{"keys", "add", "--keys", keys, "--user", "ada", "--expires", "-1h"}, []string{"at least 1s"}},
		{"keys add with an empty scope", []string{"keys", "add", "--keys", keys, "--user", "ada", "--scope", ""}, []string{"it must be all, or organizations"}},
		{"keys add with a scope that ends in a comma", []string{"keys", "add", "--keys", keys, "--user", "ada", "--scope", "org_a,"}, []string{"it must be all"}},
		{"keys add with a scope of all and more", []string{"keys", "add", "--keys", keys, "--user", "ada", "--scope", "all,org_a"}, []string{"it must be all"}},
		{"keys add with a malformed organization", []string{"keys", "add", "--keys", keys, "--user", "ada", "--scope", "acme"}, []string{"like org_abc123,personal"}},
		{"keys list without a file", []string{"keys", "list"}, []string{"--keys is missing"}},
		{"keys list with an argument", []string{"keys", "list", keys}, []string{`unexpected argument`}},
		{"keys revoke without a file", []string{"keys", "revoke", "key_1"}, []string{"--keys is missing"}},
		{"keys revoke without an id", []string{"keys", "revoke", "--keys", keys}, []string{"the id of one key, not 0", "skein keys list"}},
		{"keys revoke with two ids", []string{"keys", "revoke", "--keys", keys, "key_1", "key_2"}, []string{"the id of one key, not 2"}},
	}
	before, err := os.ReadFile(keys)
	require.NoError(t, err)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := skein(t, tt.args...)
			if code != exitUsage || out != "" {
				t.Errorf("skein %q exits with %d and prints %q on standard output; want %d and nothing", tt.args, code, out, exitUsage)
			}
			for _, want := range append(tt.want, "skein: ", "Usage: skein") {
				if !strings.Contains(errOut, want) {
					t.Errorf("skein %q says on standard error:\n%s\nwant it to say %q", tt.args, errOut, want)
				}
			}
		})
	}
	after, err := os.ReadFile(keys)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "the keys file, which no usage error changes")
}

func TestHelp(t *testing.T) {
	_, all, _ := skein(t, "help")
	for _, args := range [][]string{{"-h"}, {"-help"}, {"--help"}} {
		code, out, errOut := skein(t, args...)
		require.Equal(t, exitSuccess, code, "skein %q", args)
		require.Equal(t, all, out, "skein %q", args)
		require.Empty(t, errOut, "skein %q", args)
	}
	for _, c := range commands() {
		require.Contains(t, all, c.name)
		words := strings.Fields(c.name)
		_, want, _ := skein(t, append([]string{"help"}, words...)...)
		require.Contains(t, want, "Usage: skein "+c.usage())
		for _, flag := range []string{"-h", "-help", "--help"} {
			args := slices.Concat(words, []string{flag})
			code, out, errOut := skein(t, args...)
			require.Equal(t, exitSuccess, code, "skein %q", args)
			require.Equal(t, want, out, "skein %q", args)
			require.Empty(t, errOut, "skein %q", args)
		}
	}
	code, out, _ := skein(t, "keys", "-h")
	require.Equal(t, exitSuccess, code)
	require.Contains(t, out, "keys revoke")
	require.NotContains(t, out, "demo", "help about keys alone")
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		code, out, errOut := skein(t, arg)
		require.Equal(t, exitSuccess, code, errOut)
		require.Regexp(t, `^skein \S+(, revision [0-9a-f]+)?(, modified)?, go\S+, \w+/\w+\n$`, out)
	}
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	require.Regexp(t, `^skein v1\.2\.3, revision abc, modified, go`, version(info, true))
	require.Regexp(t, `^skein \(unknown\), go`, version(nil, false))
}

func TestBinaryExitCodes(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"help"}, exitSuccess},
		{[]string{"serve", "-h"}, exitSuccess},
		{[]string{"demo"}, exitSuccess},
		{[]string{"keys", "list", "--keys", filepath.Join(t.TempDir(), "absent.json")}, exitFailure},
		{[]string{"sevre"}, exitUsage},
		{[]string{"serve", "--store", "memory:"}, exitUsage},
	} {
		cmd := exec.CommandContext(t.Context(), path, tt.args...)
		text, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != tt.code {
			t.Errorf("skein %q exits with %d; want %d\n%s", tt.args, code, tt.code, text)
		}
	}
}
