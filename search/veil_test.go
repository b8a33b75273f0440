package search_test

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// newVeiled has patients with ids in the order of their registration, n = 0, 1, 2 and so on, in
// three wards, and roles that see the ids in several ways.
func newVeiled(t *testing.T, secret byte) *search.Index {
	t.Helper()
	d := memsearch.New()
	var docs, others []string
	for n := range 30 {
		docs = append(docs, fmt.Sprintf(`{"_id":"r%03d","_source":{"pid":"r%03d","ward":"w%d","n":%d}}`, n, n, n%3, n))
		others = append(others, fmt.Sprintf(`{"_id":"x%03d","_source":{"pid":"x%03d","ward":"w%d","n":%d}}`, n, n, n%2, 100+n))
	}
	mapping := `{"mappings":{"_meta":{"dhr":{"key":"pid"}},"properties":{"pid":{"type":"keyword"},"ward":{"type":"keyword"},"n":{"type":"integer"}}}}`
	fill(t, d, "patients", mapping, docs)
	fill(t, d, "others", mapping, others)
	shows := func(name string, show access.Treatment) access.Role {
		return access.Role{Grants: []access.Grant{{Indexes: []string{"*"}, Fields: []access.FieldRule{
			{Fields: []string{name, "pid"}, Show: show}, {Fields: []string{"n"}, Show: access.Treatment{As: access.Visible}}}, Others: access.Treatment{As: access.Visible}}}}
	}
	policy, err := access.NewPolicy(map[string]access.Role{
		"pseudonym": shows("_id", access.Treatment{As: access.Pseudonym, Domain: "id"}),
		"constant":  shows("_id", access.Treatment{As: access.Constant, Text: "?"}),
		"first":     shows("_id", access.Treatment{As: access.First, Length: 3}),
		"hidden":    shows("_id", access.Treatment{As: access.Hidden}),
		"removed":   shows("pid", access.Treatment{As: access.Removed}),
		"visible":   shows("_id", access.Treatment{As: access.Visible}),
	}, &access.Options{Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	x, err := search.New(d, policy, &search.Options{Secret: bytes.Repeat([]byte{secret}, 32)})
	require.NoError(t, err)
	return x
}

// numbers returns which records they are.
func numbers(records []*record.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Lookup("n")[0].String())
	}
	return all
}

// The order of records whose ids are masked tells nothing of these, in pages of any size.
func TestMaskedIDsDoNotDecideTheOrder(t *testing.T) {
	t.Parallel()
	x, again, other := newVeiled(t, 1), newVeiled(t, 1), newVeiled(t, 2)
	for _, role := range []string{"pseudonym", "constant", "first", "hidden", "removed"} {
		who := &access.Principal{User: "asha", Roles: []string{role}}
		for _, q := range []*search.Query{ask("", "patients"), ask("ORDER BY ward DESC", "patients"), ask("ward = w1", "patients"), ask(""), ask("ORDER BY ward")} {
			text := role + ": " + q.JQL
			whole := pages(t, x, who, q, 1000)
			got := numbers(whole)
			for _, size := range []int{5, 19} {
				require.Equal(t, got, numbers(pages(t, x, who, q, size)), text)
			}
			require.Equal(t, got, numbers(pages(t, again, who, q, 7)), "another process with the same secret")
			for start := 0; start < len(got); start += 13 {
				page, err := x.Page(t.Context(), who, q, &search.PageOptions{StartAt: start, MaxResults: 5})
				require.NoError(t, err)
				require.Equal(t, got[start:min(start+5, len(got))], numbers(page.Records), text)
				require.Equal(t, int64(len(got)), page.Total)
			}
			byID := numbers(pages(t, x, &access.Principal{User: "asha", Roles: []string{"visible"}}, q, 1000))
			require.NotEqual(t, byID, got, "%s: the order of the ids", text)
			wards := func(records []*record.Record) (all []string) {
				for _, r := range records {
					all = append(all, r.Lookup("ward")[0].Text())
				}
				return all
			}
			if strings.Contains(q.JQL, "ORDER") {
				sorted := slices.Clone(wards(whole))
				sort.Strings(sorted)
				if strings.Contains(q.JQL, "DESC") {
					slices.Reverse(sorted)
				}
				require.Equal(t, sorted, wards(whole), text)
			} else if role == "pseudonym" {
				require.True(t, slices.IsSortedFunc(whole, func(a, b *record.Record) int { return strings.Compare(a.ID, b.ID) }), "by what is shown")
			}
			if role != "pseudonym" {
				require.NotEqual(t, got, numbers(pages(t, other, who, q, 1000)), "nobody can work out the order without the secret")
			}
			slices.Sort(byID)
			slices.Sort(got)
			require.Equal(t, byID, got, "%s: every record once", text)
		}
	}
}
