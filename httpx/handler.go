package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/skein-go/skein/threads"
)

// Options change how a handler works. A nil *Options and a zero field mean
// the default.
type Options struct {
	Logger              *slog.Logger     // default: slog.Default(), as it is when New is called
	Now                 func() time.Time // default: time.Now; for timestamps of errors and durations in the log
	Timeout             time.Duration    // of one request; default: DefaultTimeout
	MaxBody             int64            // bytes of a request body; default: DefaultMaxBody
	RequireOrganization bool             // whether POST /v1/threads needs organization_id

	// Limiter says whether a user may make one more request; if not, it is
	// a 429. Nil: every user may. Package ratelimit has one.
	Limiter Limiter

	// Observe is called for each request after it was logged, and before
	// the answer is sent, for metrics. It must be quick, and safe for
	// concurrent use.
	Observe func(context.Context, Served)
}

// Limiter bounds how many requests a user makes. It must be safe for
// concurrent use.
type Limiter interface {
	// Allow reports whether the user may make a request now, and if not,
	// after what time to try again.
	Allow(user string) (wait time.Duration, ok bool)
}

// Served is a request that was answered.
type Served struct {
	Method   string        // of the route
	Route    string        // such as "/v1/threads/{id}"; Method and Route are empty if the request had none
	Status   int           // of the answer
	Class    string        // of the error, as in the log; empty: none
	User     string        // empty: not authenticated
	TraceID  string        // as in the header Trace-Id
	Duration time.Duration // until the answer was known
}

// seconds rounds a wait up to whole seconds, at least one.
func seconds(wait time.Duration) int64 {
	return max(1, int64((wait+time.Second-1)/time.Second))
}

// The limits unless told otherwise.
const (
	DefaultTimeout = 10 * time.Second
	DefaultMaxBody = 128 << 10 // the largest valid thread is 40 KB of UTF-8, and three times that with every character escaped
)

// New returns a handler for the service. The caller closes the store when the
// server that uses the handler is down.
//
// It panics if svc or auth is nil, or a limit is negative: those are mistakes
// in the program.
func New(svc *threads.Service, auth Authenticator, opts *Options) http.Handler {
	if svc == nil || auth == nil {
		panic("httpx: New needs a service and an authenticator")
	}
	h := &handler{service: svc, auth: auth}
	if opts != nil {
		h.Options = *opts
	}
	if h.Timeout < 0 || h.MaxBody < 0 {
		panic("httpx: New needs limits that are not negative")
	}
	if h.Logger == nil {
		h.Logger = slog.Default()
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Timeout == 0 {
		h.Timeout = DefaultTimeout
	}
	if h.MaxBody == 0 {
		h.MaxBody = DefaultMaxBody
	}
	return h
}

type handler struct {
	Options // complete
	service *threads.Service
	auth    Authenticator
}

// exchange is one request on its way through the handler.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context // ends with that of r, and when the time is up
	start  time.Time
	trace  string
	route  route
	id     string      // what the {id} of the route stands for
	caller Caller      // with a scope that is not zero; no user: not authenticated
	notes  []slog.Attr // what the endpoint adds to the line in the log
}

func (x *exchange) note(attr slog.Attr) { x.notes = append(x.notes, attr) }

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	x := &exchange{w: w, r: r, ctx: ctx, start: h.Now(), trace: traceID(r.Header)}
	x.boundBody()

	a, err := h.serve(x)
	if err != nil {
		a = h.refuse(x, err)
	}
	h.log(x, a.status, err)
	h.observe(x, a.status, err)
	if aborted(err) {
		panic(http.ErrAbortHandler)
	}
	a.send(x)
}

// serve finds the answer. A panic on the way is an error.
func (h *handler) serve(x *exchange) (a answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	if x.route, x.id, err = findRoute(x.r); err != nil {
		return answer{}, err
	}
	if !x.route.open {
		caller, err := h.authenticate(x)
		if err == nil {
			err = h.admit(x, caller)
		}
		if err != nil {
			return answer{}, err
		}
	}
	return x.route.serve(h, x)
}
