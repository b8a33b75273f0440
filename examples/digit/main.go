// Command digit shows DHR as a service of DIGIT: it asks the indexes that DIGIT's indexer writes, behind the gateway,
// which says who asks, and gives the roles that DIGIT knows a meaning.
//
//	go run ./examples/digit -es http://localhost:9200 -gateways 10.0.0.0/24 -users https://digit.example.org/user
//
// Of the two ways to know who asks, DIGIT 2 has both: the user service tells whose a token is, and the gateway writes
// the user into RequestInfo and the header x-user-info. See docs/auth.md, also for what must not be
// on the gateway's lists of open endpoints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/esdoc"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
	"github.com/digit-health/dhr/server/api"
)

// prefix is the context path of the service, by which the gateway routes to it.
const prefix = "/health-reports"

func main() {
	cluster := flag.String("es", "http://localhost:9200", "the `URL` of Elasticsearch, which has DIGIT's indexes")
	users := flag.String("users", "", "the `URL` of the user service, egov-user; without it the gateway's word alone counts")
	gateways := flag.String("gateways", "", "the `networks` of the gateway, with commas between; they are needed")
	address := flag.String("addr", "127.0.0.1:8080", "listen at this `address`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signIn, err := signIn(*users, strings.Split(*gateways, ","))
	if err == nil {
		err = run(ctx, *cluster, *address, signIn)
	}
	if err != nil {
		log.Println(err)
		os.Exit(1) //nolint:gocritic // the signals end with the process
	}
}

// run serves until ctx ends.
func run(ctx context.Context, cluster, address string, signIn auth.Authenticator) (err error) {
	transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{cluster}})
	if err != nil {
		return err
	}
	engine, err := essearch.Open(ctx, transport, nil)
	if err != nil {
		return err
	}
	saved, err := esdoc.Open(ctx, transport, nil)
	if err != nil {
		return err
	}
	service, err := reports(ctx, engine, docstore.New(saved))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	handler, err := routes(service, signIn)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Printf("at http://%s%s", address, prefix)
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(grace)
	}
}

// signIn knows who asks: whose token it is, if the user service can be asked, or whom the gateway names.
func signIn(users string, gateways []string) (auth.Authenticator, error) {
	// A role of pb counts in pb.amritsar, as in DIGIT's own gateway.
	what := auth.DigitUsers{ParentRoles: true}
	var networks []netip.Prefix
	for _, text := range gateways {
		n, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("-gateways: found %q; expected networks such as 10.0.0.0/24, with commas between: %w", text, err)
		}
		networks = append(networks, n)
	}
	gateway, err := auth.DigitGateway(networks, &auth.DigitGatewayOptions{Users: what})
	if err != nil || users == "" {
		return gateway, err
	}
	tokens, err := auth.DigitToken(users, &auth.DigitTokenOptions{Users: what})
	if err != nil {
		return nil, err
	}
	return auth.Chain(tokens, gateway), nil
}

// reports makes the service of an engine and a store.
func reports(ctx context.Context, engine search.Driver, saved *docstore.Store) (*dhr.Service, error) {
	policy, err := policy()
	if err != nil {
		return nil, err
	}
	return dhr.New(ctx, dhr.Config{Engine: engine, Policy: policy, Store: saved})
}

// policy gives codes of DIGIT's roles their meaning. A role that is not here, such as CITIZEN, gives nothing.
func policy() (*access.Policy, error) {
	shipped, err := access.ParseRoles(access.DefaultRoles())
	if err != nil {
		return nil, err
	}
	return access.NewPolicy(map[string]access.Role{
		"SYSTEM_ADMINISTRATOR": shipped["ADMIN"],
		"NATIONAL_SUPERVISOR":  shipped["ANALYST"],
		"DISTRICT_SUPERVISOR":  shipped["ANALYST"],
		// A distributor sees the tasks that are his or her own.
		"DISTRIBUTOR": {
			Permissions: []access.Permission{access.MayView},
			Grants: []access.Grant{{
				Indexes: []string{"project-task-index-v1"},
				Rows:    `Data.userName = attribute("user_name")`,
				Others:  access.Treatment{As: access.Visible},
			}},
		},
	}, &access.Options{
		// A record says of which tenant it is. Who is of pb sees those of pb.amritsar, too.
		Tenants: &access.TenantRule{Fields: []string{"Data.tenantId"}, Below: true},
	})
}

// routes are those of the API below the context path, and DIGIT's health check.
func routes(service *dhr.Service, signIn auth.Authenticator) (http.Handler, error) {
	handler, err := api.New(service, &api.Options{Authenticate: signIn, Base: prefix, RequestInfo: true})
	if err != nil {
		return nil, err
	}
	below := http.StripPrefix(prefix, handler)
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", below)
	mux.HandleFunc("GET "+prefix+"/health", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = prefix + "/readyz"
		below.ServeHTTP(w, r)
	})
	return mux, nil
}
