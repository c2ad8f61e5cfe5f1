package bench

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// seriesVariable names a directory in which the latency of each write is kept,
// for the plot.
const seriesVariable = "SKEIN_BENCH_SERIES"

// sample is one write of another user.
type sample struct {
	at   time.Duration // when it was due, since the delete began
	took time.Duration // from then until it was durable
}

// BenchmarkMixed has a hundred users write, each twice a second whatever
// happens, while another deletes all of their many threads, and then purges
// them. A write is late from the moment at which it was due: who waits does not
// get to start later.
func BenchmarkMixed(b *testing.B) {
	for _, n := range []int{sizes()[len(sizes())-3], many()} {
		for _, during := range []string{"delete", "purge"} {
			b.Run(fmt.Sprintf("during=%s/threads=%d", during, n), func(b *testing.B) {
				for _, c := range Contenders() {
					if c.Slow > 0 && n > c.Slow {
						continue
					}
					b.Run("by="+c.Name, func(b *testing.B) { mixed(b, c, n, during) })
				}
			})
		}
	}
}

func mixed(b *testing.B, c Contender, n int, during string) {
	keeper := filled(b, c, n)
	lead, tail := 2*time.Second, 2*time.Second
	if testing.Short() {
		lead, tail = 100*time.Millisecond, 100*time.Millisecond
	}
	work := func() (int, error) { return keeper.DeleteAll(b.Context(), "ada") }
	if during == "purge" {
		if _, err := keeper.Restore(b.Context(), "ada"); errors.Is(err, errors.ErrUnsupported) {
			b.Skip("a delete is final")
		}
		_, err := keeper.DeleteAll(b.Context(), "ada")
		require.NoError(b, err)
		work = func() (int, error) { return keeper.Purge(b.Context(), "ada") }
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	began := time.Now().Add(lead)
	samples := others(ctx, b, keeper, began)
	time.Sleep(lead)
	did, err := work()
	took := time.Since(began)
	if err != nil || did != n {
		b.Fatalf("%s = %d, %v; want %d", during, did, err, n)
	}
	time.Sleep(tail)
	stop()
	list := samples()

	var met []time.Duration // those that were due while it went on, or just before
	for _, s := range list {
		if s.at+s.took >= 0 && s.at <= took+100*time.Millisecond {
			met = append(met, s.took)
		}
	}
	if len(met) == 0 {
		b.Fatal("no write of others met it")
	}
	slices.Sort(met)
	quantile := func(q float64) float64 { return float64(met[int(q*float64(len(met)-1))].Nanoseconds()) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.Nanoseconds()), during+"-ns")
	b.ReportMetric(quantile(0.5), "p50-ns")
	b.ReportMetric(quantile(0.99), "p99-ns")
	b.ReportMetric(quantile(1), "worst-ns")
	keepSeries(b, fmt.Sprintf("%s-%d-%s.csv", during, n, c.Name), list)
}

// others starts the users. The function it returns waits for their end and
// says how their writes went.
func others(ctx context.Context, b *testing.B, keeper Keeper, began time.Time) func() []sample {
	const users, every = 100, 500 * time.Millisecond
	var mu sync.Mutex
	var list []sample
	var wg sync.WaitGroup
	start := time.Now()
	for u := range users {
		wg.Go(func() {
			user := fmt.Sprintf("user %d", u)
			due := start.Add(time.Duration(u) * every / users)
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(due)):
				}
				if err := keeper.Create(context.WithoutCancel(ctx), user, numbered(user, i)); err != nil {
					b.Errorf("Create(%s) = %v", user, err)
					return
				}
				mu.Lock()
				list = append(list, sample{due.Sub(began), time.Since(due)})
				mu.Unlock()
				due = due.Add(every)
			}
		})
	}
	return func() []sample {
		wg.Wait()
		slices.SortFunc(list, func(a, b sample) int { return int(a.at - b.at) })
		return list
	}
}

// keepSeries writes the latency of each write, if wanted: milliseconds since
// the work began, milliseconds it took.
func keepSeries(b *testing.B, name string, list []sample) {
	b.Helper()
	dir := os.Getenv(seriesVariable)
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name))
	require.NoError(b, err)
	w := csv.NewWriter(f)
	ms := func(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e6, 'f', 3, 64) }
	for _, s := range list {
		require.NoError(b, w.Write([]string{ms(s.at), ms(s.took)}))
	}
	w.Flush()
	require.NoError(b, errors.Join(w.Error(), f.Close()))
}
