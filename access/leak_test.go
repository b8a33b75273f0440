package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// TestNotKnown holds that a field which is hidden or masked, and everything that tells
// of it, is to a query what a field that does not exist is.
func TestNotKnown(t *testing.T) {
	t.Parallel()
	visible := Treatment{As: Visible}
	tests := []struct {
		name  string
		grant Grant
		gone  []string // what cannot be asked, where a record's field could
		stays []string
	}{
		{
			"a field, its sub-field, alias and label, the object around it, and where it is copied to",
			Grant{Fields: as(Hidden, "patient.name"), Others: visible},
			[]string{`patient.name ~ a`, `patient.name.keyword = a`, `who ~ a`, `WHO ~ a`, `"Name of patient" ~ a`, `PATIENT.NAME ~ a`,
				`patient IS EMPTY`, `everything ~ a`, `status = a ORDER BY who`},
			[]string{`patient.phone = 1`, `patient.sex = f`, `mobile = 1`, `notes ~ a`, `status WAS open`, `visitId = 1 ORDER BY status`},
		},
		{
			"a masked field is not known either",
			Grant{Fields: as(Pseudonym, "patient.phone"), Others: visible},
			[]string{`patient.phone = 1`, `mobile = 1`, `patient IS NOT EMPTY`},
			[]string{`who ~ a`, `everything ~ a`},
		},
		{
			"a sub-field takes its field with it",
			Grant{Fields: as(Hidden, "patient.name.keyword"), Others: visible},
			[]string{`patient.name ~ a`, `patient.name.keyword = a`, `patient IS EMPTY`, `everything ~ a`},
			[]string{`patient.phone = 1`},
		},
		{
			"a rule may name an alias",
			Grant{Fields: as(Hidden, "mobile"), Others: visible},
			[]string{`patient.phone = 1`, `mobile = 1`},
			[]string{`who ~ a`},
		},
		{
			"a nested object that holds it",
			Grant{Fields: as(Hidden, "drugs.dose"), Others: visible},
			[]string{`drugs.dose = 1`, `drugs IS EMPTY`},
			[]string{`drugs.name = a`},
		},
		{
			"all inside of an object",
			Grant{Fields: as(Hidden, "patient"), Others: visible},
			[]string{`patient.sex = f`, `patient.name ~ a`, `who ~ a`, `patient IS EMPTY`},
			[]string{`age = 1`},
		},
		{
			"the keys of a flattened field",
			Grant{Fields: as(Hidden, "details"), Others: visible},
			[]string{`details.colour = red`, `details IS EMPTY`, `extra.colour = red`, `extra IS EMPTY`, `DETAILS.colour = red`},
			[]string{`age = 1`},
		},
		{
			"one key of a flattened field",
			Grant{Fields: as(Hidden, "details.ssn"), Others: visible},
			[]string{`details.ssn = 1`, `extra.ssn = 1`, `details.ssn.last = 1`, `details IS EMPTY`, `extra IS NOT EMPTY`, `Details.ssn = 1`},
			[]string{`details.colour = red`, `extra.colour = red`, `Details.colour = red`},
		},
		{
			"a key by the alias of its field",
			Grant{Fields: as(Hidden, "extra.ssn"), Others: visible},
			[]string{`details.ssn = 1`, `extra.ssn = 1`},
			[]string{`details.colour = red`},
		},
		{
			"a key by a pattern",
			Grant{Fields: as(Hidden, "*.ssn"), Others: visible},
			[]string{`details.ssn = 1`, `details.card.ssn = 1`, `details IS EMPTY`},
			[]string{`details.colour = red`, `patient.sex = f`},
		},
		{
			"only one key",
			Grant{Fields: as(Visible, "details.colour", "age")},
			[]string{`details.ssn = 1`, `details IS EMPTY`, `status = a`},
			[]string{`details.colour = red`, `extra.colour = red`, `age = 1`},
		},
		{
			"a history that records its changes",
			Grant{Fields: as(Hidden, "email"), Others: visible},
			[]string{`email = a`, `log.from = a`, `log.to = a`, `log.field = email`, `log.at > -1d`, `log.author = a`, `log IS EMPTY`},
			[]string{`ward WAS a`, `moves.old = a`, `status = a`},
		},
		{
			"the author of changes",
			Grant{Fields: as(Hidden, "log.author"), Others: visible},
			[]string{`log.author = a`, `log IS EMPTY`},
			[]string{`log.from = a`, `status WAS open`, `status CHANGED AFTER -1d`},
		},
		{
			"personal data",
			Grant{Personal: &Treatment{As: Hidden}, Others: visible},
			[]string{`patient.name ~ a`, `patient.phone = 1`, `mobile = 1`, `notes ~ a`, `everything ~ a`},
			[]string{`patient.sex = f`},
		},
		{
			"a record's own fields",
			Grant{Fields: as(Pseudonym, "_id", "_index"), Others: visible},
			[]string{`_id = a`, `_ID = a`, `_index = a`, `status = a ORDER BY _id`},
			[]string{`visitId = a`},
		},
		{
			"what no rule shows",
			Grant{Fields: as(Visible, "age")},
			[]string{`status = a`, `patient.name ~ a`, `details.x = 1`, `log.from = a`, `undeclared = 1`},
			[]string{`age = 1`},
		},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := viewOf(t, c.grant)
			bare, err := record.ParseSchema(v.Schema().Index, []byte(toJSON(t, v.Schema())))
			require.NoError(t, err, "the schema of the view is a mapping")
			for _, query := range c.gone {
				_, err := asked(v, query)
				require.Error(t, err, query)
				require.Contains(t, complaint(t, err), "unknown field", query)
				if strings.Contains(query, "EMPTY") || strings.HasPrefix(query, "_") || strings.HasSuffix(query, "_id") {
					continue // the bare schema has the object, and every record its _id
				}
				if strings.Contains(query, ".ssn") || c.name == "only one key" {
					continue // and every key of a flattened field
				}
				_, same := jql.Resolve(t.Context(), mustParse(t, query), []*record.Schema{bare}, testOptions())
				require.EqualError(t, same, err.Error(), "as in an index without the field")
			}
			for _, query := range c.stays {
				_, err := asked(v, query)
				require.NoError(t, err, query)
			}
		})
	}
}

func mustParse(t require.TestingT, query string) *jql.Query {
	q, err := jql.Parse(query, nil)
	require.NoError(t, err)
	return q
}

// TestHistoryIsGone holds that WAS and CHANGED complain as for a field without a history.
func TestHistoryIsGone(t *testing.T) {
	t.Parallel()
	v := viewOf(t, Grant{Fields: as(Hidden, "email"), Others: Treatment{As: Visible}})
	_, err := asked(v, `status WAS open`)
	require.Equal(t, `the operator "WAS" needs the changes of the field "status", and index "pb-visits" declares no history for it`, complaint(t, err))
	v = viewOf(t, Grant{Fields: as(Hidden, "log.author"), Others: Treatment{As: Visible}})
	_, err = asked(v, `status CHANGED BY asha`)
	require.Equal(t, `the history of "status" does not say who made a change`, complaint(t, err))
}

// TestNotSuggested holds that no complaint and no completion names what is hidden.
func TestNotSuggested(t *testing.T) {
	t.Parallel()
	v := viewOf(t, Grant{Fields: as(Hidden, "patient.*", "email", "details.ssn"), Others: Treatment{As: Visible}})
	for _, query := range []string{`emial = a`, `patient.nam ~ a`, `patient.phne = 1`, `whoo = 1`, `mobil = 1`, `"name of patien" = 1`, `log.form = 1`, `phone = 1`} {
		_, err := asked(v, query)
		require.NotContains(t, complaint(t, err), "did you mean", query)
	}
	for _, text := range []string{"", "pat", "e", "who", "mob", "log", "log.", "Name", "details."} {
		all, err := jql.Complete(t.Context(), text, len(text), []*record.Schema{v.Schema()}, nil)
		require.NoError(t, err)
		for _, c := range all {
			for _, hidden := range []string{"patient", "email", "who", "mobile", "log", "ssn", "everything"} {
				require.NotContains(t, c.Text+" "+c.Detail, hidden, text)
			}
		}
	}
}

// TestSchemaSaysNothing holds that the view's schema, and its mapping, do not name what is hidden.
func TestSchemaSaysNothing(t *testing.T) {
	t.Parallel()
	v := viewOf(t, Grant{Fields: as(Hidden, "patient.name", "visitId", "email", "details", "odd"), Others: Treatment{As: Visible}})
	s := v.Schema()
	require.Nil(t, s.Key)
	require.Empty(t, s.Unknown)
	require.Len(t, s.Histories, 1)
	text := toJSON(t, s)
	for _, hidden := range []string{"Name of patient", "name.keyword", `"who"`, "visitId", "email", "details", "extra", "odd", "sparkline", "copy_to", "everything", `"log"`} {
		require.NotContains(t, text, hidden)
	}
	for _, kept := range []string{`"mobile"`, `"patient"`, `"phone"`, `"District"`, `"moves"`, `"label":"Visits"`} {
		require.Contains(t, text, kept)
	}
	p, err := asked(v, `status = a`)
	require.NoError(t, err)
	require.Equal(t, "_id", p.Order[len(p.Order)-1].Field.Path, "without its key an order ends in _id")
}

// TestIDs holds that ids go the way of the key whose values they may be.
func TestIDs(t *testing.T) {
	t.Parallel()
	visible := Treatment{As: Visible}
	hide := viewOf(t, Grant{Fields: as(Hidden, "visitId"), Others: visible})
	require.Empty(t, hide.ID("v1"))
	require.False(t, hide.Shown(fieldOf(t, "_id")))

	v := viewOf(t, Grant{Fields: as(Pseudonym, "visitId"), Others: visible})
	want := v.Mask(nil, fieldOf(t, "visitId"), []record.Value{record.StringValue("v1")})[0].Text()
	require.Equal(t, want, v.ID("v1"), "the same pseudonym as the key")
	require.NotEqual(t, "v1", want)
	p, err := asked(v, `age = 1`)
	require.NoError(t, err)
	require.Equal(t, "_id", p.Order[len(p.Order)-1].Field.Path, "an order still ends in _id, which only no query can name")

	named := viewOf(t, Grant{Fields: append(as(Hidden, "visitId"), as(Visible, "_id")...), Others: visible})
	require.Equal(t, "v1", named.ID("v1"))
	first := viewOf(t, Grant{Fields: []FieldRule{{Fields: []string{"_id"}, Show: Treatment{As: First, Length: 1}}}, Others: visible})
	require.Equal(t, "v", first.ID("v1"))
	require.Equal(t, "v1", viewOf(t, Grant{Others: visible}).ID("v1"))
	require.Equal(t, "***", viewOf(t, Grant{Fields: as(Constant, "_id"), Others: visible}).ID("v1"))
	both := viewOf(t, Grant{Fields: as(Pseudonym, "visitId"), Others: visible, Rows: "age = 1"}, Grant{Fields: as(Pseudonym, "visitId"), Others: visible, Rows: "age = 2"})
	require.Equal(t, want, both.ID("v1"))
}

// TestShown says what is shown, besides what may be asked.
func TestShown(t *testing.T) {
	t.Parallel()
	v := viewOf(t, Grant{Fields: append(as(Pseudonym, "patient.phone"), as(Hidden, "patient.name")...), Others: Treatment{As: Visible}})
	for path, want := range map[string][2]bool{
		"age": {true, false}, "patient.phone": {true, true}, "patient.name": {false, false}, "patient.name.keyword": {false, false},
		"patient": {false, false}, "drugs": {false, false}, "drugs.dose": {true, false}, "odd": {false, false}, "details": {true, false},
		"details.x": {true, false}, "place": {true, false}, "everything": {false, false}, "_id": {true, false}, "_index": {true, false},
	} {
		f := fieldOf(t, path)
		require.Equal(t, want, [2]bool{v.Shown(f), v.Masked(f)}, path)
	}
	require.False(t, v.Plain())
	require.Empty(t, v.Mask(nil, fieldOf(t, "patient.name"), []record.Value{record.StringValue("Asha")}))
	all := viewOf(t, Grant{Others: Treatment{As: Visible}})
	require.True(t, all.Plain())
	require.Same(t, all.Full(), all.Schema())
	for f := range visits.All() {
		require.True(t, all.Shown(f) && !all.Masked(f), f.Path)
	}
	every := viewOf(t, Grant{Fields: as(Visible, "*", "odd", "patient", "drugs", "log", "moves")})
	require.False(t, every.Plain(), "what is not declared is hidden")
	for f := range visits.All() {
		require.True(t, every.Shown(f) && !every.Masked(f), f.Path)
	}
	inside := viewOf(t, Grant{Fields: append(as(Visible, "patient"), as(Hidden, "patient.secret")...), Others: Treatment{As: Visible}})
	require.False(t, inside.Shown(fieldOf(t, "patient")), "it may hold what is not declared and is hidden")
	require.True(t, inside.Shown(fieldOf(t, "patient.name")))
}
