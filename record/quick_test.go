package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuick(t *testing.T) {
	s, err := ParseSchema("x", []byte(`{"mappings":{"properties":{"Data":{"properties":{"a":{"type":"long"},"b":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":3}}},
	"d":{"type":"date"},"l":{"type":"flattened"}, "g":{"type":"geo_point"}, "n":{"type":"nested","properties":{"x":{"type":"ip"}}}}}}, "_meta":{"dhr":{"aliases":{"alpha":"Data.a"}}}}}`))
	require.NoError(t, err)
	p, err := s.Project("Data.a", "Data.b", "Data.b.keyword", "Data.d", "Data.l.x", "Data.g", "Data.n", "Data.n.x", "_id")
	require.NoError(t, err)
	d := NewDecoder(p)
	var r Record
	r.ID = "7"
	err = d.Decode([]byte(`{"Data":{"a":[1,"2"],"b":["xyz","abcd"],"d":"2024-01-31","l":{"x":"q","y":2},"g":[1,2],"n":[{"x":"::1"},{"x":"10.0.0.1"}]}, "z":[{}]}`), &r)
	require.NoError(t, err)
	for i, f := range p.Fields() {
		t.Log(f.Path, r.Values(i))
	}
	t.Log(s.Nearest("alhpa"), s.Nearest("keyword"))
}
