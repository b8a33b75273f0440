package docstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

var key = docstore.Key{Tenant: "pb", Kind: "filters", ID: "f1"}

func document(body string) *docstore.Document {
	return &docstore.Document{Key: key, Body: json.RawMessage(body)}
}

// untouched is a driver that fails the test when it is asked for anything.
type untouched struct{ t *testing.T }

func (u untouched) Get(context.Context, docstore.Key) (*docstore.Document, error) {
	u.t.Error("the driver was asked")
	return nil, errors.New("asked")
}

func (u untouched) Put(ctx context.Context, d *docstore.Document, _ int64) (*docstore.Document, error) {
	return u.Get(ctx, d.Key)
}

func (u untouched) Delete(context.Context, docstore.Key, int64) error {
	u.t.Error("the driver was asked")
	return errors.New("asked")
}

func (u untouched) List(context.Context, *docstore.Query) ([]*docstore.Document, error) {
	u.t.Error("the driver was asked")
	return nil, errors.New("asked")
}

// What makes no sense never reaches a driver.
func TestBadKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := docstore.New(untouched{t})
	for name, k := range map[string]docstore.Key{
		"no tenant":         {Kind: "filters", ID: "f1"},
		"no kind":           {Tenant: "pb", ID: "f1"},
		"no id":             {Tenant: "pb", Kind: "filters"},
		"capitals":          {Tenant: "pb", Kind: "Filters", ID: "f1"},
		"a path":            {Tenant: "pb", Kind: "../x", ID: "f1"},
		"a digit first":     {Tenant: "pb", Kind: "1x", ID: "f1"},
		"a hyphen first":    {Tenant: "pb", Kind: "-x", ID: "f1"},
		"a hyphen last":     {Tenant: "pb", Kind: "x-", ID: "f1"},
		"two hyphens":       {Tenant: "pb", Kind: "x--y", ID: "f1"},
		"a pattern":         {Tenant: "pb", Kind: "x*", ID: "f1"},
		"letters not ASCII": {Tenant: "pb", Kind: "früh", ID: "f1"},
		"a long kind":       {Tenant: "pb", Kind: strings.Repeat("k", 65), ID: "f1"},
		"a long tenant":     {Tenant: strings.Repeat("t", 101), Kind: "filters", ID: "f1"},
		"a long id":         {Tenant: "pb", Kind: "filters", ID: strings.Repeat("i", 201)},
		"an id not UTF-8":   {Tenant: "pb", Kind: "filters", ID: "\xff"},
		"a tenant with NUL": {Tenant: "p\x00b", Kind: "filters", ID: "f1"},
		"an id of lines":    {Tenant: "pb", Kind: "filters", ID: "a\nb"},
		"an id with U+0085": {Tenant: "pb", Kind: "filters", ID: "a\u0085b"},
	} {
		_, err := s.Get(t.Context(), k)
		require.ErrorIs(t, err, docstore.ErrInvalid, name)
		_, err = s.Put(t.Context(), &docstore.Document{Key: k, Body: json.RawMessage("{}")}, 0)
		require.ErrorIs(t, err, docstore.ErrInvalid, name)
		require.ErrorIs(t, s.Delete(t.Context(), k, 1), docstore.ErrInvalid, name)
	}
}

func TestBadDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	s := docstore.New(untouched{t})
	long := make([]string, 1001)
	for i := range long {
		long[i] = fmt.Sprint("label ", i)
	}
	for name, d := range map[string]*docstore.Document{
		"nil":                   nil,
		"no body":               document(""),
		"blanks":                document("  "),
		"an array":              document("[]"),
		"a text":                document(`"{}"`),
		"null":                  document("null"),
		"half an object":        document(`{"a":`),
		"two objects":           document("{}{}"),
		"a trailing comma":      document(`{"a":1,}`),
		"a body not UTF-8":      document("{\"a\":\"\xff\"}"),
		"a name twice":          document(`{"a":1,"b":[],"a":2}`),
		"a name twice, escaped": document(`{"a":1,"\u0061":2}`),
		"a name twice, within":  document(`{"x":[1,{"a":{},"a":null}]}`),
		"a body too large":      document(`{"a":"` + strings.Repeat("x", docstore.MaxBody) + `"}`),
		"a body too deep":       document(strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101)),
		"a long name":           {Key: key, Name: strings.Repeat("n", 1001), Body: json.RawMessage("{}")},
		"a name not UTF-8":      {Key: key, Name: "\xc0\x80", Body: json.RawMessage("{}")},
		"a name with a line":    {Key: key, Name: "a\nb", Body: json.RawMessage("{}")},
		"an empty label":        {Key: key, Labels: []string{""}, Body: json.RawMessage("{}")},
		"a long label":          {Key: key, Labels: []string{strings.Repeat("l", 301)}, Body: json.RawMessage("{}")},
		"many labels":           {Key: key, Labels: long, Body: json.RawMessage("{}")},
	} {
		_, err := s.Put(t.Context(), d, 0)
		require.ErrorIs(t, err, docstore.ErrInvalid, name)
		size := strings.Contains(name, "large") || strings.Contains(name, "deep") || strings.Contains(name, "long") || strings.Contains(name, "many")
		require.Equal(t, size, errors.Is(err, docstore.ErrTooLarge), "%s: %v", name, err)
	}
	_, err := s.Put(t.Context(), document("{}"), -1)
	require.ErrorIs(t, err, docstore.ErrInvalid)
	for _, expect := range []int64{0, -1} {
		require.ErrorIs(t, s.Delete(t.Context(), key, expect), docstore.ErrInvalid, "every version has its number")
	}
}

func TestBadQueriesAreRefused(t *testing.T) {
	t.Parallel()
	s := docstore.New(untouched{t})
	for name, q := range map[string]*docstore.Query{
		"nil":                   nil,
		"no tenant":             {Kind: "filters"},
		"a tenant and all":      {Kind: "filters", Tenant: "pb", AllTenants: true},
		"no kind":               {Tenant: "pb"},
		"a bad kind":            {Tenant: "pb", Kind: "filters,users"},
		"a limit too great":     {Tenant: "pb", Kind: "filters", Limit: docstore.MaxPage + 1},
		"a negative limit":      {Tenant: "pb", Kind: "filters", Limit: -1},
		"an unknown order":      {Tenant: "pb", Kind: "filters", Order: 7},
		"an empty label":        {Tenant: "pb", Kind: "filters", Any: []string{"a", ""}},
		"a label not UTF-8":     {Tenant: "pb", Kind: "filters", Any: []string{"\xff"}},
		"too many labels":       {Tenant: "pb", Kind: "filters", Any: make([]string, 1001)},
		"a cursor before all":   {Tenant: "pb", Kind: "filters", After: &docstore.Cursor{Change: -1}},
		"a cursor not UTF-8":    {Tenant: "pb", Kind: "filters", After: &docstore.Cursor{Name: "\xff"}},
		"a cursor of no id":     {Tenant: "pb", Kind: "filters", After: &docstore.Cursor{ID: "\x00"}},
		"a cursor of no tenant": {Tenant: "pb", Kind: "filters", After: &docstore.Cursor{Tenant: "\n"}},
	} {
		_, err := s.List(t.Context(), q)
		require.ErrorIs(t, err, docstore.ErrInvalid, name)
		pairs := 0
		for d, err := range s.All(t.Context(), q) {
			pairs++
			require.Nil(t, d, name)
			require.ErrorIs(t, err, docstore.ErrInvalid, name)
		}
		require.Equal(t, 1, pairs, name)
	}
}

// What is written and asked stays the caller's, as it was.
func TestCallersKeepWhatIsTheirs(t *testing.T) {
	t.Parallel()
	s := docstore.New(memdoc.New())
	d := &docstore.Document{Key: key, Labels: []string{"b", "a", "b"}, Body: json.RawMessage(" {\"a\": 1}\n"), Version: 7, Change: 8}
	stored, err := s.Put(t.Context(), d, 0)
	require.NoError(t, err)
	require.Equal(t, &docstore.Document{Key: key, Labels: []string{"b", "a", "b"}, Body: json.RawMessage(" {\"a\": 1}\n"), Version: 7, Change: 8}, d)
	require.Equal(t, &docstore.Document{Key: key, Labels: []string{"a", "b"}, Body: json.RawMessage(`{"a": 1}`), Version: 1, Change: 1}, stored)
	stored.Body[1], stored.Labels[0] = 'x', "x"
	d.Body[1] = 'y'
	again, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	require.JSONEq(t, `{"a": 1}`, string(again.Body))
	require.Equal(t, []string{"a", "b"}, again.Labels)

	q := &docstore.Query{Tenant: "pb", Kind: "filters", Any: []string{"b", "a"}, After: &docstore.Cursor{ID: "a"}}
	_, err = s.List(t.Context(), q)
	require.NoError(t, err)
	for _, err := range s.All(t.Context(), q) {
		require.NoError(t, err)
	}
	require.Equal(t, &docstore.Query{Tenant: "pb", Kind: "filters", Any: []string{"b", "a"}, After: &docstore.Cursor{ID: "a"}}, q)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := docstore.New(memdoc.New())
	d, err := s.Update(t.Context(), key, func(d *docstore.Document) error {
		require.Equal(t, &docstore.Document{Key: key}, d)
		d.Body = json.RawMessage(`{"n":1}`)
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, d.Version)

	calls := 0
	d, err = s.Update(t.Context(), key, func(d *docstore.Document) error {
		if calls++; calls < 3 { // somebody else is faster, twice
			_, err := s.Put(t.Context(), document(`{"n":2}`), d.Version)
			require.NoError(t, err)
		}
		d.Body = json.RawMessage(`{"n":3}`)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 3, calls)
	require.EqualValues(t, 4, d.Version)

	mine := errors.New("mine")
	_, err = s.Update(t.Context(), key, func(*docstore.Document) error { return mine })
	require.Equal(t, mine, err)
	_, err = s.Update(t.Context(), key, func(d *docstore.Document) error { d.ID = "f2"; return nil })
	require.ErrorIs(t, err, docstore.ErrInvalid)
	again, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, d, again)
}

func TestErrorsSayWhat(t *testing.T) {
	t.Parallel()
	s := docstore.New(memdoc.New())
	_, err := s.Get(t.Context(), key)
	require.EqualError(t, err, `docstore: get filters "f1" of tenant "pb": no such document`)
	_, err = s.Put(t.Context(), document("{}"), 3)
	require.EqualError(t, err, `docstore: put filters "f1" of tenant "pb": the document has changed: it is not there, version 3 was expected`)
	_, err = docstore.New(nil).Get(t.Context(), key)
	require.ErrorIs(t, err, docstore.ErrUnavailable)
}
