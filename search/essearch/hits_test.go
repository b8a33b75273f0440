package essearch

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
)

// twoHits is an answer with everything in it, in an order that is not the usual.
const twoHits = `{"pit_id" : "a\u002fb" , "took":3,"hits":{"hits":[
 {"sort":[1.50,"x\"]"],"_source":{"a":"}]\\\"","b":[{}]},"_id":"q\"1","_index":"visits","_score":null,"fields":{"z":[1,{"_id":"no"}]}},
 {"_index":"visits","_id":"2","_source": {} ,"sort":[null, -3e5]}],
 "max_score":null,"total":{"relation":"gte","value":10000}},
 "timed_out":false,"_shards":{"failures":[{"shard":0}],"failed":0,"total":7}} ` + "\n"

func readPage(text string) (*page, error) {
	p := &page{}
	return p, p.read(strings.NewReader(text), 1<<20)
}

func TestPage(t *testing.T) {
	t.Parallel()
	whole, err := readPage(twoHits)
	require.NoError(t, err)
	slow := &page{}
	require.NoError(t, slow.read(iotest.OneByteReader(strings.NewReader(twoHits)), 1<<20))
	for _, p := range []*page{whole, slow} {
		require.Equal(t, "a/b", p.pit)
		require.EqualValues(t, 10000, p.total)
		require.True(t, p.more)
		require.EqualValues(t, 7, p.shards)
		require.Len(t, p.hits, 2)
		require.Equal(t, `q"1`, string(p.text(p.hits[0].id)))
		require.JSONEq(t, `{"a":"}]\\\"","b":[{}]}`, string(p.bytes(p.hits[0].source)))
		require.Equal(t, `[1.50,"x\"]"]`, string(p.bytes(p.hits[0].sort)))
		require.Equal(t, "visits", string(p.text(p.hits[1].index)))
		require.Equal(t, `{}`, string(p.bytes(p.hits[1].source)))
		require.Equal(t, `[null, -3e5]`, string(p.bytes(p.hits[1].sort)))
	}
}

// Every beginning of an answer is refused, however it is cut.
func TestPageCut(t *testing.T) {
	t.Parallel()
	text := strings.TrimSpace(twoHits)
	for n := range len(text) {
		_, err := readPage(text[:n])
		require.ErrorIs(t, err, search.ErrBadAnswer, "cut after %d", n)
	}
	for _, more := range []string{"x", "{}", ",", "\x00"} {
		_, err := readPage(text + more)
		require.ErrorIs(t, err, search.ErrBadAnswer)
	}
}

func TestPageLimits(t *testing.T) {
	t.Parallel()
	long := `{"hits":{"hits":[]},"x":"` + strings.Repeat("x", 2<<20) + `"}`
	_, err := readPage(long)
	require.ErrorIs(t, err, errTooLarge)
	_, err = readPage(`{"x":` + strings.Repeat("[", 100_000))
	require.ErrorIs(t, err, search.ErrBadAnswer)
	err = (&page{}).read(iotest.TimeoutReader(strings.NewReader(long)), 0)
	require.ErrorIs(t, err, iotest.ErrTimeout)
	err = (&page{}).read(silent{}, 0)
	require.ErrorContains(t, err, "multiple Read calls")
}

// silent reads nothing, for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// A page that is too large is asked for again in parts.
func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3000, id: func(i int) string { return strings.Repeat("x", 50_000) + backwards(i) }}
	d := f.driver(t, Options{})
	n := 0
	for r, err := range d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}) {
		require.NoError(t, err)
		require.Len(t, r.ID, 50_008)
		n++
	}
	require.Equal(t, 3000, n)
}

func TestFirstElements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		array string
		n     int
		want  string
		count int
	}{
		{`[]`, 1, `[`, 0},
		{`[ ]`, -1, `[ `, 0},
		{`[1]`, 1, `[1`, 1},
		{`[1,"a,]\"",null]`, 2, `[1,"a,]\""`, 2},
		{`[1,"a,]\"",null]`, -1, `[1,"a,]\"",null`, 3},
		{`[{"a":[1,2]},[3,4] ,5]`, 2, `[{"a":[1,2]},[3,4] `, 2},
		{`[{},""]`, 9, `[{},""`, 2},
	} {
		part, n := firstElements([]byte(c.array), c.n)
		require.Equal(t, c.want, string(part), c.array)
		require.Equal(t, c.count, n, c.array)
	}
	require.Equal(t, `[1]`, string(appendElement(nil, "1")))
	require.Equal(t, `[1]`, string(appendElement([]byte(`[]`), "1")))
	require.Equal(t, `["a",1]`, string(appendElement([]byte(`["a"]`), "1")))
}

func TestGroupKey(t *testing.T) {
	t.Parallel()
	zeros := []zeroKey{{key: 1, element: 1}}
	key := func(values string) string { return string(groupKey(nil, []byte(values), 3, zeros)) }
	require.Equal(t, key(`["a",-0.0,5,9]`), key(`["a",0.0,7,8]`))
	require.NotEqual(t, key(`["a",-0.0,5,9]`), key(`["b",0.0,7,8]`))
	require.NotEqual(t, key(`["a",1.0,5,9]`), key(`["a",1.0,7,9]`))
	require.Equal(t, key(`["a",1.0,5,9]`), key(`["a",1.0,5,8]`))
	require.Empty(t, groupKey(nil, []byte(`[1]`), 0, nil))
	first := []zeroKey{{key: 0, element: 0}}
	require.Equal(t, string(groupKey(nil, []byte(`[0.0,"x"]`), 2, first)), string(groupKey(nil, []byte(`[-0.0,"a"]`), 2, first)))
}

// FuzzPage compares with encoding/json: the same is JSON, and the same is found.
func FuzzPage(f *testing.F) {
	for _, text := range []string{twoHits, `{"hits":{"hits":[]}}`, `{"hits":{"total":3,"hits":[{"_id":"\ud83d"}]}}`, `{"hits":null}`, `{"hits":{"hits":[{"_source":{"a":[}]}}]}}`, `{"a":-0.1e+5,"b":[tru]}`} {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, chunk int) {
		p := &page{}
		err := p.read(&chunks{text, 1 + max(0, chunk)%64}, 1<<20)
		var want struct {
			Hits *struct {
				Hits []map[string]json.RawMessage
			}
		}
		if err != nil {
			return
		}
		loose := false
		for _, h := range p.hits {
			loose = loose || !json.Valid(p.bytes(h.source)) // which the decoder refuses
		}
		if loose {
			return
		}
		require.True(t, json.Valid(text), "%q", text)
		if json.Unmarshal(text, &want) != nil || want.Hits == nil || strings.Count(strings.ToLower(string(text)), `hits"`) != 2 || strings.Contains(string(text), `\u`) {
			return // keys that encoding/json takes for others, or that stand twice
		}
		require.Len(t, p.hits, len(want.Hits.Hits))
		for i, h := range want.Hits.Hits {
			for name, s := range map[string]span{"_id": p.hits[i].id, "_source": p.hits[i].source, "sort": p.hits[i].sort, "_index": p.hits[i].index} {
				require.Equal(t, strings.TrimSpace(string(h[name])), string(p.bytes(s)), name)
			}
		}
	})
}

// chunks reads some bytes at a time.
type chunks struct {
	text []byte
	n    int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), c.n)], c.text)
	c.text = c.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
