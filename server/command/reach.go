package command

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/digit-health/dhr/search"
)

// reach tells the log if the cluster of the records does not answer, and returns whether it did not. The server
// starts all the same, since the cluster may come later.
func (o *parts) reach(ctx context.Context, log *slog.Logger) (away bool) {
	if o.engine == nil || o.kind != "elasticsearch" {
		return false // the others are opened, or the server does not start
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := o.engine.Schemas(ctx, "*")
	var unreadable interface{ Unreadable() string }
	if err == nil || errors.As(err, &unreadable) || errors.Is(err, context.Canceled) {
		return false
	}
	var hosts []string
	for _, host := range o.config.Elasticsearch.Hosts {
		hosts = append(hosts, shownHost(host))
	}
	says := "the engine of the records cannot be used; the server starts without it, and refuses questions until it can"
	if errors.Is(err, search.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		says = "the engine of the records does not answer; the server starts without it, and answers questions with 503 until it does, without being started again"
	}
	log.WarnContext(ctx, says, "engine", o.kind, "hosts", hosts, "error", err)
	return true
}

// shownHost returns the address of a node without user and password.
func shownHost(host string) string {
	u, err := url.Parse(host)
	if err != nil {
		return "(unreadable)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
