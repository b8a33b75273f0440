package mapping_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// Whatever a file says, there are mappings or mistakes with places; what can be bound makes resources that are FHIR, or none.
func FuzzParse(f *testing.F) {
	page, err := os.ReadFile("../../docs/fhir-mapping.md")
	require.NoError(f, err)
	for block := range strings.SplitSeq(string(page), "```") {
		if text, ok := strings.CutPrefix(block, "yaml\n"); ok {
			f.Add([]byte(text))
		}
	}
	for _, text := range []string{visits, searched, nativeMapping, resource("Patient", `name: [{given: [{$each: names, $value: "{names}"}]}]`),
		resource("Patient", `contact: [{$each: contacts, $when: contacts.name = x, name: {text: "{contacts.name|notes?}{{"}}]`),
		resource("Patient", `name: [{text: "{extra.fields[key=a].value}"}]`), "a: &a [*a]", "mappings: [{name: a}]"} {
		f.Add([]byte(text))
	}
	schema := schemaOf(f, clinic)
	const doc = `{"patient_id":"a b","visit_id":"V","names":["A","B"],"family_name":"R","notes":"n","gender":"M","birth_date":"1990-05","date":"2024-01-31T10:00:00Z","updated":1,"age":3,
		"weight":3.50,"alive":true,"contacts":[{"name":"x"}],"ids":[{"type":"t"}],"extra":{"fields":[{"key":"a","value":"b"}]},"home":"1,2"}`
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := mapping.Parse("f.yaml", text)
		if err != nil {
			var list mapping.Errors
			require.ErrorAs(t, err, &list)
			for _, e := range list {
				require.Equal(t, "f.yaml", e.File)
				require.Positive(t, e.Line)
				require.NotEmpty(t, e.Message)
			}
			return
		}
		for _, m := range set.Mappings() {
			x, err := m.Bind(schema)
			if err != nil || m.Native {
				continue
			}
			r := &record.Record{ID: "r1"}
			require.NoError(t, record.NewDecoder(mustProject(t, schema, x.Fields()...)).Decode([]byte(doc), r))
			line, err := x.Append(nil, r)
			if err != nil {
				var e *mapping.UnmappableError
				require.ErrorAs(t, err, &e)
				continue
			}
			require.NoError(t, fhir.Check(line), "%s", line)
		}
	})
}

// Whatever is searched for, the answer is canonical JQL that the index understands, or a SearchError.
func FuzzSearch(f *testing.F) {
	corpus, err := os.ReadFile("testdata/search.txt")
	require.NoError(f, err)
	for line := range strings.Lines(string(corpus)) {
		if !strings.HasPrefix(line, "=>") && !strings.HasPrefix(line, "!") && !strings.HasPrefix(line, "#") {
			f.Add(strings.TrimSuffix(line, "\n"))
		}
	}
	x := bind(f, searched)
	f.Fuzz(func(t *testing.T, query string) {
		condition, err := x.Search(query)
		if err != nil {
			var e *mapping.SearchError
			require.ErrorAs(t, err, &e)
			return
		}
		q, err := jql.Parse(condition, nil)
		require.NoError(t, err)
		require.Equal(t, condition, q.String())
		matches(t, condition, `{"date":"2024-01-31T10:00:00Z"}`)
	})
}

// What is left of a resource is JSON and marked.
func FuzzElements(f *testing.F) {
	f.Add(`{"resourceType":"Observation","id":"1","status":"final"}`, "status")
	f.Add(`{"meta":{"tag":[ ]},"resourceType":"Observation","_status":{}}`, "value")
	f.Add(`{"meta":{ },"resourceType":"Observation"}`, "value[x]")
	f.Add(`{"resourceType":"Observation","meta":{"tag":[{"code":"SUBSETTED"}]}}`, "")
	f.Fuzz(func(t *testing.T, doc, name string) {
		s, err := fhir.NewSubset("Observation", []string{name})
		if err != nil {
			return
		}
		got, err := s.Append([]byte("a"), []byte(doc))
		if err != nil {
			require.Equal(t, "a", string(got))
			return
		}
		require.True(t, json.Valid(got[1:]), "%s", got)
		require.Contains(t, string(got), `"SUBSETTED"`)
		twice, err := s.Append(nil, got[1:])
		require.NoError(t, err)
		require.Equal(t, string(got[1:]), string(twice))
	})
}
