package jql

import (
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// order gives all plans their orders: the keys of ORDER BY without repeats, and
// a unique one at the end.
func (r *resolver) order(plans []*plan.Plan) {
	r.sorting = true
	for k := range r.q.Order {
		r.sortKey(&r.q.Order[k], plans)
	}
	for k := range plans[0].Order {
		total := true
		for i, s := range r.schemas {
			total = total && isUnique(s, plans[i].Order[k].Field)
		}
		if total { // what follows decides nothing
			for _, p := range plans {
				p.Order = p.Order[:k+1]
			}
			return
		}
	}
	for i, s := range r.schemas {
		key := s.Key
		if key == nil {
			key = s.Field("_id")
		}
		plans[i].Order = append(plans[i].Order, plan.Sort{Field: key})
	}
}

func isUnique(s *record.Schema, f *record.Field) bool {
	return f != nil && (f == s.Key || f.Path == "_id")
}

// sortKey adds one key to all orders, unless it is there already.
func (r *resolver) sortKey(k *SortKey, plans []*plan.Plan) {
	fields := make([]*record.Field, len(r.schemas))
	repeated := true
	for i, s := range r.schemas {
		r.at, r.schema = i, s
		f := r.field(&k.Field)
		if f == nil {
			continue
		}
		exact := f.Exact()
		if exact == nil || !isScalar(exact) {
			r.fail(k.Field.Span, "not_sortable", "the field "+quoted(f.Path)+", "+what(f)+", cannot be sorted by").Found = k.Field.Text
			return
		}
		fields[i] = exact
		repeated = repeated && slices.ContainsFunc(plans[i].Order, func(s plan.Sort) bool { return s.Field == exact })
	}
	if repeated {
		return
	}
	for i := range plans {
		plans[i].Order = append(plans[i].Order, plan.Sort{Field: fields[i], Desc: k.Direction == "DESC"})
	}
}
