package jql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/digit-health/dhr/record"
)

// specPlan is what a query of the syntax means. Such queries speak of fields
// and functions that are called a, b or f; here they all exist. Each field is
// an ordered keyword with a history and a text sub-field, and each function
// returns its arguments, as a list where a list must stand.
func specPlan(c *specCase) string {
	q, err := c.parse()
	if err != nil {
		return "no query\n"
	}
	names := &specNames{paths: []string{}, aliases: map[string]string{}, functions: map[string]Function{}}
	names.expr(q.Where)
	for _, k := range q.Order {
		names.field(k.Field.Name)
	}
	schema, err := record.ParseSchema("any", names.mapping())
	if err != nil {
		return "no schema: " + err.Error() + "\n"
	}
	resolution, err := Resolve(context.Background(), q, []*record.Schema{schema}, &ResolveOptions{Now: specNow, Functions: names.functions})
	var list ErrorList
	if errors.As(err, &list) {
		return "refused: " + list.Error() + "\n"
	}
	return resolution.Plans[0].String() + "\n"
}

// specNow is when the queries of the syntax are asked.
var specNow = time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC)

// specNames are the names that a query uses.
type specNames struct {
	paths     []string
	aliases   map[string]string // name to path
	functions map[string]Function
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

func (n *specNames) field(name string) {
	if n.aliases[name] != "" {
		return
	}
	path := strings.ToLower(name)
	if !plainName.MatchString(name) {
		path = fmt.Sprintf("field_%d", len(n.aliases)+1)
	}
	n.aliases[name] = path
	n.paths = append(n.paths, path)
}

func (n *specNames) expr(x Expr) {
	switch x := x.(type) {
	case *Not:
		n.expr(x.X)
	case *Logical:
		for _, c := range x.Clauses {
			n.expr(c)
		}
	case *Clause:
		n.field(x.Field.Name)
		n.operand(x.Operand, strings.HasSuffix(x.Op.Name, "in"))
		for _, p := range x.Predicates {
			n.operand(p.Operand, false)
		}
	}
}

func (n *specNames) operand(o Operand, list bool) {
	if o.Kind == FunctionOperand {
		if _, ok := builtins[strings.ToLower(o.Value)]; !ok {
			n.functions[o.Value] = Function{MaxArgs: -1, List: list, Call: echo(list)}
		}
		return
	}
	for _, item := range o.Items {
		n.operand(item, false)
	}
}

// echo returns a function that returns its arguments.
func echo(list bool) func(context.Context, *Call) ([]record.Value, error) {
	return func(_ context.Context, c *Call) ([]record.Value, error) {
		if !list {
			return []record.Value{record.StringValue(strings.Join(c.Args, ","))}, nil
		}
		var values []record.Value
		for _, a := range c.Args {
			values = append(values, record.StringValue(a))
		}
		return values, nil
	}
}

func (n *specNames) mapping() []byte {
	properties := map[string]any{"log": json.RawMessage(`{"type": "nested", "properties": {"field": {"type": "keyword"},
		"from": {"type": "keyword"}, "to": {"type": "keyword"}, "at": {"type": "date"}, "author": {"type": "keyword"}}}`)}
	aliases := map[string]string{}
	for name, path := range n.aliases {
		properties[path] = json.RawMessage(`{"type": "keyword", "fields": {"words": {"type": "text"}}}`)
		if !strings.EqualFold(name, path) {
			aliases[name] = path
		}
	}
	text, err := json.Marshal(map[string]any{
		"_meta": map[string]any{"dhr": map[string]any{
			"aliases": aliases, "ordered": n.paths, "history": map[string]any{"path": "log", "fields": n.paths},
		}},
		"properties": properties,
	})
	if err != nil {
		panic(err) // maps of strings
	}
	return text
}
