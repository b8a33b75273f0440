package record

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const lookupMapping = `{"properties":{
	"Data":{"properties":{"administrationStatus":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"userName":{"type":"keyword"},
		"labels":{"type":"flattened","ignore_above":5},"id":{"type":"keyword"},"address":{"properties":{"city":{"type":"keyword"}}}}},
	"id":{"type":"keyword"},"city":{"type":"keyword"},"Gender":{"type":"keyword"},"gender":{"type":"keyword"},"sex":{"type":"keyword"}},
	"_meta":{"dhr":{"aliases":{"status":"Data.administrationStatus","place":["city","Data.address.city"],"GENDER2":"gender","tags":"Data.labels"},
		"labels":{"Data.labels":"Marks","Data.userName":"Health worker","sex":"Status","Data.address.city":"Town","city":"town"}}}}`

func lookupSchema(t *testing.T) *Schema {
	s, err := ParseSchema("i", []byte(lookupMapping))
	require.NoError(t, err)
	return s
}

func TestLookup(t *testing.T) {
	s := lookupSchema(t)
	for name, want := range map[string][]string{
		"Data.userName":                     {"Data.userName"},
		"data.username":                     {"Data.userName"},
		"DATA.ADMINISTRATIONSTATUS.KEYWORD": {"Data.administrationStatus.keyword"},
		"status":                            {"Data.administrationStatus"}, // before the label Status
		"STATUS":                            {"Data.administrationStatus"},
		"health WORKER":                     {"Data.userName"},
		"gender":                            {"gender"},
		"Gender":                            {"Gender"},
		"GENDER":                            {"Gender", "gender"},
		"gender2":                           {"gender"},
		"place":                             {"Data.address.city", "city"},
		"Town":                              {"Data.address.city", "city"},
		"userName":                          nil,
		"":                                  nil,
		"_id":                               {"_id"},
		"_ID":                               {"_id"},
		"_index":                            {"_index"},
		"Data.labels.Foo.bar":               {"Data.labels.Foo.bar"},
		"data.LABELS.Foo":                   {"Data.labels.Foo"},
		"tags.Foo.bar":                      {"Data.labels.Foo.bar"},
		"MARKS.Foo":                         {"Data.labels.Foo"},
		"Data.labels.":                      nil,
		"Data.userName.x":                   nil,
	} {
		var got []string
		for _, f := range s.Lookup(name) {
			got = append(got, f.Path)
		}
		require.Equal(t, want, got, "%q", name)
	}
}

func TestMetaFields(t *testing.T) {
	s := lookupSchema(t)
	for _, path := range []string{"_id", "_index"} {
		f := s.Field(path)
		require.Equal(t, String, f.Kind)
		require.True(t, f.Ordered && f.Searchable)
		for g := range s.All() {
			require.NotSame(t, f, g)
		}
	}
	require.Nil(t, s.Field("data.username"))
	require.Nil(t, s.Field("status"))
	require.Nil(t, s.Field("data.LABELS.Foo"))
	require.Nil(t, s.Field("tags.Foo"))
	_, err := s.Project("DATA.labels.Foo")
	require.EqualError(t, err, `record: schema of "i": DATA.labels.Foo: no such field; did you mean "Data.labels.Foo"?`)
	_, err = s.Project("status")
	require.EqualError(t, err, `record: schema of "i": status: no such field; did you mean "Data.administrationStatus"?`)
}

func TestFlattenedKeys(t *testing.T) {
	s := lookupSchema(t)
	f := s.Field("Data.labels.team")
	require.Equal(t, "Data.labels.team", f.Source)
	require.Equal(t, String, f.Kind)
	require.Equal(t, 5, f.IgnoreAbove)
	require.True(t, f.Searchable)

	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 1000 {
				if s.Field("Data.labels.team") != f {
					panic("another pointer")
				}
				s.Field(fmt.Sprintf("Data.labels.k%d", i))
			}
		}()
	}
	wg.Wait()
	runtime.KeepAlive(f)
}

// The fields of keys that nobody holds any more take no memory.
func TestFlattenedKeysAreForgotten(t *testing.T) {
	s := lookupSchema(t)
	held := s.Field("Data.labels.held")
	for i := range 10_000 {
		s.Field(fmt.Sprintf("Data.labels.k%d", i))
	}
	size := func() int {
		s.own.keys.mu.Lock()
		defer s.own.keys.mu.Unlock()
		return len(s.own.keys.m)
	}
	for range 100 {
		if runtime.GC(); size() == 1 {
			break
		}
		runtime.Gosched()
	}
	require.Less(t, size(), 10_000)
	require.Same(t, held, s.Field("Data.labels.held"))
}

func TestNearest(t *testing.T) {
	s := lookupSchema(t)
	for name, want := range map[string]string{
		"administrationStatus":     "Data.administrationStatus",
		"administratoinStatus":     "Data.administrationStatus",
		"Data.adminstrationStatus": "Data.administrationStatus",
		"USERNAME":                 "Data.userName",
		"statsu":                   "status",
		"helth worker":             "Data.userName",
		"gendr":                    "Gender",
		"id":                       "id",
		"labels":                   "Data.labels",
		"xyz":                      "",
		"":                         "",
	} {
		require.Equal(t, want, s.Nearest(name), "%q", name)
	}
}

// A field may be called like its type; only _id and _index are no fields of the mapping.
func TestFieldNamedLikeItsType(t *testing.T) {
	s, err := ParseSchema("a", []byte(`{"_meta": {"dhr": {"labels": {"ip": "Address"}, "personal": ["date"]}},
		"properties": {"ip": {"type": "ip"}, "date": {"type": "date"}}}`))
	require.NoError(t, err)
	require.Equal(t, "Address", s.Field("ip").Label)
	require.True(t, s.Field("date").Personal)
	_, err = ParseSchema("a", []byte(`{"_meta": {"dhr": {"labels": {"_id": "x"}}}, "properties": {}}`))
	require.ErrorContains(t, err, "no such field")
}

func TestNearestOfNames(t *testing.T) {
	t.Parallel()
	names := []string{"health-data-patients", "health-data-visits", "project-task-index-v1", "stock-index-v1", "Staff"}
	for name, want := range map[string]string{
		"health-data-visit": "health-data-visits", "Health-Data-Patinets": "health-data-patients", "visits": "health-data-visits", "vists": "health-data-visits",
		"stafff": "Staff", "v1": "", "v2": "", "": "", "nothing": "", strings.Repeat("visits", 30): "", "\xff": "", "project-task-index": "project-task-index-v1",
	} {
		require.Equal(t, want, Nearest(name, names), "%q", name)
	}
	require.Empty(t, Nearest("visits", nil))
}
