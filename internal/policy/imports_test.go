// Package policy_test holds the module to its import graph.
package policy_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path of this module; what is in it is named without that.
const module = "github.com/skein-go/skein"

// allowed is the policy: every package of the module, and what it may import
// besides the standard library. Packages that are not for everyone, "testing"
// among them, have to be named too. Test files may import in addition what
// the module has, those packages and testOnly.
//
// A new package gets a line here; so does a new dependency, and the line is
// the place to ask whether it is worth it.
var allowed = map[string][]string{
	"threads": {"github.com/google/uuid"},

	"internal/generation":  {"threads"},
	"internal/groupcommit": {},
	"internal/merge":       {"threads"},
	"internal/policy":      {},
	"internal/probe":       {"threads"}, // for tests
	"internal/role":        {"testing"}, // for tests

	"storage/storagetest": {"threads", "testing"},
	"storage/memory":      {"threads", "internal/generation", "internal/merge", "github.com/tidwall/btree"},
	"storage/bolt":        {"threads", "internal/generation", "internal/groupcommit", "internal/merge", "go.etcd.io/bbolt", "go.etcd.io/bbolt/errors", "github.com/fxamacker/cbor/v2"},
	"storage/sqlite":      {"threads", "internal/generation", "internal/groupcommit", "internal/merge", "modernc.org/sqlite"},

	"httpx":           {"threads"},
	"httpx/apikey":    {"threads", "httpx"},
	"httpx/ratelimit": {"httpx", "golang.org/x/time/rate"},

	"cmd/skein": {"threads", "httpx", "httpx/apikey", "httpx/ratelimit", "storage/memory", "storage/bolt", "storage/sqlite"},

	"examples/desktop":   {"threads", "storage/bolt"},
	"examples/embed":     {"threads", "storage/memory"},
	"examples/service":   {"threads", "httpx"},
	"examples/tabletest": {"threads"},
}

// testOnly is what only test files may import.
var testOnly = []string{
	"github.com/stretchr/testify/assert", "github.com/stretchr/testify/require",
	"go.yaml.in/yaml/v3", // reads the description of the API, to hold it against the routes
}

// restricted reports whether a package of the standard library has to be
// named like one of another module: it puts test flags into programs, needs a
// C compiler, or goes around the type system.
func restricted(name string) bool {
	return name == "testing" || strings.HasPrefix(name, "testing/") || name == "net/http/httptest" ||
		name == "C" || name == "unsafe"
}

// standard reports whether a package is of the standard library, by the rule
// of the go command: the first element of its path has no dot.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// check returns what breaks the policy in the files of a module, whatever
// system they are built for.
func check(tree fs.FS, allowed map[string][]string) (broken []string, err error) {
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	packages, used := map[string]bool{}, map[string]bool{}
	err = fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(tree, file)
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test, dir := strings.HasSuffix(file, "_test.go"), path.Dir(file)
		packages[dir] = true
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own, inModule := strings.CutPrefix(name, module+"/")
			if inModule {
				name = own
			}
			switch {
			case slices.Contains(allowed[dir], name):
				if !test {
					used[dir+" "+name] = true
				}
			case !inModule && standard(name) && (test && name != "C" || !restricted(name)):
			case test && (inModule || slices.Contains(testOnly, name)):
			default:
				report("%s imports %q; besides the standard library %s may import %q", file, name, dir, allowed[dir])
			}
		}
		return nil
	})
	for dir := range packages {
		if _, ok := allowed[dir]; !ok {
			report("package %s is not in the policy", dir)
		}
	}
	for dir, names := range allowed {
		if !packages[dir] {
			report("package %s is in the policy and not in the module", dir)
			continue
		}
		for _, name := range names {
			if !used[dir+" "+name] {
				report("package %s may import %q and does not", dir, name)
			}
		}
	}
	slices.Sort(broken)
	return broken, err
}

// enter keeps out of directories that hold no package of the module.
func enter(tree fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(tree, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir // a module of its own
	}
	return nil
}

func TestImports(t *testing.T) {
	root := os.DirFS("../..")
	modfile, err := fs.ReadFile(root, "go.mod")
	if err != nil || !strings.HasPrefix(string(modfile), "module "+module+"\n") {
		t.Fatalf("go.mod is not that of %s: %v", module, err)
	}
	broken, err := check(root, allowed)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range broken {
		t.Error(what)
	}
}

// The table itself keeps stores apart, whoever edits it: they know nothing of
// one another, what is built on any store imports none, and only the command
// brings several together.
func TestOnlyTheCommandKnowsSeveralStores(t *testing.T) {
	isStore := func(name string) bool {
		return strings.HasPrefix(name, "storage/") && name != "storage/storagetest"
	}
	for dir, names := range allowed {
		stores := 0
		for _, name := range names {
			if isStore(name) {
				stores++
			}
		}
		most := 0
		switch {
		case dir == "cmd/skein":
			most = len(names)
		case strings.HasPrefix(dir, "examples/"):
			most = 1
		}
		if stores > most {
			t.Errorf("%s may import %d stores; want at most %d", dir, stores, most)
		}
	}
	for _, name := range allowed["storage/storagetest"] {
		if name != "threads" && !standard(name) {
			t.Errorf("storage/storagetest may import %q; want only the domain, for everyone who writes a store gets it", name)
		}
	}
}

// Each way to break the policy is seen, and nothing else is taken for one.
func TestCheckSeesWhatBreaksThePolicy(t *testing.T) {
	policy := map[string][]string{"a": {"b", "example.com/x"}, "b": {}}
	source := func(imports ...string) *fstest.MapFile {
		text := "package p\n"
		for _, name := range imports {
			text += fmt.Sprintf("import _ %q\n", name)
		}
		return &fstest.MapFile{Data: []byte(text)}
	}
	sound := func() fstest.MapFS {
		return fstest.MapFS{
			"a/a.go":             source("fmt", "net/http", module+"/b", "example.com/x"),
			"a/a_test.go":        source("testing", "unsafe", testOnly[0], module+"/a", module+"/b", "example.com/x"),
			"b/b.go":             source("os"),
			"b/b_test.go":        source(module + "/a"),
			"b/testdata/t.go":    source("example.com/y"),
			"b/_old/o.go":        source("example.com/y"),
			".hidden/h.go":       source("example.com/y"),
			"other/go.mod":       {Data: []byte("module example.com/other\n")},
			"other/sub/other.go": source("example.com/y"),
			"README.md":          {Data: []byte("no Go file")},
		}
	}
	for name, c := range map[string]struct {
		change func(fstest.MapFS)
		want   string // empty: nothing
	}{
		"nothing":                      {func(fstest.MapFS) {}, ""},
		"another module":               {func(m fstest.MapFS) { m["b/c.go"] = source("example.com/x") }, `b/c.go imports "example.com/x"`},
		"a package below an allowed":   {func(m fstest.MapFS) { m["a/c.go"] = source("example.com/x/sub") }, `a/c.go imports "example.com/x/sub"`},
		"a package of the module":      {func(m fstest.MapFS) { m["b/c.go"] = source(module + "/a") }, `b/c.go imports "a"`},
		"a file for another system":    {func(m fstest.MapFS) { m["b/c_windows.go"] = source("example.com/x") }, `b/c_windows.go imports "example.com/x"`},
		"testing in a program":         {func(m fstest.MapFS) { m["b/c.go"] = source("testing") }, `b/c.go imports "testing"`},
		"testing/fstest in a program":  {func(m fstest.MapFS) { m["b/c.go"] = source("testing/fstest") }, `b/c.go imports "testing/fstest"`},
		"httptest in a program":        {func(m fstest.MapFS) { m["b/c.go"] = source("net/http/httptest") }, `b/c.go imports "net/http/httptest"`},
		"a test tool in a program":     {func(m fstest.MapFS) { m["b/c.go"] = source(testOnly[0]) }, `b/c.go imports "` + testOnly[0] + `"`},
		"a test of another module":     {func(m fstest.MapFS) { m["b/c_test.go"] = source("example.com/x") }, `b/c_test.go imports "example.com/x"`},
		"C":                            {func(m fstest.MapFS) { m["b/c.go"] = source("C") }, `b/c.go imports "C"`},
		"C in a test":                  {func(m fstest.MapFS) { m["b/c_test.go"] = source("C") }, `b/c_test.go imports "C"`},
		"unsafe":                       {func(m fstest.MapFS) { m["b/c.go"] = source("unsafe") }, `b/c.go imports "unsafe"`},
		"a package that is new":        {func(m fstest.MapFS) { m["c/c.go"] = source("fmt") }, "package c is not in the policy"},
		"a package at the root":        {func(m fstest.MapFS) { m["c.go"] = source("fmt") }, "package . is not in the policy"},
		"a package that is gone":       {func(m fstest.MapFS) { delete(m, "b/b.go"); delete(m, "b/b_test.go") }, "package b is in the policy and not in the module"},
		"a permission that nobody has": {func(m fstest.MapFS) { m["a/a.go"] = source(module + "/b") }, `package a may import "example.com/x" and does not`},
	} {
		tree := sound()
		c.change(tree)
		broken, err := check(tree, policy)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(broken) > 0 || c.want != "" && (len(broken) != 1 || !strings.HasPrefix(broken[0], c.want)) {
			t.Errorf("with %s the check says %q; want %q", name, broken, c.want)
		}
	}
	tree := sound()
	tree["b/c.go"] = &fstest.MapFile{Data: []byte("no Go")}
	if _, err := check(tree, policy); err == nil {
		t.Error("check() of a file that is no Go = nil; want an error, not a pass")
	}
}
