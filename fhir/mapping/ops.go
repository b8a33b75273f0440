package mapping

import "github.com/digit-health/dhr/record"

// A status says what an op has appended.
type status uint8

const (
	nothing    status = iota
	constantly        // constants alone
	something         // a value of the record
	failed            // nothing, and the record cannot be mapped
)

// An op appends a value of JSON, or nothing.
type op interface {
	append(dst []byte, x *run) ([]byte, status)
}

// An opConst is a constant.
type opConst struct{ raw []byte }

func (o *opConst) append(dst []byte, _ *run) ([]byte, status) {
	return append(dst, o.raw...), constantly
}

// An opCondition is a $when.
type opCondition struct{ scope, number int }

// An opObject makes an object.
type opObject struct {
	path, name string
	when       *opCondition
	open       []byte
	resource   bool
	force      bool
	dynamic    bool
	members    []opMember
	groups     []group
}

type opMember struct {
	key   []byte
	op    op
	group int // -1 if none
	// extension says that it belongs to a primitive value, or stands in its place.
	extension bool
}

// A group is an element that is required, or the members of a choice.
type group struct {
	name             string
	required, choice bool
}

const maxGroups = 64

func (o *opObject) append(dst []byte, x *run) ([]byte, status) {
	if o.when != nil && !x.matches(o.when) {
		return dst, nothing
	}
	var counts [maxGroups]uint8
	start := len(dst)
	dst = append(dst, o.open...)
	best, comma := nothing, o.resource
	for i := range o.members {
		m := &o.members[i]
		mark := len(dst)
		if comma {
			dst = append(dst, ',')
		}
		dst = append(dst, m.key...)
		var st status
		dst, st = m.op.append(dst, x)
		switch st {
		case failed:
			return dst[:start], failed
		case nothing:
			dst = dst[:mark]
			continue
		}
		comma, best = true, max(best, st)
		if m.group >= 0 && (!m.extension || counts[m.group] == 0) {
			counts[m.group]++
		}
	}
	if best == nothing || best == constantly && o.dynamic && !o.force {
		return dst[:start], nothing
	}
	for i := range o.groups {
		g := &o.groups[i]
		switch {
		case counts[i] == 0 && g.required:
			return dst[:start], x.fail(o.path+"."+g.name, "is required and has no value")
		case counts[i] > 1 && g.choice:
			return dst[:start], x.fail(o.path+"."+g.name, "has more than one value, of which there may be one")
		}
	}
	if o.when != nil { // it is there because of the record
		best = something
	}
	return append(dst, '}'), best
}

// An opList makes an array.
type opList struct {
	path  string
	items []opItem
}

type opItem struct {
	op    op
	each  *opSource // nil without
	scope *scope
}

func (o *opList) append(dst []byte, x *run) ([]byte, status) {
	start := len(dst)
	dst = append(dst, '[')
	best := nothing
	for i := range o.items {
		it := &o.items[i]
		var st status
		if it.each == nil {
			dst, st = appendItem(dst, it.op, x, best != nothing)
		} else {
			dst, st = it.appendEach(dst, x, best != nothing, o.path)
		}
		if st == failed {
			return dst[:start], failed
		}
		best = max(best, st)
	}
	if best == nothing {
		return dst[:start], nothing
	}
	return append(dst, ']'), best
}

func appendItem(dst []byte, o op, x *run, comma bool) ([]byte, status) {
	mark := len(dst)
	if comma {
		dst = append(dst, ',')
	}
	dst, st := o.append(dst, x)
	if st == nothing {
		return dst[:mark], nothing
	}
	return dst, st
}

// appendEach makes an item for each value of a field.
func (it *opItem) appendEach(dst []byte, x *run, comma bool, path string) ([]byte, status) {
	best := nothing
	for _, v := range x.raw(it.each) {
		if v.IsNull() || v.Kind() == record.String && v.Text() == "" {
			continue
		}
		if why := x.enter(it.scope, v); why != "" {
			return dst, x.fail(path, "%s", why)
		}
		var st status
		dst, st = appendItem(dst, it.op, x, comma)
		if st == failed {
			return dst, failed
		}
		if st != nothing {
			comma, best = true, something // it is there because of the value
		}
	}
	return dst, best
}

// An opSource is where values come from.
type opSource struct {
	id            bool // the record's id
	scope, column int
	name          string
	axis          byte      // 'a' of lat or 'o' of lon, of a geo_point
	date          precision // of a date field of days
	bag           *bag      // in which an object is looked up whose key column has the value
	key           int
	value         string
}

// An opTemplate is a text with values in it.
type opTemplate struct {
	parts  []opPart
	single bool // it is one field
}

type opPart struct {
	literal string
	sources []*opSource // the first with a value counts
}
