package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(` {"a": [1, 1.50, "x", null, true, {}, []], "b": {"a": 12345678901234567890}} `))
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"a": []any{json.Number("1"), json.Number("1.50"), "x", nil, true, map[string]any{}, []any{}},
		"b": map[string]any{"a": json.Number("12345678901234567890")},
	}, got)
	_, err = Parse([]byte(strings.Repeat("[", Deepest) + strings.Repeat("]", Deepest)))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"empty":              ``,
		"not JSON":           `{"a":}`,
		"two values":         `{} {}`,
		"text behind":        `{}x`,
		"not UTF-8":          "{\"a\": \"\xff\"}",
		"a member twice":     `{"a": 1, "a": 1}`,
		"twice when escaped": `{"a": 1, "\u0061": 2}`,
		"twice inside":       `[{"b": {"a": 1, "a": 2}}]`,
		"too deep":           strings.Repeat("[", Deepest+1) + strings.Repeat("]", Deepest+1),
		"not closed":         `{"secret": "x"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(text))
			require.Error(t, err)
			require.Nil(t, got)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	got, err := Object([]byte(`{"a": "x"}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "x"}, got)
	for _, text := range []string{`[]`, `null`, `"x"`, `1`} {
		_, err := Object([]byte(text))
		require.EqualError(t, err, "the JSON is no object")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": null}]}`))
	f.Add([]byte(`{"a": 1, "a": 2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse(text)
		if err != nil {
			return
		}
		// What was accepted is what every other reader sees.
		var want any
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		require.NoError(t, d.Decode(&want))
		require.Equal(t, want, got)
	})
}
