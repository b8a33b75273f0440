package search_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// A named is a driver with aliases: each is kept as an index of copies.
type named struct {
	*memsearch.Driver
	aliases map[string][]string
	read    chan *search.Read // is told of every read, if not nil
}

func (d named) Covers(ctx context.Context, name string) ([]string, error) {
	if indexes, ok := d.aliases[name]; ok {
		return slices.Clone(indexes), nil
	}
	if all, err := d.Schemas(ctx, name); err != nil || len(all) != 1 {
		return nil, fmt.Errorf("%w: %q", search.ErrUnknownIndex, name)
	}
	return []string{name}, nil
}

func (d named) Read(ctx context.Context, r *search.Read) record.Stream {
	if d.read != nil {
		d.read <- r
	}
	return d.Driver.Read(ctx, r)
}

// newNamed has the indexes v1, v2 and w1, and the aliases vs of the first two, v1-too of v1, and all of all.
func newNamed(t *testing.T, read chan *search.Read) *search.Index {
	t.Helper()
	d := named{memsearch.New(), map[string][]string{"vs": {"v1", "v2"}, "v1-too": {"v1"}, "all": {"v1", "v2", "w1"}}, read}
	docs := map[string][]string{}
	for i := range 10 {
		index := []string{"v1", "v1", "v2", "w1"}[i%4]
		doc := fmt.Sprintf(`{"_id": "%d", "_source": {"age": %d, "secret": "x"}}`, i, i)
		docs[index] = append(docs[index], doc)
		for alias, indexes := range d.aliases {
			if slices.Contains(indexes, index) {
				docs[alias] = append(docs[alias], doc)
			}
		}
	}
	for name, lines := range docs {
		fill(t, d, name, `{"mappings": {"properties": {"age": {"type": "integer"}, "secret": {"type": "keyword"}}}}`, lines)
	}
	sees := func(names ...string) access.Role {
		return access.Role{Grants: []access.Grant{{Indexes: names, Others: access.Treatment{As: access.Visible}}}}
	}
	policy, err := access.NewPolicy(map[string]access.Role{
		"everything": sees("*"), "alias": sees("vs"), "part": sees("vs", "v1"), "whole": sees("vs", "v1", "v2"), "twice": sees("vs", "v1-too"),
	}, nil)
	require.NoError(t, err)
	x, err := search.New(d, policy, nil)
	require.NoError(t, err)
	return x
}

// Each record counts once, whatever names it is asked by.
func TestNamesThatHoldTheSameRecords(t *testing.T) {
	t.Parallel()
	x := newNamed(t, nil)
	for _, c := range []struct {
		role  string
		names []string
		want  string // how many records, or the error
	}{
		{"everything", nil, "10"},
		{"everything", []string{"*"}, "10"},
		{"everything", []string{"all"}, "10"},
		{"everything", []string{"vs", "vs"}, "8"},
		{"everything", []string{"v*"}, "8"},
		{"everything", []string{"v1*", "w1"}, "8"},
		{"everything", []string{"vs", "v1", "v2"}, "8"},
		{"everything", []string{"vs", "v*"}, "8"},
		{"everything", []string{"vs", "w1"}, "10"},
		{"everything", []string{"vs", "v1"}, `"v1" and "vs"`},
		{"everything", []string{"all", "vs"}, `"all" and "vs"`},
		{"everything", []string{"all", "w*"}, `"all" and "w1"`},
		{"alias", nil, "8"},
		{"alias", []string{"*"}, "8"},
		{"alias", []string{"v*", "vs"}, "8"},
		{"alias", []string{"v1"}, "unknown index"},
		{"whole", nil, "8"},
		{"part", nil, `"v1" and "vs"`},
		{"part", []string{"v1"}, "6"},
		{"part", []string{"vs"}, "8"},
		{"twice", nil, `"v1-too" and "vs"`},
	} {
		who := &access.Principal{User: "asha", Roles: []string{c.role}}
		n, _, err := x.Count(t.Context(), who, ask("", c.names...), 0)
		got := fmt.Sprint(n)
		if err != nil {
			got = err.Error()
			require.NotContains(t, got, "v2", "what %s does not see", c.role)
		}
		require.Contains(t, got, c.want, "%s asks %v", c.role, c.names)
		if err != nil && c.want != "unknown index" {
			require.ErrorIs(t, err, search.ErrInvalid)
		}
		page, failed := x.Page(t.Context(), who, ask("", c.names...), nil)
		answers, wrong := x.Aggregate(t.Context(), who, &search.Question{Query: *ask("", c.names...)})
		require.Equal(t, err == nil, failed == nil && wrong == nil)
		if err == nil {
			require.Len(t, page.Records, int(n))
			require.Equal(t, n, answers[0].Total)
		}
	}
}

// What there is can be listed, also where it cannot be asked in one question.
func TestNamesAreListed(t *testing.T) {
	t.Parallel()
	x := newNamed(t, nil)
	for role, want := range map[string]struct{ all, asked []string }{
		"everything": {[]string{"all", "v1", "v1-too", "v2", "vs", "w1"}, []string{"v1", "v2", "w1"}},
		"alias":      {[]string{"vs"}, []string{"vs"}},
		"part":       {[]string{"v1", "vs"}, []string{"v1", "vs"}},
	} {
		who := &access.Principal{User: "asha", Roles: []string{role}}
		names, err := x.Indexes(t.Context(), who)
		require.NoError(t, err)
		require.Equal(t, want.all, names)
		schemas, err := x.Schemas(t.Context(), who)
		require.NoError(t, err)
		var got []string
		for _, s := range schemas {
			got = append(got, s.Index)
		}
		require.Equal(t, want.asked, got)
	}
}

// Where a name stands for several indexes, two records may have one id, and the order goes on
// to tell them apart: else a page would lose what stands at the end of the page before.
func TestOrderOfANameOfSeveralIndexes(t *testing.T) {
	t.Parallel()
	read := make(chan *search.Read, 8)
	x := newNamed(t, read)
	who := &access.Principal{User: "asha", Roles: []string{"everything"}}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"v1", "", []string{"_id"}},
		{"v1-too", "ORDER BY age", []string{"age", "_id"}},
		{"vs", "", []string{"_id", "_index"}},
		{"vs", "ORDER BY age", []string{"age", "_id", "_index"}},
		{"vs", "ORDER BY _id DESC", []string{"_id", "_index"}},
	} {
		q := ask(c.text, c.name)
		first, err := x.Page(t.Context(), who, q, &search.PageOptions{MaxResults: 2, CountUpTo: -1})
		require.NoError(t, err)
		_, err = x.Page(t.Context(), who, q, &search.PageOptions{MaxResults: 2, CountUpTo: -1, Token: first.Next})
		require.NoError(t, err)
		for range 2 {
			r := <-read
			var got []string
			for _, s := range r.Plan.Order {
				got = append(got, s.Field.Path)
			}
			require.Equal(t, c.want, got, "%s of %s", c.text, c.name)
			require.True(t, r.After == nil || len(r.After) == len(got))
		}
	}
}
