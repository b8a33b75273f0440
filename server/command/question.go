package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/config"
)

// A question are the flags of a command that asks one, and the query that they make.
type question struct {
	indexes, fields string
	zone, asOf      string

	query *search.Query
}

func (q *question) register(flags *flag.FlagSet) {
	flags.StringVar(&q.indexes, "index", "", "ask the indexes of these `names`, with commas between; * is any run of characters (default all)")
	flags.StringVar(&q.fields, "fields", "", "have these `fields`, with commas between; patient.* is all below patient (default all)")
	flags.StringVar(&q.zone, "time-zone", "", "days begin as in this time `zone`, such as Asia/Kolkata (default that of the configuration)")
	flags.StringVar(&q.asOf, "as-of", "", "now() and relative dates stand for this `instant`, such as 2024-05-01T00:00:00Z (default the present)")
}

// ask makes the query.
func (q *question) ask(p *Program, g *guide, text string, c *config.Config) error {
	zone, err := time.LoadLocation(c.Query.TimeZone)
	if err != nil {
		return err
	}
	q.query = &search.Query{
		JQL: text, Indexes: commas(q.indexes), Fields: commas(q.fields), Parse: &jql.ParseOptions{Jira: c.Query.Dialect == "jira"},
		Options: jql.ResolveOptions{Zone: zone, WeekStart: weekday(c.Query.WeekStart), Members: members(c)},
	}
	if q.zone != "" {
		zone, err := time.LoadLocation(q.zone)
		if err != nil || q.zone == "Local" {
			return p.misuse(g, "-time-zone %q is no time zone such as Asia/Kolkata", q.zone)
		}
		q.query.Options.Zone = zone
	}
	if q.asOf != "" {
		now, err := time.Parse(time.RFC3339, q.asOf)
		if err != nil {
			return p.misuse(g, "-as-of %q is no instant such as 2024-05-01T00:00:00Z", q.asOf)
		}
		q.query.Options.Now = now
	}
	return nil
}

// commas returns what stands between commas.
func commas(list string) []string {
	var all []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// complain prints complaints about the query, with their place. Interrupted says what is not done.
func (q *question) complain(p *Program, err error, interrupted string) error {
	var list jql.ErrorList
	switch {
	case errors.As(err, &list):
		say(p.Errors, "%s\n", strings.TrimRight(list.Caret(), "\n"))
		return &errUsage{}
	case errors.Is(err, search.ErrUnknownIndex) && q.indexes == "":
		return errors.New("there is no index yet that may be asked; server import makes one")
	case errors.Is(err, search.ErrUnknownIndex), errors.Is(err, search.ErrUnknownField), errors.Is(err, search.ErrInvalid):
		return &errUsage{strings.TrimPrefix(strings.TrimPrefix(err.Error(), "search: page: "), "search: scan: ")}
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted: " + interrupted)
	}
	return err
}

func (q *question) warn(p *Program, warnings jql.ErrorList) {
	for _, w := range warnings {
		say(p.Errors, "warning: %s\n", w.Caret())
	}
}

// note appends to the audit, if one is kept, what is done with the question. Its text may name persons, so a hash stands for it.
func (q *question) note(ctx context.Context, trail *audit.Log, who *access.Principal, action string, count int64, detail map[string]string) error {
	if trail == nil {
		return nil
	}
	names := q.indexes
	if names == "" {
		names = "*"
	}
	sum := sha256.Sum256([]byte(q.query.JQL))
	all := map[string]string{"query": "sha256:" + hex.EncodeToString(sum[:8]), "outcome": "done"}
	maps.Copy(all, detail)
	_, err := trail.Append(context.WithoutCancel(ctx), audit.Entry{
		Tenant: who.Tenant, User: who.User, Action: action, Object: firstBytes(names, 300), Count: count, Detail: all,
	})
	if err != nil {
		return fmt.Errorf("the audit: %w", err)
	}
	return nil
}

// index returns what questions are put to that are answered record by record, as they come from a snapshot.
func (o *parts) index(p *Program) (*search.Index, error) {
	return search.New(o.engine, o.policy, &search.Options{
		Timeout: o.config.Query.Timeout, Indexes: o.config.Engine.Indexes,
		Denied: func(_ context.Context, _ *access.Principal, err error) {
			say(p.Errors, "warning: an access rule denies everything: %v\n", err)
		},
	})
}
