package essearch

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/search"
)

// A product says what a cluster runs.
type product struct {
	openSearch   bool
	major, minor int
}

// String names the product.
func (p *product) String() string {
	name := "Elasticsearch"
	if p.openSearch {
		name = "OpenSearch"
	}
	return name + " " + strconv.Itoa(p.major) + "." + strconv.Itoa(p.minor)
}

// product returns what the cluster runs. It is asked once; what fails is asked
// again by the next question.
func (c *client) product(ctx context.Context) (*product, error) {
	select {
	case c.gate <- struct{}{}:
		defer func() { <-c.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.detected != nil {
		return c.detected, nil
	}
	p, err := c.detect(ctx)
	if err != nil {
		return nil, err
	}
	c.detected = p
	return p, nil
}

func (c *client) detect(ctx context.Context) (*product, error) {
	var answer struct {
		Version struct {
			Distribution string `json:"distribution"`
			Number       string `json:"number"`
		} `json:"version"`
	}
	if err := c.ask(ctx, &request{method: http.MethodGet, path: "/"}, &answer); err != nil {
		return nil, err
	}
	number, distribution := answer.Version.Number, answer.Version.Distribution
	p := &product{openSearch: distribution == "opensearch"}
	parts := strings.SplitN(number, ".", 3)
	var err error
	if p.major, err = strconv.Atoi(parts[0]); err == nil && len(parts) > 1 {
		p.minor, err = strconv.Atoi(parts[1])
	}
	switch {
	case err != nil || len(parts) < 2 || distribution != "" && !p.openSearch:
		return nil, fmt.Errorf("%w: it is no search engine: version %q of %q", search.ErrBadAnswer, number, distribution)
	case !p.openSearch && (p.major < 7 || p.major == 7 && p.minor < 12):
		return nil, fmt.Errorf("%w: %v is too old", search.ErrUnsupported, p)
	}
	return p, nil
}
