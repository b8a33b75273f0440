package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
)

// asked is what is known of a request while it is answered.
type asked struct {
	trace       string
	correlation string
	route       string // the pattern of the path, never the path: this may hold ids of persons
	address     netip.Addr
	who         *access.Principal
	query       string // for the log
	records     int
	body        []byte
	control     *http.ResponseController // of the connection, below what wraps it
}

type askedKey struct{}

// request returns what is known of the request that ctx is of.
func request(ctx context.Context) *asked {
	if r, ok := ctx.Value(askedKey{}).(*asked); ok {
		return r
	}
	return &asked{}
}

func traceOf(ctx context.Context) string { return request(ctx).trace }

// whoOf returns who asks.
func whoOf(ctx context.Context) *access.Principal { return request(ctx).who }

// traced begins a request.
func (a *handler) traced(r *http.Request) (*http.Request, *asked) {
	q := &asked{
		trace: given(r.Header.Get("X-Request-Id")), correlation: given(r.Header.Get("X-Correlation-Id")), address: a.opts.Address(r),
	}
	if q.trace == "" {
		q.trace = rand.Text()
	}
	if q.correlation == "" {
		q.correlation = q.trace
	}
	ctx := dhr.WithAddress(r.Context(), q.address)
	return r.WithContext(context.WithValue(ctx, askedKey{}, q)), q
}

// given returns an id that a client chose, if it is one that may stand in a log.
func given(id string) string {
	const longest = 128
	if id == "" || len(id) > longest || strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-_.:", c)
	}) {
		return ""
	}
	return id
}

// peer returns the address of the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
