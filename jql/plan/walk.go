package plan

import (
	"slices"

	"github.com/digit-health/dhr/record"
)

// Walk calls visit with n and then, as long as visit returns true, with every
// node below it, each before its children and from left to right.
func Walk(n Node, visit func(Node) bool) {
	if !visit(n) {
		return
	}
	switch n := n.(type) {
	case And:
		for _, c := range n {
			Walk(c, visit)
		}
	case Or:
		for _, c := range n {
			Walk(c, visit)
		}
	case Not:
		Walk(n.Node, visit)
	}
}

// Fields returns the fields whose values decide whether a record matches p
// and where it stands in p's order, each once, in the order of their first use.
// For the history nodes this is the nested field that holds the entries, and
// for Was the field's present values besides. A record's own _id and _index
// are not among them: every record has those.
func Fields(p *Plan) []*record.Field {
	var fields []*record.Field
	seen := make(map[string]bool, 8)
	add := func(f *record.Field) {
		if f == nil || f.Path == "_id" || f.Path == "_index" || seen[f.Path] {
			return
		}
		seen[f.Path] = true
		fields = append(fields, f)
	}
	history := func(h *record.History) {
		if h != nil && p.Schema != nil {
			add(p.Schema.Field(h.Path))
		}
	}
	Walk(p.Where, func(n Node) bool {
		switch n := n.(type) {
		case Exists:
			add(n.Field)
		case Missing:
			add(n.Field)
		case Terms:
			add(n.Field)
		case Range:
			add(n.Field)
		case Match:
			add(n.Field)
		case Was:
			add(n.Field)
			history(n.History)
		case Changed:
			history(n.History)
		}
		return true
	})
	for _, s := range p.Order {
		add(s.Field)
	}
	return fields
}

// HistoryNames returns the names by which an entry of a history may say that
// it is of f, a field of s, each once: its path and its aliases, and if it is a
// sub-field, the path and the aliases of the field whose value it holds.
func HistoryNames(s *record.Schema, f *record.Field) []string {
	names := append([]string{f.Path}, f.Aliases...)
	if f.Source != "" && f.Source != f.Path {
		names = append(names, f.Source)
		if source := s.Field(f.Source); source != nil {
			names = append(names, source.Aliases...)
		}
	}
	once := names[:0]
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}
