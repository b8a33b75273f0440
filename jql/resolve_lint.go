package jql

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/digit-health/dhr/record"
)

// lintEquality warns of what people overlook in = != IN and NOT IN.
func (r *resolver) lintEquality(t *term, s *set) {
	if !t.positive() && !s.empty {
		r.lintExcludesEmpty(t)
	}
	if t.Operand.Kind == ListOperand && s.count == 1 && !s.empty {
		only := &t.Operand.Items[0]
		for only.Kind == ListOperand {
			only = &only.Items[0]
		}
		text := r.q.textOf(only)
		op := "="
		if strings.HasPrefix(t.Op.Name, "not") {
			op = "!="
		}
		span := Span{t.Op.Start, t.Operand.End}
		r.warn(span, "single_value_list", "a list with one value; "+op+" "+text+" says the same").Suggestion = op + " " + text
	}
	if len(s.ranges) == 1 && t.Operand.Kind != ListOperand {
		if m, ok := parseDate(t.Operand.Value, r.opts.Zone); ok {
			r.lintDay(t, t.field.Exact(), m)
		}
	}
}

// lintExcludesEmpty warns that a negative clause leaves out the records whose field is empty,
// unless a clause beside it speaks of them.
func (r *resolver) lintExcludesEmpty(t *term) {
	if slices.Contains(r.emptied, t.field) || len(r.warns) >= maxComplaints {
		return
	}
	message, more := "this also leaves out", " OR "+t.Field.Text+" IS EMPTY)"
	if t.negated {
		message, more = "the NOT over this also leaves out", " AND "+t.Field.Text+" IS NOT EMPTY)"
	}
	message += " every record whose " + quoted(t.field.Path) + " is empty; to keep them write "
	clause := strings.TrimSpace(r.q.spanText(t.Span))
	if short := inLine(clause); short != "" && short == shorten(clause) {
		message += "(" + short + inLine(more)
	} else {
		message += "(..." + inLine(shorten(more))
	}
	e := r.warn(t.Span, "excludes_empty", message)
	if clause != "" {
		e.Suggestion = "(" + clause + more
	}
}

// spokenEmpty returns the fields of which one of the conditions says EMPTY: whoever
// wrote it knows of the empty ones.
func (r *resolver) spokenEmpty(clauses []Expr) []*record.Field {
	var fields []*record.Field
	for _, x := range clauses {
		c, ok := x.(*Clause)
		if !ok || !saysEmpty(c) {
			continue
		}
		if found := r.schema.Lookup(c.Field.Name); len(found) == 1 && !slices.Contains(fields, found[0]) {
			fields = append(fields, found[0])
		}
	}
	return fields
}

// saysEmpty reports whether a condition compares the present value with EMPTY.
func saysEmpty(c *Clause) bool {
	if strings.HasPrefix(c.Op.Name, "was") || c.Op.Name == "changed" {
		return false
	}
	return c.Operand.Kind == EmptyOperand ||
		slices.ContainsFunc(c.Operand.Items, func(o Operand) bool { return c.Operand.Kind == ListOperand && o.Kind == EmptyOperand })
}

// lintUnsigned warns of a duration without a sign, which lies ahead.
func (r *resolver) lintUnsigned(o operand) {
	text := strings.Trim(o.text, " ")
	if o.number || o.isGiven || text == "" || text[0] == '-' || text[0] == '+' {
		return
	}
	if _, ok := parseDuration(text); ok {
		r.warn(o.span, "unsigned_duration", quoted(text)+" lies ahead of now; -"+text+" is that long ago").Suggestion = bareText("-" + text)
	}
}

// lintWordless warns of a text in which there is no word to find.
func (r *resolver) lintWordless(t *term) {
	if t.Operand.Kind == FunctionOperand || strings.IndexFunc(t.Operand.Value, partOfWord) >= 0 {
		return
	}
	r.warn(t.Operand.Span, "never_true", "there is no word in "+quoted(shorten(t.Operand.Value))+"; it is found in no text").Found = t.Operand.Text
}

// partOfWord reports whether a character may be part of a word: a letter, a digit, a mark or a symbol such as an emoji.
func partOfWord(c rune) bool {
	return unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.So)
}

// lintNever warns of a comparison that no value can satisfy.
func (r *resolver) lintNever(t *term, f *record.Field, o operand, is string) {
	text := inLine(shorten(o.text))
	why := "no value of " + quoted(f.Path) + " " + is + " " + text
	where := ""
	if len(r.schemas) > 1 {
		where = "in index " + quoted(r.schema.Index) + " "
	}
	if t.positive() {
		r.warn(o.span, "never_true", where+"this can never be true: "+why).Found = text
		return
	}
	r.warn(o.span, "always_true", where+"this is true of every value: "+why).Found = text
}

// inIndex names the index at hand if there are several.
func (r *resolver) inIndex() string {
	if len(r.schemas) == 1 {
		return ""
	}
	return " in index " + quoted(r.schema.Index)
}

// lintDay says where the edges of a bare date lie that is compared with a field of instants.
func (r *resolver) lintDay(t *term, f *record.Field, m moment) {
	if !m.day || r.opts.JiraDates || f.DateOnly() {
		return
	}
	const form = "2006-01-02T15:04:05Z07:00"
	start := time.UnixMilli(m.start).In(r.opts.Zone)
	end := time.UnixMilli(m.end).In(r.opts.Zone)
	r.warn(t.Operand.Span, "day_edges", "the field "+quoted(f.Path)+" holds times: the day is taken from "+start.Format(form)+
		" up to "+end.Format(form)+"; records near midnight count by this zone").Found = t.Operand.Text
}

// lintEpoch warns of a bare number that was hardly meant as milliseconds since 1970.
func (r *resolver) lintEpoch(t *term, o operand, m moment) {
	const year = 365 * 24 * 60 * 60 * 1000
	if m.start > -year && m.start < year {
		r.warn(o.span, "epoch_number", "the bare number "+o.text+" is read as milliseconds since 1970, which is "+
			time.UnixMilli(m.start).UTC().Format("2006-01-02T15:04:05.999Z")+"; write a date as 2024-01-31").Found = o.text
	}
}
