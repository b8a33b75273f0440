package jwtauth

import (
	"errors"
	"strings"
)

// Keycloak returns the issuer that a realm of Keycloak is, such as https://id.example.org/realms/health, for
// access tokens whose audience is the client that DHR is there. Users are sub, roles those of the realm and of the client,
// groups the claim groups, and the tenant is the claim tenant; Keycloak sends aud, groups and
// tenant if it has mappers for them (docs/auth.md). The attribute user_name is preferred_username.
// ID tokens are refused. The fields of the issuer may be changed before it is used. A nil opts
// means the defaults of [Remote].
func Keycloak(realm, client string, opts *RemoteOptions) (Issuer, error) {
	if client == "" {
		return Issuer{}, errors.New("jwtauth: the client that DHR is to Keycloak has no name")
	}
	realm = strings.TrimRight(realm, "/")
	keys, err := Remote(realm+"/protocol/openid-connect/certs", opts)
	if err != nil {
		return Issuer{}, err
	}
	return Issuer{
		Name:      realm,
		Keys:      keys,
		Audiences: []string{client},
		Require:   map[string][]string{"typ": {"Bearer"}},
		Claims: Claims{
			Roles:      []string{"realm_access.roles", "resource_access." + escape(client) + ".roles"},
			Attributes: map[string]string{"user_name": "preferred_username"},
		},
	}, nil
}

// Digit returns the issuer that a realm of DIGIT 3 is: one of Keycloak whose name is the tenant of all its
// users, as in https://digit.example.org/keycloak/realms/pb. A token that names another tenant is refused. For
// several tenants there are several issuers.
func Digit(realm, client string, opts *RemoteOptions) (Issuer, error) {
	i, err := Keycloak(realm, client, opts)
	if err != nil {
		return Issuer{}, err
	}
	_, tenant, found := strings.Cut(i.Name, "/realms/")
	if !found || tenant == "" || strings.Contains(tenant, "/") {
		return Issuer{}, errors.New("jwtauth: the address of a realm of DIGIT ends with /realms/ and the tenant")
	}
	i.Tenant = tenant
	return i, nil
}

// escape makes one name of a path of a text.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, ".", `\.`).Replace(name)
}
