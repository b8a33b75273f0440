package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
)

// A Level is what somebody may do with a saved thing. Each contains those before it.
type Level string

// The levels.
const (
	Read  Level = "read"  // see it, run it, copy it
	Write Level = "write" // change it
	Admin Level = "admin" // share and delete it
	Own   Level = "owner" // give it to another owner; not to be given as a share
)

// levels are all of them, from nothing to everything.
var levels = []Level{"", Read, Write, Admin, Own}

// atLeast reports whether l contains other.
func (l Level) atLeast(other Level) bool {
	return slices.Index(levels, l) >= slices.Index(levels, other)
}

// A SharePermission gives a saved thing to somebody.
type SharePermission struct {
	// Type is user, group or public.
	Type string `json:"type"`
	// ID is that of the user or the group, of up to 255 bytes, and empty for public, which is everybody of the tenant.
	ID string `json:"id,omitempty"`
	// Permission is Read, Write or Admin.
	Permission Level `json:"permission"`
}

// MaxShares is the greatest number of share permissions of one thing.
const MaxShares = 900 // a document has at most 1,000 labels

const (
	maxID     = 255 // bytes in the id of a user or a group
	maxTenant = 100 // bytes
)

// sharing says who may do what with one thing: its owner and its shares.
type sharing struct {
	owner  string
	shares []SharePermission
}

// level returns what who, a principal of the thing's tenant, may do.
func (s sharing) level(who *access.Principal) Level {
	if who.User == s.owner {
		return Own
	}
	var best Level
	for _, p := range s.shares {
		if p.reaches(who) && p.Permission.atLeast(best) {
			best = p.Permission
		}
	}
	return best
}

// reaches reports whether p gives who something.
func (p SharePermission) reaches(who *access.Principal) bool {
	switch p.Type {
	case "user":
		return p.ID == who.User
	case "group":
		return slices.Contains(who.Groups, p.ID)
	}
	return p.Type == "public"
}

// grantee returns to whom p gives something, in one text that is also a label of documents.
func (p SharePermission) grantee() string {
	if p.Type == "public" {
		return p.Type
	}
	return p.Type + ":" + p.ID
}

// labels returns by what listings find the thing.
func (s sharing) labels() []string {
	all := []string{"owner:" + s.owner}
	for _, p := range s.shares {
		all = append(all, p.grantee())
	}
	return all
}

// sharedLabels returns the labels of things that are shared with who. A group whose name
// nothing can be shared with has none.
func sharedLabels(who *access.Principal) []string {
	all := []string{"user:" + who.User, "public"}
	for _, group := range who.Groups {
		if idComplaint(group) == "" {
			all = append(all, "group:"+group)
		}
	}
	return all
}

// gives reports whether s gives somebody more than before did, other than its owner.
func (s sharing) gives(before sharing) bool {
	had := map[string]Level{}
	for _, p := range before.shares {
		had[p.grantee()] = p.Permission
	}
	return slices.ContainsFunc(s.shares, func(p SharePermission) bool { return !had[p.grantee()].atLeast(p.Permission) })
}

// same reports whether s and other share with the same, whatever the order.
func (s sharing) same(other sharing) bool {
	return !s.gives(other) && !other.gives(s)
}

// check notes what is wrong with s.
func (s sharing) check(errs *FieldErrors) {
	if complaint := idComplaint(s.owner); complaint != "" {
		errs.add("owner", "%s", complaint)
	}
	if len(s.shares) > MaxShares {
		errs.add("share_permissions", "there are %d, at most %d are allowed", len(s.shares), MaxShares)
		return
	}
	seen := map[string]bool{}
	for i, p := range s.shares {
		member := fmt.Sprintf("share_permissions[%d]", i)
		switch p.Type {
		case "user", "group":
			if complaint := idComplaint(p.ID); complaint != "" {
				errs.add(member+".id", "%s", complaint)
			}
		case "public":
			if p.ID != "" {
				errs.add(member+".id", "public has no id, got %q", p.ID)
			}
		default:
			errs.add(member+".type", "must be user, group or public, got %q", p.Type)
		}
		if p.Permission != Read && p.Permission != Write && p.Permission != Admin {
			errs.add(member+".permission", "must be read, write or admin, got %q", string(p.Permission))
		}
		if seen[p.grantee()] {
			errs.add(member, "there are two for %s", strings.Replace(p.grantee(), ":", " ", 1))
		}
		seen[p.grantee()] = true
	}
}

// idComplaint says why a user or a group of this name can own and be given nothing, or
// is empty.
func idComplaint(id string) string { return textComplaint(id, maxID) }

// textComplaint says what is wrong with a text that becomes a part of keys and labels, or
// is empty.
func textComplaint(text string, most int) string {
	switch {
	case text == "":
		return "must not be empty"
	case len(text) > most:
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), most)
	case !utf8.ValidString(text):
		return fmt.Sprintf("must be UTF-8, got %q", text)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Sprintf("must have no control characters, got %q", text)
	}
	return ""
}
