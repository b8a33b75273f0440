package esdsl

import (
	"encoding/json"
	"strings"

	"github.com/digit-health/dhr/record"
)

// IDField is the path of the keyword in which an index made by DHR keeps each
// record's own id once more, since clusters commonly do not sort by _id.
const IDField = "dhr_id"

// LowerPath is the path of the keyword in which an index made by DHR keeps the
// values of f in lower case, for a field that folds case.
func LowerPath(f *record.Field) string {
	if f.Source == f.Path {
		return f.Path + ".dhr_lower"
	}
	return f.Source + ".dhr_lower_" + strings.TrimPrefix(f.Path, f.Source+".")
}

// facts are what a mapping says of a field beyond what record.Field says.
type facts struct {
	kind      string // the type
	folding   folding
	docValues bool
	searched  bool
	standard  bool // words are those of the standard analyzer
	positions bool // phrases can be found, each in one value
}

// flat reports whether the field holds keys that are not declared, as either product calls it.
func (f *facts) flat() bool { return f.kind == "flattened" || f.kind == "flat_object" }

// A folding is what a keyword's normalizer does.
type folding uint8

const (
	asIs    folding = iota
	lowered         // lower case, nothing else
	altered         // anything else
)

// A definition is the part of an index definition that matters here.
type definition struct {
	Settings map[string]json.RawMessage `json:"settings"`
	Mappings mappedField                `json:"mappings"`
}

type mappedField struct {
	Type           string                  `json:"type"`
	Properties     map[string]*mappedField `json:"properties"`
	Runtime        map[string]any          `json:"runtime"` // of the mapping itself only
	Fields         map[string]*mappedField `json:"fields"`
	Index          flag                    `json:"index"`
	DocValues      flag                    `json:"doc_values"`
	Normalizer     string                  `json:"normalizer"`
	Analyzer       string                  `json:"analyzer"`
	IndexOptions   string                  `json:"index_options"`
	PositionsApart json.Number             `json:"position_increment_gap"`
}

// A flag is a boolean, or one written as a string, or absent.
type flag struct{ yes, no bool }

func (f *flag) UnmarshalJSON(b []byte) error {
	word := strings.Trim(string(b), `"`)
	f.yes, f.no = word == "true", word == "false"
	return nil
}

// readFacts reads an index definition.
func readFacts(text []byte) (map[string]*facts, error) {
	var d definition
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	r := factReader{fields: map[string]*facts{}, analysis: analysis(d.Settings)}
	r.properties("", d.Mappings.Properties)
	for path := range d.Mappings.Runtime { // its script counts, not what documents say
		delete(r.fields, path)
	}
	return r.fields, nil
}

type factReader struct {
	fields   map[string]*facts
	analysis map[string]any // by names such as normalizer.lower.filter
}

func (r *factReader) properties(prefix string, fields map[string]*mappedField) {
	for name, m := range fields {
		path := prefix + name
		r.fields[path] = r.facts(m)
		r.properties(path+".", m.Properties)
		r.properties(path+".", m.Fields)
	}
}

func (r *factReader) facts(m *mappedField) *facts {
	return &facts{
		kind:      m.Type,
		folding:   r.folding(m.Normalizer),
		docValues: !m.DocValues.no && (m.Type != "wildcard" || m.DocValues.yes), // OpenSearch has none there
		searched:  !m.Index.no,
		standard:  r.standard(m.Analyzer),
		positions: m.PositionsApart != "0" && (m.IndexOptions == "" || m.IndexOptions == "positions" || m.IndexOptions == "offsets"),
	}
}

// folding finds out what the normalizer with a name does.
func (r *factReader) folding(name string) folding {
	if name == "" {
		return asIs
	}
	found, lower := false, true
	for key, value := range r.analysis {
		rest, ok := strings.CutPrefix(key, "normalizer."+name+".")
		if !ok {
			continue
		}
		found = true
		if rest == "type" {
			continue
		}
		names, ok := value.([]any)
		if one, is := value.(string); is {
			names, ok = []any{one}, true
		}
		lower = lower && ok && (rest == "filter" && len(names) == 1 && names[0] == "lowercase" || rest == "char_filter" && len(names) == 0)
	}
	switch {
	case found && lower && r.analysis["normalizer."+name+".filter"] == nil:
		return asIs
	case found && lower, !found && name == "lowercase":
		return lowered
	}
	return altered
}

// standard reports whether the analyzer with a name, or that of the index for
// an empty one, gives the terms of package analyzer.
func (r *factReader) standard(name string) bool {
	if name == "" {
		name = "default"
	}
	found := false
	for key, value := range r.analysis {
		if rest, ok := strings.CutPrefix(key, "analyzer."+name+"."); ok {
			found = true
			if rest != "type" || value != "standard" {
				return false
			}
		}
	}
	return found || name == "default" || name == "standard"
}

// analysis returns the settings below analysis, flat, whichever way they are written.
func analysis(settings map[string]json.RawMessage) map[string]any {
	flat := map[string]any{}
	for key, raw := range settings {
		var value any
		if json.Unmarshal(raw, &value) == nil {
			flatten(flat, key, value)
		}
	}
	out := map[string]any{}
	for key, value := range flat {
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(key, "index."), "analysis."); ok {
			out[rest] = value
		}
	}
	return out
}

func flatten(into map[string]any, key string, value any) {
	if object, ok := value.(map[string]any); ok {
		for k, v := range object {
			flatten(into, key+"."+k, v)
		}
		return
	}
	into[key] = value
}

// of returns the facts of f. A key in a flattened field has those of its field.
func (c *Compiler) of(f *record.Field) *facts {
	if known := c.fields[f.Path]; known != nil {
		return known
	}
	for i := strings.LastIndexByte(f.Path, '.'); i > 0; i = strings.LastIndexByte(f.Path[:i], '.') {
		if known := c.fields[f.Path[:i]]; known != nil {
			if known.flat() {
				return known
			}
			break
		}
	}
	return nil
}

// folded returns the path of a field that holds the values of f in lower case.
func (c *Compiler) folded(f *record.Field) (path string, ok bool) {
	known := c.of(f)
	if known == nil {
		return "", false
	}
	if known.folding == lowered {
		return f.Path, true
	}
	path = LowerPath(f)
	lower := c.fields[path]
	return path, known.folding == asIs && lower != nil && lower.folding == lowered
}
