package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

var now = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func machine() *access.Principal {
	return &access.Principal{
		User: "loader", Tenant: "pb", Roles: []string{"EXPORTER"}, Groups: []string{"machines"},
		Attributes: map[string][]string{"district": {"Pune"}},
	}
}

// keyFor mints a key and returns its text and an authenticator that knows it.
func keyFor(t *testing.T, expires time.Time, change func(*auth.Key)) (string, auth.Authenticator) {
	text, key, err := auth.NewKey(machine(), expires)
	require.NoError(t, err)
	if change != nil {
		change(&key)
	}
	source, err := auth.KeyList([]auth.Key{key})
	require.NoError(t, err)
	return text, auth.APIKeys(source, &auth.KeyOptions{Now: clock})
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	text, a := keyFor(t, now.Add(time.Second), nil)
	for _, headers := range [][]string{
		{"X-API-Key", text},
		{"Authorization", "Bearer " + text},
		{"X-API-Key", text, "Authorization", "Basic YTpi"},
		{"X-API-Key", text, "Authorization", "Bearer a.b.c"},
	} {
		who, err := a.Authenticate(request(headers...))
		require.NoError(t, err, "%q", headers)
		require.Equal(t, machine(), who)
		who.Roles[0], who.Attributes["district"][0] = "ADMIN", "Delhi" // it is the caller's own
	}
}

func TestRefusedAPIKeys(t *testing.T) {
	t.Parallel()
	text, a := keyFor(t, now.Add(time.Hour), nil)
	foreign, _ := keyFor(t, time.Time{}, nil)
	expiredText, expired := keyFor(t, now, nil)
	other := text[:len(text)-8] + "AAAAAAAA"
	id := text[4:20]
	for _, c := range []struct {
		name    string
		a       auth.Authenticator
		headers []string
		kind    error
		reason  string
	}{
		{"nothing", a, nil, auth.ErrNoCredentials, ""},
		{"another bearer token", a, []string{"Authorization", "Bearer a.b.c"}, auth.ErrNoCredentials, ""},
		{"another scheme", a, []string{"Authorization", "Basic YTpi"}, auth.ErrNoCredentials, ""},
		{"a broken header of others", a, []string{"Authorization", "Bearer a b"}, auth.ErrNoCredentials, ""},
		{"unknown", a, []string{"X-API-Key", foreign}, auth.ErrUnauthenticated, `key "` + foreign[4:20] + `" is not known`},
		{"another secret", a, []string{"X-API-Key", other}, auth.ErrUnauthenticated, `key "` + id + `" has another secret`},
		{"expired", expired, []string{"X-API-Key", expiredText}, auth.ErrUnauthenticated, `key "` + expiredText[4:20] + `" has expired at 2026-11-27T08:00:00Z`},
		{"twice", a, []string{"X-API-Key", text, "X-API-Key", text}, auth.ErrUnauthenticated, "there are 2 keys"},
		{"in both headers", a, []string{"X-API-Key", text, "Authorization", "Bearer " + text}, auth.ErrUnauthenticated, "there are 2 keys"},
		{"empty", a, []string{"X-API-Key", ""}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"of somebody else", a, []string{"X-API-Key", "sk-1234"}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"cut", a, []string{"X-API-Key", text[:len(text)-1]}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"longer", a, []string{"X-API-Key", text + "A"}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"in upper case", a, []string{"X-API-Key", strings.ToUpper(text)}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"the id alone", a, []string{"Authorization", "Bearer dhr_" + id}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"no separator", a, []string{"X-API-Key", text[:20] + "-" + text[21:]}, auth.ErrUnauthenticated, "it has not the form of an API key"},
		{"a line end in it", a, []string{"X-API-Key", text[:40] + "\n" + text[41:]}, auth.ErrUnauthenticated, "it has not the form of an API key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := c.a.Authenticate(request(c.headers...))
			require.Nil(t, who)
			var e *auth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.kind, e.Kind)
			require.Equal(t, c.reason, e.Reason)
			require.Len(t, auth.Challenges(err), 1)
			require.NotContains(t, err.Error(), text[21:])
		})
	}
}

func TestKeysThatDoNotExpire(t *testing.T) {
	t.Parallel()
	text, a := keyFor(t, time.Time{}, nil)
	_, err := a.Authenticate(request("X-API-Key", text))
	require.NoError(t, err)
}

// A source answers by a function.
type source func(id string) (*auth.Key, error)

func (s source) Key(_ context.Context, id string) (*auth.Key, error) { return s(id) }

func TestSourcesOfKeys(t *testing.T) {
	t.Parallel()
	text, key, err := auth.NewKey(machine(), time.Time{})
	require.NoError(t, err)
	other := key
	other.ID = "0123456789abcdef"
	nobody := key
	nobody.User = ""
	down := errors.New("down")
	for _, c := range []struct {
		name string
		s    source
		want error
		text string
	}{
		{"its key", func(string) (*auth.Key, error) { return &key, nil }, nil, ""},
		{"down", func(string) (*auth.Key, error) { return nil, down }, auth.ErrUnavailable, "could not be looked up"},
		{"another key than was asked for", func(string) (*auth.Key, error) { return &other, nil }, auth.ErrUnauthenticated, "has another secret"},
		{"a key of nobody", func(string) (*auth.Key, error) { return &nobody, nil }, auth.ErrUnauthenticated, "the user is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.APIKeys(c.s, nil).Authenticate(request("X-API-Key", text))
			require.ErrorIs(t, err, c.want)
			if c.want != nil {
				require.ErrorContains(t, err, c.text)
			}
			if errors.Is(c.want, auth.ErrUnavailable) {
				require.ErrorIs(t, err, down)
			}
		})
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		text, key, err := auth.NewKey(machine(), time.Time{})
		require.NoError(t, err)
		require.Len(t, text, 64)
		require.NoError(t, key.Check())
		require.Equal(t, machine(), key.Principal())
		require.False(t, seen[text] || seen[key.ID])
		seen[text], seen[key.ID] = true, true
		kept, err := json.Marshal(key)
		require.NoError(t, err)
		require.NotContains(t, string(kept), text[21:], "the secret is kept")
		require.NotContains(t, string(kept), "expires")
		var back auth.Key
		require.NoError(t, json.Unmarshal(kept, &back))
		require.Equal(t, key, back)
	}
	text, _, err := auth.NewKey(&access.Principal{User: "loader"}, time.Time{})
	require.ErrorContains(t, err, "the tenant is empty")
	require.Empty(t, text)
}

func TestKeyList(t *testing.T) {
	t.Parallel()
	_, key, err := auth.NewKey(machine(), time.Time{})
	require.NoError(t, err)
	for _, c := range []struct {
		name, want string
		change     func(*auth.Key)
	}{
		{"no id", "the id of a key is not 16 hexadecimal digits", func(k *auth.Key) { k.ID = "" }},
		{"id in upper case", "the id of a key is not 16", func(k *auth.Key) { k.ID = "0123456789ABCDEF" }},
		{"no hash", "its sha256 is not 64 hexadecimal digits", func(k *auth.Key) { k.SHA256 = "" }},
		{"the secret instead of the hash", "its sha256 is not 64", func(k *auth.Key) { k.SHA256 = strings.Repeat("s", 64) }},
		{"no user", "the user is empty", func(k *auth.Key) { k.User = "" }},
		{"no tenant", "the tenant is empty", func(k *auth.Key) { k.Tenant = "" }},
		{"bad role", "the role is empty", func(k *auth.Key) { k.Roles = []string{""} }},
	} {
		k := key
		c.change(&k)
		_, err := auth.KeyList([]auth.Key{k})
		require.ErrorContains(t, err, c.want, c.name)
	}
	_, err = auth.KeyList([]auth.Key{key, key})
	require.ErrorContains(t, err, "stands there twice")
	list, err := auth.KeyList(nil)
	require.NoError(t, err)
	_, err = list.Key(t.Context(), key.ID)
	require.ErrorIs(t, err, auth.ErrNoKey)
}

func FuzzAPIKey(f *testing.F) {
	text, key, err := auth.NewKey(machine(), time.Time{})
	require.NoError(f, err)
	list, err := auth.KeyList([]auth.Key{key})
	require.NoError(f, err)
	a := auth.APIKeys(list, nil)
	f.Add(text)
	f.Add(text[:63])
	f.Add("dhr_" + key.ID + "_" + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, guess string) {
		who, err := a.Authenticate(request("X-API-Key", guess))
		require.Equal(t, guess == text, err == nil)
		require.Equal(t, guess == text, who != nil)
		if err != nil {
			require.ErrorIs(t, err, auth.ErrUnauthenticated)
		}
	})
}
