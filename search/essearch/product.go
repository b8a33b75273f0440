package essearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/search"
)

// A product says what a cluster runs.
type product struct {
	openSearch   bool
	major, minor int
	// sortsByID says that the cluster orders by _id, which Elasticsearch 8 and
	// later do not unless they are told to.
	sortsByID bool
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
	if p.sortsByID, err = c.detectIDs(ctx); err != nil {
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

// detectIDs finds out whether the cluster orders by _id. One that does not let its settings be seen is
// taken not to.
func (c *client) detectIDs(ctx context.Context) (bool, error) {
	type settings struct {
		Indices struct {
			IDs struct {
				Enabled string `json:"enabled"`
			} `json:"id_field_data"`
		} `json:"indices"`
	}
	var answer struct{ Transient, Persistent, Defaults settings }
	query := url.Values{"include_defaults": {"true"}, "filter_path": {"*.indices.id_field_data.enabled"}}
	err := c.ask(ctx, &request{method: http.MethodGet, path: "/_cluster/settings", query: query}, &answer)
	var refused *Error
	switch {
	case errors.As(err, &refused) && refused.Status < http.StatusTooManyRequests:
		return false, nil
	case err != nil:
		return false, err
	}
	for _, s := range []settings{answer.Transient, answer.Persistent, answer.Defaults} {
		if enabled := s.Indices.IDs.Enabled; enabled != "" {
			return enabled == "true", nil
		}
	}
	return false, nil
}
