package analyzer

import (
	"bufio"
	"bytes"
	"encoding/json"
	stdflag "flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A fact is a text with the terms that Elasticsearch 8.11.3 gave for it.
type fact struct {
	Text  string   `json:"text"`
	Terms []string `json:"terms"`
}

func facts(t testing.TB) []fact {
	f, err := os.Open("testdata/standard.jsonl")
	require.NoError(t, err)
	defer f.Close()
	var facts []fact
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var one fact
		require.NoError(t, json.Unmarshal(lines.Bytes(), &one))
		facts = append(facts, one)
	}
	require.GreaterOrEqual(t, len(facts), 400)
	return facts
}

func terms(text string) []string { return Append([]string{}, text) }

func scan(text string) []string {
	got := []string{}
	var s Scanner
	s.Reset(text)
	for term := s.Next(); term != nil; term = s.Next() {
		got = append(got, string(term))
	}
	return got
}

// TestParity is the parity table of Elasticsearch's standard analyzer that DHR promises.
func TestParity(t *testing.T) {
	for text, want := range map[string]string{
		"मलेरिया के मरीज़ को बुखार": "मलेरिया|के|मरीज़|को|बुखार",
		"தமிழ் ਪੰਜਾਬ":               "தமிழ்|ਪੰਜਾਬ",
		"9.2, 3,000.50mg, b.p.":     "9.2|3,000.50mg|b.p",
		"patient's don't type_2":    "patient's|don't|type_2",
		"日本語":                       "日|本|語",
		"ผู้ป่วยมีไข้":              "ผู้ป่วยมีไข้",
		"µg ΟΔΟΣ İ ẞ":               "µg|οδοσ|i|ß",
		"コーヒー, 한국어":                 "コーヒー|한국어",
		"👩🏽‍⚕️🇮🇳 1️⃣ #":             "👩🏽‍⚕️|🇮🇳|1️⃣",
		"צה\"ל ג'":                  "צה\"ל|ג'",
		"a\xffb":                    "a|b",
	} {
		require.Equal(t, strings.Split(want, "|"), terms(text), "%q", text)
	}
}

var record = stdflag.String("record", "", "ask the Elasticsearch at this `URL` again for the terms of testdata/standard.jsonl")

// TestStandard compares with what the standard analyzer of a real
// Elasticsearch answered. To ask again, with another version, start one and run
//
//	go test ./jql/analyzer -run Standard -record http://127.0.0.1:9200
func TestStandard(t *testing.T) {
	if *record != "" {
		recordFacts(t, *record, facts(t))
	}
	for _, f := range facts(t) {
		require.Equal(t, f.Terms, terms(f.Text), "%q", f.Text)
		require.Equal(t, f.Terms, scan(f.Text), "%q by a Scanner", f.Text)
	}
}

// recordFacts writes the facts again with the terms that a server gives.
func recordFacts(t *testing.T, url string, facts []fact) {
	var file bytes.Buffer
	out := json.NewEncoder(&file)
	out.SetEscapeHTML(false)
	for _, f := range facts {
		body, err := json.Marshal(map[string]string{"analyzer": "standard", "text": f.Text})
		require.NoError(t, err)
		response, err := http.Post(url+"/_analyze", "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		var answer struct {
			Tokens []struct{ Token string }
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		require.NoError(t, response.Body.Close())
		f.Terms = []string{}
		for _, token := range answer.Tokens {
			f.Terms = append(f.Terms, token.Token)
		}
		require.NoError(t, out.Encode(f))
	}
	require.NoError(t, os.WriteFile("testdata/standard.jsonl", file.Bytes(), 0o600))
}

func TestScannerIsUsedAgain(t *testing.T) {
	var s Scanner
	require.Nil(t, s.Next())
	s.Reset("One two")
	require.Equal(t, "one", string(s.Next()))
	s.Reset("Three")
	require.Equal(t, "three", string(s.Next()))
	require.Nil(t, s.Next())
	require.Nil(t, s.Next())
}

func TestAppendLower(t *testing.T) {
	for term, want := range map[string]string{"": "", "fev*": "fev*", "FÉV?": "fév?", "İΣẞµ": "iσßµ", "A B": "a b"} {
		require.Equal(t, want, string(AppendLower(nil, term)))
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		require.Equal(t, unicode.ToLower(r), lower(r))
	}
}

// TestTable holds the table to be in order, and to have a lower case for each
// letter that breaks words as the letter does. Ⓜ alone is not so.
func TestTable(t *testing.T) {
	last := rune(-1)
	for _, s := range ranges {
		require.Less(t, last, s.first)
		require.LessOrEqual(t, s.first, s.last)
		last = s.last
		for r := s.first; r <= s.last; r++ {
			require.Equal(t, s.class, classOf(r))
			if l := unicode.ToLower(r); l != r && r != 'Ⓜ' {
				require.Equal(t, s.class, classOf(l), "%q and %q", r, l)
			}
		}
		require.Contains(t, []class{other, ranges[min(len(ranges)-1, slices.Index(ranges[:], s)+1)].class}, classOf(s.last+1))
	}
	require.Equal(t, other, classOf(-1))
	require.Less(t, len(words.next), int(dead))
}

func TestLongTerms(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int
	}{
		{strings.Repeat("a", 255), []int{255}},
		{strings.Repeat("a", 256), []int{255, 1}},
		{strings.Repeat("a", 254) + "𐐨b", []int{254, 5}},
		{strings.Repeat("𐐨", 200), []int{127 * 4, 73 * 4}},
		{strings.Repeat("1", 254) + ".5", []int{254, 1}},
		{"a" + strings.Repeat("\u0301", 300), []int{1 + 254*2}},
	} {
		var got []int
		for _, term := range terms(c.text) {
			got = append(got, len(term))
		}
		require.Equal(t, c.want, got)
	}
}

// simple finds the terms by looking for a word from each place in turn.
func simple(text string) []string {
	found := []string{}
	for at := 0; at < len(text); {
		end := longest(text, at)
		if end > at {
			found = append(found, strings.ToLower(text[at:end]))
			at = end
			continue
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return found
}

// TestRuns compares with the simple way where runs of what may only lead to a
// word are mixed with all else, and about as long as a term may be.
func TestRuns(t *testing.T) {
	parts := []string{"_", "_", "\u200d", "\u200d", "\u0301", "\U000E0101", "🏻", "\ufe0f", "\u20e3", "a", "1", "カ", "א", "日", "ก", "👩", "Ⓜ", "#", "🇮", ".", " ", "\xff", "\u0e31"}
	lengths := []int{1, 1, 1, 2, 3, 126, 127, 128, 253, 254, 255, 256, 257, 300, 600}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		for range 1 + random.IntN(7) {
			b.WriteString(strings.Repeat(parts[random.IntN(len(parts))], lengths[random.IntN(len(lengths))]))
		}
		text := b.String()
		require.Equal(t, simple(text), terms(text), "%q", text)
		require.Equal(t, simple(text), scan(text), "%q", text)
	}
}

// TestRunsBegin holds that no other class than those of runs begins a run.
func TestRunsBegin(t *testing.T) {
	for c := range classes {
		state := words.next[0][c]
		isRun := state != dead && !words.accept[state] && words.next[state][c] == state
		require.Equal(t, c == joinLow || c == joiner, isRun, "class %d", c)
	}
}

func TestNoAllocation(t *testing.T) {
	dst := make([]string, 0, 32)
	lowerText := "patient's fever of 39.5 since monday मरीज़ 日本"
	require.Zero(t, testing.AllocsPerRun(100, func() { dst = Append(dst[:0], lowerText) }))
	var s Scanner
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.Reset("High FEVER since Monday, Ärzte")
		for s.Next() != nil {
		}
	}))
}

// FuzzAppend holds that any text is taken, that the ways to the terms
// agree with the simple one, that terms are bounded, and that the terms of the terms are the terms.
func FuzzAppend(f *testing.F) {
	for _, fact := range facts(f) {
		f.Add(fact.Text)
	}
	f.Add("a\xff\xfeb")
	f.Fuzz(func(t *testing.T, text string) {
		once := terms(text)
		require.Equal(t, once, scan(text))
		require.Equal(t, simple(text), once)
		for _, term := range once {
			require.NotEmpty(t, term)
			require.Equal(t, string(AppendLower(nil, term)), term)
			units := 0
			for _, r := range term {
				units += utf16.RuneLen(r)
			}
			require.LessOrEqual(t, units, maxUnits)
		}
		if !strings.ContainsRune(text, 'Ⓜ') {
			require.Equal(t, once, terms(strings.Join(once, " ")))
		}
	})
}

func ExampleAppend() {
	fmt.Printf("%q\n", Append(nil, "Patient's B.P. is 120/80; मरीज़ को बुखार."))
	// Output: ["patient's" "b.p" "is" "120" "80" "मरीज़" "को" "बुखार"]
}

func ExampleScanner() {
	var s Scanner
	s.Reset("High fever")
	for term := s.Next(); term != nil; term = s.Next() {
		fmt.Printf("%s\n", term)
	}
	// Output:
	// high
	// fever
}

func BenchmarkScanner(b *testing.B) {
	for name, text := range map[string]string{
		"ascii": "patient has high fever and cough since monday, paracetamol 500mg was given twice a day",
		"mixed": "Patient has High Fever and cough since Monday, Paracetamol 500mg was given twice a Day",
		"low":   strings.Repeat("_", 10_000),
		"zwj":   strings.Repeat("\u200d", 10_000),
		"tones": strings.Repeat("_🏻", 2_000),
		"runs":  strings.Repeat(strings.Repeat("_", 510)+"a", 20),
		"hindi": "मरीज़ को तेज़ बुखार और खाँसी है, सोमवार से दवा दिन में दो बार दी गई",
	} {
		b.Run(name, func(b *testing.B) {
			var s Scanner
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Reset(text)
				for s.Next() != nil {
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	text := "patient has high fever and cough since monday, paracetamol 500mg was given twice a day"
	var dst []string
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = Append(dst[:0], text)
	}
}
