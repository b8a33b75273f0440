package eval_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func edits(text string, n int) plan.Node {
	return plan.Match{Field: field("notes"), Mode: plan.Fuzzy, Text: text, Edits: n}
}

func TestWords(t *testing.T) {
	const doc = `{"notes": ["High fever, since Monday", "Patient's B.P. 120/80", "मरीज़ को बुखार"]}`
	run(t, []test{
		{"one", text(plan.Words, "fever"), doc, true},
		{"any case", text(plan.Words, "FEVER"), doc, true},
		{"any order", text(plan.Words, "monday high"), doc, true},
		{"across values", text(plan.Words, "fever 120"), doc, true},
		{"one of two", text(plan.Words, "fever cough"), doc, false},
		{"twice", text(plan.Words, "fever fever"), `{"notes": "fever"}`, true},
		{"part of a word", text(plan.Words, "fev"), doc, false},
		{"a word with an apostrophe", text(plan.Words, "patient"), doc, false},
		{"Hindi", text(plan.Words, "बुखार"), doc, true},
		{"Hindi, part of a word", text(plan.Words, "बुख"), doc, false},
		{"no term", text(plan.Words, " .,- "), doc, false},
		{"nothing", text(plan.Words, ""), doc, false},
		{"of none", text(plan.Words, "fever"), `{}`, false},
		{"of the empty string", text(plan.Words, "fever"), `{"notes": ""}`, false},
		{"many", text(plan.Words, "b c d e f g h i j"), `{"notes": ["a b c d e", "x j i h", "g f e"]}`, true},
		{"many but one", text(plan.Words, "b c d e f g h i j"), `{"notes": ["a b c d e", "x j h", "g f e"]}`, false},
	})
}

func TestPhrase(t *testing.T) {
	run(t, []test{
		{"in order", text(plan.Phrase, "high fever"), `{"notes": "a HIGH, fever!"}`, true},
		{"the other way", text(plan.Phrase, "fever high"), `{"notes": "a high fever"}`, false},
		{"not next to each other", text(plan.Phrase, "high fever"), `{"notes": "high steady fever"}`, false},
		{"not across values", text(plan.Phrase, "high fever"), `{"notes": ["so high", "fever there"]}`, false},
		{"in a later value", text(plan.Phrase, "high fever"), `{"notes": ["high", "high fever"]}`, true},
		{"one word", text(plan.Phrase, "fever"), `{"notes": "high fever"}`, true},
		{"beginning again", text(plan.Phrase, "a b a c"), `{"notes": "a b a b a c"}`, true},
		{"beginning again, not", text(plan.Phrase, "a a b"), `{"notes": "a b a c a a"}`, false},
		{"repeated", text(plan.Phrase, "a a b"), `{"notes": "a a a a b"}`, true},
		{"across values is not carried over", text(plan.Phrase, "a b"), `{"notes": ["x a", "b"]}`, false},
		{"no term", text(plan.Phrase, "--"), `{"notes": "--"}`, false},
		{"of none", text(plan.Phrase, "high fever"), `{}`, false},
	})
}

func TestPrefixAndWildcard(t *testing.T) {
	const doc = `{"notes": "High Fever, 36.5 mg मरीज़ 😀"}`
	run(t, []test{
		{"prefix", text(plan.Prefix, "fev"), doc, true},
		{"prefix, the whole", text(plan.Prefix, "fever"), doc, true},
		{"prefix, too long", text(plan.Prefix, "fevers"), doc, false},
		{"prefix not of the text", text(plan.Prefix, "ever"), doc, false},
		{"prefix of Hindi", text(plan.Prefix, "मर"), doc, true},
		{"prefix in capitals", text(plan.Prefix, "FEV"), doc, true},
		{"prefix of the last of two", text(plan.Prefix, "36.5-fev"), doc, true},
		{"prefix of the first of two", text(plan.Prefix, "hig-fever"), doc, false},
		{"prefix, no term", text(plan.Prefix, "-"), doc, false},
		{"prefix, nothing", text(plan.Prefix, ""), doc, false},
		{"star", text(plan.Wildcard, "*"), doc, true},
		{"star of none", text(plan.Wildcard, "*"), `{"notes": "."}`, false},
		{"star at the end", text(plan.Wildcard, "fe*"), doc, true},
		{"star at the beginning", text(plan.Wildcard, "*er"), doc, true},
		{"star in between", text(plan.Wildcard, "f*r"), doc, true},
		{"stars", text(plan.Wildcard, "*e*e*"), doc, true},
		{"stars, too many", text(plan.Wildcard, "*e*e*e*"), doc, false},
		{"not the whole", text(plan.Wildcard, "eve"), doc, false},
		{"the whole", text(plan.Wildcard, "fever"), doc, true},
		{"one", text(plan.Wildcard, "f?ver"), doc, true},
		{"one is not none", text(plan.Wildcard, "fever?"), doc, false},
		{"one is a character", text(plan.Wildcard, "?"), doc, true},
		{"ends overlap", text(plan.Wildcard, "fev*ver"), doc, false},
		{"escaped", text(plan.Wildcard, `36\.?`), doc, true},
		{"escaped star", text(plan.Wildcard, `fe\*`), doc, false},
		{"escape at the end", text(plan.Wildcard, `fever\`), doc, false},
		{"two words", text(plan.Wildcard, "high*fever"), doc, false},
	})
}

func TestFuzzy(t *testing.T) {
	const doc = `{"notes": "fever abc 𐐨𐐨𐐨"}`
	run(t, []test{
		{"exact", edits("fever", 0), doc, true},
		{"exact not", edits("fevr", 0), doc, false},
		{"one left out", edits("fver", 1), doc, true},
		{"one more", edits("feever", 1), doc, true},
		{"one changed", edits("faver", 1), doc, true},
		{"swapped", edits("fevre", 1), doc, true},
		{"swapped at the beginning", edits("efver", 1), doc, true},
		{"two", edits("fvr", 2), doc, true},
		{"two are not one", edits("fvr", 1), doc, false},
		{"two swapped", edits("efvre", 2), doc, true},
		{"nothing touched twice", edits("ca", 2), `{"notes": "abc"}`, false},
		{"another word altogether", edits("ab", 2), `{"notes": "cd"}`, true},
		{"auto of two", edits("ab", -1), doc, false},
		{"auto of three", edits("abd", -1), doc, true},
		{"auto of five", edits("fevre", -1), doc, true},
		{"auto of five, two", edits("fevxx", -1), doc, false},
		{"auto of six", edits("fevers", -1), doc, true},
		{"auto of six, two", edits("feverxx", -1), doc, true},
		{"auto counts characters", edits("𐐨𐐨", -1), doc, false},
		{"edits are characters", edits("𐐨𐐨", 1), doc, true},
		{"nothing", edits("", 2), `{"notes": "ab"}`, false},
	})
}

// FuzzWildcard compares with a regular expression.
func FuzzWildcard(f *testing.F) {
	for _, pattern := range []string{"*", "a*b?c", `\*`, "??*", "*ab*ab", `a\`, "é*ü"} {
		f.Add(pattern, "abab aabb abc éaü")
	}
	f.Fuzz(func(t *testing.T, pattern, notes string) {
		if len(pattern) > 100 || len(notes) > 1000 {
			return
		}
		node := text(plan.Wildcard, pattern)
		r := record.Record{}
		r.Reset(projection)
		r.Append(projection.Column("notes"), record.StringValue(notes))
		require.Equal(t, naive(node, &r), compile(t, node).Match(&r), "%q in %q", pattern, notes)
	})
}

// FuzzFuzzy compares with the distance by its recursion.
func FuzzFuzzy(f *testing.F) {
	f.Add("fever", "fevre", 1)
	f.Add("ca", "abc", 2)
	f.Add("aabb", "abab", 2)
	f.Add("𐐨a", "a𐐨", -1)
	f.Fuzz(func(t *testing.T, word, notes string, n int) {
		word = string(analyzer.AppendLower(nil, word))
		if len(word) > 20 || len(notes) > 60 || n < -1 || n > 3 {
			return
		}
		node := edits(word, n)
		r := record.Record{}
		r.Reset(projection)
		r.Append(projection.Column("notes"), record.StringValue(notes))
		require.Equal(t, naive(node, &r), compile(t, node).Match(&r), "%q in %q", word, notes)
	})
}

func TestLongTexts(t *testing.T) {
	long := strings.Repeat("a", 300) + " " + strings.Repeat("x ", 5000) + "end"
	r := record.Record{}
	r.Reset(projection)
	r.Append(projection.Column("notes"), record.StringValue(long))
	for _, n := range []plan.Node{text(plan.Words, "end"), text(plan.Phrase, "x end"), text(plan.Wildcard, strings.Repeat("a", 255)),
		text(plan.Wildcard, strings.Repeat("*a", 50)+"*"), text(plan.Words, strings.Repeat("a", 300)), edits("ned", 1)} {
		require.True(t, compile(t, n).Match(&r), "%s", n)
	}
}
