// Command skein serves conversation threads over HTTP, looks after the keys
// that let callers in, and shows in a demo what it does.
//
// It is the only package that imports every store. What it prints on standard
// output is meant for other programs as well as for people; logs and advice
// go to standard error. It exits with 0 when all went well, 1 when something
// failed, and 2 when it was called wrongly.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that goes away is a write that fails, which every command
	// handles, and no reason for a server to end because of its log.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. By
// then a second one has its usual effect again, which is to end the process
// at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
}
