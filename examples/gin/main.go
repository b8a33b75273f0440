// Command gin shows DHR inside of a service that is built with gin: its API stands under a prefix, beside the
// service's own routes, and asks the service who sends a request.
//
//	go run ./server            # in the root of the repository: makes ./dhr-data with sample records; end it with Ctrl-C
//	cd examples/gin
//	go run . -data ../../dhr-data
//	curl -H 'X-Demo-User: asha' '127.0.0.1:8080/health-reports/v1/query?jql=diagnosis+~+malaria&max_results=1'
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"path/filepath"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/api"
)

// prefix is where DHR stands in the service.
const prefix = "/health-reports"

func main() {
	data := flag.String("data", "./dhr-data", "the `directory` that holds the records and the saved filters")
	address := flag.String("addr", "127.0.0.1:8080", "listen at this `address`")
	flag.Parse()
	if err := run(context.Background(), *data, *address); err != nil {
		log.Fatal(err)
	}
}

// run serves until that fails.
func run(ctx context.Context, data, address string) (err error) {
	engine, err := sqlsearch.Open(ctx, filepath.Join(data, "records.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	saved, err := sqldoc.Open(ctx, filepath.Join(data, "config.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, saved.Close()) }()

	roles, err := access.ParseRoles(access.DefaultRoles())
	if err != nil {
		return err
	}
	policy, err := access.NewPolicy(roles, nil)
	if err != nil {
		return err
	}
	service, err := dhr.New(ctx, dhr.Config{Engine: engine, Policy: policy, Store: docstore.New(saved)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	handler, err := routes(service)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Printf("at http://%s%s", address, prefix)
	return server.ListenAndServe()
}

// routes are those of the service, with DHR under its prefix.
func routes(service *dhr.Service) (http.Handler, error) {
	reports, err := api.New(service, &api.Options{Authenticate: auth.Func(signedIn), Base: prefix})
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/ping", func(c *gin.Context) { c.String(http.StatusOK, "pong") })
	router.Group(prefix, signIn).Any("/*path", gin.WrapH(http.StripPrefix(prefix, reports)))
	return router, nil
}

type userKey struct{}

// signIn stands for the service's own: it knows who sends a request, and leaves that in the request's context.
// Do not believe a header like this one outside of an example.
func signIn(c *gin.Context) {
	if user := c.GetHeader("X-Demo-User"); user != "" {
		who := &access.Principal{User: user, Tenant: "default", Roles: []string{"ANALYST"}}
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), userKey{}, who))
	}
}

// signedIn tells DHR whom signIn has found.
func signedIn(r *http.Request) (*access.Principal, error) {
	who, ok := r.Context().Value(userKey{}).(*access.Principal)
	if !ok {
		return nil, &auth.Error{Scheme: "demo", Kind: auth.ErrNoCredentials}
	}
	return who, nil
}
