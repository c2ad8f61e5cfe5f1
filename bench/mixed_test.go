package bench

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
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
// happens, while another deletes all of their many threads, purges them, or
// does nothing. A write is late from the moment at which it was due: who waits
// does not get to start later.
//
// It counts the writes that were due from 100 ms before the work began, which
// may be under way then, until the work was done, but at least for five
// seconds: so work of a millisecond is seen by as many writes as work of
// seconds, and is as rare among them as it is for the users.
func BenchmarkMixed(b *testing.B) {
	for _, n := range []int{sizes()[len(sizes())-3], many()} {
		for _, during := range []string{"nothing", "delete", "purge"} {
			b.Run(fmt.Sprintf("during=%s/threads=%d", during, n), func(b *testing.B) {
				for _, c := range turns(b) {
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
	lead, least := 2*time.Second, 5*time.Second
	if testing.Short() {
		lead, least = 100*time.Millisecond, 300*time.Millisecond
	}
	work := func() (int, error) { return n, nil }
	switch during {
	case "delete":
		work = func() (int, error) { return keeper.DeleteAll(b.Context(), "ada") }
	case "purge":
		skipFinal(b, keeper)
		_, err := keeper.DeleteAll(b.Context(), "ada")
		require.NoError(b, err)
		work = func() (int, error) { return keeper.Purge(b.Context(), "ada") }
	}
	began := time.Now().Add(lead)
	o := start(b, keeper, began)
	defer o.abandon()
	time.Sleep(lead)
	did, err := work()
	took := time.Since(began)
	if err != nil || did != n {
		b.Fatalf("%s = %d, %v; want %d", during, did, err, n)
	}
	end := max(took, least)
	time.Sleep(end - took)
	list := o.finish(end)

	var met []time.Duration
	for _, s := range list {
		if s.at >= -100*time.Millisecond && s.at <= end {
			met = append(met, s.took)
		}
	}
	if len(met) == 0 {
		b.Fatal("no write of others met it")
	}
	slices.Sort(met)
	quantile := func(q float64) float64 { return float64(met[int(q*float64(len(met)-1))].Nanoseconds()) }
	b.ReportMetric(0, "ns/op")
	if during != "nothing" {
		b.ReportMetric(float64(took.Nanoseconds()), during+"-ns")
	}
	b.ReportMetric(float64(len(met)), "samples")
	b.ReportMetric(quantile(0.5), "p50-ns")
	b.ReportMetric(quantile(0.99), "p99-ns")
	b.ReportMetric(quantile(1), "worst-ns")
	keepSeries(b, fmt.Sprintf("%s-%d-%s.csv", during, n, c.Name), list)
}

// others are the users who write meanwhile.
type others struct {
	stop  context.CancelFunc
	until atomic.Int64 // since the work began; what is due later is not written
	users sync.WaitGroup

	mu   sync.Mutex
	list []sample
}

func start(b *testing.B, keeper Keeper, began time.Time) *others {
	const users, every = 100, 500 * time.Millisecond
	o := new(others)
	o.until.Store(math.MaxInt64)
	ctx, stop := context.WithCancel(b.Context())
	o.stop = stop
	first := time.Now()
	for u := range users {
		o.users.Go(func() {
			user := fmt.Sprintf("user %d", u)
			due := first.Add(time.Duration(u) * every / users)
			for i := 0; due.Sub(began) <= time.Duration(o.until.Load()); i++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(due)):
				}
				if err := keeper.Create(context.WithoutCancel(ctx), user, numbered(user, i)); err != nil {
					b.Errorf("Create(%s) = %v", user, err)
					return
				}
				o.mu.Lock()
				o.list = append(o.list, sample{due.Sub(began), time.Since(due)})
				o.mu.Unlock()
				due = due.Add(every)
			}
		})
	}
	return o
}

// finish waits until all has been written that was due by then, and says how
// the writes went.
func (o *others) finish(end time.Duration) []sample {
	o.until.Store(int64(end))
	o.users.Wait()
	slices.SortFunc(o.list, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	return o.list
}

// abandon stops them, whatever is due.
func (o *others) abandon() {
	o.stop()
	o.users.Wait()
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
