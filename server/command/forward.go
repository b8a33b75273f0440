package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/digit-health/dhr/server/api"
	"github.com/digit-health/dhr/server/config"
)

// gatewayOf returns where the roles are that a process does not have, or nil if it forwards nothing.
func gatewayOf(c *config.Config, roles []string) (*api.Gateway, error) {
	if !slices.Contains(roles, "gateway") {
		return nil, nil //nolint:nilnil // no gateway is no error
	}
	g := &api.Gateway{Processes: map[string]*url.URL{}}
	for role, text := range map[string]string{"query": c.Gateway.Query, "filter": c.Gateway.Filter, "export": c.Gateway.Export, "fhir": c.Gateway.FHIR, "configuration": c.Gateway.Configuration} {
		if text == "" || slices.Contains(roles, role) {
			continue
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		g.Processes[role] = u
	}
	switch {
	case len(g.Processes) > 0:
	case len(roles) == 1:
		return nil, &errUsage{"-roles gateway: there is nothing to forward to; set gateway.query, gateway.filter, gateway.export, gateway.fhir and gateway.configuration to the URLs of the processes with these roles"}
	default:
		return nil, nil //nolint:nilnil // as above
	}
	transport := api.NewTransport(c.Gateway.Timeout)
	if c.Gateway.CAFile != "" {
		text, err := os.ReadFile(c.Gateway.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("gateway.ca_file: there is no certificate in %q", c.Gateway.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	g.Transport = transport
	return g, nil
}

// processChecks ask the processes of a gateway whether they are ready.
func processChecks(g *api.Gateway) []api.Check {
	if g == nil {
		return nil
	}
	client := &http.Client{
		Transport:     g.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var all []api.Check
	for _, role := range slices.Sorted(maps.Keys(g.Processes)) {
		at := g.Processes[role].JoinPath("readyz").String()
		all = append(all, api.Check{Name: role, Check: func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
			if err != nil {
				return err
			}
			got, err := client.Do(r)
			if err != nil {
				return err
			}
			if err := got.Body.Close(); err != nil {
				return err
			}
			if got.StatusCode != http.StatusOK {
				return errors.New("it answers " + got.Status)
			}
			return nil
		}})
	}
	return all
}
