package exporttest

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// taskMapping is a piece of DIGIT's project-task index: the twelve columns that reports show.
const taskMapping = `{"properties":{"Data":{"properties":{
	"taskId":{"type":"keyword"},"administrationStatus":{"type":"keyword"},"userName":{"type":"keyword"},"age":{"type":"integer"},
	"quantity":{"type":"long"},"isDelivered":{"type":"boolean"},"createdTime":{"type":"date"},
	"taskDates":{"type":"date","format":"yyyy-MM-dd"},"latitude":{"type":"double"},"longitude":{"type":"double"},
	"boundaryHierarchy":{"properties":{"state":{"type":"keyword"},"lga":{"type":"keyword"}}}}}}}`

var taskColumns = []string{"Data.taskId", "Data.administrationStatus", "Data.userName", "Data.age", "Data.quantity", "Data.isDelivered",
	"Data.createdTime", "Data.taskDates", "Data.latitude", "Data.longitude", "Data.boundaryHierarchy.state", "Data.boundaryHierarchy.lga"}

// Tasks returns n records of twelve columns, to keep: it is what formats are measured with.
func Tasks(tb testing.TB, n int) []*record.Record {
	tb.Helper()
	schema, err := record.ParseSchema("project-task-index-v1", []byte(taskMapping))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := schema.Project(taskColumns...)
	if err != nil {
		tb.Fatal(err)
	}
	d := record.NewDecoder(p)
	var all []*record.Record
	for i := range n {
		var r record.Record
		doc := fmt.Sprintf(`{"Data":{"taskId":"PT-2026-06-03-%06d-77120431","administrationStatus":"ADMINISTRATION_SUCCESS","userName":"USR-2026-%06d",`+
			`"age":%d,"quantity":%d,"isDelivered":%t,"createdTime":%d,"taskDates":"2026-06-%02d","latitude":11.99%07d,"longitude":8.59%07d,`+
			`"boundaryHierarchy":{"state":"Kano State, Nigeria","lga":"Nassarawa Local Government"}}}`,
			i, i%1000, i%60, i%3, i%2 == 0, 1780473600123+i*1000, i%28+1, i*7919%10000000, i*104729%10000000)
		if err := d.Decode([]byte(doc), &r); err != nil {
			tb.Fatal(err)
		}
		all = append(all, r.Clone())
	}
	return all
}

// Benchmark measures a format, and reports how many records it takes in a second.
func Benchmark(b *testing.B, f *export.Format) {
	records := Tasks(b, 1000)
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		b.Fatal(err)
	}
	e, err := f.NewEncoder(io.Discard, export.Columns(nil, records[0].Projection()), &export.Options{Zone: kolkata})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := e.Encode(records[i%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
