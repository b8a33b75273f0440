package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/digit-health/dhr/jql"
)

// The types of this file have the shape and the names of Jira's POST jql/parse.

// ParsedQueries are queries as trees.
type ParsedQueries struct {
	Queries []ParsedQuery `json:"queries" nullable:"false"`
}

// A ParsedQuery is one of them: a tree, or why there is none.
type ParsedQuery struct {
	Query     string     `json:"query"`
	Structure *Structure `json:"structure,omitempty"`
	Errors    []Detail   `json:"errors,omitempty"`
}

// A Structure is the tree of a query.
type Structure struct {
	Where   *Condition `json:"where,omitempty"`
	OrderBy *OrderBy   `json:"orderBy,omitempty"`
}

// A Condition is a clause, or conditions joined by and, by or, or turned around by not.
type Condition struct {
	Clauses    []*Condition     `json:"clauses,omitempty"`
	Field      *ParsedField     `json:"field,omitempty"`
	Operator   string           `json:"operator"`
	Operand    *ParsedOperand   `json:"operand,omitempty"`
	Predicates []ParsedOperator `json:"predicates,omitempty"`
}

// A ParsedField is the name of a field.
type ParsedField struct {
	Name        string           `json:"name"`
	EncodedName string           `json:"encodedName" doc:"As a query writes it."`
	Property    []ParsedProperty `json:"property,omitempty"`
}

// A ParsedProperty is an entity property, as in issue.property[key].path.
type ParsedProperty struct {
	Entity string `json:"entity"`
	Key    string `json:"key"`
	Path   string `json:"path"`
}

// A ParsedOperator is a predicate of WAS and CHANGED.
type ParsedOperator struct {
	Operator string         `json:"operator"`
	Operand  *ParsedOperand `json:"operand"`
}

// A ParsedOperand is what a field is compared with: a value, a list, a function or a keyword.
type ParsedOperand struct {
	Value          *string          `json:"value,omitempty"`
	EncodedValue   string           `json:"encodedValue,omitempty"`
	Values         []*ParsedOperand `json:"values,omitempty"`
	Function       string           `json:"function,omitempty"`
	Arguments      *[]string        `json:"arguments,omitempty"`
	Keyword        string           `json:"keyword,omitempty" enum:"empty"`
	EncodedOperand string           `json:"encodedOperand,omitempty"`
}

// OrderBy is the order of a query.
type OrderBy struct {
	Fields []OrderField `json:"fields" nullable:"false"`
}

// An OrderField is one key of the order.
type OrderField struct {
	Field     *ParsedField `json:"field"`
	Direction string       `json:"direction,omitempty" enum:"asc,desc"`
}

type parseRequest struct {
	Body struct {
		Queries []string `json:"queries" maxItems:"100" nullable:"false"`
		Dialect string   `json:"dialect,omitempty" enum:"dhr,jira" default:"dhr"`
	}
}

func (a *handler) parse(ctx context.Context, in *parseRequest) (*answer[ParsedQueries], error) {
	if len(in.Body.Queries) == 0 {
		return &answer[ParsedQueries]{ParsedQueries{Queries: []ParsedQuery{}}}, nil
	}
	out := ParsedQueries{Queries: make([]ParsedQuery, len(in.Body.Queries))}
	for i, text := range in.Body.Queries {
		out.Queries[i].Query = text
		q, err := jql.Parse(text, &jql.ParseOptions{Jira: in.Body.Dialect == "jira"})
		if err != nil {
			var list jql.ErrorList
			if !errors.As(err, &list) {
				return nil, a.problem(ctx, err)
			}
			out.Queries[i].Errors = details(list)
			continue
		}
		if deep(q.Where) > deepest {
			return nil, byStatus[http.StatusUnprocessableEntity].problem(ctx, "a query nests too deep to be written as a tree")
		}
		out.Queries[i].Structure = structureOf(q)
	}
	return &answer[ParsedQueries]{out}, nil
}

// deepest is how deep a tree may nest, which parsers of JSON still read.
const deepest = 256

func deep(x jql.Expr) int {
	switch x := x.(type) {
	case *jql.Not:
		return 1 + deep(x.X)
	case *jql.Logical:
		most := 0
		for _, c := range x.Clauses {
			most = max(most, deep(c))
		}
		return 1 + most
	}
	return 1
}

func structureOf(q *jql.Query) *Structure {
	s := &Structure{}
	if q.Where != nil {
		s.Where = conditionOf(q.Where)
	}
	for i := range q.Order {
		if s.OrderBy == nil {
			s.OrderBy = &OrderBy{}
		}
		k := &q.Order[i]
		s.OrderBy.Fields = append(s.OrderBy.Fields, OrderField{fieldOf(&k.Field), strings.ToLower(k.Direction)})
	}
	return s
}

func conditionOf(x jql.Expr) *Condition {
	switch x := x.(type) {
	case *jql.Not:
		return &Condition{Operator: "not", Clauses: []*Condition{conditionOf(x.X)}}
	case *jql.Logical:
		c := &Condition{Operator: x.Op}
		for _, inner := range x.Clauses {
			c.Clauses = append(c.Clauses, conditionOf(inner))
		}
		return c
	case *jql.Clause:
		c := &Condition{Field: fieldOf(&x.Field), Operator: x.Op.Name, Operand: operandOf(&x.Operand)}
		for i := range x.Predicates {
			p := &x.Predicates[i]
			c.Predicates = append(c.Predicates, ParsedOperator{p.Op.Name, operandOf(&p.Operand)})
		}
		return c
	}
	return nil
}

func fieldOf(f *jql.Field) *ParsedField {
	out := &ParsedField{Name: f.Name, EncodedName: f.String()}
	for _, p := range f.Properties {
		var path []string
		for _, o := range p.Path {
			path = append(path, o.Value)
		}
		entity, _, _ := strings.Cut(f.Name, ".")
		out.Property = append(out.Property, ParsedProperty{entity, p.Key.Value, strings.TrimPrefix(strings.Join(path, ""), ".")})
	}
	return out
}

func operandOf(o *jql.Operand) *ParsedOperand {
	encoded := o.String()
	switch o.Kind {
	case jql.StringOperand, jql.NumberOperand:
		return &ParsedOperand{Value: &o.Value, EncodedValue: encoded}
	case jql.EmptyOperand:
		return &ParsedOperand{Keyword: "empty", EncodedOperand: encoded}
	case jql.FunctionOperand:
		arguments := []string{}
		for _, a := range o.Items {
			arguments = append(arguments, a.Value)
		}
		return &ParsedOperand{Function: o.Value, Arguments: &arguments, EncodedOperand: encoded}
	case jql.ListOperand:
		out := &ParsedOperand{EncodedOperand: encoded}
		for i := range o.Items {
			out.Values = append(out.Values, operandOf(&o.Items[i]))
		}
		return out
	}
	return nil
}
