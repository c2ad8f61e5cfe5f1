package generation_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/skein-go/skein/internal/generation"
	"github.com/skein-go/skein/threads"
)

// heap is something to purge: so many threads, of which one batch has room to
// remove so many.
type heap struct {
	threads, room int
	fail          error // at the end of the room it has in all
	budget        int
	asked         []int
}

func (h *heap) purge(limit int) (threads.PurgeResult, error) {
	h.asked = append(h.asked, limit)
	n := min(limit, h.threads)
	switch {
	case n > h.room:
		return threads.PurgeResult{Threads: 99}, fmt.Errorf("engine: %w", threads.ErrFull)
	case h.fail != nil && n > h.budget:
		return threads.PurgeResult{Threads: 99}, h.fail
	}
	h.threads -= n
	h.budget -= n
	return threads.PurgeResult{Threads: int64(n), Deletions: 1, More: h.threads > 0}, nil
}

func TestInBatches(t *testing.T) {
	broken := errors.New("broken")
	const roomy = 1 << 20
	for name, c := range map[string]struct {
		heap        heap
		limit, most int
		want        threads.PurgeResult
		err         error
		asked       []int
	}{
		"one is enough":                       {heap{threads: 3, room: roomy}, 10, 100, threads.PurgeResult{Threads: 3, Deletions: 1}, nil, []int{10}},
		"nothing is one too":                  {heap{room: roomy}, 10, 100, threads.PurgeResult{Deletions: 1}, nil, []int{10}},
		"several, and the rest of the last":   {heap{threads: 7, room: roomy}, 10, 3, threads.PurgeResult{Threads: 7, Deletions: 3}, nil, []int{3, 3, 3}},
		"up to the limit":                     {heap{threads: 9, room: roomy}, 7, 3, threads.PurgeResult{Threads: 7, Deletions: 3, More: true}, nil, []int{3, 3, 1}},
		"smaller ones where there is no room": {heap{threads: 40, room: 20}, 40, 100, threads.PurgeResult{Threads: 40, Deletions: 4}, nil, []int{40, 10, 10, 10, 10}},
		"one by one at the last":              {heap{threads: 2, room: 1}, 8, 8, threads.PurgeResult{Threads: 2, Deletions: 2}, nil, []int{8, 2, 1, 1}},
		"no room for one":                     {heap{threads: 2}, 8, 8, threads.PurgeResult{}, threads.ErrFull, []int{8, 2, 1}},
		"an error keeps what was before it":   {heap{threads: 9, room: roomy, fail: broken, budget: 4}, 9, 2, threads.PurgeResult{Threads: 4, Deletions: 2, More: true}, broken, []int{2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := generation.InBatches(c.limit, c.most, c.heap.purge)
			if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("InBatches(%d, %d) = %+v, %v; want %+v, %v", c.limit, c.most, got, err, c.want, c.err)
			}
			if !reflect.DeepEqual(c.heap.asked, c.asked) {
				t.Errorf("InBatches(%d, %d) made batches of %v; want %v", c.limit, c.most, c.heap.asked, c.asked)
			}
		})
	}
}

func TestErasing(t *testing.T) {
	d, err := generation.Erasing("ada", func(id string) (bool, error) { return id != "del_erasure_3", nil })
	if err != nil || d.ID != "del_erasure_3" || d.User != "ada" || d.Scope != threads.All() {
		t.Errorf("Erasing(ada) = %+v, %v; want del_erasure_3, the first that is free, of everything", d, err)
	}
	if err := d.Validate("ada"); err != nil {
		t.Errorf("Erasing(ada) is %v; want a deletion that any call takes", err)
	}
	if err := d.Restorable(); !errors.Is(err, threads.ErrPurged) {
		t.Errorf("Erasing(ada).Restorable() = %v; want ErrPurged", err)
	}
	if !d.Due().Before(generation.Never) {
		t.Error("it is not due before Never")
	}
	broken := errors.New("broken")
	if _, err := generation.Erasing("ada", func(string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("Erasing over a broken store = %v; want its error", err)
	}
}
