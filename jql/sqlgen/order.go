package sqlgen

import (
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A key is one key of an order that tells records of one index apart.
type key struct {
	sort   plan.Sort
	column *Column
	value  record.Value // of the record behind which to begin; Null for a missing value
}

// fewKeys is how many keys most orders have at most.
const fewKeys = 4

// keys appends to keys, which is empty, the keys of an order that tell records apart: not
// those that the index lacks, nor _index. Up to and with the first that is unique,
// _id, there is no other. With after the keys have the values of a record, and none is
// true if no record stands behind it, all if every one does.
func (b *Builder) keys(keys []key, order []plan.Sort, after []record.Value) (_ []key, all, none bool) {
	if after != nil && len(after) != len(order) {
		b.fail(fmt.Errorf("sqlgen: %d keys of a record for an order of %d", len(after), len(order)))
		return nil, false, true
	}
	for i, s := range order {
		k := key{sort: s}
		if after != nil {
			k.value = after[i]
		}
		if s.Field == nil || s.Field.Path == indexPath {
			if after == nil {
				continue
			}
			c := b.compareConstant(s, k.value)
			if c != 0 { // all records stand on one side of it, if the keys before are alike
				if len(keys) == 0 {
					return keys, c > 0, c < 0
				}
				k.column = nil
				k.value = record.BoolValue(c > 0)
				return append(keys, k), false, false
			}
			continue
		}
		var can bool
		if k.column, can = b.compared(s.Field); !can {
			b.fail(fmt.Errorf("sqlgen: no order by %q", s.Field.Path))
			return nil, false, true
		}
		keys = append(keys, k)
		if s.Field.Path == idPath {
			break
		}
	}
	return keys, false, false
}

// compareConstant says where the records of the index stand, by a key that is
// the same for all of them, to a record with the value: 1 is behind.
func (b *Builder) compareConstant(s plan.Sort, value record.Value) int {
	mine := record.Value{}
	if s.Field != nil {
		mine = record.StringValue(b.index)
	}
	switch {
	case mine.IsNull() && value.IsNull():
		return 0
	case mine.IsNull():
		return 1
	case value.IsNull():
		return -1
	}
	c := mine.Compare(value)
	if s.Desc {
		return -c
	}
	return c
}

// sortKey appends the expression by which records are sorted.
func (b *Builder) sortKey(k *key) {
	c := k.column
	switch s := c.Several; {
	case s == nil || c.Value != "" && !k.sort.Desc:
		b.plain(c, place{column: c.Value})
	case c.Value == "":
		b.best(k)
	default:
		b.SQL("coalesce((")
		b.best(k)
		b.SQL("), ")
		b.plain(c, place{column: c.Value})
		b.SQL(")")
	}
}

// plain appends what the value at p, perhaps a code, stands for.
func (b *Builder) plain(c *Column, p place) {
	if c.Codes == nil {
		b.at(p)
		return
	}
	d := c.Codes
	b.SQL("(SELECT ").SQL(d.Table).SQL(".").SQL(d.Value).SQL(" FROM ").SQL(d.Table).SQL(" WHERE ")
	b.SQL(d.Table).SQL(".").SQL(d.Code).SQL(" = ").at(p).SQL(")")
}

// best appends a query for the least or greatest of several values.
func (b *Builder) best(k *key) {
	c := k.column
	s := c.Several
	if b.l.Dialect == Postgres { // it has no min and max of bytea
		b.SQL("(SELECT ")
		b.plain(c, place{s.Table, s.Value})
		b.SQL(" FROM ").SQL(s.Table).SQL(" WHERE ")
		b.sideOnly(s)
		b.SQL(" AND ").SQL(s.Table).SQL(".").SQL(s.Row).SQL(" = m.").SQL(b.l.Row).SQL(" ORDER BY 1")
		if k.sort.Desc {
			b.SQL(" DESC")
		}
		b.SQL(" LIMIT 1)")
		return
	}
	fn := "min("
	if k.sort.Desc {
		fn = "max("
	}
	b.SQL("(SELECT ").SQL(fn)
	b.plain(c, place{s.Table, s.Value})
	b.SQL(") FROM ").SQL(s.Table).SQL(" WHERE ")
	b.sideOnly(s)
	b.SQL(" AND ").SQL(s.Table).SQL(".").SQL(s.Row).SQL(" = m.").SQL(b.l.Row).SQL(")")
}

// Order appends what stands behind ORDER BY.
func (b *Builder) Order(order []plan.Sort) *Builder {
	var room [fewKeys]key
	keys, _, _ := b.keys(room[:0], order, nil)
	return b.order(keys, false)
}

// order appends the keys; present says that no record lacks the first.
func (b *Builder) order(keys []key, present bool) *Builder {
	for i := range keys {
		k := &keys[i]
		if i > 0 {
			b.SQL(", ")
		}
		b.sortKey(k)
		if k.sort.Desc {
			b.SQL(" DESC")
		}
		if !k.column.Required && (i > 0 || !present) && (k.sort.Desc || b.l.Dialect == SQLite) {
			b.SQL(" NULLS LAST")
		}
	}
	if len(keys) == 0 {
		b.SQL("1")
	}
	return b
}

// After appends the condition that a record stands behind the one with these keys,
// as [github.com/digit-health/dhr/search.Read] has them.
func (b *Builder) After(order []plan.Sort, after []record.Value) *Builder {
	var room [fewKeys]key
	keys, all, none := b.keys(room[:0], order, after)
	if all || none {
		b.constant(all)
		return b
	}
	b.after(keys)
	return b
}

// after appends the condition for what is behind keys, of which at least one is left.
func (b *Builder) after(keys []key) {
	if len(keys) == 0 {
		b.SQL("FALSE")
		return
	}
	k := &keys[0]
	if k.column == nil {
		b.constant(k.value.Bool())
		return
	}
	if k.value.IsNull() {
		b.SQL("(")
		b.sortKey(k)
		b.SQL(" IS NULL AND ")
		b.after(keys[1:])
		b.SQL(")")
		return
	}
	arg, err := k.column.Stored(k.sort.Field, k.value)
	if err != nil {
		b.fail(err)
		return
	}
	beyond := " > "
	if k.sort.Desc {
		beyond = " < "
	}
	b.SQL("(")
	b.sortKey(k)
	b.SQL(beyond).Arg(arg)
	if !k.column.Required {
		b.SQL(" OR ")
		b.sortKey(k)
		b.SQL(" IS NULL")
	}
	if len(keys) > 1 {
		b.SQL(" OR (")
		b.sortKey(k)
		b.SQL(" = ").Arg(arg).SQL(" AND ")
		b.after(keys[1:])
		b.SQL(")")
	}
	b.SQL(")")
}
