package access

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
)

// TestBadPolicies holds that what is wrong with a policy is said with its place.
func TestBadPolicies(t *testing.T) {
	t.Parallel()
	const grant = `{"indexes": ["visits"], "others": "visible"`
	tests := []struct{ name, grant, want string }{
		{"no index", `{"others": "visible"}`, `access: role "r": grants[0]: indexes: there is no index`},
		{"an empty index", `{"indexes": [""], "others": "visible"}`, `access: role "r": grants[0]: indexes[0]: "" is no name of an index`},
		{"several indexes in one", `{"indexes": ["a", "b,c"], "others": "visible"}`,
			`access: role "r": grants[0]: indexes[1]: "b,c" has several names in one; write a list of them`},
		{"a question mark", `{"indexes": ["a?"], "others": "visible"}`, `access: role "r": grants[0]: indexes[0]: "a?" has a ?, which stands for nothing; use *`},
		{"a placeholder", `{"indexes": ["{role}-a"], "others": "visible"}`,
			`access: role "r": grants[0]: indexes[0]: "{role}-a" has a brace that is not that of {tenant}, {root} or {user}`},
		{"half a placeholder", `{"indexes": ["{tenant-a"], "others": "visible"}`,
			`access: role "r": grants[0]: indexes[0]: "{tenant-a" has a brace that is not that of {tenant}, {root} or {user}`},
		{"nothing shown", `{"indexes": ["a"]}`,
			`access: role "r": grants[0]: others: all fields are hidden, so that there is nothing to see; no field is shown unless a rule or others says so`},
		{"broken rows", grant + `, "rows": "age >"}`,
			`access: role "r": grants[0]: rows: 1:6: Expecting either a value or function before the end of the query.`},
		{"ordered rows", grant + `, "rows": "age = 1 ORDER BY age"}`,
			`access: role "r": grants[0]: rows: "age = 1 ORDER BY age": a condition has no ORDER BY`},
		{"blank rows", grant + `, "rows": " "}`, `access: role "r": grants[0]: rows: " " says nothing; leave it empty if all records are meant`},
		{"a function without its argument", grant + `, "rows": "NOT (age = 1 OR district IN (a, attribute()))"}`,
			`access: role "r": grants[0]: rows: offset 32: the function "attribute" takes 1 arguments, not 0`},
		{"a way", grant + `, "personal": "blurred"}`,
			`access: role "r": grants[0]: personal: "blurred" is no way to show a field; the ways are hidden, removed, constant, pseudonym, date, band, first and visible`},
		{"a unit", grant + `, "personal": {"as": "date", "unit": "week"}}`,
			`access: role "r": grants[0]: personal: the unit "week" of a date is not year, month or day`},
		{"a width", grant + `, "personal": {"as": "band"}}`, `access: role "r": grants[0]: personal: the width 0 of a band is not between 1 and 1000000`},
		{"a top", grant + `, "personal": {"as": "band", "width": 10, "top": 85}}`,
			`access: role "r": grants[0]: personal: the top 85 of bands is no multiple of their width 10`},
		{"a length", grant + `, "personal": {"as": "first", "length": -1}}`, `access: role "r": grants[0]: personal: the length -1 is not between 1 and 10000`},
		{"too much", grant + `, "personal": {"as": "hidden", "length": 1}}`,
			`access: role "r": grants[0]: personal: there is more than a field that is shown as hidden needs`},
		{"no key", grant + `, "personal": "pseudonym"}`, `access: role "r": grants[0]: personal: pseudonyms need a key, which the options do not give`},
		{"no field", grant + `, "fields": [{"show": "hidden"}]}`, `access: role "r": grants[0]: fields[0].fields: there is no field`},
		{"a blank field", grant + `, "fields": [{"fields": ["a", " "], "show": "hidden"}]}`,
			`access: role "r": grants[0]: fields[0].fields[1]: " " is no name of a field`},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			roles, err := ParseRoles([]byte(`{"r": {"grants": [` + c.grant + `]}}`))
			require.NoError(t, err)
			_, err = NewPolicy(roles, nil)
			require.EqualError(t, err, c.want)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 0, e.Grant)
			if c.name == "broken rows" {
				var list jql.ErrorList
				require.ErrorAs(t, err, &list)
				require.Equal(t, 5, list[0].Offset)
			}
		})
	}
}

// TestBadOptions holds that options are checked, and that all that is wrong is said.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	_, err := NewPolicy(map[string]Role{" ": {}}, &Options{Key: []byte("short"), MaxViews: -1, Tenants: &TenantRule{Except: []string{"{x}"}}})
	require.EqualError(t, err, `access: a key of 5 bytes, less than 16
access: MaxViews is negative
access: tenants.fields: there is no field that holds the tenant
access: tenants.except[0]: "{x}" has a brace that is not that of {tenant}, {root} or {user}
access: role " ": a role without a name`)
	_, err = NewPolicy(map[string]Role{"r": {Grants: make([]Grant, maxGrants+1)}}, nil)
	require.ErrorContains(t, err, "more than 10000 grants")
	_, err = NewPolicy(nil, &Options{Tenants: &TenantRule{Fields: []string{""}}})
	require.EqualError(t, err, `access: tenants.fields[0]: "" is no name of a field`)
}

// TestBadJSON holds that no rule is lost to a wrong letter.
func TestBadJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"r": {"grants": [{"row": "a = 1"}]}}`:                          `unknown field "row"`,
		`{"r": {"grants": [{"others": {"as": "hidden", "width2": 1}}]}}`: `unknown field "width2"`,
		`{"r": {"grants": [{"rows": "a = 1", "Rows": "b = 1"}]}}`:        `the member "Rows" stands twice in one object`,
		`{"r": {}, "r": {}}`:                 `the member "r" stands twice in one object`,
		`{} {}`:                              `there is more behind the JSON value`,
		`{"r": {"grants": [`:                 `unexpected EOF`,
		``:                                   `EOF`,
		strings.Repeat(`[`, 40):              `the JSON is nested too deep`,
		`{"r": {"grants": [{"others": 5}]}}`: `cannot unmarshal number`,
		`{"r": {"grants": [{"others": ["hidden"]}]}}`: `cannot unmarshal array`,
		`[]`: `cannot unmarshal array`,
		`{"r": {"grants": [{"fields": [{"fields": "a", "show": "hidden"}]}]}}`: `cannot unmarshal string`,
	} {
		_, err := ParseRoles([]byte(text))
		require.ErrorContains(t, err, want, text)
		var e *Error
		require.ErrorAs(t, err, &e, text)
	}
	roles, err := ParseRoles([]byte(`{"r": {"grants": [{"indexes": ["a"], "others": {"as": "date", "unit": "year"}}]}, "R": {}}`))
	require.NoError(t, err)
	require.Equal(t, map[string]Role{"R": {}, "r": {Grants: []Grant{{Indexes: []string{"a"}, Others: Treatment{As: Date, Unit: "year"}}}}}, roles)
	again, err := ParseRoles([]byte(toJSON(t, roles)))
	require.NoError(t, err)
	require.Equal(t, roles, again)
}

// TestPolicyCopies holds that a policy is not changed by what its roles were made of.
func TestPolicyCopies(t *testing.T) {
	t.Parallel()
	in := Grant{Indexes: []string{"pb-visits"}, Fields: as(Hidden, "age"), Others: Treatment{As: Visible}}
	key := []byte("0123456789abcdef")
	roles := map[string]Role{"r": {Grants: []Grant{in}}}
	p, err := NewPolicy(roles, &Options{Key: key})
	require.NoError(t, err)
	in.Indexes[0], in.Fields[0].Fields[0], key[0] = "*", "status", 'x'
	delete(roles, "r")
	who := &Principal{Roles: []string{"r"}}
	require.False(t, p.Allows(who, "other"))
	v, ok := p.View(who, visits)
	require.True(t, ok)
	require.False(t, v.Shown(fieldOf(t, "age")))
	require.Equal(t, byte('0'), p.key[0])
}

// FuzzPolicy holds that no JSON makes a policy panic, and that what is refused says where.
func FuzzPolicy(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, s := range sections(string(text)) {
			if s.name == "policy" {
				f.Add(s.body)
			}
		}
	}
	f.Add(`{"r": {"grants": [{"indexes": ["*"], "rows": "a in (attributes(x))", "fields": [{"fields": ["*.a*", "_id"], "show": {"as": "band", "width": 3, "top": 9}}]}]}}`)
	docs := docsOf(`1 {"age": 5, "patient": {"name": "Asha"}, "details": {"ssn": "1"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		roles, err := ParseRoles([]byte(text))
		var e *Error
		if err != nil {
			require.ErrorAs(t, err, &e)
			return
		}
		p, err := NewPolicy(roles, &Options{Key: testKey})
		if err != nil {
			require.ErrorAs(t, err, &e)
			return
		}
		for role := range roles {
			v, ok := p.View(&Principal{User: "u", Tenant: "pb", Roles: []string{role, "x"}}, visits)
			if !ok {
				continue
			}
			_, err := answer(v, docs, "")
			require.True(t, err == nil || errors.Is(err, ErrDenied), "%v", err)
			_, err = shown(v, docs[0])
			require.NoError(t, err)
		}
	})
}
