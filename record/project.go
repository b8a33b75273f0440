package record

import (
	"slices"
	"strings"
)

// A trie is the wanted part of a document: a node for each key on the way to a
// wanted value. It never changes after it is made.
type trie struct {
	id   int
	path string
	// object is true where the document must have an object or nothing.
	object bool
	// lenient is true where whatever does not fit is missing: below a
	// flattened field and inside of what is not indexed.
	lenient bool
	free    bool     // any key may stand here
	columns []column // wanted for its scalar values
	whole   []column // wanted as JSON text
	point   bool     // a list of numbers is one value
	any     bool     // any JSON is a whole value
	null    bool     // null means something to one of the columns
	both    bool     // an object may stand here though columns want scalar values

	keys  []*trie
	names []string
	// table leads from the hash of a key to 1 + the index of the first node
	// that has it; chain from there to the next.
	table [32]uint8
	chain []uint8
	large map[string]*trie // instead, if there are many
}

type column struct {
	n int
	f *Field
}

// hashKey is a number below 32 that tells keys apart by their length and ends.
func hashKey(key []byte) uint8 {
	n := len(key)
	if n == 0 {
		return 0
	}
	return (uint8(n)*7 ^ key[0]*3 ^ key[n-1] ^ key[n>>1]*5) & 31
}

// find returns the node of a key, or nil.
func (t *trie) find(key []byte) *trie {
	if t.large != nil {
		return t.large[string(key)]
	}
	for i := t.table[hashKey(key)]; i != 0; i = t.chain[i-1] {
		if t.names[i-1] == string(key) {
			return t.keys[i-1]
		}
	}
	return nil
}

// child returns the node of a key, which it makes if there is none.
func (t *trie) child(key string, b *trieBuilder) *trie {
	if i := slices.Index(t.names, key); i >= 0 {
		return t.keys[i]
	}
	c := &trie{id: b.nodes, path: key, lenient: t.lenient || t.free}
	if t.path != "" {
		c.path = t.path + "." + key
	}
	b.nodes++
	t.keys = append(t.keys, c)
	t.names = append(t.names, key)
	return c
}

// index makes find ready, here and below.
func (t *trie) index() {
	if len(t.keys) > 64 {
		t.large = make(map[string]*trie, len(t.keys))
	}
	t.chain = make([]uint8, len(t.keys))
	for i, c := range t.keys {
		c.index()
		if t.large != nil {
			t.large[t.names[i]] = c
			continue
		}
		h := hashKey([]byte(t.names[i]))
		t.chain[i] = t.table[h]
		t.table[h] = uint8(i + 1)
	}
}

type trieBuilder struct {
	schema *Schema
	prefix string // of the nested object that is the root, with its point
	root   *trie
	nodes  int
}

// add enters a wanted field.
func (b *trieBuilder) add(n int, f *Field) {
	t := b.root
	path := strings.TrimPrefix(f.Source, b.prefix)
	for end := 0; end < len(path); {
		part := path[end:]
		if i := strings.IndexByte(part, '.'); i >= 0 {
			part = part[:i]
		}
		t = t.child(part, b)
		end += len(part) + 1
		b.describe(t, b.prefix+path[:end-1])
	}
	switch {
	case f.own.opaque || f.Kind == Unknown:
		t.any = true
		t.whole = append(t.whole, column{n, f})
	case f.Kind == JSON:
		t.point = true
		t.whole = append(t.whole, column{n, f})
	case f.Kind == Object || f.Kind == Nested || f.Kind == Flattened:
		t.object = true
		t.whole = append(t.whole, column{n, f})
	default:
		t.columns = append(t.columns, column{n, f})
		t.null = t.null || !f.own.null.IsNull()
	}
}

// describe says of a node on the way what the schema says of its path.
func (b *trieBuilder) describe(t *trie, path string) {
	f := b.schema.at(path)
	switch {
	case f == nil: // an object that only the dots in a name speak of
		t.object = !t.lenient && !b.schema.flat(path)
	case f.own.opaque:
		t.lenient = true
	case f.Kind == Object || f.Kind == Nested:
		t.object = true
	case f.Kind == Flattened:
		t.object, t.free = true, true
	case f.Kind == Unknown || f.Kind == JSON || f.own.prefix:
		t.both = true
	}
}

// Project chooses fields, by their paths, as the columns of records. The error
// is a *[SchemaError] that names the first path which is no field's.
func (s *Schema) Project(paths ...string) (*Projection, error) { return s.project("", paths) }

// ProjectAll chooses every declared field, in the order of [Schema.All].
func (s *Schema) ProjectAll() (*Projection, error) {
	var paths []string
	for f := range s.All() {
		paths = append(paths, f.Path)
	}
	return s.project("", paths)
}

// ProjectNested chooses fields inside of the object at path, nested or not. The
// records of the projection are the single objects: a [Decoder] for it reads
// one of the JSON values which a column with the object itself holds.
func (s *Schema) ProjectNested(path string, paths ...string) (*Projection, error) {
	f := s.byPath[path]
	if f == nil || f.Kind != Nested && f.Kind != Object {
		return nil, &SchemaError{Index: s.Index, Path: path, Offset: -1, Message: "no such object"}
	}
	return s.project(path+".", paths)
}

func (s *Schema) project(prefix string, paths []string) (*Projection, error) {
	p := &Projection{schema: s, columns: make(map[string]int, len(paths))}
	b := trieBuilder{schema: s, prefix: prefix, root: &trie{object: true}, nodes: 1}
	p.within = strings.TrimSuffix(prefix, ".")
	for _, path := range paths {
		f := s.Field(path)
		switch {
		case f == nil:
			return nil, &SchemaError{Index: s.Index, Path: path, Offset: -1, Message: "no such field" + s.didYouMean(path)}
		case !strings.HasPrefix(f.Path, prefix):
			return nil, &SchemaError{Index: s.Index, Path: path, Offset: -1, Message: "not inside of " + p.within}
		}
		p.add(f, &b)
	}
	p.finish(&b)
	return p, nil
}

// add makes f the next column.
func (p *Projection) add(f *Field, b *trieBuilder) {
	n := len(p.fields)
	p.fields = append(p.fields, f)
	if _, ok := p.columns[f.Path]; !ok {
		p.columns[f.Path] = n
	}
	switch {
	case f.Type == "_id":
		p.ids = append(p.ids, n)
	case f.Type == "_index":
		p.indexes = append(p.indexes, n)
	case !f.own.constant.IsNull():
		p.constants = append(p.constants, n)
		fallthrough
	default:
		b.add(n, f)
	}
}

func (p *Projection) finish(b *trieBuilder) {
	b.root.index()
	p.root, p.nodes = b.root, b.nodes
}
