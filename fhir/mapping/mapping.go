package mapping

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/jql"
)

// A Set is the mappings of one or several files. It never changes and is safe for concurrent use.
type Set struct {
	mappings []*Mapping
}

// Mappings returns the mappings in the order of their files. The caller must not change the slice.
func (s *Set) Mappings() []*Mapping { return s.mappings }

// Join returns the mappings of all the sets, in their order. Two with one name are an [Errors].
func Join(sets ...*Set) (*Set, error) {
	all := &Set{}
	var wrong Errors
	byName := map[string]*Mapping{}
	for _, s := range sets {
		for _, m := range s.mappings {
			if other := byName[m.Name]; other != nil {
				wrong = append(wrong, m.place.complain("the name stands for another mapping in %s, line %d; expected one that is unique", other.place.file, other.place.line))
				continue
			}
			byName[m.Name] = m
			all.mappings = append(all.mappings, m)
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return all, nil
}

// A Mapping says how the records of an index become resources of one type. It never changes and is safe for concurrent use.
type Mapping struct {
	// Name is unique in a Set.
	Name string
	// Index is the name of the index, alias or data stream, as the file has it.
	Index string
	// Type is the resource type.
	Type string
	// Native says that the documents of the index are the resources: they are scanned with their source.
	Native bool
	// Where and Deleted are JQL conditions, or empty: which records become this resource, and which of these are deleted ones.
	Where, Deleted string
	// LastUpdated is the path of the field of meta.lastUpdated, or empty.
	LastUpdated string
	// Patient is the template of the id of the Patient in whose compartment the resource is, or empty if it is in none.
	Patient string
	// Params are the search parameters in the order of their names, _id among them, and _lastUpdated where there is a LastUpdated.
	Params []SearchParam

	bases   []string // of URLs, without / at their ends
	place   place
	zone    *zone
	root    *object // nil if native
	id      *scalar
	patient *scalar // nil without
	updated *scalar // nil without
	params  map[string]*param
	where   place
	deleted place
}

// At returns the mapping for resources that refer to each other also by URLs, which begin with one of some bases such as
// https://dhr.example.org/fhir/r4. It is about native mappings: the references of others are relative.
func (m *Mapping) At(bases ...string) *Mapping {
	at := *m
	at.bases = nil
	for _, base := range bases {
		if base = strings.TrimRight(base, "/"); base != "" && !slices.Contains(at.bases, base) {
			at.bases = append(at.bases, base)
		}
	}
	return &at
}

// A SearchParam is a search parameter that a mapping understands.
type SearchParam struct {
	Name string
	// Type is token, date, string or reference.
	Type string
}

// Parse reads a mapping file; name is what its errors call it. The error is an [Errors] with all mistakes of the file.
func Parse(name string, text []byte) (*Set, error) {
	r := &reader{file: name, systems: map[string]string{}, codes: map[string]*codeMap{}}
	set := &Set{}
	if root := r.document(text); root != nil {
		r.read(root, set)
	}
	if err := r.errors.err(); err != nil {
		return nil, err
	}
	return set, nil
}

var fileKeys = []string{"zone", "systems", "codes", "mappings"}

func (r *reader) read(root *yaml.Node, set *Set) {
	all := r.pairs(root, "", "mappings")
	one := map[string]pair{}
	for _, p := range all {
		if !slices.Contains(fileKeys, p.name.Value) {
			r.complain(p.name, p.key, "unknown key%s; expected one of %s", didYouMean(fhir.Nearest(p.name.Value, fileKeys)), oneOf(fileKeys))
			continue
		}
		one[p.name.Value] = p
	}
	if p, ok := one["zone"]; ok {
		r.zone = r.readZone(p.value, p.key)
	}
	if p, ok := one["systems"]; ok {
		r.readSystems(p)
	}
	if p, ok := one["codes"]; ok {
		for _, c := range r.pairs(p.value, p.key, "names with code maps") {
			if m := r.codeMap(c.value, c.key); m != nil {
				r.codes[c.name.Value] = m
			}
		}
	}
	p, ok := one["mappings"]
	if !ok {
		if all != nil {
			r.complain(root, "mappings", "is missing; expected a list of mappings")
		}
		return
	}
	names := map[string]bool{}
	for i, n := range r.items(p.value, p.key, "a list of mappings") {
		if m := r.mapping(n, fmt.Sprintf("mappings[%d]", i)); m != nil {
			if names[m.Name] {
				r.errors = append(r.errors, m.place.complain("the name stands for two mappings; expected one that is unique"))
			}
			names[m.Name] = true
			set.mappings = append(set.mappings, m)
		}
	}
}

var mappingKeys = []string{"name", "index", "type", "native", "where", "deleted", "last_updated", "patient", "zone", "resource", "search"}

// mapping reads one mapping. What it returns after a complaint is of no use, but for its name.
func (r *reader) mapping(n *yaml.Node, key string) *Mapping {
	all := r.pairs(n, key, "keys with values")
	if all == nil {
		return nil
	}
	m := &Mapping{zone: r.zone, params: map[string]*param{}}
	one := map[string]pair{}
	for _, p := range all {
		if p.name.Value == "name" {
			if name, ok := r.text(p.value, p.key, "a name"); ok {
				m.Name, key = name, name
				m.place = r.place(p.value, name)
				if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
					r.complain(p.value, p.key, "found %q; expected letters, digits and -", name)
				}
			}
		}
	}
	for _, p := range all {
		p.key = join(key, p.name.Value)
		if !slices.Contains(mappingKeys, p.name.Value) {
			r.complain(p.name, p.key, "unknown key%s; expected one of %s", didYouMean(fhir.Nearest(p.name.Value, mappingKeys)), oneOf(mappingKeys))
			continue
		}
		one[p.name.Value] = p
	}
	for _, name := range []string{"name", "index", "type"} {
		if _, ok := one[name]; !ok {
			r.complain(n, join(key, name), "is missing")
		}
	}
	r.heading(m, one)
	if typ := fhir.TypeOf(m.Type); typ != nil {
		r.body(m, typ, n, key, one)
		r.search(m, one)
	}
	return m
}

// heading reads all but the resource.
func (r *reader) heading(m *Mapping, one map[string]pair) {
	if p, ok := one["index"]; ok {
		m.Index, _ = r.text(p.value, p.key, "the name of an index")
	}
	if p, ok := one["type"]; ok {
		name, _ := r.text(p.value, p.key, "a resource type")
		if name != "" && !slices.Contains(fhir.Types(), name) {
			r.complain(p.value, p.key, "found %q; expected a resource type of R4%s", name, didYouMean(fhir.Nearest(name, fhir.Types())))
			name = ""
		}
		m.Type = name
	}
	if p, ok := one["native"]; ok {
		m.Native = r.flag(p.value, p.key)
	}
	if p, ok := one["zone"]; ok {
		m.zone = r.readZone(p.value, p.key)
	}
	m.Where, m.where = r.condition(one, "where")
	m.Deleted, m.deleted = r.condition(one, "deleted")
}

// condition reads a JQL condition.
func (r *reader) condition(one map[string]pair, name string) (string, place) {
	p, ok := one[name]
	if !ok {
		return "", place{}
	}
	return r.jql(p.value, p.key), r.place(p.value, p.key)
}

// jql returns the text of a condition that reads as JQL.
func (r *reader) jql(n *yaml.Node, key string) string {
	text, ok := r.text(n, key, "a condition in JQL")
	if !ok {
		return ""
	}
	q, err := jql.Parse(text, nil)
	switch {
	case err != nil:
		r.complain(n, key, "found %q, which is no JQL: %s", text, err)
	case q.Where == nil:
		r.complain(n, key, "found %q; expected a condition", text)
	case len(q.Order) > 0:
		r.complain(n, key, "found %q; expected a condition without ORDER BY", text)
	}
	return text
}

// body reads the resource, and what says of it where it belongs.
func (r *reader) body(m *Mapping, typ *fhir.Type, n *yaml.Node, key string, one map[string]pair) {
	if p, ok := one["last_updated"]; ok {
		m.updated = r.lastUpdated(p, m.zone)
		if m.updated != nil {
			m.LastUpdated = m.updated.field()
		}
	}
	p, ok := one["resource"]
	switch {
	case ok && m.Native:
		r.complain(p.name, p.key, "stands beside native; expected one of them")
	case !ok && !m.Native:
		r.complain(n, join(key, "resource"), "is missing; expected the elements of the resource, or native: true")
	case m.Native:
		m.id = r.template("{id}", m.place, "id", nil)
	default:
		b := &builder{reader: r, zone: m.zone}
		m.root = b.root(m, typ, p)
		if m.root == nil {
			return
		}
		m.id, _ = m.root.member("id").(*scalar)
	}
	if p, ok := one["patient"]; ok {
		if text, ok := r.text(p.value, p.key, "a template of the id of a Patient"); ok {
			m.Patient = text
			m.patient = r.template(text, r.place(p.value, p.key), "id", p.value)
			m.patient.native = m.Native
		}
	}
	if m.Type == "Patient" && m.patient == nil && m.id != nil {
		m.patient = m.id
		m.Patient = m.id.text
	}
}

// template returns a value that is one template of the primitive type.
func (r *reader) template(text string, at place, primitive string, n *yaml.Node) *scalar {
	s := &scalar{place: at, primitive: primitive, text: text}
	t, complaint := parseTemplate(text)
	if complaint != "" && n != nil {
		r.complain(n, at.key, "%s", complaint)
	}
	s.from = append(s.from, t)
	return s
}

var updatedKeys = []string{"field", "from", "zone", "clock"}

// lastUpdated reads where meta.lastUpdated comes from.
func (r *reader) lastUpdated(p pair, z *zone) *scalar {
	n := r.open(p.value, p.key)
	if n == nil {
		return nil
	}
	s := &scalar{place: r.place(n, p.key), primitive: "instant"}
	s.date.zone = z
	path := ""
	if n.Kind != yaml.MappingNode {
		path, _ = r.text(n, p.key, "the path of a field")
	} else {
		for _, o := range r.pairs(n, p.key, "keys with values") {
			switch name := o.name.Value; name {
			case "field":
				path, _ = r.text(o.value, o.key, "the path of a field")
			case "from", "zone", "clock":
				r.dateOption(&s.date, name, o)
			default:
				r.complain(o.name, o.key, "unknown key%s; expected one of %s", didYouMean(fhir.Nearest(name, updatedKeys)), oneOf(updatedKeys))
			}
		}
		if path == "" {
			r.complain(n, join(p.key, "field"), "is missing; expected the path of a field")
		}
	}
	if path == "" {
		return nil
	}
	if strings.ContainsAny(path, "{}|?[]") {
		r.complain(n, p.key, "found %q; expected the path of a field alone", path)
		return nil
	}
	s.text = "{" + path + "}"
	s.from = []*template{{parts: []part{{ref: &fieldRef{options: []option{{path: path}}}}}}}
	return s
}
