package jwtauth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// Claims says which claims become the principal. Each is named by its path: the names of
// the members that lead to it, with dots between them, as in realm_access.roles. A dot that belongs to a
// name is written \., as in https://example\.org/tenant.
//
// A claim is a text or a list of texts; everything else is refused.
type Claims struct {
	// User is the user, one text. If empty, sub.
	User string `json:"user,omitempty"`
	// Tenant is the tenant, one text or a list of one. If empty, tenant.
	Tenant string `json:"tenant,omitempty"`
	// Roles are added up. A text is split at blanks, as in scope; a text in a list is not. If nil, roles.
	Roles []string `json:"roles,omitempty"`
	// Groups are added up. A text is one group. If nil, groups.
	Groups []string `json:"groups,omitempty"`
	// Attributes are claims under the names of the attributes that they become. A text is
	// one value: a district may have a blank in its name.
	Attributes map[string]string `json:"attributes,omitempty"`
	// AttributesIn is an object of which every member becomes an attribute. If empty, none.
	AttributesIn string `json:"attributes_in,omitempty"`
}

// claims are Claims that have been read.
type claims struct {
	user, tenant  path
	roles, groups []path
	attributes    map[string]path
	attributesIn  *path
}

// A path leads to a claim.
type path struct {
	text  string
	names []string
}

func parsePath(text string) (path, error) {
	p := path{text: text}
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			name.WriteByte(text[i])
		case text[i] == '\\':
			return path{}, fmt.Errorf(`the path %q of a claim ends with \`, text)
		case text[i] == '.':
			p.names = append(p.names, name.String())
			name.Reset()
		default:
			name.WriteByte(text[i])
		}
	}
	p.names = append(p.names, name.String())
	if slices.Contains(p.names, "") {
		return path{}, fmt.Errorf("the path %q of a claim has an empty name", text)
	}
	return p, nil
}

func parsePaths(texts, ifNil []string) ([]path, error) {
	if texts == nil {
		texts = ifNil
	}
	var all []path
	for _, text := range texts {
		p, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (c *Claims) parse() (parsed claims, err error) {
	if parsed.user, err = parsePath(orElse(c.User, "sub")); err != nil {
		return parsed, err
	}
	if parsed.tenant, err = parsePath(orElse(c.Tenant, "tenant")); err != nil {
		return parsed, err
	}
	if parsed.roles, err = parsePaths(c.Roles, []string{"roles"}); err != nil {
		return parsed, err
	}
	if parsed.groups, err = parsePaths(c.Groups, []string{"groups"}); err != nil {
		return parsed, err
	}
	parsed.attributes = map[string]path{}
	for name, text := range c.Attributes {
		if parsed.attributes[name], err = parsePath(text); err != nil {
			return parsed, err
		}
	}
	if c.AttributesIn != "" {
		p, err := parsePath(c.AttributesIn)
		if err != nil {
			return parsed, err
		}
		parsed.attributesIn = &p
	}
	return parsed, nil
}

func orElse(text, ifEmpty string) string {
	if text == "" {
		return ifEmpty
	}
	return text
}

// find returns what the path leads to; nil if nothing is there.
func (p path) find(all map[string]any) (any, error) {
	var v any = all
	for i, name := range p.names {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the claim %s is no object", strings.Join(p.names[:i], "."))
		}
		if v = object[name]; v == nil {
			return nil, nil
		}
	}
	return v, nil
}

// claimTexts returns the texts of a claim; none if it is not there. With split, a text alone is split at blanks.
func claimTexts(all map[string]any, p path, split bool) ([]string, error) {
	v, err := p.find(all)
	if err != nil {
		return nil, err
	}
	return texts(p.text, v, split)
}

func texts(name string, v any, split bool) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if split {
			return strings.Fields(v), nil
		}
		if v == "" {
			return nil, nil
		}
		return []string{v}, nil
	case []any:
		all := make([]string, 0, len(v))
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("the claim %s holds what is no text", name)
			}
			all = append(all, s)
		}
		return all, nil
	}
	return nil, fmt.Errorf("the claim %s is neither a text nor a list of texts", name)
}

// claimText returns a claim that has to be one text.
func claimText(all map[string]any, name string) (string, error) {
	s, ok := all[name].(string)
	if !ok || s == "" {
		return "", fmt.Errorf("the token has no claim %s that is a text", name)
	}
	return s, nil
}

// principal is who the claims say.
func (i *issuer) principal(all map[string]any) (*access.Principal, error) {
	c := &i.claims
	users, err := claimTexts(all, c.user, false)
	if err != nil {
		return nil, err
	}
	if len(users) != 1 {
		return nil, fmt.Errorf("the claim %s names %d users instead of one", c.user.text, len(users))
	}
	p := &access.Principal{User: users[0]}
	if p.Tenant, err = i.tenant(all); err != nil {
		return nil, err
	}
	if p.Roles, err = together(all, c.roles, true); err != nil {
		return nil, err
	}
	if p.Groups, err = together(all, c.groups, false); err != nil {
		return nil, err
	}
	if p.Attributes, err = c.attributesOf(all); err != nil {
		return nil, err
	}
	return p, auth.CheckPrincipal(p)
}

// tenant is that of the issuer or of the claims, and if both name one the same.
func (i *issuer) tenant(all map[string]any) (string, error) {
	tenants, err := claimTexts(all, i.claims.tenant, false)
	switch {
	case err != nil:
		return "", err
	case len(tenants) > 1:
		return "", fmt.Errorf("the claim %s names %d tenants", i.claims.tenant.text, len(tenants))
	case len(tenants) == 0 && i.Tenant+i.DefaultTenant == "":
		return "", errors.New("the token names no tenant")
	case len(tenants) == 0:
		return i.Tenant + i.DefaultTenant, nil // only one of them is set
	case i.Tenant != "" && tenants[0] != i.Tenant:
		return "", fmt.Errorf("the token names the tenant %q, and its issuer is that of %q", shorten(tenants[0]), i.Tenant)
	}
	return tenants[0], nil
}

// together returns the texts of several claims, each once.
func together(all map[string]any, paths []path, split bool) ([]string, error) {
	var joined []string
	seen := map[string]bool{}
	for _, p := range paths {
		texts, err := claimTexts(all, p, split)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			if !seen[text] {
				seen[text], joined = true, append(joined, text)
			}
		}
	}
	return joined, nil
}

func (c *claims) attributesOf(all map[string]any) (map[string][]string, error) {
	attributes := map[string][]string{}
	if c.attributesIn != nil {
		v, err := c.attributesIn.find(all)
		if err != nil {
			return nil, err
		}
		object, ok := v.(map[string]any)
		if v != nil && !ok {
			return nil, fmt.Errorf("the claim %s is no object", c.attributesIn.text)
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			values, err := texts(fmt.Sprintf("%s.%q", c.attributesIn.text, shorten(name)), object[name], false)
			if err != nil {
				return nil, err
			}
			if len(values) > 0 {
				attributes[name] = values
			}
		}
	}
	for name, p := range c.attributes {
		values, err := claimTexts(all, p, false)
		if err != nil {
			return nil, err
		}
		if _, twice := attributes[name]; twice {
			return nil, fmt.Errorf("the attribute %q is in two claims", shorten(name))
		}
		if len(values) > 0 {
			attributes[name] = values
		}
	}
	return attributes, nil
}
