package config

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// Check returns every mistake that can be seen without asking anything else, as [Errors]: values that do not go
// together, addresses that are none, roles that package access refuses. Load has checked what it returns.
func (c *Config) Check() error {
	k := &checker{config: c}
	k.server()
	k.engine()
	k.auth()
	k.roles()
	k.query()
	k.storage()
	k.exports()
	k.fhir()
	k.outside()
	return k.errors.err()
}

// without returns the mistakes of a check that are not about keys that have one already.
func (c *Config) without(known Errors) Errors {
	var more Errors
	if !errors.As(c.Check(), &more) {
		return nil
	}
	return slices.DeleteFunc(more, func(e *Error) bool {
		return slices.ContainsFunc(known, func(k *Error) bool {
			section, _, _ := strings.Cut(k.Key, ".")
			return k.Key == "" || e.Key == section || strings.HasPrefix(e.Key, section+".")
		})
	})
}

// AccessRoles returns the roles as access.ParseRoles takes them, or nil if there are none.
func (c *Config) AccessRoles() ([]byte, error) {
	if len(c.Roles) == 0 {
		return nil, nil //nolint:nilnil // no roles is no error
	}
	all := map[string]any{}
	for name, r := range c.Roles {
		if r.Grants == nil {
			r.Grants = JSON("[]")
		}
		if len(r.Permissions) == 0 {
			r.Permissions = []string{"view"}
		}
		all[name] = map[string]any{"permissions": r.Permissions, "grants": r.Grants}
	}
	return json.Marshal(all)
}

// EngineKind is the engine's kind, chosen if none is given.
func (c *Config) EngineKind() string {
	switch {
	case c.Engine.Kind != "":
		return c.Engine.Kind
	case len(c.Elasticsearch.Hosts) > 0:
		return "elasticsearch"
	case !c.Postgres.URL.IsZero():
		return "postgres"
	}
	return "sqlite"
}

// DocstoreKind is the docstore's kind, chosen if none is given.
func (c *Config) DocstoreKind() string {
	switch {
	case c.Docstore.Kind != "":
		return c.Docstore.Kind
	case c.EngineKind() == "postgres":
		return "postgres"
	}
	return "sqlite"
}

type checker struct {
	config *Config
	errors Errors
}

// complain notes a mistake at the place of a key, or of what is around it.
func (k *checker) complain(key, format string, args ...any) {
	k.errors = append(k.errors, &Error{Key: key, Message: fmt.Sprintf(format, args...)})
	k.place(key)
}

// place gives the last mistake the place of the first of the keys that has one.
func (k *checker) place(keys ...string) {
	e := k.errors[len(k.errors)-1]
	for _, key := range keys {
		for at := key; at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
			if p, ok := k.config.places[at]; ok {
				e.File, e.Line, e.Column = p.file, p.line, p.column
				return
			}
		}
	}
}

func (k *checker) server() {
	s := k.config.Server
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		k.complain("server.tls", "cert_file and key_file are needed both, or none")
	}
	if s.Data == "" {
		k.complain("server.data", "is empty; expected a directory")
	}
	if s.BasePath != "" && (!strings.HasPrefix(s.BasePath, "/") || strings.HasSuffix(s.BasePath, "/") || strings.ContainsAny(s.BasePath, "{}?#% ")) {
		k.complain("server.base_path", "found %q; expected a path such as /dhr, without / at its end", s.BasePath)
	}
	k.networks("server.trusted_proxies", s.TrustedProxies)
}

func (k *checker) engine() {
	c := k.config
	used := []string{c.EngineKind(), c.DocstoreKind()}
	es := c.Elasticsearch
	if len(es.Hosts) == 0 && slices.Contains(used, "elasticsearch") {
		k.complain("elasticsearch.hosts", "is needed by an engine or docstore of kind elasticsearch")
		k.place("elasticsearch", "engine.kind", "docstore.kind")
	}
	for i, host := range es.Hosts {
		k.url(fmt.Sprintf("elasticsearch.hosts[%d]", i), host, "http", "https")
	}
	if !es.APIKey.IsZero() && es.Username != "" {
		k.complain("elasticsearch.api_key", "stands beside username; expected one of them")
	}
	if !es.Password.IsZero() && es.Username == "" {
		k.complain("elasticsearch.password", "needs a username")
	}
	if c.Postgres.URL.IsZero() && (c.EngineKind() == "postgres" || c.DocstoreKind() == "postgres" && c.Docstore.URL.IsZero()) {
		k.complain("postgres.url", "is needed by an engine or docstore of kind postgres")
		k.place("postgres", "engine.kind", "docstore.kind")
	}
	if len(c.Engine.Mappings) > 0 && c.EngineKind() != "elasticsearch" {
		k.complain("engine.mappings", "goes with kind elasticsearch alone; an index of another has the labels and marks of the mapping that it was made with")
	}
	if !c.Docstore.URL.IsZero() && c.DocstoreKind() != "postgres" {
		k.complain("docstore.url", "goes with kind postgres alone")
	}
}

func (k *checker) query() {
	q := k.config.Query
	if _, err := time.LoadLocation(q.TimeZone); err != nil || q.TimeZone == "Local" {
		k.complain("query.time_zone", "found %q; expected a zone such as Asia/Kolkata", q.TimeZone)
	}
	if n := len(q.TokenKey.Reveal()); n > 0 && n < 32 {
		k.complain("query.token_key", "has %d bytes; expected 32 or more", n)
	}
	if n := len(q.PseudonymKey.Reveal()); n > 0 && n < 32 {
		k.complain("query.pseudonym_key", "has %d bytes; expected 32 or more", n)
	}
	if t := k.config.Tenants; (t.Below || len(t.Except) > 0) && len(t.Fields) == 0 {
		k.complain("tenants.fields", "is needed by below and except")
	}
}

// outside checks what is about other hosts.
func (k *checker) outside() {
	c := k.config
	for i, o := range c.CORS.Origins {
		key := fmt.Sprintf("cors.origins[%d]", i)
		if o == "*" {
			if c.CORS.Credentials {
				k.complain(key, "* does not go with credentials; name the origins")
			}
			continue
		}
		k.url(key, o, "http", "https")
		if u, err := url.Parse(o); err == nil && (u.Path != "" || u.RawQuery != "") {
			k.complain(key, "found %q; expected an origin such as https://dashboard.example.org, without a path", o)
		}
	}
	k.url("tracing.endpoint", c.Tracing.Endpoint, "http", "https")
	k.url("gateway.query", c.Gateway.Query, "http", "https")
	k.url("gateway.filter", c.Gateway.Filter, "http", "https")
	k.url("gateway.export", c.Gateway.Export, "http", "https")
	k.url("gateway.fhir", c.Gateway.FHIR, "http", "https")
	k.url("gateway.configuration", c.Gateway.Configuration, "http", "https")
}

// url checks an absolute URL; an empty one is none. What is printed has no password.
func (k *checker) url(key, text string, schemes ...string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		shown := "something else"
		if err == nil {
			shown = fmt.Sprintf("%q", u.Redacted())
		}
		k.complain(key, "found %s; expected a URL that begins with %s://", shown, strings.Join(schemes, ":// or "))
	case u.User != nil:
		k.complain(key, "has a user in it, which would be printed; there are keys for that")
	}
}

func (k *checker) networks(key string, list []string) {
	for i, text := range list {
		_, single := netip.ParseAddr(text)
		_, network := netip.ParsePrefix(text)
		if single != nil && network != nil {
			k.complain(fmt.Sprintf("%s[%d]", key, i), "found %q; expected an address, or a network such as 10.0.0.0/8", text)
		}
	}
}

// loopback reports whether an address is of this machine alone.
func loopback(address string) bool {
	a, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return address == "localhost" || err == nil && a.IsLoopback()
}

func (k *checker) auth() {
	c := k.config
	a := c.Auth
	switch a.Mode {
	case "none":
		if !loopback(c.Server.Address) {
			k.complain("server.address", "%q can be reached by others, and auth.mode is none, so that everybody could read everything; set auth.mode to jwt, digit2, digit3 or keys, or the address to 127.0.0.1", c.Server.Address)
		}
		if a.User == "" {
			k.complain("auth.user", "is empty; expected the name of the one user of mode none")
		}
	case "jwt":
		k.jwt(true)
	case "keys":
		if len(a.Keys) == 0 && len(c.FHIR.Smart.Clients) == 0 {
			k.complain("auth.keys", "is needed by mode keys, unless there are fhir.smart.clients")
		}
	case "digit2":
		if a.Digit.UserURL == "" && len(a.Digit.Gateways) == 0 {
			k.complain("auth.digit", "mode digit2 needs user_url, gateways or both")
		}
	case "digit3":
		if len(a.Digit.Gateways) == 0 {
			k.complain("auth.digit.gateways", "is needed by mode digit3, whose headers anybody could send otherwise")
		}
		k.jwt(false)
	}
	k.person("auth.user", a.User)
	k.url("auth.digit.user_url", a.Digit.UserURL, "http", "https")
	k.networks("auth.digit.gateways", a.Digit.Gateways)
	k.oidc()
	k.keys(a.Keys)
	k.known("auth.roles", a.Roles)
}

// person checks that a user cannot be taken for a SMART client.
func (k *checker) person(key, user string) {
	if n := len(auth.ClientPrefix); len(user) >= n && strings.EqualFold(user[:n], auth.ClientPrefix) {
		k.complain(key, "begins with %s, as the users of SMART clients do; expected another name", auth.ClientPrefix)
	}
}

func (k *checker) jwt(needed bool) {
	j := k.config.Auth.JWT
	sources := 0
	for _, given := range []bool{!j.Secret.IsZero(), len(j.KeyFiles) > 0, j.JWKSURL != ""} {
		if given {
			sources++
		}
	}
	switch {
	case sources == 0 && needed && j.Preset == "":
		k.complain("auth.jwt", "mode jwt needs one of secret, key_files and jwks_url, or a preset")
	case sources > 1:
		k.complain("auth.jwt", "has more than one of secret, key_files and jwks_url; expected one")
	}
	if j.Preset != "" {
		if j.Issuer == "" {
			k.complain("auth.jwt.issuer", "is needed by the preset %s: the address of the realm, as tokens have it in iss", j.Preset)
		}
		if j.Audience == "" {
			k.complain("auth.jwt.audience", "is needed by the preset %s: the name of the client that DHR is", j.Preset)
		}
		k.url("auth.jwt.issuer", j.Issuer, "http", "https")
	}
	if n := len(j.Secret.Reveal()); n > 0 && n < 32 {
		k.complain("auth.jwt.secret", "has %d bytes; expected 32 or more", n)
	}
	k.url("auth.jwt.jwks_url", j.JWKSURL, "http", "https")
}

func (k *checker) keys(list []APIKey) {
	names := map[string]bool{}
	for i, one := range list {
		at := fmt.Sprintf("auth.keys[%d]", i)
		if one.Name == "" || names[one.Name] {
			k.complain(at+".name", "found %q; expected a name of its own", one.Name)
		}
		k.person(at+".name", one.Name)
		names[one.Name] = true
		if id, err := hex.DecodeString(one.ID); err != nil || len(id) != 8 || hex.EncodeToString(id) != one.ID {
			k.complain(at+".id", "expected 16 hexadecimal digits in lower case: what follows dhr_ in the key, up to the next _")
		}
		if sum, err := hex.DecodeString(one.SHA256); err != nil || len(sum) != 32 || hex.EncodeToString(sum) != one.SHA256 {
			k.complain(at+".sha256", "expected 64 hexadecimal digits in lower case: the SHA-256 of the key, not the key")
		}
		if one.Tenant == "" {
			k.complain(at+".tenant", "is empty; expected the tenant of the machine, such as that of tenants.default, %q", k.config.Tenants.Default)
		}
		if _, err := time.Parse(time.DateOnly, one.Expires); one.Expires != "" && err != nil {
			k.complain(at+".expires", "found %q; expected a day such as 2027-12-31", one.Expires)
		}
		k.known(at+".roles", one.Roles)
	}
}

// known checks that roles are among those configured or, if none are, those that come with the server.
func (k *checker) known(key string, roles []string) {
	names := slices.Sorted(maps.Keys(k.config.Roles))
	if len(names) == 0 {
		shipped, err := access.ParseRoles(access.DefaultRoles())
		if err != nil {
			k.complain(key, "%s", err)
			return
		}
		names = slices.Sorted(maps.Keys(shipped))
	}
	for i, r := range roles {
		if !slices.Contains(names, r) {
			message := fmt.Sprintf("there is no role %q", r)
			if near := nearestName(r, names); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			k.complain(fmt.Sprintf("%s[%d]", key, i), "%s", message)
		}
	}
}

// roles asks package access of each role for itself, so that the mistakes of all are told.
func (k *checker) roles() {
	for _, name := range slices.Sorted(maps.Keys(k.config.Roles)) {
		one := &Config{Roles: map[string]Role{name: k.config.Roles[name]}}
		text, err := one.AccessRoles()
		if err != nil {
			k.complain("roles."+name, "%s", err)
			continue
		}
		parsed, err := access.ParseRoles(text)
		if err == nil {
			_, err = access.NewPolicy(parsed, &access.Options{Key: make([]byte, 32)})
		}
		if err != nil {
			k.complain("roles."+name+".grants", "%s", err)
		}
	}
}
