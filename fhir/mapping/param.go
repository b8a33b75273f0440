package mapping

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// A param is a search parameter.
type param struct {
	place
	name   string
	typ    string
	fields []paramField
	table  *codeMap
	system string
	is     []code
	isSet  bool
	empty  *code // the code of records without a value
	target string
	date   dateOptions
	source *scalar // the id that it asks for, of _id and patient
	native bool
}

type paramField struct {
	place
	path string
}

var (
	paramKeys  = []string{"type", "field", "map", "system", "is", "default", "target", "from", "zone", "clock"}
	paramTypes = []string{"token", "date", "string", "reference"}
	// Which keys go with which types; type and field go with all.
	paramGoes = map[string]string{"map": "token", "system": "token", "is": "token", "default": "token", "target": "reference", "from": "date", "zone": "date", "clock": "date"}
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// search reads the search parameters, and adds those that need not be declared.
func (r *reader) search(m *Mapping, one map[string]pair) {
	if p, ok := one["search"]; ok {
		for _, s := range r.pairs(p.value, p.key, "names with search parameters") {
			r.param(m, s)
		}
	}
	if m.id != nil {
		m.params["_id"] = &param{place: m.place, name: "_id", typ: "token", source: m.id}
	}
	if m.updated != nil {
		m.params["_lastUpdated"] = &param{place: m.updated.place, name: "_lastUpdated", typ: "date", date: m.updated.date,
			fields: []paramField{{m.updated.place, m.updated.field()}}}
	}
	if m.patient != nil && m.params["patient"] == nil && m.Type != "Patient" {
		m.params["patient"] = &param{place: m.patient.place, name: "patient", typ: "reference", source: m.patient, target: "Patient", native: m.Native}
	}
	for _, name := range sortedNames(m.params) {
		m.Params = append(m.Params, SearchParam{name, m.params[name].typ})
	}
}

func (r *reader) param(m *Mapping, s pair) {
	p := &param{place: r.place(s.value, s.key), name: s.name.Value, native: m.Native}
	p.date.zone = m.zone
	if strings.HasPrefix(p.name, "_") || p.name == "" || strings.ContainsAny(p.name, ":.,&=| ") {
		r.complain(s.name, s.key, "found %q; expected the name of a search parameter that may be declared", p.name)
		return
	}
	one := map[string]pair{}
	for _, k := range r.pairs(s.value, s.key, "type and field") {
		if !slices.Contains(paramKeys, k.name.Value) {
			r.complain(k.name, k.key, "unknown key%s; expected one of %s", didYouMean(fhir.Nearest(k.name.Value, paramKeys)), oneOf(paramKeys))
			continue
		}
		one[k.name.Value] = k
	}
	r.paramType(m, p, s, one)
	for _, name := range sortedNames(one) {
		k := one[name]
		if goes := paramGoes[name]; goes != "" && p.typ != "" && goes != p.typ {
			r.complain(k.name, k.key, "found in a parameter of type %s; expected in one of type %s", p.typ, goes)
			continue
		}
		r.paramKey(p, name, k)
	}
	if (len(p.fields) == 0) == !p.isSet {
		r.complain(s.name, s.key, "expected either field or is")
	}
	if known := fhir.SearchType(m.Type, p.name); p.typ == "reference" && p.target == "" && known != "" && p.name == "patient" {
		p.target = "Patient"
	}
	m.params[p.name] = p
}

func (r *reader) paramType(m *Mapping, p *param, s pair, one map[string]pair) {
	k, ok := one["type"]
	if !ok {
		r.complain(s.name, join(s.key, "type"), "is missing; expected one of %s", oneOf(paramTypes))
		return
	}
	p.typ, ok = r.text(k.value, k.key, oneOf(paramTypes))
	if !ok {
		return
	}
	if !slices.Contains(paramTypes, p.typ) {
		r.complain(k.value, k.key, "found %q; expected one of %s", p.typ, oneOf(paramTypes))
		p.typ = ""
		return
	}
	if known := fhir.SearchType(m.Type, p.name); known != "" && known != p.typ {
		r.complain(k.value, k.key, "found %q; expected %s, which is the type of R4's search parameter %s of %s", p.typ, known, p.name, m.Type)
	}
}

func (r *reader) paramKey(p *param, name string, k pair) {
	switch name {
	case "field":
		r.paramFields(p, k)
	case "map":
		p.table = r.mapOf(k.value, k.key)
	case "system":
		if text, ok := r.text(k.value, k.key, "a code system"); ok {
			p.system = r.system(k.value, k.key, text)
		}
	case "is":
		p.isSet = true
		for _, n := range r.oneOrMore(k.value) {
			if c := r.token(n, k.key); c != nil {
				p.is = append(p.is, *c)
			}
		}
	case "default":
		p.empty = r.token(k.value, k.key)
	case "target":
		text, ok := r.text(k.value, k.key, "a resource type")
		if ok && !slices.Contains(fhir.Types(), text) {
			r.complain(k.value, k.key, "found %q; expected a resource type of R4%s", text, didYouMean(fhir.Nearest(text, fhir.Types())))
		}
		p.target = text
	case "from", "zone", "clock":
		r.dateOption(&p.date, name, k)
	}
}

// token reads system|code, where the system may be a name, or a code alone.
func (r *reader) token(n *yaml.Node, key string) *code {
	text, ok := r.text(n, key, "a code, or system|code")
	if !ok {
		return nil
	}
	c := &code{place: r.place(n, key), code: text}
	if system, rest, ok := strings.Cut(text, "|"); ok {
		c.system, c.code = r.system(n, key, system), rest
	}
	if expected := fhir.CheckPrimitive("code", c.code); expected != "" {
		r.complain(n, key, "found %q; expected %s", c.code, expected)
	}
	return c
}

// oneOrMore returns the items of a list, or the one node that is none.
func (r *reader) oneOrMore(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

func (r *reader) paramFields(p *param, k pair) {
	for _, n := range r.oneOrMore(k.value) {
		path, ok := r.text(n, k.key, "the path of a field")
		if !ok {
			continue
		}
		if strings.ContainsAny(path, "{}|?[]*") {
			r.complain(n, k.key, "found %q; expected the path of a field, without braces", path)
			continue
		}
		p.fields = append(p.fields, paramField{r.place(n, k.key), path})
	}
}

// param checks the fields of a search parameter.
func (b *binder) param(p *param) {
	for _, pf := range p.fields {
		f := b.field(pf.path, pf.place, false)
		if f == nil {
			continue
		}
		numeric := f.Kind == record.Int || f.Kind == record.Uint || f.Kind == record.Float
		switch {
		case f.Kind == record.Object || f.Kind == record.Nested || f.Kind == record.Flattened || f.Kind == record.Unknown || f.Kind == record.JSON || !searchable(f):
			b.complain(pf.place, "found %q, a field of type %s that cannot be searched for values", f.Path, f.Type)
		case p.typ == "date" && f.Kind != record.Time && (!numeric || p.date.from == ""):
			b.complain(pf.place, "found %q, a field of type %s; expected dates, or numbers with from: epoch_millis or epoch_seconds", f.Path, f.Type)
		case p.typ == "date" && f.Kind == record.Time && p.date.from != "":
			b.complain(pf.place, "found %q, a field of dates, which needs no from", f.Path)
		case (p.typ == "token" || p.typ == "reference") && f.Exact() == nil:
			b.complain(pf.place, "found %q, a text without a field of whole values; expected one whose whole values are searched", f.Path)
		}
	}
}

func searchable(f *record.Field) bool {
	return f.Searchable || f.Exact() != nil || f.FullText() != nil
}
