package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// fhirExports are records that are handed out as FHIR Bulk Data.
type fhirExports struct {
	// Enabled says whether they are, below /fhir/r4, by a process with the role fhir.
	Enabled bool
	// Mappings are files that say which resources the records of an index are, or names of those that come with the server: sample, campaign, hospital. If empty, sample.
	Mappings []string
	// PublicURL is where clients see the server, such as https://dhr.example.org/dhr: all URLs that they are given begin with it. If empty, they begin
	// with the host that a request names or, of requests from server.trusted_proxies, with what X-Forwarded-Proto, -Host and -Prefix say.
	PublicURL string
	// Bases are URLs by which FHIR resources that are handed out as they came may name each other, beside public_url with /fhir/r4, such as https://old.example.org/fhir.
	Bases []string
	// TokenEndpoint is where clients get tokens of another issuer that auth accepts; it is published for them to find.
	TokenEndpoint string
	// PatientAttribute is the attribute of users that names their own patients: who may not export otherwise may export what belongs to these.
	PatientAttribute string
	// Groups are groups of patients that can be exported.
	Groups []fhirGroup
	// Retention is how long files are kept after they are finished.
	Retention time.Duration `min:"1m"`
	// Sweep is how often it is looked for what is to be thrown away.
	Sweep time.Duration `min:"1s"`
	// Delay is how long a change may take, with Elasticsearch and OpenSearch, until it is found: the refresh interval of the indexes, and more. The
	// transaction time of an export is so much before its request.
	Delay time.Duration `min:"0s"`
	// FileRecords is the greatest number of resources of one file.
	FileRecords int `min:"1"`
	// FileSize is the greatest size of one file, before it is compressed.
	FileSize Size `min:"64KB"`
	// MaxFiles is the greatest number of files of an export; one that would have more fails.
	MaxFiles int `min:"1" max:"2000"`
	// MaxBytes is the greatest size of all files of an export, as they are stored; one that would be larger fails. If 0, any.
	MaxBytes Size `min:"0"`
	// MaxPatients is how many patients the parameter patient may name.
	MaxPatients int `min:"1"`
	// PerUser is how many exports of a user may wait or run. If 0, any.
	PerUser int `min:"0"`
	// PerTenant is how many exports of a tenant may. If 0, any.
	PerTenant int `min:"0"`
	// Smart gives tokens to machines, as SMART Backend Services has it, at /auth/token.
	Smart smartTokens
}

// A fhirGroup is some patients that are exported together.
type fhirGroup struct {
	// ID is that of the FHIR Group: up to 64 letters, digits, - and dots.
	ID string
	// Name is what it is called.
	Name string
	// Description says more.
	Description string
	// JQL chooses the records of patients that are its members.
	JQL string
	// Members are ids of patients. They go without jql.
	Members []string
	// Tenants are those to whose users it is known. If empty, to those of all.
	Tenants []string
	// Roles are those of whose holders it is known to. If empty, to those of all.
	Roles []string
	// Groups are the groups of users that it is known to. If empty, all.
	Groups []string
}

// smartTokens are given to machines that sign an assertion with their own key.
type smartTokens struct {
	// Key is what tokens are signed with, 32 bytes or more, the same for all servers that share them. If empty, one that is kept under the data directory.
	Key Secret
	// TTL is for how long tokens are good.
	TTL time.Duration `min:"10s" max:"5m"`
	// Clients are those that may have tokens.
	Clients []smartClient
}

// A smartClient is a machine that may have tokens. Its keys are given by one of jwks_url, jwks_file and jwks.
type smartClient struct {
	// ID is what it calls itself, up to 180 bytes. As a user it is smart-client: and this, which no person can be.
	ID string
	// JWKSURL is where it publishes its public keys.
	JWKSURL string
	// JWKSFile is a file of them: a JWK set, or PEM.
	JWKSFile string
	// JWKS is the text of a JWK set.
	JWKS string
	// Scopes are those that it may have, such as system/*.rs or system/Patient.rs.
	Scopes []string
	// Tenant is that of the machine. It is needed.
	Tenant string
	// Roles are those of the machine.
	Roles []string
	// Groups are those of the machine.
	Groups []string
	// Attributes are what the rules of roles compare with.
	Attributes map[string][]string
}

func (k *checker) fhir() {
	f := &k.config.FHIR
	k.url("fhir.public_url", f.PublicURL, "http", "https")
	if u, err := url.Parse(f.PublicURL); err == nil && (u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Path, "/")) {
		k.complain("fhir.public_url", "found %q; expected a URL such as https://dhr.example.org/dhr, without / at its end", f.PublicURL)
	}
	for i, base := range f.Bases {
		k.url(fmt.Sprintf("fhir.bases[%d]", i), base, "http", "https")
	}
	k.url("fhir.token_endpoint", f.TokenEndpoint, "http", "https")
	ids := map[string]bool{}
	for i, g := range f.Groups {
		at := fmt.Sprintf("fhir.groups[%d]", i)
		switch {
		case !isGroupID(g.ID) || ids[g.ID]:
			k.complain(at+".id", "found %q; expected an id of its own, of up to 64 letters, digits, - and dots", g.ID)
		case (g.JQL == "") == (len(g.Members) == 0):
			k.complain(at, "group %q needs either jql or members", g.ID)
		}
		ids[g.ID] = true
		k.known(at+".roles", g.Roles)
	}
	k.smart()
}

func isGroupID(text string) bool {
	const longest = 64
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.'
	})
}

func (k *checker) smart() {
	s := &k.config.FHIR.Smart
	if n := len(s.Key.Reveal()); n > 0 && n < 32 {
		k.complain("fhir.smart.key", "has %d bytes; expected 32 or more", n)
	}
	if len(s.Clients) > 0 {
		switch {
		case k.config.Auth.Mode == "none":
			k.complain("fhir.smart.clients", "go with another auth.mode than none, in which nobody signs in")
		case k.config.FHIR.PublicURL == "":
			k.complain("fhir.public_url", "is needed by smart.clients: they sign that an assertion is for this server, and no other")
			k.place("fhir.smart.clients", "fhir")
		case k.config.FHIR.TokenEndpoint != "":
			k.complain("fhir.token_endpoint", "stands beside smart.clients, who get their tokens here; expected one of them")
		}
	}
	ids := map[string]bool{}
	for i, c := range s.Clients {
		at := fmt.Sprintf("fhir.smart.clients[%d]", i)
		if c.ID == "" || ids[c.ID] {
			k.complain(at+".id", "found %q; expected an id of its own", c.ID)
		}
		ids[c.ID] = true
		sources := 0
		for _, one := range []string{c.JWKSURL, c.JWKSFile, c.JWKS} {
			if one != "" {
				sources++
			}
		}
		if sources != 1 {
			k.complain(at, "client %q needs one of jwks_url, jwks_file and jwks", c.ID)
		}
		k.url(at+".jwks_url", c.JWKSURL, "http", "https")
		if len(c.Scopes) == 0 {
			k.complain(at+".scopes", "is empty; expected scopes such as system/*.rs")
		}
		if c.Tenant == "" {
			k.complain(at+".tenant", "is empty; expected the tenant of the machine, such as that of tenants.default, %q", k.config.Tenants.Default)
		}
		k.known(at+".roles", c.Roles)
	}
}
