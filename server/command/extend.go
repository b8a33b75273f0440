package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/digit-health/dhr/record"
)

// extend returns the schema of an index that is there, with the fields of the documents that it lacks, as an index that is made for
// them would have them: what is stored is to be found. A mapping that says in dynamic that it wants no others gets none. Documents
// of which it cannot be told what fields they have are loaded all the same, into the fields that are there, and that is said.
func (im *importing) extend(ctx context.Context, o *parts, existing *record.Schema) (*record.Schema, func(), error) {
	inferred, forget, err := im.infer(ctx, filepath.Join(o.config.Server.Data, "tmp"))
	if err == nil {
		var more *record.Schema
		if more, err = lacking(existing, inferred); err == nil && more == nil {
			return existing, forget, nil
		} else if err == nil {
			more, err = existing.Merge(more)
		}
		if err == nil {
			return more, forget, nil
		}
	}
	if ctx.Err() != nil {
		return nil, forget, errors.New("interrupted; nothing was stored")
	}
	say(im.p.Errors, "%s: fields that the index lacks are not added: %v\n", im.index, err)
	return existing, forget, nil
}

// A definition is that of an object in a mapping, or of the whole.
type definition struct {
	Type       string                     `json:"type,omitempty"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// lacking returns those fields of a schema that another, of the same index, lacks; nil if there are none.
func lacking(existing, inferred *record.Schema) (*record.Schema, error) {
	raw, err := json.Marshal(inferred)
	if err != nil {
		return nil, err
	}
	var all struct {
		Mappings definition `json:"mappings"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	if err := all.Mappings.keepLacking(existing, "", existing.Dynamic); err != nil || len(all.Mappings.Properties) == 0 {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{"mappings": all.Mappings})
	if err != nil {
		return nil, err
	}
	return record.ParseSchema(existing.Index, text)
}

// keepLacking leaves in an object those fields that a schema lacks, unless its dynamic setting there is that it takes no others.
func (d *definition) keepLacking(s *record.Schema, path, dynamic string) error {
	for name, raw := range d.Properties {
		f := s.Field(path + name)
		switch {
		case f == nil && (dynamic == "" || dynamic == "true"):
			continue
		case f == nil || f.Kind != record.Object && f.Kind != record.Nested:
			delete(d.Properties, name)
			continue
		}
		var inner definition
		if err := json.Unmarshal(raw, &inner); err != nil {
			return err
		}
		if err := inner.keepLacking(s, path+name+".", cmp.Or(f.Dynamic, dynamic)); err != nil {
			return err
		}
		if len(inner.Properties) == 0 {
			delete(d.Properties, name)
			continue
		}
		if inner.Type = ""; f.Kind == record.Nested {
			inner.Type = f.Type
		}
		text, err := json.Marshal(inner)
		if err != nil {
			return err
		}
		d.Properties[name] = text
	}
	return nil
}
