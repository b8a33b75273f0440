package search

import (
	"bytes"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
)

func anyKey(t *rapid.T) record.Value {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return record.Value{}
	case 1:
		return record.BoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		return record.IntValue(rapid.Int64().Draw(t, "int"))
	case 3:
		return record.UintValue(rapid.Uint64().Draw(t, "uint"))
	case 4:
		return record.FloatValue(rapid.Float64().Draw(t, "float"))
	case 5:
		return record.TimeValue(time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "time")))
	case 6:
		return record.VersionValue(rapid.String().Draw(t, "version"))
	case 7:
		return record.IPValue(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip"))))
	case 8:
		return record.JSONValue(rapid.String().Draw(t, "json"))
	}
	return record.StringValue(rapid.String().Draw(t, "string"))
}

func TestKeysAreReadAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.Custom(anyKey), 0, 5).Draw(t, "keys")
		got, err := readKeys(appendKeys(nil, keys), len(keys))
		require.NoError(t, err)
		require.Len(t, got, len(keys))
		for i := range keys {
			require.True(t, keys[i].Equal(got[i]), "%s became %s", keys[i], got[i])
		}
	})
}

func FuzzReadKeys(f *testing.F) {
	f.Add(appendKeys(nil, []record.Value{record.StringValue("V-1"), {}, record.FloatValue(math.Inf(1))}), 3)
	f.Add([]byte{5, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 100 {
			n = 3
		}
		keys, err := readKeys(b, n)
		if err != nil {
			require.ErrorIs(t, err, ErrBadToken)
			return
		}
		again, err := readKeys(appendKeys(nil, keys), n)
		require.NoError(t, err)
		for i := range keys {
			require.Zero(t, keys[i].Compare(again[i]))
		}
	})
}

func TestTokensAreSealed(t *testing.T) {
	t.Parallel()
	index := func(secret byte) *Index {
		seal, err := newSeal(bytes.Repeat([]byte{secret}, 32), nil)
		require.NoError(t, err)
		return &Index{seal: seal}
	}
	x := index(1)
	asha, ravi := &access.Principal{User: "asha"}, &access.Principal{User: "ravi"}
	content := pageToken{Now: 7, Question: []byte("q"), After: [][]byte{appendKeys(nil, []record.Value{record.StringValue("secret name")})}}
	token, err := x.sealed(content, principalBound("page", asha))
	require.NoError(t, err)
	require.NotContains(t, token, "secret")

	var got pageToken
	require.NoError(t, x.open(token, principalBound("page", asha), &got))
	require.Equal(t, content, got)
	require.NoError(t, index(1).open(token, principalBound("page", asha), &got), "another process with the same secret")

	refused := map[string]func() error{
		"another principal": func() error { return x.open(token, principalBound("page", ravi), &got) },
		"another purpose":   func() error { return x.open(token, principalBound("checkpoint", asha), &got) },
		"another secret":    func() error { return index(2).open(token, principalBound("page", asha), &got) },
		"cut":               func() error { return x.open(token[:len(token)-3], principalBound("page", asha), &got) },
		"empty":             func() error { return x.open("", principalBound("page", asha), &got) },
		"no base64":         func() error { return x.open("§§", principalBound("page", asha), &got) },
		"long":              func() error { return x.open(string(make([]byte, maxToken+1)), principalBound("page", asha), &got) },
		"changed": func() error {
			changed := []byte(token)
			changed[20] ^= 1
			return x.open(string(changed), principalBound("page", asha), &got)
		},
	}
	for name, open := range refused {
		require.ErrorIs(t, open(), ErrBadToken, name)
	}
	again, err := x.sealed(content, principalBound("page", asha))
	require.NoError(t, err)
	require.NotEqual(t, token, again, "no nonce is used twice")
}

// A token is never made that would be refused, and one that is made is read.
func TestTokensAreNotTooLong(t *testing.T) {
	t.Parallel()
	seal, err := newSeal(nil, nil)
	require.NoError(t, err)
	x := &Index{seal: seal}
	made := 0
	for n := maxToken*9/16 - 300; n < maxToken*9/16+300; n += 60 {
		content := pageToken{After: [][]byte{make([]byte, n)}}
		token, err := x.sealed(content, nil)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			continue
		}
		made++
		require.LessOrEqual(t, len(token), maxToken)
		var got pageToken
		require.NoError(t, x.open(token, nil, &got))
		require.Equal(t, content, got)
	}
	require.Positive(t, made)
	require.Less(t, made, 10, "some are too long")
}
