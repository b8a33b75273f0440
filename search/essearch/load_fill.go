package essearch

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// pendingName is the member of _meta in which an index says that fields were added to it
// which do not find yet what was stored before. Until all is stored again
// these fields are asked of the documents, not of the engine.
const pendingName = "dhr_pending"

// A pending is what pendingName says.
type pending struct {
	By     string   `json:"by"`     // whoever stores again, by a name that nobody else has
	Fields []string `json:"fields"` // their paths
}

// newPending returns the mark of one who is about to store again.
func newPending(fields []string) *pending {
	slices.Sort(fields)
	return &pending{By: rand.Text(), Fields: slices.Compact(fields)}
}

// pendingOf reads the mark of a mapping. There is none if nothing is pending. One that cannot be
// read is of a later DHR, and then everything is pending.
func pendingOf(mappings object) *pending {
	raw, ok := child(mappings, "_meta")[pendingName]
	if !ok {
		return nil
	}
	p := &pending{}
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil || len(p.Fields) == 0 {
		p.Fields = nil
		for name := range child(mappings, "properties") {
			p.Fields = append(p.Fields, name)
		}
		slices.Sort(p.Fields)
	}
	return p
}

// put notes the mark in a mapping.
func (p *pending) put(mappings object) {
	meta := shallow(child(mappings, "_meta"))
	meta[pendingName] = object{"by": p.By, "fields": p.Fields}
	mappings["_meta"] = meta
}

// without returns a tree that lacks the fields with these paths, with all that is in them, and
// what _meta says of them.
func (t *tree) without(paths []string) *tree {
	out := &tree{settings: t.settings, mappings: shallow(t.mappings)}
	delete(out.mappings, "_meta")
	for _, path := range paths {
		out.mappings = withoutField(out.mappings, strings.Split(path, "."))
	}
	return out
}

// withoutField returns a copy of what is around a field, without it. The engine has an
// object around each part of a name that has dots.
func withoutField(around object, path []string) object {
	out := shallow(around)
	for _, list := range []string{"properties", "fields"} {
		fields := child(around, list)
		f, ok := fields[path[0]].(object)
		if !ok {
			continue
		}
		fields = shallow(fields)
		if len(path) == 1 {
			delete(fields, path[0])
		} else {
			fields[path[0]] = withoutField(f, path[1:])
		}
		out[list] = fields
	}
	return out
}

// fill stores every document of an index again after fields were added to it, and then takes
// the mark away that says so. If it does not come to its end the mark remains,
// and the next Create begins anew.
func (d *Driver) fill(ctx context.Context, index string, p *pending) error {
	// What was sent before the fields were there, and is not shown yet, is stored again as well.
	if err := d.refresh(ctx, index); err != nil {
		return err
	}
	if err := d.again(ctx, index); err != nil {
		return err
	}
	return d.settle(ctx, index, p)
}

// settle takes the mark away, unless somebody put another one there.
func (d *Driver) settle(ctx context.Context, index string, p *pending) error {
	answer, _, err := d.definitions(ctx, index)
	if err != nil {
		return err
	}
	info := answer[index]
	if info == nil {
		return fmt.Errorf("%w: %q", search.ErrUnknownIndex, index)
	}
	if now := pendingOf(info.Mappings); now == nil || now.By != p.By {
		return nil
	}
	meta := shallow(child(info.Mappings, "_meta"))
	delete(meta, pendingName)
	return d.putMapping(ctx, index, object{"_meta": meta})
}

// putMapping adds to the mapping of an index.
func (d *Driver) putMapping(ctx context.Context, index string, mappings object) error {
	body, err := json.Marshal(mappings)
	if err != nil {
		return err
	}
	where, err := indexPath(index, "/_mapping")
	if err != nil {
		return err
	}
	err = d.client.ask(ctx, &request{method: http.MethodPut, path: where, body: body}, &struct{}{})
	d.layouts.forget()
	return err
}

// again stores every document of an index once more, so that fields which were added to
// it find what was there before. One that somebody else writes or removes meanwhile stays as they
// leave it: what is written from now on is found anyway.
func (d *Driver) again(ctx context.Context, index string) (err error) {
	l, err := d.layout(ctx, index)
	if err != nil {
		return err
	}
	view, err := d.snapshot(ctx, index, "")
	if err != nil {
		return err
	}
	defer func() {
		if closing := view.Close(); err == nil {
			err = closing
		}
	}()
	var reading error
	var refused error
	_, err = d.load(ctx, l.schema, view.writes(ctx, l.schema, &reading), func(r search.Refusal) {
		refused = fmt.Errorf("%w: the document %q: %s", search.ErrSchemaConflict, r.ID, r.Reason)
	})
	return errors.Join(reading, err, refused)
}

// writes returns every document of a snapshot with the write that made it. What breaks off
// the reading is left in err.
func (s *snapshot) writes(ctx context.Context, schema *record.Schema, err *error) iter.Seq2[*search.Document, write] {
	return func(yield func(*search.Document, write) bool) {
		all := &plan.Plan{Schema: schema, Where: plan.All{}, Order: []plan.Sort{{Field: schema.Field("_id")}}}
		columns, failed := schema.ProjectAll()
		if failed != nil {
			*err = failed
			return
		}
		w := &walk{ties: s.d.opts.ties(), writes: true}
		w.yield = func(r *record.Record, _ error) bool {
			p, h := w.place.page, &w.place.page.hits[w.place.hit]
			by := write{p.bytes(h.number), p.bytes(h.term)}
			if !isWhole(by.number) || !isWhole(by.term) {
				*err = fmt.Errorf("%w: a hit lacks its _seq_no or _primary_term", search.ErrBadAnswer)
				return false
			}
			return yield(&search.Document{Record: r}, by)
		}
		if failed := s.scan(ctx, &search.Scan{Plan: all, Columns: columns, Source: true}, w); *err == nil {
			*err = failed
		}
	}
}

// isWhole reports whether text is a whole number.
func isWhole(text []byte) bool { return len(text) > 0 && len(bytes.Trim(text, "0123456789")) == 0 }
