package mapping

import (
	"slices"
	"strings"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/jql"
)

// A token is what is asked for: a code, of a system if that is said.
type token struct {
	system    string
	hasSystem bool
	code      string // empty for any of the system
}

// is reports whether a code is what is asked for; system is that of codes that name none.
func (t token) is(c *code, system string) bool {
	if c.code == "" || t.code != "" && t.code != c.code {
		return false
	}
	if c.system != "" {
		system = c.system
	}
	return !t.hasSystem || t.system == system
}

// A choice is which texts of a field are asked for.
type choice struct {
	texts []string
	any   bool // every text
	other bool // those that the code map does not name
	empty bool // no text
}

// tokens returns the condition of codes, or its opposite.
func (s *searcher) tokens(p *param, values [][]string, not bool) *jql.Query {
	var c choice
	for _, parts := range values {
		t := token{code: parts[0]}
		switch {
		case len(parts) > 2:
			return s.fail(strings.Join(parts, "|"), "expected code, system|code, |code or system|")
		case len(parts) == 2:
			t = token{system: parts[0], hasSystem: true, code: parts[1]}
		}
		if t.hasSystem && !p.hasSystem() {
			return s.fail(strings.Join(parts, "|"), "the mapping does not say of which system these codes are; ask for the code alone")
		}
		s.choose(p, t, &c)
	}
	if p.isSet {
		if c.any != not {
			return nil
		}
		return s.none()
	}
	var all *jql.Query
	for _, f := range p.fields {
		if not {
			all = all.And(s.without(p, f.path, &c))
		} else {
			all = s.either(all, s.with(p, f.path, &c))
		}
	}
	return all
}

// hasSystem reports whether the system of a code is known.
func (p *param) hasSystem() bool {
	if p.system != "" || p.empty != nil && p.empty.system != "" {
		return true
	}
	if p.table != nil {
		for c := range p.table.all {
			if c.system != "" {
				return true
			}
		}
	}
	return slices.ContainsFunc(p.is, func(c code) bool { return c.system != "" })
}

// choose adds to a choice what one token asks for.
func (s *searcher) choose(p *param, t token, c *choice) {
	if p.empty != nil && t.is(p.empty, p.system) {
		c.empty = true
	}
	switch {
	case p.isSet:
		for i := range p.is {
			c.any = c.any || t.is(&p.is[i], p.system)
		}
	case p.table != nil:
		for _, text := range p.table.order {
			if t.is(p.table.entries[text], p.system) && !slices.Contains(c.texts, text) {
				c.texts = append(c.texts, text)
			}
		}
		c.other = c.other || p.table.other != nil && t.is(p.table.other, p.system)
	case t.hasSystem && t.system != p.system:
	case t.code == "":
		c.any = true
	case !slices.Contains(c.texts, t.code):
		c.texts = append(c.texts, t.code)
	}
}

func (s *searcher) with(p *param, field string, c *choice) *jql.Query {
	if c.any && c.empty {
		return s.or(s.cond(field, "IS NOT"), s.cond(field, "IS"))
	}
	parts := []*jql.Query{s.among(field, c.texts)}
	if c.any {
		parts[0] = s.cond(field, "IS NOT")
	}
	if c.other {
		parts = append(parts, s.others(p, field))
	}
	if c.empty {
		parts = append(parts, s.cond(field, "IS"))
	}
	return s.or(parts...)
}

// others returns the condition for texts that the code map does not name.
func (s *searcher) others(p *param, field string) *jql.Query {
	if len(p.table.order) == 0 {
		return s.cond(field, "IS NOT")
	}
	return s.cond(field, "NOT IN", p.table.order)
}

// without returns the opposite of with: it holds for records without a value as well, as FHIR has it.
func (s *searcher) without(p *param, field string, c *choice) *jql.Query {
	var parts []*jql.Query
	switch {
	case c.any:
	case c.other:
		var rest []string
		for _, text := range p.table.order {
			if !slices.Contains(c.texts, text) {
				rest = append(rest, text)
			}
		}
		parts = append(parts, s.among(field, rest))
	case len(c.texts) > 0:
		parts = append(parts, s.cond(field, "NOT IN", c.texts))
	default:
		parts = append(parts, s.cond(field, "IS NOT"))
	}
	if !c.empty {
		parts = append(parts, s.cond(field, "IS"))
	}
	return s.or(parts...)
}

// references returns the condition of references.
func (s *searcher) references(p *param, values []string) *jql.Query {
	var ids []string
	for _, v := range values {
		if p.native {
			v = fhir.Relative(v, s.x.mapping.bases)
		}
		target, id, ok := strings.Cut(v, "/")
		switch {
		case !ok && p.target == "":
			return s.fail(v, "expected Type/id")
		case !ok:
			target, id = p.target, v
		}
		if strings.Contains(v, "://") || strings.Contains(id, "/") || !fhir.IsID(id) {
			return s.fail(v, "expected Type/id, or an id")
		}
		if p.target != "" && target != p.target {
			continue
		}
		if p.source == nil && (p.native || p.target == "") {
			id = target + "/" + id
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return s.none()
	}
	if p.source != nil {
		return s.identities(p, ids)
	}
	var all *jql.Query
	for _, id := range ids {
		if isHashed(id) {
			return s.fail(id, "the id is the hash of a longer text, and cannot be asked for")
		}
	}
	if p.native {
		ids = s.forms(p, ids)
	}
	for _, f := range p.fields {
		all = s.either(all, s.among(f.path, ids))
	}
	return all
}

// forms returns relative references, each with the forms in which native resources may have it.
func (s *searcher) forms(p *param, references []string) []string {
	var all []string
	for _, one := range references {
		all = append(all, one)
		if id, ok := strings.CutPrefix(one, "Patient/"); ok && p.name == "patient" {
			all = append(all, id)
		}
		for _, base := range s.x.mapping.bases {
			all = append(all, base+"/"+one)
		}
	}
	return all
}

// identities returns the condition for ids that are made by a template.
func (s *searcher) identities(p *param, ids []string) *jql.Query {
	prefix, suffix, field := "", "", ""
	ok := len(p.source.from) == 1 && p.source.table == nil && p.source.fallback == nil && p.source.when == nil
	if ok {
		for _, part := range p.source.from[0].parts {
			switch {
			case part.ref == nil && field == "":
				prefix += part.literal
			case part.ref == nil:
				suffix += part.literal
			case field != "" || len(part.ref.options) != 1 || part.ref.options[0].filter:
				ok = false
			default:
				field = part.ref.options[0].path
			}
		}
	}
	if !ok || field == "" {
		return s.fail("", "the ids are put together of several fields, and cannot be asked for")
	}
	var texts []string
	for _, id := range ids {
		if !fhir.IsID(id) {
			return s.fail(id, "expected an id: up to 64 of A-Z a-z 0-9 - .")
		}
		if isHashed(id) {
			return s.fail(id, "the id is the hash of a longer text, and cannot be asked for")
		}
		rest, begins := strings.CutPrefix(id, prefix)
		rest, ends := strings.CutSuffix(rest, suffix)
		if !begins || !ends || rest == "" {
			continue
		}
		if p.native && p.name == "patient" {
			rest = "Patient/" + rest
		}
		if !slices.Contains(texts, rest) {
			texts = append(texts, rest)
		}
	}
	if len(texts) == 0 {
		return s.none()
	}
	if p.native && p.name == "patient" {
		texts = s.forms(p, texts)
	}
	return s.among(field, texts)
}
