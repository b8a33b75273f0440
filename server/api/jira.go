package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/digit-health/dhr/jql"
)

// The types of this file have the shape and the names of Jira's POST jql/parse.

// parsedQueries are queries as trees.
type parsedQueries struct {
	Queries []parsedQuery `json:"queries" nullable:"false"`
}

// A parsedQuery is one of them: a tree, or why there is none.
type parsedQuery struct {
	Query     string     `json:"query"`
	Structure *structure `json:"structure,omitempty"`
	Errors    []Detail   `json:"errors,omitempty"`
}

// A structure is the tree of a query.
type structure struct {
	Where   *condition `json:"where,omitempty"`
	OrderBy *orderBy   `json:"orderBy,omitempty"`
}

// A condition is a clause, or conditions joined by and, by or, or turned around by not.
type condition struct {
	Clauses    []*condition     `json:"clauses,omitempty"`
	Field      *parsedField     `json:"field,omitempty"`
	Operator   string           `json:"operator"`
	Operand    *parsedOperand   `json:"operand,omitempty"`
	Predicates []parsedOperator `json:"predicates,omitempty"`
}

// A parsedField is the name of a field.
type parsedField struct {
	Name        string           `json:"name"`
	EncodedName string           `json:"encodedName" doc:"As a query writes it."`
	Property    []parsedProperty `json:"property,omitempty"`
}

// A parsedProperty is an entity property, as in issue.property[key].path.
type parsedProperty struct {
	Entity string `json:"entity"`
	Key    string `json:"key"`
	Path   string `json:"path"`
}

// A parsedOperator is a predicate of WAS and CHANGED.
type parsedOperator struct {
	Operator string         `json:"operator"`
	Operand  *parsedOperand `json:"operand"`
}

// A parsedOperand is what a field is compared with: a value, a list, a function or a keyword.
type parsedOperand struct {
	Value          *string          `json:"value,omitempty"`
	EncodedValue   string           `json:"encodedValue,omitempty"`
	Values         []*parsedOperand `json:"values,omitempty"`
	Function       string           `json:"function,omitempty"`
	Arguments      *[]string        `json:"arguments,omitempty"`
	Keyword        string           `json:"keyword,omitempty" enum:"empty"`
	EncodedOperand string           `json:"encodedOperand,omitempty"`
}

// orderBy is the order of a query.
type orderBy struct {
	Fields []orderField `json:"fields" nullable:"false"`
}

// An orderField is one key of the order.
type orderField struct {
	Field     *parsedField `json:"field"`
	Direction string       `json:"direction,omitempty" enum:"asc,desc"`
}

type parseRequest struct {
	Body struct {
		Queries []string `json:"queries" maxItems:"100" nullable:"false"`
		Dialect string   `json:"dialect,omitempty" enum:"dhr,jira"`
	}
}

func (a *handler) parse(ctx context.Context, in *parseRequest) (*answer[parsedQueries], error) {
	if len(in.Body.Queries) == 0 {
		return &answer[parsedQueries]{parsedQueries{Queries: []parsedQuery{}}}, nil
	}
	out := parsedQueries{Queries: make([]parsedQuery, len(in.Body.Queries))}
	var opts *jql.ParseOptions
	if in.Body.Dialect != "" {
		opts = &jql.ParseOptions{Jira: in.Body.Dialect == "jira"}
	}
	for i, text := range in.Body.Queries {
		out.Queries[i].Query = text
		q, err := a.service.Parse(text, opts)
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
	return &answer[parsedQueries]{out}, nil
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

func structureOf(q *jql.Query) *structure {
	s := &structure{}
	if q.Where != nil {
		s.Where = conditionOf(q.Where)
	}
	for i := range q.Order {
		if s.OrderBy == nil {
			s.OrderBy = &orderBy{}
		}
		k := &q.Order[i]
		s.OrderBy.Fields = append(s.OrderBy.Fields, orderField{fieldOf(&k.Field), strings.ToLower(k.Direction)})
	}
	return s
}

func conditionOf(x jql.Expr) *condition {
	switch x := x.(type) {
	case *jql.Not:
		return &condition{Operator: "not", Clauses: []*condition{conditionOf(x.X)}}
	case *jql.Logical:
		c := &condition{Operator: x.Op}
		for _, inner := range x.Clauses {
			c.Clauses = append(c.Clauses, conditionOf(inner))
		}
		return c
	case *jql.Clause:
		c := &condition{Field: fieldOf(&x.Field), Operator: x.Op.Name, Operand: operandOf(&x.Operand)}
		for i := range x.Predicates {
			p := &x.Predicates[i]
			c.Predicates = append(c.Predicates, parsedOperator{p.Op.Name, operandOf(&p.Operand)})
		}
		return c
	}
	return nil
}

func fieldOf(f *jql.Field) *parsedField {
	out := &parsedField{Name: f.Name, EncodedName: f.String()}
	for _, p := range f.Properties {
		var path []string
		for _, o := range p.Path {
			path = append(path, o.Value)
		}
		entity, _, _ := strings.Cut(f.Name, ".")
		out.Property = append(out.Property, parsedProperty{entity, p.Key.Value, strings.TrimPrefix(strings.Join(path, ""), ".")})
	}
	return out
}

func operandOf(o *jql.Operand) *parsedOperand {
	encoded := o.String()
	switch o.Kind {
	case jql.StringOperand, jql.NumberOperand:
		return &parsedOperand{Value: &o.Value, EncodedValue: encoded}
	case jql.EmptyOperand:
		return &parsedOperand{Keyword: "empty", EncodedOperand: encoded}
	case jql.FunctionOperand:
		arguments := []string{}
		for _, a := range o.Items {
			arguments = append(arguments, a.Value)
		}
		return &parsedOperand{Function: o.Value, Arguments: &arguments, EncodedOperand: encoded}
	case jql.ListOperand:
		out := &parsedOperand{EncodedOperand: encoded}
		for i := range o.Items {
			out.Values = append(out.Values, operandOf(&o.Items[i]))
		}
		return out
	}
	return nil
}
