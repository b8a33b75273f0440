package access

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Scope returns the condition that restricts the records, of fields of the full
// schema: plan.All if there is no restriction. The options give the clock, zone and functions
// of the query that it is joined to; the user in them is replaced by who, and
// dates are those of DHR whatever they ask for. A rule that cannot be resolved, for
// example because the index lacks a field that it uses, denies everything: the error wraps ErrDenied
// and, with the place in the rule, an *[Error]; and ErrUnfit, if that is due to the index rather than to a
// function of the rule, which may do better the next time.
func (v *View) Scope(ctx context.Context, opts *jql.ResolveOptions) (plan.Node, error) {
	tenants, err := v.tenantScope()
	if err != nil {
		return nil, err
	}
	own := v.resolveOptions(opts)
	nodes := make([]plan.Node, 0, len(v.sights))
	for _, one := range v.sights {
		node, err := one.g.scope(ctx, v, own)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return plan.NewAnd(plan.NewOr(nodes...), tenants), nil
}

// scope resolves the row rule of g.
func (g *grant) scope(ctx context.Context, v *View, opts *jql.ResolveOptions) (plan.Node, error) {
	if g.rows == nil {
		return plan.All{}, nil
	}
	q := *g.rows
	q.Where = withoutLacking(q.Where, v.who)
	r, err := jql.Resolve(ctx, &q, []*record.Schema{v.full}, opts)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		denied := fmt.Errorf("%w to index %q: %w", ErrDenied, v.full.Index, &Error{Role: g.role, Grant: g.nth, Part: "rows", Err: err})
		if ofIndex(err) {
			denied = unfit{denied}
		}
		return nil, denied
	}
	return r.Plans[0].Where, nil
}

// An unfit is an error that wraps ErrUnfit without saying so.
type unfit struct{ error }

func (e unfit) Unwrap() []error { return []error{e.error, ErrUnfit} }

// ofIndex reports whether one of the complaints about a rule is about the index, and not about its functions.
func ofIndex(err error) bool {
	var complaints jql.ErrorList
	errors.As(err, &complaints)
	for _, c := range complaints {
		switch c.Code {
		case "function_failed", "unknown_function", "argument_count":
		default:
			return true
		}
	}
	return false
}

// The functions of row rules, in lower case.
const (
	fnAttribute  = "attribute"
	fnAttributes = "attributes"
	fnTenant     = "currenttenant"
	fnGroups     = "currentgroups"
	fnUser       = "currentuser"
	fnNobody     = "\x00nobody" // no text can name it
)

// resolveOptions returns opts with the principal in them, and its functions.
func (v *View) resolveOptions(opts *jql.ResolveOptions) *jql.ResolveOptions {
	var own jql.ResolveOptions
	if opts != nil {
		own = *opts
	}
	own.User, own.JiraDates = v.who.User, false
	functions := map[string]jql.Function{}
	for name, fn := range own.Functions {
		switch strings.ToLower(name) {
		case fnAttribute, fnAttributes, fnTenant, fnGroups, fnUser:
		default:
			functions[name] = fn
		}
	}
	texts := func(c *jql.Call, name string) []string {
		switch name {
		case fnTenant:
			return present(v.who.Tenant)
		case fnGroups:
			return present(v.who.Groups...)
		case fnNobody:
			return nil
		}
		return present(v.who.Attributes[c.Args[0]]...)
	}
	add := func(name string, args int, isList bool) {
		functions[name] = jql.Function{MinArgs: args, MaxArgs: args, List: isList, Call: func(_ context.Context, c *jql.Call) (values []record.Value, err error) {
			found := texts(c, name)
			if len(found) > 1 && !isList {
				return nil, fmt.Errorf("there are several values of the attribute %q; use IN attributes(...)", c.Args[0])
			}
			for _, text := range found {
				values = append(values, record.StringValue(text))
			}
			return values, nil
		}}
	}
	add(fnAttribute, 1, false)
	add(fnAttributes, 1, true)
	add(fnTenant, 0, false)
	add(fnGroups, 0, true)
	add(fnNobody, 0, false)
	own.Functions = functions
	return &own
}

// present returns the texts that are values: those that are not empty.
func present(texts ...string) (out []string) {
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// withoutLacking returns x with a clause that nothing matches, not even when it is negated, in
// the place of each one that asks for something the principal lacks.
func withoutLacking(x jql.Expr, who *Principal) jql.Expr {
	switch x := x.(type) {
	case *jql.Not:
		c := *x
		c.X = withoutLacking(x.X, who)
		return &c
	case *jql.Logical:
		c := *x
		c.Clauses = make([]jql.Expr, len(x.Clauses))
		for i := range x.Clauses {
			c.Clauses[i] = withoutLacking(x.Clauses[i], who)
		}
		return &c
	case *jql.Clause:
		lacking := false
		calls(x, func(o *jql.Operand) { lacking = lacking || lacks(o, who) })
		if lacking {
			// = and != of a function without a value both match nothing.
			return &jql.Clause{Span: x.Span, Field: jql.Field{Span: x.Field.Span, Text: "_id", Name: "_id"},
				Op:      jql.Operator{Span: x.Op.Span, Name: "="},
				Operand: jql.Operand{Span: x.Operand.Span, Name: x.Operand.Span, Kind: jql.FunctionOperand, Text: fnNobody, Value: fnNobody}}
		}
	}
	return x
}

// lacks reports whether a call asks for something that who has no value of.
func lacks(o *jql.Operand, who *Principal) bool {
	switch strings.ToLower(o.Value) {
	case fnAttribute, fnAttributes:
		return len(o.Items) == 1 && len(present(who.Attributes[o.Items[0].Value]...)) == 0
	case fnTenant:
		return who.Tenant == ""
	case fnGroups:
		return len(present(who.Groups...)) == 0
	case fnUser:
		return who.User == ""
	}
	return false
}

// calls calls visit for every call of a function in a clause.
func calls(c *jql.Clause, visit func(*jql.Operand)) {
	var operand func(o *jql.Operand)
	operand = func(o *jql.Operand) {
		if o.Kind == jql.FunctionOperand {
			visit(o)
			return
		}
		for i := range o.Items {
			operand(&o.Items[i])
		}
	}
	operand(&c.Operand)
	for i := range c.Predicates {
		operand(&c.Predicates[i].Operand)
	}
}

// checkCalls returns an error if the functions of access are called wrongly.
func checkCalls(x jql.Expr) (err error) {
	switch x := x.(type) {
	case *jql.Not:
		return checkCalls(x.X)
	case *jql.Logical:
		for _, c := range x.Clauses {
			if err == nil {
				err = checkCalls(c)
			}
		}
	case *jql.Clause:
		calls(x, func(o *jql.Operand) {
			want := 0
			switch strings.ToLower(o.Value) {
			case fnAttribute, fnAttributes:
				want = 1
			case fnTenant, fnGroups:
			default:
				return
			}
			if len(o.Items) != want && err == nil {
				err = fmt.Errorf("offset %d: the function %q takes %d arguments, not %d", o.Start, o.Value, want, len(o.Items))
			}
		})
	}
	return err
}

// tenantScope returns the condition of the policy's tenant rule.
func (v *View) tenantScope() (plan.Node, error) {
	rule := v.policy.tenants
	if rule == nil || anyFits(v.policy.except, v.who, v.full.Index) {
		return plan.All{}, nil
	}
	f, err := tenantField(v.full, rule)
	if err != nil {
		return nil, unfit{fmt.Errorf("%w to index %q: %w", ErrDenied, v.full.Index, &Error{Grant: -1, Part: "tenants", Err: err})}
	}
	who := v.who.Tenant
	if who == "" {
		return plan.None{}, nil
	}
	node := plan.NewTerms(f, record.StringValue(who))
	if !rule.Below {
		return node, nil
	}
	if f.FoldCase {
		who = strings.ToLower(who)
	}
	// What begins with "pb." lies between it and "pb/", of which the last sign is the next one.
	below := plan.Range{Field: f, Lower: plan.Bound{Value: record.StringValue(who + "."), Inclusive: true},
		Upper: plan.Bound{Value: record.StringValue(who + "/")}}
	return plan.NewOr(node, below), nil
}

// tenantField returns the field of s that holds the tenant.
func tenantField(s *record.Schema, rule *TenantRule) (*record.Field, error) {
	for _, name := range rule.Fields {
		f := s.Field(name)
		if f == nil {
			if found := s.Lookup(name); len(found) == 1 {
				f = found[0]
			}
		}
		if f == nil {
			continue
		}
		exact := f.Exact()
		if exact == nil || exact.Kind != record.String || !exact.Searchable {
			return nil, fmt.Errorf("the field %q holds no keywords", f.Path)
		}
		return exact, nil
	}
	return nil, errors.New("there is no field that holds the tenant")
}
