package eval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

const mapping = `{"mappings": {
	"_meta": {"dhr": {
		"aliases": {"state": "status", "bed": "ward", "room": "ward.keyword"},
		"case_insensitive": ["sex", "log.author"],
		"ordered": ["code", "sex"],
		"history": [
			{"path": "log", "fields": ["status", "age", "sex", "weight", "host", "ward"]},
			{"path": "log", "fields": ["code", "active"],
				"keys": {"field": "what", "from": "old", "to": "new", "at": "since", "author": "nurse"}}
		]
	}},
	"properties": {
		"status": {"type": "keyword"},
		"sex": {"type": "keyword"},
		"code": {"type": "keyword", "ignore_above": 8},
		"age": {"type": "integer"},
		"serial": {"type": "unsigned_long"},
		"weight": {"type": "double"},
		"active": {"type": "boolean"},
		"date": {"type": "date"},
		"ip": {"type": "ip"},
		"host": {"type": "ip"},
		"release": {"type": "version"},
		"place": {"type": "geo_point"},
		"notes": {"type": "text"},
		"ward": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
		"address": {"properties": {"city": {"type": "keyword"}, "home": {"properties": {"no": {"type": "long"}}}}},
		"visits": {"type": "nested", "properties": {"drug": {"type": "keyword"}, "dose": {"type": "long"}}},
		"labels": {"type": "flattened"},
		"log": {"type": "nested", "properties": {
			"field": {"type": "keyword"}, "from": {"type": "keyword"}, "to": {"type": "keyword"},
			"at": {"type": "date"}, "author": {"type": "keyword"},
			"what": {"type": "keyword"}, "old": {"type": "keyword"}, "new": {"type": "keyword"},
			"since": {"type": "date"}, "nurse": {"type": "keyword"}}}
	}}}`

var (
	schema     = mustParse(mapping)
	projection = mustProject(schema, "status", "sex", "code", "age", "serial", "weight", "active", "date", "ip", "release",
		"place", "notes", "address", "address.city", "address.home", "visits", "visits.drug", "visits.dose", "labels", "labels.color", "log", "host", "ward", "ward.keyword")
)

func mustParse(mapping string) *record.Schema {
	s, err := record.ParseSchema("visits", []byte(mapping))
	if err != nil {
		panic(err)
	}
	return s
}

func mustProject(s *record.Schema, paths ...string) *record.Projection {
	p, err := s.Project(paths...)
	if err != nil {
		panic(err)
	}
	return p
}

func field(path string) *record.Field {
	f := schema.Field(path)
	if f == nil {
		panic("no field " + path)
	}
	return f
}

// read returns the record with a document, called doc-1 in index visits.
func read(t require.TestingT, doc string) *record.Record {
	r := &record.Record{ID: "doc-1", Index: "visits"}
	require.NoError(t, record.NewDecoder(projection).Decode([]byte(doc), r), doc)
	return r
}

// value returns what text means in the field.
func value(f *record.Field, text string) record.Value {
	if text == "" && f.Kind != record.String {
		return record.Value{}
	}
	v, err := f.Parse(text)
	if err != nil {
		panic(err)
	}
	return v
}

func values(f *record.Field, texts ...string) (vv []record.Value) {
	for _, text := range texts {
		vv = append(vv, value(f, text))
	}
	return vv
}

// terms, between, exists, missing and not make nodes. between takes bounds
// such as "[1" and "5)"; one without a value is open.
func terms(path string, texts ...string) plan.Node {
	return plan.NewTerms(field(path), values(field(path), texts...)...)
}

func between(path, lower, upper string) plan.Node {
	f := field(path)
	n := plan.Range{Field: f}
	if len(lower) > 1 {
		n.Lower = plan.Bound{Value: value(f, lower[1:]), Inclusive: lower[0] == '['}
	}
	if end := len(upper) - 1; end > 0 {
		n.Upper = plan.Bound{Value: value(f, upper[:end]), Inclusive: upper[end] == ']'}
	}
	return n
}

func exists(path string) plan.Node  { return plan.Exists{Field: field(path)} }
func missing(path string) plan.Node { return plan.Missing{Field: field(path)} }
func not(n plan.Node) plan.Node     { return plan.Not{Node: n} }
func and(nn ...plan.Node) plan.Node { return plan.And(nn) }
func or(nn ...plan.Node) plan.Node  { return plan.Or(nn) }

func text(mode plan.Mode, text string) plan.Node {
	return plan.Match{Field: field("notes"), Mode: mode, Text: text, Edits: -1}
}

func compile(t require.TestingT, n plan.Node) *eval.Matcher {
	m, err := eval.Compile(&plan.Plan{Schema: schema, Where: n}, projection)
	require.NoError(t, err, "%s", n)
	return m
}

// A test says of a condition and a document whether they match.
type test struct {
	name string
	node plan.Node
	doc  string
	want bool
}

func run(t *testing.T, tests []test) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			m, r := compile(t, c.node), read(t, c.doc)
			require.Equal(t, c.want, m.Match(r), "%s\n%s", c.node, c.doc)
			require.Equal(t, c.want, m.Match(r), "the second time")
			require.Equal(t, c.want, m.Clone().Match(r), "by a clone")
			require.Equal(t, !c.want, compile(t, not(c.node)).Match(r), "not")
			require.Equal(t, c.want, naive(c.node, r), "naively")
		})
	}
}

func instant(text string) record.Value {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return record.TimeValue(at)
}
