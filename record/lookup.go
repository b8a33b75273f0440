package record

import (
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"weak"

	"github.com/digit-health/dhr/internal/nearest"
)

// names fills byName: for each name in lower case the fields of the first rank
// that has any. Paths come before aliases, aliases before labels.
func (r *mappingReader) names() {
	s := r.s
	add := func(rank map[string][]*Field, name string, f *Field) {
		name = strings.ToLower(name)
		if name != "" && !slices.Contains(rank[name], f) {
			rank[name] = append(rank[name], f)
		}
	}
	var ranks [3]map[string][]*Field
	for i := range ranks {
		ranks[i] = map[string][]*Field{}
	}
	for f := range s.All() {
		add(ranks[0], f.Path, f)
		for _, a := range f.Aliases {
			add(ranks[1], a, f)
		}
		add(ranks[2], f.Label, f)
	}
	for _, path := range []string{"_id", "_index"} {
		if f := s.byPath[path]; f != nil {
			add(ranks[0], path, f)
		}
	}
	for _, rank := range ranks {
		for name, ff := range rank {
			if s.byName[name] == nil {
				s.byName[name] = ff
			}
		}
	}
}

// All returns every field, depth first in the order of the mapping: a field,
// then its sub-fields, then the fields inside of it.
func (s *Schema) All() iter.Seq[*Field] {
	return func(yield func(*Field) bool) { walk(s.fields, yield) }
}

func walk(fields []*Field, yield func(*Field) bool) bool {
	for _, f := range fields {
		if !yield(f) || !walk(f.Subs, yield) || !walk(f.Fields, yield) {
			return false
		}
	}
	return true
}

// A keyCache holds the fields made for keys inside of flattened fields. A path
// has one field for as long as anyone holds it, and none afterwards, so that
// questions about ever new keys cannot fill the memory.
type keyCache struct {
	mu sync.Mutex
	m  map[string]weak.Pointer[Field]
}

// get returns the field of path, which it makes if there is none.
func (c *keyCache) get(path string, flat *Field) *Field {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.m[path].Value(); f != nil {
		return f
	}
	path = strings.Clone(path)
	f := &Field{Path: path, Source: path, Type: flat.Type, Kind: String, Personal: flat.Personal, Ordered: flat.Ordered,
		FoldCase: flat.FoldCase, Searchable: flat.Searchable, Nested: flat.Nested, IgnoreAbove: flat.IgnoreAbove, parent: flat,
		own: fieldState{key: true, malformed: true, null: flat.own.null}}
	if c.m == nil {
		c.m = map[string]weak.Pointer[Field]{}
	}
	c.m[path] = weak.Make(f)
	runtime.AddCleanup(f, c.forget, path)
	return f
}

func (c *keyCache) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m[path].Value() == nil {
		delete(c.m, path)
	}
}

// flattenedKey returns the field of a key inside of a flattened field, or nil.
// The flattened field may have any of its names if fold is true, the key is
// taken as it is. Equal paths give the same pointer.
func (s *Schema) flattenedKey(path string, fold bool) *Field {
	if len(path) > maxPath || strings.HasSuffix(path, ".") {
		return nil
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		f := s.at(path[:i])
		if f == nil && fold {
			f = s.opened(path[:i])
			if ff := s.byName[strings.ToLower(path[:i])]; len(ff) == 1 {
				f = ff[0]
			}
		}
		if f != nil && f.Kind == Flattened {
			if f = s.own.keys.get(f.Path+path[i:], f); s.own.hide != nil && s.own.hide(f) {
				return nil
			}
			return f
		}
	}
	return nil
}

// Nearest returns the name of a field that is most like name, or "": a path,
// or an alias. It is for "did you mean": it forgives a few wrong, missing or
// exchanged letters, the wrong case, and the objects around a field that were left out.
func (s *Schema) Nearest(name string) string {
	n := nearestTo(name)
	last := map[string]int{}
	for f := range s.All() {
		if f.Path == f.Source {
			last[strings.ToLower(lastPart(f.Path))]++
		}
	}
	for f := range s.All() {
		n.Offer(f.Path, f.Path)
		for _, a := range f.Aliases {
			n.Offer(a, a)
		}
		n.Offer(f.Label, f.Path)
		if end := lastPart(f.Path); f.Path == f.Source && last[strings.ToLower(end)] == 1 {
			n.Offer(end, f.Path)
		}
	}
	return n.Best()
}

// Nearest returns the one of names that is most like name, or "". It forgives what [Schema.Nearest] does, and parts
// before a last "-" that were left out: "visits" stands for "health-data-visits" if no other name ends like that.
func Nearest(name string, names []string) string {
	n := nearestTo(name)
	last := map[string]int{}
	for _, one := range names {
		last[lastWord(one)]++
	}
	for _, one := range names {
		n.Offer(one, one)
		if end := lastWord(one); last[end] == 1 {
			n.Offer(end, one)
		}
	}
	return n.Best()
}

// lastWord returns the last part of a name that hyphens divide.
func lastWord(name string) string { return strings.ToLower(name[strings.LastIndexByte(name, '-')+1:]) }

// nearestTo finds the names most like name, of which a quarter of the letters may be wrong.
func nearestTo(name string) *nearest.Name {
	return nearest.To(name, (utf8.RuneCountInString(name)+2)/4)
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func (s *Schema) didYouMean(name string) string {
	if ff := s.Lookup(name); len(ff) == 1 && ff[0].Path != name {
		return "; did you mean " + strconv.Quote(ff[0].Path) + "?"
	}
	if near := s.Nearest(name); near != "" {
		return "; did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}
