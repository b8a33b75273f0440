package dashboard

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMergePatch holds the examples of RFC 7396, appendix A, and some more.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`},
		{`{"a":1}`, `{"a":1.50}`, `{"a":1.50}`},
	} {
		target, err := parseJSON([]byte(c.target))
		require.NoError(t, err)
		patch, err := parseJSON([]byte(c.patch))
		require.NoError(t, err)
		got, err := json.Marshal(mergePatch(target, patch))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got), "%s with %s", c.target, c.patch)
	}
}

// TestPatches holds what a patch does to a filter, and what is refused.
func TestPatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patch string
		want  func(*Filter)
		wrong string // or what is complained of
	}{
		{patch: `{}`, want: func(*Filter) {}},
		{patch: ` {"name": " m "} `, want: func(f *Filter) { f.Name = "m" }},
		{patch: `{"description": null}`, want: func(f *Filter) { f.Description = "" }},
		{patch: `{"jql": "b = 2", "allowed_indexes": ["x"]}`, want: func(f *Filter) { f.JQL, f.AllowedIndexes = "b = 2", []string{"x"} }},
		{patch: `{"jql": ""}`, want: func(f *Filter) { f.JQL = "" }},
		{patch: `{"allowed_indexes": null}`, want: func(f *Filter) { f.AllowedIndexes = []string{} }},
		{patch: `{"share_permissions": null}`, want: func(f *Filter) { f.SharePermissions = []SharePermission{} }},
		{patch: `{"share_permissions": [{"type": "public", "permission": "read"}]}`, want: func(f *Filter) {
			f.SharePermissions = []SharePermission{{"public", "", Read}}
		}},
		{patch: `{"share_permissions": [{"type": "public", "id": "", "permission": "read"}]}`, want: func(f *Filter) {
			f.SharePermissions = []SharePermission{{"public", "", Read}}
		}},
		{patch: `{"owner": "ravi"}`, want: func(f *Filter) { f.Owner, f.Permission = "ravi", "" }},
		{patch: `{"id": "f1", "version": 1, "permission": "owner", "favourite": true, "created_at": "2026-11-27T08:00:00Z"}`, want: func(*Filter) {}},

		{patch: ``, wrong: "the patch is not JSON that can be used: unexpected EOF"},
		{patch: `{`, wrong: "the patch is not JSON that can be used: unexpected EOF"},
		{patch: `{"name": "m"`, wrong: "the patch is not JSON that can be used: unexpected EOF"},
		{patch: `{"name": "m"} {}`, wrong: "the patch is not JSON that can be used: something follows the value"},
		{patch: `{"name": "m"},`, wrong: "the patch is not JSON that can be used: something follows the value"},
		{patch: "{\"name\": \"\xff\"}", wrong: "the patch is not JSON that can be used: it is not UTF-8"},
		{patch: `{"name": "a", "name": "b"}`, wrong: `the patch is not JSON that can be used: the member "name" is there twice`},
		{patch: strings.Repeat(`[`, 200), wrong: "the patch is not JSON that can be used: it is nested more than 100 deep"},
		{patch: `null`, wrong: "the patch is not a JSON object"},
		{patch: `[]`, wrong: "the patch is not a JSON object"},
		{patch: `"name"`, wrong: "the patch is not a JSON object"},
		{patch: `{"name": null}`, wrong: "name: cannot be removed"},
		{patch: `{"jql": null}`, wrong: "jql: cannot be removed"},
		{patch: `{"owner": null, "jql": null}`, wrong: "jql: cannot be removed (and 1 more)"},
		{patch: `{"name": ""}`, wrong: "name: must not be empty"},
		{patch: `{"name": 5}`, wrong: "name: must be a string, not number"},
		{patch: `{"name": {"a": null}}`, wrong: "name: must be a string, not object"},
		{patch: `{"allowed_indexes": "x"}`, wrong: "allowed_indexes: must be an array, not string"},
		{patch: `{"allowed_indexes": [5]}`, wrong: "allowed_indexes: must be a string, not number"},
		{patch: `{"share_permissions": [[]]}`, wrong: "share_permissions: must be an object, not array"},
		{patch: `{"title": "m"}`, wrong: "title: there is no such member"},
		{patch: `{"Name": "m"}`, wrong: "Name: there is no such member"},
		{patch: `{"de\u017fcription": ""}`, wrong: "de\u017fcription: there is no such member"},
		{patch: `{"title": null}`, wrong: "title: there is no such member"},
		{patch: `{"": 1}`, wrong: ": there is no such member"},
		{patch: `{"share_permissions": [{"type": "public", "permission": "read", "Type": "user"}]}`, wrong: "share_permissions[0].Type: there is no such member"},
		{patch: `{"share_permissions": [{"type": "public"}, 5]}`, wrong: "share_permissions: must be an object, not number"},
		{patch: `{"share_permissions": [{"type": "public"}]}`, wrong: `share_permissions[0].permission: must be read, write or admin, got ""`},
		{patch: `{"id": "f2"}`, wrong: "id: cannot be changed"},
		{patch: `{"version": 2}`, wrong: "version: cannot be changed"},
		{patch: `{"version": 1e400}`, wrong: "version: 1e400 is out of range"},
		{patch: `{"permission": "admin", "updated_at": "2026-11-27T09:00:00Z"}`, wrong: "permission: cannot be changed (and 1 more)"},
		{patch: `{"favourite": false}`, wrong: "favourite: cannot be changed: it is set for each user by itself"},
		{patch: `{"created_at": null}`, wrong: "created_at: cannot be changed"},
		{patch: `{"created_at": "yesterday"}`, wrong: "yesterday"},
	} {
		s := newFilters(t, nil)
		want := mustCreate(t, s, olga, &Filter{
			Name: "n", Description: "d", JQL: "a = 1", AllowedIndexes: []string{"i"}, SharePermissions: []SharePermission{withUser("u", Read)}, Favourite: true,
		})
		got, err := s.Patch(t.Context(), olga, want.ID, []byte(c.patch), 1)
		if c.wrong != "" {
			require.ErrorIs(t, err, ErrInvalid, c.patch)
			require.ErrorContains(t, err, c.wrong)
			now, err := s.Get(t.Context(), olga, want.ID)
			require.NoError(t, err)
			require.Equal(t, want, now)
			continue
		}
		require.NoError(t, err, c.patch)
		was := *want
		c.want(want)
		if got.Version != 1 {
			require.Equal(t, int64(2), got.Version)
			want.Version, want.UpdatedAt = 2, was.UpdatedAt.Add(time.Second)
		}
		require.Equal(t, want, got, c.patch)
	}
}

// FuzzPatch holds that a patch changes what it names and nothing else, or is refused and changes nothing; that
// applying it again changes nothing more; and that what was made of a filter can be kept and read.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name": "m", "jql": null}`, `{"share_permissions": [{"type": "public", "permission": "read"}]}`, `{"version": 1e3}`,
		`{"created_at": "2026-11-27T08:00:00+05:30"}`, `{"description": "\ud800"}`, `[1]`, `{"a": {"b": {"c": null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		was := Filter{Name: "n", Description: "d", JQL: "a = 1", AllowedIndexes: []string{"i"}, SharePermissions: []SharePermission{withUser("u", Read)}, CreatedAt: start}
		once := *was.clone()
		if err := patched(&once, patch, "name", "jql", "owner"); err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.Equal(t, was, once)
			return
		}
		parsed, err := parseJSON(patch)
		require.NoError(t, err)
		before, after := members(t, &was), members(t, &once)
		for name, value := range before {
			if _, named := parsed.(map[string]any)[name]; !named {
				require.Equal(t, value, after[name])
			}
		}
		twice := *once.clone()
		require.NoError(t, patched(&twice, patch, "name", "jql", "owner"))
		require.Equal(t, after, members(t, &twice))
	})
}

// members are those of a value in JSON.
func members(t *testing.T, f *Filter) map[string]any {
	t.Helper()
	text, err := json.Marshal(f.clone())
	require.NoError(t, err)
	value, err := parseJSON(text)
	require.NoError(t, err)
	return value.(map[string]any)
}
