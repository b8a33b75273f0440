package ipfs

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i>>16)*7 ^ byte(i)
	}
	return b
}

// CIDs that Kubo 0.43.0 gave; TestHasherEqualsKubo asks a real one.
func TestHasher(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size int
		want string
	}{
		{0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
		{1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"},
		{1000, "bafkreie24w7wujgatpfj2jrt7sm4y4jedillte7ppsabt5lute74rbsvjq"},
		{262143, "bafkreifzpwreujpa6njzi2derm5qkjxixg4sf52jj2xkjpn4jqesxkupwe"},
		{262144, "bafkreifdb7cerqs2sax6whtua5u3bsersmcwni6nw5k6ofau533kbnfwwi"},
		{262145, "bafybeichmkjlwo65x2s53cp7mdan6uuzdzkch3mxb4of4k3giegxzrukaq"},
		{524288, "bafybeiguwigy2rod66pr3gxswmqfn5bvb55rmkn7dzrc5js6bszbfx4vee"},
		{45350917, "bafybeigalejckua3ayrnx7dupqcvrhzugzk5xxaem7kvqvbhosjp2rnxma"},
		{45613056, "bafybeidex5gqftyurkzs6vy7pvjbv4wp2s3m4spyrdkrjjt5drulkoe3me"},
		{45613057, "bafybeieyplpn4p26ott45qi72te2qxoyq2lvo6lc3i6ysgrjsi45q6bjoq"},
		{45875201, "bafybeidgmik4akamwozyzu5f5eewuo67nwzgybxbjyqaa6rcz3tppgxk3m"},
		{91226113, "bafybeiaqywaexaox6g6hml7sbglrovlqc5gkqmdxzjfkwmdllbq5w3yg7q"},
	} {
		h := &Hasher{}
		_, _ = h.Write(pattern(c.size))
		require.EqualValues(t, c.size, h.Size())
		require.Equal(t, c.want, h.CID(), "%d bytes", c.size)
	}
}

// How a file is cut into writes does not matter.
func TestHasherWrites(t *testing.T) {
	t.Parallel()
	data := pattern(3*chunkSize + 1234)
	h := &Hasher{}
	_, _ = h.Write(data)
	want := h.CID()
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		h.Reset()
		for rest := data; len(rest) > 0; {
			n := min(len(rest), random.IntN(2*chunkSize))
			_, _ = h.Write(rest[:n])
			rest = rest[n:]
		}
		require.Equal(t, want, h.CID())
	}
}

// The memory is constant: what is written costs nothing, and the tree's edge is small.
func TestHasherMemory(t *testing.T) {
	data := pattern(chunkSize)
	h := &Hasher{}
	_, _ = h.Write(data)
	allocs := testing.AllocsPerRun(500, func() { _, _ = h.Write(data) })
	require.Less(t, allocs, 12.0, "allocations for each chunk")
	for _, level := range h.levels {
		require.LessOrEqual(t, len(level), maxLinks)
	}
	require.LessOrEqual(t, len(h.levels), 2)
}

func TestHasherReset(t *testing.T) {
	t.Parallel()
	h := &Hasher{}
	empty := h.CID()
	h.Reset()
	_, _ = h.Write([]byte(strings.Repeat("a", chunkSize+1)))
	require.NotEqual(t, empty, h.CID())
	h.Reset()
	require.Zero(t, h.Size())
	require.Equal(t, empty, h.CID())
}

func BenchmarkHasher(b *testing.B) {
	data := pattern(1 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	h := &Hasher{}
	for b.Loop() {
		_, _ = h.Write(data)
	}
}
