package search_test

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

const visitsMapping = `{"mappings": {
	"_meta": {"dhr": {"personal": ["patient.name"], "aliases": {"sex": "gender"}}},
	"properties": {
		"patient": {"properties": {"id": {"type": "keyword"}, "name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
		"district": {"type": "keyword"}, "gender": {"type": "keyword"}, "age": {"type": "integer"},
		"date": {"type": "date"}, "symptoms": {"type": "keyword"}, "weight": {"type": "double"}}}}`

const staffMapping = `{"mappings": {"properties": {
	"district": {"type": "keyword"}, "age": {"type": "integer"}, "role": {"type": "keyword"}}}}`

// A world is an engine with two indexes of records, and an Index over it.
type world struct {
	*search.Index
	driver *memsearch.Driver
}

var districts = []string{"Pune", "Thane", "Madurai", "Kano"}

// newWorld has 40 visits, 8 staff, and the roles of roles.
func newWorld(t testing.TB, opts *search.Options) world {
	t.Helper()
	d := memsearch.New()
	var visits, staff []string
	for i := range 40 {
		symptoms := `"fever"`
		if i%4 == 0 {
			symptoms = `["fever", "cough"]`
		}
		visits = append(visits, fmt.Sprintf(`{"_id": "v%02d", "_source": {"patient": {"id": "p%d", "name": "Asha %d"}, "district": %q, "gender": %q,
			"age": %d, "date": "2024-%02d-15T10:00:00Z", "symptoms": %s}}`, i, i%7, i%7, districts[i%4], []string{"female", "male"}[i%2], i%10, i%12+1, symptoms))
	}
	for i := range 8 {
		staff = append(staff, fmt.Sprintf(`{"_id": "s%d", "_source": {"district": %q, "age": %d, "role": "nurse"}}`, i, districts[i%4], 20+i))
	}
	fill(t, d, "visits", visitsMapping, visits)
	fill(t, d, "staff", staffMapping, staff)
	x, err := search.New(d, newPolicy(t), opts)
	require.NoError(t, err)
	return world{x, d}
}

func newPolicy(t testing.TB) *access.Policy {
	t.Helper()
	visible := access.Treatment{As: access.Visible}
	policy, err := access.NewPolicy(map[string]access.Role{
		"admin": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: visible}}},
		"officer": {Grants: []access.Grant{{Indexes: []string{"visits"}, Rows: `district = attribute("district")`,
			Personal: &access.Treatment{As: access.First, Length: 1},
			Fields:   []access.FieldRule{{Fields: []string{"age"}, Show: access.Treatment{As: access.Hidden}}}, Others: visible}}},
	}, &access.Options{Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	return policy
}

var (
	admin   = &access.Principal{User: "asha", Roles: []string{"admin"}}
	officer = &access.Principal{User: "ravi", Roles: []string{"officer"}, Attributes: map[string][]string{"district": {"Pune"}}}
	nobody  = &access.Principal{User: "eve"}
)

func fill(t testing.TB, d search.Loader, index, mapping string, docs []string) {
	t.Helper()
	s, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(t, err)
	require.NoError(t, d.Create(t.Context(), s))
	_, err = d.Load(t.Context(), s, documents(t, s, docs), func(r search.Refusal) { require.Fail(t, "refused", "%v", r) })
	require.NoError(t, err)
}

func documents(t testing.TB, s *record.Schema, docs []string) iter.Seq[*search.Document] {
	all, err := s.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		text := strings.NewReader(strings.ReplaceAll(strings.Join(docs, "\x00"), "\n", " "))
		lines := new(bytes.Buffer)
		_, err := text.WriteTo(lines)
		require.NoError(t, err)
		place := int64(0)
		for r, err := range record.ReadNDJSON(bytes.NewReader(bytes.ReplaceAll(lines.Bytes(), []byte{0}, []byte{'\n'})), s.Index, all) {
			require.NoError(t, err)
			place++
			if !yield(&search.Document{Record: r, Place: place}) {
				return
			}
		}
	}
}

func ask(text string, indexes ...string) *search.Query {
	return &search.Query{JQL: text, Indexes: indexes, Options: jql.ResolveOptions{Now: time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC)}}
}

// ids returns the ids of records, joined by blanks.
func ids(records []*record.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, r.ID)
	}
	return strings.Join(all, " ")
}

// pages returns all pages of a query, following the tokens.
func pages(t testing.TB, x *search.Index, who *access.Principal, q *search.Query, size int) (all []*record.Record) {
	t.Helper()
	token := ""
	for range 1000 {
		page, err := x.Page(t.Context(), who, q, &search.PageOptions{MaxResults: size, Token: token, CountUpTo: -1})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Records), size)
		all = append(all, page.Records...)
		if token = page.Next; token == "" {
			return all
		}
	}
	require.Fail(t, "pages without end")
	return nil
}
