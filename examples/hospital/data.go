package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A table is rows in the making, as SQL.
type table struct {
	name string
	rows int
	text strings.Builder
}

// add adds a row of texts, numbers, truths, days and instants; nil is NULL.
func (t *table) add(values ...any) {
	switch {
	case t.rows%500 == 0 && t.rows > 0:
		t.text.WriteString(";\nINSERT INTO " + t.name + " VALUES\n")
	case t.rows == 0:
		t.text.WriteString("INSERT INTO " + t.name + " VALUES\n")
	default:
		t.text.WriteString(",\n")
	}
	t.rows++
	for i, v := range values {
		t.text.WriteString([]string{"(", ", "}[min(i, 1)])
		t.text.WriteString(literal(v))
	}
	t.text.WriteByte(')')
}

// A day is a date without time.
type day time.Time

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case day:
		return "'" + time.Time(v).Format(time.DateOnly) + "'"
	case time.Time:
		return "'" + v.Format(time.RFC3339) + "'"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	}
	return fmt.Sprint(v)
}

// A hospital makes rows that are the same every time. Nobody in them lives or has lived.
type hospital struct {
	*rand.Rand
	patients, records, history, consents table
}

var kolkata = time.FixedZone("IST", 5*3600+1800)

// writeSQL writes the tables with n patients as SQL.
func writeSQL(w io.Writer, n int) error {
	h := &hospital{Rand: rand.New(rand.NewPCG(7, 11))} //nolint:gosec // it has to be the same every time
	h.patients.name, h.records.name, h.history.name, h.consents.name = "patients", "medical_records", "medical_history", "consents"
	for id := range n {
		h.patient(id + 1)
	}
	if _, err := io.WriteString(w, tables); err != nil {
		return err
	}
	for _, t := range []*table{&h.patients, &h.records, &h.history, &h.consents} {
		if t.rows == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s;\n", t.text.String()); err != nil {
			return err
		}
	}
	return nil
}

func (h *hospital) chance(percent int) bool { return h.IntN(100) < percent }

func one[T any](h *hospital, from ...T) T { return from[h.IntN(len(from))] }

// maybe is v, or nil in some cases.
func (h *hospital) maybe(percent int, v any) any {
	if h.chance(percent) {
		return v
	}
	return nil
}

// at returns an instant of the years 2025 and 2026.
func (h *hospital) at() time.Time {
	return time.Date(2025, 1, 1+h.IntN(690), 8+h.IntN(10), h.IntN(60), h.IntN(60), 0, kolkata)
}

func (h *hospital) patient(id int) {
	female := h.chance(53)
	given := one(h, "Arjun", "Deepak", "Imran", "Kiran", "राहुल", "முருகன்", "Vijay")
	if female {
		given = one(h, "Asha", "Fatima", "Geeta", "सुनीता", "லட்சுமி", "Mary-Ann", "Priya")
	}
	gender := any(map[bool]string{true: "F", false: "M"}[female])
	if h.chance(2) {
		gender = one(h, any("O"), nil)
	}
	born := time.Date(1935+h.IntN(90), time.Month(1+h.IntN(12)), 1+h.IntN(28), 0, 0, 0, 0, kolkata)
	created := h.at()
	updated := created.Add(time.Duration(h.IntN(60*24)) * time.Hour)
	var died, guardian, guardianPhone any
	if h.chance(2) {
		died = updated
	}
	if born.Year() > 2010 {
		guardian, guardianPhone = one(h, "Sunita Devi", "Ramesh Kumar", "Noor O'Hara"), h.maybe(80, h.phone())
	}
	h.patients.add(id, fmt.Sprintf("MRN%07d", id), h.maybe(70, fmt.Sprintf("%012d", id*7919)), given, h.maybe(93, one(h, "Devi", "Kumar", "Khan", "D'Souza", "Pillai", "शर्मा")),
		gender, h.maybe(98, day(born)), died, h.maybe(75, h.phone()), h.maybe(85, fmt.Sprintf("%d, Station Road", 1+h.IntN(200))),
		one(h, "Wai", "Pune", "Satara"), "Maharashtra", fmt.Sprintf("4%05d", h.IntN(100000)), guardian, guardianPhone, died == nil, created, updated, h.chance(1))
	for range h.IntN(5) {
		h.encounter(id)
	}
	for range h.IntN(3) {
		h.condition(id)
	}
	h.consent(id, "treatment", "treatment")
	if h.chance(40) {
		h.consent(id, "research", "research")
	}
	if h.chance(30) {
		h.consent(id, "privacy", one(h, "payment", "public health"))
	}
}

func (h *hospital) phone() string { return fmt.Sprintf("+91 000 %06d", h.IntN(1_000_000)) } // no such numbers are given out

// A measure is what is observed: LOINC, its words, UCUM, and the range in tenths.
type measure struct {
	loinc, words, unit string
	low, high          int
}

var (
	measures = []measure{
		{"8310-5", "Body temperature", "Cel", 361, 399}, {"29463-7", "Body weight", "kg", 300, 950}, {"8867-4", "Heart rate", "/min", 550, 1200},
		{"8480-6", "Systolic blood pressure", "mm[Hg]", 950, 1750}, {"8462-4", "Diastolic blood pressure", "mm[Hg]", 600, 1050},
		{"718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 68, 160}, {"2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 700, 2800},
	}
	medicines = [][3]string{
		{"N02BE01", "Paracetamol 500 mg", "1 tablet, 3 times a day, for 3 days"}, {"J01CA04", "Amoxicillin 500 mg", "1 capsule, 3 times a day, for 5 days"},
		{"A10BA02", "Metformin 500 mg", "1 tablet, twice a day"}, {"C08CA01", "Amlodipine 5 mg", "1 tablet a day"},
		{"P01BF01", "Artemether and lumefantrine 20/120 mg", "4 tablets, twice a day, for 3 days"},
	}
	diagnoses = [][2]string{
		{"I10", "Essential (primary) hypertension"}, {"E11.9", "Type 2 diabetes mellitus without complications"}, {"B54", "Unspecified malaria"},
		{"J45.9", "Asthma, unspecified"}, {"A90", "Dengue fever [classical dengue]"}, {"D50.9", "Iron deficiency anaemia, unspecified"},
	}
)

// A visit is what the records of one encounter have in common.
type visit struct {
	patient      int
	encounter    any
	at           time.Time
	doctor, name string
}

// record adds a row, of a type with its own columns from status to content.
func (h *hospital) record(v *visit, kind string, own []any, at time.Time, ended any) int {
	id := h.records.rows + 1
	row := append([]any{id, v.patient, v.encounter, kind}, own...)
	last := at
	if end, ok := ended.(time.Time); ok {
		last = end
	}
	row = append(row, at, ended, v.doctor, v.name, at, last.Add(time.Duration(h.IntN(72))*time.Hour), h.chance(1))
	h.records.add(row...)
	return id
}

func (h *hospital) encounter(patient int) {
	n := 1 + h.IntN(9)
	v := &visit{patient: patient, at: h.at(), doctor: fmt.Sprintf("DR%03d", n), name: fmt.Sprintf("Dr %c. Rao", 'A'+n)}
	kind := one(h, "outpatient", "outpatient", "outpatient", "inpatient", "emergency")
	status, ended := "closed", any(v.at.Add(time.Duration(20+h.IntN(90))*time.Minute))
	switch {
	case kind == "inpatient" && h.chance(5):
		status, ended = "open", nil
	case kind == "inpatient":
		ended = v.at.AddDate(0, 0, 1+h.IntN(12))
	}
	v.encounter = h.record(v, "encounter", []any{status, kind, one(h, "Fever", "Review", "Injury", "Cough"), nil, nil, nil, nil, nil}, v.at, ended)
	for _, m := range measures {
		if h.chance(45) {
			value := float64(m.low+h.IntN(m.high-m.low)) / 10
			status := one(h, "final", "final", "final", "corrected", "preliminary")
			h.record(v, "observation", []any{status, m.loinc, m.words, value, m.unit, nil, nil, nil}, v.at.Add(10*time.Minute), nil)
		}
	}
	if h.chance(15) {
		group := one(h, "O Rh positive", "A Rh positive", "B Rh positive", "AB Rh negative")
		h.record(v, "observation", []any{"final", "882-1", "ABO and Rh group [Type] in Blood", nil, nil, group, nil, nil}, v.at.Add(time.Hour), nil)
	}
	for range h.IntN(3) {
		m := one(h, medicines...)
		h.record(v, "prescription", []any{one(h, "active", "completed", "completed", "stopped"), m[0], m[1], nil, nil, nil, m[2], nil}, v.at.Add(15*time.Minute), nil)
	}
	if kind == "inpatient" && status == "closed" {
		text := "Discharge summary\n\nRecovered; review in two weeks. " + one(h, "तबीयत ठीक है।", "Diet: \"low salt\".", "உடல்நலம் நன்று.")
		h.record(v, "document", []any{one(h, "final", "final", "superseded"), "18842-5", "Discharge summary", nil, nil, nil, nil, text}, v.at.AddDate(0, 0, 13), nil)
	}
}

func (h *hospital) condition(patient int) {
	d := one(h, diagnoses...)
	at := h.at()
	onset := at.AddDate(0, 0, -h.IntN(900))
	status, resolved := one(h, "active", "active", "resolved", "remission", "inactive"), any(nil)
	if status == "resolved" {
		resolved = day(onset.AddDate(0, 0, 5+h.IntN(60)))
	}
	h.history.add(h.history.rows+1, patient, d[0], d[1], status, one(h, "confirmed", "confirmed", "provisional"), h.maybe(60, one(h, "mild", "moderate", "severe")),
		h.maybe(85, day(onset)), resolved, h.maybe(25, "Told by the patient; no papers."), fmt.Sprintf("DR%03d", 1+h.IntN(9)), at, at.Add(time.Duration(h.IntN(200))*time.Hour), h.chance(1))
}

func (h *hospital) consent(patient int, scope, purpose string) {
	at := h.at()
	h.consents.add(h.consents.rows+1, patient, scope, one(h, "active", "active", "active", "rejected", "withdrawn", "expired"), one(h, "permit", "permit", "permit", "deny"), purpose,
		"https://hospital.example/policies/"+scope, at, h.maybe(80, day(at)), h.maybe(50, day(at.AddDate(1, 0, 0))), at.Add(time.Duration(h.IntN(300))*time.Hour), h.chance(1))
}
