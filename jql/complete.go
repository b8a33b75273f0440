package jql

import (
	"context"
	"maps"
	"slices"
	"strings"

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
	// Text is what to put in the place of Replace, quoted where it has to be.
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
	c.prefix = strings.TrimLeft(text[start:cursor], `"'`)
	c.replace = Span{start, cursor}
	if c.place.word.End == start { // no word has been begun
		return
	}
	l := lexer{text: text}
	l.token.end = start
	if l.next(); l.token.start == start && l.token.kind != tokOpenQuote {
		c.replace.End = max(cursor, l.token.end)
	}
}

// offer adds everything that may stand in the place.
func (c *offers) offer() {
	f, want := c.field(), c.place.want
	switch {
	case want&wantField != 0 && want&wantNot != 0:
		c.fields(func(f *record.Field) bool { return len(fieldOperators(f, false)) > 0 })
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
	words := map[wanted][]string{
		wantEmpty: {"EMPTY"}, wantIsNot: {"NOT"}, wantIn: {"IN"}, wantAnd: {"AND"}, wantOr: {"OR"}, wantClose: {")"},
		wantOrderBy: {"ORDER BY"}, wantBy: {"BY"}, wantDirection: {"ASC", "DESC"}, wantComma: {","},
		wantChangedPredicate: {"FROM", "TO", "AFTER", "BEFORE", "ON", "DURING", "BY"},
		wantWasPredicate:     {"AFTER", "BEFORE", "ON", "DURING", "BY"},
	}
	for i, bit := range []wanted{wantEmpty, wantIsNot, wantIn, wantAnd, wantOr, wantOrderBy, wantBy, wantDirection, wantComma, wantClose,
		wantChangedPredicate, wantWasPredicate} {
		if want&bit != 0 {
			c.keywords(60+i, words[bit]...)
		}
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

// fields offers the names of fields: aliases before paths.
func (c *offers) fields(usable func(*record.Field) bool) {
	seen := map[string]bool{}
	for _, s := range c.schemas {
		for f := range s.All() {
			if !usable(f) || isSub(f) || seen[f.Path] {
				continue
			}
			seen[f.Path] = true
			for _, alias := range f.Aliases {
				c.match(alias, bareText(alias), "field", detail(f), 0)
			}
			c.match(f.Path, bareText(f.Path), "field", detail(f), rankOf(s, f), f.Label)
		}
	}
}

// begin offers what may begin a clause besides a field.
func (c *offers) begin() {
	rank := 60
	if c.prefix == "" { // nothing is known yet: show that they exist
		rank = 1
	}
	words := []string{"NOT", "("}
	if c.start {
		words = append(words, "ORDER BY")
	}
	c.keywords(rank, words...)
}

// rankOf puts the parts of a history behind the fields that people ask about.
func rankOf(s *record.Schema, f *record.Field) int {
	for _, h := range s.Histories {
		if f.Nested == h.Path || f.Path == h.Path {
			return 30
		}
	}
	return 2
}

// isSub reports whether f is a sub-field, which its parent stands for.
func isSub(f *record.Field) bool { return f.Source != f.Path }

func detail(f *record.Field) string {
	if f.Label == "" {
		return f.Type
	}
	return f.Label + ", " + f.Type
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

func (c *offers) hasHistory(f *record.Field) bool {
	for _, s := range c.schemas {
		if s.Field(f.Path) == f && s.History(f) != nil {
			return true
		}
	}
	return false
}

// operand offers values and functions.
func (c *offers) operand(f *record.Field) {
	if c.place.predicate != "" {
		f = c.predicateField(f)
	}
	mayList, mayValue := c.place.want&wantList != 0, c.place.want&wantValue != 0
	if mayValue {
		c.values(f)
	} else {
		c.keywords(41, "(")
	}
	c.functions(f, mayList, !mayValue)
}

// predicateField is the part of the history that a predicate is about.
func (c *offers) predicateField(f *record.Field) *record.Field {
	if f == nil || c.place.predicate == "from" || c.place.predicate == "to" {
		return f
	}
	for _, s := range c.schemas {
		if s.Field(f.Path) != f || s.History(f) == nil {
			continue
		}
		if c.place.predicate == "by" {
			return s.History(f).Author
		}
		return s.History(f).At
	}
	return nil
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
	if f.Kind != record.String && isWhole(v) {
		return v
	}
	return bareText(v)
}

// functions offers the functions that may be compared with a field: those
// that return a list where one may stand, the others unless a list must.
func (c *offers) functions(f *record.Field, mayList, mustList bool) {
	offer := func(name string, fn Function) {
		if fn.List && !mayList || !fn.List && mustList || fn.Kinds != nil && f != nil && !servesKind(fn, f) {
			return
		}
		text := name + "()"
		if fn.MinArgs > 0 {
			text = name + "("
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

func servesKind(fn Function, f *record.Field) bool {
	exact := f.Exact()
	for _, k := range fn.Kinds {
		if exact != nil && k == exact.Kind {
			return true
		}
	}
	return false
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
	if c.prefix == "" {
		c.add(text, kind, more, rank)
		return
	}
	low, p := strings.ToLower(name), strings.ToLower(c.prefix)
	switch i := strings.Index(low, p); {
	case i == 0:
		c.add(text, kind, more, rank)
	case i > 0 && strings.IndexByte("._- ", low[i-1]) >= 0:
		c.add(text, kind, more, rank+10)
	case i > 0 && len(p) > 1:
		c.add(text, kind, more, rank+20)
	default:
		for _, o := range others {
			if strings.Contains(strings.ToLower(o), p) {
				c.add(text, kind, more, rank+15)
				return
			}
		}
	}
}

func (c *offers) add(text, kind, more string, rank int) {
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
