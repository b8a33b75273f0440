package config

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Storage is where the files of exports are kept.
type Storage struct {
	// Default is where they go unless an export says otherwise. What is not configured cannot be asked for.
	Default string `oneof:"disk,filestore,ipfs"`
	// Disk is a folder of this machine.
	Disk Disk
	// Filestore is DIGIT's Filestore.
	Filestore Filestore
	// IPFS is a node, or an account of Pinata.
	IPFS IPFS
}

// Disk is a folder of this machine, or of a network's file system that all processes share.
type Disk struct {
	// Folder is the folder. If empty, files under the data directory.
	Folder string
	// Quota is how much it may hold. If 0, as much as the disk has.
	Quota Size `min:"0"`
}

// Filestore is DIGIT's Filestore.
type Filestore struct {
	// URL is its address, such as http://egov-filestore.egov:8080/filestore. If empty, there is none.
	URL string
	// Dialect is what it speaks: v2 is DIGIT 2 in Java, v1-go the first one in Go, v3 DIGIT 3.
	Dialect string `oneof:"v2,v1-go,v3"`
	// Paths are paths that are others than those of the dialect.
	Paths filestorePaths
	// Module is the name of the group of files that they belong to.
	Module string
	// ContentTypes are the content types of extensions that are others than those of the dialect, such as csv: text/csv.
	ContentTypes map[string]string
	// Extensions are the extensions under which files are stored that have another, such as ndjson: txt.
	Extensions map[string]string
	// MaxBytes is the size of the largest file; larger exports become several. If 0, 5 MB for v2, any for others.
	MaxBytes Size `min:"0"`
	// Token is where tokens come from.
	Token filestoreToken
	// TokenHeader is the header of the token. If empty, auth-token for v2, Authorization for others.
	TokenHeader string
	// TenantHeader is a header with the tenant. If empty, none for v2, X-Tenant-ID for others.
	TenantHeader string
	// Proxied says that users cannot reach the object store, so that files are downloaded through DHR.
	Proxied bool
	// Timeout is how long it may take to answer.
	Timeout time.Duration `min:"1ms"`
}

// filestorePaths are paths behind the URL, in which {tenant} and {id} stand for those of the file.
type filestorePaths struct {
	// Upload is where files are sent.
	Upload string
	// Read is where they are read.
	Read string
	// Metadata is where their size is asked for.
	Metadata string
	// Links is where URLs for download are asked for.
	Links string
	// Delete is where they are deleted.
	Delete string
}

// filestoreToken is where tokens come from: a token endpoint of OAuth 2, or egov-user of DIGIT 2.
type filestoreToken struct {
	// URL is the endpoint, such as https://digit.example.org/user/oauth/token. If empty, no token is sent, as inside of a cluster.
	URL string
	// ClientID is who asks.
	ClientID string
	// ClientSecret is its secret.
	ClientSecret Secret
	// Grant is the grant type. If empty, password with a username, client_credentials without.
	Grant string `oneof:"password,client_credentials"`
	// Username is the system user of the grant password.
	Username string
	// Password is that user's.
	Password Secret
	// Scope is sent if it is not empty.
	Scope string
	// Fields are sent as well, such as userType and tenantId.
	Fields map[string]string
}

// IPFS is a node with the RPC of Kubo, or an account of Pinata. Files are sealed unless exports.plain has ipfs, for whoever
// knows an address can have the file.
type IPFS struct {
	// URL is that of the node's RPC, such as http://127.0.0.1:5001. If it and pinata.token are empty, there is no IPFS.
	URL string
	// Token lets DHR in, as a bearer.
	Token Secret
	// Username lets it in by basic authentication.
	Username string
	// Password is that user's.
	Password Secret
	// Gateway is the address of a gateway for users, such as https://files.example.org. If empty, files go through DHR.
	Gateway string
	// Pinning are services with the IPFS Pinning Service API that pin each file too.
	Pinning []pinningService
	// Pinata is an account of Pinata, instead of a node.
	Pinata Pinata
	// Timeout is how long the node may take to begin its answer.
	Timeout time.Duration `min:"1ms"`
}

// A pinningService pins each file too, which it fetches from the node.
type pinningService struct {
	// URL is where its pins are, without /pins.
	URL string
	// Token lets DHR in.
	Token Secret
	// Wait is how long it may take to fetch a file. If 0, 10 minutes.
	Wait time.Duration
}

// Pinata is an account of Pinata.
type Pinata struct {
	// Token is the JWT of the account.
	Token Secret
	// Gateway is the address of the account's gateway, such as https://example.mypinata.cloud.
	Gateway string
	// GatewayToken is what the gateway wants to have.
	GatewayToken Secret
}

// Exports are what can be exported, and for how long it is kept.
type Exports struct {
	// Formats are those that can be asked for.
	Formats []string `oneof:"csv,excel,json,ndjson,pdf"`
	// Retention is how long files are kept after they are finished.
	Retention time.Duration `min:"1m"`
	// Sweep is how often it is looked for what is to be thrown away.
	Sweep time.Duration `min:"1s"`
	// Spool is a folder of this machine, of this process alone, for files that are being written. If empty, spool under the data directory.
	Spool string
	// Links are the storages whose own URLs are handed out for download. A URL is good for anybody who has it.
	Links []string `oneof:"filestore,ipfs"`
	// Plain are the storages that are shown to the world to which files go unsealed all the same.
	Plain []string `oneof:"ipfs"`
	// MaxRecords is the greatest number of records of an export; what is more is left out, which the export says. If 0, any.
	MaxRecords int `min:"0"`
	// MaxBytes is the greatest size of all files of an export; one that would be larger fails. If 0, any.
	MaxBytes Size `min:"0"`
	// MaxFiles is the greatest number of files of an export.
	MaxFiles int `min:"1" max:"2000"`
	// PartRows is the greatest number of rows of a file where a request does not say it. If 0, what the format can hold.
	PartRows int `min:"0"`
	// PartBytes is the greatest size of a file where a request does not say it. If 0, what the storage takes.
	PartBytes Size `min:"0"`
	// PerUser is how many exports of a user may wait or run. If 0, any.
	PerUser int `min:"0"`
	// PerTenant is how many exports of a tenant may. If 0, any.
	PerTenant int `min:"0"`
}

// Jobs are how exports are worked on.
type Jobs struct {
	// Workers is how many jobs a process with the role worker works on at once.
	Workers int `min:"1" max:"1000"`
	// Attempts is how often a job is tried before it has failed.
	Attempts int `min:"1" max:"100"`
	// Lease is how long a worker may be silent before others go on with its job.
	Lease time.Duration `min:"1s"`
	// Total is how many may be worked on at once by all processes together. If 0, any number.
	Total int `min:"0"`
	// PerTenant is how many of them may be of one tenant. If 0, any.
	PerTenant int `min:"0"`
	// PerUser is how many of them may be of one user. If 0, any.
	PerUser int `min:"0"`
	// RedisURL is that of a Redis that tells workers of several processes who works next, such as redis://:password@host:6379/0.
	// If empty, each process looks for itself, which needs nothing installed.
	RedisURL Secret
}

// Schemes are the storages that are configured, the default one first.
func (s *Storage) Schemes() []string {
	all := []string{s.Default}
	for _, one := range []struct {
		name  string
		there bool
	}{
		{"disk", true}, {"filestore", s.Filestore.URL != ""}, {"ipfs", s.IPFS.URL != "" || !s.IPFS.Pinata.Token.IsZero()},
	} {
		if one.there && one.name != s.Default {
			all = append(all, one.name)
		}
	}
	return all
}

func (k *checker) storage() {
	s := &k.config.Storage
	f, i := &s.Filestore, &s.IPFS
	k.url("storage.filestore.url", f.URL, "http", "https")
	k.url("storage.filestore.token.url", f.Token.URL, "http", "https")
	k.url("storage.ipfs.url", i.URL, "http", "https")
	k.url("storage.ipfs.gateway", i.Gateway, "http", "https")
	k.url("storage.ipfs.pinata.gateway", i.Pinata.Gateway, "http", "https")
	switch {
	case s.Default == "filestore" && f.URL == "":
		k.complain("storage.filestore.url", "is needed by storage.default, which is filestore")
		k.place("storage.default")
	case s.Default == "ipfs" && i.URL == "" && i.Pinata.Token.IsZero():
		k.complain("storage.ipfs.url", "or pinata.token is needed by storage.default, which is ipfs")
		k.place("storage.default")
	}
	if t := f.Token; t.URL == "" && (t.ClientID != "" || !t.ClientSecret.IsZero() || t.Username != "" || !t.Password.IsZero()) {
		k.complain("storage.filestore.token.url", "is needed: the endpoint that gives tokens")
	}
	k.ipfs(i)
}

func (k *checker) ipfs(i *IPFS) {
	switch {
	case i.URL != "" && !i.Pinata.Token.IsZero():
		k.complain("storage.ipfs.pinata.token", "stands beside url; expected a node or an account of Pinata")
	case !i.Pinata.Token.IsZero() && i.Pinata.Gateway == "":
		k.complain("storage.ipfs.pinata.gateway", "is needed: files are read through it")
	case i.URL == "" && len(i.Pinning) > 0:
		k.complain("storage.ipfs.pinning", "needs url: the services fetch from the node")
	}
	if !i.Token.IsZero() && i.Username != "" {
		k.complain("storage.ipfs.token", "stands beside username; expected one of them")
	}
	if !i.Password.IsZero() && i.Username == "" {
		k.complain("storage.ipfs.password", "needs a username")
	}
	for n, p := range i.Pinning {
		at := fmt.Sprintf("storage.ipfs.pinning[%d].url", n)
		if p.URL == "" {
			k.complain(at, "is empty; expected the address of the service")
		}
		k.url(at, p.URL, "http", "https")
	}
}

func (k *checker) exports() {
	c := k.config
	if len(c.Exports.Formats) == 0 {
		k.complain("exports.formats", "is empty; expected one or more of csv, excel, json, ndjson, pdf")
	}
	schemes := c.Storage.Schemes()
	for _, list := range []struct {
		key   string
		names []string
	}{{"exports.links", c.Exports.Links}, {"exports.plain", c.Exports.Plain}} {
		for i, name := range list.names {
			if !slices.Contains(schemes, name) {
				k.complain(fmt.Sprintf("%s[%d]", list.key, i), "found %q, which is not configured under storage", name)
			}
		}
	}
	if address := c.Jobs.RedisURL.Reveal(); address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" && u.Path == "" || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme) {
			k.complain("jobs.redis_url", "expected a URL such as redis://host:6379/0") // it may hold a password, so it is not said
		}
	}
}
