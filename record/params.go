package record

import (
	"math"
	"strconv"
	"strings"
)

// kinds are the types of Elasticsearch that DHR knows.
var kinds = map[string]Kind{
	"keyword": String, "constant_keyword": String, "wildcard": String,
	"text": Text, "match_only_text": Text,
	"byte": Int, "short": Int, "integer": Int, "long": Int, "unsigned_long": Uint,
	"half_float": Float, "float": Float, "double": Float, "scaled_float": Float,
	"boolean": Bool, "date": Time, "date_nanos": Time,
	"ip": IP, "version": Version, "geo_point": JSON,
	"object": Object, "nested": Nested,
	"flattened": Flattened, "flat_object": Flattened,
}

// rootSettings are settings of a whole mapping that change nothing for DHR.
var rootSettings = set("_source", "_routing", "_field_names", "_size", "_data_stream_timestamp", "date_detection",
	"numeric_detection", "dynamic_date_formats", "dynamic_templates", "enabled")

// settings are settings of a field that change nothing for DHR.
var settings = set("type", "path", "doc_values", "store", "norms", "index_options", "index_prefixes", "index_phrases", "similarity",
	"boost", "eager_global_ordinals", "fielddata", "fielddata_frequency_filter", "term_vector", "search_analyzer",
	"search_quote_analyzer", "position_increment_gap", "split_queries_on_whitespace", "meta", "include_in_parent",
	"include_in_root", "include_in_all", "depth_limit", "ignore_z_value", "time_series_dimension",
	"time_series_metric", "synthetic_source_keep", "on_script_error")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// params reads the settings of f, whose type is known already.
func (r *mappingReader) params(n *node, f *Field) *SchemaError {
	for _, p := range n.members {
		if err := r.param(p, f); err != nil {
			return err
		}
	}
	if err := r.children(n, f); err != nil {
		return err
	}
	if f.Type == "scaled_float" && f.Scale == 0 {
		return n.err("a scaled_float without a scaling_factor")
	}
	if f.Kind == Time {
		r.compileFormats(n, f)
		f.own.want = wantDate(f.Formats)
	}
	return r.literals(n, f)
}

// children reads the fields and sub-fields of f.
func (r *mappingReader) children(n *node, f *Field) (err *SchemaError) {
	if p := n.get("properties"); p != nil {
		if f.Kind != Object && f.Kind != Nested {
			r.unknown(p)
		} else if f.Fields, err = r.properties(p, f); err != nil {
			return err
		}
	}
	p := n.get("fields")
	if p == nil {
		return nil
	}
	if f.Kind == Object || f.Kind == Nested || f.parentIsLeaf() {
		r.unknown(p)
		return nil
	}
	if err := p.mustObject(); err != nil {
		return err
	}
	for _, m := range p.members {
		sub, err := r.property(m, f)
		if err != nil {
			return err
		}
		if sub == nil {
			return m.err("an alias cannot be a sub-field")
		}
		sub.Source = f.Source
		f.Subs = append(f.Subs, sub)
	}
	return nil
}

// parentIsLeaf reports whether f is itself a sub-field.
func (f *Field) parentIsLeaf() bool {
	return f.parent != nil && f.parent.Kind != Object && f.parent.Kind != Nested
}

// param reads one setting of f.
func (r *mappingReader) param(p *node, f *Field) (err *SchemaError) {
	switch p.key {
	case "properties", "fields", "null_value", "value":
	case "index":
		f.Searchable, err = also(p, f.Searchable)
	case "enabled":
		f.Searchable, err = also(p, f.Searchable)
		f.own.opaque = !f.Searchable
	case "dynamic":
		f.Dynamic = r.dynamic(p)
	case "subobjects":
		f.own.flat = r.subobjects(p)
	case "ignore_malformed":
		f.own.malformed, err = p.mustBool()
	case "coerce":
		var yes bool
		yes, err = p.mustBool()
		f.own.noCoerce = !yes
	case "ignore_above":
		f.IgnoreAbove, err = p.mustCount()
	case "scaling_factor":
		f.Scale, err = p.mustFactor()
	case "analyzer":
		f.Analyzer, err = p.mustString()
	case "normalizer":
		err = r.normalizer(p, f)
	case "format":
		err = r.format(p, f)
	default:
		if !settings[p.key] {
			r.unknown(p)
		}
	}
	return err
}

func also(p *node, before bool) (bool, *SchemaError) {
	yes, err := p.mustBool()
	return yes && before, err
}

// dynamic returns the setting as a word.
func (r *mappingReader) dynamic(p *node) string {
	word := p.text()
	switch word {
	case "true", "false", "strict", "runtime", "strict_allow_templates", "false_allow_templates":
	default:
		r.unknown(p)
	}
	return word
}

// mustCount returns n as a whole number from 0 on.
func (n *node) mustCount() (int, *SchemaError) {
	i, err := strconv.ParseInt(strings.Trim(string(n.raw), `"`), 10, 32)
	if err != nil || i < 0 {
		return 0, n.err("found " + n.found() + " where a whole number is expected")
	}
	return int(i), nil
}

// mustFactor returns n as a positive number.
func (n *node) mustFactor() (float64, *SchemaError) {
	f, want := parseFloat(strings.Trim(string(n.raw), `"`), 64)
	if want != "" || f <= 0 || math.IsInf(f, 0) {
		return 0, n.err("found " + n.found() + " where a number above 0 is expected")
	}
	return f, nil
}

// normalizer finds out whether the normalizer of f folds case. What else it
// may do is reported.
func (r *mappingReader) normalizer(p *node, f *Field) *SchemaError {
	name, err := p.mustString()
	if err != nil {
		return err
	}
	var own *node
	if r.normalizers != nil {
		own = r.normalizers.get(name)
	}
	if own == nil {
		f.FoldCase = name == "lowercase"
		if !f.FoldCase {
			r.unknown(p)
		}
		return nil
	}
	other := false
	for _, m := range own.members {
		switch m.key {
		case "type":
		case "filter":
			filters, err := m.mustList()
			if err != nil {
				return err
			}
			for _, name := range filters {
				lower := name.text() == "lowercase"
				f.FoldCase, other = f.FoldCase || lower, other || !lower
			}
		default:
			other = other || !m.list || len(m.items) > 0
		}
	}
	if other {
		r.unknown(p)
	}
	return nil
}

// format reads the date formats of f.
func (r *mappingReader) format(p *node, f *Field) *SchemaError {
	text, err := p.mustString()
	if err != nil {
		return err
	}
	if f.Type != "date" && f.Type != "date_nanos" {
		r.unknown(p)
		return nil
	}
	f.Formats = strings.Split(text, "||")
	return nil
}

// compileFormats makes the formats of f ready for use. Those that DHR does not
// know are reported; a date without any other cannot be read.
func (r *mappingReader) compileFormats(n *node, f *Field) {
	f.own.dateOnly = true
	for _, name := range f.Formats {
		d, ok := compileFormat(name)
		if !ok {
			r.unknown(n.get("format"))
			continue
		}
		f.own.formats = append(f.own.formats, d)
		f.own.dateOnly = f.own.dateOnly && d.dateOnly
	}
	if len(f.own.formats) == 0 {
		f.Kind, f.Searchable, f.own.dateOnly = Unknown, false, false
	}
}

// literals reads the values that the mapping itself gives to f, once
// everything else about f is known.
func (r *mappingReader) literals(n *node, f *Field) *SchemaError {
	for _, p := range n.members {
		into := &f.own.null
		switch {
		case p.key == "value" && f.Type == "constant_keyword":
			into = &f.own.constant
		case p.key == "value":
			r.unknown(p)
			continue
		case p.key != "null_value" || p.kind() == 'n':
			continue
		}
		if f.Kind == Unknown || f.Kind == JSON || f.Kind == Object || f.Kind == Nested {
			r.unknown(p)
			continue
		}
		text := p.text()
		v, want := f.parse(text, true)
		if want != "" {
			return p.err(notA(text, want))
		}
		*into = v
	}
	return nil
}
