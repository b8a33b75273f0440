package fhirtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Levels of exports. That of a group is [Group].
const (
	System  = ""
	Patient = "Patient/"
)

// Group is the level of the export of a group.
func Group(id string) string { return "Group/" + url.PathEscape(id) + "/" }

// A Client asks for exports. Its fields are not changed while it works.
type Client struct {
	// Base is the FHIR base URL, such as http://127.0.0.1:3000/fhir/r4.
	Base string
	// HTTP sends the requests. If nil, http.DefaultClient.
	HTTP *http.Client

	// ID is the client's id, and Key its private key. Without a key it asks for no token.
	ID  string
	Key *Key
	// Scope is what it asks for. If empty, system/*.read, as the published client does.
	Scope string
	// TokenURL is the token endpoint. If empty, it is looked for.
	TokenURL string

	// Bearer is a token that it has already; it asks for none then.
	Bearer string
	// Dir is where files are kept. If empty, they are only read.
	Dir string
	// Wait waits between two polls. If nil, as long as it is told.
	Wait func(ctx context.Context, d time.Duration) error
	// Now is the clock. If nil, time.Now.
	Now func() time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
}

// A Request is what to export. Its zero value is everything of the system.
type Request struct {
	// Level is System, Patient or that of a Group.
	Level string
	// Params are parameters as they are to be sent, such as _type: Patient,Observation.
	Params url.Values
	// Patients are those of the parameter patient, which makes it a POST.
	Patients []string
	// Post sends the parameters as a resource.
	Post bool
	// Strict leaves out handling=lenient.
	Strict bool
}

// A Response is an answer that was not hoped for.
type Response struct {
	// What was asked.
	What string
	// Status, Header and Body are those of the answer.
	Status int
	Header http.Header
	Body   []byte
}

// Error returns one line, with the beginning of the body.
func (r *Response) Error() string {
	const longest = 600
	return fmt.Sprintf("fhirtest: %s was answered with %d: %s", r.What, r.Status, r.Body[:min(len(r.Body), longest)])
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Export begins an export, waits for it, and downloads its files.
func (c *Client) Export(ctx context.Context, r *Request) (*Result, error) {
	if err := c.metadata(ctx); err != nil {
		return nil, err
	}
	status, err := c.Begin(ctx, r)
	if err != nil {
		return nil, err
	}
	return c.Finish(ctx, status)
}

// metadata asks for the CapabilityStatement, as the published client does before anything else.
func (c *Client) metadata(ctx context.Context) error {
	got, err := c.send(ctx, http.MethodGet, c.Base+"/metadata", nil, map[string]string{"Accept": "application/fhir+json"})
	if err != nil {
		return err
	}
	var statement struct{ ResourceType, FHIRVersion string }
	if got.Status != http.StatusOK || json.Unmarshal(got.Body, &statement) != nil || statement.ResourceType != "CapabilityStatement" {
		return got
	}
	return nil
}

// Begin begins an export, and returns the URL where it is asked how far it is. If the server refuses, the error is a [*Response].
func (c *Client) Begin(ctx context.Context, r *Request) (status string, err error) {
	at := c.Base + "/" + r.Level + "$export"
	prefer := "respond-async, handling=lenient"
	if r.Strict {
		prefer = "respond-async"
	}
	header := map[string]string{"Accept": "application/fhir+json", "Prefer": prefer}
	if err := c.authorize(ctx, header); err != nil {
		return "", err
	}
	method, body := http.MethodGet, []byte(nil)
	if r.Post || len(r.Patients) > 0 {
		method, header["Content-Type"] = http.MethodPost, "application/fhir+json"
		if body, err = json.Marshal(r.parameters()); err != nil {
			return "", fmt.Errorf("fhirtest: %w", err)
		}
	} else if len(r.Params) > 0 {
		at += "?" + r.Params.Encode()
	}
	got, err := c.send(ctx, method, at, body, header)
	if err != nil {
		return "", err
	}
	if got.Status != http.StatusAccepted {
		return "", got
	}
	status = got.Header.Get("Content-Location")
	if u, err := url.Parse(status); err != nil || !u.IsAbs() {
		return "", fmt.Errorf("fhirtest: Content-Location is %q, which is no absolute URL", status)
	}
	return status, nil
}

// parameters is the resource of a POST.
func (r *Request) parameters() any {
	all := []map[string]any{}
	for name, values := range r.Params {
		for _, value := range values {
			p := map[string]any{"name": name}
			switch name {
			case "_since", "_until":
				p["valueInstant"] = value
			case "allowPartialManifests":
				p["valueBoolean"] = value == "true"
			case "_minimumFileSize", "_maximumFileSize":
				p["valuePositiveInt"] = json.Number(value)
			default:
				p["valueString"] = value
			}
			all = append(all, p)
		}
	}
	for _, id := range r.Patients {
		all = append(all, map[string]any{"name": "patient", "valueReference": map[string]any{"reference": "Patient/" + id}})
	}
	return map[string]any{"resourceType": "Parameters", "parameter": all}
}

// Poll asks once how far an export is.
func (c *Client) Poll(ctx context.Context, status string) (*Response, error) {
	header := map[string]string{"Accept": "application/json"}
	if err := c.authorize(ctx, header); err != nil {
		return nil, err
	}
	got, err := c.send(ctx, http.MethodGet, status, nil, header)
	if err != nil {
		return nil, err
	}
	if text := got.Header.Get("X-Progress"); len(text) >= 100 {
		return nil, fmt.Errorf("fhirtest: X-Progress has %d characters: %q", len(text), text)
	}
	return got, nil
}

// Delete cancels an export, or says that its files are not needed any more.
func (c *Client) Delete(ctx context.Context, status string) (*Response, error) {
	header := map[string]string{"Accept": "application/fhir+json"}
	if err := c.authorize(ctx, header); err != nil {
		return nil, err
	}
	return c.send(ctx, http.MethodDelete, status, nil, header)
}

// pause waits as an answer says.
func (c *Client) pause(ctx context.Context, got *Response) error {
	const least, most = 100 * time.Millisecond, time.Minute
	seconds, err := strconv.ParseFloat(got.Header.Get("Retry-After"), 64)
	if err != nil {
		return fmt.Errorf("fhirtest: Retry-After is %q, which is no number of seconds", got.Header.Get("Retry-After"))
	}
	d := min(max(time.Duration(seconds*float64(time.Second)), least), most)
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send sends a request and reads the answer.
func (c *Client) send(ctx context.Context, method, at string, body []byte, header map[string]string) (*Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("fhirtest: %w", err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	got, err := c.http().Do(r)
	if err != nil {
		return nil, fmt.Errorf("fhirtest: %w", err)
	}
	text, err := io.ReadAll(got.Body)
	if err = errors.Join(err, got.Body.Close()); err != nil {
		return nil, fmt.Errorf("fhirtest: %s: %w", at, err)
	}
	return &Response{method + " " + at, got.StatusCode, got.Header, text}, nil
}

// authorize adds a token to a header, if the client has one or can get one.
func (c *Client) authorize(ctx context.Context, header map[string]string) error {
	token, err := c.Token(ctx)
	if err == nil && token != "" {
		header["Authorization"] = "Bearer " + token
	}
	return err
}

// Token returns an access token, which it asks for if it has none that is still good; "" without a key.
func (c *Client) Token(ctx context.Context) (string, error) {
	if c.Bearer != "" || c.Key == nil {
		return c.Bearer, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	const early = 10 * time.Second
	if c.token != "" && c.now().Add(early).Before(c.expires) {
		return c.token, nil
	}
	at := c.TokenURL
	if at == "" {
		var err error
		if at, err = c.discover(ctx); err != nil {
			return "", err
		}
	}
	assertion, err := c.Key.Sign(Claims(c.ID, at, c.now()), nil)
	if err != nil {
		return "", err
	}
	scope := c.Scope
	if scope == "" {
		scope = "system/*.read"
	}
	form := url.Values{
		"scope": {scope}, "grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	got, err := c.send(ctx, http.MethodPost, at, []byte(form.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
	})
	if err != nil {
		return "", err
	}
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	if got.Status != http.StatusOK || json.Unmarshal(got.Body, &token) != nil {
		return "", got
	}
	if token.AccessToken == "" || !strings.EqualFold(token.TokenType, "bearer") || token.ExpiresIn < 1 || token.ExpiresIn > 300 || token.Scope == "" {
		return "", got
	}
	c.token, c.expires = token.AccessToken, c.now().Add(time.Duration(token.ExpiresIn)*time.Second)
	return c.token, nil
}

// discover finds the token endpoint, at the root of the origin.
func (c *Client) discover(ctx context.Context) (string, error) {
	base, err := url.Parse(c.Base)
	if err != nil {
		return "", fmt.Errorf("fhirtest: %w", err)
	}
	at := base.ResolveReference(&url.URL{Path: "/.well-known/smart-configuration"})
	got, err := c.send(ctx, http.MethodGet, at.String(), nil, map[string]string{"Accept": "application/json"})
	if err != nil {
		return "", err
	}
	var smart struct {
		TokenEndpoint string `json:"token_endpoint"`
	}
	if got.Status != http.StatusOK || json.Unmarshal(got.Body, &smart) != nil || smart.TokenEndpoint == "" {
		return "", got
	}
	return smart.TokenEndpoint, nil
}
