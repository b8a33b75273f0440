package command

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// compilers show queries in the languages of all engines, whichever the server has.
func compilers() map[string]dhr.Compiler {
	return map[string]dhr.Compiler{
		"elasticsearch": compileBody,
		"sqlite":        compileSQL(sqlgen.SQLite),
		"postgres":      compileSQL(sqlgen.Postgres),
	}
}

// body is a search request of Elasticsearch.
type body struct {
	Query          json.RawMessage `json:"query"`
	Sort           json.RawMessage `json:"sort"`
	Size           int             `json:"size"`
	TrackTotalHits bool            `json:"track_total_hits"`
}

func compileBody(_ context.Context, p *plan.Plan, limit int) (any, error) {
	c, err := esdsl.New(p.Schema, nil)
	if err != nil {
		return nil, err
	}
	query, err := c.Query(p.Where)
	if err != nil {
		return nil, fmt.Errorf("%w, which is answered from the records instead: %w", search.ErrUnsupported, err)
	}
	sort, err := c.Sort(p.Order)
	if err != nil {
		return nil, fmt.Errorf("%w, which is answered from the records instead: %w", search.ErrUnsupported, err)
	}
	return &body{Query: query, Sort: sort, Size: limit, TrackTotalHits: true}, nil
}

// statement is one of SQL, with what stands for its placeholders.
type statement struct {
	SQL  string `json:"sql"`
	Args []any  `json:"args"`
}

func compileSQL(dialect sqlgen.Dialect) dhr.Compiler {
	return func(_ context.Context, p *plan.Plan, limit int) (any, error) {
		queries, err := sqlgen.Select(p, described(dialect, p.Schema), &sqlgen.Selection{List: "m.id", Ordered: true, Limit: limit})
		if err != nil {
			return nil, fmt.Errorf("%w, which is answered from the records instead: %w", search.ErrUnsupported, err)
		}
		all := make([]statement, len(queries)) // one after the other, up to the limit
		for i, q := range queries {
			all[i] = statement{SQL: q.Text, Args: make([]any, len(q.Args))}
			for j, a := range q.Args {
				if b, ok := a.([]byte); ok {
					a = hex.EncodeToString(b)
				}
				all[i].Args[j] = a
			}
		}
		return all, nil
	}
}

// described is how DHR stores an index in a database, with the names of its fields for those of columns
// and every field as one of which some record has several values.
func described(dialect sqlgen.Dialect, s *record.Schema) *sqlgen.Layout {
	values := sqlgen.Quote(s.Index + "_values")
	return &sqlgen.Layout{
		Dialect: dialect, Table: sqlgen.Quote(s.Index), Row: "rid",
		ID: &sqlgen.Column{Value: "m.id", Required: true, Indexed: true},
		Column: func(f *record.Field) *sqlgen.Column {
			if s.Key != nil && f.Path == s.Key.Path {
				return &sqlgen.Column{Value: "m.id", Required: true, Indexed: true}
			}
			c := &sqlgen.Column{Value: "m." + sqlgen.Quote(f.Path), Fold: f.FoldCase}
			if f.Kind != record.Text {
				c.Several = &sqlgen.Side{Table: values, Row: "rid", Value: "value", Only: values + ".field = " + literal(f.Path)}
				return c
			}
			name := sqlgen.Quote(f.Path)
			c.Text = &sqlgen.Text{Table: sqlgen.Quote(s.Index + "_text"), Name: name, Terms: "m." + name, Joined: "m." + sqlgen.Quote(f.Path+"_joined")}
			return c
		},
		Expand: func(_ *record.Field, _ plan.Mode, term string, _ int) ([]string, error) { return []string{term}, nil },
	}
}

// literal returns a string as SQL writes it.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
