package api

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/digit-health/dhr/access"
)

// Limits bound how often requests may come: Burst at once, and so many a second over time. Those of an
// address count before it is known who asks. A rate of zero is no limit.
type Limits struct {
	// Concurrent is how many requests are worked on at once; others wait for their turn, up to two seconds. If zero, any number.
	// Streams of events and downloads do not count.
	Concurrent int

	PerPrincipal, PerAddress         float64
	BurstOfPrincipal, BurstOfAddress int

	principals, addresses buckets
}

// buckets are one token bucket for each name. Of names that have not been seen for
// a while it forgets those that are full again.
type buckets struct {
	mu sync.Mutex
	of map[string]*rate.Limiter
}

// mostBuckets is how many names are remembered before full buckets are forgotten.
const mostBuckets = 10_000

func (b *buckets) take(w http.ResponseWriter, name string, perSecond float64, burst int, now time.Time) (time.Duration, bool) {
	if perSecond <= 0 {
		return 0, true
	}
	burst = max(burst, 1)
	b.mu.Lock()
	if b.of == nil {
		b.of = map[string]*rate.Limiter{}
	}
	l := b.of[name]
	if l == nil {
		if len(b.of) >= mostBuckets {
			b.forget(now)
		}
		l = rate.NewLimiter(rate.Limit(perSecond), burst)
		b.of[name] = l
	}
	b.mu.Unlock()
	ok := l.AllowN(now, 1)
	left := max(l.TokensAt(now), 0)
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(int(left)))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil((float64(burst)-left)/perSecond))))
	return time.Duration((1 - min(left, 1)) / perSecond * float64(time.Second)), ok
}

// forget drops full buckets, which are as good as new, and all of them if there are none.
func (b *buckets) forget(now time.Time) {
	for name, l := range b.of {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(b.of, name)
		}
	}
	if len(b.of) >= mostBuckets {
		clear(b.of)
	}
}

func (l *Limits) address(w http.ResponseWriter, from netip.Addr, now time.Time) (time.Duration, bool) {
	if l == nil {
		return 0, true
	}
	return l.addresses.take(w, placeOf(from), l.PerAddress, l.BurstOfAddress, now)
}

// placeOf names an address for limits: who has one of IPv6 has a whole network of them.
func placeOf(from netip.Addr) string {
	if from.Is6() && !from.Is4In6() {
		if p, err := from.Prefix(64); err == nil {
			return p.String()
		}
	}
	return from.String()
}

// How often sign-ins of an address may be refused before they are no longer looked at.
const (
	guessesPerSecond = 5
	guessesAtOnce    = 100
)

func (l *Limits) principal(w http.ResponseWriter, who *access.Principal, now time.Time) (time.Duration, bool) {
	if l == nil {
		return 0, true
	}
	return l.principals.take(w, who.Tenant+"\x00"+who.User, l.PerPrincipal, l.BurstOfPrincipal, now)
}

// refusedFor says in the header when to come again.
func refusedFor(w http.ResponseWriter, wait time.Duration) kind {
	w.Header().Set("Retry-After", strconv.Itoa(max(int(math.Ceil(wait.Seconds())), 1)))
	return tooMany
}

func byteCount(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// patience is how long a request waits for its turn.
const patience = 2 * time.Second

// inTurn lets at most so many requests at once through, and others wait. Those that everybody may send go through, and those
// whose answers last: each user may have so many of them.
func (a *handler) inTurn(next http.Handler) http.Handler {
	most := 0
	if a.opts.Limits != nil {
		most = a.opts.Limits.Concurrent
	}
	turns := make(chan struct{}, max(most, 0))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route := request(r.Context()).route; most > 0 && !open(route) && !lasts(route) {
			select {
			case turns <- struct{}{}:
			default:
				if !a.wait(w, r, turns) {
					return
				}
			}
			defer func() { <-turns }()
		}
		defer a.metrics.runs()()
		next.ServeHTTP(w, r)
	})
}

// wait waits for a turn, and answers if it does not come.
func (a *handler) wait(w http.ResponseWriter, r *http.Request, turns chan<- struct{}) bool {
	defer a.metrics.waits()()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case turns <- struct{}{}:
		return true
	case <-timer.C:
		w.Header().Set("Retry-After", "1")
		byStatus[http.StatusServiceUnavailable].problem(r.Context(), "the server is busy").write(w)
	case <-r.Context().Done():
		clientGone.problem(r.Context(), "the request was given up").write(w)
	}
	return false
}
