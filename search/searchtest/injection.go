package searchtest

import (
	_ "embed" // the texts are needed wherever a driver is tested
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

//go:embed testdata/injection.txt
var injectionFile string

// nasty returns the texts of testdata/injection.txt.
func nasty(t tb) (all []string) {
	t.Helper()
	for line := range strings.Lines(injectionFile) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, splitQuoted(t, line)...)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// injectionCorpus returns documents in which each text stands in every place that holds one,
// its ID among them, and others that it must not reach.
func injectionCorpus(t tb, index string, types map[string]string, texts []string) *corpus {
	t.Helper()
	mapping, absent, err := adapt(mappingFile, types)
	require.NoError(t, err)
	schema, err := record.ParseSchema(index, mapping)
	require.NoError(t, err)
	c := &corpus{schema: schema, absent: absent, projection: everything(t, schema, flattenedKeys...)}
	for i, text := range texts {
		b, err := json.Marshal(text)
		require.NoError(t, err)
		id := text
		if strings.ContainsRune(text, 0) {
			id = fmt.Sprintf("nul-%d", i)
		}
		c.add(t, id, fmt.Appendf(nil, `{"code": %[1]s, "sex": %[1]s, "plate": %[1]s, "triage": %[1]s, "name": [%[1]s, "A B"], "notes": %[1]s,
			"status": %[1]s, "odd \"name'; --%%": %[1]s, "address": {"city": %[1]s}, "labels": {"color": %[1]s}, "age": %[2]d,
			"contacts": [{"kin": %[1]s, "visits": [{"drug": %[1]s}]}],
			"log": [{"field": "status", "from": %[1]s, "to": "A", "at": "2024-01-31", "author": %[1]s}]}`, b, i))
	}
	c.add(t, "plain", []byte(`{"code": "A", "name": "A B", "notes": "A B", "status": "A", "age": 5}`))
	c.add(t, "none", []byte(`{}`))
	for i, r := range c.records { // a document is one line of a file
		var out strings.Builder
		for line := range strings.Lines(string(r.Source())) {
			out.WriteString(strings.TrimSpace(line))
		}
		id := c.records[i].ID
		c.add(t, id, []byte(out.String()))
	}
	return c
}

// injectionQueries puts a text into every place of the language that takes one.
func injectionQueries(t tb, text string) (all []query) {
	t.Helper()
	add := func(q *jql.Query, err error) {
		require.NoError(t, err, "%q", text)
		all = append(all, query{text: q.String(), now: usualNow, user: text})
	}
	for _, field := range []string{"code", "sex", "plate", "triage", "name", "odd \"name'; --%", "address.city", "contacts.kin", "contacts.visits.drug", "labels.color", "_id"} {
		add(jql.Cond(field, "=", text))
	}
	for _, field := range []string{"code", "sex", "contacts.kin", "labels.color"} {
		add(jql.Cond(field, "!=", text))
	}
	add(jql.Cond("code", "in", text, "A", "nosuch"))
	add(jql.Cond("name", "not in", text, "A", "nosuch"))
	add(jql.Cond("triage", "<", text))
	add(jql.Cond("triage", ">=", text))
	add(jql.Cond("notes", "~", jql.PlainText(text)))
	add(jql.Cond("notes", "!~", jql.PlainText(text)))
	add(jql.Cond("name", "~", jql.PlainText(text)))
	add(jql.Cond("notes", "~", text))
	add(jql.Cond("notes", "~", text+"*"))
	add(jql.Cond("notes", "~", `"`+text+`"`))
	add(jql.Cond("status", "was", text))
	add(jql.Cond("status", "was not in", text, "B"))
	add(jql.Bind("status WAS A BY ?", text))
	add(jql.Bind("status CHANGED FROM ? TO A", text))
	add(jql.Bind("status CHANGED BY currentUser()"))
	add(jql.Bind("code = currentUser() ORDER BY triage DESC"))
	for _, template := range []string{"? = A", "ORDER BY ?"} {
		if q, err := jql.Bind(template, text); err == nil { // not every text is the name of a field
			add(q, nil)
		}
	}
	return all
}

// injection fills every place for a text in the language, in aggregations and in positions
// with what means something to an engine.
func (s *suite) injection(t tb) {
	texts := nasty(t)
	c := injectionCorpus(t, s.Prefix+"injection", s.Types, texts)
	s.fill(t, c.schema, c.records)
	v := s.judge(t)
	defer v.close()
	columns, err := c.schema.Project("code")
	require.NoError(t, err)
	side(tenth(texts), func(i int, text string) {
		for j, q := range injectionQueries(t, text) {
			if (i+j)%2 == 0 {
				s.checkInjected(t, v, c, columns, q)
			}
		}
		field := c.schema.Field
		var call []*search.Aggregation
		for _, f := range []string{"code", "sex", "odd \"name'; --%", "contacts.kin"} {
			call = append(call,
				&search.Aggregation{Plan: c.all(), Groups: []search.Group{{Field: field(f), Prefix: text}}},
				&search.Aggregation{Plan: c.all(), Groups: []search.Group{{Field: field(f), Missing: true}}, After: []record.Value{record.StringValue(text)}, Limit: 3})
		}
		s.askTablesOf(t, v, c, call)
	})
	s.wholeCorpus(t, v, c)
}

// checkInjected asks one query, if the language takes it at all.
func (s *suite) checkInjected(t tb, v *verdict, c *corpus, columns *record.Projection, q query) {
	p, refused, err := q.resolve(c.schema)
	if err != nil {
		v.wrong("%s: %v", q, err)
		return
	}
	if refused != "" {
		return
	}
	s.checks.all.Add(1)
	s.checks.queries.Add(1)
	want, err := c.ask(p)
	if err != nil {
		v.wrong("%s: %v", q, err)
		return
	}
	r := &search.Read{Plan: p, Columns: columns}
	start := 0
	if n := len(want.records); n > 1 && len(q.text)%4 == 0 {
		start = n / 2
		r.After = want.after(want.records[start-1])
	}
	got, err := ids(s.driver.Read(t.Context(), r))
	if diff := c.differ(idsOf(want.records[start:]), got); err != nil || diff != "" {
		v.wrong("%s\n%s\nafter %v: %v %s", q, indent(p), r.After, err, diff)
	}
}

// wholeCorpus holds that all documents are still there as they were.
func (s *suite) wholeCorpus(t tb, v *verdict, c *corpus) {
	byID, n := c.byID(), 0
	for r, err := range s.driver.Read(t.Context(), &search.Read{Plan: c.all(), Columns: c.projection, Source: true}) {
		require.NoError(t, err)
		s.checkRecord(v, r, byID[r.ID], c.projection, true)
		n++
	}
	require.Equal(t, len(c.records), n)
}

// Fuzz asks a driver for any text in every place of the language that takes one, and compares
// with package eval. It is for a fuzz target of a driver that needs no server.
func Fuzz(f *testing.F, h Harness) {
	if h.Prefix == "" {
		h.Prefix = "searchtest-"
	}
	s := &suite{Harness: h, checks: &counters{}}
	s.driver = h.Open(f)
	s.loader, _ = s.driver.(search.Loader)
	texts := nasty(f)
	c := injectionCorpus(f, h.Prefix+"fuzz", h.Types, texts)
	s.fill(f, c.schema, c.records)
	columns, err := c.schema.Project("code")
	require.NoError(f, err)
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		text = strings.ToValidUTF8(text, "\ufffd")
		v := s.judge(t)
		defer v.close()
		for _, q := range injectionQueries(t, text) {
			s.checkInjected(t, v, c, columns, q)
		}
		s.askTablesOf(t, v, c, []*search.Aggregation{{Plan: c.all(), Groups: []search.Group{{Field: c.schema.Field("sex"), Prefix: text}}}})
	})
}
