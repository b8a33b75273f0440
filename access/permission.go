package access

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// A Permission is something that a principal may do with what it may see. Permissions say nothing
// about which records, which grants do: none of them widens what is seen.
type Permission string

// The permissions. Each stands for itself alone, so that who administers exports
// need not be able to make one.
const (
	MayView   Permission = "view"   // ask questions and see their records and figures
	MayExport Permission = "export" // take records away as files
	MayShare  Permission = "share"  // show saved things to other users
	MayAudit  Permission = "audit"  // read who did what
	MayAdmin  Permission = "admin"  // manage what belongs to others of the same tenant
)

// permissions are all of them.
var permissions = []Permission{MayView, MayExport, MayShare, MayAudit, MayAdmin}

// May reports whether one of the roles of who has a permission.
func (p *Policy) May(who *Principal, what Permission) bool {
	if who == nil {
		return false
	}
	for _, role := range who.Roles {
		if slices.Contains(p.may[role], what) {
			return true
		}
	}
	return false
}

// Permissions returns what who may do, in the order in which the constants stand.
func (p *Policy) Permissions(who *Principal) []Permission {
	all := []Permission{}
	for _, what := range permissions {
		if p.May(who, what) {
			all = append(all, what)
		}
	}
	return all
}

// permissions checks those of a role.
func (b *builder) permissions(all []Permission) []Permission {
	for i, what := range all {
		if !slices.Contains(permissions, what) {
			known := make([]string, len(permissions))
			for j, p := range permissions {
				known[j] = string(p)
			}
			b.fail(fmt.Sprintf("permissions[%d]", i), fmt.Errorf("there is no permission %q; there are %s", what, strings.Join(known, ", ")))
		}
	}
	return slices.Clone(all)
}

//go:embed roles.json
var defaultRoles []byte

// DefaultRoles returns the text of the roles that DHR ships, as [ParseRoles]
// reads it:
//
//   - PATIENT sees its own records, those whose patient_id is the principal's
//     attribute patient_id;
//   - ANALYST sees every record, without what is personal, and may share;
//   - EXPORTER sees what an ANALYST sees, and may take it away;
//   - ADMIN sees and does everything.
func DefaultRoles() []byte { return slices.Clone(defaultRoles) }
