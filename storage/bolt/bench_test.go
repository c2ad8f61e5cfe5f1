package bolt_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// The benchmarks put the store beside what bbolt itself can do, in one run,
// on one disk: compare the figures with each other, not with another run.
//
//	go test -run '^$' -bench . -count 6 ./storage/bolt
//
// -short leaves out the sizes that take long to fill.

// Every benchmarked thread has a title and metadata of a usual size.
var draft = threads.Draft{
	Organization: "org_bench",
	Title:        "Notes on the harvest of the northern orchards",
	Metadata:     map[string]string{"source": "web", "topic": "orchards"},
}

func sizes(b *testing.B) []int {
	if testing.Short() {
		return []int{100, 10_000}
	}
	return []int{100, 10_000, 1_000_000}
}

// filled returns the path of a file with so many live threads of user "ada"
// and one of "bob". It is made once, without syncs, and copied.
func filled(b *testing.B, n int) string {
	b.Helper()
	fillOnce.Lock()
	defer fillOnce.Unlock()
	if filledFiles[n] == "" {
		path := filepath.Join(fillDir(), fmt.Sprintf("%d.db", n))
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType})
		check(b, err)
		store, err := bolt.New(b.Context(), db, nil)
		check(b, err)
		svc := threads.NewService(store, nil)
		var wg sync.WaitGroup
		for w := range 256 {
			wg.Go(func() {
				for range (n + 255 - w) / 256 {
					if _, err := svc.Create(context.Background(), "ada", draft); err != nil {
						panic(err)
					}
				}
			})
		}
		wg.Wait()
		_, err = svc.Create(b.Context(), "bob", draft)
		check(b, err)
		check(b, db.Sync())
		check(b, db.Close())
		filledFiles[n] = path
	}
	path := filepath.Join(b.TempDir(), "db")
	data, err := os.ReadFile(filledFiles[n])
	check(b, err)
	f, err := os.Create(path)
	check(b, err)
	_, err = f.Write(data)
	check(b, err)
	check(b, f.Sync()) // or what is measured waits for it
	check(b, f.Close())
	return path
}

var (
	fillOnce    sync.Mutex
	filledFiles = map[int]string{}
	fillDir     = sync.OnceValue(func() string {
		dir, err := os.MkdirTemp("", "skein-bench-")
		if err != nil {
			panic(err)
		}
		return dir
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if len(filledFiles) > 0 {
		_ = os.RemoveAll(fillDir())
	}
	os.Exit(code)
}

func open(b *testing.B, path string) (*bolt.Store, *threads.Service) {
	b.Helper()
	store, err := bolt.Open(b.Context(), path, nil)
	check(b, err)
	b.Cleanup(func() { _ = store.Close() })
	return store, threads.NewService(store, nil)
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// bare returns a database to compare with, and one durable commit of one small
// record in it: the floor of every write.
func bare(b *testing.B, path string) (db *bbolt.DB, commit func()) {
	b.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	check(b, err)
	b.Cleanup(func() { _ = db.Close() })
	i := uint64(0)
	return db, func() {
		i++
		check(b, db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("skein")).Put([]byte("bare"), binary.BigEndian.AppendUint64(nil, i))
		}))
	}
}

// times collects how long things took that were done in turns, so that what
// else the machine does meets them alike.
type times map[string][]time.Duration

func (t times) of(name string, f func()) {
	start := time.Now()
	f()
	t[name] = append(t[name], time.Since(start))
}

// report says the median of each, and as how many times that of the base.
func (t times) report(b *testing.B, base string) {
	b.Helper()
	median := func(name string) float64 {
		slices.Sort(t[name])
		return float64(t[name][len(t[name])/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	for name := range t {
		b.ReportMetric(median(name), name+"-µs")
		if name != base {
			b.ReportMetric(median(name)/median(base), name+"/"+base)
		}
	}
}

// BenchmarkInTurns deletes and restores all threads of users with few and with
// many, and commits one small record, in turns.
func BenchmarkInTurns(b *testing.B) {
	_, commit := bare(b, filled(b, 100))
	var rounds []func(times)
	for _, n := range sizes(b) {
		_, svc := open(b, filled(b, n))
		rounds = append(rounds, func(t times) {
			var d threads.Deletion
			t.of(fmt.Sprintf("delete-%d", n), func() {
				var err error
				d, err = svc.SoftDeleteAll(b.Context(), "ada", threads.All())
				check(b, err)
			})
			t.of(fmt.Sprintf("restore-%d", n), func() {
				restored, err := svc.Restore(b.Context(), "ada", d.ID)
				check(b, err)
				if d.Count != int64(n) || restored != int64(n) {
					b.Fatalf("SoftDeleteAll = %d, and Restore = %d; want %d", d.Count, restored, n)
				}
			})
		})
	}
	t := times{}
	for b.Loop() {
		t.of("bare", commit)
		for _, round := range rounds {
			round(t)
		}
	}
	t.report(b, "bare")
}

// BenchmarkSoftDeleteAll deletes all threads of a user and brings them back,
// and measures one of the two.
func BenchmarkSoftDeleteAll(b *testing.B) { deleteAndRestore(b, true) }

// BenchmarkRestore is the other of the two.
func BenchmarkRestore(b *testing.B) { deleteAndRestore(b, false) }

func deleteAndRestore(b *testing.B, measureDelete bool) {
	for _, n := range sizes(b) {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			store, svc := open(b, filled(b, n))
			var pages int64
			timed := func(measured bool, f func()) {
				if !measured {
					b.StopTimer()
					defer b.StartTimer()
					f()
					return
				}
				before, err := store.Stats(b.Context())
				check(b, err)
				f()
				after, err := store.Stats(b.Context())
				check(b, err)
				pages += after.PagesWritten - before.PagesWritten
			}
			b.ReportAllocs()
			for b.Loop() {
				var d threads.Deletion
				timed(measureDelete, func() {
					var err error
					d, err = svc.SoftDeleteAll(b.Context(), "ada", threads.All())
					check(b, err)
				})
				if d.Count != int64(n) {
					b.Fatalf("SoftDeleteAll = %d; want %d", d.Count, n)
				}
				timed(!measureDelete, func() {
					restored, err := svc.Restore(b.Context(), "ada", d.ID)
					check(b, err)
					if restored != int64(n) {
						b.Fatalf("Restore = %d; want %d", restored, n)
					}
				})
			}
			b.ReportMetric(float64(pages)/float64(b.N), "pages/op")
		})
	}
}

// BenchmarkPage lists the newest 50 threads, in turns: live in files of growing
// size, after twenty deletions of 10,000, and with a bare cursor that reads and
// decodes the same 50 records.
func BenchmarkPage(b *testing.B) {
	page := func(svc *threads.Service) func() {
		return func() {
			p, err := svc.List(b.Context(), "ada", threads.Query{Scope: threads.All()}, threads.Paging{Limit: 50})
			check(b, err)
			if len(p.Threads) != 50 {
				b.Fatalf("List = %d threads; want 50", len(p.Threads))
			}
		}
	}
	type contender struct {
		name string
		f    func()
	}
	var contenders []contender
	for _, n := range sizes(b) {
		_, svc := open(b, filled(b, n))
		contenders = append(contenders, contender{fmt.Sprintf("live-%d", n), page(svc)})
	}
	_, svc := open(b, filled(b, 10_000))
	rounds := 20
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		_, err := svc.SoftDeleteAll(b.Context(), "ada", threads.All())
		check(b, err)
		createMany(b, svc, "ada", 10_000)
	}
	contenders = append(contenders, contender{fmt.Sprintf("live-10000-after-%d-deletions", rounds), page(svc)})

	db, _ := bare(b, filled(b, 10_000))
	contenders = append(contenders, contender{"cursor", func() {
		check(b, db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte("skein.threads")).Cursor()
			c.Seek([]byte("u"))
			seen := 0
			for k, v := c.Prev(); k != nil && seen < 50; k, v = c.Prev() {
				t, err := bolt.DecodeThread(k, v)
				if err != nil || t.Title != draft.Title {
					return fmt.Errorf("decode %q: %v, %w", k, t, err)
				}
				seen++
			}
			return nil
		}))
	}})
	t := times{}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range contenders {
			t.of(c.name, c.f)
		}
	}
	t.report(b, "cursor")
}

func createMany(b *testing.B, svc *threads.Service, user string, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range 256 {
		wg.Go(func() {
			for range (n + 255 - w) / 256 {
				if _, err := svc.Create(context.Background(), user, draft); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkCreate adds a thread, durably: alone, by 16 callers at once, and
// as a bare put of records of the same size, a commit each.
func BenchmarkCreate(b *testing.B) {
	b.Run("lone", func(b *testing.B) {
		_, svc := open(b, filled(b, 10_000))
		b.ReportAllocs()
		for b.Loop() {
			_, err := svc.Create(b.Context(), "ada", draft)
			check(b, err)
		}
	})
	b.Run("callers=16", func(b *testing.B) {
		_, svc := open(b, filled(b, 10_000))
		b.ReportAllocs()
		b.ResetTimer()
		var wg sync.WaitGroup
		for w := range 16 {
			wg.Go(func() {
				for range (b.N + 15 - w) / 16 {
					if _, err := svc.Create(context.Background(), "ada", draft); err != nil {
						panic(err)
					}
				}
			})
		}
		wg.Wait()
	})
	b.Run("in-turns", func(b *testing.B) {
		_, svc := open(b, filled(b, 10_000))
		db, _ := bare(b, filled(b, 10_000))
		// Keys and values as long as those of a thread and of where it is.
		value, where := make([]byte, 150), make([]byte, 20)
		next := time.Now().UnixMicro()
		t := times{}
		for b.Loop() {
			t.of("create", func() {
				_, err := svc.Create(b.Context(), "ada", draft)
				check(b, err)
			})
			t.of("put", func() {
				next++
				check(b, db.Update(func(tx *bbolt.Tx) error {
					bucket := tx.Bucket([]byte("skein.threads"))
					if err := bucket.Put(fmt.Appendf(nil, "tada\x00%08d%08d-thrd_%032d", 1, next%1e8, next), value); err != nil {
						return err
					}
					return bucket.Put(fmt.Appendf(nil, "iada\x00thrd_%032d", next), where)
				}))
			})
		}
		t.report(b, "put")
	})
}

// BenchmarkBytesPerThread says how large a file is, for many small users and
// for one large one.
func BenchmarkBytesPerThread(b *testing.B) {
	users := 100_000
	if testing.Short() {
		users = 1_000
	}
	b.Run(fmt.Sprintf("users=%d/threads=5", users), func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "db")
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType})
		check(b, err)
		store, err := bolt.New(b.Context(), db, nil)
		check(b, err)
		svc := threads.NewService(store, nil)
		var wg sync.WaitGroup
		for w := range 256 {
			wg.Go(func() {
				for u := w; u < users; u += 256 {
					for range 5 {
						if _, err := svc.Create(context.Background(), fmt.Sprintf("user-%d", u), draft); err != nil {
							panic(err)
						}
					}
				}
			})
		}
		wg.Wait()
		report(b, db, path, users*5)
	})
	for _, n := range sizes(b) {
		b.Run(fmt.Sprintf("users=1/threads=%d", n), func(b *testing.B) {
			path := filled(b, n)
			db, err := bbolt.Open(path, 0o600, nil)
			check(b, err)
			report(b, db, path, n)
		})
	}
}

func report(b *testing.B, db *bbolt.DB, path string, n int) {
	b.Helper()
	free := int64(db.Stats().FreePageN) * int64(db.Info().PageSize)
	check(b, db.Close())
	info, err := os.Stat(path)
	check(b, err)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(info.Size())/float64(n), "file-B/thread")
	b.ReportMetric(float64(info.Size()-free)/float64(n), "used-B/thread")
}
