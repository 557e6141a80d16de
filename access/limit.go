package access

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of failed attempts per source.
const (
	maxSources   = 4096
	failureBurst = 20
	failureEvery = 3 * time.Second // one more failure is forgiven
)

// limiter counts failures per source and refuses a source that fails too often. It never refuses one that succeeds.
type limiter struct {
	mu sync.Mutex
	m  map[string]*rate.Limiter
}

func newLimiter() *limiter { return &limiter{m: map[string]*rate.Limiter{}} }

// allow reports whether the source may try.
func (l *limiter) allow(source string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.m[source]
	return r == nil || r.TokensAt(now) >= 1
}

// failed counts a failure. When the map is full, sources that have been quiet are forgotten; if all are loud, all are,
// because memory is bounded before guesses are.
func (l *limiter) failed(source string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.m[source]
	if r == nil {
		if len(l.m) >= maxSources {
			l.sweep(now)
		}
		r = rate.NewLimiter(rate.Every(failureEvery), failureBurst)
		l.m[source] = r
	}
	r.AllowN(now, 1)
}

func (l *limiter) sweep(now time.Time) {
	for s, r := range l.m {
		if r.TokensAt(now) >= failureBurst {
			delete(l.m, s)
		}
	}
	if len(l.m) >= maxSources {
		clear(l.m)
	}
}

// sourceOf names the peer of a request: its IPv4 address or IPv6 /64 prefix, "local" for a socket without one.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "local"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		p, err := ip.Prefix(64)
		if err == nil {
			return p.Masked().String()
		}
	}
	return ip.String()
}
