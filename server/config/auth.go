package config

import "time"

// Auth is how requests say who asks.
type Auth struct {
	// Mode is how. none: everybody is one user, on loopback addresses only. jwt: bearer tokens. digit2 and digit3: as DIGIT's
	// gateways say. keys: API keys alone; they are taken in every mode but none.
	Mode string `oneof:"none,jwt,digit2,digit3,keys"`
	// User is who everybody is in mode none.
	User string
	// Roles are that user's roles in mode none. If empty, ADMIN, with all rights. In mode digit3 they are those of everybody whom no token gives others.
	Roles []string
	// Groups are that user's groups in mode none.
	Groups []string
	// Tenant is that user's tenant in mode none.
	Tenant string
	// JWT is how tokens are checked in mode jwt, and in digit3 if it says how.
	JWT JWT
	// OIDC is how people sign in at the page: at an issuer of OpenID Connect, such as Keycloak, whose tokens jwt checks.
	OIDC oidcSignIn
	// Digit is where DIGIT's services are, and what is believed of its gateway.
	Digit Digit
	// Keys are the API keys of machines.
	Keys []APIKey
}

// JWT is how tokens are checked. There is one of secret, key_files and jwks_url, or a preset.
type JWT struct {
	// Secret checks HS256, with 32 bytes or more.
	Secret Secret
	// KeyFiles are public keys in PEM: RSA, P-256 or Ed25519.
	KeyFiles []string
	// JWKSURL is where the issuer publishes its keys.
	JWKSURL string
	// Issuer is what iss must be. If empty, anything.
	Issuer string
	// Audience is what aud must hold. If empty, anything.
	Audience string
	// Preset says whose tokens they are, which gives the claims their defaults, and the keys: those that the issuer,
	// a realm, publishes. It needs issuer and audience.
	Preset string `oneof:"keycloak,digit"`
	// Claims are where a token says what.
	Claims Claims
	// DefaultTenant is the tenant of tokens that name none.
	DefaultTenant string
	// Leeway is by how much clocks may differ.
	Leeway time.Duration
	// Refresh is how old the keys of jwks_url may be before they are asked for again.
	Refresh time.Duration `min:"1s"`
}

// Claims are where a token says what, each by its path with dots. Empty ones are those
// of the preset, or else sub, tenant, roles and groups.
type Claims struct {
	// User is the claim of the user's name.
	User string
	// Tenant is the claim of the tenant.
	Tenant string
	// Roles is the claim of the roles: a list, or a text with blanks.
	Roles string
	// Groups is the claim of the groups.
	Groups string
	// Attributes are claims by the names of attributes that the rules of roles compare with, such as patient_id.
	Attributes map[string]string
}

// oidcSignIn is how people sign in at the page: at an issuer of OpenID Connect, such as Keycloak, whose tokens jwt checks. Without client_id they paste a token.
type oidcSignIn struct {
	// Issuer is the issuer's address, as tokens have it in iss: https, or http on this machine. If empty, auth.jwt.issuer, from which it cannot differ.
	Issuer string
	// ClientID is the name of the page at the issuer, where it is a public client: one without a secret.
	ClientID string
	// Scopes are what the page asks the issuer for. Some give a refresh token only for offline_access.
	Scopes []string
	// Audience is the parameter audience, for an issuer that wants to be told whom its tokens are for. Keycloak does not: there a mapper says it.
	Audience string
	// Origins are those of the issuer's token endpoint, such as https://login.example.org, if it has another than the issuer.
	Origins []string
}

// Digit is where DIGIT's services are, and what is believed of its gateway.
type Digit struct {
	// UserURL is the user service, which is asked whose a token is. If empty, only what the gateway says counts.
	UserURL string
	// AllowHTTP says that user_url may begin with http:// also where it is of another machine, as inside a cluster: tokens then cross its network in the clear.
	AllowHTTP bool
	// Gateways are addresses or networks of gateways whose user info and headers are believed. If empty, of none.
	Gateways []string
	// Cache is how long an answer of the user service counts.
	Cache time.Duration
}

// An APIKey lets a machine in.
type APIKey struct {
	// Name is what the machine is called.
	Name string
	// ID is the part of the key that is no secret, 16 hexadecimal digits.
	ID string
	// SHA256 is the hash of the key, in hexadecimal.
	SHA256 string
	// Tenant is that of the machine. It is needed.
	Tenant string
	// Roles are those of the machine.
	Roles []string
	// Groups are those of the machine.
	Groups []string
	// Attributes are what the rules of roles compare with.
	Attributes map[string][]string
	// Expires is the day, as 2027-12-31, from whose beginning in UTC it is no longer let in. If empty, it is let in without end.
	Expires string
}

// A Role is what its holders may do, and what they may see.
type Role struct {
	// Permissions are what they may do. If empty, view.
	Permissions []string `oneof:"view,export,share,audit,admin"`
	// Grants are what they may see, in the form of package access: indexes, rows, fields, personal, others.
	Grants JSON
}
