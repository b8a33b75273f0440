// Package fetch calls services whose answers decide who someone is: an issuer's keys, egov-user.
package fetch

import (
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Loopback reports whether a host is this machine, without asking anybody for its address.
func Loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Client returns a client like c that goes where it is sent and nowhere else: it follows no redirects. If c is nil it is
// one that uses no proxy, and keeps connections for as long as idle says, or not at all if that is zero.
func Client(c *http.Client, idle time.Duration) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	} else {
		own.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     idle,
			DisableKeepAlives:   idle == 0,
		}
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
