package bulk_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
)

// FuzzReader holds that every document is counted once, sound or refused, and that
// files without actions are read line by line as record.ReadNDJSON reads them.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		"\xef\xbb\xbf" + `{"_id":"a","_source":{"age":3}}` + "\r\n\n" + `{"age":"x"}`,
		`{"index":{"_id":"a"}}` + "\n" + `{"age":4}` + "\n" + `{"delete":{"_id":"a"}}`,
		` { "_x" : 1, "_source" : {"name":["a","b"]} } ` + "\n" + `{"_source.a":1}` + "\n" + `{"_source":{}},"x":{}`,
		`{"name":"é"}` + "\n" + `{"name":"\ud83d"}` + "\n[]\n" + `{"_\u0069d":"a","_source":{}}`,
		zip(f, `{"age":5}`), zst(f, `{"age":5}`),
	} {
		f.Add([]byte(text))
	}
	s := parse(f, mapping)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := bulk.NewReader(bytes.NewReader(data), s, &bulk.Options{MaxLine: 1 << 16})
		if err != nil {
			return
		}
		defer r.Close()
		packed := bytes.HasPrefix(data, []byte("\x1f\x8b")) || bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")) || bytes.HasPrefix(data[min(1, len(data)):], []byte("\x2a\x4d\x18"))
		pairs := bytes.Contains(data, []byte("index")) || bytes.Contains(data, []byte("create")) || bytes.Contains(data, []byte("update")) ||
			bytes.Contains(data, []byte("delete")) || bytes.Contains(data, []byte(`\u`)) // an action may be written with escapes
		lines := bytes.Split(data, []byte("\n"))
		sound, refused := int64(0), int64(0)
		refuse := func(refusal search.Refusal) {
			refused++
			if !packed && !pairs && !strings.Contains(refusal.Reason, "_id is") && !strings.Contains(refusal.Reason, "longer than") &&
				!strings.Contains(refusal.Reason, ": _id: ") { // ReadNDJSON overlooks an _id that is none
				_, err := readLine(s, lines[refusal.Place-1], refusal.Place)
				require.Error(t, err, refusal.Reason)
			}
		}
		for doc := range r.All(refuse) {
			sound++
			require.NotEmpty(t, doc.Record.ID)
			if packed || pairs {
				continue
			}
			want, err := readLine(s, lines[doc.Place-1], doc.Place)
			require.NoError(t, err)
			require.Equal(t, strings.Trim(string(want.Source()), " \t\r"), string(doc.Record.Source()))
			if want.ID != "1" {
				require.Equal(t, want.ID, doc.Record.ID)
			}
			for i := range want.Projection().Fields() {
				require.Equal(t, fmt.Sprint(want.Values(i)), fmt.Sprint(doc.Record.Values(i)))
			}
		}
		require.Equal(t, r.Refused(), refused)
		require.Equal(t, r.Documents(), sound+refused)
	})
}

// readLine reads one line of a text.
func readLine(s *record.Schema, line []byte, number int64) (*record.Record, error) {
	columns, err := s.ProjectAll()
	if err != nil {
		return nil, err
	}
	if number > 1 && bytes.HasPrefix(line, []byte("\xef\xbb\xbf")) { // a mark belongs to the text, not to a line
		line = append([]byte(" "), line...)
	}
	for r, err := range record.ReadNDJSON(bytes.NewReader(line), "", columns) {
		if err != nil {
			return nil, err
		}
		return r.Clone(), nil
	}
	return &record.Record{}, nil
}

func BenchmarkReader(b *testing.B) {
	s := parse(b, `{"properties": {"name": {"type": "keyword"}, "ward": {"type": "keyword"}, "age": {"type": "integer"}, "at": {"type": "date"}, "temp": {"type": "double"},
		"note": {"type": "text"}, "codes": {"type": "keyword"}, "place": {"properties": {"district": {"type": "keyword"}, "block": {"type": "keyword"}}}}}`)
	const doc = `{"name":"Asha Devi","ward":"W-17","age":34,"at":"2024-03-01T09:30:00Z","temp":37.25,"note":"` +
		`fever since three days, cough, no rash; advised rest and fluids, review on Monday if the fever has not gone down by then and the cough is worse` +
		`","codes":["R50.9","R05","Z00.0"],"place":{"district":"Raichur","block":"Manvi"},"worker":{"uuid":"9f1c2f8e-0d36-4f0c-9a55-2d2f3e1b7c11","role":"asha"},` +
		`"audit":{"created":1709285400000,"by":"9f1c2f8e-0d36-4f0c-9a55-2d2f3e1b7c11"}}`
	for name, line := range map[string]string{
		"plain": doc + "\n", "hit": `{"_index":"visits","_id":"0123456789","_source":` + doc + "}\n", "bulk": `{"index":{"_index":"visits","_id":"0123456789"}}` + "\n" + doc + "\n",
	} {
		text := strings.Repeat(line, 1000)
		for kind, file := range map[string]string{"": text, "-gzip": zip(b, text), "-zstd": zst(b, text)} {
			b.Run(name+kind, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					r, err := bulk.NewReader(strings.NewReader(file), s, nil)
					require.NoError(b, err)
					n := 0
					for range r.All(func(search.Refusal) {}) {
						n++
					}
					require.Equal(b, 1000, n)
					r.Close()
				}
				b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "docs/s")
			})
		}
	}
}
