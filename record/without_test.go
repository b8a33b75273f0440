package record

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const withoutMapping = `{"settings": {"index": {"number_of_shards": 3, "sort.field": "code", "analysis": {"normalizer": {"low": {"filter": "lowercase"}}}}},
	"mappings": {"dynamic": "strict", "runtime": {"shadow": {"type": "long"}},
	"_meta": {"owner": "who keeps secrets", "dhr": {"labels": {"child": "The child", "child.age": "Age"}, "aliases": {"years": "child.age", "of": ["code", "child.name"]},
		"personal": ["child"], "ordered": ["code"], "key": "code", "history": {"path": "log", "fields": ["state"]}}},
	"properties": {
		"code": {"type": "keyword", "normalizer": "low", "doc_values": false},
		"child": {"properties": {"name": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "age": {"type": "integer"}, "home": {"properties": {"no": {"type": "long"}}}}},
		"child.pet": {"type": "keyword"},
		"short": {"type": "alias", "path": "child.age"},
		"state": {"type": "keyword"},
		"visits": {"type": "nested", "properties": {"drug": {"type": "keyword"}, "dose": {"type": "long"}}},
		"labels": {"type": "flattened"},
		"odd": {"type": "sparkline"},
		"log": {"type": "nested", "properties": {"field": {"type": "keyword"}, "from": {"type": "keyword"}, "to": {"type": "keyword"},
			"at": {"type": "date"}, "author": {"type": "keyword"}}}}}}`

// withoutPaths returns the schema without the fields that have these paths.
func withoutPaths(t *testing.T, some func(*Field) bool, paths ...string) *Schema {
	t.Helper()
	s, err := ParseSchema("visits", []byte(withoutMapping))
	require.NoError(t, err)
	return s.Without(func(f *Field) bool { return strings.Contains(" "+strings.Join(paths, " ")+" ", " "+f.Path+" ") }, some)
}

func pathsOf(s *Schema) string {
	var all []string
	for f := range s.All() {
		all = append(all, f.Path)
	}
	return strings.Join(all, " ")
}

func TestWithout(t *testing.T) {
	t.Parallel()
	const rest = " state visits visits.drug visits.dose labels odd log log.field log.from log.to log.at log.author"
	tests := []struct{ name, hidden, want string }{
		{"nothing", "", "code child child.name child.name.raw child.age child.home child.home.no child.pet" + rest},
		{"a field and its sub-fields", "child.name", "code child.age child.home child.home.no child.pet" + rest},
		{"a sub-field alone", "child.name.raw", "code child.name child.age child.home child.home.no child.pet" + rest},
		{"a field with dots in its name", "child.pet", "code child.name child.name.raw child.age child.home child.home.no" + rest},
		{"an object alone", "child", "code child.name child.name.raw child.age child.home child.home.no child.pet" + rest},
		{"all of an object", "child.home.no", "code child.name child.name.raw child.age child.pet" + rest},
		{"a part of what is nested", "visits.dose", strings.Replace("code child child.name child.name.raw child.age child.home child.home.no child.pet"+rest, "visits visits.drug visits.dose", "visits.drug", 1)},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := withoutPaths(t, nil, strings.Fields(c.hidden)...)
			require.Equal(t, c.want, pathsOf(s))
			for f := range s.All() {
				require.Same(t, f, s.Field(f.Path))
				require.Equal(t, []*Field{f}, s.Lookup(f.Path))
			}
			text, err := s.MarshalJSON()
			require.NoError(t, err)
			for _, gone := range []string{"shadow", "secrets", "number_of_shards", "sort.field", "doc_values"} {
				require.NotContains(t, string(text), gone)
			}
			again, err := ParseSchema("visits", text)
			require.NoError(t, err)
			require.True(t, again.Field("code").FoldCase && again.Field("code").Ordered)
			for _, hidden := range strings.Fields(c.hidden) {
				require.Nil(t, s.Field(hidden))
				require.Empty(t, s.Lookup(hidden))
			}
		})
	}
}

// TestWithoutKeepsReading holds that documents are read as before where an object as a whole is gone.
func TestWithoutKeepsReading(t *testing.T) {
	t.Parallel()
	s := withoutPaths(t, nil, "child.name", "visits.dose")
	require.Nil(t, s.Field("child"))
	require.Equal(t, "visits", s.Field("visits.drug").Nested)
	p, err := s.Project("child.age", "visits.drug", "labels.a")
	require.NoError(t, err)
	r := &Record{ID: "1"}
	require.NoError(t, NewDecoder(p).Decode([]byte(`{"child": {"age": 3, "name": 5}, "visits": [{"drug": "a", "dose": "x"}, {"drug": "b"}], "labels": {"a": "b"}}`), r))
	require.Equal(t, "3", r.Value(0).Text())
	require.Len(t, r.Values(1), 2)
	require.Error(t, NewDecoder(p).Decode([]byte(`{"child": 5}`), r), "an object is still expected")
	_, err = s.Project("child")
	require.Error(t, err)
	_, err = s.ProjectNested("visits", "visits.drug")
	require.Error(t, err)
}

// TestWithoutNames says what becomes of names that stood for several fields, of the key and of histories.
func TestWithoutNames(t *testing.T) {
	t.Parallel()
	s := withoutPaths(t, nil, "child.name", "log.author")
	require.Equal(t, "code", s.Lookup("of")[0].Path, "the other field of the name is gone")
	require.Len(t, s.Lookup("of"), 1)
	require.Equal(t, "child.age", s.Lookup("short")[0].Path)
	require.Empty(t, s.Lookup("The child"))
	require.Equal(t, "code", s.Key.Path)
	require.Same(t, s.Field("code"), s.Key)
	require.Len(t, s.Histories, 1)
	require.Nil(t, s.Histories[0].Author)
	require.Same(t, s.Field("log.from"), s.Histories[0].From)
	require.Empty(t, withoutPaths(t, nil, "state").Histories)
	require.Empty(t, withoutPaths(t, nil, "log.from").Histories)
	require.Nil(t, withoutPaths(t, nil, "code").Key)
	require.Empty(t, s.Nearest("child.nam"))
	require.True(t, s.Field("child.age").Personal)
}

// TestWithoutKeys says which keys of flattened fields are found.
func TestWithoutKeys(t *testing.T) {
	t.Parallel()
	one := withoutPaths(t, nil, "labels.ssn")
	require.NotNil(t, one.Field("labels"))
	require.Nil(t, one.Field("labels.ssn"))
	require.Empty(t, one.Lookup("LABELS.ssn"))
	require.NotNil(t, one.Field("labels.colour"))
	none := withoutPaths(t, nil, "labels")
	require.Nil(t, none.Field("labels.colour"))
	require.Empty(t, none.Lookup("Labels.colour"))
	some := withoutPaths(t, func(f *Field) bool { return f.Path == "labels" }, "labels", "labels.ssn")
	require.Nil(t, some.Field("labels"))
	require.Empty(t, some.Lookup("Labels"))
	require.NotNil(t, some.Field("labels.colour"))
	require.Len(t, some.Lookup("LABELS.colour"), 1)
	require.Nil(t, some.Field("labels.ssn"))
	require.NotContains(t, pathsOf(some), "labels")
}

// TestWithoutMeta holds that _id and _index can lose their names, but not be lost.
func TestWithoutMeta(t *testing.T) {
	t.Parallel()
	s := withoutPaths(t, nil, "_id", "code")
	require.Empty(t, s.Lookup("_id"))
	require.Empty(t, s.Lookup("_ID"))
	require.NotNil(t, s.Field("_id"))
	require.Len(t, s.Lookup("_index"), 1)
	p, err := s.Project("_id")
	require.NoError(t, err)
	r := &Record{ID: "7"}
	require.NoError(t, NewDecoder(p).Decode([]byte(`{}`), r))
	require.Equal(t, "7", r.Value(0).Text())
}

// FuzzWithout holds that what is left of any mapping is a mapping again, with the same fields.
func FuzzWithout(f *testing.F) {
	f.Add([]byte(withoutMapping), uint64(5))
	f.Add([]byte(`{"properties": {"a": {"type": "object", "subobjects": false, "properties": {"b.c": {"type": "text"}}}, "a.d": {"type": "date"}}}`), uint64(1))
	f.Add([]byte(`{"x": {"mappings": {"properties": {"a": {"enabled": false}, "b": {"type": "keyword", "null_value": "x", "fields": {"t": {"type": "text"}}}}}}}`), uint64(6))
	f.Fuzz(func(t *testing.T, mapping []byte, bits uint64) {
		s, err := ParseSchema("a", mapping)
		if err != nil {
			return
		}
		hidden := map[string]bool{}
		for f := range s.All() {
			bits = bits*6364136223846793005 + 1442695040888963407
			hidden[f.Path] = bits>>63 == 0
		}
		w := s.Without(func(f *Field) bool { return hidden[f.Path] }, nil)
		text, err := w.MarshalJSON()
		require.NoError(t, err)
		again, err := ParseSchema("a", text)
		require.NoError(t, err, "%s", text)
		for f := range w.All() {
			require.False(t, hidden[f.Path], f.Path)
			g := again.Field(f.Path)
			require.NotNil(t, g, "%s: %s", f.Path, text)
			require.Equal(t, []any{f.Kind, f.Type, f.Personal, f.Aliases, f.Nested, f.Searchable, f.Formats}, []any{g.Kind, g.Type, g.Personal, g.Aliases, g.Nested, g.Searchable, g.Formats})
		}
	})
}
