package mapping

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
)

// knownSystems are the code systems whose names need not be declared.
var knownSystems = map[string]string{
	"loinc":  "http://loinc.org",
	"snomed": "http://snomed.info/sct",
	"ucum":   "http://unitsofmeasure.org",
	"icd10":  "http://hl7.org/fhir/sid/icd-10",
	"icd11":  "http://id.who.int/icd/release/11/mms",
	"cvx":    "http://hl7.org/fhir/sid/cvx",
	"atc":    "http://www.whocc.no/atc",
	"rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
}

func (r *reader) readSystems(p pair) {
	for _, s := range r.pairs(p.value, p.key, "names with URIs") {
		uri, ok := r.text(s.value, s.key, "a URI")
		if !ok {
			continue
		}
		if !strings.Contains(uri, ":") || fhir.CheckPrimitive("uri", uri) != "" {
			r.complain(s.value, s.key, "found %q; expected a URI such as http://loinc.org", uri)
			continue
		}
		r.systems[s.name.Value] = uri
	}
}

// system returns the URI that a system stands for.
func (r *reader) system(n *yaml.Node, key, text string) string {
	if uri := r.systems[text]; uri != "" {
		return uri
	}
	if uri := knownSystems[text]; uri != "" {
		return uri
	}
	if !strings.Contains(text, ":") || fhir.CheckPrimitive("uri", text) != "" {
		var names []string
		for name := range r.systems {
			names = append(names, name)
		}
		for name := range knownSystems {
			names = append(names, name)
		}
		slices.Sort(names)
		r.complain(n, key, "found %q; expected a URI, or the name of a system: %s%s", text, oneOf(names), didYouMean(fhir.Nearest(text, names)))
	}
	return text
}

// A codeMap says which code stands for which text.
type codeMap struct {
	entries map[string]*code
	other   *code // of any other text; nil if there is none
	order   []string
}

// A code is one code of a map. An empty one is no value.
type code struct {
	place                 place
	system, code, display string
}

// all yields every code of the map.
func (m *codeMap) all(yield func(*code) bool) {
	for _, text := range m.order {
		if c := m.entries[text]; c.code != "" && !yield(c) {
			return
		}
	}
	if m.other != nil && m.other.code != "" {
		yield(m.other)
	}
}

func (r *reader) codeMap(n *yaml.Node, key string) *codeMap {
	all := r.pairs(n, key, "texts with their codes")
	if all == nil {
		return nil
	}
	m := &codeMap{entries: map[string]*code{}}
	system := ""
	for _, p := range all {
		switch name := p.name.Value; {
		case name == "$system":
			if text, ok := r.text(p.value, p.key, "a code system"); ok {
				system = r.system(p.value, p.key, text)
			}
		case strings.HasPrefix(name, "$"):
			r.complain(p.name, p.key, "unknown key; of the keys with $, a code map has $system alone")
		case name == "*":
			m.other = r.code(p.value, p.key)
		default:
			m.entries[name] = r.code(p.value, p.key)
			m.order = append(m.order, name)
		}
	}
	if len(m.order) == 0 && m.other == nil {
		r.complain(n, key, "found no codes; expected texts with their codes")
	}
	for c := range m.all {
		if c.system == "" {
			c.system = system
		}
	}
	return m
}

var codeKeys = []string{"code", "system", "display"}

func (r *reader) code(n *yaml.Node, key string) *code {
	c := &code{place: r.place(n, key)}
	n = r.open(n, key)
	if n == nil || isNull(n) {
		return c
	}
	check := func(n *yaml.Node, key string) string {
		text, ok := r.text(n, key, "a code")
		if expected := fhir.CheckPrimitive("code", text); ok && expected != "" {
			r.complain(n, key, "found %q; expected %s", text, expected)
		}
		return text
	}
	if n.Kind != yaml.MappingNode {
		c.code = check(n, key)
		return c
	}
	for _, p := range r.pairs(n, key, "a code") {
		switch name := p.name.Value; name {
		case "code":
			c.code = check(p.value, p.key)
		case "system":
			if text, ok := r.text(p.value, p.key, "a code system"); ok {
				c.system = r.system(p.value, p.key, text)
			}
		case "display":
			c.display, _ = r.text(p.value, p.key, "a text")
		default:
			r.complain(p.name, p.key, "unknown key%s; expected one of %s", didYouMean(fhir.Nearest(name, codeKeys)), oneOf(codeKeys))
		}
	}
	if c.code == "" {
		r.complain(n, join(key, "code"), "is missing")
	}
	return c
}

// mapOf returns the code map that $map names, or that stands there.
func (r *reader) mapOf(n *yaml.Node, key string) *codeMap {
	n = r.open(n, key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.MappingNode {
		return r.codeMap(n, key)
	}
	name, ok := r.text(n, key, "the name of a code map, or the map itself")
	if !ok {
		return nil
	}
	m := r.codes[name]
	if m == nil {
		var names []string
		for n := range r.codes {
			names = append(names, n)
		}
		slices.Sort(names)
		r.complain(n, key, "found %q; expected the name of a code map%s", name, didYouMean(fhir.Nearest(name, names)))
	}
	return m
}
