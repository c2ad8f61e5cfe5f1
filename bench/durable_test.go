package bench

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// TestFilesAreDurable: whoever leaves out syncs would win.
func TestFilesAreDurable(t *testing.T) {
	for _, c := range Contenders() {
		if c.Engine == "memory" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			open := func(fill bool) Keeper {
				keeper, err := c.Open(ctx, dir, fill)
				require.NoError(t, err)
				return keeper
			}
			keeper := open(true)
			require.NoError(t, keeper.Fill(ctx, "ada", 0, 3))
			require.NoError(t, keeper.Close())

			settings := watch(dir)
			keeper = open(false)
			require.NoError(t, keeper.Create(ctx, "ada", numbered("ada", 3)))
			if c.Engine == "SQLite" {
				list := settings()
				require.NotEmpty(t, list)
				for _, s := range list {
					require.Equal(t, "synchronous=2 journal_mode=wal", s)
				}
			} else {
				db := boltOf(t, keeper)
				require.False(t, db.FieldByName("NoSync").Bool())
				require.False(t, db.FieldByName("NoGrowSync").Bool())
				require.Equal(t, strings.Contains(c.About, "its free list not synced"), db.FieldByName("NoFreelistSync").Bool(), c.About)
			}
			require.NoError(t, keeper.Close())

			keeper = open(false)
			got, err := keeper.Get(ctx, "ada", threadID(3))
			require.NoError(t, err)
			same(t, c, numbered("ada", 3), got)
			require.NoError(t, keeper.Close())
		})
	}
}

// boltOf returns the bbolt.DB that a keeper writes with; our store shows
// nobody its own.
func boltOf(t *testing.T, keeper Keeper) reflect.Value {
	t.Helper()
	switch k := keeper.(type) {
	case *boltStamped:
		return reflect.ValueOf(k.db.DB).Elem()
	case *boltBare:
		return reflect.ValueOf(k.db.DB).Elem()
	case *skein:
		return reflect.ValueOf(k.store).Elem().FieldByName("db").Elem().FieldByName("DB").Elem()
	}
	t.Fatalf("%T is not known to write with bbolt", keeper)
	return reflect.Value{}
}

// connections are the settings of those that the driver has opened, by the
// name each was opened by.
var connections struct {
	sync.Mutex
	list [][2]string
}

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, name string) error {
		var settings []string
		for _, pragma := range []string{"synchronous", "journal_mode"} {
			rows, err := conn.QueryContext(context.Background(), "PRAGMA "+pragma, nil)
			if err != nil {
				return err
			}
			value := make([]driver.Value, 1)
			if err := rows.Next(value); err != nil {
				return err
			}
			if err := rows.Close(); err != nil {
				return err
			}
			settings = append(settings, fmt.Sprintf("%s=%v", pragma, value[0]))
		}
		connections.Lock()
		defer connections.Unlock()
		connections.list = append(connections.list, [2]string{name, strings.Join(settings, " ")})
		return nil
	})
}

// watch returns a function that returns the settings with which connections to
// files in a directory were opened since.
func watch(dir string) func() []string {
	connections.Lock()
	defer connections.Unlock()
	from := len(connections.list)
	return func() (list []string) {
		connections.Lock()
		defer connections.Unlock()
		for _, c := range connections.list[from:] {
			if strings.Contains(c[0], dir) {
				list = append(list, c[1])
			}
		}
		return list
	}
}

// TestAboutNamesTheVersions: those that are measured.
func TestAboutNamesTheVersions(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	modules := map[string]string{"adk": "google.golang.org/adk/v2", "trpc": "trpc.group/trpc-go/trpc-agent-go", "gorm": "gorm.io/gorm"}
	version := regexp.MustCompile(`v\d+\.\d+(\.\d+)?`)
	for _, c := range Contenders() {
		design, _, _ := strings.Cut(c.Name, "-")
		var want []string
		if module := modules[design]; module != "" {
			_, after, ok := strings.Cut(string(mod), "\t"+module+" ")
			require.True(t, ok, "%s is not in go.mod", module)
			want = []string{version.FindString(after)}
		}
		require.Equal(t, want, version.FindAllString(c.About, -1), c.Name)
	}
}
