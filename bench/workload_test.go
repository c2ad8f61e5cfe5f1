package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// sizes are the numbers of threads of the user whose threads are deleted.
func sizes() []int {
	if testing.Short() {
		return []int{100, 1_000, 3_000}
	}
	return []int{100, 1_000, 10_000, 100_000, 1_000_000}
}

// usual and many are the numbers of threads beside which the rest is measured.
func usual() int { return sizes()[len(sizes())-2] / 10 }
func many() int  { return sizes()[len(sizes())-1] }

// roundVariable numbers the rounds of a run, so that each has an order of its
// own.
const roundVariable = "SKEIN_BENCH_ROUND"

// turns are the contenders, all of an engine side by side. In each round
// another of an engine is first, and every other round goes backwards: nobody
// always follows the same neighbour.
func turns(b *testing.B) []Contender {
	b.Helper()
	round := 0
	if text := os.Getenv(roundVariable); text != "" {
		var err error
		round, err = strconv.Atoi(text)
		require.NoError(b, err, roundVariable)
	}
	var list []Contender
	for rest := Contenders(); len(rest) > 0; {
		n := slices.IndexFunc(rest, func(c Contender) bool { return c.Engine != rest[0].Engine })
		if n < 0 {
			n = len(rest)
		}
		first := round % n
		some := slices.Concat(rest[first:n], rest[:first])
		if round%2 == 1 {
			slices.Reverse(some)
		}
		list, rest = append(list, some...), rest[n:]
	}
	return list
}

// forEach runs a workload on each contender.
func forEach(b *testing.B, n int, run func(*testing.B, Keeper)) {
	b.Helper()
	for _, c := range turns(b) {
		if c.Slow > 0 && n > c.Slow {
			continue
		}
		b.Run("by="+c.Name, func(b *testing.B) {
			keeper := filled(b, c, n)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, keeper)
		})
	}
}

// BenchmarkCreate adds a thread to a user who has some, durably.
func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			forEach(b, usual(), func(b *testing.B, keeper Keeper) {
				var next atomic.Int64
				next.Store(int64(usual()))
				before := wchar()
				b.ResetTimer()
				var g errgroup.Group
				for w := range callers {
					g.Go(func() error {
						for range (b.N + callers - 1 - w) / callers {
							if err := keeper.Create(b.Context(), "ada", numbered("ada", int(next.Add(1)))); err != nil {
								return err
							}
						}
						return nil
					})
				}
				require.NoError(b, g.Wait())
				b.StopTimer()
				b.ReportMetric(float64(wchar()-before)/float64(b.N), "written-B/op")
			})
		})
	}
}

// BenchmarkPage lists 50 threads, the newest or those from the middle on.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{usual(), many()} {
		middle := numbered("ada", n/2)
		for _, place := range []struct {
			name string
			from Place
		}{{"first", Place{}}, {"deep", Place{Offset: n - n/2, After: &middle}}} {
			b.Run(fmt.Sprintf("place=%s/threads=%d", place.name, n), func(b *testing.B) {
				forEach(b, n, func(b *testing.B, keeper Keeper) {
					for b.Loop() {
						list, err := keeper.Page(b.Context(), "ada", place.from, 50)
						if err != nil || len(list) != 50 {
							b.Fatalf("Page(%s) = %d threads, %v; want 50", place.name, len(list), err)
						}
					}
				})
			})
		}
	}
}

// BenchmarkGet reads one thread by its id.
func BenchmarkGet(b *testing.B) {
	n := usual()
	forEach(b, n, func(b *testing.B, keeper Keeper) {
		for i := 0; b.Loop(); i++ {
			if _, err := keeper.Get(b.Context(), "ada", threadID(i*7919%n)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCount counts the live threads of a user.
func BenchmarkCount(b *testing.B) {
	for _, n := range []int{usual(), many()} {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			forEach(b, n, func(b *testing.B, keeper Keeper) {
				for b.Loop() {
					got, err := keeper.Count(b.Context(), "ada")
					if err != nil || got != n {
						b.Fatalf("Count = %d, %v; want %d", got, err, n)
					}
				}
			})
		})
	}
}

// BenchmarkDelete deletes one thread by its id.
func BenchmarkDelete(b *testing.B) {
	n := usual()
	forEach(b, n, func(b *testing.B, keeper Keeper) {
		before := wchar()
		for i := 0; b.Loop(); i++ {
			if i > 0 && i%n == 0 {
				b.StopTimer()
				refill := wchar()
				require.NoError(b, keeper.Fill(b.Context(), "ada", i, i+n))
				before += wchar() - refill
				b.StartTimer()
			}
			if err := keeper.Delete(b.Context(), "ada", threadID(i)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(wchar()-before)/float64(b.N), "written-B/op")
	})
}

// BenchmarkDeleteAll deletes all threads of a user. What undoes that is not
// in its time, but in restore-ns/op, if there is a way.
func BenchmarkDeleteAll(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			forEach(b, n, func(b *testing.B, keeper Keeper) {
				var restoring time.Duration
				var bytes, restored int64
				for b.Loop() {
					b.StopTimer()
					before := wchar()
					b.StartTimer()
					deleted, err := keeper.DeleteAll(b.Context(), "ada")
					b.StopTimer()
					bytes += wchar() - before
					if err != nil || deleted != n {
						b.Fatalf("DeleteAll = %d, %v; want %d", deleted, err, n)
					}
					began := time.Now()
					back, err := keeper.Restore(b.Context(), "ada")
					if errors.Is(err, errors.ErrUnsupported) {
						require.NoError(b, keeper.Fill(b.Context(), "ada", 0, n))
					} else {
						restoring += time.Since(began)
						restored++
						if err != nil || back != n {
							b.Fatalf("Restore = %d, %v; want %d", back, err, n)
						}
					}
					b.StartTimer()
				}
				if restored > 0 {
					b.ReportMetric(float64(restoring.Nanoseconds())/float64(restored), "restore-ns/op")
				}
				b.ReportMetric(float64(bytes)/float64(b.N), "written-B/op")
			})
		})
	}
}

// BenchmarkPurge removes what was deleted, for good.
func BenchmarkPurge(b *testing.B) {
	n := sizes()[len(sizes())-2]
	b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
		forEach(b, n, func(b *testing.B, keeper Keeper) {
			skipFinal(b, keeper)
			var bytes int64
			rounds := 0
			for ; b.Loop(); rounds++ {
				b.StopTimer()
				if rounds > 0 {
					require.NoError(b, keeper.Fill(b.Context(), "ada", 0, n))
				}
				_, err := keeper.DeleteAll(b.Context(), "ada")
				require.NoError(b, err)
				before := wchar()
				b.StartTimer()
				purged, err := keeper.Purge(b.Context(), "ada")
				b.StopTimer()
				bytes += wchar() - before
				if err != nil || purged != n {
					b.Fatalf("Purge = %d, %v; want %d", purged, err, n)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds)/float64(n), "ns/thread")
			b.ReportMetric(float64(bytes)/float64(b.N), "written-B/op")
		})
	})
}

// skipFinal skips what is about purging for a keeper that has no purge.
func skipFinal(b *testing.B, keeper Keeper) {
	b.Helper()
	if _, err := keeper.Purge(b.Context(), "nobody"); errors.Is(err, errors.ErrUnsupported) {
		b.Skip("a delete is final")
	}
}

// wchar is how many bytes this process has given to write calls, as Linux
// counts them; 0 elsewhere. To read it takes longer than some of what is
// measured: call it while the timer stands.
func wchar() (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "wchar: ")
	_, _ = fmt.Sscan(after, &n)
	return n
}
