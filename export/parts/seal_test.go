package parts_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/parts"
)

// seal seals with age alone.
func seal(tb testing.TB, key *parts.Key, plain []byte) []byte {
	tb.Helper()
	r, err := age.ParseX25519Recipient(key.Recipient)
	require.NoError(tb, err)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, r)
	require.NoError(tb, err)
	_, err = w.Write(plain)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return sealed.Bytes()
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Any range of what was sealed can be read.
func TestUnseal(t *testing.T) {
	t.Parallel()
	key, err := parts.NewKey()
	require.NoError(t, err)
	for _, size := range []int64{0, 1, 100, 64 << 10, 64<<10 + 1, 200_000} {
		plain := random(int(size))
		sealed := seal(t, key, plain)
		for _, offset := range []int64{0, 1, size / 2, 64 << 10, size - 1, size} {
			if offset < 0 || offset > size {
				continue
			}
			for _, length := range []int64{-1, 0, 1, 70_000, size} {
				r, err := parts.Unseal(iotest.OneByteReader(bytes.NewReader(sealed)), key.Identity, offset, length)
				require.NoError(t, err)
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				want := plain[offset:]
				if length >= 0 {
					want = want[:min(length, int64(len(want)))]
				}
				require.True(t, bytes.Equal(want, got), "%d bytes from %d of %d", length, offset, size)
			}
		}
		_, err = parts.Unseal(bytes.NewReader(sealed), key.Identity, size+1, -1)
		require.ErrorIs(t, err, parts.ErrInvalid)
		_, err = parts.Unseal(bytes.NewReader(sealed), key.Identity, -1, -1)
		require.ErrorIs(t, err, parts.ErrInvalid)
	}
}

// A damaged, a cut off and a foreign file are told apart, and none is taken for a shorter one.
func TestUnsealDamaged(t *testing.T) {
	t.Parallel()
	key, err := parts.NewKey()
	require.NoError(t, err)
	other, err := parts.NewKey()
	require.NoError(t, err)
	sealed := seal(t, key, random(100_000))
	read := func(b []byte, identity string) error {
		r, err := parts.Unseal(bytes.NewReader(b), identity, 0, -1)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		return err
	}
	require.NoError(t, read(sealed, key.Identity))
	require.ErrorIs(t, read(sealed, other.Identity), parts.ErrKey)
	err = read(sealed, "AGE-SECRET-KEY-1NONE")
	require.ErrorIs(t, err, parts.ErrKey)
	require.NotContains(t, err.Error(), "NONE", "a secret is told")
	require.ErrorIs(t, read([]byte("name\nAsha\n"), key.Identity), parts.ErrCorrupt)
	require.ErrorIs(t, read(nil, key.Identity), parts.ErrCorrupt)
	for _, n := range []int{10, 150, 200, 216, 300, 65_768, 70_000, len(sealed) - 1} {
		require.ErrorIs(t, read(sealed[:n], key.Identity), parts.ErrCorrupt, "%d bytes", n)
	}
	for at := 250; at < len(sealed); at += 9973 {
		damaged := bytes.Clone(sealed)
		damaged[at] ^= 1
		require.ErrorIs(t, read(damaged, key.Identity), parts.ErrCorrupt, "byte %d", at)
	}
	lost := errors.New("lost")
	for _, n := range []int{0, 100, 90_000} {
		r, err := parts.Unseal(io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(lost)), key.Identity, 0, -1)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.ErrorIs(t, err, lost, "%d bytes", n)
	}
}

// How many bytes can be sealed is exact.
func TestSealable(t *testing.T) {
	t.Parallel()
	key, err := parts.NewKey()
	require.NoError(t, err)
	header, err := parts.SealHeader(key.Recipient)
	require.NoError(t, err)
	for _, n := range []int{0, 1, 1000, 65_535, 65_536, 65_537, 131_072, 131_073, 200_000} {
		size := int64(len(seal(t, key, random(n))))
		require.Equal(t, int64(n), parts.Sealable(size, header))
		require.LessOrEqual(t, parts.Sealable(size-1, header), int64(n-1))
	}
	for most := range int64(400) { // never more than fits, also where a chunk has hardly begun
		for _, base := range []int64{0, 65_536, 131_000} {
			if n := parts.Sealable(base+most, header); n >= 0 {
				require.LessOrEqual(t, int64(len(seal(t, key, random(int(n))))), base+most)
			}
		}
	}
}

// What compresses badly is not larger than was thought, whatever is flushed when.
func TestFitting(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	inputs := [][]byte{random(300_000), []byte(strings.Repeat("a", 300_000))}
	mixed := random(300_000)
	for at := 0; at < len(mixed); at += 7919 {
		copy(mixed[at:], strings.Repeat("=", r.IntN(6000)))
	}
	inputs = append(inputs, mixed)
	for _, input := range inputs {
		for range 300 {
			var out bytes.Buffer
			w, err := flate.NewWriter(&out, flate.BestSpeed)
			require.NoError(t, err)
			rest := input
			for range 5 {
				n := min(r.IntN(1<<r.IntN(18)), len(rest))
				_, err = w.Write(rest[:n])
				require.NoError(t, err)
				require.NoError(t, w.Flush())
				rest = rest[n:]
			}
			before := int64(out.Len())
			room := int64(100 + r.IntN(1<<r.IntN(18)))
			n := min(parts.Fitting(room), int64(len(rest)))
			_, err = w.Write(rest[:n])
			require.NoError(t, err)
			require.NoError(t, w.Close())
			require.LessOrEqual(t, int64(out.Len()), before+room)
		}
	}
}

// FuzzUnseal: whatever is given as a sealed file, is opened or is an error of ours.
func FuzzUnseal(f *testing.F) {
	const identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	id, err := age.ParseX25519Identity(identity)
	if err != nil {
		f.Fatal(err)
	}
	key := &parts.Key{Identity: identity, Recipient: id.Recipient().String()}
	f.Add(seal(f, key, nil), int64(0), int64(-1))
	f.Add(seal(f, key, []byte("name\nAsha\n")), int64(2), int64(3))
	f.Add(seal(f, key, random(70_000)), int64(66_000), int64(10))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 x\n--- y\n"), int64(0), int64(1))
	f.Fuzz(func(t *testing.T, sealed []byte, offset, length int64) {
		r, err := parts.Unseal(bytes.NewReader(sealed), identity, offset, length)
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, r)
			require.True(t, length < 0 || n <= length)
		}
		if err != nil {
			require.True(t, errors.Is(err, parts.ErrCorrupt) || errors.Is(err, parts.ErrKey) || errors.Is(err, parts.ErrInvalid), "%v", err)
		}
	})
}
