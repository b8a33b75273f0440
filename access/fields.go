package access

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/digit-health/dhr/record"
)

// A target is a field as rules find it. The fields that hold one value, a field and
// its sub-fields, are one target.
type target struct {
	names    []string   // the paths and aliases
	above    [][]string // those of the objects around it, the innermost first
	personal bool
}

// targetOf returns the target of f, a field of s.
func targetOf(s *record.Schema, f *record.Field) target {
	t := target{personal: f.Personal}
	if base := s.Field(f.Source); base != nil {
		f = base
	}
	t.names = append(t.names, f.Path)
	t.names = append(t.names, f.Aliases...)
	for _, sub := range f.Subs {
		t.names = append(t.names, sub.Path)
		t.names = append(t.names, sub.Aliases...)
	}
	for i := strings.LastIndexByte(f.Path, '.'); i > 0; i = strings.LastIndexByte(f.Path[:i], '.') {
		t.above = append(t.above, namesAt(s, f.Path[:i]))
	}
	if holder := flattenedAbove(s, f.Path); holder != nil { // a key has the names of its field's names
		for _, alias := range holder.Aliases {
			t.names = append(t.names, alias+f.Path[len(holder.Path):])
		}
	}
	return t
}

// namesAt returns the path and the aliases of the object there.
func namesAt(s *record.Schema, path string) []string {
	names := []string{path}
	if f := s.Field(path); f != nil && f.Path == path {
		names = append(names, f.Aliases...)
		if holder := flattenedAbove(s, path); holder != nil {
			for _, alias := range holder.Aliases {
				names = append(names, alias+path[len(holder.Path):])
			}
		}
	}
	return names
}

// flattenedAbove returns the flattened field that holds the key with this path, or nil.
func flattenedAbove(s *record.Schema, path string) *record.Field {
	for i := strings.IndexByte(path, '.'); i > 0; {
		if f := s.Field(path[:i]); f != nil && f.Kind == record.Flattened {
			return f
		}
		next := strings.IndexByte(path[i+1:], '.')
		if next < 0 {
			return nil
		}
		i += 1 + next
	}
	return nil
}

// treatment returns how g treats a target, and whether it is by a name of it
// or of an object around it.
func (g *grant) treatment(t *target) (show Treatment, named bool) {
	for _, name := range t.names {
		if own, ok := g.names[name]; ok {
			if named {
				own = meet(show, own)
			}
			show, named = own, true
		}
	}
	if named {
		return show, true
	}
	show, named = g.above(t)
	fits := named
	for i := range g.patterns {
		if p := &g.patterns[i]; p.fits(t) {
			if fits {
				show = meet(show, p.show)
			} else {
				show, fits = p.show, true
			}
		}
	}
	if !fits {
		show = g.others
	}
	if t.personal && g.personal != nil {
		show = meet(show, *g.personal)
	}
	return show, named
}

// above returns what is said of the nearest object around t that is named.
func (g *grant) above(t *target) (show Treatment, named bool) {
	for _, names := range t.above {
		for _, name := range names {
			if own, ok := g.names[name]; ok {
				if named {
					own = meet(show, own)
				}
				show, named = own, true
			}
		}
		if named {
			break
		}
	}
	return show, named
}

func (p *patternRule) fits(t *target) bool {
	for _, name := range t.names {
		if glob(p.parts, name) {
			return true
		}
	}
	for _, names := range t.above {
		for _, name := range names {
			if glob(p.parts, name) {
				return true
			}
		}
	}
	return false
}

// below reports whether a rule may fit something inside of f by its name and
// treat it otherwise than f as a whole is.
func (g *grant) below(f *record.Field, whole Treatment) bool {
	for _, name := range append([]string{f.Path}, f.Aliases...) {
		prefix := name + "."
		for rule, show := range g.names {
			if show != whole && strings.HasPrefix(rule, prefix) {
				return true
			}
		}
		for i := range g.patterns {
			if p := &g.patterns[i]; p.show != whole && globBelow(p.parts, prefix) {
				return true
			}
		}
	}
	return false
}

// A sight is what one grant shows of one schema.
type sight struct {
	g *grant
	// fields says how each declared field is treated, by path, and _id and _index.
	fields map[string]Treatment
	// keys are the flattened fields of which each key is treated by itself.
	keys map[string]bool
}

// see returns what g shows of s.
func (g *grant) see(s *record.Schema) *sight {
	v := &sight{g, map[string]Treatment{}, map[string]bool{}}
	for f := range s.All() {
		t := targetOf(s, f)
		show, named := g.treatment(&t)
		switch f.Kind {
		case record.Unknown:
			if show.As == Visible && !g.all && !named {
				show = Treatment{As: Hidden}
			}
		case record.Object, record.Nested:
			if show.As == Visible && !g.all && (!named || g.below(f, show)) {
				show = Treatment{As: Hidden}
			}
		case record.Flattened:
			if !g.all && g.below(f, show) {
				v.keys[f.Path] = true
				show = Treatment{As: Hidden}
			}
		}
		v.fields[f.Path] = show.fitted(f.Kind)
	}
	v.meta(s)
	return v
}

// meta sets how _id and _index are treated.
func (v *sight) meta(s *record.Schema) {
	id := Treatment{As: Visible}
	if s.Key != nil {
		id = likeKey(s.Key, v.fields[s.Key.Path])
	}
	index := Treatment{As: Visible}
	if own, ok := v.g.names["_id"]; ok {
		id = own
	}
	if own, ok := v.g.names["_index"]; ok {
		index = own
	}
	v.fields["_id"], v.fields["_index"] = id.fitted(record.String), index.fitted(record.String)
}

// likeKey returns the treatment of _id that is that of the key: with the same pseudonyms.
func likeKey(key *record.Field, t Treatment) Treatment {
	if t.As == Pseudonym && t.Domain == "" {
		t.Domain = key.Source
	}
	return t.fitted(record.String)
}

// key returns how v treats a key inside of a flattened field.
func (v *sight) key(s *record.Schema, f *record.Field) Treatment {
	t := targetOf(s, f)
	show, _ := v.g.treatment(&t)
	return show.fitted(f.Kind)
}

// within reports whether v shows nothing that w does not.
func (v *sight) within(w *sight) bool {
	if v.g.all && !w.g.all {
		return false
	}
	for path, show := range v.fields {
		if !within(show, w.fields[path]) {
			return false
		}
		if (v.keys[path] || w.keys[path]) && v.g.rules != w.g.rules {
			return false
		}
	}
	return true
}

// copies returns for each path of a mapping the fields that its values are copied to.
func copies(s *record.Schema) map[string][]string {
	text, err := s.MarshalJSON()
	if err != nil || !bytes.Contains(text, []byte(`"copy_to"`)) {
		return nil
	}
	all := map[string][]string{}
	var walk func(raw json.RawMessage, prefix string)
	walk = func(raw json.RawMessage, prefix string) {
		for name, field := range members(raw) {
			m := members(field)
			var one string
			var many []string
			if to := m["copy_to"]; json.Unmarshal(to, &one) == nil {
				all[prefix+name] = append(all[prefix+name], one)
			} else if json.Unmarshal(to, &many) == nil {
				all[prefix+name] = append(all[prefix+name], many...)
			}
			walk(m["properties"], prefix+name+".")
		}
	}
	walk(members(members(text)["mappings"])["properties"], "")
	return all
}

// members returns the members of a JSON object; none if it is something else.
func members(raw json.RawMessage) (m map[string]json.RawMessage) {
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}
