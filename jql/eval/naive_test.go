package eval_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// naive answers as package plan says, with no thought of speed.
func naive(n plan.Node, r *record.Record) bool {
	switch n := n.(type) {
	case plan.All:
		return true
	case plan.And:
		return !slices.ContainsFunc(n, func(c plan.Node) bool { return !naive(c, r) })
	case plan.Or:
		return slices.ContainsFunc(n, func(c plan.Node) bool { return naive(c, r) })
	case plan.Not:
		return !naive(n.Node, r)
	case plan.Exists:
		return naiveExists(n.Field, r)
	case plan.Missing:
		return !naiveExists(n.Field, r)
	case plan.Terms:
		return naiveIn(n.Field, n.Values, naiveValues(n.Field, r))
	case plan.Range:
		return slices.ContainsFunc(naiveValues(n.Field, r), func(v record.Value) bool {
			v = naiveFold(n.Field, v)
			low, high := v.Compare(naiveFold(n.Field, n.Lower.Value)), v.Compare(naiveFold(n.Field, n.Upper.Value))
			return (n.Lower.Value.IsNull() || low > 0 || low == 0 && n.Lower.Inclusive) &&
				(n.Upper.Value.IsNull() || high < 0 || high == 0 && n.Upper.Inclusive)
		})
	case plan.Match:
		return naiveText(n, naiveValues(n.Field, r))
	case plan.Was:
		return naiveWas(n, r)
	case plan.Changed:
		return naiveChanged(n, r)
	}
	return false
}

func naiveValues(f *record.Field, r *record.Record) []record.Value {
	switch f.Path {
	case "_id":
		return []record.Value{record.StringValue(r.ID)}
	case "_index":
		return []record.Value{record.StringValue(r.Index)}
	}
	return r.Lookup(f.Path)
}

func naiveExists(f *record.Field, r *record.Record) bool {
	vv := naiveValues(f, r)
	if f.Kind != record.Object && f.Kind != record.Nested && f.Kind != record.Flattened {
		return len(vv) > 0
	}
	return slices.ContainsFunc(vv, func(v record.Value) bool {
		var x any
		return json.Unmarshal([]byte(v.Text()), &x) == nil && holds(x)
	})
}

func holds(x any) bool {
	switch x := x.(type) {
	case nil:
		return false
	case []any:
		return slices.ContainsFunc(x, holds)
	case map[string]any:
		for _, y := range x {
			if holds(y) {
				return true
			}
		}
		return false
	}
	return true
}

func naiveIn(f *record.Field, list, have []record.Value) bool {
	for _, v := range have {
		for _, w := range list {
			if naiveFold(f, v).Equal(naiveFold(f, w)) {
				return true
			}
		}
	}
	return false
}

// naiveFold puts a string of a field that folds case into lower case, character by character.
func naiveFold(f *record.Field, v record.Value) record.Value {
	if f.FoldCase && v.Kind() == record.String {
		return record.StringValue(strings.ToLower(v.Text()))
	}
	return v
}

func naiveText(n plan.Match, have []record.Value) bool {
	want := analyzer.Append(nil, n.Text)
	var all []string
	for _, v := range have {
		all = append(append(all, analyzer.Append(nil, v.Text())...), "\n")
	}
	switch n.Mode {
	case plan.Words:
		return len(want) > 0 && !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(all, w) })
	case plan.Phrase:
		return len(want) > 0 && strings.Contains("|"+strings.Join(all, "|")+"|", "|"+strings.Join(want, "|")+"|")
	}
	some := func(fits func(term string) bool) bool {
		return slices.ContainsFunc(all, func(term string) bool { return term != "\n" && fits(term) })
	}
	if n.Mode == plan.Wildcard {
		return n.Text != "" && some(naiveWildcard(n.Text).MatchString)
	}
	for i, w := range want {
		length := len([]rune(w))
		edits := n.Edits
		if edits < 0 {
			edits = bit(length > 2) + bit(length > 5)
		}
		if !some(func(term string) bool {
			switch {
			case n.Mode == plan.Fuzzy:
				return naiveDistance([]rune(w), []rune(term)) <= edits
			case i == len(want)-1:
				return strings.HasPrefix(term, w)
			}
			return term == w
		}) {
			return false
		}
	}
	return len(want) > 0
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// naiveWildcard is a pattern as a regular expression.
func naiveWildcard(pattern string) *regexp.Regexp {
	var b strings.Builder
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		case c == '\\' && i+1 < len(runes):
			i++
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return regexp.MustCompile("^(?s:" + b.String() + ")$")
}

// naiveDistance is the optimal string alignment distance by its recursion.
func naiveDistance(a, b []rune) int {
	memo := map[[2]int]int{}
	var d func(i, j int) int
	d = func(i, j int) (n int) {
		if i == 0 || j == 0 {
			return i + j
		}
		at := [2]int{i, j}
		if n, ok := memo[at]; ok {
			return n
		}
		defer func() { memo[at] = n }()
		n = min(d(i-1, j)+1, d(i, j-1)+1, d(i-1, j-1)+bit(a[i-1] != b[j-1]))
		if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
			n = min(n, d(i-2, j-2)+1)
		}
		return n
	}
	return d(len(a), len(b))
}

// naiveEntry is one entry of a history, whose values are texts.
type naiveEntry struct {
	at       time.Time
	from, to []string
	author   []string
}

func texts(x any) (out []string) {
	switch x := x.(type) {
	case string:
		return []string{x}
	case json.Number:
		return []string{x.String()}
	case bool:
		return []string{strconv.FormatBool(x)}
	case []any:
		for _, y := range x {
			out = append(out, texts(y)...)
		}
	}
	return out
}

// naiveNames are the names of a field and of the text whose sub-field it is.
func naiveNames(f *record.Field) []string {
	names := append([]string{f.Path}, f.Aliases...)
	if text, isSub := strings.CutSuffix(f.Path, ".keyword"); isSub {
		names = append(append(names, text), field(text).Aliases...)
	}
	return names
}

func naiveLog(f *record.Field, h *record.History, r *record.Record) (log []naiveEntry) {
	for _, v := range r.Lookup("log") {
		var x map[string]any
		d := json.NewDecoder(strings.NewReader(v.Text()))
		d.UseNumber()
		if d.Decode(&x) != nil {
			continue
		}
		part := func(f *record.Field) any { return x[strings.TrimPrefix(f.Path, "log.")] }
		at := texts(part(h.At))
		_, strange := part(h.From).(map[string]any) // which is no keyword
		if strange || len(at) == 0 || !slices.ContainsFunc(texts(part(h.Field)), func(name string) bool {
			return slices.Contains(naiveNames(f), name)
		}) {
			continue
		}
		when, err := time.Parse(time.RFC3339, at[0])
		if err != nil {
			continue
		}
		log = append(log, naiveEntry{when, texts(part(h.From)), texts(part(h.To)), texts(part(h.Author))})
	}
	slices.SortStableFunc(log, func(a, b naiveEntry) int { return a.at.Compare(b.at) })
	return log
}

// fits reports whether one of the texts, as the field reads it, is a state;
// none of them is the empty state.
func fits(f *record.Field, s plan.States, have []string) bool {
	if len(have) == 0 {
		return s.Empty
	}
	return slices.ContainsFunc(have, func(text string) bool {
		v, err := f.Parse(text)
		return err == nil && naiveIn(f, s.Values, []record.Value{v})
	})
}

func overlap(h *record.History, by, authors []string) bool {
	return by == nil || slices.ContainsFunc(by, func(name string) bool {
		return slices.ContainsFunc(authors, func(author string) bool {
			return naiveFold(h.Author, record.StringValue(name)).Equal(naiveFold(h.Author, record.StringValue(author)))
		})
	})
}

var (
	never   = time.UnixMilli(-1 << 50)
	forever = time.UnixMilli(1 << 50)
)

func ends(w plan.Window) (from, to time.Time) {
	from, to = never, forever
	if !w.From.IsNull() {
		from = w.From.Time()
	}
	if !w.To.IsNull() {
		to = w.To.Time()
	}
	return from, to
}

func naiveChanged(n plan.Changed, r *record.Record) bool {
	from, to := ends(n.Window)
	return slices.ContainsFunc(naiveLog(n.Field, n.History, r), func(e naiveEntry) bool {
		return !e.at.Before(from) && e.at.Before(to) && overlap(n.History, n.By, e.author) &&
			(n.From == nil || fits(n.Field, *n.From, e.from)) && (n.To == nil || fits(n.Field, *n.To, e.to))
	})
}

// naiveWas writes down what was held in which spans of time, and looks through them.
func naiveWas(n plan.Was, r *record.Record) bool {
	type span struct {
		from, to time.Time
		held     []string
		authors  []string
	}
	var present []string
	for _, v := range naiveValues(n.Field, r) {
		present = append(present, v.Text())
	}
	var spans []span
	log := naiveLog(n.Field, n.History, r)
	for i, e := range log {
		since, until := never, forever
		if i > 0 {
			since = log[i-1].at
		}
		if i+1 < len(log) {
			until = log[i+1].at
		}
		spans = append(spans, span{since, e.at, e.from, nil}, span{e.at, until, e.to, e.author})
	}
	if len(log) == 0 {
		spans = append(spans, span{never, forever, present, nil})
	} else {
		last := log[len(log)-1]
		spans = append(spans, span{last.at, forever, present, last.author})
	}
	from, to := ends(n.Window)
	return slices.ContainsFunc(spans, func(s span) bool {
		start, end := s.from, s.to
		if from.After(start) {
			start = from
		}
		if to.Before(end) {
			end = to
		}
		return start.Before(end) && fits(n.Field, n.Held, s.held) && overlap(n.History, n.By, s.authors)
	})
}
