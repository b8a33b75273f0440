package smart_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/fhirtest"
)

// A machine signs an assertion with its key, is given a token, and comes with it.
func Example() {
	key, err := fhirtest.NewKey("ES384", "2026-1") // the machine's
	if err != nil {
		log.Fatal(err)
	}
	public, err := jwtauth.ParseKeys(key.JWKS())
	if err != nil {
		log.Fatal(err)
	}
	server, err := smart.New(docstore.New(memdoc.New()), []byte("a secret that is kept in a file, not here"), []smart.Client{{
		ID: "research", Keys: public, Scopes: []string{"system/Patient.rs", "system/Observation.rs"},
		Principal: &access.Principal{Tenant: "pb", Roles: []string{"EXPORTER"}},
	}}, &smart.Options{TokenURL: tokenURL, Under: "/fhir/"})
	if err != nil {
		log.Fatal(err)
	}

	assertion, err := key.Sign(fhirtest.Claims("research", tokenURL, time.Now()), nil)
	if err != nil {
		log.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/Patient.rs"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	token, err := server.Token(context.Background(), form)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.TokenType, token.ExpiresIn, token.Scope)

	r := httptest.NewRequest(http.MethodGet, "/fhir/r4/$export", nil)
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	who, err := server.Authenticate(r)
	if err != nil {
		log.Fatal(err)
	}
	types, limited := smart.Granted(who)
	fmt.Println(who.User, who.Roles, types, limited)

	_, err = server.Token(context.Background(), form)
	fmt.Println(err)
	// Output:
	// bearer 300 system/Patient.rs
	// smart-client:research [EXPORTER] [Patient] true
	// smart: invalid_client: the assertion has been used before (jti); expected a new one for each token
}
