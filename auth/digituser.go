package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/internal/strictjson"
)

// DigitUsers says what of a user of DIGIT 2 becomes of the principal. The zero value is good.
type DigitUsers struct {
	// User is the member of the user that is the principal's User. If empty, uuid, which DIGIT writes into
	// createdBy and which never changes; userName is the other one that makes sense.
	User string
	// ParentRoles says that roles of the tenants above also count: those of pb for
	// pb.amritsar, as in DIGIT's own gateway. Without it a role counts in its tenant alone.
	ParentRoles bool
	// Tenant returns the tenant that a request asks for, such as its parameter tenantId; empty means
	// the user's own. If nil, always the user's own. In another tenant than its own a
	// user needs a role that counts there; without one the error wraps access.ErrDenied.
	Tenant func(*http.Request) string
	// Attributes are members of the user, texts or whole numbers, under the names of the attributes that
	// they become. A user without such a member has no such attribute. If nil,
	// user_name is userName and user_type is type.
	Attributes map[string]string
}

// maxUserInfo bounds the JSON of one user. One with 500 roles has 40 kB.
const maxUserInfo = 256 << 10

// A digitUser is what DIGIT says of a user.
type digitUser struct {
	members map[string]any
	roles   []digitRole
}

type digitRole struct{ code, tenant string }

// parseDigitUser reads a user as egov-user, the gateway and RequestInfo write it.
func parseDigitUser(text []byte) (*digitUser, error) {
	if len(text) > maxUserInfo {
		return nil, fmt.Errorf("the user has more than %d bytes", maxUserInfo)
	}
	object, err := strictjson.Object(text)
	if err != nil {
		return nil, err
	}
	return newDigitUser(object)
}

func newDigitUser(object map[string]any) (*digitUser, error) {
	u := &digitUser{members: object}
	if active, there := object["active"]; there && active != nil && active != true {
		return nil, errors.New("the user is not active")
	}
	list, ok := object["roles"].([]any)
	if !ok && object["roles"] != nil {
		return nil, errors.New("the user's roles are no list")
	}
	for _, item := range list {
		role, ok := item.(map[string]any)
		if !ok {
			return nil, errors.New("a role of the user is no object")
		}
		code, err := textOf(role, "code")
		if err != nil {
			return nil, fmt.Errorf("a role of the user: %w", err)
		}
		tenant, err := textOf(role, "tenantId")
		if err != nil {
			return nil, fmt.Errorf("a role of the user: %w", err)
		}
		if code == "" {
			return nil, errors.New("a role of the user has no code")
		}
		u.roles = append(u.roles, digitRole{code, tenant})
	}
	return u, nil
}

// textOf returns a member that is a text, or empty if there is none.
func textOf(object map[string]any, name string) (string, error) {
	switch v := object[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("the member %s is no text", name)
}

// principal is the user in the tenant that the request asks for.
func (u *digitUser) principal(r *http.Request, m *DigitUsers) (*access.Principal, error) {
	member := m.User
	if member == "" {
		member = "uuid"
	}
	user, err := textOf(u.members, member)
	if err != nil {
		return nil, err
	}
	if user == "" {
		return nil, fmt.Errorf("the user has no %s", member)
	}
	own, err := textOf(u.members, "tenantId")
	if err != nil {
		return nil, err
	}
	p := &access.Principal{User: user, Tenant: own}
	if m.Tenant != nil {
		if wanted := m.Tenant(r); wanted != "" {
			p.Tenant = wanted
		}
	}
	for _, role := range u.roles {
		if TenantAllowed(role.tenant, p.Tenant, m.ParentRoles) && !slices.Contains(p.Roles, role.code) {
			p.Roles = append(p.Roles, role.code)
		}
	}
	if p.Attributes, err = u.attributes(m.Attributes); err != nil {
		return nil, err
	}
	if p.Tenant != own && (len(p.Roles) == 0 || checkTenant(p.Tenant) != nil) {
		return nil, fmt.Errorf("the user has no role in tenant %q: %w", shorten(p.Tenant), access.ErrDenied)
	}
	return p, CheckPrincipal(p)
}

func (u *digitUser) attributes(members map[string]string) (map[string][]string, error) {
	if members == nil {
		members = map[string]string{"user_name": "userName", "user_type": "type"}
	}
	all := map[string][]string{}
	for name, member := range members {
		switch v := u.members[member].(type) {
		case nil:
		case string:
			if v != "" {
				all[name] = []string{v}
			}
		case json.Number:
			if strings.ContainsAny(v.String(), ".eE") {
				return nil, fmt.Errorf("the member %s is no whole number", member)
			}
			all[name] = []string{v.String()}
		default:
			return nil, fmt.Errorf("the member %s is no text", member)
		}
	}
	return all, nil
}
