package jql

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// CompleteOptions are where completion finds what a schema does not say. The
// zero value offers no values but those of booleans.
type CompleteOptions struct {
	// Values returns up to limit values of a field that begin with a prefix,
	// the most useful first. If nil, values are not offered.
	Values func(ctx context.Context, field *record.Field, prefix string, limit int) ([]string, error)
	// Functions are the host's own functions, as in [ResolveOptions].
	Functions map[string]Function
	// Limit is the greatest number of completions. If zero, 50.
	Limit int
}

// A Completion is one text that may stand at the cursor.
type Completion struct {
	// Text is what to put in the place of Replace, quoted where it has to be. It
	// begins or ends in a blank only where a word stands immediately before or behind it.
	Text string
	// Kind is "field", "operator", "function", "keyword" or "value".
	Kind string
	// Detail says more for people: the label and type of a field.
	Detail string
	// Replace is what Text replaces: the word that the cursor stands in or behind.
	Replace Span
}

// Complete returns what may stand at the cursor, a byte offset into text, in
// order of usefulness. The text may be broken before and behind it: what cannot
// be understood is passed over. The error is that of opts.Values or ctx.
func Complete(ctx context.Context, text string, cursor int, schemas []*record.Schema, opts *CompleteOptions) ([]Completion, error) {
	c := &offers{ctx: ctx, schemas: schemas, limit: 50}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.Limit > 0 {
		c.limit = c.opts.Limit
	}
	cursor = max(0, min(cursor, len(text)))
	for i := 0; i < utf8.UTFMax-1 && cursor > 0 && cursor < len(text) && !utf8.RuneStart(text[cursor]); i++ {
		cursor-- // to the beginning of a character
	}
	c.word(text, cursor)
	c.offer()
	if err := ctx.Err(); err != nil && c.err == nil {
		c.err = err
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.sorted(), nil
}

// offers collects completions.
type offers struct {
	ctx     context.Context
	opts    CompleteOptions
	schemas []*record.Schema
	limit   int
	place   prefix
	start   bool   // nothing stands before the word
	prefix  string // what is written of the word already, decoded
	replace Span
	called  bool // a ( follows replace
	before  bool // a word stands immediately before replace
	behind  bool // a word stands immediately behind it
	items   []ranked
	err     error
}

// A ranked completion is better the lower its rank is.
type ranked struct {
	Completion
	rank int
}

// word finds the place of the cursor, and the word that it stands in or behind.
func (c *offers) word(text string, cursor int) {
	c.place = parsePrefix(text[:cursor])
	start := c.place.word.Start
	c.start = strings.Trim(text[:start], " \t\r\n") == ""
	written := text[start:cursor]
	if written != "" && charClasses[written[0]] == classQuote {
		written = written[1:]
	}
	c.prefix = decode(written, false, true)
	c.replace = Span{start, cursor}
	if c.place.word.End > start { // a word has been begun
		c.replace.End = wordEnd(text, start, cursor)
	}
	rest := text[c.replace.End:]
	c.called = strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), "(")
	c.before = start > 0 && inWord(text[start-1])
	c.behind = rest != "" && inWord(rest[0])
}

// inWord reports whether a byte may belong to a bare word.
func inWord(c byte) bool {
	class := charClasses[c]
	return class == classWord || class == classHigh || class == classBackslash
}

// wordEnd returns the end of the word from start that the cursor stands in or
// behind: the cursor itself where what follows is no part of it.
func wordEnd(text string, start, cursor int) int {
	l := lexer{text: text}
	l.token.end = start
	l.next()
	word := l.token
	if word.start != start || word.kind > tokReserved || word.end <= cursor {
		return cursor
	}
	if word.quoted && !isWholeText(text[word.end:]) && isWholeText(text[cursor:]) {
		return cursor // it ends at the quote that begins another string: its own end is not written yet
	}
	return word.end
}

// isWholeText reports whether every quoted string in text has its end.
func isWholeText(text string) bool {
	l := lexer{text: text}
	for l.next(); l.token.kind != tokEnd; l.next() {
		if l.token.quoted && l.token.kind != tokString {
			return false
		}
	}
	return true
}

// offer adds everything that may stand in the place.
func (c *offers) offer() {
	f, want := c.field(), c.place.want
	switch {
	case want&wantField != 0 && want&wantNot != 0:
		c.fields(func(f *record.Field) bool { return f.Searchable })
		c.begin()
	case want&wantField != 0:
		c.fields(isSortable)
	case want&wantOperator != 0:
		c.operators(f)
		return
	case want&wantArgument != 0:
		c.arguments()
	}
	if want&(wantValue|wantFunction) != 0 {
		c.operand(f)
	}
	c.words(c.meant(f))
}

// meant leaves out of what the grammar wants what would mean nothing.
func (c *offers) meant(f *record.Field) wanted {
	want := c.place.want
	switch c.place.predicate {
	case "during":
		if c.place.lists == 1 && c.place.members == 1 { // exactly two members
			want &^= wantClose
		} else if c.place.lists == 1 && c.place.members > 1 {
			want &^= wantComma
		}
		want &^= wantEmpty
	case "after", "before", "on", "by":
		want &^= wantEmpty
	}
	if f != nil && c.place.operator == "" && !slices.Contains(fieldOperators(f, false), "IN") {
		want &^= wantIn
	}
	return want
}

// words offers the words and signs among what is wanted.
func (c *offers) words(want wanted) {
	words := map[wanted][]string{
		wantEmpty: {"EMPTY"}, wantIsNot: {"NOT"}, wantIn: {"IN"}, wantAnd: {"AND"}, wantOr: {"OR"}, wantClose: {")"},
		wantOrderBy: {"ORDER BY"}, wantBy: {"BY"}, wantDirection: {"ASC", "DESC"}, wantComma: {","},
		wantChangedPredicate: {"FROM", "TO", "AFTER", "BEFORE", "ON", "DURING"},
		wantWasPredicate:     {"AFTER", "BEFORE", "ON", "DURING"},
	}
	for i, bit := range []wanted{wantEmpty, wantIsNot, wantIn, wantAnd, wantOr, wantOrderBy, wantBy, wantDirection, wantComma, wantClose,
		wantChangedPredicate, wantWasPredicate} {
		if want&bit != 0 {
			c.keywords(60+i, words[bit]...)
		}
	}
	if f := c.field(); want&(wantChangedPredicate|wantWasPredicate) != 0 && (f == nil || c.part(f, "by") != nil) {
		c.keywords(80, "BY")
	}
}

func isSortable(f *record.Field) bool {
	exact := f.Exact()
	return exact != nil && isScalar(exact)
}

// field finds the field that the place is about, or nil.
func (c *offers) field() *record.Field {
	if c.place.field == nil {
		return nil
	}
	for _, s := range c.schemas {
		if found := s.Lookup(c.place.field.Name); len(found) == 1 {
			return found[0]
		}
	}
	return nil
}

func (c *offers) operators(f *record.Field) {
	ops := []string{"=", "!=", "~", "!~", ">", ">=", "<", "<=", "IN", "NOT IN", "IS", "IS NOT", "WAS", "CHANGED"}
	if f != nil {
		ops = fieldOperators(f, c.hasHistory(f))
	}
	for i, op := range ops {
		if c.prefix == "" || hasPrefixFold(op, c.prefix) {
			c.add(op, "operator", "", i)
		}
	}
}

func (c *offers) hasHistory(f *record.Field) bool { return c.history(f) != nil }

// history finds the changes of a field, nil if there are none.
func (c *offers) history(f *record.Field) *record.History {
	for _, s := range c.schemas {
		if s.Field(f.Path) == f && s.History(f) != nil {
			return s.History(f)
		}
	}
	return nil
}

// operand offers values and functions.
func (c *offers) operand(f *record.Field) {
	predicate, mayList, mayValue := c.place.predicate, c.place.want&wantList != 0, c.place.want&wantValue != 0
	if predicate == "during" && c.place.lists == 0 {
		c.keywords(41, "(")
		return
	}
	known := f != nil
	if known && predicate != "" {
		f = c.part(f, predicate)
	}
	if known && f == nil { // nothing can be compared with it
		return
	}
	switch predicate {
	case "after", "before", "on", "during":
		mayList = false
	case "by", "from", "to":
		if c.place.lists == 0 {
			c.keywords(41, "(")
		}
	}
	if mayValue {
		c.values(f)
	} else {
		c.keywords(41, "(")
	}
	c.functions(f, mayList, !mayValue)
}

// part is the part of the history of a field that a predicate is about, nil if it has none.
func (c *offers) part(f *record.Field, predicate string) *record.Field {
	h := c.history(f)
	switch {
	case h == nil:
		return nil
	case predicate == "from", predicate == "to":
		return f
	case predicate == "by":
		return h.Author
	}
	return h.At
}

func (c *offers) values(f *record.Field) {
	if f == nil {
		return
	}
	exact := f.Exact()
	if exact != nil && exact.Kind == record.Bool {
		for i, v := range []string{"true", "false"} {
			c.match(v, Quote(v), "value", "", i)
		}
		return
	}
	if exact == nil || c.opts.Values == nil || c.place.operator == "~" || c.place.operator == "!~" {
		return
	}
	values, err := c.opts.Values(c.ctx, exact, c.prefix, c.limit)
	if err != nil {
		c.err = err
		return
	}
	for i, v := range values {
		c.add(valueText(v, exact), "value", "", i)
	}
}

// valueText is a value as it stands in a query: a number bare, the rest quoted where it has to be.
func valueText(v string, f *record.Field) string {
	if f.Kind != record.String && isNumber(v) && inRange(v) {
		return v
	}
	return bareText(v)
}

// functions offers the functions that may be compared with a field: those
// that return a list where one may stand, the others unless a list must.
func (c *offers) functions(f *record.Field, mayList, mustList bool) {
	var compared *record.Field // what an operand is made for
	if f != nil {
		if compared = c.compared(f); compared == nil {
			return
		}
	}
	offer := func(name string, fn Function) {
		wrong := compared != nil && fn.Kinds != nil && !slices.Contains(fn.Kinds, compared.Kind)
		if wrong || fn.List && !mayList || !fn.List && mustList || strings.TrimSpace(name) == "" {
			return
		}
		text := bareText(name)
		switch {
		case c.called:
		case fn.MinArgs > 0:
			text += "("
		default:
			text += "()"
		}
		c.match(name, text, "function", "", 40)
	}
	for _, name := range slices.Sorted(maps.Keys(c.opts.Functions)) {
		offer(name, c.opts.Functions[name])
	}
	for _, name := range builtinNames {
		offer(name, builtins[strings.ToLower(name)])
	}
}

// compared is the form of a field that the operator compares, nil if it has none.
func (c *offers) compared(f *record.Field) *record.Field {
	if c.place.operator == "~" || c.place.operator == "!~" {
		return f.FullText()
	}
	if exact := f.Exact(); exact != nil || c.place.predicate != "by" {
		return exact
	}
	return f
}

// arguments offers what may stand between the brackets of a function.
func (c *offers) arguments() {
	name := strings.ToLower(c.place.function)
	if strings.HasPrefix(name, "startof") || strings.HasPrefix(name, "endof") {
		for i, inc := range []string{"-1d", "-1w", "-1M", "-1y"} {
			c.match(inc, Quote(inc), "value", "", i)
		}
	}
}

// keywords offers words of the language; they stay together in their order.
func (c *offers) keywords(rank int, words ...string) {
	for _, w := range words {
		if hasPrefixFold(w, c.prefix) {
			c.add(w, "keyword", "", rank)
		}
	}
}

// match adds a completion if what is written fits its name: best at its
// beginning, then at the beginning of one of its parts, then anywhere, then in
// one of the other names.
func (c *offers) match(name, text, kind, more string, rank int, others ...string) {
	if further, ok := c.fits(name, others...); ok {
		c.add(text, kind, more, rank+further)
	}
}

// fits reports whether what is written fits a name, and how far behind others that puts it.
func (c *offers) fits(name string, others ...string) (further int, ok bool) {
	if c.prefix == "" {
		return 0, true
	}
	low, p := strings.ToLower(name), strings.ToLower(c.prefix)
	switch i := strings.Index(low, p); {
	case i == 0:
		return 0, true
	case i > 0 && strings.IndexByte("._- ", low[i-1]) >= 0:
		return 10, true
	case i > 0 && len(p) > 1:
		return 20, true
	}
	for _, o := range others {
		if strings.Contains(strings.ToLower(o), p) {
			return 15, true
		}
	}
	return 0, false
}

func (c *offers) add(text, kind, more string, rank int) {
	first, last := text[0], text[len(text)-1]
	if c.behind && inWord(last) {
		text += " "
	}
	if c.before && inWord(first) {
		text = " " + text
	}
	c.items = append(c.items, ranked{Completion{Text: text, Kind: kind, Detail: more, Replace: c.replace}, rank})
}

// sorted returns the best completions, each text once.
func (c *offers) sorted() []Completion {
	slices.SortStableFunc(c.items, func(a, b ranked) int { return a.rank - b.rank })
	out := make([]Completion, 0, min(len(c.items), c.limit))
	seen := make(map[string]bool, len(c.items))
	for _, item := range c.items {
		if len(out) == c.limit {
			break
		}
		if !seen[item.Kind+item.Text] {
			seen[item.Kind+item.Text] = true
			out = append(out, item.Completion)
		}
	}
	return out
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
