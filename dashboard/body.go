package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

const (
	maxName        = 255 // characters
	maxDescription = 4 << 10
	maxIndexes     = 1000
)

// A filterBody is the body of a filter's document.
type filterBody struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	JQL         string            `json:"jql"`
	Indexes     []string          `json:"allowed_indexes,omitempty"`
	Owner       string            `json:"owner"`
	Shares      []SharePermission `json:"share_permissions,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

func (f *Filter) body() *filterBody {
	return &filterBody{
		Name: f.Name, Description: f.Description, JQL: f.JQL, Indexes: f.AllowedIndexes,
		Owner: f.Owner, Shares: f.SharePermissions,
	}
}

// filter returns what a document says, to who.
func (s *Filters) filter(who *access.Principal, doc *docstore.Document, favourites map[string]bool) (*Filter, error) {
	var b filterBody
	if err := decodeBody(doc, &b); err != nil {
		return nil, err
	}
	f := &Filter{
		Name: b.Name, Description: b.Description, JQL: b.JQL, AllowedIndexes: b.Indexes,
		Owner: b.Owner, SharePermissions: b.Shares,
		ID: doc.ID, Version: doc.Version, Favourite: favourites[doc.ID],
		CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	f.Permission = s.level(who, f.sharing())
	return f.clone(), nil
}

func (f *Filter) sharing() sharing { return sharing{f.Owner, f.SharePermissions} }

// clone returns a copy whose lists are its own, and not nil.
func (f *Filter) clone() *Filter {
	c := *f
	c.AllowedIndexes = append([]string{}, f.AllowedIndexes...)
	c.SharePermissions = append([]SharePermission{}, f.SharePermissions...)
	return &c
}

// same reports whether nothing was changed that is kept.
func (f *Filter) same(was *Filter) bool {
	return f.Name == was.Name && f.Description == was.Description && f.JQL == was.JQL && f.Owner == was.Owner &&
		slices.Equal(f.AllowedIndexes, was.AllowedIndexes) && slices.Equal(f.SharePermissions, was.SharePermissions)
}

// clean returns a checked copy of what somebody wants to keep. If it says no owner, the owner is another.
func (f *Filter) clean(owner string) (*Filter, error) {
	if f == nil {
		return nil, FieldErrors{{Message: "there is no filter"}}
	}
	in := f.clone()
	if in.Owner == "" {
		in.Owner = owner
	}
	in.Name = strings.TrimSpace(in.Name)
	var errs FieldErrors
	checkName(in.Name, &errs)
	checkDescription(in.Description, &errs)
	if !utf8.ValidString(in.JQL) {
		errs.add("jql", "must be UTF-8")
	}
	checkIndexes(in.AllowedIndexes, &errs)
	in.sharing().check(&errs)
	if err := errs.err(); err != nil {
		return nil, err
	}
	return in, nil
}

func isOddControl(r rune) bool {
	return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
}

// checkName notes what is wrong with the name of any saved thing.
func checkName(name string, errs *FieldErrors) {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		errs.add("name", "must not be empty")
	case n > maxName:
		errs.add("name", "has %d characters, at most %d are allowed", n, maxName)
	case !utf8.ValidString(name):
		errs.add("name", "must be UTF-8, got %q", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		errs.add("name", "must have no control characters, got %q", name)
	}
}

func checkIndexes(names []string, errs *FieldErrors) {
	if len(names) > maxIndexes {
		errs.add("allowed_indexes", "there are %d, at most %d are allowed", len(names), maxIndexes)
		return
	}
	seen := map[string]bool{}
	for i, name := range names {
		member := fmt.Sprintf("allowed_indexes[%d]", i)
		if complaint := idComplaint(name); complaint != "" {
			errs.add(member, "%s", complaint)
		} else if seen[name] {
			errs.add(member, "is there twice: %q", name)
		}
		seen[name] = true
	}
}

// copyName is the name of the nth copy, of the length that a name may have.
func copyName(name string, n int) string {
	end := ""
	if n > 1 {
		end = fmt.Sprintf(" (%d)", n)
	}
	all := []rune("Copy of " + name)
	return strings.TrimSpace(string(all[:min(len(all), maxName-len(end))])) + end
}
