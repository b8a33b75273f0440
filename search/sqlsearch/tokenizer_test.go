package sqlsearch

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sqlite3 "modernc.org/sqlite/lib"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/sqlgen"
)

// odd are texts whose terms other tokenizers break or change.
var odd = []string{
	"मलेरिया के मरीज़ को बुखार", "தமிழ் ਪੰਜਾਬ", "9.2, 3,000.50mg, b.p.", "patient's, don't, don’t type_2", "日本語 ไทย カタカナ", "µg μg Σίσυφος ςίγμα",
	"👩‍👩‍👧 🇮🇳 ❤️ 1️⃣ #️⃣ *️⃣ Ⓜ", "e\u0301 é ñ n\u0303", "שלום \u05d0\"\u05d1 ב'א", "İstanbul ı ẞ ſ K Å", "क्\u200dष र्\u200cक", "a\u00adb \ufeffbom", "x:y a;b 1:2",
	strings.Repeat("long", 200), strings.Repeat("अ", 300), "\U0001D400\U0001D401 𐐀", "\ue000 \uf8ff", "½ ² ﬁ Ⅷ", "a\x00b \x01", "\xff\xfe bytes", "", "   ",
}

// table makes a table of FTS5 as the indexes of texts are.
func table(t require.TestingT, file string) *conn {
	c, err := openConn(file, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE)
	require.NoError(t, err)
	require.NoError(t, c.exec("CREATE VIRTUAL TABLE text USING fts5(t1, "+tokenizer+"); CREATE VIRTUAL TABLE words USING fts5vocab(text, instance)"))
	return c
}

// stored returns the terms that FTS5 makes of a text as the encoder writes it.
func stored(t require.TestingT, c *conn, text string) []string {
	require.NoError(t, c.run("DELETE FROM text"))
	var s analyzer.Scanner
	require.NoError(t, c.run("INSERT INTO text (rowid, t1) VALUES (1, ?)", string(sqlgen.JoinTerms(nil, &s, text))))
	var terms []string
	q := sqlgen.Query{Text: "SELECT CAST(term AS BLOB) FROM words ORDER BY offset"}
	require.NoError(t, c.query(context.Background(), q, func(row []any) error {
		term, _ := row[0].([]byte)
		terms = append(terms, string(term))
		return nil
	}))
	return terms
}

// FTS5 has exactly the terms of package analyzer, in their order, and finds each of
// them when it is quoted, and the text as a phrase.
func TestTermsOfFTS5AreThoseOfTheAnalyzer(t *testing.T) {
	t.Parallel()
	c, ctx := table(t, filepath.Join(t.TempDir(), "fts")), t.Context()
	defer c.close()
	check := func(t require.TestingT, text string) {
		want := analyzer.Append(nil, text)
		require.Equal(t, want, stored(t, c, text), "%q", text)
		for _, term := range want {
			n, err := c.number(ctx, "SELECT count(*) FROM text WHERE text MATCH ?", "{t1} : ("+sqlgen.Quote(term)+")")
			require.NoError(t, err, "%q", term)
			require.EqualValues(t, 1, n, "%q", term)
		}
	}
	for _, text := range odd {
		check(t, text)
		check(t, strings.ToUpper(text))
	}
	check(t, strings.Join(odd, " "))
	pieces := slices.Concat(odd, []string{"\"", "'", ".", ",", ":", "_", "\u200d", "\ufe0f", "\u20e3", "a", "1", "अ", "ก", "日", "א"})
	rapid.Check(t, func(t *rapid.T) {
		check(t, strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String()), 0, 8).Draw(t, "text"), ""))
	})
}

// What stands between values is never a term, whatever stands around it.
func TestValueGapIsNoTerm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{sqlgen.ValueGap, "a" + sqlgen.ValueGap, sqlgen.ValueGap + "\u0301", "x " + sqlgen.ValueGap + " y"} {
		for _, term := range analyzer.Append(nil, text) {
			require.NotEqual(t, sqlgen.ValueGap, term)
		}
	}
}
