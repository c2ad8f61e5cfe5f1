// Package lab breaks the stores in every way it can, and holds what is left to
// what they promise. It is tests alone, in a module of its own:
//
//	go test ./...                            the short form, some minutes
//	SKEIN_LAB=long go test -timeout 0 ./...  every crash point, an hour of load
//
// It needs Linux, root, strace and /dev/fuse, and fails without: what cannot
// be tried is not passed. SKEIN_SEED=n tries again what a failure names, and
// so does SKEIN_FAULT=call:what:n for system calls that fail.
//
// SKEIN_LAB_RESULTS=file makes every test add what it ran and what came of it,
// a line of JSON each; "go run ./report FILE PAGE" puts the table of them into
// docs/reliability.md.
package lab
