package lab

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// seeds returns the seeds to try: 1 to short, or to most in the long form, or
// the one that SKEIN_SEED names.
func seeds(t *testing.T, short, most int) []uint64 {
	t.Helper()
	if text := os.Getenv("SKEIN_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "SKEIN_SEED")
		return []uint64{seed}
	}
	n := short
	if long() {
		n = most
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i) + 1
	}
	return list
}

// again says how to try a seed of this test again.
func again(t *testing.T, seed uint64) string {
	t.Helper()
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	return fmt.Sprintf("SKEIN_SEED=%d go test -run '%s' .", seed, strings.Join(parts, "/"))
}

// at is so many minutes after a fixed time.
func at(minutes int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// countdown is a context that is cancelled at the n-th look at it.
type countdown struct {
	context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	left int
}

func newCountdown(parent context.Context, n int) *countdown {
	ctx, cancel := context.WithCancel(parent)
	c := &countdown{Context: ctx, cancel: cancel, left: n}
	if n <= 0 {
		cancel()
	}
	return c
}

func (c *countdown) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left <= 0 {
		c.cancel()
	}
}

// sound reports whether the context outlived the call, which is over, and
// ends it.
func (c *countdown) sound() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.cancel()
	return c.left > 0
}

// Err implements [context.Context].
func (c *countdown) Err() error { c.look(); return c.Context.Err() }

// Done implements [context.Context].
func (c *countdown) Done() <-chan struct{} { c.look(); return c.Context.Done() }
