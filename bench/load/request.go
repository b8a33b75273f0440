package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

// A request is one as it is sent.
type request struct {
	text   string // for people
	wire   []byte
	expect string // what a good answer has near its beginning
}

// A kind is requests of one sort, each another question.
type kind struct {
	name   string
	about  string
	p50    float64 // the targets, in ms; 0 if there is none
	p99    float64
	all    []*request
	number int
}

// next returns the next request.
func (k *kind) next() *request {
	k.number++
	return k.all[(k.number-1)%len(k.all)]
}

// questions is how many different requests of a kind there are.
const questions = 4000

// kinds makes the requests.
func (p *plan) kinds(ctx context.Context, s *server) ([]*kind, error) {
	filters, err := s.filters(ctx)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a fixed seed is wanted
	host, records := s.address, `{"records":[`
	question := func(fields []string) func(i int) *request {
		return func(i int) *request {
			index, jql := ask(random, i)
			body := map[string]any{"jql": jql, "allowed_indexes": []string{index}, "max_results": 50, "count": "exact", "as_of": "2026-11-30T18:00:00Z"}
			if fields != nil {
				body["fields"] = fields
			}
			return p.post(host, "/v1/query", jql, records, body)
		}
	}
	return []*kind{
		many("query", "page of 50, all fields", 4, 30, question(nil)),
		many("query-1", "page of 50, 1 field", 4, 30, question([]string{"district"})),
		many("validate", "", 0.3, 0, func(i int) *request {
			index, jql := ask(random, i)
			return p.post(host, "/v1/query/validate", jql, `"valid":true`, map[string]any{"jql": jql, "allowed_indexes": []string{index}})
		}),
		many("complete", "a field or a value", 0, 0, func(i int) *request {
			index, jql := ask(random, i)
			jql = jql[:2+random.IntN(len(jql)-2)]
			for jql[len(jql)-1] >= 0x80 { // not within a character
				jql = jql[:len(jql)-1]
			}
			body := map[string]any{"jql": jql, "cursor": len([]rune(jql)), "allowed_indexes": []string{index}}
			return p.post(host, "/v1/jql/complete", jql, `"items":`, body)
		}),
		many("filter", "records of a saved filter", 0, 0, func(i int) *request {
			at := "/v1/filters/" + filters[i%len(filters)] + "/records?max_results=50&as_of=2026-11-30T18:00:00Z"
			return &request{at, []byte("GET " + at + " HTTP/1.1\r\nHost: " + host + "\r\n" + p.accept() + "\r\n"), records}
		}),
	}, nil
}

func many(name, about string, p50, p99 float64, one func(i int) *request) *kind {
	k := &kind{name: name, about: about, p50: p50, p99: p99}
	for i := range questions {
		k.all = append(k.all, one(i))
	}
	return k
}

func (p *plan) accept() string {
	if p.gzip {
		return "Accept-Encoding: gzip\r\n"
	}
	return ""
}

func (p *plan) post(host, path, text, expect string, body any) *request {
	b, _ := json.Marshal(body) // it is of strings and numbers
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, host, p.accept(), len(b))
	return &request{text, append([]byte(head), b...), expect}
}

// filters returns the ids of the saved filters of the sample.
func (s *server) filters(ctx context.Context) ([]string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/v1/filters?owner=all", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read only
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var page struct {
		Filters []struct {
			ID string `json:"id"`
		} `json:"filters"`
	}
	if err := json.Unmarshal(text, &page); err != nil || len(page.Filters) == 0 {
		return nil, fmt.Errorf("no filters in %s: %w", text[:min(len(text), 300)], err)
	}
	var ids []string
	for _, f := range page.Filters {
		ids = append(ids, f.ID)
	}
	return ids, nil
}

// ask returns the ith question and the index to which it is put; its values are random.
func ask(random *rand.Rand, i int) (index, jql string) {
	index, jql, _ = strings.Cut(shapes[i%len(shapes)], ": ")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(jql, "{")
		b.WriteString(before)
		if !found {
			return index, b.String()
		}
		name, rest, _ := strings.Cut(rest, "}")
		b.WriteString(value(random, name))
		jql = rest
	}
}

// shapes are what is asked of the sample, the names in braces standing for values.
var shapes = []string{
	"health-data-visits: diagnosis ~ {disease} AND age < {age} ORDER BY date DESC",
	"health-data-visits: icd10 = {icd10} AND district = {district} AND date >= {day}",
	"health-data-visits: district IN ({district}, {district}) AND age >= {age} ORDER BY date",
	"health-data-visits: severity = severe AND date >= {day} ORDER BY date DESC",
	"health-data-visits: symptoms IN ({symptom}, {symptom}) AND gender = {gender} AND age <= {age}",
	"health-data-visits: notes ~ {disease} AND date < {day} ORDER BY age DESC",
	"health-data-visits: date >= -{age}d AND type = outpatient ORDER BY district, date DESC",
	"health-data-visits: medicine = Paracetamol AND age = {age} ORDER BY date DESC",
	"health-data-patients: district = {district} AND gender = {gender} AND age > {age} ORDER BY age, id",
	"health-data-patients: name ~ {name} AND age >= {age}",
	"health-data-patients: phone IS EMPTY AND last_visit >= {day} ORDER BY last_visit DESC",
	"health-data-treatments: status = {status} AND started_at >= {day} ORDER BY started_at DESC",
	"health-data-treatments: status WAS active BEFORE {day} AND status = {status}",
	"health-data-outcomes: fatal = \"false\" AND recorded_at < {day} AND days > {age} ORDER BY recorded_at DESC",
	"health-data-analytics: district = {district} AND kind = {figures} ORDER BY month DESC",
	"project-task-index-v1: district = {district} AND date >= {day} AND status = ADMINISTRATION_SUCCESS ORDER BY date DESC",
}

func value(random *rand.Rand, name string) string {
	pick := func(of string) string {
		words := strings.Fields(of)
		return words[random.IntN(len(words))]
	}
	switch name {
	case "age":
		return fmt.Sprint(1 + random.IntN(80))
	case "day":
		return fmt.Sprintf("%d-%02d-%02d", 2025+random.IntN(2), 1+random.IntN(11), 1+random.IntN(28))
	case "disease":
		return pick("malaria anaemia cholera fever pneumonia tuberculosis hypertension diabetes pregnancy infection")
	case "icd10":
		return pick("B50.9 B50.8 A00.9 A09 A01.0 A90 J06.9 J18.9 A15.0 I10 E11.9 Z34.9")
	case "district":
		return pick("Bandaro Dikomba Ganturi Hamarou Kelengu Mabiri Ndosala Wuralo Sonapahar Padmachar Kaverimalai")
	case "symptom":
		return pick("fever chills headache vomiting fatigue cough rash dehydration convulsions")
	case "gender":
		return pick("female male")
	case "name":
		return pick("amina fatima peter grace musa john mary ibrahim")
	case "status":
		return pick("active completed stopped")
	case "figures":
		return pick("stock reporting coverage campaign cases")
	}
	return name
}
