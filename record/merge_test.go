package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	const stored = `{"mappings":{"dynamic":"strict","properties":{"z":{"type":"keyword"},"a":{"properties":{"n":{"type":"integer"}}}},"_meta":{"dhr":{"personal":["z"],"labels":{"z":"Zed"}}}}}`
	for _, c := range []struct{ name, declared, want, conflict string }{
		{name: "the same", declared: stored, want: stored},
		{name: "less", declared: `{"properties":{"z":{"type":"keyword"}}}`, want: stored},
		{name: "the type of an object", declared: `{"properties":{"a":{"type":"object"}}}`, want: stored},
		{
			name:     "more",
			declared: `{"properties":{"b":{"type":"date"},"z":{"type":"keyword"},"a":{"properties":{"m":{"type":"long"}}}},"_meta":{"dhr":{"personal":["b"],"labels":{"z":"Last"}}}}`,
			want: `{"mappings":{"dynamic":"strict","properties":{"z":{"type":"keyword"},"a":{"properties":{"n":{"type":"integer"},"m":{"type":"long"}}},"b":{"type":"date"}},` +
				`"_meta":{"dhr":{"personal":["z","b"],"labels":{"z":"Last"}}}}}`,
		},
		{
			name:     "a sub-field",
			declared: `{"properties":{"z":{"type":"keyword","fields":{"text":{"type":"text"}}}}}`,
			want: `{"mappings":{"dynamic":"strict","properties":{"z":{"type":"keyword","fields":{"text":{"type":"text"}}},"a":{"properties":{"n":{"type":"integer"}}}},` +
				`"_meta":{"dhr":{"personal":["z"],"labels":{"z":"Zed"}}}}}`,
		},
		{name: "another type", declared: `{"properties":{"z":{"type":"integer"}}}`, conflict: `record: schema of "visits": the field "z" has "type" "keyword" and not "integer"`},
		{name: "another type deep down", declared: `{"properties":{"a":{"properties":{"n":{"type":"long"}}}}}`, conflict: `the field "n" has "type" "integer" and not "long"`},
		{name: "a setting", declared: `{"properties":{"z":{"type":"keyword","ignore_above":5}}}`, conflict: `the field "z" has "ignore_above" (none) and not 5`},
		{name: "nested", declared: `{"properties":{"a":{"type":"nested"}}}`, conflict: `the field "a" has "type" (none) and not "nested"`},
		{name: "case", declared: `{"properties":{"z":{"type":"keyword"}},"_meta":{"dhr":{"case_insensitive":["z"]}}}`, conflict: `the field "z" is compared otherwise`},
		{name: "a key", declared: `{"properties":{"z":{"type":"keyword"}},"_meta":{"dhr":{"key":"z"}}}`, conflict: `the key is "" and not "z"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			old, err := record.ParseSchema("visits", []byte(stored))
			require.NoError(t, err)
			declared, err := record.ParseSchema("visits", []byte(c.declared))
			require.NoError(t, err)
			got, err := old.Merge(declared)
			if c.conflict != "" {
				require.ErrorAs(t, err, new(*record.SchemaError))
				require.ErrorContains(t, err, c.conflict)
				return
			}
			require.NoError(t, err)
			text, err := got.MarshalJSON()
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(text))
			if c.want == stored {
				require.Same(t, old, got)
				return
			}
			first := ""
			for f := range got.All() {
				first = f.Path
				break
			}
			require.Equal(t, "z", first, "the order of the fields stays")
		})
	}
}
