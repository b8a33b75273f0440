/*
Package access says who may see what: which indexes, which of their records,
and which fields of these, plain, masked or not at all.

A [Policy] gives roles to see with; a [Principal] holds some of them. What a
principal sees of one index is a [View]: a condition that restricts the records
([View.Scope]), a schema that a query is resolved against ([View.Schema]), and for
each field whether and how its values are shown ([View.Shown], [View.Mask]). What no
role grants is denied.

	policy, err := access.NewPolicy(map[string]access.Role{
		"nurse": {Grants: []access.Grant{{
			Indexes:  []string{"{tenant}-visits"},
			Rows:     `district = attribute("district")`,
			Personal: &access.Treatment{As: access.Hidden},
			Fields:   []access.FieldRule{{Fields: []string{"patient.id"}, Show: access.Treatment{As: access.Pseudonym}}},
			Others:   access.Treatment{As: access.Visible},
		}}},
	}, &access.Options{Key: key})

# Fields

A field that is hidden or masked cannot be filtered, sorted, grouped or
suggested on: the view's schema does not have it, so that every complaint and
every completion is the one for a field that does not exist. What could tell its
values by another way goes with it:

  - its sub-fields and the field that it is a sub-field of, since they hold one value;
  - every object around it, which is neither shown as a whole nor asked whether it is
    empty. Its other fields stay;
  - the entries of a history that records its changes, with all they hold, and with them the
    history of the other fields;
  - fields that the mapping copies it to (copy_to);
  - the record's _id, if the schema's key is hidden or masked and no rule names _id:
    it is then treated as the key is. See [View.ID].

Records that are equal in all that a query orders by stand in the order of their ids. Where
a principal sees these hidden or masked, the pages of package search have the order of what is shown
of the ids, and a keyed, random one where that is the same: whoever knows the ids
from elsewhere cannot tell by its place which record is which. That takes reading all
of the records that are equal, for every page; a query that orders by more fields
takes less. Scans, and so exports, come as the engine reads them: by id, or
as they were stored. A role that must not learn that needs an id that says nothing.

What a mapping does not declare is hidden, and so are fields of a type that DHR does
not know, and objects as a whole, for they may hold what is not declared. A grant
shows them if it shows all: if it hides and masks nothing. It also
shows an object, or a field of unknown type, that a rule names by its path.

# Several roles

The records of several grants are added up, and of each field the strictest
treatment counts, so that no combination shows a value that no single grant
would show of that record. Take a doctor of Pune, who sees everything of the
district Pune, and who is also an analyst, who sees all districts but no names.
Were both added up, names of other districts would be seen, which neither grants.
So the doctor sees all districts, without names; to see the names again, she asks with the
role of the doctor alone. A grant that gives nothing that another does not give (the
same records or more, and every field at least as visible) is left out first, so
that a role that adds nothing takes nothing away.

Of two masks that both say something, and of which neither can be told from the
other, none is the stricter, and no value is shown.
*/
package access

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDenied is wrapped by errors that deny. Their text may name fields that the
// principal may not see: it is for the operator.
var ErrDenied = errors.New("access denied")

// ErrUnfit is wrapped, beside ErrDenied, by errors that deny an index since it is none that a rule could be about: it
// lacks a field that the rule asks for, or has another kind of field there. There is nothing in it to see.
var ErrUnfit = errors.New("access rule does not fit the index")

// A Principal is who asks.
type Principal struct {
	User   string
	Tenant string
	Roles  []string
	Groups []string
	// Attributes are what row rules compare with: the district of an officer,
	// the id of a patient. Empty texts are no values.
	Attributes map[string][]string
}

// A Role is what its holders may see: what any of its grants gives.
type Role struct {
	Grants []Grant `json:"grants"`
	// Permissions are what its holders may do. A role without any gives nothing but sight
	// to the permissions of other roles.
	Permissions []Permission `json:"permissions,omitempty"`
}

// A Grant gives some records of some indexes to see, and some of their fields.
type Grant struct {
	// Indexes are the names of indexes, in which * stands for any run of
	// characters, {tenant} for the principal's tenant, {root} for this up to its first
	// dot, and {user} for the user. A principal without one of these, or
	// with one that has other characters than letters, digits and . _ -, fits no name that asks
	// for it. Where tenants have names that begin alike, such as pb and pb-north,
	// {tenant}-* gives the indexes of one to the other: write the name out.
	//
	// A name with * or {…} fits no index whose name has characters that mean something to an engine
	// (* ? , / and the like), nor one that begins with a dot or with dhr-config-,
	// DHR's own, unless it begins so itself.
	Indexes []string `json:"indexes"`
	// Rows is a condition in JQL that the records meet; empty means all. It
	// may use every field of an index, seen or not, and besides the functions of the
	// language attribute("name"), attributes("name") for a list, currentTenant()
	// and currentGroups(). A clause with one that has no value for the principal
	// matches nothing, negated or not.
	Rows string `json:"rows,omitempty"`
	// Fields are the rules for fields. See FieldRule.
	Fields []FieldRule `json:"fields,omitempty"`
	// Personal is how fields of personal data are treated at most; nil means like all
	// others. A rule that names such a field by its path goes before it.
	Personal *Treatment `json:"personal,omitempty"`
	// Others is how fields are treated that no rule fits. The zero value hides them.
	Others Treatment `json:"others,omitzero"`
}

// A FieldRule says how some fields are treated.
type FieldRule struct {
	// Fields are paths or aliases, or patterns of these in which * stands for any
	// run of characters. Each also stands for what is inside of the field: its
	// fields, its keys, its sub-fields.
	//
	// A field's own path or alias goes before all other rules. Otherwise the
	// nearest path of an object around it counts, together with all
	// patterns that fit: the strictest of these.
	//
	// The record's _id and _index are treated by rules with just these names alone.
	Fields []string `json:"fields"`
	// Show is how the values are shown.
	Show Treatment `json:"show"`
}

// How says in which way a field is treated.
type How string

// The ways, from nothing to everything. Between Removed and Visible none is
// stricter than another, but a coarser one than a finer one of the same way.
const (
	Hidden    How = "hidden"    // not shown, and not known to exist; also the zero value
	Removed   How = "removed"   // shown without values
	Constant  How = "constant"  // one text if there are values
	Pseudonym How = "pseudonym" // a text that is the same for equal values and says nothing of them
	Date      How = "date"      // of a date the year, the month or the day
	Band      How = "band"      // of a number the band that it lies in, such as 60-69
	First     How = "first"     // the first characters
	Visible   How = "visible"
)

// A Treatment says how the values of a field are shown. In JSON a way that
// needs nothing else may stand alone: "hidden".
//
// A mask makes texts of what it is for: Date of dates, Band of numbers that are not negative, First of
// texts, versions and whole numbers, Pseudonym of every single value. Of all other values,
// and of objects, nothing is shown.
type Treatment struct {
	As How `json:"as"`
	// Text is that of a Constant. If empty, ***.
	Text string `json:"text,omitempty"`
	// Unit is what a Date is cut to: year, month or day, as in 2024, 2024-05 and 2024-05-17.
	Unit string `json:"unit,omitempty"`
	// Width is that of a Band, from 1 on: 10 makes 0-9, 10-19 and so on.
	Width int `json:"width,omitempty"`
	// Top is where the last Band begins, a multiple of Width: 90 makes 90+. If zero, there is no last one.
	Top int `json:"top,omitempty"`
	// Length is how many characters First shows, from 1 on. A value that has no more is shown
	// whole. Accents, and other marks that go with a letter, count with it.
	Length int `json:"length,omitempty"`
	// Domain tells the pseudonyms of fields apart. If empty, it is the field's path in the document: equal
	// values of two fields have different pseudonyms, also in one record. Fields of
	// one domain have the same.
	Domain string `json:"domain,omitempty"`
}

// An Error says what is wrong with a policy, and where.
type Error struct {
	// Role and Grant are the role and which of its grants, from 0; -1 if it is none.
	Role  string
	Grant int
	// Part is the member of the grant, such as rows, indexes[1] or fields[0].show.
	Part string
	// Err is what is wrong: for rows a jql.ErrorList, with the place in the text.
	Err error
}

// Error returns one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("access: ")
	if e.Role != "" {
		fmt.Fprintf(&b, "role %q: ", e.Role)
	}
	if e.Grant >= 0 {
		fmt.Fprintf(&b, "grants[%d]: ", e.Grant)
	}
	if e.Part != "" {
		b.WriteString(e.Part + ": ")
	}
	return b.String() + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
