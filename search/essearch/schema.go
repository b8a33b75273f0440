package essearch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A layout is what a name stands for in the cluster: one index, or all that an
// alias or a data stream has.
type layout struct {
	schema   *record.Schema  // as users see it
	stored   *record.Schema  // the same without what Options.Declared says
	compiler *esdsl.Compiler // for the fields that the engine has, but for those pending and partial
	indexes  []string        // in their order
	ids      bool            // documents end in their id: see withoutID
	pending  []string        // see pendingName
	partial  []string        // the fields that not all indexes can find values in
	tree     *tree           // the engine's mapping
	text     string          // what the cluster said
	checked  time.Time       // when it last said so
}

// layouts remembers layouts by name.
type layouts struct {
	mu sync.Mutex
	m  map[string]*layout
}

// fresh is how long a layout is taken for true without asking.
const fresh = 2 * time.Second

func (l *layouts) get(name string) *layout {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.m[name]
}

// put remembers a layout; nil forgets it.
func (l *layouts) put(name string, found *layout) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = map[string]*layout{}
	}
	if found == nil {
		delete(l.m, name)
		return
	}
	l.m[name] = found
}

// forget makes the next question ask again, for every name.
func (l *layouts) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, known := range l.m {
		stale := *known
		stale.checked = time.Time{}
		l.m[name] = &stale
	}
}

// layout returns what an index, an alias or a data stream is like now, or was
// at most two seconds ago.
func (d *Driver) layout(ctx context.Context, name string) (*layout, error) {
	known := d.layouts.get(name)
	now := d.client.clock.now()
	if known != nil && now.Sub(known.checked) < fresh {
		return known, nil
	}
	answer, text, err := d.definitions(ctx, name)
	if err != nil {
		if errors.Is(err, search.ErrUnknownIndex) {
			d.layouts.put(name, nil)
		}
		return nil, err
	}
	if known != nil && known.text == text {
		again := *known
		again.checked = now
		d.layouts.put(name, &again)
		return &again, nil
	}
	found, err := d.newLayout(ctx, name, answer)
	if err != nil {
		return nil, err
	}
	found.text, found.checked = text, now
	if known != nil && sameText(known.schema, found.schema) {
		found.schema = known.schema
	}
	d.layouts.put(name, found)
	return found, nil
}

func sameText(a, b *record.Schema) bool {
	one, err := a.MarshalJSON()
	if err != nil {
		return false
	}
	other, err := b.MarshalJSON()
	return err == nil && string(one) == string(other)
}

// definitions asks for the mappings of all that name stands for. Something is
// always said of an index, so that one without any mapping is found.
func (d *Driver) definitions(ctx context.Context, name string) (map[string]*indexInfo, string, error) {
	where, err := indexPath(name, "")
	if err != nil {
		return nil, "", err
	}
	query := url.Values{"filter_path": {"*.mappings,*.settings.index.analysis,*.settings.index.mapping,*.settings.index.uuid"}, "expand_wildcards": {"all"}}
	var text []byte
	err = d.client.do(ctx, &request{method: http.MethodGet, path: where, query: query}, func(body io.Reader) (err error) {
		text, err = io.ReadAll(body)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	answer, err := decodeIndexes(text)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", search.ErrBadAnswer, err)
	}
	if len(answer) == 0 {
		return nil, "", fmt.Errorf("%w: %q", search.ErrUnknownIndex, name)
	}
	return answer, string(text), nil
}

// newLayout makes a layout of what the cluster said.
func (d *Driver) newLayout(ctx context.Context, name string, answer map[string]*indexInfo) (*layout, error) {
	l := &layout{indexes: slices.Sorted(maps.Keys(answer))}
	if err := l.merge(answer); err != nil {
		return nil, err
	}
	var err error
	l.ids = l.tree.hasID()
	if l.ids {
		if l.ids, err = d.allHaveIDs(ctx, name); err != nil {
			return nil, err
		}
		if !l.ids {
			l.tree.dropID()
		}
	}
	engine, err := l.tree.schema(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	if err = d.compile(ctx, name, l, engine); err != nil {
		return nil, err
	}
	visible, err := l.tree.visible(name, engine)
	if err == nil {
		l.stored, err = visible.schema(name)
	}
	if declared := d.declared(name); err == nil && declared != nil {
		err = visible.overlay(declared)
	}
	if err == nil {
		l.schema, err = visible.schema(name)
	}
	if err != nil {
		return nil, unreadable(name, err)
	}
	return l, nil
}

// merge makes the tree of a layout from those of its indexes.
func (l *layout) merge(answer map[string]*indexInfo) error {
	for _, index := range l.indexes {
		t := answer[index].tree()
		if p := pendingOf(t.mappings); p != nil {
			l.pending = append(l.pending, p.Fields...)
			delete(child(t.mappings, "_meta"), pendingName)
		}
		if len(l.indexes) == 1 {
			l.tree = t
			return nil
		}
		delete(child(t.mappings, "_meta"), declaredName)
		whole, err := clone(t.mappings)
		if err != nil {
			return err
		}
		if t = (&tree{mappings: whole, settings: t.settings}); l.tree == nil {
			l.tree = t
		} else {
			l.tree.merge(t)
		}
	}
	for _, index := range l.indexes {
		l.partial = append(l.partial, unsearched(l.tree.mappings, answer[index].Mappings)...)
		for path := range child(answer[index].Mappings, "runtime") { // a script answers for it
			l.partial = append(l.partial, path)
		}
	}
	return nil
}

// unreadable returns the error for an index whose mapping is no schema.
func unreadable(name string, err error) error {
	return &unreadableError{index: name, err: fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)}
}

// compile makes the compiler of a layout whose fields are those of engine.
func (d *Driver) compile(ctx context.Context, name string, l *layout, engine *record.Schema) error {
	p, err := d.client.product(ctx)
	if err != nil {
		return err
	}
	o := &esdsl.Options{Indexes: l.indexes, Elasticsearch: !p.openSearch}
	if !l.ids {
		if o.SortByID, err = d.sortsByID(ctx, name); err != nil {
			return err
		}
	}
	if unknown := slices.Concat(l.pending, l.partial); len(unknown) > 0 {
		if engine, err = l.tree.without(unknown).schema(name); err != nil {
			return unreadable(name, err)
		}
	}
	if l.compiler, err = esdsl.New(engine, o); err != nil {
		return unreadable(name, err)
	}
	return nil
}

// declared returns the schema that was declared for an index, or nil. One with
// the very name counts before one whose pattern fits.
func (d *Driver) declared(name string) *record.Schema {
	for _, s := range d.opts.Declared {
		if s.Index == name {
			return s
		}
	}
	for _, s := range d.opts.Declared {
		if strings.Contains(s.Index, "*") && fits(s.Index, name) {
			return s
		}
	}
	return nil
}

// fits reports whether name fits a pattern, in which * stands for anything.
func fits(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := len(parts) - 1
	if last == 0 {
		return name == ""
	}
	for _, part := range parts[1:last] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}

// allHaveIDs reports whether every document has the helping field with its id,
// as those have that were loaded by DHR.
func (d *Driver) allHaveIDs(ctx context.Context, name string) (bool, error) {
	n, err := d.countQuery(ctx, name, []byte(`{"bool":{"must_not":[{"exists":{"field":"`+esdsl.IDField+`"}}]}}`))
	return err == nil && n == 0, err
}

// sortsByID reports whether the cluster sorts by _id.
func (d *Driver) sortsByID(ctx context.Context, name string) (bool, error) {
	where, err := indexPath(name, "/_search")
	if err != nil {
		return false, err
	}
	body := `{"size":1,"track_total_hits":false,"query":{"ids":{"values":["-"]}},"sort":[{"_id":{"order":"asc"}}]}`
	err = d.client.ask(ctx, &request{method: http.MethodPost, path: where, body: []byte(body)}, &struct{}{})
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return false, nil
	}
	return err == nil, err
}

// Schemas returns the schemas that name stands for. A pattern stands for the
// indexes, data streams and aliases that fit; none that begins with a dot.
func (d *Driver) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	names := []string{name}
	if strings.Contains(name, "*") {
		var err error
		if names, err = d.resolve(ctx, name); err != nil {
			return nil, err
		}
	}
	schemas := make([]*record.Schema, 0, len(names))
	var broken []error
	for _, n := range names {
		l, err := d.layout(ctx, n)
		var one *unreadableError
		switch {
		case err == nil:
			schemas = append(schemas, l.schema)
		case errors.Is(err, search.ErrUnknownIndex):
		case errors.As(err, &one):
			broken = append(broken, err)
		default:
			return nil, err
		}
	}
	return schemas, errors.Join(broken...)
}

// Covers returns the names of the indexes whose records name stands for, in their order: of one
// index its own; of an alias or a data stream,
// those of all its indexes. It asks the cluster no more than [Driver.Schemas] does. A name
// without an index is search.ErrUnknownIndex, and so is a pattern.
func (d *Driver) Covers(ctx context.Context, name string) ([]string, error) {
	l, err := d.layout(ctx, name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(l.indexes), nil
}

// resolve returns the names that a pattern stands for, in their order.
func (d *Driver) resolve(ctx context.Context, pattern string) ([]string, error) {
	if strings.ContainsAny(pattern, "\\/?\"<>| ,#\x00") || strings.HasPrefix(pattern, "-") || path.Clean(pattern) != pattern {
		return nil, nil
	}
	var answer struct {
		Indices, Streams, Aliases []resolved
	}
	var raw struct {
		Indices []resolved `json:"indices"`
		Aliases []resolved `json:"aliases"`
		Streams []resolved `json:"data_streams"`
	}
	where := "/_resolve/index/" + url.PathEscape(pattern)
	if err := d.client.ask(ctx, &request{method: http.MethodGet, path: where}, &raw); err != nil {
		if errors.Is(err, search.ErrUnknownIndex) {
			return nil, nil
		}
		return nil, err
	}
	answer.Indices, answer.Streams, answer.Aliases = raw.Indices, raw.Streams, raw.Aliases
	var names []string
	for _, r := range answer.Indices {
		if r.Stream == "" && !strings.HasPrefix(r.Name, ".") {
			names = append(names, r.Name)
		}
	}
	for _, r := range answer.Streams {
		names = append(names, r.Name)
	}
	for _, r := range answer.Aliases {
		if !strings.HasPrefix(r.Name, ".") {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// A resolved is one name that a pattern stands for.
type resolved struct {
	Name   string `json:"name"`
	Stream string `json:"data_stream"`
}

// countQuery counts the records that a query finds.
func (d *Driver) countQuery(ctx context.Context, index string, query []byte) (int64, error) {
	where, err := indexPath(index, "/_count")
	if err != nil {
		return 0, err
	}
	var answer struct {
		Count  int64 `json:"count"`
		Shards struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	body := append(append([]byte(`{"query":`), query...), '}')
	if err := d.client.ask(ctx, &request{method: http.MethodPost, path: where, body: body}, &answer); err != nil {
		return 0, err
	}
	if answer.Shards.Failed > 0 {
		return 0, fmt.Errorf("%w: %d shards failed", search.ErrPartial, answer.Shards.Failed)
	}
	return answer.Count, nil
}
