package access

import (
	"container/list"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/digit-health/dhr/record"
)

// A View is what one principal sees of one index. It never changes and is safe
// for concurrent use.
type View struct {
	*scenery
	policy *Policy
	who    *Principal
}

// A scenery is what a view shows to everyone who has the same grants.
type scenery struct {
	full, asked *record.Schema
	sights      []*sight
	// fields says how each declared field is treated, by path, and _id and _index.
	fields map[string]Treatment
	shut   map[string]bool // flattened fields of which no key is shown
	plain  bool
}

// grantsFor returns the grants that who has for an index.
func (p *Policy) grantsFor(who *Principal, index string) (grants []*grant) {
	if who == nil {
		return nil
	}
	roles := slices.Clone(who.Roles)
	slices.Sort(roles)
	for _, role := range slices.Compact(roles) {
		for _, g := range p.roles[role] {
			if anyFits(g.indexes, who, index) {
				grants = append(grants, g)
			}
		}
	}
	return grants
}

func anyFits(patterns []pattern, who *Principal, index string) bool {
	for i := range patterns {
		if patterns[i].fits(who, index) {
			return true
		}
	}
	return false
}

// Allows reports whether who may see anything of the index with this name.
func (p *Policy) Allows(who *Principal, index string) bool { return len(p.grantsFor(who, index)) > 0 }

// View returns what who sees of the index of a schema; ok is false if that is
// nothing. For the same grants of the same schema, while it is remembered, the
// schema of the view is the same. who must not change while the view is used.
func (p *Policy) View(who *Principal, s *record.Schema) (v *View, ok bool) {
	grants := p.grantsFor(who, s.Index)
	if len(grants) == 0 {
		return nil, false
	}
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.id
	}
	key := viewKey{s, strings.Join(ids, " ")}
	seen := p.views.get(key)
	if seen == nil {
		seen = p.views.put(key, newScenery(s, grants))
	}
	return &View{seen, p, who}, true
}

// newScenery works out what grants show of s.
func newScenery(s *record.Schema, grants []*grant) *scenery {
	v := &scenery{full: s, fields: map[string]Treatment{}, shut: map[string]bool{}, plain: true}
	for _, g := range grants {
		v.sights = addSight(v.sights, g.see(s))
	}
	for i, one := range v.sights {
		v.plain = v.plain && one.g.all
		for path, show := range one.fields {
			if i > 0 {
				show = meet(v.fields[path], show)
			}
			v.fields[path] = show
		}
	}
	v.close()
	v.asked = s
	if !v.plain {
		v.asked = s.Without(v.hides, v.hasKeys)
	}
	return v
}

// addSight adds one to sights, unless another gives all that it does, and
// leaves out those that give nothing besides it.
func addSight(sights []*sight, one *sight) []*sight {
	for _, other := range sights {
		if other.covers(one) {
			return sights
		}
	}
	return append(slices.DeleteFunc(sights, one.covers), one)
}

// covers reports whether v gives all that w does: its records, and each of its fields.
func (v *sight) covers(w *sight) bool {
	return (v.g.rows == nil || v.g.rowsText == w.g.rowsText) && w.within(v)
}

// hides reports whether f may not be asked about. It may be a key inside of a
// flattened field.
func (v *scenery) hides(f *record.Field) bool { return v.treatment(f).As != Visible }

// hasKeys reports whether some keys of a flattened field that is hidden may be seen.
func (v *scenery) hasKeys(f *record.Field) bool {
	if v.shut[f.Path] {
		return false
	}
	for _, one := range v.sights {
		if !one.keys[f.Path] && one.fields[f.Path].As == Hidden {
			return false
		}
	}
	return true
}

// treatment returns how f is treated, a field of the full schema or another of the same index.
func (v *scenery) treatment(f *record.Field) Treatment {
	if show, ok := v.fields[f.Path]; ok {
		return show
	}
	holder := flattenedAbove(v.full, f.Path)
	if holder == nil || v.shut[holder.Path] {
		return Treatment{As: Hidden}
	}
	show := Treatment{As: Visible}
	for _, one := range v.sights {
		show = meet(show, one.key(v.full, f))
	}
	return show
}

// close hides what would tell something of a field that is hidden or masked.
func (v *scenery) close() {
	if v.plain {
		return
	}
	for changed, to := true, copies(v.full); changed; {
		changed = v.closeHistories()
		for path, targets := range to {
			if v.fields[path].As == Visible {
				continue
			}
			for _, target := range targets {
				changed = v.hideAll(target) || changed
			}
		}
	}
	v.closeObjects(v.full.Fields())
	if key := v.full.Key; key != nil && v.fields[key.Path].As != Visible && !v.idNamed() {
		v.fields["_id"] = meet(v.fields["_id"], likeKey(key, v.fields[key.Path]))
	}
}

// idNamed reports whether every grant says by name how _id is treated.
func (v *scenery) idNamed() bool {
	for _, one := range v.sights {
		if _, ok := one.g.names["_id"]; !ok {
			return false
		}
	}
	return true
}

// closeHistories hides the entries of histories that tell of a field which may not be asked about.
func (v *scenery) closeHistories() (changed bool) {
	for i := range v.full.Histories {
		h := &v.full.Histories[i]
		for _, path := range h.Fields {
			if v.fields[path].As != Visible {
				changed = v.hideAll(h.Path) || changed
			}
		}
	}
	return changed
}

// hideAll hides the field with this path or alias, its sub-fields and everything inside of
// it; it reports whether anything was not hidden before.
func (v *scenery) hideAll(name string) (changed bool) {
	for _, f := range v.full.Lookup(name) {
		if base := v.full.Field(f.Source); base != nil {
			f = base
		}
		for g := range v.full.All() {
			if g.Path != f.Path && !strings.HasPrefix(g.Path, f.Path+".") || v.fields[g.Path].As == Hidden && v.shut[g.Path] {
				continue
			}
			v.fields[g.Path], v.shut[g.Path] = Treatment{As: Hidden}, true
			changed = true
		}
	}
	return changed
}

// closeObjects hides the objects of which a part is not visible, and reports
// whether all of the fields are visible.
func (v *scenery) closeObjects(fields []*record.Field) (visible bool) {
	visible = true
	for _, f := range fields {
		inside := v.closeObjects(f.Fields)
		if !inside { // whatever its mask: two grants together never show what one hides
			v.fields[f.Path] = Treatment{As: Hidden}
		}
		visible = visible && inside && v.fields[f.Path].As == Visible
	}
	return visible
}

// Full is the schema of the index as it is.
func (v *View) Full() *record.Schema { return v.full }

// Schema is what may be asked about: without the fields that are hidden or
// masked, so that a query cannot tell them from fields that do not exist.
func (v *View) Schema() *record.Schema { return v.asked }

// Shown reports whether the field with this path, of the full schema, may be
// among the columns of a result: plain or masked. A field that is not declared is not shown.
func (v *View) Shown(f *record.Field) bool { return v.treatment(f).As != Hidden }

// Masked reports whether values of f are changed before they are shown.
func (v *View) Masked(f *record.Field) bool {
	how := v.treatment(f).As
	return how != Hidden && how != Visible
}

// Mask appends what may be shown of the values of f, in a record, to dst. What a mask
// makes is a String, whatever the kind of f; a date keeps of its text
// what is left of it, as in 2024-05. A Constant stands once for all values.
func (v *View) Mask(dst []record.Value, f *record.Field, values []record.Value) []record.Value {
	t := v.treatment(f)
	switch t.As {
	case Visible:
		return append(dst, values...)
	case Hidden, Removed:
		return dst
	case Constant:
		if len(values) > 0 {
			dst = append(dst, record.StringValue(t.Text))
		}
		return dst
	}
	m := masker{Treatment: &t, key: v.policy.key, zone: v.policy.zone, path: f.Source, fold: f.FoldCase}
	if f.DateOnly() {
		m.zone = time.UTC
	}
	for _, value := range values {
		if text, ok := m.text(value); ok {
			dst = append(dst, record.StringValue(text))
		}
	}
	return dst
}

// ID returns what may be shown of a record's _id: itself, what its mask
// makes of it, or nothing, which is an empty text.
func (v *View) ID(id string) string {
	if v.fields["_id"].As == Visible {
		return id
	}
	f := v.full.Field("_id")
	if f == nil {
		return ""
	}
	for _, shown := range v.Mask(nil, f, []record.Value{record.StringValue(id)}) {
		return shown.Text()
	}
	return ""
}

// Plain reports whether every field is shown as it is, so that whole documents
// may be shown.
func (v *View) Plain() bool { return v.plain }

// defaultViews is how many views are remembered.
const defaultViews = 256

type viewKey struct {
	schema *record.Schema
	grants string
}

// views remembers the views that were asked for last.
type views struct {
	limit int
	mu    sync.Mutex
	byKey map[viewKey]*list.Element
	used  list.List // of *remembered, the last one used in front
}

type remembered struct {
	key  viewKey
	view *scenery
}

func (vs *views) get(key viewKey) *scenery {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	e := vs.byKey[key]
	if e == nil {
		return nil
	}
	vs.used.MoveToFront(e)
	return e.Value.(*remembered).view
}

// put remembers a view, and returns the one to use: that of another goroutine if it was faster.
func (vs *views) put(key viewKey, v *scenery) *scenery {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if e := vs.byKey[key]; e != nil {
		return e.Value.(*remembered).view
	}
	if vs.byKey == nil {
		vs.byKey = map[viewKey]*list.Element{}
	}
	vs.byKey[key] = vs.used.PushFront(&remembered{key, v})
	limit := vs.limit
	if limit == 0 {
		limit = defaultViews
	}
	for vs.used.Len() > limit {
		last := vs.used.Back()
		delete(vs.byKey, vs.used.Remove(last).(*remembered).key)
	}
	return v
}

// Treatment says how a field of the full schema is shown.
func (v *View) Treatment(f *record.Field) Treatment { return v.treatment(f) }
