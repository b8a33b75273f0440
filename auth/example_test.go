package auth_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// A handler that knows who asks, by an API key or by what DIGIT's gateway says.
func Example() {
	loader := &access.Principal{User: "loader", Tenant: "pb", Roles: []string{"EXPORTER"}}
	text, key, err := auth.NewKey(loader, time.Now().Add(90*24*time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	keys, err := auth.KeyList([]auth.Key{key})
	if err != nil {
		log.Fatal(err)
	}
	gateway, err := auth.DigitGateway([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, nil)
	if err != nil {
		log.Fatal(err)
	}
	signIn := auth.Chain(auth.APIKeys(keys, nil), gateway)

	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := signIn.Authenticate(r)
		switch {
		case errors.Is(err, auth.ErrUnavailable):
			w.WriteHeader(http.StatusServiceUnavailable)
		case errors.Is(err, access.ErrDenied):
			w.WriteHeader(http.StatusForbidden)
		case err != nil:
			for _, challenge := range auth.Challenges(err) {
				w.Header().Add("WWW-Authenticate", challenge)
			}
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = fmt.Fprintf(w, "%s of %s with %s", who.User, who.Tenant, who.Roles)
		}
	})

	ask := func(name, value string) {
		r, w := httptest.NewRequest(http.MethodGet, "/v1/me", nil), httptest.NewRecorder()
		r.Header.Set(name, value)
		handler.ServeHTTP(w, r)
		fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)))
		for _, challenge := range w.Header().Values("WWW-Authenticate") {
			fmt.Println("   ", challenge)
		}
	}
	ask("X-API-Key", text)
	ask("Authorization", "Bearer "+text)
	ask("X-API-Key", text[:len(text)-1])
	ask("X-User-Info", `{"uuid": "eve", "tenantId": "pb", "roles": [{"code": "ADMIN", "tenantId": "pb"}]}`) // not from the gateway
	ask("Accept", "application/json")

	// Output:
	// 200 loader of pb with [EXPORTER]
	// 200 loader of pb with [EXPORTER]
	// 401
	//     Bearer realm="dhr", error="invalid_token"
	// 401
	//     DIGIT-Gateway realm="dhr"
	// 401
	//     Bearer realm="dhr"
	//     DIGIT-Gateway realm="dhr"
}

// What a server that listens on this machine alone does while it is developed.
func ExampleFixed() {
	signIn := auth.Fixed(&access.Principal{User: "local", Tenant: "default", Roles: []string{"ADMIN"}})
	who, err := signIn.Authenticate(httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(who.User, who.Roles, err)
	// Output: local [ADMIN] <nil>
}

func ExampleClientAddress() {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.7:4711"
	r.Header.Set("X-Forwarded-For", "192.0.2.1, 203.0.113.9") // the first of these is what the client wrote
	fmt.Println(auth.ClientAddress(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}))
	fmt.Println(auth.ClientAddress(r, nil))
	// Output:
	// 203.0.113.9
	// 10.0.0.7
}

// DIGIT's tokens are checked by egov-user, here one that knows a single token.
func ExampleDigitToken() {
	egovUser := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("access_token") != "3cd4d5c8" {
			http.Error(w, `{"Errors": [{"code": "InvalidAccessTokenException"}]}`, http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, `{"uuid": "11b0e02b", "userName": "DIST-7", "type": "EMPLOYEE", "tenantId": "pb.amritsar",
			"roles": [{"code": "NURSE", "tenantId": "pb.amritsar"}, {"code": "ANALYST", "tenantId": "pb"}, {"code": "ADMIN", "tenantId": "mh"}]}`)
	}))
	defer egovUser.Close()
	signIn, err := auth.DigitToken(egovUser.URL+"/user", &auth.DigitTokenOptions{Users: auth.DigitUsers{ParentRoles: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/query", nil)
	r.Header.Set("auth-token", "3cd4d5c8")
	who, err := signIn.Authenticate(r)
	fmt.Println(who.User, who.Tenant, who.Roles, err)
	r.Header.Set("auth-token", "guess")
	_, err = signIn.Authenticate(r)
	fmt.Println(err)
	// Output:
	// 11b0e02b pb.amritsar [NURSE ANALYST] <nil>
	// auth: digit 2 token: not authenticated: egov-user refused the token with status 400
}
