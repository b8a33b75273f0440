package jql

import (
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// history finds the field's declared source of changes, or complains.
func (r *resolver) history(t *term) (*record.History, *record.Field) {
	f := t.field.Exact()
	h := r.schema.History(t.field)
	if h == nil && f != nil {
		h = r.schema.History(f)
	}
	switch {
	case h == nil:
		r.fail(t.Op.Span, "no_history", "the operator "+quoted(strings.ToUpper(t.Op.Name))+
			" needs the changes of the field "+quoted(t.field.Path)+", and index "+quoted(r.schema.Index)+" declares no history for it")
		return nil, nil
	case f == nil || !isScalar(f) || f.Kind == record.Time:
		r.unsupported(t)
		return nil, nil
	}
	return h, f
}

// was resolves WAS, WAS NOT, WAS IN and WAS NOT IN.
func (r *resolver) was(t *term) plan.Node {
	h, f := r.history(t)
	if h == nil {
		return plan.None{}
	}
	list := strings.HasSuffix(t.op, "in")
	if list != (t.Operand.Kind == ListOperand) && t.Operand.Kind != FunctionOperand && t.Operand.Kind != EmptyOperand {
		r.badList(t)
		return plan.None{}
	}
	held, ok := r.states(t, &t.Operand, f, list)
	n := plan.Was{Field: f, History: h, Held: held}
	window, ok2 := r.predicates(t, f, h, func(p *Predicate) bool {
		if p.Op.Name != "by" {
			return false
		}
		ok = r.by(t, p, h, &n.By) && ok
		return true
	})
	if !ok || !ok2 {
		return plan.None{}
	}
	n.Window = window
	return past(n, t.positive(), r.neverIn(t, window) || isNone(&held) || n.By != nil && len(n.By) == 0)
}

// past is a condition on the history, or its opposite. never says that the condition cannot hold.
func past(n plan.Node, positive, never bool) plan.Node {
	if never {
		n = plan.None{}
	}
	if positive {
		return n
	}
	return plan.NewNot(n)
}

// isNone reports whether s is a set of states without any.
func isNone(s *plan.States) bool { return s != nil && len(s.Values) == 0 && !s.Empty }

// changed resolves CHANGED.
func (r *resolver) changed(t *term) plan.Node {
	h, f := r.history(t)
	if h == nil {
		return plan.None{}
	}
	n := plan.Changed{Field: f, History: h}
	ok := true
	window, ok2 := r.predicates(t, f, h, func(p *Predicate) bool {
		switch p.Op.Name {
		case "by":
			ok = r.by(t, p, h, &n.By) && ok
		case "from":
			ok = r.step(t, p, f, &n.From) && ok
		case "to":
			ok = r.step(t, p, f, &n.To) && ok
		default:
			return false
		}
		return true
	})
	if !ok || !ok2 {
		return plan.None{}
	}
	n.Window = window
	never := r.neverIn(t, window) || isNone(n.From) || isNone(n.To) || n.By != nil && len(n.By) == 0
	return past(n, !t.negated, never)
}

// states resolves values of the past.
func (r *resolver) states(t *term, o *Operand, f *record.Field, list bool) (plan.States, bool) {
	all := r.operands(t, o, f, list)
	s := plan.States{Empty: all.empty}
	ok := all.ok
	for _, o := range all.operands {
		v, verdict := r.value(t, f, o)
		switch verdict {
		case valueBad:
			ok = false
		case valueFine:
			s.Values = append(s.Values, v)
		case valueNever:
			r.lintNever(t, f, o, "can equal")
		}
	}
	if all.nobody && len(all.operands) == 0 && !all.empty {
		ok = false // as everywhere: what is compared with nobody matches nothing
	}
	slices.SortFunc(s.Values, record.Value.Compare)
	s.Values = slices.CompactFunc(s.Values, record.Value.Equal)
	return s, ok
}

// step adds FROM or TO; a second one narrows the first.
func (r *resolver) step(t *term, p *Predicate, f *record.Field, to **plan.States) bool {
	s, ok := r.states(t, &p.Operand, f, p.Operand.Kind == ListOperand || r.isList(&p.Operand))
	if !ok {
		return false
	}
	if before := *to; before != nil {
		s.Empty = s.Empty && before.Empty
		s.Values = slices.DeleteFunc(s.Values, func(v record.Value) bool {
			_, found := slices.BinarySearchFunc(before.Values, v, record.Value.Compare)
			return !found
		})
		if isNone(&s) {
			r.lintApart(t, p)
		}
	}
	*to = &s
	return true
}

// by adds the authors of a BY; a second one narrows the first.
func (r *resolver) by(t *term, p *Predicate, h *record.History, to *[]string) bool {
	if h.Author == nil {
		r.fail(p.Op.Span, "predicate_unsupported", "the history of "+quoted(t.field.Path)+" does not say who made a change")
		return false
	}
	author := h.Author.Exact()
	if author == nil {
		author = h.Author
	}
	s, ok := r.states(t, &p.Operand, author, p.Operand.Kind == ListOperand || r.isList(&p.Operand))
	if !ok {
		return false
	}
	if s.Empty {
		r.fail(p.Operand.Span, "operand_unsupported", "BY needs a user, not EMPTY")
		return false
	}
	names := make([]string, 0, len(s.Values))
	for _, v := range s.Values {
		if _, found := slices.BinarySearch(*to, v.Text()); found || *to == nil {
			names = append(names, v.Text()) // in order, as the values are
		}
	}
	if *to != nil && len(names) == 0 {
		r.lintApart(t, p)
	}
	*to = names
	return true
}

// lintApart warns of a predicate that excludes an earlier one of its kind.
func (r *resolver) lintApart(t *term, p *Predicate) {
	code, what := t.certainly()
	r.warn(p.Span, code, what+": nothing fits both this "+strings.ToUpper(p.Op.Name)+" and the one before it")
}

// certainly is what a condition that nothing fits comes to, as a code and in words.
func (t *term) certainly() (code, what string) {
	if t.positive() && (t.op != "changed" || !t.negated) {
		return "never_true", "this can never be true"
	}
	return "always_true", "this is always true"
}

// predicates resolves the predicates of time, and leaves the others to own.
func (r *resolver) predicates(t *term, f *record.Field, h *record.History, own func(*Predicate) bool) (plan.Window, bool) {
	w := plan.Window{}
	ok := true
	for i := range t.Predicates {
		p := &t.Predicates[i]
		if own(p) {
			continue
		}
		from, to, fine := r.period(t, p, h.At)
		ok = ok && fine
		if !fine {
			continue
		}
		if from != nil && (w.From.IsNull() || w.From.Millis() < *from) {
			w.From = millis(*from)
		}
		if to != nil && (w.To.IsNull() || w.To.Millis() > *to) {
			w.To = millis(*to)
		}
	}
	return w, ok
}

// period returns the half-open span of AFTER, BEFORE, ON or DURING.
func (r *resolver) period(t *term, p *Predicate, at *record.Field) (from, to *int64, ok bool) {
	if p.Op.Name == "during" {
		if p.Operand.Kind != ListOperand || len(p.Operand.Items) != 2 {
			r.fail(p.Operand.Span, "operand_unsupported", "DURING needs two dates in brackets, as in DURING (2024-01-01, 2024-01-31)")
			return nil, nil, false
		}
		a, ok1 := r.pointInTime(t, &p.Operand.Items[0], at)
		b, ok2 := r.pointInTime(t, &p.Operand.Items[1], at)
		return &a.start, &b.end, ok1 && ok2
	}
	m, ok := r.pointInTime(t, &p.Operand, at)
	switch p.Op.Name {
	case "after":
		return &m.end, nil, ok
	case "before":
		return nil, &m.start, ok
	case "on":
		return &m.start, &m.end, ok
	}
	r.fail(p.Op.Span, "predicate_unsupported", "the predicate "+quoted(strings.ToUpper(p.Op.Name))+
		" does not go with "+strings.ToUpper(t.Op.Name))
	return nil, nil, false
}

// pointInTime resolves the operand of a predicate of time, where a duration means
// the whole of its smallest unit.
func (r *resolver) pointInTime(t *term, o *Operand, at *record.Field) (moment, bool) {
	if o.Kind == ListOperand || o.Kind == EmptyOperand {
		r.fail(o.Span, "operand_unsupported", "this predicate needs one date")
		return moment{}, false
	}
	all := r.operands(t, o, at, false)
	if !all.ok || len(all.operands) != 1 {
		return moment{}, false
	}
	p := all.operands[0]
	if p.number || p.isGiven {
		return r.moment(t, at, p)
	}
	m, ok := parseDate(p.text, r.opts.Zone) // the whole day even with JiraDates, as in Jira
	if d, isDuration := parseDuration(p.text); isDuration {
		m, ok = d.precision(d.from(r.opts.Now, r.opts.Zone), r.opts.Zone), true
	}
	switch {
	case !ok || !m.inReach():
		return r.badDate(at, p)
	case at.DateOnly():
		return r.calendarDay(m), true
	}
	return m, true
}

// neverIn complains of a window that holds no instant up to now.
func (r *resolver) neverIn(t *term, w plan.Window) bool {
	now := r.opts.Now.UnixMilli()
	if w.From.IsNull() || w.From.Millis() <= now && (w.To.IsNull() || w.From.Millis() < w.To.Millis()) {
		return false
	}
	code, what := t.certainly()
	r.warn(t.Span, code, what+": the span of time is empty or lies in the future, so that nothing can have happened in it")
	return true
}
