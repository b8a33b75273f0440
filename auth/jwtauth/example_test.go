package jwtauth_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth/jwtauth"
)

// A realm of Keycloak whose tokens are for the client dhr, and in which all users are of one tenant.
func Example() {
	issuer, err := jwtauth.Keycloak("https://id.example.org/realms/health", "dhr", nil)
	if err != nil {
		log.Fatal(err)
	}
	issuer.Tenant = "pb"
	issuer.Claims.Attributes["district"] = "district"
	signIn, err := jwtauth.New([]jwtauth.Issuer{issuer}, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = signIn.Authenticate(httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(err)
	// Output: auth: bearer: no credentials
}

// A development token, as the command token mints it.
func ExampleMint() {
	secret := []byte("a secret that is kept in a file, not here")
	who := &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"ANALYST"}, Attributes: map[string][]string{"district": {"Amritsar East"}}}
	token, err := jwtauth.Mint(secret, who, time.Hour, nil)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.Minted(secret)
	if err != nil {
		log.Fatal(err)
	}
	signIn, err := jwtauth.New([]jwtauth.Issuer{issuer}, nil)
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	got, err := signIn.Authenticate(r)
	fmt.Println(got.User, got.Tenant, got.Roles, got.Attributes, err)
	// Output: asha pb [ANALYST] map[district:[Amritsar East]] <nil>
}
