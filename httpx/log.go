package httpx

import (
	"context"
	"errors"
	"log/slog"
)

// log writes the one line about a request. The cause of an error is in it only
// if the client is not told: what is wrong with a request may repeat the
// request.
func (h *handler) log(x *exchange, status int, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("trace_id", x.trace),
		slog.String("user", x.caller.User),
		slog.String("method", echo(x.r.Method)),
		slog.String("route", x.route.pattern),
		slog.Int("status", status),
		slog.Duration("duration", h.Now().Sub(x.start)),
	}
	attrs = append(attrs, x.notes...)
	if err != nil {
		attrs = append(attrs, slog.String("error_class", classOf(err).name))
	}
	if err != nil && status >= 500 {
		attrs = append(attrs, slog.String("error", err.Error()))
		if !errors.Is(err, context.Canceled) {
			level = slog.LevelError
		}
	}
	var p *panicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	h.Logger.LogAttrs(x.ctx, level, "request", attrs...)
}

// observe tells the host about the request.
func (h *handler) observe(x *exchange, status int, err error) {
	if h.Observe == nil {
		return
	}
	s := Served{
		Method: x.route.method, Route: x.route.pattern, Status: status,
		User: x.caller.User, TraceID: x.trace, Duration: h.Now().Sub(x.start),
	}
	if err != nil {
		s.Class = classOf(err).name
	}
	h.Observe(x.ctx, s)
}
