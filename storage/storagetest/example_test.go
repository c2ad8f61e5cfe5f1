package storagetest_test

import (
	"fmt"
	"testing"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/storagetest"
	"github.com/skein-go/skein/threads"
)

// harness says how to make the store that is to be checked. It is all that
// the test file of a store needs beside the two functions below it.
var harness = storagetest.Harness{
	Open: func(dir string) (threads.Store, error) { return memory.New(), nil }, // mystore.Open(dir)
}

// In the test file of a store these are called TestStore and BenchmarkStore.
func Example() {
	var (
		_ = func(t *testing.T) { storagetest.Run(t, harness) }
		_ = func(b *testing.B) { storagetest.Benchmark(b, harness) }
	)
	// Output:
}

func ExampleClauses() {
	for _, c := range storagetest.Clauses() {
		if c.Name == "delete-all/deleted-before" {
			fmt.Println(c.Rule)
		}
	}
	// Output:
	// Threads deleted before, alone or with all, are not counted again and stay with their own deletion.
}
