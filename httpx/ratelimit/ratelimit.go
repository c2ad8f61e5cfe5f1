package ratelimit

import (
	"cmp"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/skein-go/skein/httpx"
)

// DefaultPerSecond is the rate unless told otherwise: more than a person's
// client needs, less than a loop without a pause makes.
const DefaultPerSecond = 20

// Options are the limits of one user. A nil *Options and a zero field mean the
// default.
type Options struct {
	PerSecond float64          // requests a second in the long run, such as 0.5; default: DefaultPerSecond
	Burst     int              // requests at once, of a user who made none for a while; default: those of a second, at least one
	Now       func() time.Time // default: time.Now; it must not go back
}

// The bounds of what makes sense.
const (
	maxPerSecond = 1e6            // beyond that it limits nothing
	maxFill      = 24 * time.Hour // beyond that it is a quota, which would have to outlive a restart
)

// Validate says what [New] would panic with, or nil.
func (o Options) Validate() error {
	o = o.orDefault()
	switch {
	case !(o.PerSecond > 0 && o.PerSecond <= maxPerSecond): // NaN too
		return errors.New("the rate must be more than 0 and at most 1000000 a second")
	case o.Burst < 1:
		return errors.New("the burst must be at least 1")
	case o.fillSeconds() > maxFill.Seconds():
		return errors.New("the burst must be at most what the rate allows in 24 hours")
	}
	return nil
}

func (o Options) orDefault() Options {
	o.PerSecond = cmp.Or(o.PerSecond, DefaultPerSecond)
	if o.Burst == 0 && o.PerSecond <= maxPerSecond {
		o.Burst = max(1, int(math.Ceil(o.PerSecond)))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// fillSeconds is how long an empty bucket takes to be full.
func (o Options) fillSeconds() float64 { return float64(o.Burst) / o.PerSecond }

// Limiter is an [httpx.Limiter]. It is safe for concurrent use, and needs no
// closing.
type Limiter struct {
	opts Options // complete
	fill time.Duration

	mu     sync.Mutex
	turned time.Time                // when the turn began
	recent map[string]*rate.Limiter // the buckets used in this turn
	before map[string]*rate.Limiter // those used in the last one, and not in this
}

var _ httpx.Limiter = (*Limiter)(nil)

// New returns a limiter whose buckets are full. It panics if the options are
// not valid, which is a mistake in the program; see [Options.Validate].
func New(opts *Options) *Limiter {
	if opts == nil {
		opts = &Options{}
	}
	if err := opts.Validate(); err != nil {
		panic("ratelimit: " + err.Error())
	}
	l := &Limiter{opts: opts.orDefault(), recent: map[string]*rate.Limiter{}}
	l.fill = time.Duration(math.Ceil(l.opts.fillSeconds() * float64(time.Second)))
	l.turned = l.opts.Now()
	return l
}

// Allow implements [httpx.Limiter]. A request that is not allowed takes
// nothing from the bucket, and is allowed after the wait if there is no other
// until then.
func (l *Limiter) Allow(user string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opts.Now() // in the lock, so that buckets see it go forward
	b := l.bucket(user, now)
	if b.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - b.TokensAt(now)
	return time.Duration(math.Ceil(missing / l.opts.PerSecond * float64(time.Second))), false
}

// bucket returns the user's bucket, and forgets others that are full. A turn
// lasts as long as a bucket takes to fill, or longer: whoever was not there in
// all of the last one has a full bucket, which is what a new user has.
func (l *Limiter) bucket(user string, now time.Time) *rate.Limiter {
	if now.Sub(l.turned) >= l.fill {
		l.turned, l.before, l.recent = now, l.recent, map[string]*rate.Limiter{}
	}
	b := l.recent[user]
	if b == nil {
		if b = l.before[user]; b == nil {
			b = rate.NewLimiter(rate.Limit(l.opts.PerSecond), l.opts.Burst)
		}
		delete(l.before, user)
		l.recent[user] = b
	}
	return b
}
