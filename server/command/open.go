package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/esdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/config"
)

// parts are what the configuration names, opened. Close closes them, the last that was opened first.
type parts struct {
	config    *config.Config
	kind      string        // of the engine
	engine    search.Loader // or nil
	store     *docstore.Store
	documents docstore.Driver // of the store
	policy    *access.Policy
	traces    *tracing // or nil
	exports   *process.Config
	fhir      *bulk.Config
	jobs      *job.Jobs // of the exports, or nil like them
	closers   []func() error
}

// Close closes what was opened.
func (o *parts) Close() error {
	var errs []error
	for _, c := range slices.Backward(o.closers) {
		errs = append(errs, c())
	}
	o.closers = nil
	return errors.Join(errs...)
}

// open opens the engine, the document store and the policy of a configuration. Everything that is written
// lies under its data directory.
func open(ctx context.Context, c *config.Config) (*parts, error) {
	return openSome(ctx, c, true, true)
}

// openSome opens the engine and the document store if they are wanted.
func openSome(ctx context.Context, c *config.Config, engine, store bool) (o *parts, err error) {
	o = &parts{config: c, kind: c.EngineKind()}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
		return o, fmt.Errorf("the data directory: %w", err)
	}
	if err := o.openPolicy(); err != nil {
		return o, err
	}
	if engine {
		if err := o.openEngine(ctx); err != nil {
			return o, fmt.Errorf("the engine: %w", err)
		}
	}
	if store {
		if err := o.openStore(ctx); err != nil {
			return o, fmt.Errorf("the document store: %w", err)
		}
	}
	return o, nil
}

func (o *parts) openPolicy() error {
	text, err := o.config.AccessRoles()
	if err != nil {
		return err
	}
	if text == nil {
		text = access.DefaultRoles()
	}
	roles, err := access.ParseRoles(text)
	if err != nil {
		return err
	}
	if c := o.config; c.Auth.Mode == "none" && len(c.Auth.Roles) == 0 {
		if _, ok := roles[allRights]; !ok { // nobody but the local user can have it
			shipped, err := access.ParseRoles(access.DefaultRoles())
			if err != nil {
				return err
			}
			roles[allRights] = shipped[allRights]
		}
	}
	key := []byte(o.config.Query.PseudonymKey.Reveal())
	if len(key) == 0 {
		if key, err = o.kept("pseudonym.key"); err != nil {
			return err
		}
	}
	zone, err := time.LoadLocation(o.config.Query.TimeZone)
	if err != nil {
		return err
	}
	opts := &access.Options{Key: key, Zone: zone}
	if t := o.config.Tenants; len(t.Fields) > 0 {
		opts.Tenants = &access.TenantRule{Fields: t.Fields, Below: t.Below, Except: t.Except}
	}
	o.policy, err = access.NewPolicy(roles, opts)
	return err
}

// kept returns a secret of the data directory, which it makes the first time.
func (o *parts) kept(name string) ([]byte, error) {
	file := filepath.Join(o.config.Server.Data, name)
	key, err := os.ReadFile(file) //nolint:gosec // the operator names the directory
	if err == nil && len(key) < 32 {
		return nil, fmt.Errorf("%s is damaged: it has %d bytes, and should have 32 or more; remove it, and a new one is made", file, len(key))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	made, err := os.CreateTemp(o.config.Server.Data, "."+name+"-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(made.Name()) //nolint:errcheck // it is linked under its name, or of no use
	_, err = made.Write(key)
	if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(made.Name(), file); errors.Is(err, fs.ErrExist) { // another process was first
		return os.ReadFile(file) //nolint:gosec // as above
	} else if err != nil {
		return nil, err
	}
	return key, nil
}

// private returns the path of a database of the data directory. If it is new, none but its owner can read it, whoever may look
// into the directory. SQLite gives the files beside it the same mode.
func (o *parts) private(name string) (string, error) {
	file := filepath.Join(o.config.Server.Data, name)
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return "", err
	}
	return file, f.Close()
}

// engineCache is how much memory the embedded engine takes for its writer; a reader takes a quarter of it.
const engineCache = 32 << 20

func (o *parts) openEngine(ctx context.Context) error {
	c := o.config
	switch o.kind {
	case "postgres":
		d, err := sqlsearch.OpenPostgres(ctx, c.Postgres.URL.Reveal(), &sqlsearch.PostgresOptions{Schema: c.Postgres.Schema, Connections: c.Postgres.Connections})
		if err != nil {
			return err
		}
		o.engine, o.closers = d, append(o.closers, d.Close)
	case "elasticsearch":
		t, err := o.cluster()
		if err != nil {
			return err
		}
		declared, err := o.declared()
		if err != nil {
			return err
		}
		o.engine, err = essearch.Open(ctx, t, &essearch.Options{Timeout: c.Elasticsearch.Timeout, Declared: declared})
		return err
	default:
		file, err := o.private("records.db")
		if err != nil {
			return err
		}
		d, err := sqlsearch.Open(ctx, file, &sqlsearch.Options{Cache: engineCache})
		if err != nil {
			return err
		}
		o.engine, o.closers = d, append(o.closers, d.Close)
	}
	return nil
}

// cluster returns a transport to the cluster.
func (o *parts) cluster() (essearch.Transport, error) {
	es := o.config.Elasticsearch
	in := &essearch.Cluster{Hosts: es.Hosts, User: es.Username, Password: es.Password.Reveal(), APIKey: es.APIKey.Reveal()}
	if es.CAFile != "" {
		ca, err := os.ReadFile(es.CAFile)
		if err != nil {
			return nil, err
		}
		in.CA = ca
	}
	return essearch.Dial(in)
}

// declared reads the mapping files of the configuration.
func (o *parts) declared() ([]*record.Schema, error) {
	var all []*record.Schema
	for name, file := range o.config.Engine.Mappings {
		s, err := readMapping(name, file)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func readMapping(index, file string) (*record.Schema, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	s, err := record.ParseSchema(index, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

func (o *parts) openStore(ctx context.Context) error {
	c := o.config
	switch c.DocstoreKind() {
	case "postgres":
		url := c.Docstore.URL
		if url.IsZero() {
			url = c.Postgres.URL
		}
		d, err := sqldoc.OpenPostgres(ctx, url.Reveal(), &sqldoc.PostgresOptions{Schema: c.Postgres.Schema + "_config"})
		if err != nil {
			return err
		}
		o.documents, o.closers = d, append(o.closers, d.Close)
	case "elasticsearch":
		t, err := o.cluster()
		if err != nil {
			return err
		}
		d, err := esdoc.Open(ctx, t, &esdoc.Options{Timeout: c.Elasticsearch.Timeout})
		if err != nil {
			return err
		}
		o.documents = d
	default:
		file, err := o.private("config.db")
		if err != nil {
			return err
		}
		d, err := sqldoc.Open(ctx, file, nil)
		if err != nil {
			return err
		}
		o.documents, o.closers = d, append(o.closers, d.Close)
	}
	o.store = docstore.New(o.documents)
	return nil
}
