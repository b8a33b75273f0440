package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

// A vandal changes a chain of five blocks with one entry each behind the back of the log.
type vandal struct {
	t     *testing.T
	d     *memdoc.Driver
	chain []audit.Entry
	store *docstore.Store
}

func newVandal(t *testing.T) *vandal {
	v := &vandal{t: t, d: memdoc.New()}
	v.store = docstore.New(v.d)
	l := open(t, v.d)
	for i := range 5 {
		v.chain = append(v.chain, appendTo(t, l, audit.Entry{Tenant: "pb", User: "amara", Action: "query.run", Count: int64(i), Detail: map[string]string{"a": "b"}}))
	}
	require.NoError(t, l.Close())
	return v
}

// blocks are the documents of the chain.
func (v *vandal) blocks() []*docstore.Document {
	page, err := v.store.List(v.t.Context(), &docstore.Query{AllTenants: true, Kind: "audit"})
	require.NoError(v.t, err)
	return page
}

func (v *vandal) remove(i int) {
	d := v.blocks()[i]
	require.NoError(v.t, v.store.Delete(v.t.Context(), d.Key, d.Version))
}

// replace changes a block and leaves no trace of it in its version.
func (v *vandal) replace(i int, old, by string) {
	body := string(v.blocks()[i].Body)
	require.Contains(v.t, body, old)
	v.rewrite(i, strings.ReplaceAll(body, old, by))
}

func (v *vandal) rewrite(i int, body string) {
	d := v.blocks()[i]
	v.remove(i)
	d.Body = json.RawMessage(body)
	_, err := v.store.Put(v.t.Context(), d, 0)
	require.NoError(v.t, err)
}

// Every way to change a chain is found, at the first entry that is not as it was.
func TestVerifyFindsEveryBreak(t *testing.T) {
	t.Parallel()
	head := docstore.Key{Tenant: "_audit", Kind: "audit-head", ID: "head"}
	for name, c := range map[string]struct {
		spoil func(v *vandal)
		seq   int64
		says  string
	}{
		"a count":         {func(v *vandal) { v.replace(2, `"count":2`, `"count":7`) }, 3, "entry 3 was changed"},
		"a user":          {func(v *vandal) { v.replace(2, `"amara"`, `"ravi"`) }, 3, "entry 3 was changed"},
		"a detail":        {func(v *vandal) { v.replace(2, `{"a":"b"}`, `{"a":"c"}`) }, 3, "entry 3 was changed"},
		"no details":      {func(v *vandal) { v.replace(2, `"detail":{"a":"b"},`, ``) }, 3, "entry 3 was changed"},
		"a time":          {func(v *vandal) { v.replace(2, "08:02", "07:02") }, 3, "entry 3 was changed"},
		"a number":        {func(v *vandal) { v.replace(2, `"seq":3`, `"seq":4`) }, 3, "does not begin with the entry of its name"},
		"a hash":          {func(v *vandal) { v.replace(2, v.chain[2].Hash, v.chain[1].Hash) }, 3, "entry 3 was changed"},
		"the last":        {func(v *vandal) { v.replace(4, `"count":4`, `"count":5`) }, 5, "entry 5 was changed"},
		"the first":       {func(v *vandal) { v.replace(0, `"amara"`, `"ravi"`) }, 1, "entry 1 was changed"},
		"a field more":    {func(v *vandal) { v.replace(2, `"format":1`, `"format":1,"note":2`) }, 3, "unknown field"},
		"no entries":      {func(v *vandal) { v.rewrite(2, `{"format":1,"entries":[],"latest":"2026-11-27T08:02:00Z"}`) }, 3, "does not begin"},
		"no block":        {func(v *vandal) { v.rewrite(2, `{}`) }, 3, "does not begin"},
		"not an entry":    {func(v *vandal) { v.rewrite(2, `{"format":1,"entries":[3],"latest":"2026-11-27T08:02:00Z"}`) }, 3, "cannot unmarshal"},
		"the latest time": {func(v *vandal) { v.replace(2, `"latest":"2026-11-27T08:02:00Z"`, `"latest":"2026-11-27T09:02:00Z"`) }, 3, "latest time"},
		"a missing block": {func(v *vandal) { v.remove(2) }, 3, "entries 3 to 3 are missing"},
		"two missing":     {func(v *vandal) { v.remove(1); v.remove(1) }, 2, "entries 2 to 3 are missing"},
		"the first gone":  {func(v *vandal) { v.remove(0) }, 1, "entries 1 to 1 are missing"},
		"the end gone":    {func(v *vandal) { v.remove(4); v.remove(3) }, 4, "entries 4 to 5 are missing at the end"},
		"everything gone": {func(v *vandal) {
			for range 5 {
				v.remove(0)
			}
		}, 1, "entries 1 to 5 are missing at the end"},
		"a block more": {func(v *vandal) {
			d := v.blocks()[2]
			d.ID += "0"
			_, err := v.store.Put(t.Context(), d, 0)
			require.NoError(t, err)
		}, 4, "there is a block"},
		"written again": {func(v *vandal) {
			d := v.blocks()[2]
			_, err := v.store.Put(t.Context(), d, 1)
			require.NoError(t, err)
		}, 3, "written 2 times"},
		"labels": {func(v *vandal) {
			d := v.blocks()[2]
			v.remove(2)
			d.Labels = d.Labels[1:]
			_, err := v.store.Put(t.Context(), d, 0)
			require.NoError(t, err)
		}, 3, "other labels"},
		"the note of the end": {func(v *vandal) {
			_, err := v.store.Update(t.Context(), head, func(d *docstore.Document) error {
				d.Body = json.RawMessage(fmt.Sprintf(`{"seq":5,"hash":%q}`, v.chain[3].Hash))
				return nil
			})
			require.NoError(t, err)
		}, 5, "another hash than was noted"},
		"an unreadable note": {func(v *vandal) {
			_, err := v.store.Update(t.Context(), head, func(d *docstore.Document) error {
				d.Body = json.RawMessage(`{"seq":"five"}`)
				return nil
			})
			require.NoError(t, err)
		}, 6, "the note of its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVandal(t)
			c.spoil(v)
			report, err := open(t, v.d).Verify(t.Context(), nil)
			require.NoError(t, err)
			require.NotNil(t, report.Break)
			require.Equal(t, c.seq, report.Break.Seq, report.Break.Reason)
			require.Contains(t, report.Break.Reason, c.says)
			require.Equal(t, c.seq-1, report.Entries)
		})
	}
}

// Who changes the note of the end as well, or makes a whole new chain, is found out by an
// end that was kept elsewhere, and by nothing else.
func TestKnownEnds(t *testing.T) {
	t.Parallel()
	v := newVandal(t)
	known := audit.Head{Seq: 5, Hash: v.chain[4].Hash}
	verify := func(known ...audit.Head) *audit.Report {
		report, err := open(t, v.d).Verify(t.Context(), &audit.VerifyOptions{Known: known})
		require.NoError(t, err)
		return report
	}
	require.Nil(t, verify(known, audit.Head{Seq: 3, Hash: v.chain[2].Hash}).Break)

	v.remove(4)
	key := docstore.Key{Tenant: "_audit", Kind: "audit-head", ID: "head"}
	d, err := v.store.Get(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, v.store.Delete(t.Context(), key, d.Version))
	report := verify()
	require.Nil(t, report.Break, "the chain alone cannot tell")
	require.Zero(t, report.Noted, "but this is told")
	require.Equal(t, &audit.Break{Seq: 5, Reason: "entries 5 to 5 are missing at the end"}, verify(known).Break)

	for range 4 {
		v.remove(0)
	}
	l := open(t, v.d)
	for range 5 {
		appendTo(t, l, audit.Entry{Tenant: "pb", User: "amara", Action: "query.run"})
	}
	require.NoError(t, l.Close())
	require.Nil(t, verify().Break, "a whole new chain")
	require.Equal(t, audit.Break{Seq: 5, Reason: "entry 5 has another hash than was noted when it was appended"}, *verify(known).Break)
}

// A log goes on behind entries that somebody cut off, so that the gap stays.
func TestAppendAfterTheEndWasCutOff(t *testing.T) {
	t.Parallel()
	v := newVandal(t)
	v.remove(4)
	v.remove(3)
	l := open(t, v.d)
	require.EqualValues(t, 6, appendTo(t, l, audit.Entry{Tenant: "pb", Action: "query.run"}).Seq)
	require.NoError(t, l.Close())
	report, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, &audit.Break{Seq: 4, Reason: "entries 4 to 5 are missing"}, report.Break)
}

// What is not as its hash says is not shown.
func TestListRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	v := newVandal(t)
	l := open(t, v.d)
	v.replace(2, `"count":2`, `"count":7`)
	_, err := l.List(t.Context(), &audit.Query{Tenant: "pb"})
	require.ErrorIs(t, err, audit.ErrBroken)
	found, err := l.List(t.Context(), &audit.Query{Tenant: "pb", Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []audit.Entry{v.chain[4], v.chain[3]}, found)
	v.rewrite(2, `{}`)
	_, err = l.List(t.Context(), &audit.Query{Tenant: "pb"})
	require.ErrorIs(t, err, audit.ErrBroken)
}

// A block of a later program is not judged by this one.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	v := newVandal(t)
	v.replace(4, `"format":1`, `"format":2`)
	l := open(t, v.d)
	_, err := l.Verify(t.Context(), nil)
	require.ErrorIs(t, err, docstore.ErrNewer)
	_, err = l.List(t.Context(), &audit.Query{Tenant: "pb"})
	require.ErrorIs(t, err, docstore.ErrNewer)
	_, err = l.Append(t.Context(), audit.Entry{Tenant: "pb", Action: "a"})
	require.ErrorIs(t, err, docstore.ErrNewer)
}

func TestVerifyTellsItsProgress(t *testing.T) {
	t.Parallel()
	v := newVandal(t)
	var told []int64
	_, err := open(t, v.d).Verify(t.Context(), &audit.VerifyOptions{Progress: func(n int64) { told = append(told, n) }})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, told)
}
