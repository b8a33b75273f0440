package access

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// A section of a file in testdata begins with its name, as in "-- policy --".
type section struct{ name, body string }

func sections(text string) (all []section) {
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		all = append(all, section{name, strings.TrimRight(body, "\n")})
	}
	return all
}

// TestSpec runs testdata: what is seen of documents under a policy. Each section
// "ask" has a principal in its first line, a query in the second, which
// may be empty, and then what is seen: each record with its columns, or the complaint. A section "scope" has
// a principal, and then the condition that restricts the records.
func TestSpec(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			intro, _, _ := strings.Cut(string(text), "-- ")
			got := intro + runSpec(t, sections(string(text)))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			require.Equal(t, string(text), got)
		})
	}
}

func runSpec(t *testing.T, all []section) string {
	var out strings.Builder
	spec := spec{index: "pb-visits", mapping: mapping}
	for _, s := range all {
		body := s.body
		switch s.name {
		case "policy":
			spec.policy(t, body)
		case "tenants":
			spec.tenants = new(TenantRule)
			require.NoError(t, json.Unmarshal([]byte(body), spec.tenants))
		case "index":
			spec.index = body
		case "mapping":
			spec.mapping = body
		case "documents":
			spec.docs = docsOf(body)
		case "ask":
			lines := append(strings.SplitN(body, "\n", 3), "", "")
			body = lines[0] + "\n" + lines[1] + "\n" + spec.ask(t, lines[0], lines[1])
		case "scope":
			who, _, _ := strings.Cut(body, "\n")
			body = who + "\n" + spec.scope(t, who)
		}
		fmt.Fprintf(&out, "-- %s --\n%s\n\n", s.name, strings.TrimRight(body, "\n"))
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

type spec struct {
	index, mapping string
	roles          map[string]Role
	tenants        *TenantRule
	docs           []doc
}

func (s *spec) policy(t *testing.T, text string) {
	roles, err := ParseRoles([]byte(text))
	require.NoError(t, err)
	s.roles = roles
}

func (s *spec) view(t *testing.T, who string) (*View, bool) {
	p, err := NewPolicy(s.roles, &Options{Key: testKey, Tenants: s.tenants})
	require.NoError(t, err)
	principal := new(Principal)
	require.NoError(t, strictly([]byte(who), principal))
	return p.View(principal, mustSchema(s.index, s.mapping))
}

func (s *spec) ask(t *testing.T, who, query string) string {
	v, ok := s.view(t, who)
	if !ok {
		return "no such index\n"
	}
	found, err := answer(v, s.docs, query)
	var list jql.ErrorList
	if errors.Is(err, ErrDenied) || errors.As(err, &list) {
		return err.Error() + "\n"
	}
	require.NoError(t, err)
	var out strings.Builder
	for _, d := range found {
		columns, err := shown(v, d)
		require.NoError(t, err)
		fmt.Fprintf(&out, "%s: %s\n", v.ID(d.id), strings.Join(columns, "; "))
	}
	if out.Len() == 0 {
		return "nothing\n"
	}
	return out.String()
}

func (s *spec) scope(t *testing.T, who string) string {
	v, ok := s.view(t, who)
	if !ok {
		return "no such index\n"
	}
	node, err := v.Scope(t.Context(), testOptions())
	if err != nil {
		return err.Error() + "\n"
	}
	return node.String() + "\n"
}
