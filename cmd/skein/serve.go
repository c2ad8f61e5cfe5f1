package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/skein-go/skein/httpx"
	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/httpx/ratelimit"
	"github.com/skein-go/skein/threads"
)

// The limits of the server. A request that the handler has taken up ends
// within httpx.Options.Timeout; these bound what comes before and after it.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	drainTimeout      = 20 * time.Second // how long requests may go on when no more are taken
)

var serveCommand = command{
	name:     "serve",
	synopsis: "--store URL --keys FILE [--listen ADDR] [--retention DURATION] [--rate N/s[:BURST]] [--drain-wait DURATION] [--log-level LEVEL] [--log-format FORMAT]",
	summary:  "Serve threads over HTTP",
	about: `The first line on standard output is "listening on http://HOST:PORT"; logs go
to standard error. Keys that are added or revoked take effect at once.

GET /healthz and GET /readyz need no key. The first is 200 as long as the
process is up; the second is 200 and "ready" as long as it takes requests, and
503 and "draining" from the first SIGINT or SIGTERM on. Then requests are still
taken for --drain-wait, those under way have 20 seconds to finish, and the store
is closed. A second signal ends it at once.

The server speaks plain HTTP: outside of this machine, put it behind TLS.`,
	define: func(flags *flag.FlagSet) action {
		var c serveConfig
		flags.Var(&c.store, "store", "the `URL` of the store: bolt:PATH or sqlite:PATH (one file), or memory: (gone when the server ends)")
		flags.StringVar(&c.keys, "keys", "", "the keys `FILE` made by skein keys add")
		c.listen = "127.0.0.1:8080"
		flags.Func("listen", "`ADDR` to listen on, as HOST:PORT; port 0 picks a free one (default "+c.listen+")", func(text string) error {
			c.listen = text
			return checkAddress(text)
		})
		flags.Func("retention", "how long deleted threads can come back: purge them after this `DURATION`, like 720h (default: never)", func(text string) (err error) {
			c.retention, err = parseDuration(text)
			return err
		})
		flags.Func("drain-wait", "`DURATION` to go on taking requests after a signal, until load balancers have seen /readyz (default: none)", func(text string) (err error) {
			c.drainWait, err = parseDuration(text)
			return err
		})
		flags.Func("rate", "how many requests each user may make, as `N/s[:BURST]`: N a second, BURST at once after a pause (default: no limit; BURST: N)", func(text string) (err error) {
			c.rate, err = parseRate(text)
			return err
		})
		flags.Func("log-level", "least `LEVEL` to log: debug, info, warn or error (default info)", func(text string) error {
			if err := c.logLevel.UnmarshalText([]byte(text)); err != nil {
				return errors.New("it must be debug, info, warn or error")
			}
			return nil
		})
		flags.Func("log-format", "`FORMAT` of logs: text or json (default text)", func(text string) error {
			c.logJSON = text == "json"
			if text != "text" && text != "json" {
				return errors.New("it must be text or json")
			}
			return nil
		})
		return func(ctx context.Context, args []string, out, errOut io.Writer) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if c.store.open == nil {
				return usagef("--store is missing: say where threads are kept, like --store memory:")
			}
			if c.keys == "" {
				return usagef("--keys is missing: name a file made by skein keys add")
			}
			return serve(ctx, c, out, errOut)
		}
	},
}

type serveConfig struct {
	store     storeURL
	keys      string
	listen    string
	retention time.Duration      // 0: never
	rate      *ratelimit.Options // nil: no limit
	drainWait time.Duration
	logLevel  slog.Level
	logJSON   bool
}

// serve runs the server until ctx is done or it fails. It returns when every
// request has been answered or cut off and the store is closed.
func serve(ctx context.Context, c serveConfig, out, errOut io.Writer) (err error) {
	log := slog.New(c.logHandler(errOut))
	keys, err := apikey.Open(c.keys)
	if err != nil {
		return err
	}
	store, err := c.store.open()
	if err != nil {
		return fmt.Errorf("open store %s: %w", c.store.text, err)
	}
	defer func() { err = errors.Join(err, store.Close()) }() // after all that uses it has ended
	svc := threads.NewService(store, nil)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return err
	}
	warn(log, c, keys, listener.Addr())
	if _, err := fmt.Fprintf(out, "listening on http://%s\n", listener.Addr()); err != nil {
		return errors.Join(fmt.Errorf("say where it listens: %w", err), listener.Close())
	}
	opts := &httpx.Options{Logger: log}
	if c.rate != nil {
		opts.Limiter = ratelimit.New(c.rate)
	}
	h := &health{}
	server := newServer(h.handler(httpx.New(svc, keys, opts)), log)

	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	if c.retention > 0 {
		background.Go(func() { retain(ctx, svc, c.retention, log) })
	}
	minutes := time.NewTicker(time.Minute)
	defer minutes.Stop()
	background.Go(func() { saveUses(ctx, keys, minutes.C, log) })
	defer func() { // when the last request has been answered
		report(log, whenUnlocked(context.WithoutCancel(ctx), keys.SaveUses))
	}()
	return serveUntil(ctx, server, listener, drain{h, c.drainWait, drainTimeout}, log)
}

// drain is how a server stops.
type drain struct {
	health *health       // that is told first
	wait   time.Duration // in which others may notice, and requests are still taken
	atMost time.Duration // how long those under way may go on after that
}

// serveUntil serves until ctx is done, and then drains.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener, d drain, log *slog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	d.health.draining.Store(true)
	log.Info("draining", slog.Duration("wait", d.wait))
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-time.After(d.wait):
	}
	log.Info("stopping", slog.Duration("at_most", d.atMost))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.atMost)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after %s: %w", d.atMost, err), server.Close())
	}
	return nil
}

// newServer returns a server of the handler that no client can hold up.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// retain purges what was deleted longer than keep ago until ctx is done.
func retain(ctx context.Context, svc *threads.Service, keep time.Duration, log *slog.Logger) {
	_ = svc.Retain(ctx, threads.Retention{ // it ends with the context and for nothing else
		Keep:  keep,
		Every: min(time.Hour, keep),
		Report: func(user string, r threads.PurgeResult, err error) {
			log := log.With(slog.String("user", user), slog.Int64("threads", r.Threads), slog.Int64("deletions", r.Deletions))
			if err != nil {
				log.Error("purge failed and will be tried again", slog.Any("error", err))
				return
			}
			log.Info("purged")
		},
	})
}

// saveUses writes down when keys were last used, at every tick until ctx is
// done.
func saveUses(ctx context.Context, keys *apikey.File, ticks <-chan time.Time, log *slog.Logger) {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		err := keys.SaveUses()
		if !failing { // once is enough: on a medium that cannot be written to it fails for ever
			report(log, err)
		}
		failing = err != nil
	}
}

// report logs that uses of keys could not be saved.
func report(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("when keys were last used is not written down", slog.Any("error", err))
	}
}

// warn logs what an operator may not have meant.
func warn(log *slog.Logger, c serveConfig, keys *apikey.File, addr net.Addr) {
	now := time.Now()
	if !slices.ContainsFunc(keys.List(), func(k apikey.Key) bool { return !k.Revoked() && !k.Expired(now) }) {
		log.Warn("the keys file has no key that is good: nobody can call", slog.String("file", c.keys))
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.Warn("keys travel in clear text: put TLS in front", slog.String("listen", addr.String()))
	}
	if c.store.text == "memory:" {
		log.Warn("threads are kept in memory and are gone when the server ends")
	}
}

func (c serveConfig) logHandler(w io.Writer) slog.Handler {
	opts := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// checkAddress accepts HOST:PORT and :PORT, with a port from 0 to 65535.
func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("it must be HOST:PORT, like 127.0.0.1:8080")
	}
	return nil
}

// parseDuration accepts durations of a second or more.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, errors.New("it must be a duration of at least 1s, like 90m or 720h (30 days)")
	}
	return d, nil
}
