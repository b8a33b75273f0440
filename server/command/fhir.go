package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/config"
	"github.com/digit-health/dhr/storage"
)

// openFHIR opens what exports of FHIR are made with, if they are wanted.
func (o *parts) openFHIR(ctx context.Context, files *storage.Store, spool string, log *slog.Logger) error {
	f := &o.config.FHIR
	if !f.Enabled {
		return nil
	}
	all, err := readFHIRMappings(f.Mappings)
	if err == nil {
		all, err = o.fitFHIR(ctx, all, log)
	}
	if err != nil {
		return fmt.Errorf("fhir.mappings: %w", err)
	}
	if len(all) == 0 {
		return nil
	}
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	o.fhir = &bulk.Config{
		Mappings: all, Bases: slices.Clone(f.Bases), PatientAttribute: f.PatientAttribute, RequiresAccessToken: o.config.Auth.Mode != "none",
		Files: files, Scheme: o.config.Storage.Default, Plain: o.config.Exports.Plain, Jobs: o.jobs, Spool: spool, Retention: f.Retention, Sweep: f.Sweep,
		Limits: bulk.Limits{
			FileRecords: int64(f.FileRecords), FileBytes: int64(f.FileSize), Bytes: int64(f.MaxBytes), Files: f.MaxFiles,
			PerUser: f.PerUser, PerTenant: f.PerTenant, Patients: f.MaxPatients,
		},
	}
	if f.PublicURL != "" {
		o.fhir.Bases = append(o.fhir.Bases, f.PublicURL+fhirPath+"r4")
	}
	if o.kind == "elasticsearch" { // the others find at once what is stored
		o.fhir.Delay = f.Delay
	}
	for _, g := range f.Groups {
		o.fhir.Groups = append(o.fhir.Groups, bulk.Group{
			ID: g.ID, Name: g.Name, Description: g.Description, JQL: g.JQL, Members: g.Members, Tenants: g.Tenants, Roles: g.Roles, Groups: g.Groups,
		})
	}
	return nil
}

// readFHIRMappings reads mapping files, or those that come with the server, by their names; without any, those of the sample.
func readFHIRMappings(names []string) ([]*mapping.Mapping, error) {
	if len(names) == 0 {
		names = []string{mappings.Sample}
	}
	var all []*mapping.Set
	for _, name := range names {
		var text []byte
		var err error
		if slices.Contains(mappings.Names(), name) {
			text, err = mappings.Text(name)
		} else {
			text, err = os.ReadFile(name) //nolint:gosec // the operator names the file
		}
		if err != nil {
			return nil, err
		}
		set, err := mapping.Parse(name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, set)
	}
	joined, err := mapping.Join(all...)
	if err != nil {
		return nil, err
	}
	return joined.Mappings(), nil
}

// fitFHIR returns the mappings that fit their indexes, or have none yet, and what is wrong with the others. Those that nobody has chosen are left out
// where they do not fit: an index may have the name of one of the sample, and be another.
func (o *parts) fitFHIR(ctx context.Context, all []*mapping.Mapping, log *slog.Logger) (fit []*mapping.Mapping, err error) {
	var errs []error
	chosen := len(o.config.FHIR.Mappings) > 0
	for i, m := range all {
		schemas, err := o.engine.Schemas(ctx, m.Index)
		if errors.Is(err, search.ErrUnavailable) { // each further question would wait as long for nothing
			log.WarnContext(ctx, "FHIR mappings could not be held against their indexes, since the engine does not answer", "mappings", len(all)-i, "error", err)
			fit = append(fit, all[i:]...)
			break
		}
		if err != nil {
			log.WarnContext(ctx, "a FHIR mapping could not be held against its index", "mapping", m.Name, "index", m.Index, "error", err)
		} else if len(schemas) != 1 {
			level := slog.LevelDebug
			if chosen {
				level = slog.LevelInfo
			}
			log.Log(ctx, level, "a FHIR mapping has no index yet", "mapping", m.Name, "index", m.Index)
		} else if _, err := m.Bind(schemas[0]); err != nil && chosen {
			errs = append(errs, err)
			continue
		} else if err != nil {
			log.InfoContext(ctx, "a FHIR mapping of the sample is left out: the index is another one", "mapping", m.Name, "index", m.Index)
			continue
		}
		fit = append(fit, m)
	}
	return fit, errors.Join(errs...)
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
			Principal: &access.Principal{Tenant: one.Tenant, Roles: one.Roles, Groups: one.Groups, Attributes: one.Attributes},
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
