package sqldoc

import (
	"strconv"
	"strings"

	"github.com/digit-health/dhr/docstore"
)

// A list is the statement of a listing while it is written.
type list struct {
	q    *docstore.Query
	args []any
	// The numbers of arguments that are used several times.
	kind, tenant, limit string
	after               []string
}

// listing returns the statement that answers q.
func listing(q *docstore.Query) (text string, args []any) {
	l := &list{q: q}
	l.kind, l.limit = l.arg(q.Kind), l.arg(q.Limit)
	if !q.AllTenants {
		l.tenant = l.arg(q.Tenant)
	}
	if q.After != nil {
		for _, key := range l.keys() {
			l.after = append(l.after, l.arg(value(q.After, key)))
		}
	}
	if len(q.Any) == 0 {
		return "SELECT " + columns + " FROM {s}document AS d WHERE " + l.where() + l.order("d."), l.args
	}
	return "SELECT " + columns + " FROM (" + l.labelled(q.Any) + ") AS l JOIN {s}document AS d ON d.kind = " + l.kind +
		" AND d.tenant = l.tenant AND d.id = l.id" + l.order("d."), l.args
}

// arg adds an argument, and returns how it is named.
func (l *list) arg(v any) string {
	l.args = append(l.args, v)
	return "$" + strconv.Itoa(len(l.args))
}

// keys are the columns of the order. That of one tenant needs no tenant.
func (l *list) keys() []string {
	var keys []string
	switch l.q.Order {
	case docstore.ByChange:
		return []string{"change"}
	case docstore.ByName:
		keys = []string{"name", "id"}
	default:
		keys = []string{"id"}
	}
	if l.q.AllTenants {
		keys = append(keys, "tenant")
	}
	return keys
}

// value returns what a cursor says of a key.
func value(c *docstore.Cursor, key string) any {
	switch key {
	case "change":
		return c.Change
	case "name":
		return c.Name
	case "tenant":
		return c.Tenant
	}
	return c.ID
}

// where returns the conditions on kind, tenant and place, which both tables answer.
func (l *list) where() string {
	text := "kind = " + l.kind
	if l.tenant != "" {
		text += " AND tenant = " + l.tenant
	}
	if len(l.after) > 0 {
		than := " > "
		if l.q.Descending {
			than = " < "
		}
		text += " AND (" + strings.Join(l.keys(), ", ") + ")" + than + "(" + strings.Join(l.after, ", ") + ")"
	}
	return text
}

func (l *list) order(prefix string) string {
	text := ""
	for i, key := range l.keys() {
		if i > 0 {
			text += ", "
		}
		text += prefix + key
		if l.q.Descending {
			text += " DESC"
		}
	}
	return " ORDER BY " + text + " LIMIT " + l.limit
}

// maxArms is how many SELECTs one UNION has; SQLite takes 500.
const maxArms = 400

// labelled returns the keys of the first documents with any of some labels: for each
// label, it reads no more of an index than there is room on the page.
func (l *list) labelled(labels []string) string {
	if len(labels) > maxArms {
		var parts []string
		for len(labels) > 0 {
			n := min(len(labels), maxArms)
			parts = append(parts, "SELECT tenant, id FROM ("+l.labelled(labels[:n])+") AS p"+strconv.Itoa(len(parts)))
			labels = labels[n:]
		}
		return strings.Join(parts, " UNION ")
	}
	var arms []string
	for _, label := range labels {
		arg := l.arg(label)
		arms = append(arms, "SELECT tenant, id FROM (SELECT tenant, id FROM {s}label WHERE "+l.where()+" AND label = "+arg+l.order("")+") AS a"+arg[1:])
	}
	return strings.Join(arms, " UNION ")
}
