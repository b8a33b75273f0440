package command

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/server/config"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
	"github.com/digit-health/dhr/storage/filestore"
	"github.com/digit-health/dhr/storage/ipfs"
)

// exportFormats are the formats that the configuration allows.
func exportFormats(c *config.Config) []*export.Format {
	return slices.DeleteFunc(formats(), func(f *export.Format) bool { return !slices.Contains(c.Exports.Formats, f.Name) })
}

// openFiles opens the storages of the configuration, of which the first is the default one. Nothing is asked of those
// that are elsewhere.
func (o *parts) openFiles() (*storage.Store, error) {
	var all []storage.Backend
	for _, scheme := range o.config.Storage.Schemes() {
		b, err := o.openBackend(scheme)
		if err != nil {
			return nil, fmt.Errorf("storage.%s: %w", scheme, err)
		}
		all = append(all, b)
	}
	return storage.New(all...)
}

func (o *parts) openBackend(scheme string) (storage.Backend, error) {
	s := &o.config.Storage
	switch scheme {
	case "filestore":
		return openFilestore(&s.Filestore)
	case "ipfs":
		if !s.IPFS.Pinata.Token.IsZero() {
			p := &s.IPFS.Pinata
			return ipfs.NewPinata(p.Token.Reveal(), &ipfs.PinataOptions{Gateway: p.Gateway, GatewayToken: p.GatewayToken.Reveal(), Timeout: s.IPFS.Timeout})
		}
		return openNode(&s.IPFS)
	}
	folder := s.Disk.Folder
	if folder == "" {
		folder = filepath.Join(o.config.Server.Data, "files")
	}
	b, err := disk.Open(folder, &disk.Options{Quota: int64(s.Disk.Quota)})
	if err != nil {
		return nil, err
	}
	o.closers = append(o.closers, b.Close)
	return b, nil
}

func openFilestore(c *config.Filestore) (storage.Backend, error) {
	opts := &filestore.Options{
		Dialect: filestore.Dialect(c.Dialect), Paths: filestore.Paths(c.Paths), Module: c.Module, ContentTypes: c.ContentTypes, Extensions: c.Extensions,
		MaxBytes: int64(c.MaxBytes), TokenHeader: c.TokenHeader, TenantHeader: c.TenantHeader, Proxied: c.Proxied, Timeout: c.Timeout,
	}
	if t := c.Token; t.URL != "" {
		opts.Token = &filestore.Token{
			URL: t.URL, ClientID: t.ClientID, ClientSecret: t.ClientSecret.Reveal(), Grant: t.Grant,
			Username: t.Username, Password: t.Password.Reveal(), Scope: t.Scope, Fields: t.Fields,
		}
	}
	return filestore.New(c.URL, opts)
}

func openNode(c *config.IPFS) (storage.Backend, error) {
	opts := &ipfs.Options{Gateway: c.Gateway, Timeout: c.Timeout}
	if !c.Token.IsZero() || c.Username != "" {
		opts.Auth = &ipfs.Auth{Token: c.Token.Reveal(), Username: c.Username, Password: c.Password.Reveal()}
	}
	for _, p := range c.Pinning {
		opts.Pinning = append(opts.Pinning, ipfs.Pinning{URL: p.URL, Auth: ipfs.Auth{Token: p.Token.Reveal()}, Wait: p.Wait})
	}
	return ipfs.New(c.URL, opts)
}
