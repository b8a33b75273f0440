package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/server/config"
)

// load reads a configuration of texts, each a file: application.yml, then 1.yml and so on.
func load(t *testing.T, env map[string]string, texts ...string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, text := range texts {
		name := filepath.Join(dir, "application.yml")
		if i > 0 {
			name = filepath.Join(dir, fmt.Sprint(i, ".yml"))
		}
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		files = append(files, name)
	}
	c, err := config.Load(files, func(name string) string { return env[name] })
	if err != nil {
		require.Nil(t, c)
		var list config.Errors
		if errors.As(err, &list) {
			for _, e := range list {
				if strings.HasPrefix(e.File, dir) {
					e.File = filepath.Base(e.File)
				}
			}
		}
	}
	return c, err
}

func TestNothingIsTheDefault(t *testing.T) {
	t.Parallel()
	require.NoError(t, config.Default().Check())
	for _, text := range []string{"", "# nothing\n", "server:\n", "server: {port: null}\n", "{}", "\xef\xbb\xbf{}"} {
		c, err := load(t, nil, text)
		require.NoError(t, err, text)
		require.Equal(t, config.Default().Server, c.Server)
		require.Equal(t, "sqlite", c.EngineKind())
		require.Equal(t, "sqlite", c.DocstoreKind())
	}
	c, err := config.Load(nil, nil)
	require.NoError(t, err)
	require.Equal(t, 3000, c.Server.Port)
}

func TestAnApplicationFile(t *testing.T) {
	t.Parallel()
	c, err := load(t, map[string]string{"ES_URL": "https://es.example.org:9200", "JWT_SECRET": strings.Repeat("k", 32)}, `
server:
  address: 0.0.0.0
  port: ${SERVER_PORT:8080}
  base_path: /dhr
  max_body: 10MB
  shutdown_grace: 1m30s
  trusted_proxies: [10.0.0.0/8, "::1"]
elasticsearch:
  hosts: ["${ES_URL}", "http://${ES_SECOND:es2}:9200"]
  username: elastic
  password: 00123
auth:
  mode: jwt
  jwt:
    secret: ${JWT_SECRET}
    claims: {attributes: {patient: "patient.id"}}
roles:
  ANALYST:
    permissions: [view, export]
    grants:
      - indexes: ["{tenant}-*"]
        rows: district = attribute("district")
        personal: hidden
        others: visible
limits: {per_principal: {requests: 0.5, burst: 3}}
cors: {origins: [https://a.example.org], max_age: 2d}
`)
	require.NoError(t, err)
	require.Equal(t, 8080, c.Server.Port)
	require.Equal(t, config.Size(10<<20), c.Server.MaxBody)
	require.Equal(t, 90*time.Second, c.Server.ShutdownGrace)
	require.Equal(t, 48*time.Hour, c.CORS.MaxAge)
	require.Equal(t, []string{"https://es.example.org:9200", "http://es2:9200"}, c.Elasticsearch.Hosts)
	require.Equal(t, "00123", c.Elasticsearch.Password.Reveal())
	require.Equal(t, "elasticsearch", c.EngineKind())
	require.Equal(t, 0.5, c.Limits.PerPrincipal.Requests)
	require.Equal(t, "patient.id", c.Auth.JWT.Claims.Attributes["patient"])
	text, err := c.AccessRoles()
	require.NoError(t, err)
	roles, err := access.ParseRoles(text)
	require.NoError(t, err)
	require.Equal(t, []string{"{tenant}-*"}, roles["ANALYST"].Grants[0].Indexes)
	require.Equal(t, []access.Permission{access.MayView, access.MayExport}, roles["ANALYST"].Permissions)
	require.Equal(t, access.Hidden, roles["ANALYST"].Grants[0].Personal.As)
}

// The contract gives this in JSON; with tabs, as some write it.
func TestJSON(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, "{\n\t\"auth\": {\"mode\": \"none\", \"user\": \"asha\", \"roles\": [\"ANALYST\"], \"groups\": [\"field\"]},\n\t\"directory\": {\"groups\": {\"field\": [\"asha\", \"ravi\"], \"empty\": []}}\n}\n")
	require.NoError(t, err)
	require.Equal(t, "asha", c.Auth.User)
	require.Equal(t, []string{"ANALYST"}, c.Auth.Roles)
	require.Equal(t, map[string][]string{"field": {"asha", "ravi"}, "empty": {}}, c.Directory.Groups)
}

func TestJSONEscapes(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, `{"auth": {"user": "a\ud83d\ude42\/\u00e9\\ud83d"}}`)
	require.NoError(t, err)
	require.Equal(t, `a🙂/é\ud83d`, c.Auth.User)
}

// Aliases in aliases are small in a file, and without end in memory.
func TestAliasesDoNotGrow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"roles: {A: {grants: &a [*a, *a, *a, *a]}}",
		"roles: {A: {grants: [&a [x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d], [*e,*e,*e,*e,*e,*e,*e,*e]]}}",
	} {
		_, err := load(t, nil, text)
		require.ErrorContains(t, err, "nested too deep, or too large")
	}
}

func TestLaterFilesAndTheEnvironmentGoOver(t *testing.T) {
	t.Parallel()
	env := map[string]string{"SERVER_PORT": "4000", "DHR_DATA": "/data", "DHR_ENGINE_INDEXES": "a-*, b", "DHR_SAMPLE_LOAD": "never",
		"DHR_QUERY_TIMEOUT": "3s", "DHR_LOG_LEVEL": "debug", "DHR_POSTGRES_URL": "postgres://u:p@h/d"}
	c, err := load(t, env,
		"directory: {groups: {a: [x], b: [y]}}\nserver: {port: 1}\nengine: {indexes: [q]}\nlog: {level: error, format: text}",
		"directory: {groups: {b: [z]}}\nlog: {level: warn}")
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"a": {"x"}, "b": {"z"}}, c.Directory.Groups)
	require.Equal(t, 4000, c.Server.Port)
	require.Equal(t, "/data", c.Server.Data)
	require.Equal(t, []string{"a-*", "b"}, c.Engine.Indexes)
	require.Equal(t, "never", c.Sample.Load)
	require.Equal(t, 3*time.Second, c.Query.Timeout)
	require.Equal(t, config.Log{Level: "debug", Format: "text"}, c.Log)
	require.Equal(t, "postgres", c.EngineKind())
	require.Equal(t, "postgres", c.DocstoreKind())
}

func TestMistakesAreToldWhereTheyStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "server:\n  prot: 1", []string{`application.yml:2:3: server.prot: unknown key; did you mean "port"?`}},
		{"unknown section", "elastic-search: {}", []string{`application.yml:1:1: elastic-search: unknown key; did you mean "elasticsearch"?`}},
		{"key of another section", "port: 80", []string{`application.yml:1:1: port: unknown key; did you mean "server.port"?`}},
		{"nothing near", "audit: {zebra: 1}", []string{`application.yml:1:9: audit.zebra: unknown key; here there are enabled`}},
		{"file of no secret", "server: {port_file: x}", []string{`application.yml:1:10: server.port_file: unknown key; here there are address, port`}},
		{"twice", "log: {level: info, level: warn}", []string{`application.yml:1:20: log.level: the key stands twice`}},
		{"text for number", "server: {port: http}", []string{`application.yml:1:16: server.port: found the text "http"; expected a whole number`}},
		{"quoted number", `server: {port: "80"}`, []string{`application.yml:1:16: server.port: found the text "80"; expected a whole number`}},
		{"fraction", `server: {port: 80.5}`, []string{`application.yml:1:16: server.port: found the number 80.5; expected a whole number`}},
		{"too large", `server: {port: 70000}`, []string{`application.yml:1:16: server.port: is greater than 65535`}},
		{"variable of wrong type", "server:\n  port: ${NO:eighty}", []string{`application.yml:2:9: server.port: found "eighty"; expected a whole number`}},
		{"missing variable", "server:\n  data: ${HOME_OF_DATA}", []string{`application.yml:2:9: server.data: the environment variable HOME_OF_DATA is not set; ${HOME_OF_DATA:…} gives a default`}},
		{"open variable", "server:\n  data: ${HOME", []string{`application.yml:2:9: server.data: a variable is written ${NAME} or ${NAME:default}; for the characters themselves write $${`}},
		{"duration without unit", "query: {timeout: 30}", []string{`application.yml:1:18: query.timeout: found the number 30; expected a duration such as 20s or 5m`}},
		{"no duration", "query: {timeout: 30 sec}", []string{`application.yml:1:18: query.timeout: "30 sec" is no duration; expected one such as 500ms, 20s, 5m, 2h or 7d`}},
		{"no size", "server: {max_body: 1 PB}", []string{`application.yml:1:20: server.max_body: "1 PB" is no size; expected one such as 512KB or 10MB`}},
		{"list for text", "server: {data: [a]}", []string{`application.yml:1:16: server.data: found a list; expected a text`}},
		{"text for list", "cors: {origins: a}", []string{`application.yml:1:17: cors.origins: found the text "a"; expected a list`}},
		{"text for section", "server: 3000", []string{`application.yml:1:9: server: found the number 3000; expected a section with keys`}},
		{"truth for text", "auth: {user: true}", []string{`application.yml:1:14: auth.user: found the truth value true; expected a text`}},
		{"list at the top", "- a", []string{`application.yml:1:1: found a list; expected a section with keys`}},
		{"none of those", "log: {level: inof}", []string{`application.yml:1:14: log.level: found "inof"; expected one of debug, info, warn, error; did you mean "info"?`}},
		{"none in a list", "roles: {A: {permissions: [vew]}}", []string{`application.yml:1:27: roles.A.permissions[0]: found "vew"; expected one of view, export, share, audit, admin; did you mean "view"?`}},
		{"merge", "a: &a {level: info}\nlog: {<<: *a}", []string{`application.yml:1:1: a: unknown key; at the top there are`, `application.yml:2:7: log: keys cannot be merged with <<; write them out`}},
		{"no YAML", "server: [", []string{`application.yml:1:1: is no YAML: `}},
		{"two documents", "log: {}\n---\nlog: {}", []string{`application.yml:`}},
		{
			"several at once", "serber: {}\nlog:\n  level: 5\n  formt: json\nauth: {mode: jwt}",
			[]string{"application.yml:1:1: serber: unknown key", "application.yml:3:10: log.level: found \"5\"", "application.yml:4:3: log.formt: unknown key", "application.yml:5:7: auth.jwt: mode jwt needs one of"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, nil, c.text)
			require.Error(t, err)
			var list config.Errors
			require.ErrorAs(t, err, &list)
			require.Len(t, list, len(c.want), err.Error())
			for i, want := range c.want {
				require.Contains(t, list[i].Error(), want)
			}
		})
	}
}

func TestWhatDoesNotGoTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"server: {address: 0.0.0.0}", "application.yml:1:19: server.address: \"0.0.0.0\" can be reached by others, and auth.mode is none"},
		{"server: {tls: {cert_file: a}}", "server.tls: cert_file and key_file are needed both"},
		{"server: {data: ''}", "server.data: is empty"},
		{"server: {base_path: dhr/}", "server.base_path: found"},
		{"server: {trusted_proxies: [10.0.0.0/8, gateway]}", `server.trusted_proxies[1]: found "gateway"`},
		{"engine: {kind: elasticsearch}", "application.yml:1:16: elasticsearch.hosts: is needed"},
		{"engine: {kind: postgres}", "postgres.url: is needed"},
		{"docstore: {url: postgres://h/d}", "docstore.url: goes with kind postgres alone"},
		{"engine: {mappings: {visits: visits.json}}", "engine.mappings: goes with kind elasticsearch alone"},
		{"elasticsearch: {hosts: ['http://u:pw@h:9200']}", "elasticsearch.hosts[0]: has a user in it"},
		{"elasticsearch: {hosts: ['h:9200']}", "elasticsearch.hosts[0]: found"},
		{"elasticsearch: {hosts: ['http://h'], password: x}", "elasticsearch.password: needs a username"},
		{"elasticsearch: {hosts: ['http://h'], username: u, api_key: x}", "elasticsearch.api_key: stands beside username"},
		{"auth: {mode: keys}", "auth.keys: is needed"},
		{"auth: {mode: digit2}", "auth.digit: mode digit2 needs"},
		{"auth: {mode: digit3}", "auth.digit.gateways: is needed"},
		{"auth: {mode: jwt, jwt: {secret: short}}", "auth.jwt.secret: has 5 bytes; expected 32 or more"},
		{"auth: {mode: jwt, jwt: {key_files: [a], jwks_url: 'https://h'}}", "auth.jwt: has more than one"},
		{"auth: {mode: jwt, jwt: {preset: keycloak, audience: dhr}}", "auth.jwt.issuer: is needed by the preset keycloak"},
		{"auth: {mode: jwt, jwt: {preset: digit, issuer: 'https://h/realms/pb'}}", "auth.jwt.audience: is needed by the preset digit"},
		{"auth: {oidc: {client_id: page, issuer: 'https://h'}}", "application.yml:1:14: auth.oidc: brings JSON web tokens, which mode none does not take"},
		{"auth: {mode: digit2, digit: {user_url: 'https://h'}, oidc: {client_id: page, issuer: 'https://h'}}", "auth.oidc: brings JSON web tokens, which mode digit2 does not take"},
		{"auth: {mode: digit3, digit: {gateways: [10.0.0.1]}, oidc: {client_id: page, issuer: 'https://h'}}", "auth.oidc: brings JSON web tokens, and auth.jwt does not say how they are checked"},
		{"auth: {mode: jwt, jwt: {secret: 0123456789abcdef0123456789abcdef}, oidc: {client_id: page, issuer: 'https://h'}}", "auth.oidc: brings tokens that an issuer has signed, which auth.jwt.secret cannot check"},
		{"auth: {mode: jwt, jwt: {jwks_url: 'https://h/keys'}, oidc: {client_id: page}}", "application.yml:1:60: auth.oidc.issuer: is needed, here or as auth.jwt.issuer"},
		{"auth: {mode: jwt, jwt: {jwks_url: 'https://h/keys', issuer: 'https://h'}, oidc: {issuer: 'https://h'}}", "auth.oidc.client_id: is empty"},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, issuer: 'https://h/realms/b'}}", `application.yml:1:121: auth.oidc.issuer: found "https://h/realms/b", and auth.jwt.issuer is "https://h/realms/a"`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, audience: other}}", `auth.oidc.audience: found "other", and auth.jwt.audience is "dhr"`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, scopes: [profile]}}", `auth.oidc.scopes: are ["profile"]; expected openid among them`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, scopes: ['openid profile']}}", `auth.oidc.scopes[0]: found "openid profile"; expected one scope, without blanks`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, origins: ['https://h/token']}}", `auth.oidc.origins[0]: found "https://h/token"; expected an origin`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, origins: ['https://h;script-src']}}", `auth.oidc.origins[0]: found the host "h;script-src"; expected a name or an IPv4 address`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, origins: ['http://h']}}", `auth.oidc.origins[0]: found "http://h"; expected https://, since passwords and tokens`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}, oidc: {client_id: page, origins: ['https://u:pw@h']}}", `auth.oidc.origins[0]: has a user in it`},
		{"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'http://sso.example.org/realms/a', audience: dhr}, oidc: {client_id: page}}", `application.yml:1:51: auth.jwt.issuer: found "http://sso.example.org/realms/a"; expected https://`},
		{"auth: {mode: jwt, jwt: {jwks_url: 'http://[::1]:8080/keys', issuer: 'http://[::1]:8080'}, oidc: {client_id: page}}", `auth.jwt.issuer: found the host "[::1]:8080"; expected a name or an IPv4 address`},
		{"auth: {mode: jwt, jwt: {jwks_url: 'https://h/keys', issuer: 'https://h?a=b'}, oidc: {client_id: page}}", `auth.jwt.issuer: found "https://h?a=b"; expected a URL that begins with https://, without ? and #`},
		{"auth: {keys: [{name: a, sha256: abc}]}", "application.yml:1:33: auth.keys[0].sha256: expected 64 hexadecimal digits in lower case"},
		{"auth: {keys: [{name: a, id: 0123456789abcdef}]}", `application.yml:1:15: auth.keys[0].tenant: is empty; expected the tenant of the machine, such as that of tenants.default, "default"`},
		{"auth: {keys: [{name: a, id: 0123456789ABCDEF}]}", "auth.keys[0].id: expected 16 hexadecimal digits in lower case"},
		{"auth: {roles: [ANALIST]}", `auth.roles[0]: there is no role "ANALIST"; did you mean "ANALYST"?`},
		{"auth: {roles: [ANALIST]}\nroles: {ANALYST: {grants: []}}", `auth.roles[0]: there is no role "ANALIST"; did you mean "ANALYST"?`},
		{"roles:\n  A:\n    grants:\n      - index: [a]", `application.yml:4:7: roles.A.grants: `},
		{"roles: {A: {grants: [{indexes: [a], rows: 'age >'}]}}", "roles.A.grants: "},
		{"query: {time_zone: Asia/Nowhere}", "query.time_zone: found"},
		{"query: {token_key: x}", "query.token_key: has 1 bytes"},
		{"query: {pseudonym_key: x}", "query.pseudonym_key: has 1 bytes"},
		{"tenants: {below: true}", "tenants.fields: is needed"},
		{"cors: {origins: ['*'], credentials: true}", "cors.origins[0]: * does not go with credentials"},
		{"cors: {origins: ['https://h/path']}", "cors.origins[0]: found"},
		{"tracing: {endpoint: collector}", "tracing.endpoint: found"},
		{"storage: {default: filestore}", "application.yml:1:20: storage.filestore.url: is needed by storage.default"},
		{"storage: {default: ipfs}", "application.yml:1:20: storage.ipfs.url: or pinata.token is needed by storage.default"},
		{"storage: {filestore: {url: 'http://h', token: {client_id: x}}}", "storage.filestore.token.url: is needed"},
		{"storage: {filestore: {url: files}}", "storage.filestore.url: found"},
		{"storage: {ipfs: {url: 'http://h', pinata: {token: x, gateway: 'https://g'}}}", "storage.ipfs.pinata.token: stands beside url"},
		{"storage: {ipfs: {pinata: {token: x}}}", "storage.ipfs.pinata.gateway: is needed"},
		{"storage: {ipfs: {pinning: [{url: 'https://p'}]}}", "storage.ipfs.pinning: needs url"},
		{"storage: {ipfs: {url: 'http://h', pinning: [{token: x}]}}", "storage.ipfs.pinning[0].url: is empty"},
		{"storage: {ipfs: {url: 'http://h', token: x, username: u}}", "storage.ipfs.token: stands beside username"},
		{"storage: {ipfs: {url: 'http://h', password: x}}", "storage.ipfs.password: needs a username"},
		{"storage: {ipfs: {url: 'http://h', gatway: x}}", `storage.ipfs.gatway: unknown key; did you mean "gateway"?`},
		{"exports: {formats: []}", "exports.formats: is empty"},
		{"exports: {formats: [cvs]}", `exports.formats[0]: found "cvs"; expected one of csv, excel, json, ndjson, pdf; did you mean "csv"?`},
		{"exports: {links: [filestore]}", "application.yml:1:19: exports.links[0]: found \"filestore\", which is not configured"},
		{"exports: {plain: [ipfs]}", "exports.plain[0]: found \"ipfs\", which is not configured"},
		{"exports: {retention: 1s}", "exports.retention: "},
		{"jobs: {workers: 0}", "jobs.workers: "},
		{"jobs: {redis_url: 'http://:pw@h'}", "application.yml:1:19: jobs.redis_url: expected a URL such as redis://"},
	} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, nil, c.text)
			var list config.Errors
			require.ErrorAs(t, err, &list)
			require.Contains(t, err.Error(), c.want)
			require.NotContains(t, err.Error(), "pw@")
		})
	}
}

// The issuer is asked for once: what checks the tokens says where they come from.
func TestWherePeopleSignIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{}": "",
		"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a', audience: dhr}}":                                                                                                "",
		"auth: {mode: jwt, jwt: {preset: keycloak, issuer: 'https://h/realms/a/', audience: dhr}, oidc: {client_id: page}}":                                                                      "https://h/realms/a",
		"auth: {mode: jwt, jwt: {jwks_url: 'https://h/keys', issuer: 'https://h/'}, oidc: {client_id: page}}":                                                                                    "https://h/",
		"auth: {mode: jwt, jwt: {jwks_url: 'https://h/keys'}, oidc: {client_id: page, issuer: 'https://h', scopes: [openid, offline_access], audience: dhr, origins: ['https://token.h:8443']}}": "https://h",
		"auth: {mode: jwt, jwt: {key_files: [a.pem], issuer: 'http://localhost:8080/realms/a'}, oidc: {client_id: page}}":                                                                        "http://localhost:8080/realms/a",
		"auth: {mode: digit3, digit: {gateways: [10.0.0.1]}, jwt: {preset: digit, issuer: 'https://h/realms/pb', audience: dhr}, oidc: {client_id: page}}":                                       "https://h/realms/pb",
	} {
		c, err := load(t, nil, text)
		require.NoError(t, err, text)
		require.Equal(t, want, c.OIDCIssuer(), text)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const hidden = "Tr0ub4dor-and-three-more-of-them"
	c, err := load(t, map[string]string{"KEY": hidden}, "auth: {mode: jwt, jwt: {secret: '${KEY}'}}\npostgres: {url: 'postgres://u:"+hidden+"@h/d'}")
	require.NoError(t, err)
	require.Equal(t, hidden, c.Auth.JWT.Secret.Reveal())
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", c.Auth.JWT.Secret)
		fmt.Fprintf(&out, verb+"\n", *c)
	}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	out.Write(text)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "secret", c.Auth.JWT.Secret)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", *c, "secret", c.Auth.JWT.Secret)
	require.NotContains(t, out.String(), hidden)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", hidden))
	require.Contains(t, out.String(), "[redacted]")
	require.Empty(t, config.Secret{}.String())

	_, err = load(t, nil, "auth: {mode: jwt, jwt: {secret: ["+hidden+"]}}\npostgres: {url: {a: "+hidden+"}}\nquery: {token_key: true}")
	require.Error(t, err)
	require.NotContains(t, err.Error(), hidden)
}

func TestSecretsOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	write("password", "s3cret \n")
	write("empty", "\n")
	file := write("a.yml", "elasticsearch: {hosts: ['http://h'], username: u, password_file: password}")
	c, err := config.Load([]string{file}, nil)
	require.NoError(t, err)
	require.Equal(t, "s3cret ", c.Elasticsearch.Password.Reveal())

	c, err = config.Load(nil, func(name string) string {
		return map[string]string{"DHR_POSTGRES_URL_FILE": filepath.Join(dir, "password")}[name]
	})
	require.NoError(t, err)
	require.Equal(t, "s3cret ", c.Postgres.URL.Reveal())

	for text, want := range map[string]string{
		"postgres: {url: a, url_file: password}": "postgres.url_file: stands beside postgres.url",
		"postgres: {url_file: missing}":          "postgres.url_file: open ",
		"postgres: {url_file: empty}":            "is empty",
	} {
		_, err := config.Load([]string{write("b.yml", text)}, nil)
		require.ErrorContains(t, err, want)
	}
	_, err = config.Load([]string{filepath.Join(dir, "nowhere.yml")}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestBadVariables(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{"SERVER_PORT": "http", "DHR_LOG_LEVEL": "loud", "DHR_AUTH_JWT_SECRET_FILE": "/nowhere/at/all"})
	var list config.Errors
	require.ErrorAs(t, err, &list)
	require.Len(t, list, 3)
	require.Equal(t, "DHR_AUTH_JWT_SECRET_FILE: auth.jwt.secret_file: open /nowhere/at/all: no such file or directory", list[0].Error())
	require.Equal(t, `DHR_LOG_LEVEL: log.level: found "loud"; expected one of debug, info, warn, error`, list[1].Error())
	require.Equal(t, `SERVER_PORT: server.port: found "http"; expected a whole number`, list[2].Error())
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{"server: {port: 1}", "a: &a [*a]", "roles: {A: {grants: [{indexes: [a]}]}}", "log:\n  <<: x", "? [a]\n: b", "auth: {keys: [{}]}", "roles: &a {A: {grants: [*a]}}"} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "a.yml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		c, err := config.Load([]string{file}, nil)
		require.Equal(t, err == nil, c != nil)
	})
}
