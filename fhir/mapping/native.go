package mapping

import (
	"bytes"

	"github.com/digit-health/dhr/fhir"
)

// A subset takes elements out of finished resources.
type subset = fhir.Subset

// Elements returns a mapper whose resources have, besides the mandatory elements, only those of the outermost level that
// are named, and the tag SUBSETTED in their meta. A name that is no element of the type is an error.
func (x *Mapper) Elements(names ...string) (*Mapper, error) {
	s, err := fhir.NewSubset(x.mapping.Type, names)
	if err != nil {
		return nil, err
	}
	y := &Mapper{mapping: x.mapping, schema: x.schema, root: x.root, id: x.id, patient: x.patient, elsewhere: x.elsewhere, fields: x.fields, scopes: x.scopes, bags: x.bags, subset: s}
	y.pool.New = func() any { return newRun(y) }
	return y, nil
}

// appendNative appends the document of a record, which has to be a resource of the type.
func (x *Mapper) appendNative(dst []byte, run *run) ([]byte, error) {
	source := run.record.Source()
	if source == nil {
		return dst, errNoSource
	}
	typ, err := fhir.ResourceType(source)
	if err != nil {
		run.fail(x.mapping.Type, "%s", err)
		return dst, run.unmappable()
	}
	if typ != x.mapping.Type {
		run.fail(x.mapping.Type, "found a resource of type %s", short(typ))
		return dst, run.unmappable()
	}
	if bytes.IndexByte(source, '\n') < 0 && bytes.IndexByte(source, '\r') < 0 {
		return append(dst, source...), nil
	}
	// A line feed within JSON stands between its parts alone: strings have none.
	for _, c := range source {
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
		}
	}
	return dst, nil
}
