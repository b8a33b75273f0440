package jql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// plainPlan is what notes ~ text means, if text is given as plain.
func plainPlan(t *testing.T, s *record.Schema, text string) (plan.Node, error) {
	t.Helper()
	q, err := Bind("notes ~ ?", PlainText(text))
	require.NoError(t, err)
	r, err := Resolve(t.Context(), q, []*record.Schema{s}, nil)
	if err != nil {
		return nil, err
	}
	return r.Plans[0].Where, nil
}

func TestPlainText(t *testing.T) {
	s := schema(t, "visits")
	for _, text := range []string{
		"fever", "fever OR nothing", "-fever", "+a", "(", "a) OR (b", "AND", "NOT", "*", "fev*", "m?l", "roam~1", "a^2", `back\slash`,
		`"high fever"`, "other:val", "currentUser()", "true) OR (1=1", "a && b || !c", "बुखार", "x\ty\nz",
	} {
		got, err := plainPlan(t, s, text)
		require.NoError(t, err, text)
		require.Equal(t, plan.Match{Field: s.Field("notes"), Mode: plan.Words, Text: strings.Join(strings.Fields(text), " ")}, got, text)
	}
	_, err := plainPlan(t, s, " ")
	require.ErrorContains(t, err, "there is no word to look for")
}

func FuzzPlainText(f *testing.F) {
	for _, text := range []string{"fever", `a"b\c`, "- + ~ ^ OR", "AND", "(a"} {
		f.Add(text)
	}
	s := schema(f, "visits")
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Fields(strings.ToValidUTF8(text, ""))
		if len(words) == 0 {
			return
		}
		got, err := plainPlan(t, s, strings.Join(words, " "))
		require.NoError(t, err)
		require.Equal(t, plan.Match{Field: s.Field("notes"), Mode: plan.Words, Text: strings.Join(words, " ")}, got)
	})
}
