// Package config reads how a server is to be: from files in YAML or JSON, with the
// environment above them and defaults below.
//
//	c, err := config.Load([]string{"application.yml"}, os.Getenv)
//
// # Files
//
// A later file goes over an earlier one: what it says of a map is added, of a list replaces it. JSON is
// read as well. In a value, ${NAME} stands for a variable of the environment and ${NAME:text} gives what
// it is if that is not set; $${ is the characters ${ themselves. A key that is null keeps its default.
//
// # Environment
//
// Every single value and list of texts can be set by a variable that is made of its path:
// DHR_ENGINE_KIND is engine.kind. A list is written with commas. SERVER_PORT is server.port,
// and DHR_DATA is server.data. An empty variable counts as none.
//
// # Secrets
//
// A [Secret] is never printed. Beside each, the same key with _file names a file that
// holds it, from the directory of the configuration if the path is relative.
//
// # Mistakes
//
// All mistakes are found at once. They come as [Errors], each with its place.
package config

import "time"

// A Config is everything that can be configured. Its keys in a file are the
// names in snake_case.
type Config struct {
	// Server is where and how the server listens.
	Server Server
	// Engine is where the records are.
	Engine Engine
	// Elasticsearch is the cluster of the engine or docstore of that kind; OpenSearch as well.
	Elasticsearch Elasticsearch
	// Postgres is the database of the engine or docstore of that kind.
	Postgres Postgres
	// Docstore is where filters, dashboards and other small documents are kept.
	Docstore Docstore
	// Auth is how requests say who asks.
	Auth Auth
	// Roles are who may see what. If there are none, those that come with the server.
	Roles map[string]Role
	// Directory is what is known of users besides.
	Directory Directory
	// Tenants keeps tenants apart.
	Tenants Tenants
	// Gateway is where the other processes are, for one that has the role gateway.
	Gateway Gateway
	// Query is how questions are answered.
	Query Query
	// Limits are how much may be asked.
	Limits Limits
	// Storage is where the files of exports are kept.
	Storage Storage
	// Exports are what can be exported, and for how long it is kept.
	Exports Exports
	// Jobs are how exports are worked on.
	Jobs Jobs
	// FHIR is how records are handed out as FHIR Bulk Data.
	FHIR fhirExports
	// CORS is which pages of other origins may call the API.
	CORS CORS
	// Audit is the record of who did what.
	Audit Audit
	// Log is what the server says of its work.
	Log Log
	// Metrics are figures for Prometheus.
	Metrics Metrics
	// Tracing sends traces to a collector.
	Tracing Tracing
	// Sample is the data that a new server begins with.
	Sample Sample

	places map[string]place
}

// Server is where and how the server listens.
type Server struct {
	// Address is the address to listen at. Other machines reach the server only if it is not a loopback address.
	Address string
	// Port is the port to listen at; 0 is any that is free.
	Port int `min:"0" max:"65535"`
	// Data is the directory under which lies everything that the server writes.
	Data string
	// BasePath is what the paths of all routes begin with, such as /dhr.
	BasePath string
	// TLS lets the server speak HTTPS.
	TLS TLS
	// TrustedProxies are addresses, or networks such as 10.0.0.0/8, whose X-Forwarded headers are believed.
	TrustedProxies []string
	// HeaderTimeout is how long a client may take to send the header of a request.
	HeaderTimeout time.Duration `min:"1ms"`
	// ReadTimeout is how long a client may take to send a whole request.
	ReadTimeout time.Duration `min:"1ms"`
	// IdleTimeout is how long a connection is kept without a request.
	IdleTimeout time.Duration `min:"1ms"`
	// MaxBody is the size of the largest request.
	MaxBody Size `min:"1KB"`
	// MaxHeader is the size of the largest header of a request.
	MaxHeader Size `min:"1KB"`
	// ShutdownGrace is how long requests that run are waited for when the server ends.
	ShutdownGrace time.Duration
}

// TLS lets the server speak HTTPS. Both files are needed, or none.
type TLS struct {
	// CertFile is the certificate, and those above it, in PEM.
	CertFile string
	// KeyFile is the private key in PEM.
	KeyFile string
}

// Engine is where the records are.
type Engine struct {
	// Kind is the engine. If empty, elasticsearch if it has hosts, or else postgres if it has a URL, or else sqlite, built in.
	Kind string `oneof:"sqlite,postgres,elasticsearch"`
	// Indexes are the names of the indexes that are served, with * for any run of characters. If empty, all.
	Indexes []string
	// Mappings are mapping files by the names of indexes, or patterns: they add labels, aliases and marks of personal data to what a cluster says. An index of
	// another engine has those that it was made with.
	Mappings map[string]string
}

// Elasticsearch is a cluster.
type Elasticsearch struct {
	// Hosts are the URLs of its nodes.
	Hosts []string
	// Username is who signs in.
	Username string
	// Password is the user's.
	Password Secret
	// APIKey signs in instead of a user.
	APIKey Secret
	// CAFile is the certificate, in PEM, that the cluster's is signed by. If empty, those of the system.
	CAFile string
	// Timeout is how long the cluster may take to answer a request.
	Timeout time.Duration `min:"1ms"`
}

// Postgres is a database.
type Postgres struct {
	// URL is that of the database, such as postgres://user:password@host:5432/name.
	URL Secret
	// Schema is the schema that holds the tables of DHR.
	Schema string
	// Connections is the greatest number of connections. If 0, 16.
	Connections int `min:"0" max:"10000"`
}

// Docstore is where filters, dashboards and other small documents are kept.
type Docstore struct {
	// Kind is what keeps them. If empty, sqlite, unless the engine is postgres: then the same database.
	Kind string `oneof:"sqlite,postgres,elasticsearch"`
	// URL is that of the database, if it is another than the engine's.
	URL Secret
}

// Directory is what is known of users besides.
type Directory struct {
	// Groups are the users of each group, for membersOf() and shares.
	Groups map[string][]string
}

// Tenants keeps tenants apart.
type Tenants struct {
	// Default is the tenant of the local user of mode none, and of the audit of sign-ins that were refused.
	Default string
	// Fields are fields that hold the tenant of a record, of which the first that an index has counts. If empty, records have no tenants.
	Fields []string
	// Except are the names of indexes, or patterns, whose records have no tenants.
	Except []string
	// Below says that a tenant sees those below it as well, as in DIGIT: pb sees pb.amritsar.
	Below bool
}

// Gateway is where the other processes are, for one that has the role gateway and not theirs. All should have
// the same auth, for each finds out again who asks, and the others this one among their trusted_proxies.
type Gateway struct {
	// Query is the URL of the process with the role query. If empty, its routes are not forwarded.
	Query string
	// Filter is that of the process with the role filter.
	Filter string
	// Export is that of the process with the role export.
	Export string
	// FHIR is that of the process with the role fhir.
	FHIR string
	// Configuration is that of the process with the role configuration.
	Configuration string
	// CAFile is the certificate, in PEM, that the processes' are signed by. If empty, those of the system.
	CAFile string
	// Timeout is how long a process may take to begin its answer.
	Timeout time.Duration `min:"1ms"`
}

// Query is how questions are answered.
type Query struct {
	// MaxResults is the greatest number of records on a page.
	MaxResults int `min:"1" max:"1000"`
	// TimeZone is where days begin, unless a question says otherwise.
	TimeZone string
	// WeekStart is the first day of the week.
	WeekStart string `oneof:"sunday,monday,tuesday,wednesday,thursday,friday,saturday"`
	// Timeout is how long an engine may take to answer.
	Timeout time.Duration `min:"1ms"`
	// Dialect is that of the language. jira takes what Jira takes, and refuses what it refuses.
	Dialect string `oneof:"dhr,jira"`
	// TokenKey is what page tokens are sealed with, 32 bytes or more, the same for all servers that share them. If empty, one that is
	// kept under the data directory.
	TokenKey Secret
	// PseudonymKey is what pseudonyms are made with, 32 bytes or more, the same for all servers that are to make the same ones. If
	// empty, one that is kept under the data directory.
	PseudonymKey Secret
}

// Limits are how much may be asked.
type Limits struct {
	// PerPrincipal is for each user, or key, of a tenant.
	PerPrincipal Rate
	// PerAddress is for each address that requests come from.
	PerAddress Rate
	// Concurrent is how many requests are worked on at once; others wait for their turn a while. If 0, any number.
	Concurrent int `min:"0" max:"1000000"`
}

// A Rate is how often something may happen.
type Rate struct {
	// Requests is how many requests there may be per second in the long run. If 0, any number.
	Requests float64 `min:"0" max:"1000000"`
	// Burst is how many may come at once. If 0, twice as many as per second, and at least one.
	Burst int `min:"0" max:"1000000"`
}

// CORS is which pages of other origins may call the API.
type CORS struct {
	// Origins are these pages' origins, such as https://dashboard.example.org. If empty, none; * is any, without credentials.
	Origins []string
	// Methods are those that they may use.
	Methods []string
	// Headers are those that they may send.
	Headers []string
	// Credentials says whether they may send cookies and the like.
	Credentials bool
	// MaxAge is how long a browser remembers what it was told.
	MaxAge time.Duration
}

// Audit is the record of who did what.
type Audit struct {
	// Enabled says whether it is kept.
	Enabled bool
}

// Log is what the server says of its work.
type Log struct {
	// Level is from where on it is said.
	Level string `oneof:"debug,info,warn,error"`
	// Format is json for machines, text for people.
	Format string `oneof:"json,text"`
	// QueryTexts says whether queries are logged as they were written. They may hold names of patients; otherwise a hash stands for them.
	QueryTexts bool
}

// Metrics are figures for Prometheus.
type Metrics struct {
	// Enabled says whether GET /metrics answers.
	Enabled bool
}

// Tracing sends traces to a collector.
type Tracing struct {
	// Endpoint is the URL of an OTLP collector over HTTP. If empty, there are no traces.
	Endpoint string
	// Sample is of how many requests, from 0 to 1, traces are sent.
	Sample float64 `min:"0" max:"1"`
}

// Sample is the data that a new server begins with.
type Sample struct {
	// Load says into which engine sample records and filters are loaded when it has none: embedded, into SQLite alone; always, into any; never.
	Load string `oneof:"embedded,always,never"`
}
