package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddress returns the address that a request comes from: that of its peer or,
// if this is a trusted proxy, the one that the proxies name. It is the last
// address of X-Forwarded-For, or of Forwarded (RFC 7239), that is not trusted
// itself, since all before it is what the client may have written. If a
// proxy names what is no address, its own is returned; and if both headers are there and
// do not agree, one of them was written by the client, and the peer's is returned. So it is if
// Forwarded is longer than 8 KiB; of X-Forwarded-For the last 32 addresses are looked at.
//
// The zero Addr is returned if the peer has none, as on a Unix socket.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := peerAddress(r)
	if !peer.IsValid() || !contains(trusted, peer) {
		return peer
	}
	xff, forwarded := r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")
	switch {
	case len(xff) == 0 && len(forwarded) == 0:
		return peer
	case len(forwarded) == 0:
		return lastUntrusted(peer, forwardedFor(xff), trusted)
	case len(xff) == 0:
		return lastUntrusted(peer, forwardedElements(forwarded), trusted)
	}
	one, other := lastUntrusted(peer, forwardedFor(xff), trusted), lastUntrusted(peer, forwardedElements(forwarded), trusted)
	if one != other {
		return peer
	}
	return one
}

// peerAddress is the address of the connection that a request came by.
func peerAddress(r *http.Request) netip.Addr {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// fromProxy reports whether a request comes from one of the proxies.
func fromProxy(r *http.Request, proxies []netip.Prefix) bool {
	peer := peerAddress(r)
	return peer.IsValid() && contains(proxies, peer)
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
		// A prefix may be written in the form that IPv4 has inside IPv6.
		if p.Addr().Is4In6() && p.Bits() >= 96 && netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Contains(a) {
			return true
		}
	}
	return false
}

// lastUntrusted walks along the hops, the nearest first, as long as the one who wrote it is trusted.
func lastUntrusted(peer netip.Addr, hops []string, trusted []netip.Prefix) netip.Addr {
	nearest := peer
	for _, hop := range hops {
		a, ok := parseHop(hop)
		if !ok {
			return nearest
		}
		nearest = a
		if !contains(trusted, a) {
			return nearest
		}
	}
	return nearest
}

// parseHop reads an address as proxies write it: with or without a port, and of IPv6 with or without brackets.
func parseHop(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		if p, err := netip.ParseAddrPort(text); err == nil {
			a = p.Addr()
		} else if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
			a, _ = netip.ParseAddr(inner[:len(inner)-1])
		}
	}
	if !a.IsValid() || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// A client may write headers as long as it likes; proxies add little.
const (
	maxHops      = 32
	maxForwarded = 8 << 10
)

// forwardedFor returns the last hops of X-Forwarded-For, the nearest first.
func forwardedFor(values []string) []string {
	var hops []string
	for _, value := range slices.Backward(values) {
		for more := true; more; {
			if len(hops) == maxHops {
				return hops
			}
			hop := value
			i := strings.LastIndexByte(value, ',')
			if more = i >= 0; more {
				value, hop = value[:i], value[i+1:]
			}
			hops = append(hops, strings.Trim(hop, " \t"))
		}
	}
	return hops
}

// forwardedElements returns what each element of the Forwarded headers says after
// for=, the nearest first; nothing for one that does not say it, or not once.
func forwardedElements(values []string) []string {
	length := 0
	for _, value := range values {
		length += len(value)
	}
	if length > maxForwarded {
		return nil // it is read from its beginning, where the client may have written anything
	}
	var hops []string
	hop, seen := "", 0
	end := func() {
		if seen != 1 {
			hop = ""
		}
		hops, hop, seen = append(hops, hop), "", 0
	}
	for _, value := range values {
		for {
			name, text, rest, more, ok := forwardedPair(value)
			if !ok {
				return nil // what cannot be read names nobody
			}
			if strings.EqualFold(name, "for") {
				hop = text
				seen++
			}
			if !more {
				break
			}
			if rest[0] == ',' {
				end()
			}
			value = rest[1:]
		}
		end()
	}
	slices.Reverse(hops)
	return hops
}

// forwardedPair reads a pair name=value, quoted or not, or nothing, up to the next ; or , or
// the end. rest begins with that separator; more says that there is one.
func forwardedPair(text string) (name, value, rest string, more, ok bool) {
	text = strings.TrimLeft(text, " \t")
	if text == "" || text[0] == ';' || text[0] == ',' {
		return "", "", text, text != "", true
	}
	i := strings.IndexAny(text, "=;,\"")
	if i <= 0 || text[i] != '=' {
		return "", "", "", false, false
	}
	name, text = text[:i], text[i+1:]
	if strings.HasPrefix(text, `"`) {
		value, text, ok = quoted(text)
		if !ok {
			return "", "", "", false, false
		}
	} else {
		end := strings.IndexAny(text, ";,\"")
		if end < 0 {
			end = len(text)
		}
		value, text = strings.TrimRight(text[:end], " \t"), text[end:]
	}
	text = strings.TrimLeft(text, " \t")
	if text != "" && text[0] != ';' && text[0] != ',' {
		return "", "", "", false, false
	}
	return name, value, text, text != "", true
}

// quoted reads a quoted string and returns what is in it and what follows it.
func quoted(text string) (inner, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
