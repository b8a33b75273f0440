package auth_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := prefixes("10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108")
	const proxy = "10.0.0.7:4711"
	for _, c := range []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"no proxy", "203.0.113.9:80", nil, "203.0.113.9"},
		{"headers of a stranger", "203.0.113.9:80", []string{"X-Forwarded-For", "192.0.2.1", "Forwarded", "for=192.0.2.1"}, "203.0.113.9"},
		{"a proxy alone", proxy, nil, "10.0.0.7"},
		{"behind a proxy", proxy, []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		{"what the client wrote does not count", proxy, []string{"X-Forwarded-For", "192.0.2.1, 203.0.113.9"}, "203.0.113.9"},
		{"nor if it wrote a proxy", proxy, []string{"X-Forwarded-For", "192.0.2.1, 10.0.0.9, 203.0.113.9"}, "203.0.113.9"},
		{"behind two proxies", proxy, []string{"X-Forwarded-For", "192.0.2.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{"several lines", proxy, []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-For", "203.0.113.9 , 10.1.2.3"}, "203.0.113.9"},
		{"all are proxies", proxy, []string{"X-Forwarded-For", "10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"no address", proxy, []string{"X-Forwarded-For", "unknown"}, "10.0.0.7"},
		{"no address before a proxy", proxy, []string{"X-Forwarded-For", "203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"empty", proxy, []string{"X-Forwarded-For", ""}, "10.0.0.7"},
		{"a comma behind", proxy, []string{"X-Forwarded-For", "203.0.113.9,"}, "10.0.0.7"},
		{"with a port", proxy, []string{"X-Forwarded-For", "203.0.113.9:5123"}, "203.0.113.9"},
		{"IPv6", proxy, []string{"X-Forwarded-For", "2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", proxy, []string{"X-Forwarded-For", "[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 with a port", proxy, []string{"X-Forwarded-For", "[2001:db8::1]:5123"}, "2001:db8::1"},
		{"IPv6 with a zone", proxy, []string{"X-Forwarded-For", "fe80::1%eth0"}, "10.0.0.7"},
		{"IPv4 in IPv6", proxy, []string{"X-Forwarded-For", "::ffff:203.0.113.9"}, "203.0.113.9"},
		{"a peer with IPv4 in IPv6", "[::ffff:10.0.0.7]:80", []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		{"a peer of IPv6", "[fd00::1]:80", []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		{"a range written as IPv6", "172.17.0.1:80", []string{"X-Forwarded-For", "203.0.113.9"}, "203.0.113.9"},
		{"no range written as IPv6", "172.32.0.1:80", []string{"X-Forwarded-For", "203.0.113.9"}, "172.32.0.1"},
		{"a Unix socket", "@", []string{"X-Forwarded-For", "203.0.113.9"}, "invalid IP"},

		{"Forwarded", proxy, []string{"Forwarded", "for=203.0.113.9"}, "203.0.113.9"},
		{"Forwarded with more", proxy, []string{"Forwarded", `For="[2001:db8::1]:4711";proto=https;by=10.0.0.7;host="a;b,c"`}, "2001:db8::1"},
		{"Forwarded of two", proxy, []string{"Forwarded", `for=192.0.2.1, for=203.0.113.9;proto=http , for=10.1.2.3`}, "203.0.113.9"},
		{"Forwarded in lines", proxy, []string{"Forwarded", "for=203.0.113.9", "Forwarded", "for=10.1.2.3"}, "203.0.113.9"},
		{"Forwarded by nobody", proxy, []string{"Forwarded", "for=203.0.113.9, proto=http"}, "10.0.0.7"},
		{"Forwarded hidden", proxy, []string{"Forwarded", "for=203.0.113.9, for=_gazonk"}, "10.0.0.7"},
		{"Forwarded twice in one", proxy, []string{"Forwarded", "for=203.0.113.9;for=192.0.2.1"}, "10.0.0.7"},
		{"Forwarded, a comma in quotes", proxy, []string{"Forwarded", `for="203.0.113.9, for=192.0.2.1"`}, "10.0.0.7"},
		{"Forwarded, not closed", proxy, []string{"Forwarded", `for=192.0.2.1, for="203.0.113.9`}, "10.0.0.7"},
		{"Forwarded, not closed before", proxy, []string{"Forwarded", `for="192.0.2.1, for=203.0.113.9`}, "10.0.0.7"},
		{"Forwarded, something behind the quotes", proxy, []string{"Forwarded", `for="203.0.113.9"x`}, "10.0.0.7"},
		{"Forwarded, escaped", proxy, []string{"Forwarded", `for="\203.0.113.9"`}, "203.0.113.9"},
		{"Forwarded, no pair", proxy, []string{"Forwarded", "203.0.113.9"}, "10.0.0.7"},
		{"Forwarded, empty", proxy, []string{"Forwarded", ""}, "10.0.0.7"},
		{"a long header", proxy, []string{"X-Forwarded-For", strings.Repeat("192.0.2.1,", 100_000) + "203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{"a long chain of proxies", proxy, []string{"X-Forwarded-For", "203.0.113.9" + strings.Repeat(",10.1.2.3", 100)}, "10.1.2.3"},
		{"Forwarded, long", proxy, []string{"Forwarded", strings.Repeat("for=192.0.2.1,", 1000) + "for=203.0.113.9"}, "10.0.0.7"},
		{"both agree", proxy, []string{"Forwarded", "for=203.0.113.9", "X-Forwarded-For", "192.0.2.1, 203.0.113.9"}, "203.0.113.9"},
		{"both do not agree", proxy, []string{"Forwarded", "for=192.0.2.1", "X-Forwarded-For", "203.0.113.9"}, "10.0.0.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := request(c.headers...)
			r.RemoteAddr = c.peer
			require.Equal(t, c.want, auth.ClientAddress(r, trusted).String())
		})
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("192.0.2.1, 203.0.113.9", `for="[2001:db8::1]:4711";proto=https, for=10.1.2.3`)
	f.Add("", "")
	f.Add("::ffff:1.2.3.4,,", `for="\"`)
	trusted := prefixes("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, xff, forwarded string) {
		r := request("X-Forwarded-For", xff, "Forwarded", forwarded)
		r.RemoteAddr = "203.0.113.9:80"
		require.Equal(t, "203.0.113.9", auth.ClientAddress(r, trusted).String(), "a stranger chose his address")

		// Whatever a client writes, the address that the nearest proxy appends is the one that is found.
		r.RemoteAddr = "10.0.0.7:80"
		r.Header.Del("Forwarded")
		r.Header.Set("X-Forwarded-For", xff+", 198.51.100.4")
		require.Equal(t, "198.51.100.4", auth.ClientAddress(r, trusted).String())
		r.Header.Del("X-Forwarded-For")
		r.Header["Forwarded"] = []string{forwarded, "for=198.51.100.4"}
		got := auth.ClientAddress(r, trusted).String()
		require.Contains(t, []string{"198.51.100.4", "10.0.0.7"}, got)
	})
}
