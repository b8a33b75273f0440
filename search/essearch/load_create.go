package essearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Create makes the index of a schema, with the fields that help DHR to sort by
// ids and to find values in any case. Fields that the schema does not declare are kept
// in the documents and not searched, unless it says that its mapping is dynamic. When fields are
// added to an index, its documents are stored again; if that is interrupted, questions of
// these fields are answered from the documents until Create is called again and ends.
// What others than DHR see of a load before it ends is not defined: the index is
// refreshed by DHR alone.
func (d *Driver) Create(ctx context.Context, s *record.Schema) error {
	if s.Field(esdsl.IDField) != nil {
		return fmt.Errorf("%w: the field %q belongs to DHR", search.ErrSchemaConflict, esdsl.IDField)
	}
	if _, err := indexPath(s.Index, ""); err != nil || strings.ToLower(s.Index) != s.Index {
		return fmt.Errorf("%w: %q cannot be the name of an index", search.ErrInvalid, s.Index)
	}
	d.layouts.forget()
	known, err := d.layout(ctx, s.Index)
	if errors.Is(err, search.ErrUnknownIndex) {
		if err = d.createIndex(ctx, s); !errors.Is(err, errExists) {
			return err
		}
		known, err = d.layout(ctx, s.Index)
	}
	if err != nil {
		return err
	}
	return d.extend(ctx, known, s)
}

// errExists says that an index was made by someone else in the meantime.
var errExists = errors.New("the index exists")

// createIndex makes an index that is not there.
func (d *Driver) createIndex(ctx context.Context, s *record.Schema) error {
	t, err := d.definition(ctx, s)
	if err != nil {
		return err
	}
	body, err := json.Marshal(object{"settings": t.settings, "mappings": t.mappings})
	if err != nil {
		return err
	}
	where, err := indexPath(s.Index, "")
	if err != nil {
		return err
	}
	query := map[string][]string{"wait_for_active_shards": {"1"}}
	err = d.client.ask(ctx, &request{method: http.MethodPut, path: where, query: query, body: body}, &struct{}{})
	d.layouts.forget()
	return createError(s.Index, err)
}

// createError tells apart why the cluster does not take an index or a field.
func createError(index string, err error) error {
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return err
	}
	switch refused.Type {
	case "resource_already_exists_exception":
		return errExists
	case "invalid_index_name_exception":
		return fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	return fmt.Errorf("%w: the index %q: %w", search.ErrUnsupported, index, err)
}

// definition returns what the cluster is to make of a schema.
func (d *Driver) definition(ctx context.Context, s *record.Schema) (*tree, error) {
	t, err := treeOf(s)
	if err != nil {
		return nil, err
	}
	p, err := d.client.product(ctx)
	if err != nil {
		return nil, err
	}
	dropPrivate(t.settings)
	t.settings = object{"index": t.settings}
	flat := object{}
	spread(flat, "", t.settings)
	t.settings = object{}
	for name, value := range flat {
		t.settings["index."+strings.TrimPrefix(strings.TrimPrefix(name, "index."), "index.")] = value
	}
	t.settings["index.refresh_interval"] = "-1"
	if count := countFields(t.mappings); count > 800 {
		t.settings["index.mapping.total_fields.limit"] = 2*count + 1000
	}
	if t.mappings["dynamic"] == nil {
		t.mappings["dynamic"] = false
	}
	properties := child(t.mappings, "properties")
	if properties == nil {
		properties = object{}
		t.mappings["properties"] = properties
	}
	help(properties, "", s, p)
	properties[esdsl.IDField] = object{"type": "keyword"}
	return t, remember(t, s)
}

// dropPrivate removes what a cluster writes into the settings of an index itself.
func dropPrivate(settings object) {
	for _, name := range []string{"uuid", "creation_date", "provided_name", "version", "creation_date_string", "resize", "routing"} {
		delete(settings, "index."+name)
		delete(settings, name)
		delete(child(settings, "index"), name)
	}
	for name := range settings {
		if strings.HasPrefix(name, "index.version.") || strings.HasPrefix(name, "index.routing.") {
			delete(settings, name)
		}
	}
}

// spread writes settings flat.
func spread(into object, name string, value any) {
	o, ok := value.(object)
	if !ok {
		into[name] = value
		return
	}
	for k, v := range o {
		if name != "" {
			k = name + "." + k
		}
		spread(into, k, v)
	}
}

func countFields(f object) (n int) {
	for _, list := range []string{"properties", "fields"} {
		for _, v := range child(f, list) {
			if o, ok := v.(object); ok {
				n += 2 + countFields(o)
			}
		}
	}
	return n
}

// help adds to fields those in lower case, and calls types as the product does.
func help(fields object, prefix string, s *record.Schema, p *product) {
	for name, v := range fields {
		f, ok := v.(object)
		if !ok {
			continue
		}
		path := prefix + name
		rename(f, p)
		help(child(f, "properties"), path+".", s, p)
		lower := object{}
		if sub := lowered(f, s.Field(path)); sub != nil {
			lower[lowerName] = sub
		}
		for name, v := range child(f, "fields") {
			if o, ok := v.(object); ok {
				rename(o, p)
				if sub := lowered(o, s.Field(path+"."+name)); sub != nil {
					lower[lowerName+"_"+name] = sub
				}
			}
		}
		if len(lower) == 0 {
			continue
		}
		subs := child(f, "fields")
		if subs == nil {
			subs = object{}
			f["fields"] = subs
		}
		for name, sub := range lower {
			subs[name] = sub
		}
	}
}

// rename gives objects with free keys the name that the product has for them.
func rename(f object, p *product) {
	switch {
	case p.openSearch && f["type"] == "flattened" && f["ignore_above"] == nil && f["null_value"] == nil:
		f["type"] = "flat_object"
		delete(f, "depth_limit")
	case !p.openSearch && f["type"] == "flat_object":
		f["type"] = "flattened"
	}
}

// lowered returns the sub-field in lower case for a field that folds case, or nil.
func lowered(mapped object, f *record.Field) object {
	if f == nil || !f.FoldCase || f.Kind != record.String || mapped["type"] != "keyword" || mapped["normalizer"] != nil || !f.Searchable {
		return nil
	}
	sub := object{"type": "keyword", "normalizer": "lowercase"}
	for _, name := range []string{"ignore_above", "null_value"} {
		if mapped[name] != nil {
			sub[name] = mapped[name]
		}
	}
	return sub
}

// extend adds to an index the fields of s that it lacks.
func (d *Driver) extend(ctx context.Context, known *layout, s *record.Schema) error {
	if len(known.indexes) != 1 || known.indexes[0] != s.Index {
		return fmt.Errorf("%w: %q is no index", search.ErrSchemaConflict, s.Index)
	}
	missing := slices.Clone(known.pending)
	for f := range s.All() {
		switch g := known.stored.Field(f.Path); {
		case g == nil || g.Path != g.Source && f.Path == f.Source:
			missing = append(missing, f.Path)
		case !sameField(f, g):
			return fmt.Errorf("%w: the field %q is stored as %s", search.ErrSchemaConflict, f.Path, g.Type)
		}
	}
	if len(missing) > 0 && !known.ids {
		n, err := d.countQuery(ctx, s.Index, []byte(`{"match_all":{}}`))
		if err != nil {
			return err
		}
		if n > 0 { // to store again what others have stored is not for us
			return fmt.Errorf("%w: fields for the documents of %q, which DHR did not load", search.ErrUnsupported, s.Index)
		}
	}
	t, err := d.definition(ctx, s)
	if err != nil {
		return err
	}
	if err := rememberBoth(t, s, known.stored); err != nil {
		return err
	}
	if !known.ids {
		t.dropID()
	}
	mark := newPending(missing)
	if len(missing) > 0 {
		mark.put(t.mappings)
	}
	added := withoutKnown(t.mappings, known.tree.mappings)
	if len(missing) == 0 && addsNothing(added, known.tree.mappings) {
		return nil
	}
	err = d.putMapping(ctx, s.Index, added)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)
	}
	if err != nil || len(missing) == 0 {
		return err
	}
	return d.fill(ctx, s.Index, mark)
}

// rememberBoth notes in t, for an index that exists, what it is declared to have: the fields of s
// and those that were stored before.
func rememberBoth(t *tree, s, stored *record.Schema) error {
	for f := range stored.All() {
		if s.Field(f.Path) != nil {
			continue
		}
		all, err := treeOf(s)
		if err != nil {
			return err
		}
		before, err := treeOf(stored)
		if err != nil {
			return err
		}
		addFields(all.mappings, before.mappings, "properties")
		both, err := all.schema(s.Index)
		if err != nil {
			return fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)
		}
		return remember(t, both)
	}
	return nil
}

// remember notes in t what was declared.
func remember(t *tree, s *record.Schema) error {
	text, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	meta := shallow(child(t.mappings, "_meta"))
	meta[declaredName] = string(text)
	t.mappings["_meta"] = meta
	return nil
}

// sameField reports whether two fields of one path read and find values in one way.
func sameField(f, g *record.Field) bool {
	return (f.Type == g.Type || f.Kind == record.Flattened && g.Kind == record.Flattened) &&
		f.Nested == g.Nested && f.Searchable == g.Searchable && f.Scale == g.Scale && f.IgnoreAbove == g.IgnoreAbove &&
		strings.TrimPrefix(f.Analyzer, "standard") == strings.TrimPrefix(g.Analyzer, "standard") &&
		slices.Equal(f.Formats, g.Formats)
}

// withoutKnown returns what a mapping adds to another.
func withoutKnown(mapped, known object) object {
	out := object{}
	if meta, ok := mapped["_meta"]; ok {
		out["_meta"] = meta
	}
	if p := newFields(child(mapped, "properties"), child(known, "properties")); len(p) > 0 {
		out["properties"] = p
	}
	return out
}

// addsNothing reports whether what withoutKnown returned is what is known.
func addsNothing(added, known object) bool {
	if added["properties"] != nil {
		return false
	}
	one, err := json.Marshal(added["_meta"])
	if err != nil {
		return false
	}
	other, err := json.Marshal(known["_meta"])
	return err == nil && string(one) == string(other)
}

// newFields returns those of fields that are not known. To a field that is known no sub-field in
// lower case is added: what is stored already would lack it.
func newFields(fields, known object) object {
	out := object{}
	for name, v := range fields {
		f, ok := v.(object)
		old := child(known, name)
		switch {
		case !ok:
		case old == nil:
			out[name] = f
		default:
			added := object{}
			if p := newFields(child(f, "properties"), child(old, "properties")); len(p) > 0 {
				added["properties"] = p
			}
			subs := newFields(child(f, "fields"), child(old, "fields"))
			for sub := range subs {
				if strings.HasPrefix(sub, lowerName) {
					delete(subs, sub)
				}
			}
			if len(subs) > 0 {
				added["fields"] = subs
			}
			if len(added) == 0 {
				continue
			}
			for name, v := range f {
				if name != "properties" && name != "fields" {
					added[name] = v
				}
			}
			out[name] = added
		}
	}
	return out
}

// Drop removes an index with all its records.
func (d *Driver) Drop(ctx context.Context, index string) error {
	where, err := indexPath(index, "")
	if err != nil {
		return nil //nolint:nilerr // no index has such a name
	}
	err = d.client.ask(ctx, &request{method: http.MethodDelete, path: where}, &struct{}{})
	d.layouts.put(index, nil)
	d.layouts.forget()
	if errors.Is(err, search.ErrUnknownIndex) {
		return nil
	}
	return err
}

// refresh makes what was stored visible.
func (d *Driver) refresh(ctx context.Context, index string) error {
	where, err := indexPath(index, "/_refresh")
	if err != nil {
		return err
	}
	var answer struct {
		Shards struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	if err := d.client.ask(ctx, &request{method: http.MethodPost, path: where}, &answer); err != nil {
		return err
	}
	if answer.Shards.Failed > 0 {
		return fmt.Errorf("%w: %d shards did not show what was stored", search.ErrPartial, answer.Shards.Failed)
	}
	return nil
}

// grace is how long a load may still take to show what it stored after its context has ended.
const grace = 10 * time.Second
