package eval_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// keep returns the changes of a field in documents.
func keep(t require.TestingT, f *record.Field, docs ...string) *eval.Changes {
	c, err := eval.NewChanges(schema, f, schema.History(f))
	require.NoError(t, err)
	decoder := record.NewDecoder(c.Projection())
	var r record.Record
	for _, doc := range docs {
		source := []byte(doc)
		require.NoError(t, decoder.Decode(source, &r))
		c.Add(&r)
		clear(source) // nothing of it may be kept
	}
	c.Clip()
	require.Equal(t, len(docs), c.Len())
	return c
}

// about returns the field of a condition on a history.
func about(n plan.Node) *record.Field {
	if n, ok := n.(plan.Was); ok {
		return n.Field
	}
	return n.(plan.Changed).Field
}

// TestChangesAgreeWithMatcher holds that what is kept of records answers as the records do.
func TestChangesAgreeWithMatcher(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.SampledFrom(past)
		of := []told{one.Draw(t, "one"), one.Draw(t, "other")}
		docs := make([]string, rapid.IntRange(0, 6).Draw(t, "documents"))
		for i := range docs {
			docs[i] = drawTold(t, of)
		}
		for range 3 {
			n := drawHistory(t, of)
			match, err := keep(t, about(n), docs...).Match(n)
			require.NoError(t, err)
			matcher := compile(t, n)
			for i, doc := range docs {
				require.Equal(t, matcher.Match(read(t, doc)), match(i), "%s\n%s", n, doc)
				require.Equal(t, naive(n, read(t, doc)), match(i), "%s\n%s", n, doc)
			}
		}
	})
}

// TestChangesOfAnotherHistory holds that conditions are answered from the history that they are on, or not at all.
func TestChangesOfAnotherHistory(t *testing.T) {
	t.Parallel()
	c := keep(t, field("status"), story)
	for name, n := range map[string]plan.Node{
		"another field":   plan.Was{Field: field("age"), History: schema.History(field("age"))},
		"another history": plan.Was{Field: field("status"), History: schema.History(field("code"))},
		"no history":      plan.Was{Field: field("status")},
		"no field":        plan.Changed{History: schema.History(field("status"))},
		"no such":         terms("status", "OPEN"),
		"nothing":         nil,
	} {
		_, err := c.Match(n)
		require.Error(t, err, name)
	}
	_, err := c.Match(plan.Was{Field: field("status"), History: schema.History(field("status")), Held: plan.States{Values: values(field("age"), "1")}})
	require.Error(t, err, "states of another kind")
	require.NotEqual(t, c.Name(), keep(t, field("age")).Name())
	require.NotEqual(t, c.Name(), keep(t, field("ward.keyword")).Name())
	require.Equal(t, c.Name(), keep(t, field("status")).Name())

	for name, make := range map[string]func() (*eval.Changes, error){
		"schema": func() (*eval.Changes, error) {
			return eval.NewChanges(nil, field("status"), schema.History(field("status")))
		},
		"field":   func() (*eval.Changes, error) { return eval.NewChanges(schema, nil, schema.History(field("status"))) },
		"history": func() (*eval.Changes, error) { return eval.NewChanges(schema, field("status"), nil) },
		"part": func() (*eval.Changes, error) {
			return eval.NewChanges(schema, field("status"), &record.History{Path: "log"})
		},
		"nested object": func() (*eval.Changes, error) {
			h := *schema.History(field("status"))
			h.Path = "visits"
			return eval.NewChanges(schema, field("status"), &h)
		},
	} {
		_, err := make()
		require.Error(t, err, name)
	}
}

// TestChangesAreSmall holds that what occurs often is kept once.
func TestChangesAreSmall(t *testing.T) {
	t.Parallel()
	docs := make([]string, 1000)
	for i := range docs {
		docs[i] = story
	}
	one, many := keep(t, field("status"), story).Size(), keep(t, field("status"), docs...).Size()
	require.LessOrEqual(t, many-one, int64(1000*(8+3*24)+8192), "a record has three entries; memory comes in steps")
}

// BenchmarkChanges asks of a thousand records whether they were something, from what is kept.
func BenchmarkChanges(b *testing.B) {
	docs := make([]string, 1000)
	for i := range docs {
		docs[i] = story
	}
	c, n := keep(b, field("status"), docs...), was(states("OPEN"), during("2024-04-01", "2024-04-02"), "ana")
	b.ReportAllocs()
	for b.Loop() {
		match, err := c.Match(n)
		require.NoError(b, err)
		found := 0
		for i := range docs {
			if match(i) {
				found++
			}
		}
		require.Equal(b, len(docs), found)
	}
}

func ExampleChanges() {
	status := schema.Field("status")
	changes, err := eval.NewChanges(schema, status, schema.History(status))
	if err != nil {
		fmt.Println(err)
		return
	}
	decoder := record.NewDecoder(changes.Projection())
	var r record.Record
	for _, doc := range []string{
		`{"status": "OPEN"}`,
		`{"status": "DONE", "log": [{"field": "status", "from": "OPEN", "to": "DONE", "at": "2024-07-01T00:00:00Z"}]}`,
		`{"status": "NEW"}`,
	} {
		if err := decoder.Decode([]byte(doc), &r); err != nil {
			fmt.Println(err)
			return
		}
		changes.Add(&r)
	}
	was, err := changes.Match(plan.Was{Field: status, History: schema.History(status), Held: plan.States{Values: []record.Value{record.StringValue("OPEN")}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range changes.Len() {
		fmt.Println(was(i))
	}
	// Output:
	// true
	// true
	// false
}
