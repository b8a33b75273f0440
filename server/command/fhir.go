package command

import (
	"fmt"
	"net/http"
	"os"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/server/config"
	"github.com/digit-health/dhr/storage"
)

// openFHIR opens what exports of FHIR are made with; nothing, if they are not wanted or there is nothing to export.
func (o *parts) openFHIR(files *storage.Store, spool string) error {
	f := &o.config.FHIR
	if !f.Enabled {
		return nil
	}
	mappings, err := readFHIRMappings(f.Mappings)
	_ = mappings
	if err != nil || len(mappings) == 0 {
		return err
	}
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	o.fhir = &bulk.Config{
		Mappings: mappings, PatientAttribute: f.PatientAttribute, RequiresAccessToken: o.config.Auth.Mode != "none",
		Files: files, Scheme: o.config.Storage.Default, Plain: o.config.Exports.Plain, Jobs: o.jobs, Spool: spool, Retention: f.Retention, Sweep: f.Sweep,
		Limits: bulk.Limits{
			FileRecords: int64(f.FileRecords), FileBytes: int64(f.FileSize), Bytes: int64(f.MaxBytes), Files: f.MaxFiles,
			PerUser: f.PerUser, PerTenant: f.PerTenant, Patients: f.MaxPatients,
		},
	}
	for _, g := range f.Groups {
		o.fhir.Groups = append(o.fhir.Groups, bulk.Group{
			ID: g.ID, Name: g.Name, Description: g.Description, JQL: g.JQL, Members: g.Members, Tenants: g.Tenants, Roles: g.Roles, Groups: g.Groups,
		})
	}
	return nil
}

// readFHIRMappings reads mapping files.
func readFHIRMappings(names []string) ([]*mapping.Mapping, error) {
	var all []*mapping.Set
	for _, name := range names {
		text, err := os.ReadFile(name) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("fhir.mappings: %w", err)
		}
		set, err := mapping.Parse(name, text)
		if err != nil {
			return nil, fmt.Errorf("fhir.mappings: %w", err)
		}
		all = append(all, set)
	}
	joined, err := mapping.Join(all...)
	if err != nil {
		return nil, fmt.Errorf("fhir.mappings: %w", err)
	}
	return joined.Mappings(), nil
}

// tokenPath is where SMART clients get tokens, and fhirPath what these are good for.
const (
	tokenPath = "/auth/token" //nolint:gosec // a path
	fhirPath  = "/fhir/"
)

// openSmart opens what gives tokens to SMART clients, if there are any, and puts it before who is known otherwise. The gateway has it too, to
// know them.
func (o *parts) openSmart(known auth.Authenticator) (*smart.Server, auth.Authenticator, error) {
	c := o.config
	clients, err := smartClients(c)
	if err != nil || len(clients) == 0 {
		return nil, known, err
	}
	secret := []byte(c.FHIR.Smart.Key.Reveal())
	if len(secret) == 0 {
		if secret, err = o.kept("smart.key"); err != nil {
			return nil, nil, err
		}
	}
	tokens, err := smart.New(o.store, secret, clients, &smart.Options{TokenURL: c.FHIR.PublicURL + tokenPath, Under: fhirPath, TTL: c.FHIR.Smart.TTL})
	if err != nil {
		return nil, nil, fmt.Errorf("fhir.smart: %w", err)
	}
	directory := auth.Func(func(r *http.Request) (*access.Principal, error) {
		who, err := tokens.Authenticate(r)
		if err != nil {
			return nil, err
		}
		return inDirectory(c, who), nil
	})
	return tokens, auth.Chain(directory, known), nil
}

// smartClients are the clients of the configuration.
func smartClients(c *config.Config) ([]smart.Client, error) {
	all := make([]smart.Client, len(c.FHIR.Smart.Clients))
	for i := range all {
		one := &c.FHIR.Smart.Clients[i]
		all[i] = smart.Client{
			ID: one.ID, Scopes: one.Scopes,
			Principal: &access.Principal{User: one.ID, Tenant: one.Tenant, Roles: one.Roles, Groups: one.Groups, Attributes: one.Attributes},
		}
		var err error
		switch {
		case one.JWKSURL != "":
			all[i].Keys, err = jwtauth.Remote(one.JWKSURL, nil)
		case one.JWKSFile != "":
			all[i].Keys, err = keyFiles([]string{one.JWKSFile})
		default:
			all[i].Keys, err = jwtauth.ParseKeys([]byte(one.JWKS))
		}
		if err != nil {
			return nil, fmt.Errorf("fhir.smart.clients[%d]: %w", i, err)
		}
	}
	return all, nil
}
