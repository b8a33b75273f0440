package sample

import (
	"strings"
	"time"
)

// What several indexes say alike.

func (p *patient) id() string { return "P" + padded(p.number, 7) }

func (v *visit) id() string { return "V" + padded(v.number, 8) }

func (t *treatment) id() string { return "T" + padded(t.number, 7) }

func (p *patient) gender() string {
	if p.female {
		return "female"
	}
	return "male"
}

func (p *patient) name() string { return p.given + " " + p.family }

func (d *document) place(w *district) {
	d.text("district", w.name)
	d.text("district_code", w.code)
	d.text("country", w.country.name)
}

func (d *document) facility(f *facility) {
	d.text("facility_id", f.id)
	d.text("facility", f.name)
}

// about says whom a record is of, as they were at a time, and of what disease.
func (d *document) about(v *visit, at time.Time) {
	d.text("patient_id", v.patient.id())
	years, inMonths := v.patient.age(at)
	d.text("gender", v.patient.gender())
	d.whole("age", int64(years))
	if years < 5 {
		d.whole("age_months", int64(inMonths))
	}
	d.place(v.house.district)
	d.facility(v.house)
	d.text("diagnosis", v.disease.name)
	d.text("icd10", v.disease.icd10)
}

func (d *document) medications(list []medicine) {
	d.open("medications", '[')
	for _, m := range list {
		d.open("", '{')
		d.text("name", m.name)
		d.whole("dose_mg", int64(m.mg))
		d.whole("days", int64(m.days))
		d.close('}')
	}
	d.close(']')
}

// A million of millions is more than what a float64 counts exactly: 2^53 is 9007199254740992.
const firstInsurance = 9_007_199_254_740_993

var (
	bloodGroups = []string{"O+", "O+", "O+", "B+", "B+", "A+", "A+", "AB+", "O-", "B-", "A-", "AB-"}
	allergies   = []string{"latex", "peanuts", "penicillin", "sulfonamides"}
	relations   = []string{"mother", "mother", "father", "grandmother", "aunt"}
)

func (w *world) patientDocuments(yield func(string, []byte) bool) {
	var d document
	l := newLot("patient documents")
	for _, p := range w.patients {
		d.begin()
		d.patient(l, p)
		if !yield(p.id(), d.bytes()) {
			return
		}
	}
}

func (d *document) patient(l *lot, p *patient) {
	c := p.district.country
	d.text("patient_id", p.id())
	if l.percent(85) {
		d.text("national_id", padded(p.number*7919%1_000_000_000, 12))
	}
	if l.percent(80) {
		d.whole("insurance_number", firstInsurance+2*int64(p.number))
	}
	d.text("name", p.name())
	d.text("given_name", p.given)
	d.text("family_name", p.family)
	d.text("language", p.language)
	d.text("gender", p.gender())
	d.day("birth_date", p.birth)
	end := asOf
	if !p.died.IsZero() {
		end = p.died
	}
	years, _ := p.age(end)
	d.whole("age", int64(years))
	d.place(p.district)
	d.text("state", c.state)
	d.text("ward", pick(l, p.district.wards))
	d.facility(p.house)
	d.text("facility_type", p.house.kind)
	if l.percent(83) {
		d.point("home", p.house.lat+l.between(-60_000, 60_000), p.house.lon+l.between(-60_000, 60_000))
	}
	if l.percent(60) {
		d.text("phone", c.dialling+" 000 "+padded(l.below(1_000_000), 6)) // no such numbers are given out
	}
	if l.percent(55) {
		d.text("blood_group", pick(l, bloodGroups))
	}
	d.list("conditions", p.conditions)
	if l.percent(7) {
		d.list("allergies", some(l, allergies, l.between(1, 2)))
	}
	d.contacts(l, p, years)
	d.instant("registered_at", p.registered)
	d.whole("visits", int64(p.visits))
	if p.last != nil {
		d.instant("last_visit", p.last.at)
	}
	switch {
	case !p.died.IsZero():
		d.text("status", "deceased")
		d.instant("died_at", p.died)
	case l.percent(3):
		d.text("status", "moved away")
	default:
		d.text("status", "active")
	}
}

// contacts are whom to call: for children, mostly two.
func (d *document) contacts(l *lot, p *patient, years int) {
	n := 0
	switch {
	case years < 15:
		n = l.between(1, 2)
	case l.percent(30):
		n = 1
	}
	if n == 0 {
		return
	}
	d.open("contacts", '[')
	for range n {
		relation := "spouse"
		if years < 15 {
			relation = pick(l, relations)
		}
		given, _, _ := p.district.tongue.person(l, relation != "father" && (relation != "spouse" || !p.female))
		d.open("", '{')
		d.text("relation", relation)
		d.text("name", given+" "+p.family)
		d.text("phone", p.district.country.dialling+" 000 "+padded(l.below(1_000_000), 6))
		d.close('}')
	}
	d.close(']')
}

func (w *world) visitDocuments(yield func(string, []byte) bool) {
	var d document
	l := newLot("visit documents")
	for _, v := range w.visits {
		d.begin()
		d.visit(l, v)
		if !yield(v.id(), d.bytes()) {
			return
		}
	}
}

func (d *document) visit(l *lot, v *visit) {
	d.text("visit_id", v.id())
	d.instant("visited_at", v.at)
	d.text("time_zone", v.house.district.country.zoneName)
	kind := v.disease.kind
	if v.severe && kind == "outpatient" {
		kind = "inpatient"
	}
	d.text("visit_type", kind)
	d.about(v, v.at)
	d.point("location", v.house.lat, v.house.lon)
	if len(v.disease.symptoms) > 0 {
		severity := "mild"
		if v.severe {
			severity = "severe"
		} else if l.percent(45) {
			severity = "moderate"
		}
		d.text("severity", severity)
		d.list("symptoms", some(l, v.disease.symptoms, l.between(1, min(4, len(v.disease.symptoms)))))
	}
	d.measures(l, v)
	if v.disease.test != nil && l.percent(92) {
		d.open("lab_results", '[')
		d.labResult(l, v.disease.test, v)
		if v.severe && v.disease.test != haemoglobin {
			d.labResult(l, haemoglobin, v)
		}
		d.close(']')
	}
	if len(v.disease.medicines) > 0 && l.percent(96) {
		d.medications(v.disease.medicines)
	}
	if l.percent(45) {
		d.day("follow_up", v.at.AddDate(0, 0, l.between(3, 60)))
	}
	d.truth("referred", v.severe && v.house.kind == "Dispensary")
	if l.percent(90) {
		d.text("seen_by", "user-"+v.house.id+"-"+padded(l.between(1, 4), 2))
	}
	if v.number%2600 == 1300 {
		d.text("notes", v.house.district.tongue.longNote(l))
	} else {
		d.text("notes", v.house.district.tongue.note(l))
	}
}

// measures are what a nurse measures, unless nobody had the time.
func (d *document) measures(l *lot, v *visit) {
	if l.percent(80) {
		temperature := l.between(362, 374)
		if strings.Contains(strings.Join(v.disease.symptoms, " "), "fever") {
			temperature = l.between(374, 402)
		}
		d.fixed("temperature", temperature, 1)
	}
	years, inMonths := v.patient.age(v.at)
	if l.percent(75) {
		weight := 520 + l.between(-140, 260) // in hundreds of grams
		switch {
		case years < 5:
			weight = 38 + inMonths*24/10 + l.between(-8, 14)
		case years < 16:
			weight = 170 + (years-5)*32 + l.between(-25, 45)
		}
		d.fixed("weight_kg", weight, 1)
	}
	if years >= 18 && l.percent(70) {
		systolic := l.between(98, 138)
		if v.disease.icd10 == "I10" {
			systolic = l.between(136, 186)
		}
		d.open("blood_pressure", '{')
		d.whole("systolic", int64(systolic))
		d.whole("diastolic", int64(systolic*62/100+l.between(-4, 6)))
		d.close('}')
	}
}

func (d *document) labResult(l *lot, t *labTest, v *visit) {
	d.open("", '{')
	d.text("test", t.name)
	d.text("loinc", t.loinc)
	if t.unit == "" {
		result := "negative"
		if v.positive {
			result = "positive"
		}
		d.text("result", result)
	} else {
		d.fixed("value", l.between(t.low, t.high), 1)
		d.text("unit", t.unit)
	}
	d.instant("taken_at", v.at.Add(time.Duration(l.between(4, 50))*time.Minute))
	d.close('}')
}

func (w *world) treatmentDocuments(yield func(string, []byte) bool) {
	var d document
	l := newLot("treatment documents")
	for _, t := range w.treatments {
		d.begin()
		d.treatment(l, t)
		if !yield(t.id(), d.bytes()) {
			return
		}
	}
}

var sideEffects = []string{"dizziness", "headache", "nausea", "rash", "stomach-pain", "vomiting"}

func (d *document) treatment(l *lot, t *treatment) {
	v := t.visit
	d.text("treatment_id", t.id())
	d.text("visit_id", v.id())
	d.about(v, t.start)
	d.medications(v.disease.medicines)
	d.instant("started_at", t.start)
	if t.status != "active" {
		d.instant("ended_at", t.end)
	}
	d.text("status", t.status)
	d.changes(l, t)
	if t.status != "active" && l.percent(70) {
		low := 80
		if t.status != "completed" {
			low = 20
		}
		d.whole("adherence_percent", int64(l.between(low, low+20)))
	}
	if l.percent(9) {
		d.list("side_effects", some(l, sideEffects, l.between(1, 2)))
	}
	cents := l.between(2_000, 90_000)
	if v.severe {
		cents *= 6
	}
	if l.percent(88) {
		d.fixed("cost", cents, 2)
		d.text("currency", v.house.district.country.currency)
	}
}

// changes tell how the status came to be what it is.
func (d *document) changes(l *lot, t *treatment) {
	author := "user-" + t.visit.house.id + "-" + padded(l.between(1, 4), 2)
	d.open("changes", '[')
	d.change("planned", "active", t.start, author)
	switch t.status {
	case "active":
	case "lost to follow-up":
		d.change("active", t.status, t.end, "system")
	default:
		d.change("active", t.status, t.end, author)
	}
	d.close(']')
}

func (d *document) change(from, to string, at time.Time, author string) {
	d.open("", '{')
	d.text("field", "status")
	d.text("from", from)
	d.text("to", to)
	d.instant("at", at)
	d.text("author", author)
	d.close('}')
}

func (w *world) outcomeDocuments(yield func(string, []byte) bool) {
	var d document
	l := newLot("outcome documents")
	for _, o := range w.outcomes {
		d.begin()
		id := "O" + padded(o.number, 7)
		d.text("outcome_id", id)
		d.text("treatment_id", o.treatment.id())
		d.text("visit_id", o.treatment.visit.id())
		d.about(o.treatment.visit, o.at)
		d.text("outcome", o.result)
		d.instant("recorded_at", o.at)
		d.whole("days", int64(o.at.Sub(o.treatment.start)/(24*time.Hour)))
		d.truth("severe", o.treatment.visit.severe)
		d.truth("fatal", o.result == "died")
		if o.result != "died" && o.result != "lost to follow-up" && l.percent(50) {
			d.whole("satisfaction", int64(l.between(2, 5)))
		}
		if l.percent(30) {
			d.text("remarks", o.treatment.visit.house.district.tongue.note(l))
		}
		if !yield(id, d.bytes()) {
			return
		}
	}
}
