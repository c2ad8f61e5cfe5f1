// Package storagetest checks that a store keeps every promise of
// [threads.Store].
//
// A store's own test file needs no more than this:
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{
//			Open:       func(dir string) (threads.Store, error) { return mystore.Open(dir) },
//			Persistent: true,
//		})
//	}
//
// Each promise is a [Clause]: a name, the rule in words, and a check that is
// given a fresh store. They come in an order in which later ones take for
// granted what earlier ones have shown, so the first that fails says most.
// After the clauses about one rule each come those about many goroutines and
// many threads, and at last random histories: long lists of random calls whose
// every answer is held against a model that keeps rows in a slice and looks at
// each. docs/clauses.md lists them all.
//
// A history that goes wrong prints its seed and the fewest calls that show
// it. The environment chooses others:
//
//	SKEIN_SEED=n       plays the history of that seed alone
//	SKEIN_HISTORIES=n  plays as many histories, of the seeds 1 to n
//
// [Benchmark] measures a store, above all whether deleting and restoring
// everything costs the same at any number of threads.
//
// The package imports testing, as only tests need it.
package storagetest
