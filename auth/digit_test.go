package auth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// asha is a user as egov-user and the gateway describe one.
const asha = `{"id": 73, "uuid": "11b0e02b-0145-4de2-bc42-c97b96264807", "userName": "DIST-7", "name": "डॉ. Asha",
	"mobileNumber": "9999999999", "emailId": null, "locale": null, "type": "EMPLOYEE", "active": true, "tenantId": "pb.amritsar", "actions": null,
	"roles": [
		{"id": null, "name": "Nurse", "code": "NURSE", "tenantId": "pb.amritsar"},
		{"name": "Analyst", "code": "ANALYST", "tenantId": "pb"},
		{"name": "Nurse", "code": "NURSE", "tenantId": "pb"},
		{"name": "Admin", "code": "ADMIN", "tenantId": "mh"},
		{"name": "Exporter", "code": "EXPORTER", "tenantId": null},
		{"name": "Supervisor", "code": "SUPERVISOR", "tenantId": "pb.jalandhar"}
	]}`

const uuid = "11b0e02b-0145-4de2-bc42-c97b96264807"

// tenantParameter takes the tenant of a request from its parameter tenantId.
func tenantParameter(r *http.Request) string { return r.URL.Query().Get("tenantId") }

// through returns a request that came by the gateway.
func through(r *http.Request) *http.Request {
	r.RemoteAddr = "10.0.0.7:4711"
	return r
}

// posting returns a request with a JSON body.
func posting(body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/query", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// typed returns a request with another body, and if there is a user with the header.
func typed(content, user string) *http.Request {
	r := posting("x=1")
	r.Header.Set("Content-Type", content)
	if user != "" {
		r.Header.Set("X-User-Info", user)
	}
	return r
}

func gateway(t *testing.T, opts *auth.DigitGatewayOptions) auth.Authenticator {
	a, err := auth.DigitGateway(prefixes("10.0.0.0/24"), opts)
	require.NoError(t, err)
	return a
}

// oneLine takes the line ends out, which a header cannot have.
func oneLine(text string) string { return strings.NewReplacer("\n", "", "\t", "").Replace(text) }

func TestUsersOfDigit(t *testing.T) {
	t.Parallel()
	attributes := map[string][]string{"user_name": {"DIST-7"}, "user_type": {"EMPLOYEE"}}
	for _, c := range []struct {
		name   string
		users  auth.DigitUsers
		tenant string
		want   *access.Principal
		denied bool
	}{
		{
			name: "roles of the tenant alone",
			want: &access.Principal{User: uuid, Tenant: "pb.amritsar", Roles: []string{"NURSE"}, Attributes: attributes},
		},
		{
			name:  "roles of the tenants above too",
			users: auth.DigitUsers{ParentRoles: true},
			want:  &access.Principal{User: uuid, Tenant: "pb.amritsar", Roles: []string{"NURSE", "ANALYST"}, Attributes: attributes},
		},
		{
			name:  "in another tenant, by a role there",
			users: auth.DigitUsers{Tenant: tenantParameter}, tenant: "pb.jalandhar",
			want: &access.Principal{User: uuid, Tenant: "pb.jalandhar", Roles: []string{"SUPERVISOR"}, Attributes: attributes},
		},
		{
			name:  "in another tenant, by a role above it",
			users: auth.DigitUsers{Tenant: tenantParameter, ParentRoles: true}, tenant: "pb.ludhiana",
			want: &access.Principal{User: uuid, Tenant: "pb.ludhiana", Roles: []string{"ANALYST", "NURSE"}, Attributes: attributes},
		},
		{
			name:  "a role above does not count unless it is said so",
			users: auth.DigitUsers{Tenant: tenantParameter}, tenant: "pb.ludhiana", denied: true,
		},
		{
			name:  "a tenant without a role",
			users: auth.DigitUsers{Tenant: tenantParameter, ParentRoles: true}, tenant: "ka", denied: true,
		},
		{
			name:  "a tenant whose name only begins so",
			users: auth.DigitUsers{Tenant: tenantParameter, ParentRoles: true}, tenant: "pbx.amritsar", denied: true,
		},
		{
			name:  "a tenant that is none, below one with a role",
			users: auth.DigitUsers{Tenant: tenantParameter, ParentRoles: true}, tenant: "pb.*", denied: true,
		},
		{
			name:  "no tenant asked for",
			users: auth.DigitUsers{Tenant: tenantParameter},
			want:  &access.Principal{User: uuid, Tenant: "pb.amritsar", Roles: []string{"NURSE"}, Attributes: attributes},
		},
		{
			name:  "other members",
			users: auth.DigitUsers{User: "userName", Attributes: map[string]string{"id": "id", "email": "emailId", "phone": "mobileNumber"}},
			want: &access.Principal{
				User: "DIST-7", Tenant: "pb.amritsar", Roles: []string{"NURSE"},
				Attributes: map[string][]string{"id": {"73"}, "phone": {"9999999999"}},
			},
		},
		{
			name:  "no attributes",
			users: auth.DigitUsers{Attributes: map[string]string{}},
			want:  &access.Principal{User: uuid, Tenant: "pb.amritsar", Roles: []string{"NURSE"}, Attributes: map[string][]string{}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := gateway(t, &auth.DigitGatewayOptions{Users: c.users})
			r := through(request("x-user-info", oneLine(asha)))
			r.URL.RawQuery = "tenantId=" + c.tenant
			who, err := a.Authenticate(r)
			if c.denied {
				require.ErrorIs(t, err, access.ErrDenied)
				require.ErrorContains(t, err, "has no role in tenant")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, who)
		})
	}
}

// replaced is the user with a part of the text replaced.
func replaced(old, by string) string {
	if !strings.Contains(asha, old) {
		panic("nothing to replace: " + old)
	}
	return oneLine(strings.ReplaceAll(asha, old, by))
}

func TestBadUsersOfDigit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, user, want string }{
		{"empty", ``, "it is not JSON"},
		{"not JSON", `{"uuid": `, "it is not JSON"},
		{"a list", `[]`, "the JSON is no object"},
		{"null", `null`, "the JSON is no object"},
		{"not UTF-8", "{\"uuid\": \"\xff\"}", "the JSON is not UTF-8"},
		{"a member twice", `{"uuid": "a", "uuid": "b"}`, "a member stands twice"},
		{"a role's member twice", replaced(`"code": "ADMIN"`, `"code": "ADMIN", "code": "x"`), "a member stands twice"},
		{"no uuid", `{"tenantId": "pb", "roles": []}`, "the user has no uuid"},
		{"uuid in other case", `{"UUID": "a", "tenantId": "pb"}`, "the user has no uuid"},
		{"uuid a number", replaced(`"`+uuid+`"`, `12`), "the member uuid is no text"},
		{"a SMART client", `{"uuid": "smart-client:research", "tenantId": "pb", "roles": []}`, "the user begins with smart-client:"},
		{"no tenant", `{"uuid": "a"}`, "the tenant is empty"},
		{"a tenant that is none", replaced(`"tenantId": "pb.amritsar", "actions"`, `"tenantId": "*", "actions"`), "the tenant has other characters"},
		{"a tenant that is a list", replaced(`"tenantId": "pb.amritsar", "actions"`, `"tenantId": ["pb"], "actions"`), "the member tenantId is no text"},
		{"not active", replaced(`"active": true`, `"active": false`), "the user is not active"},
		{"active is no bool", replaced(`"active": true`, `"active": "true"`), "the user is not active"},
		{"roles are a text", `{"uuid": "a", "tenantId": "pb", "roles": "ADMIN"}`, "the user's roles are no list"},
		{"a role is a text", `{"uuid": "a", "tenantId": "pb", "roles": ["ADMIN"]}`, "a role of the user is no object"},
		{"a role without a code", `{"uuid": "a", "tenantId": "pb", "roles": [{"tenantId": "pb"}]}`, "a role of the user has no code"},
		{"a code that is a number", `{"uuid": "a", "tenantId": "pb", "roles": [{"code": 1, "tenantId": "pb"}]}`, "the member code is no text"},
		{"a role's tenant is a number", `{"uuid": "a", "tenantId": "pb", "roles": [{"code": "A", "tenantId": 1}]}`, "the member tenantId is no text"},
		{"a bad code", `{"uuid": "a", "tenantId": "pb", "roles": [{"code": "A\u0000", "tenantId": "pb"}]}`, "the role has control characters"},
		{"an attribute is an object", replaced(`"type": "EMPLOYEE"`, `"type": {}`), "the member type is no text"},
		{"an attribute is a fraction", replaced(`"type": "EMPLOYEE"`, `"type": 1.5`), "the member type is no whole number"},
		{"large", `{"uuid": "` + strings.Repeat("a", 256<<10) + `"}`, "the user has more than 262144 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := gateway(t, nil).Authenticate(through(request("x-user-info", c.user)))
			require.Nil(t, who)
			require.ErrorIs(t, err, auth.ErrUnauthenticated)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestDigitGateway(t *testing.T) {
	t.Parallel()
	body := `{"jql": "x = 1", "RequestInfo": {"apiId": "Rainmaker", "userInfo": ` + asha + `}}`
	eve := `{"uuid": "eve", "tenantId": "pb", "roles": [{"code": "ADMIN", "tenantId": "pb"}]}`
	for _, c := range []struct {
		name   string
		r      *http.Request
		kind   error
		reason string
	}{
		{"header", through(request("x-user-info", oneLine(asha))), nil, ""},
		{"body", through(posting(body)), nil, ""},
		{"header from a stranger", request("x-user-info", eve), auth.ErrUnauthenticated, "the header x-user-info comes from 192.0.2.1, which is no proxy of the list"},
		{"header from a stranger who names a proxy", request("x-user-info", eve, "X-Forwarded-For", "10.0.0.7"), auth.ErrUnauthenticated, "the header x-user-info comes from 192.0.2.1, which is no proxy of the list"},
		{"body from a stranger", posting(body), auth.ErrNoCredentials, ""},
		{"nothing from a stranger", request(), auth.ErrNoCredentials, ""},
		{"nothing", through(request()), auth.ErrNoCredentials, "there is neither a JSON body nor the header x-user-info"},
		{"header twice", through(request("x-user-info", eve, "x-user-info", oneLine(asha))), auth.ErrUnauthenticated, "the header x-user-info stands there twice: one of them is not the gateway's"},
		{"header beside a body with a user", through(posting(body, "x-user-info", eve)), nil, ""}, // the body counts
		{"header beside a body without a user", through(posting(`{"RequestInfo": {}}`, "x-user-info", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a JSON body without a user"},
		{"header beside a body without RequestInfo", through(posting(`{"jql": ""}`, "x-user-info", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a JSON body without a user"},
		{"header beside a body that is no JSON", through(posting(`{`, "x-user-info", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a JSON body without a user"},
		{"header beside JSON of another name", through(typed("text/x-json", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a JSON body without a user"},
		{"header beside a form", through(typed("application/x-www-form-urlencoded", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a form, where the gateway writes none"},
		{"header beside a form with files", through(typed("Multipart/Form-Data; boundary=x", eve)), auth.ErrUnauthenticated, "the header x-user-info stands beside a form, where the gateway writes none"},
		{"header beside something else", through(typed("application/octet-stream", oneLine(asha))), nil, ""},
		{"form", through(typed("application/x-www-form-urlencoded", "")), auth.ErrNoCredentials, "there is neither a JSON body nor the header x-user-info"},
		{"body without RequestInfo", through(posting(`{"jql": "x = 1"}`)), auth.ErrNoCredentials, "the body has no RequestInfo"},
		{"RequestInfo is null", through(posting(`{"RequestInfo": null}`)), auth.ErrNoCredentials, "the body has no RequestInfo"},
		{"RequestInfo in other case", through(posting(strings.Replace(body, "RequestInfo", "requestInfo", 1))), auth.ErrNoCredentials, "the body has no RequestInfo"},
		{"RequestInfo inside", through(posting(`{"inner": ` + body + `}`)), auth.ErrNoCredentials, "the body has no RequestInfo"},
		{"RequestInfo twice", through(posting(`{"RequestInfo": {"userInfo": ` + eve + `}, "RequestInfo": {"userInfo": ` + asha + `}}`)), auth.ErrUnauthenticated, "the body has two members RequestInfo"},
		{"userInfo twice", through(posting(`{"RequestInfo": {"userInfo": ` + eve + `, "userInfo": ` + asha + `}}`)), auth.ErrUnauthenticated, "RequestInfo: a member stands twice in one object"},
		{"RequestInfo is a text", through(posting(`{"RequestInfo": "x"}`)), auth.ErrUnauthenticated, "RequestInfo: the JSON is no object"},
		{"userInfo is a text", through(posting(`{"RequestInfo": {"userInfo": "x"}}`)), auth.ErrUnauthenticated, "RequestInfo.userInfo is no object"},
		{"userInfo is nobody", through(posting(`{"RequestInfo": {"userInfo": {}}}`)), auth.ErrUnauthenticated, "the user has no uuid"},
		{"userInfo has bad roles", through(posting(`{"RequestInfo": {"userInfo": {"roles": 1}}}`)), auth.ErrUnauthenticated, "RequestInfo.userInfo: the user's roles are no list"},
		{"body is a list", through(posting(`[]`)), auth.ErrNoCredentials, "the body is no JSON object"},
		{"body is no JSON", through(posting(`{"RequestInfo": {"userInfo"`)), auth.ErrNoCredentials, "the body is no JSON object"},
		{"body is empty", through(posting(``)), auth.ErrNoCredentials, "the body is no JSON object"},
		{"body is compressed", through(posting(body, "Content-Encoding", "gzip")), auth.ErrNoCredentials, "the body is compressed, and was not looked through"},
		{"body is large", through(posting(`{"x": "` + strings.Repeat("x", 1<<20) + `"}`)), auth.ErrNoCredentials, "the body has more than 1048576 bytes, and was not looked through"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := gateway(t, nil).Authenticate(c.r)
			if c.kind == nil {
				require.NoError(t, err)
				require.Equal(t, uuid, who.User)
				return
			}
			require.Nil(t, who)
			var e *auth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.kind, e.Kind)
			require.Equal(t, c.reason, e.Reason)
			require.Equal(t, []string{`DIGIT-Gateway realm="dhr"`}, auth.Challenges(err))
		})
	}
}

func TestProxiesAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proxies []string
		want    string
	}{
		{nil, "needs the list of its addresses"},
		{[]string{"10.0.0.0/8", "0.0.0.0/0"}, "0.0.0.0/0 are all addresses"},
		{[]string{"::/0"}, "::/0 are all addresses"},
	} {
		_, err := auth.DigitGateway(prefixes(c.proxies...), nil)
		require.ErrorContains(t, err, c.want)
		_, err = auth.DigitHeaders(prefixes(c.proxies...), nil)
		require.ErrorContains(t, err, c.want)
	}
}

// The body is there afterwards as before, also what is behind the part that was looked at, and its errors.
func TestBodiesRemain(t *testing.T) {
	t.Parallel()
	a := gateway(t, &auth.DigitGatewayOptions{MaxBody: 100})
	broken := errors.New("broken")
	for _, c := range []struct {
		name, body string
		err        error
	}{
		{"short", `{"RequestInfo": {"userInfo": {}}}`, nil},
		{"at the limit", `{"x": "` + strings.Repeat("x", 91) + `"}`, nil},
		{"one more", `{"x": "` + strings.Repeat("x", 92) + `"}`, nil},
		{"long", `{"x": "` + strings.Repeat("x", 9200) + `"}`, nil},
		{"broken", `{"RequestInfo": {"userInfo": {}}`, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := through(posting(""))
			closed := &closing{Reader: strings.NewReader(c.body)}
			if c.err != nil {
				closed.Reader = io.MultiReader(closed.Reader, failing{c.err})
			}
			r.Body = closed
			_, err := auth.Chain(a, a).Authenticate(r) // twice
			require.Error(t, err)
			got, err := io.ReadAll(r.Body)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.body, string(got))
			require.NoError(t, r.Body.Close())
			require.True(t, closed.closed)
		})
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDigitHeaders(t *testing.T) {
	t.Parallel()
	proxies := prefixes("10.0.0.0/24")
	plain, err := auth.DigitHeaders(proxies, &auth.DigitHeadersOptions{Roles: []string{"ANALYST"}})
	require.NoError(t, err)
	none, err := auth.DigitHeaders(proxies, nil)
	require.NoError(t, err)
	token := func(tenant string, below bool) auth.Authenticator {
		a, err := auth.DigitHeaders(proxies, &auth.DigitHeadersOptions{Below: below, Roles: []string{"ANALYST"}, Bearer: auth.Func(func(r *http.Request) (*access.Principal, error) {
			text, err := auth.Bearer(r)
			if err != nil {
				return nil, err
			}
			return &access.Principal{User: text, Tenant: tenant, Roles: []string{"NURSE"}}, nil
		})})
		require.NoError(t, err)
		return a
	}
	headers := []string{"X-Tenant-ID", "pb.amritsar", "X-Client-Id", "asha"}
	bearer := append([]string{"Authorization", "Bearer abc"}, headers...)
	for _, c := range []struct {
		name   string
		a      auth.Authenticator
		r      *http.Request
		want   *access.Principal
		kind   error
		reason string
	}{
		{name: "named by the gateway", a: plain, r: through(request(headers...)), want: &access.Principal{User: "asha", Tenant: "pb.amritsar", Roles: []string{"ANALYST"}}},
		{name: "without roles", a: none, r: through(request(headers...)), want: &access.Principal{User: "asha", Tenant: "pb.amritsar"}},
		{name: "with a token", a: token("pb.amritsar", false), r: through(request(bearer...)), want: &access.Principal{User: "abc", Tenant: "pb.amritsar", Roles: []string{"NURSE"}}},
		{name: "with a token of the tenant above", a: token("pb", true), r: through(request(bearer...)), want: &access.Principal{User: "abc", Tenant: "pb.amritsar", Roles: []string{"NURSE"}}},
		{name: "with a token of the tenant above, not allowed", a: token("pb", false), r: through(request(bearer...)), kind: auth.ErrUnauthenticated, reason: `X-Tenant-ID is "pb.amritsar", and the token's tenant "pb"`},
		{name: "with a token of another tenant", a: token("mh", true), r: through(request(bearer...)), kind: auth.ErrUnauthenticated, reason: `X-Tenant-ID is "pb.amritsar", and the token's tenant "mh"`},
		{name: "without the token", a: token("pb", true), r: through(request(headers...)), kind: auth.ErrUnauthenticated, reason: "there is no bearer token beside the gateway's headers"},
		{name: "with a bad token", a: token("pb", true), r: through(request(append([]string{"Authorization", "Bearer ä"}, headers...)...)), kind: auth.ErrUnauthenticated, reason: "the token has characters that no token has"},
		{name: "from a stranger", a: plain, r: request(headers...), kind: auth.ErrUnauthenticated, reason: "the headers X-Tenant-ID and X-Client-Id come from 192.0.2.1, which is no proxy of the list"},
		{name: "one from a stranger", a: plain, r: request(headers[:2]...), kind: auth.ErrUnauthenticated, reason: "the headers X-Tenant-ID and X-Client-Id come from 192.0.2.1, which is no proxy of the list"},
		{name: "nothing", a: plain, r: through(request()), kind: auth.ErrNoCredentials},
		{name: "no client", a: plain, r: through(request(headers[:2]...)), kind: auth.ErrUnauthenticated, reason: "X-Tenant-ID stands there 1 times and X-Client-Id 0 times, instead of once each"},
		{name: "no tenant", a: plain, r: through(request(headers[2:]...)), kind: auth.ErrUnauthenticated, reason: "X-Tenant-ID stands there 0 times and X-Client-Id 1 times, instead of once each"},
		{name: "two tenants", a: plain, r: through(request(append(headers, "X-Tenant-ID", "mh")...)), kind: auth.ErrUnauthenticated, reason: "X-Tenant-ID stands there 2 times and X-Client-Id 1 times, instead of once each"},
		{name: "empty tenant", a: plain, r: through(request("X-Tenant-ID", "", "X-Client-Id", "asha")), kind: auth.ErrUnauthenticated, reason: "the tenant is empty"},
		{name: "several tenants in one", a: plain, r: through(request("X-Tenant-ID", "pb,mh", "X-Client-Id", "asha")), kind: auth.ErrUnauthenticated, reason: "the tenant has other characters than letters, digits and . _ -"},
		{name: "SMART client", a: plain, r: through(request("X-Tenant-ID", "pb", "X-Client-Id", "smart-client:research")), kind: auth.ErrUnauthenticated, reason: "the user begins with smart-client:, as those of SMART clients do"},
		{name: "empty client", a: plain, r: through(request("X-Tenant-ID", "pb", "X-Client-Id", "")), kind: auth.ErrUnauthenticated, reason: "the user is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := c.a.Authenticate(c.r)
			require.Equal(t, c.want, who)
			if c.kind == nil {
				require.NoError(t, err)
				return
			}
			var e *auth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.kind, e.Kind)
			require.Equal(t, c.reason, e.Reason)
		})
	}
}

func FuzzUserInfo(f *testing.F) {
	f.Add(oneLine(asha))
	f.Add(`{"uuid": "a", "tenantId": "pb", "roles": [{"code": "A", "tenantId": "pb"}]}`)
	f.Add(`{"uuid": "a", "uuid": "b"}`)
	a, err := auth.DigitGateway(prefixes("10.0.0.0/24"), &auth.DigitGatewayOptions{Users: auth.DigitUsers{ParentRoles: true}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		r := through(request())
		r.Header["X-User-Info"] = []string{text}
		who, err := a.Authenticate(r)
		if err != nil {
			require.Nil(t, who)
			require.ErrorIs(t, err, auth.ErrUnauthenticated)
			return
		}
		require.NoError(t, auth.CheckPrincipal(who))
		// The same user in a body is the same principal.
		body, err := json.Marshal(map[string]any{"RequestInfo": map[string]any{"userInfo": json.RawMessage(text)}})
		require.NoError(t, err)
		again, err := a.Authenticate(through(posting(string(body))))
		require.NoError(t, err)
		require.Equal(t, who, again)
		// No role comes from nowhere.
		var u map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &u))
		for _, role := range who.Roles {
			require.True(t, slices.ContainsFunc(u["roles"].([]any), func(given any) bool {
				r := given.(map[string]any)
				tenant, _ := r["tenantId"].(string)
				return r["code"] == role && auth.TenantAllowed(tenant, who.Tenant, true)
			}), role)
		}
	})
}

func FuzzRequestInfo(f *testing.F) {
	f.Add(`{"RequestInfo": {"userInfo": {"uuid": "a", "tenantId": "pb"}}}`)
	f.Add(`{"RequestInfo": {}, "RequestInfo": {}}`)
	f.Add(`[{]`)
	a, err := auth.DigitGateway(prefixes("10.0.0.0/24"), &auth.DigitGatewayOptions{MaxBody: 200})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		r := through(posting(body))
		who, err := a.Authenticate(r)
		require.Equal(t, err == nil, who != nil)
		got, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, body, string(got))
	})
}
