package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/threads"
)

var demoCommand = command{
	name:     "demo",
	synopsis: "[--store URL]",
	summary:  "Show what Skein does, with real requests to a server on this machine",
	about:    "It talks to 127.0.0.1 only, ends by itself, and exits with 1 if an answer is\nnot what it has to be.",
	define: func(flags *flag.FlagSet) action {
		var store storeURL
		flags.Var(&store, "store", "the `URL` of the store (default memory:)")
		return func(ctx context.Context, args []string, out, errOut io.Writer) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if store.open == nil {
				if err := store.Set("memory:"); err != nil {
					return err
				}
			}
			return demo(ctx, store, out, errOut)
		}
	},
}

// The users of the demo. In a store that others use, the demo would delete
// threads of users so named, so it wants them to have none.
const (
	ada = "ada"
	ben = "ben"
)

// demo serves the store on a free port of this machine and plays the story
// against it.
func demo(ctx context.Context, url storeURL, out, errOut io.Writer) (err error) {
	store, err := url.open()
	if err != nil {
		return fmt.Errorf("open store %s: %w", url.text, err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	svc := threads.NewService(store, nil)

	dir, err := os.MkdirTemp("", "skein-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	keys, err := apikey.Create(filepath.Join(dir, "keys.json"))
	if err != nil {
		return err
	}
	secrets := map[string]string{}
	for _, user := range []string{ada, ben} {
		n, err := svc.Count(ctx, user, threads.All())
		if err != nil {
			return err
		}
		if n != (threads.Counts{}) {
			return fmt.Errorf("store %s has threads of a user %q already, and the demo would delete them: give it a store of its own", url.text, user)
		}
		if secrets[user], _, err = keys.Add(user, threads.All(), time.Time{}, time.Now()); err != nil {
			return err
		}
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelError}))
	server := newServer(httpx.New(svc, keys, &httpx.Options{Logger: log}), log)
	serving, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- serveUntil(serving, server, listener, drain{&health{}, 0, drainTimeout}, log) }()

	fmt.Fprintf(out, "A Skein server on http://%s, with its threads in %s, for this demo only.\n", listener.Addr(), url.text)
	err = tell(ctx, "http://"+listener.Addr().String(), secrets, out)
	stop()
	return errors.Join(err, <-stopped)
}
