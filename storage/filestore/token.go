package filestore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/digit-health/dhr/storage"
)

// A Token says where tokens come from: an OAuth 2 token endpoint, or egov-user of
// DIGIT 2, which wants the grant "password" and a system user. A token is kept until shortly before it
// ends, and asked for anew when the service refuses it.
type Token struct {
	// URL is the endpoint, such as https://digit.example.org/user/oauth/token.
	URL string
	// ClientID and ClientSecret are sent as basic authentication.
	ClientID     string
	ClientSecret string
	// Grant is the grant type. If empty, "password" where there is a Username, and otherwise "client_credentials".
	Grant string
	// Username and Password are those of the grant "password".
	Username string
	Password string
	// Scope is sent if it is not empty, and so is each of Fields, such as userType and tenantId.
	Scope  string
	Fields map[string]string
}

// tokens keeps one token for all.
type tokens struct {
	Token
	http  *http.Client
	lock  chan struct{} // holds one element while somebody asks, so that one asks for all
	token string
	until time.Time
}

func (t *tokens) acquire(ctx context.Context) error {
	select {
	case t.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tokens) get(ctx context.Context) (string, error) {
	if err := t.acquire(ctx); err != nil {
		return "", err
	}
	defer func() { <-t.lock }()
	if t.token != "" && time.Now().Before(t.until) {
		return t.token, nil
	}
	return t.ask(ctx)
}

// drop forgets a token that was refused, unless there is another one already.
func (t *tokens) drop(ctx context.Context, refused string) error {
	if err := t.acquire(ctx); err != nil {
		return err
	}
	if t.token == refused {
		t.token = ""
	}
	<-t.lock
	return nil
}

func (t *tokens) form() url.Values {
	form := url.Values{}
	for name, value := range t.Fields {
		form.Set(name, value)
	}
	grant := t.Grant
	if grant == "" {
		grant = "client_credentials"
		if t.Username != "" {
			grant = "password"
		}
	}
	form.Set("grant_type", grant)
	if t.Username != "" {
		form.Set("username", t.Username)
		form.Set("password", t.Password)
	}
	if t.Scope != "" {
		form.Set("scope", t.Scope)
	}
	return form
}

// ask asks for a token. What it is answered may hold secrets, and is not shown.
func (t *tokens) ask(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, strings.NewReader(t.form().Encode()))
	if err != nil {
		return "", fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if t.ClientID != "" {
		req.SetBasicAuth(url.QueryEscape(t.ClientID), url.QueryEscape(t.ClientSecret))
	}
	res, err := t.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("token: %w", broken(ctx, err))
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := read(ctx, res.Body)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	switch {
	case res.StatusCode == http.StatusBadRequest, res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return "", fmt.Errorf("%w: the token endpoint answered %d", storage.ErrAuth, res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%w: the token endpoint answered %d", storage.ErrUnavailable, res.StatusCode)
	case json.Unmarshal(text, &answer) != nil || answer.AccessToken == "" || strings.ContainsAny(answer.AccessToken, "\r\n"):
		return "", fmt.Errorf("%w: the token endpoint's answer holds no token", storage.ErrUnavailable)
	}
	t.token = answer.AccessToken
	life := time.Duration(min(answer.ExpiresIn, 86400) * float64(time.Second))
	if life <= 0 {
		life = 5 * time.Minute
	}
	t.until = time.Now().Add(life - min(life/10, time.Minute))
	return t.token, nil
}
