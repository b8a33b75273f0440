package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// fhirURL is the absolute URL of /fhir/r4, as who sent the request sees it.
func (a *handler) fhirURL(r *http.Request) string { return a.publicURL(r) + fhirBase }

// publicURL is the absolute URL of this handler, as who sent the request sees it.
func (a *handler) publicURL(r *http.Request) string {
	if a.opts.PublicURL != "" {
		return strings.TrimSuffix(a.opts.PublicURL, "/")
	}
	scheme, host, prefix := a.seen(r)
	return scheme + "://" + host + prefix
}

// seen is under which scheme, host and prefix the sender of a request sees this handler: as the request says or, if it comes from a proxy that is believed,
// as that one says. Of several values the last counts, which is that of the proxy itself: all before it may be the client's.
func (a *handler) seen(r *http.Request) (scheme, host, prefix string) {
	scheme, host, prefix = "http", r.Host, a.opts.Base
	if r.TLS != nil {
		scheme = "https"
	}
	if !believed(r, a.opts.Proxies) {
		return scheme, host, prefix
	}
	if text := strings.ToLower(lastOf(r, "X-Forwarded-Proto")); text == "http" || text == "https" {
		scheme = text
	}
	if text := lastOf(r, "X-Forwarded-Host"); isHost(text) {
		host = text
	}
	if text := lastOf(r, "X-Forwarded-Prefix"); isPrefix(text) {
		prefix = strings.TrimSuffix(text, "/")
	}
	return scheme, host, prefix
}

func believed(r *http.Request, proxies []netip.Prefix) bool {
	at := peer(r)
	return at.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// lastOf returns the last of the values of a header, which may be lists.
func lastOf(r *http.Request, name string) string {
	values := r.Header.Values(name)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// isHost reports whether a text can be a host, with or without a port.
func isHost(text string) bool {
	const longest = 300
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._:[]", c)
	})
}

// isPrefix reports whether a text can be the beginning of paths.
func isPrefix(text string) bool {
	const longest = 300
	return strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") && len(text) <= longest && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._~/", c)
	})
}
