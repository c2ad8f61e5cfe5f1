package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/lab/results"
	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// huge is longer than anything that a caller sends in earnest.
const huge = 16 << 20

// pool has what arguments of each type are tried with: the first is a good
// one, the others are hostile, or odd and allowed.
type pool map[reflect.Type][]reflect.Value

func (p pool) put(values ...any) {
	for _, v := range values {
		p[reflect.TypeOf(v)] = append(p[reflect.TypeOf(v)], reflect.ValueOf(v))
	}
}

func put[T any](p pool, values ...T) { // for types that are interfaces
	for i := range values {
		p[reflect.TypeFor[T]()] = append(p[reflect.TypeFor[T]()], reflect.ValueOf(&values[i]).Elem())
	}
}

// newPool makes the values up, the ones of structs by spoiling one field after
// another.
func newPool() pool {
	p := pool{}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	put[context.Context](p, context.Background(), stopped)
	p.put("t1", "", "a\x00b", "\x00", "\xff\xfe", "\n", strings.Repeat("x", threads.MaxIdentifier+1), strings.Repeat("é", huge/2),
		strings.Repeat(",", huge), "'; DROP TABLE skein_thread; --", "%00", "\u202e", "all", "org_", "org_a,org_a", "ZZZZ")
	p.put([]byte("all"), []byte(nil), []byte("\xff"), []byte(strings.Repeat("personal,", 1_000)))
	p.put(1, 0, -1, math.MaxInt, math.MinInt, threads.MaxPage+2, threads.MaxPurge+1)
	p.put(int64(1), int64(0), int64(-1), int64(-2), int64(math.MaxInt64), int64(math.MinInt64))
	p.put(threads.Live, threads.Both+1, threads.State(255))
	p.put(threads.NewestFirst, threads.OldestFirst+1, threads.Order(255))
	p.put(at(1), time.Time{}, at(1).Add(1), at(1).In(time.FixedZone("", 3600)), time.Now(),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.Date(math.MaxInt32, 1, 1, 0, 0, 0, 0, time.UTC))
	p.put(true, false)
	p.put(map[string]string{"k": "v"}, map[string]string(nil), map[string]string{"": ""}, map[string]string{"\x00": "\xff"},
		map[string]string{"k": strings.Repeat("v", huge)}, map[string]string{strings.Repeat("k", huge): ""}, many(threads.MaxMetadataPairs+1), many(100_000))
	text, long, flag, when := "x", strings.Repeat("x", huge), true, time.Unix(math.MaxInt64, 0)
	p.put((*string)(nil), &text, &long)
	p.put((*bool)(nil), &flag)
	p.put((*time.Time)(nil), &when)
	p.put(map[string]*string(nil), map[string]*string{"": &text, "n": nil}, map[string]*string{"k": &long})
	p.put(time.Duration(0), time.Duration(-1), time.Duration(math.MinInt64), time.Duration(math.MaxInt64))
	p.put((func(string, threads.PurgeResult, error))(nil))
	p.put(threads.All(), threads.Scope{}, threads.InOrganization(long), threads.InOrganization("all"), threads.InOrganization("\x00"),
		threads.Union(), threads.Union(threads.All(), threads.Scope{}), threads.InOrganization("org_a"))
	p.put([]threads.Scope{threads.All()}, []threads.Scope(nil), slices.Repeat([]threads.Scope{threads.Personal()}, 10_000), wide(threads.MaxUnion+1))
	put[threads.DeleteOption](p, threads.WithIdempotencyKey("k"), nil, threads.WithIdempotencyKey(""), threads.WithIdempotencyKey(long))
	p.put([]threads.DeleteOption(nil), []threads.DeleteOption{nil}, []threads.DeleteOption{threads.WithIdempotencyKey("a"), threads.WithIdempotencyKey("b")},
		[]threads.DeleteOption{threads.WithIdempotencyKey("\x00")})
	put[error](p, threads.ErrInvalid, nil)
	p.spoil(threads.Cursor{Time: at(1), ID: "t1"}, threads.Cursor{})
	p.spoil(threads.Thread{ID: "t1", User: hostage, CreatedAt: at(1), UpdatedAt: at(1), LastActivityAt: at(1), Version: 1}, threads.Thread{})
	p.spoil(threads.Deletion{ID: "new", User: hostage, Scope: threads.All(), DeletedAt: at(1)}, threads.Deletion{})
	p.spoil(threads.Query{Scope: threads.All()}, threads.Query{})
	p.spoil(threads.Draft{}, threads.Draft{})
	p.spoil(threads.Patch{Title: &text}, threads.Patch{})
	p.spoil(threads.Paging{}, threads.Paging{})
	p.spoil(threads.Retention{Keep: time.Hour}, threads.Retention{})
	p.put(threads.FieldError{Field: "f", Rule: "r"}, threads.FieldError{}, threads.FieldError{Field: "\x00", Rule: "\xff", Given: "\n"})
	p.put((*threads.Options)(nil), &threads.Options{})
	p.put((*bolt.Options)(nil))
	p.pointers(bolt.Options{})
	p.put((*sqlite.Options)(nil))
	p.pointers(sqlite.Options{})
	p.put((*bbolt.DB)(nil))
	p.put((*sql.DB)(nil))
	put[threads.Store](p, memory.New())
	return p
}

func many(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint(i)] = ""
	}
	return m
}

func wide(n int) (list []threads.Scope) {
	for i := range n {
		list = append(list, threads.InOrganization(fmt.Sprint("org_", i)))
	}
	return list
}

// spoil puts a good struct, a zero one, and the good one with each field
// replaced by each value that the pool has for it.
func (p pool) spoil(good, zero any) {
	p.put(good, zero)
	for i := range reflect.TypeOf(good).NumField() {
		for _, v := range p[reflect.TypeOf(good).Field(i).Type] {
			bad := reflect.New(reflect.TypeOf(good)).Elem()
			bad.Set(reflect.ValueOf(good))
			bad.Field(i).Set(v)
			p[bad.Type()] = append(p[bad.Type()], bad)
		}
	}
}

// pointers puts pointers to structs with one field replaced.
func (p pool) pointers(zero any) {
	of := reflect.TypeOf(zero)
	for i := range of.NumField() {
		for _, v := range p[of.Field(i).Type] {
			bad := reflect.New(of)
			bad.Elem().Field(i).Set(v)
			p[bad.Type()] = append(p[bad.Type()], bad)
		}
	}
}

// hostage is the user of hostile calls, bystander is not.
const hostage, bystander = "ada", "bob"

// target is a function or method to be called with anything.
type target struct {
	name string
	fn   reflect.Value
	free bool // it is about files and handles, and its errors may be those of others
	long bool // its errors may name what its receiver holds, however long
}

// methodsOf are those of a value that are called with anything. Close is not.
func methodsOf(v any) (list []target) {
	of := reflect.TypeOf(v)
	for i := range of.NumMethod() {
		m := of.Method(i)
		if m.Name == "Close" {
			continue
		}
		list = append(list, target{strings.TrimPrefix(of.String(), "*") + "." + m.Name, reflect.ValueOf(v).Method(i), m.Name == "Backup" || m.Name == "Compact", false})
	}
	return list
}

// arguments picks one for each parameter: choose says which of so many.
func (p pool) arguments(x target, choose func(param, n int) int) []reflect.Value {
	of := x.fn.Type()
	args := make([]reflect.Value, of.NumIn())
	for i := range args {
		values := p[of.In(i)]
		if len(values) == 0 {
			panic(fmt.Sprintf("%s has a parameter of type %s, for which there is nothing hostile", x.name, of.In(i)))
		}
		n := choose(i, len(values))
		args[i] = values[n]
		// The first text that a store is given is the user.
		if store := x.name[:max(0, strings.LastIndex(x.name, "."))]; i == 1 && n == 0 && of.In(i).Kind() == reflect.String &&
			slices.Contains([]string{"threads.Service", "memory.Store", "bolt.Store", "sqlite.Store"}, store) && !x.free {
			args[i] = reflect.ValueOf(hostage)
		}
	}
	if x.name == "threads.Service.Retain" { // or it goes on
		args[0] = p[of.In(0)][1]
	}
	return args
}

// call makes the call and returns the errors that it ended with. It fails if
// the call panics, returns an error of no class, or one that is long.
func (x target) call(t *testing.T, args []reflect.Value) (err error) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("%s(%s) panics: %v", x.name, shortly(args), v)
		}
	}()
	call := x.fn.Call
	if x.fn.Type().IsVariadic() {
		call = x.fn.CallSlice
	}
	for _, out := range call(args) {
		switch v := out.Interface().(type) {
		case error:
			err = v
		case iter.Seq2[threads.Thread, error]:
			for _, each := range v {
				err = errors.Join(err, each)
			}
		case io.Closer:
			if !out.IsNil() {
				require.NoError(t, v.Close(), x.name)
			}
		}
	}
	switch text := classOf(err); {
	case x.free || err == nil:
	case strings.HasPrefix(text, "an error of no class"):
		t.Errorf("%s(%s) = %v; want an error of a class", x.name, shortly(args), err)
	case len(err.Error()) > longest && !x.long:
		t.Errorf("%s(%s) is an error of %d bytes; want a short one", x.name, shortly(args), len(err.Error()))
	}
	return err
}

// longest is how long the text of an error may be: it may name a scope, which
// is that long if it is a union of all that one can hold.
const longest = (threads.MaxUnion + 8) * threads.MaxIdentifier

func shortly(args []reflect.Value) string {
	var parts []string
	for _, a := range args {
		text := fmt.Sprintf("%+v", a)
		parts = append(parts, fmt.Sprintf("%.200q", text))
	}
	return strings.Join(parts, ", ")
}

// attack calls a target with one argument spoilt after another, and then with
// several; after each it runs look.
func (p pool) attack(t *testing.T, x target, several int, look func(args []reflect.Value, err error)) (calls int) {
	t.Helper()
	for i := range x.fn.Type().NumIn() {
		for v := 1; v < len(p[x.fn.Type().In(i)]); v++ {
			calls += p.try(t, x, look, func(param, _ int) int {
				if param == i {
					return v
				}
				return 0
			})
		}
	}
	return calls + p.sample(t, x, several, look)
}

// sample calls a target with good arguments, and then with any.
func (p pool) sample(t *testing.T, x target, several int, look func(args []reflect.Value, err error)) (calls int) {
	t.Helper()
	calls = p.try(t, x, look, func(int, int) int { return 0 })
	r := rand.New(rand.NewPCG(1, uint64(len(x.name))))
	for range several {
		calls += p.try(t, x, look, func(_, n int) int { return r.IntN(n) })
	}
	return calls
}

// try makes one call, unless one has failed.
func (p pool) try(t *testing.T, x target, look func(args []reflect.Value, err error), choose func(param, n int) int) int {
	t.Helper()
	if t.Failed() {
		return 0
	}
	args := p.arguments(x, choose)
	look(args, x.call(t, args))
	return 1
}

// functions are all exported ones of the packages, by name.
var functions = map[string]any{
	"bolt.New": bolt.New, "bolt.Open": bolt.Open,
	"memory.New":        memory.New,
	"sqlite.Migrations": sqlite.Migrations, "sqlite.New": sqlite.New, "sqlite.Open": sqlite.Open,
	"threads.All": threads.All, "threads.InOrganization": threads.InOrganization, "threads.NewService": threads.NewService,
	"threads.ParseCursor": threads.ParseCursor, "threads.ParseScope": threads.ParseScope, "threads.Personal": threads.Personal,
	"threads.ScopeOf": threads.ScopeOf, "threads.Union": threads.Union, "threads.ValidateDeletionID": threads.ValidateDeletionID,
	"threads.ValidateKey": threads.ValidateKey, "threads.ValidateListStart": threads.ValidateListStart,
	"threads.ValidateOrganizationID": threads.ValidateOrganizationID, "threads.ValidatePurgeLimit": threads.ValidatePurgeLimit,
	"threads.ValidateThreadID": threads.ValidateThreadID, "threads.ValidateTime": threads.ValidateTime,
	"threads.ValidateUser": threads.ValidateUser, "threads.WithIdempotencyKey": threads.WithIdempotencyKey,
}

// values returns one receiver of each kind that the pool has for the types
// with methods, beside stores and services.
func (p pool) values() (list []target) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[threads.Scope](), reflect.TypeFor[threads.State](), reflect.TypeFor[threads.Order](), reflect.TypeFor[threads.Query](),
		reflect.TypeFor[threads.Cursor](), reflect.TypeFor[threads.Thread](), reflect.TypeFor[threads.Deletion](), reflect.TypeFor[threads.FieldError](),
	} {
		for _, v := range p[of] {
			pointer := reflect.New(of)
			pointer.Elem().Set(v)
			list = append(list, methodsOf(pointer.Interface())...)
		}
	}
	return list
}

// TestHostileArgumentsAreRefused calls everything that is exported with
// everything that a mistake or an attacker could send: nothing panics, every
// error has a class, and a call that is refused changes nothing.
func TestHostileArgumentsAreRefused(t *testing.T) {
	t.Chdir(t.TempDir()) // for names of files are tried, too
	p := newPool()
	called := map[string]bool{}
	classesOf := map[string]int{}
	ignore := func(_ []reflect.Value, err error) { classesOf[ending(err)]++ }
	calls := 0
	for name, f := range functions {
		called[name] = true
		x := target{name, reflect.ValueOf(f), name == "bolt.Open" || name == "sqlite.Open" || name == "bolt.New" || name == "sqlite.New", name == "threads.ValidateTime"}
		calls += p.attack(t, x, 10, ignore)
	}
	for _, x := range p.values() {
		x.long = true
		if called[x.name] { // with a receiver that is good
			calls += p.sample(t, x, 2, ignore)
		} else {
			calls += p.attack(t, x, 2, ignore)
		}
		called[x.name] = true
	}
	t.Logf("%d calls of functions and values: %v", calls, classesOf)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			outcomes, calls := map[string]int{}, 0
			store := k.openIn(t, t.TempDir())
			populate(t, store, bystander)
			populate(t, store, hostage)
			theirs, fresh := all(t, store, bystander), all(t, store, hostage)
			before := fresh
			for _, x := range append(methodsOf(store), methodsOf(threads.NewService(store, nil))...) {
				called[x.name] = true
				if !sameAnswers(before, fresh) {
					_, err := store.Erase(t.Context(), hostage)
					require.NoError(t, err)
					populate(t, store, hostage)
					before = fresh
				}
				calls += p.attack(t, x, 30, func(args []reflect.Value, err error) {
					outcomes[ending(err)]++
					if now := all(t, store, bystander); !sameAnswers(theirs, now) {
						t.Fatalf("%s(%s) = %v, and changed what %s has from %v to %v", x.name, shortly(args), err, bystander, theirs, now)
					}
					now := all(t, store, hostage)
					if err != nil && !sameAnswers(before, now) {
						t.Fatalf("%s(%s) = %v, and changed %v to %v", x.name, shortly(args), err, before, now)
					}
					before = now
				})
			}
			check(t, store)
			record(t, results.Result{Fault: "hostile arguments", Store: k.name, Runs: calls, Outcomes: outcomes})
		})
	}
	for _, name := range exported(t, "threads", "storage/memory", "storage/bolt", "storage/sqlite") {
		if !called[name] && !strings.HasSuffix(name, ".Close") {
			t.Errorf("%s is exported and was not called", name)
		}
	}
}

// ending names how a call ended.
func ending(err error) string {
	switch class := classOf(err); {
	case class == "":
		return "allowed"
	case strings.HasPrefix(class, "an error of no class"):
		return "an error of the file system"
	default:
		return class
	}
}

// exported lists the exported functions and methods of packages, read from
// their source.
func exported(t *testing.T, dirs ...string) []string {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !fn.Name.IsExported() {
					continue
				}
				name := fn.Name.Name
				if fn.Recv != nil {
					of := fn.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of = star.X
					}
					receiver, ok := of.(*ast.Ident)
					if !ok || !receiver.IsExported() {
						continue
					}
					name = receiver.Name + "." + name
				}
				names[f.Name.Name+"."+name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// root is the directory of the module under test, wherever a test is.
var root = func() string {
	dir, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return dir
}()

// TestHostileCallsWhileAStoreIsClosed makes hostile calls from several
// goroutines while two close the store.
func TestHostileCallsWhileAStoreIsClosed(t *testing.T) {
	t.Chdir(t.TempDir())
	p := newPool()
	for _, k := range kinds {
		outcomes, runs := map[string]int{}, 0
		var mu sync.Mutex
		for _, seed := range seeds(t, 5, 200) {
			runs++
			store, err := k.open(t.Context(), t.TempDir())
			require.NoError(t, err)
			populate(t, store, hostage)
			targets := append(methodsOf(store), methodsOf(threads.NewService(store, nil))...)
			var crowd sync.WaitGroup
			begun := make(chan struct{}, 1_000)
			for w := range 4 {
				r := rand.New(rand.NewPCG(seed, uint64(w)))
				crowd.Go(func() {
					for range 60 {
						x := targets[r.IntN(len(targets))]
						bad := r.IntN(3) == 0
						args := p.arguments(x, func(_, n int) int {
							if bad {
								return r.IntN(n)
							}
							return 0
						})
						begun <- struct{}{}
						err := x.call(t, args)
						mu.Lock()
						outcomes[ending(err)]++
						mu.Unlock()
					}
				})
			}
			for range 2 {
				crowd.Go(func() {
					for range 20 {
						<-begun
					}
					if err := store.Close(); err != nil {
						t.Errorf("Close() of %s = %v; want nil", k.name, err)
					}
				})
			}
			crowd.Wait()
			for _, c := range cancellables(store, "") {
				if _, err := c.call(t.Context(), store, hostage); classOf(err) != threads.ErrClosed.Error() && err.Error() != threads.ErrClosed.Error() {
					t.Errorf("%s of %s after Close = %v; want %v", c.name, k.name, err, threads.ErrClosed)
				}
			}
		}
		if runs > 1 {
			require.Positive(t, outcomes[threads.ErrClosed.Error()], "%s: calls that came too late", k.name)
		}
		record(t, results.Result{Fault: "hostile calls while it is closed", Store: k.name, Runs: runs, Outcomes: outcomes})
	}
}

// TestANilContextPanicsAndHoldsNothing documents what a nil context does: what
// it does in the standard library. The store goes on.
func TestANilContextPanicsAndHoldsNothing(t *testing.T) {
	for _, k := range kinds {
		dir := t.TempDir()
		store := k.openIn(t, dir)
		populate(t, store, hostage)
		before := all(t, store, hostage)
		list := cancellables(store, dir)
		for _, c := range list {
			require.Panics(t, func() {
				_, err := c.call(nil, store, hostage)
				t.Logf("%s of %s with a nil context = %v", c.name, k.name, err)
			}, "%s of %s", c.name, k.name)
			require.True(t, sameAnswers(before, all(t, store, hostage)), "%s of %s with a nil context changed something", c.name, k.name)
		}
		record(t, results.Result{Fault: "nil contexts", Store: k.name, Runs: len(list), Outcomes: map[string]int{"a panic, and the store goes on": len(list)}})
	}
}
