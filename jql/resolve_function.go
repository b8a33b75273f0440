package jql

import (
	"context"
	"github.com/digit-health/dhr/internal/localtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/record"
)

var dates = []record.Kind{record.Time}

// builtins are the functions of the language, by lower-case name.
var builtins = map[string]Function{
	"now": {Kinds: dates, Call: func(_ context.Context, c *Call) ([]record.Value, error) {
		return []record.Value{record.TimeValue(c.Options.Now)}, nil
	}},
	"currentuser": {Kinds: []record.Kind{record.String}, Call: func(_ context.Context, c *Call) ([]record.Value, error) {
		if c.Options.User == "" {
			return nil, nil
		}
		return []record.Value{record.StringValue(c.Options.User)}, nil
	}},
	"membersof":    {MinArgs: 1, MaxArgs: 1, List: true, Kinds: []record.Kind{record.String}, Call: membersOf},
	"startofday":   period('d', false),
	"startofweek":  period('w', false),
	"startofmonth": period('M', false),
	"startofyear":  period('y', false),
	"endofday":     period('d', true),
	"endofweek":    period('w', true),
	"endofmonth":   period('M', true),
	"endofyear":    period('y', true),
}

// builtinNames are the functions of the language as they are written.
var builtinNames = []string{
	"currentUser", "membersOf", "now", "startOfDay", "startOfWeek", "startOfMonth", "startOfYear",
	"endOfDay", "endOfWeek", "endOfMonth", "endOfYear",
}

func membersOf(ctx context.Context, c *Call) ([]record.Value, error) {
	if c.Options.Members == nil {
		return nil, errUnknownGroup(c.Args[0])
	}
	members, err := c.Options.Members(ctx, c.Args[0])
	if err != nil {
		return nil, err
	}
	values := make([]record.Value, len(members))
	for i, m := range members {
		values[i] = record.StringValue(m)
	}
	return values, nil
}

type errUnknownGroup string

func (g errUnknownGroup) Error() string { return "unknown group " + quoted(string(g)) }

type errIncrement string

func (name errIncrement) Error() string {
	return "Duration for function '" + shorten(string(name)) + "' should have the format (+/-)n(yMwdm), e.g -1M for 1 month earlier."
}

type errTooFar string

func (name errTooFar) Error() string {
	return "the function " + quoted(shorten(string(name))) + " leads beyond the years that a date can have"
}

// period makes startOf… or endOf… of a unit.
func period(unit byte, end bool) Function {
	return Function{MaxArgs: 1, Kinds: dates, Call: func(_ context.Context, c *Call) ([]record.Value, error) {
		t := c.Options.Now.In(c.Options.Zone)
		inc, ok := increment{}, true
		if len(c.Args) == 1 {
			if inc, ok = parseIncrement(c.Args[0]); !ok {
				return nil, errIncrement(c.name)
			}
		}
		own := inc.unit == 0 || inc.unit == unit
		if own {
			t, ok = inc.shift(t, unit)
		}
		t = edge(t, unit, end, c.Options.WeekStart)
		if !own {
			t, ok = inc.shift(t, unit)
		}
		if ms := t.UnixMilli(); !ok || ms < minMillis || ms > maxMillis {
			return nil, errTooFar(c.name)
		}
		return []record.Value{record.TimeValue(t)}, nil
	}}
}

// edge returns the first instant of the period of the unit that t lies in, or its last millisecond.
func edge(t time.Time, unit byte, end bool, weekStart time.Weekday) time.Time {
	y, m, d := t.Date()
	days, months := 1, 0
	switch unit {
	case 'w':
		d -= (int(t.Weekday()) - int(weekStart) + 7) % 7
		days = 7
	case 'M':
		d, days, months = 1, 0, 1
	case 'y':
		m, d, days, months = 1, 1, 0, 12
	}
	if !end {
		return localtime.DayStart(y, m, d, t.Location())
	}
	next := time.Date(y, m+time.Month(months), d+days, 0, 0, 0, 0, time.UTC)
	return localtime.DayStart(next.Year(), next.Month(), next.Day(), t.Location()).Add(-time.Millisecond)
}

// function finds a function by name: the host's own go first.
func (r *resolver) function(name string) (Function, bool) {
	if f, ok := r.opts.Functions[name]; ok {
		return f, true
	}
	for n, f := range r.opts.Functions {
		if strings.EqualFold(n, name) {
			return f, true
		}
	}
	f, ok := builtins[strings.ToLower(name)]
	return f, ok
}

// isList reports whether an operand is a call of a function that returns a list.
func (r *resolver) isList(o *Operand) bool {
	fn, ok := r.function(o.Value)
	return ok && fn.List
}

// A callKey tells the calls of one query apart; a call is made once for all schemas
// in which the field has one kind.
type callKey struct {
	operand *Operand
	kind    record.Kind
}

// call calls a function for a field.
func (r *resolver) call(t *term, o *Operand, f *record.Field, mayList, mustList bool) ([]record.Value, bool) {
	key := callKey{o, f.Kind}
	if values, ok := r.calls[key]; ok {
		return values, true
	}
	fn, ok := r.function(o.Value)
	if !ok {
		r.unknownFunction(o)
		return nil, false
	}
	if !r.checkCall(t, o, f, &fn, mayList, mustList) {
		return nil, false
	}
	args := make([]string, len(o.Items))
	for i := range o.Items {
		args[i] = o.Items[i].Value
	}
	values, err := fn.Call(r.ctx, &Call{Args: args, Options: &r.opts, Field: f, name: o.Value})
	if err != nil {
		r.fail(o.Span, "function_failed", inLine(err.Error())).Found = r.q.textOf(o)
		return nil, false
	}
	values = slices.DeleteFunc(slices.Clone(values), record.Value.IsNull)
	if len(values) > 1 && !fn.List {
		r.fail(o.Span, "function_failed", "the function "+quoted(o.Value)+" returned several values and is not declared to return a list").Found = r.q.textOf(o)
		return nil, false
	}
	if r.calls == nil {
		r.calls = make(map[callKey][]record.Value)
	}
	r.calls[key] = values
	if len(values) == 0 && !fn.List {
		r.warn(o.Span, "nobody", inLine(shorten(r.q.textOf(o)))+" has no value here; it matches nothing")
	}
	return values, true
}

// checkCall complains of a function that may not stand where it does.
func (r *resolver) checkCall(t *term, o *Operand, f *record.Field, fn *Function, mayList, mustList bool) bool {
	text := r.q.textOf(o)
	if n := len(o.Items); n < fn.MinArgs || fn.MaxArgs >= 0 && n > fn.MaxArgs {
		e := r.fail(o.Span, "argument_count", "Function '"+inLine(shorten(o.Value))+"' expected "+argumentRange(fn)+" arguments but received '"+
			strconv.Itoa(n)+"'.")
		e.Found = text
		return false
	}
	if fn.Kinds != nil && !slices.Contains(fn.Kinds, f.Kind) {
		compared := t.field
		if f != compared && f.Source != compared.Path { // a part of the history
			compared = f
		}
		r.fail(o.Span, "function_unsupported",
			"the function "+quoted(o.Value)+" cannot be compared with the field "+quoted(compared.Path)+", "+what(compared)).Found = text
		return false
	}
	op, shown := strings.ToUpper(t.Op.Name), inLine(shorten(text))
	switch {
	case fn.List && !mayList:
		message := "the operator " + quoted(op) + " does not support the list " + shown
		if other := listOperators[t.Op.Name]; other != "" {
			message += "; use " + other
		}
		r.fail(o.Span, "operand_unsupported", message).Found = text
		return false
	case !fn.List && mustList:
		e := r.fail(o.Span, "operand_unsupported", "the operator "+quoted(op)+" does not support the single value "+shown+
			"; write ("+shown+")")
		e.Found, e.Suggestion = text, "("+text+")"
		return false
	}
	return true
}

// listOperators are the operators that take a list where another takes a single value.
var listOperators = map[string]string{"=": "IN", "!=": "NOT IN", "was": "WAS IN", "was not": "WAS NOT IN"}

func argumentRange(fn *Function) string {
	switch {
	case fn.MaxArgs < 0:
		return "at least '" + strconv.Itoa(fn.MinArgs) + "'"
	case fn.MinArgs == fn.MaxArgs:
		return "'" + strconv.Itoa(fn.MinArgs) + "'"
	}
	return "between '" + strconv.Itoa(fn.MinArgs) + "' and '" + strconv.Itoa(fn.MaxArgs) + "'"
}

func (r *resolver) unknownFunction(o *Operand) {
	names := make([]string, 0, len(builtinNames)+len(r.opts.Functions))
	for n := range r.opts.Functions {
		names = append(names, n)
	}
	names = append(names, builtinNames...)
	message, near := "unknown function "+quoted(o.Value), nearest(o.Value, names)
	if near != "" {
		message += "; did you mean " + quoted(near) + "?"
		near = bareText(near)
	}
	e := r.fail(o.Name, "unknown_function", message)
	e.Found, e.Expected, e.Suggestion = o.Text, []string{"a function"}, near
}
