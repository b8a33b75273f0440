package record

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// taskMapping is a piece of DIGIT's project-task index: fourteen leaves.
const taskMapping = `{"mappings":{"properties":{"Data":{"properties":{
	"id":{"type":"keyword"},"taskId":{"type":"keyword"},"taskType":{"type":"keyword"},
	"administrationStatus":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}},
	"userName":{"type":"keyword"},"age":{"type":"integer"},"quantity":{"type":"long"},"isDelivered":{"type":"boolean"},
	"createdTime":{"type":"date","format":"epoch_millis"},"taskDates":{"type":"date","format":"yyyy-MM-dd"},
	"latitude":{"type":"double"},"longitude":{"type":"double"},
	"boundaryHierarchy":{"properties":{"state":{"type":"keyword"},"lga":{"type":"keyword"}}}}}}}}`

// taskDocument is one of its documents, about 500 bytes with its fourteen values.
const taskDocument = `{"Data":{"id":"0a1c6a7e-6f8f-4a57-9c3e-5b1d2f3e4a5b","taskId":"PT-2026-06-03-000315-77120431-delivery",` +
	`"taskType":"DELIVERY","administrationStatus":"ADMINISTRATION_SUCCESS","userName":"USR-2026-004417","age":41,` +
	`"quantity":2,"isDelivered":true,"createdTime":1780473600123,"taskDates":"2026-06-03","latitude":11.998273645,` +
	`"longitude":8.591827364,"boundaryHierarchy":{"state":"Kano State of Nigeria","lga":"Nassarawa Local Government"}}}`

var taskColumns = []string{"Data.taskId", "Data.administrationStatus", "Data.age", "Data.quantity", "Data.isDelivered",
	"Data.createdTime", "Data.taskDates", "Data.boundaryHierarchy.lga"}

func taskDecoder(tb testing.TB) *Decoder {
	s, err := ParseSchema("project-task-index-v1", []byte(taskMapping))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := s.Project(taskColumns...)
	if err != nil {
		tb.Fatal(err)
	}
	return NewDecoder(p)
}

// BenchmarkDecode reads 8 of 14 fields, and reports how many times faster that
// is than encoding/json into a map: the two take turns, so that other work on
// the machine weighs on both alike.
func BenchmarkDecode(b *testing.B) {
	d, doc := taskDecoder(b), []byte(taskDocument)
	var r Record
	decode := func() {
		if err := d.Decode(doc, &r); err != nil {
			b.Fatal(err)
		}
	}
	decode()
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		decode()
	}
	b.ReportMetric(turns(decode, func() {
		var m map[string]any
		if err := json.Unmarshal(doc, &m); err != nil {
			b.Fatal(err)
		}
	}), "x_json")
}

// turns returns how many times longer the slow function takes.
func turns(fast, slow func()) float64 {
	var times [2]time.Duration
	for range 200 {
		for i, do := range []func(){fast, slow} {
			start := time.Now()
			for range 100 {
				do()
			}
			times[i] += time.Since(start)
		}
	}
	return float64(times[1]) / float64(times[0])
}

func BenchmarkReadNDJSON(b *testing.B) {
	p := taskDecoder(b).p
	text := strings.Repeat(taskDocument+"\n", 1000)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, err := range ReadNDJSON(strings.NewReader(text), "", p) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkParseDate(b *testing.B) {
	for name, text := range map[string]string{"day": "2026-06-03", "instant": "2026-06-03T08:30:15.123Z", "millis": "1780473600123",
		"zone": "2026-06-03T08:30:15+05:30"} {
		f := field(b, `{"type":"date"}`)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseSchema(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSchema("", []byte(taskMapping)); err != nil {
			b.Fatal(err)
		}
	}
}

// field returns the field f of a mapping that has it alone.
func field(tb testing.TB, definition string) *Field {
	tb.Helper()
	s, err := ParseSchema("test", []byte(`{"properties":{"f":`+definition+`}}`))
	if err != nil {
		tb.Fatal(err)
	}
	return s.Field("f")
}
