package mapping

import (
	"errors"
	"slices"
	"sync"

	"github.com/digit-health/dhr/record"
)

// A Mapper makes resources of the records of one index. It is safe for concurrent use.
type Mapper struct {
	mapping *Mapping
	schema  *record.Schema
	root    *opObject // nil if native
	id      *opScalar
	patient *opScalar // nil without
	// elsewhere makes the references to Patients that patient does not know; nil without patient.
	elsewhere *opScalar

	fields []string
	scopes []*scope
	bags   []*bag
	subset *subset // nil for whole resources
	pool   sync.Pool
}

// Mapping returns the mapping that was bound.
func (x *Mapper) Mapping() *Mapping { return x.mapping }

// Fields returns the paths of the fields that have to be among the columns of the records. With a native mapping the records
// need their source as well.
func (x *Mapper) Fields() []string { return slices.Clone(x.fields) }

// Append appends the resource of r as one line of JSON, without the line feed. If the record cannot be mapped, the error is
// an [UnmappableError] and dst is returned as it was.
func (x *Mapper) Append(dst []byte, r *record.Record) ([]byte, error) {
	run := x.pool.Get().(*run)
	defer x.pool.Put(run)
	if x.subset == nil {
		return x.append(dst, run, r)
	}
	whole, err := x.append(run.whole[:0], run, r)
	if err != nil {
		return dst, err
	}
	run.whole = whole
	return x.subset.Append(dst, whole)
}

func (x *Mapper) append(dst []byte, run *run, r *record.Record) ([]byte, error) {
	if err := run.begin(r); err != nil {
		return dst, err
	}
	if x.root == nil {
		return x.appendNative(dst, run)
	}
	if x.patient != nil && x.patient != x.id {
		made, st := x.patient.append(run.id[:0], run)
		if st == failed {
			return dst, run.unmappable()
		}
		run.id = made
	}
	made, st := x.root.append(dst, run)
	if st == nothing {
		st = run.fail(x.root.path+".id", "is required and has no value")
	}
	if st == failed {
		return dst, run.unmappable()
	}
	return made, nil
}

// text returns what a scalar of an id makes.
func (x *Mapper) text(o *opScalar, run *run) (string, status) {
	raw, st := o.append(run.id[:0], run)
	if st == failed || st == nothing {
		return "", st
	}
	run.id = raw
	return string(raw[1 : len(raw)-1]), st
}

// IDOf returns the id of r's resource. The error is an [UnmappableError].
func (x *Mapper) IDOf(r *record.Record) (string, error) {
	run := x.pool.Get().(*run)
	defer x.pool.Put(run)
	if err := run.begin(r); err != nil {
		return "", err
	}
	text, st := x.text(x.id, run)
	if st == nothing {
		st = run.fail(x.mapping.Type+".id", "is required and has no value")
	}
	if st == failed {
		return "", run.unmappable()
	}
	return text, nil
}

// PatientOf returns the id of the Patient in whose compartment r's resource is, or "" if it is in none. A record of which that
// cannot be said is in none: [Mapper.Append] refuses it. Of a native resource it is whom it refers to by Patient/id, or by a URL of one
// of the bases of its mapping.
func (x *Mapper) PatientOf(r *record.Record) string { return x.textOf(x.patient, r) }

// Elsewhere reports whether r's resource is native and refers to a Patient in a way by which that is none of here: by a URL with another base, or
// to one of its versions, for which an index cannot be asked.
func (x *Mapper) Elsewhere(r *record.Record) bool {
	return x.mapping.Native && x.textOf(x.elsewhere, r) != ""
}

// textOf returns what a scalar of an id makes of a record; "" if it is nil, or nothing.
func (x *Mapper) textOf(o *opScalar, r *record.Record) string {
	if o == nil {
		return ""
	}
	run := x.pool.Get().(*run)
	defer x.pool.Put(run)
	if run.begin(r) != nil {
		return ""
	}
	text, _ := x.text(o, run)
	return text
}

var errNoSource = errors.New("mapping: the record has no source; scan with ScanOptions.Source")
