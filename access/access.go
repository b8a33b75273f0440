// Package access says who may see what: which indexes, which of their records,
// and which fields of these, plain, masked or not at all.
package access

import (
	"context"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Principal is who asks.
type Principal struct {
	User   string
	Tenant string
	Roles  []string
	Groups []string
	// Attributes are what row rules compare with: the district of an officer,
	// the id of a patient.
	Attributes map[string][]string
}

// A Policy says what the holders of roles may see. It never changes and is safe
// for concurrent use. What no role grants is denied.
type Policy struct{}

// A View is what one principal sees of one index. It never changes and is safe
// for concurrent use.
type View struct {
	full, asked *record.Schema
}

// Allows reports whether who may see anything of the index with this name.
func (p *Policy) Allows(who *Principal, index string) bool { return true }

// View returns what who sees of the index of a schema; ok is false if that is nothing.
func (p *Policy) View(who *Principal, s *record.Schema) (v *View, ok bool) {
	return &View{s, s}, true
}

// Full is the schema of the index as it is.
func (v *View) Full() *record.Schema { return v.full }

// Schema is what may be asked about: without the fields that are hidden or
// masked, so that a query cannot tell them from fields that do not exist.
func (v *View) Schema() *record.Schema { return v.asked }

// Shown reports whether the field with this path, of the full schema, may be
// among the columns of a result: plain or masked.
func (v *View) Shown(f *record.Field) bool { return true }

// Masked reports whether values of f are changed before they are shown.
func (v *View) Masked(f *record.Field) bool { return false }

// Mask appends what may be shown of the values of f to dst.
func (v *View) Mask(dst []record.Value, f *record.Field, values []record.Value) []record.Value {
	return append(dst, values...)
}

// Plain reports whether every field is shown as it is, so that whole documents
// may be shown.
func (v *View) Plain() bool { return true }

// Scope returns the condition that restricts the records, of fields of the full
// schema: plan.All if there is no restriction. The options give the clock, zone and functions
// of the query that it is joined to; the user in them is replaced by who.
func (v *View) Scope(ctx context.Context, opts *jql.ResolveOptions) (plan.Node, error) {
	return plan.All{}, nil
}

// ID returns what may be shown of a record's id.
func (v *View) ID(id string) string { return id }
