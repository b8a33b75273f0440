package mapping

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// A zone is a time zone with its name.
type zone struct {
	name string
	loc  *time.Location
}

// dateOptions say how a value is read as a date, and how it is written.
type dateOptions struct {
	from      string // epoch_millis or epoch_seconds, or empty
	zone      *zone  // nil if none is given
	own       bool   // the zone is the value's own
	clock     bool
	precision string // empty for all there is
}

var (
	epochs     = []string{"epoch_millis", "epoch_seconds"}
	precisions = []string{"year", "month", "day", "second", "milli"}
)

func (r *reader) readZone(n *yaml.Node, key string) *zone {
	name, ok := r.text(n, key, "the name of a time zone")
	if !ok {
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		r.complain(n, key, "found %q; expected the name of a time zone such as Africa/Lagos", name)
		return nil
	}
	return &zone{name, loc}
}

// dateOption reads from, zone, clock or precision.
func (r *reader) dateOption(d *dateOptions, name string, p pair) {
	switch name {
	case "zone":
		d.zone, d.own = r.readZone(p.value, p.key), true
	case "clock":
		d.clock = r.flag(p.value, p.key)
	case "from":
		text, ok := r.text(p.value, p.key, oneOf(epochs))
		if ok && !slices.Contains(epochs, text) {
			r.complain(p.value, p.key, "found %q; expected one of %s", text, oneOf(epochs))
		}
		d.from = text
	case "precision":
		text, ok := r.text(p.value, p.key, oneOf(precisions))
		if ok && !slices.Contains(precisions, text) {
			r.complain(p.value, p.key, "found %q; expected one of %s", text, oneOf(precisions))
		}
		d.precision = text
	}
}
