package config

import "time"

// Default returns the configuration of a server that was told nothing: on loopback, with everything
// that it needs built in.
func Default() *Config {
	return &Config{
		Server: Server{
			Address: "127.0.0.1", Port: 3000, Data: "./dhr-data",
			HeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
			MaxBody: 4 << 20, MaxHeader: 64 << 10, ShutdownGrace: 15 * time.Second,
		},
		Elasticsearch: Elasticsearch{Timeout: 30 * time.Second},
		Postgres:      Postgres{Schema: "dhr"},
		Auth: Auth{
			Mode: "none", User: "local",
			OIDC:  oidcSignIn{Scopes: []string{"openid"}},
			JWT:   JWT{Leeway: 30 * time.Second, Refresh: time.Hour},
			Digit: Digit{Cache: 5 * time.Minute},
		},
		Tenants: Tenants{Default: "default"},
		Gateway: Gateway{Timeout: time.Minute},
		Query:   Query{MaxResults: 1000, TimeZone: "UTC", WeekStart: "sunday", Timeout: 30 * time.Second, Dialect: "dhr"},
		Storage: Storage{
			Default: "disk", Filestore: Filestore{Dialect: "v2", Module: "dhr", Timeout: 2 * time.Minute}, IPFS: IPFS{Timeout: 5 * time.Minute},
		},
		Exports: Exports{Formats: []string{"csv", "excel", "json", "ndjson", "pdf"}, Retention: 7 * 24 * time.Hour, Sweep: time.Hour, MaxFiles: 2000},
		Jobs:    Jobs{Workers: 2, Attempts: 5, Lease: 15 * time.Second},
		FHIR: fhirExports{
			Enabled: true, PatientAttribute: "patient_id", Retention: 24 * time.Hour, Sweep: time.Hour, Delay: 5 * time.Second,
			FileRecords: 100_000, FileSize: 1 << 30, MaxFiles: 1000, MaxPatients: 10_000, Smart: smartTokens{TTL: 5 * time.Minute},
		},
		CORS: CORS{
			Methods: []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
			Headers: []string{"Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "Idempotency-Key", "Last-Event-ID", "Prefer", "Range", "X-Request-ID", "X-Correlation-ID"},
			MaxAge:  10 * time.Minute,
		},
		Audit:   Audit{Enabled: true},
		Log:     Log{Level: "info", Format: "json"},
		Metrics: Metrics{Enabled: true},
		Tracing: Tracing{Sample: 1},
		Sample:  Sample{Load: "embedded"},
	}
}
