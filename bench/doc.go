// Package bench puts the stores beside what people would pick instead, and
// beside the least that their engines can do: the same work, on the same disk,
// in one run.
//
//	bench/run                                everything, into docs/performance.md; more than an hour
//	bench/compare main HEAD                  two revisions of the stores, before and after
//	go test -bench . -short -benchtime 1x    each workload once, small
//
// The workloads are Go benchmarks, so every tool for those works on them; each
// has a sub-benchmark for each contender, by=NAME. A [Contender] says how it
// differs from the others. What a contender has no way to do is left out of
// its figures and said.
package bench
