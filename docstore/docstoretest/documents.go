package docstoretest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
)

// What was put is got again, byte for byte.
func testRoundTrip(t *testing.T, s *suite) {
	store := s.open(t)
	for name, body := range map[string]string{
		"empty":       `{}`,
		"white space": "{ \"b\" :\t1,\r\n \"a\": [ ] }",
		"order":       `{"z":1,"a":2,"m":{"z":1,"a":2}}`,
		"numbers":     `{"a":1.10,"b":1e999,"c":12345678901234567890123,"d":-0,"e":1E+2,"f":0.1000}`,
		"types":       `{"a":1,"b":"1","c":[1,"1",null,true,{"a":[]}],"d":null}`,
		"the same":    `{"a":{"x":1},"b":"text","id":5,"name":["n"],"labels":{"x":1},"tenant":1,"version":"v"}`,
		"escapes":     `{"a":"\u0000\u001f\"\\\/\b\n\ud83d\ude00\ud800","\u0041":"A"}`,
		"no escapes":  `{"a":"<&>` + "\u2028\x7f" + `é é नमस्ते 😀"}`,
		"html":        `{"<script>":"</script>"}`,
		"dots":        `{"a.b":1,".":2,"":3,"a..b":4,"$x":5}`,
		"deep":        strings.Repeat(`{"a":[`, 50) + strings.Repeat("]}", 50),
		"long":        `{"a":"` + strings.Repeat("é", 20000) + `"}`,
		"largest":     `{"a":"` + strings.Repeat("x", docstore.MaxBody-8) + `"}`,
	} {
		d := &docstore.Document{Key: s.key(name), Name: "Name of " + name, Labels: []string{"a", "owner:amara", name}, Body: json.RawMessage(body)}
		stored := s.make(t, store, d)
		require.Positive(t, stored.Change, name)
		require.EqualValues(t, 1, stored.Version, name)
		require.Equal(t, d.Key, stored.Key)
		require.Equal(t, d.Name, stored.Name)
		require.ElementsMatch(t, d.Labels, stored.Labels)
		if body != string(stored.Body) {
			t.Fatalf("%s: the body is not as it was", name)
		}
		got, err := store.Get(t.Context(), d.Key)
		require.NoError(t, err, name)
		require.Equal(t, stored, got)
		listed := all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind, Any: []string{name}})
		require.Equal(t, []*docstore.Document{stored}, listed, name)

		d.Name, d.Labels, d.Body = "", nil, json.RawMessage(`{"now": "another"}`)
		stored, err = store.Put(t.Context(), d, 1)
		require.NoError(t, err, name)
		got, err = store.Get(t.Context(), d.Key)
		require.NoError(t, err, name)
		require.Equal(t, stored, got)
		require.Empty(t, got.Labels)
		require.Empty(t, all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind, Any: []string{name, "a", "owner:amara"}}), "labels that were taken away")
	}
}

// Text that means something to an engine, to a shell or to HTTP means nothing here.
func testOddNames(t *testing.T, s *suite) {
	store := s.open(t)
	odd := []string{
		"a", "A", "a ", " a", " ", ".", "..", "./a", "../a", "a/b", "/", "//", `\`, `\\`, `a\b`, "%", "%2F", "%25", "_", "*", "?", "a?b=c", "#", "a#b", "&", "+", "a+b",
		"'", "''", `"`, "`", ";", "--", "'; DROP TABLE document; --", "$1", "?1", ":a", "@a", "{}", "[]", "(", ",", "a,b", "<a>", "|", "^", "~", "null", "true", "0", "00", "-1", "1e3",
		"_search", "_doc", "_all", "_id", "é", "e\u0301", "É", "ß", "ss", "İ", "i", "नमस्ते", "ਪੰਜਾਬ", "தமிழ்", "العربية", "漢字", "😀", "\u200b", "\u00ad", "\ufeff", "\ufffd", "\ue000", "\U0010ffff", "\u2028",
		strings.Repeat("i", 200), strings.Repeat("😀", 25),
	}
	tenant := func(text string) string { return text[:min(len(text), 100)] }
	for _, text := range odd {
		d := s.document(text, text, text)
		d.Tenant = tenant(text)
		s.make(t, store, d)
	}
	for _, text := range odd {
		d := s.document(text, text, text)
		d.Tenant = tenant(text)
		got, err := store.Get(t.Context(), d.Key)
		require.NoError(t, err, "%q", text)
		require.Equal(t, []any{text, d.Tenant, text, []string{text}}, []any{got.ID, got.Tenant, got.Name, got.Labels})
		require.Equal(t, string(d.Body), string(got.Body))
		found := all(t, store, &docstore.Query{AllTenants: true, Kind: s.kind, Any: []string{text}})
		require.Equal(t, []*docstore.Document{got}, found, "%q", text)
	}
	require.Len(t, all(t, store, &docstore.Query{AllTenants: true, Kind: s.kind}), len(odd))
	for _, text := range odd {
		require.NoError(t, store.Delete(t.Context(), docstore.Key{Tenant: tenant(text), Kind: s.kind, ID: text}, 1))
	}
	require.Empty(t, all(t, store, &docstore.Query{AllTenants: true, Kind: s.kind}))
}

// Every write names the version that it replaces.
func testVersions(t *testing.T, s *suite) {
	store, ctx := s.open(t), t.Context()
	d := s.document("a", "first")
	k := d.Key
	refused := func(want error, err error) {
		t.Helper()
		require.ErrorIs(t, err, want)
	}
	put := func(name string, expect int64) (*docstore.Document, error) {
		d := s.document("a", name)
		return store.Put(ctx, d, expect)
	}
	_, err := store.Get(ctx, k)
	refused(docstore.ErrNotFound, err)
	refused(docstore.ErrNotFound, store.Delete(ctx, k, 1))
	_, err = put("", 1)
	refused(docstore.ErrConflict, err)

	one := s.make(t, store, d)
	_, err = put("", 0)
	refused(docstore.ErrConflict, err)
	_, err = put("", 2)
	refused(docstore.ErrConflict, err)
	refused(docstore.ErrConflict, store.Delete(ctx, k, 2))
	got, err := store.Get(ctx, k)
	require.NoError(t, err)
	require.Equal(t, one, got, "what was refused has changed nothing")

	two, err := put("second", 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, two.Version)
	require.Greater(t, two.Change, one.Change)
	_, err = put("", 1)
	refused(docstore.ErrConflict, err)
	_, err = put("", 1<<62)
	refused(docstore.ErrConflict, err)
	refused(docstore.ErrConflict, store.Delete(ctx, k, 1))
	got, err = store.Get(ctx, k)
	require.NoError(t, err)
	require.Equal(t, two, got)

	require.NoError(t, store.Delete(ctx, k, 2))
	_, err = store.Get(ctx, k)
	refused(docstore.ErrNotFound, err)
	refused(docstore.ErrNotFound, store.Delete(ctx, k, 2))
	_, err = put("", 2)
	refused(docstore.ErrConflict, err)
	require.Empty(t, all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind}))

	three, err := put("third", 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, three.Version, "a new document")
	require.Greater(t, three.Change, two.Change, "a change never comes back")
}

// A document of one tenant has nothing to do with that of the same name of another.
func testTenants(t *testing.T, s *suite) {
	store, ctx := s.open(t), t.Context()
	tenants := []string{"pb", "pb.amritsar", "PB", "p", "a", "a/b", "a%2Fb", "a%", "é", "e\u0301"}
	for _, tenant := range tenants {
		for _, id := range []string{"c", "b/c", "%2Fb/c", "2Fb/c"} {
			d := s.document(id, tenant, "owner:amara", "tenant:"+tenant)
			d.Tenant = tenant
			s.make(t, store, d)
		}
	}
	for _, tenant := range tenants {
		for _, q := range []docstore.Query{{}, {Any: []string{"owner:amara"}}, {Order: docstore.ByName}, {Order: docstore.ByChange, Descending: true, Limit: 3}} {
			q.Tenant, q.Kind = tenant, s.kind
			found := all(t, store, &q)
			require.Len(t, found, 4, tenant)
			for _, d := range found {
				require.Equal(t, []string{tenant, tenant}, []string{d.Tenant, d.Name})
			}
		}
		for _, other := range tenants {
			if other != tenant {
				require.Empty(t, all(t, store, &docstore.Query{Tenant: other, Kind: s.kind, Any: []string{"tenant:" + tenant}}))
			}
		}
	}
	k := docstore.Key{Tenant: "a", Kind: s.kind, ID: "b/c"}
	require.NoError(t, store.Delete(ctx, k, 1))
	require.Len(t, all(t, store, &docstore.Query{AllTenants: true, Kind: s.kind}), len(tenants)*4-1)
	_, err := store.Get(ctx, docstore.Key{Tenant: "a/b", Kind: s.kind, ID: "c"})
	require.NoError(t, err)
	require.Empty(t, all(t, store, &docstore.Query{Tenant: "b", Kind: s.kind}))
	_, err = store.Get(ctx, docstore.Key{Tenant: "b", Kind: s.kind, ID: "c"})
	require.ErrorIs(t, err, docstore.ErrNotFound)
}

// A bad request is refused and leaves nothing.
func testBadInput(t *testing.T, s *suite) {
	store := s.open(t)
	good := s.make(t, store, s.document("good", "good"))
	for name, d := range map[string]*docstore.Document{
		"no id":          {Key: docstore.Key{Tenant: "pb", Kind: s.kind}, Body: json.RawMessage("{}")},
		"no tenant":      {Key: docstore.Key{Kind: s.kind, ID: "a"}, Body: json.RawMessage("{}")},
		"no kind":        {Key: docstore.Key{Tenant: "pb", ID: "a"}, Body: json.RawMessage("{}")},
		"NUL":            {Key: s.key("a\x00"), Body: json.RawMessage("{}")},
		"not UTF-8":      {Key: s.key("a"), Name: "\xff", Body: json.RawMessage("{}")},
		"no body":        {Key: s.key("a")},
		"an array":       {Key: s.key("a"), Body: json.RawMessage("[]")},
		"half a body":    {Key: s.key("a"), Body: json.RawMessage(`{"a":`)},
		"a name twice":   {Key: s.key("a"), Body: json.RawMessage(`{"a":1,"a":2}`)},
		"too large":      {Key: s.key("a"), Body: json.RawMessage(`{"a":"` + strings.Repeat("x", docstore.MaxBody) + `"}`)},
		"an empty label": {Key: s.key("a"), Labels: []string{"x", ""}, Body: json.RawMessage("{}")},
	} {
		_, err := store.Put(t.Context(), d, 0)
		require.ErrorIs(t, err, docstore.ErrInvalid, name)
		require.Equal(t, name == "too large", errors.Is(err, docstore.ErrTooLarge), name)
	}
	require.Equal(t, []*docstore.Document{good}, all(t, store, &docstore.Query{Tenant: "pb", Kind: s.kind}))
}

// A kind of which there is no document is not an error.
func testUnknownKind(t *testing.T, s *suite) {
	store := s.open(t)
	k := docstore.Key{Tenant: "pb", Kind: s.kind + "-unknown", ID: "a"}
	_, err := store.Get(t.Context(), k)
	require.ErrorIs(t, err, docstore.ErrNotFound)
	require.ErrorIs(t, store.Delete(t.Context(), k, 1), docstore.ErrNotFound)
	for _, order := range []docstore.Order{docstore.ByID, docstore.ByName, docstore.ByChange} {
		require.Empty(t, all(t, store, &docstore.Query{Tenant: "pb", Kind: k.Kind, Order: order}))
	}
	_, err = store.Put(t.Context(), &docstore.Document{Key: k, Body: json.RawMessage("{}")}, 4)
	require.ErrorIs(t, err, docstore.ErrConflict)
}
