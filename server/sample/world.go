package sample

import (
	"slices"
	"time"
)

// How many records there are of each. Those of analytics and of tasks follow from the rest.
const (
	patientCount   = 12_000
	visitCount     = 26_000
	treatmentCount = 12_000
	outcomeCount   = 6_000
)

// A world is everything that has happened, from which the documents are written.
// What refers to something else points to it.
type world struct {
	districts  []*district
	patients   []*patient // by id
	visits     []*visit   // in time order, as are the others
	treatments []*treatment
	outcomes   []*outcome
	rounds     []*round
}

type patient struct {
	number     int
	district   *district
	house      *facility // where it is registered
	female     bool
	birth      time.Time
	given      string
	family     string
	language   string
	registered time.Time
	visits     int
	last       *visit
	conditions []string  // those that do not pass
	until      time.Time // of the last treatment, and some days
	died       time.Time
}

type visit struct {
	number  int
	patient *patient
	disease *disease
	house   *facility
	at      time.Time
	month   int
	severe  bool
	// positive says what the test of the disease found.
	positive bool
}

type treatment struct {
	number int
	visit  *visit
	start  time.Time
	end    time.Time
	status string
	alone  bool // no earlier treatment of the patient went on beside it
}

type outcome struct {
	number    int
	treatment *treatment
	at        time.Time
	result    string
}

func newWorld() *world {
	w := &world{districts: makePlaces(newLot("places"))}
	w.makePatients(newLot("patients"))
	w.makeVisits(newLot("visits"))
	w.makeTreatments(newLot("treatments"))
	w.makeOutcomes(newLot("outcomes"))
	w.makeRounds(newLot("rounds"))
	return w
}

// ageBands is a young population: of 100 people, how many are of which ages at the end.
var ageBands = []struct{ of100, from, to int }{{24, 0, 6}, {22, 7, 15}, {38, 16, 48}, {11, 49, 68}, {5, 69, 94}}

func (w *world) makePatients(l *lot) {
	var weights []int
	for _, d := range w.districts {
		weights = append(weights, d.people)
	}
	for i, n := range share(patientCount, weights) {
		for range n {
			w.patients = append(w.patients, newPatient(l, w.districts[i]))
		}
	}
	// Numbers are given as people come, in whatever district.
	for i := len(w.patients) - 1; i > 0; i-- {
		j := l.below(i + 1)
		w.patients[i], w.patients[j] = w.patients[j], w.patients[i]
	}
	for i, p := range w.patients {
		p.number = i + 1
	}
}

func newPatient(l *lot, d *district) *patient {
	p := &patient{district: d, house: pick(l, d.houses), female: l.percent(53)}
	n := l.below(100)
	band := 0
	for n >= ageBands[band].of100 {
		n -= ageBands[band].of100
		band++
	}
	days := l.between(ageBands[band].from*365+30, ageBands[band].to*365+364)
	p.birth = lastDay.AddDate(0, 0, -days)
	p.given, p.family, p.language = d.tongue.person(l, p.female)
	// Half of them were known before the first visit that is told of.
	p.registered = workday(l, l.below(months), d.country.zone)
	if l.percent(50) {
		p.registered = p.registered.AddDate(0, 0, -l.below(1500))
	}
	if born := p.birth.AddDate(0, 0, 20); p.registered.Before(born) {
		p.registered = born.Add(10 * time.Hour)
	}
	return p
}

// age returns whole years and months at a time.
func (p *patient) age(at time.Time) (years, inMonths int) {
	inMonths = (at.Year()-p.birth.Year())*12 + int(at.Month()) - int(p.birth.Month())
	if at.Day() < p.birth.Day() {
		inMonths--
	}
	return inMonths / 12, inMonths
}

// makeVisits divides the visits over months, districts and diseases by their weights,
// with some chance, and finds a fitting patient for each.
func (w *world) makeVisits(l *lot) {
	people := map[*district][]*patient{}
	for _, p := range w.patients {
		people[p.district] = append(people[p.district], p)
	}
	var weights []int
	for month := range months {
		for _, d := range w.districts {
			for _, s := range diseases {
				weights = append(weights, s.weightIn(d, month)*l.between(82, 118)/100)
			}
		}
	}
	counts := share(visitCount, weights)
	for month := range months {
		for _, d := range w.districts {
			for _, s := range diseases {
				for range counts[0] {
					w.visits = append(w.visits, newVisit(l, people[d], s, month))
				}
				counts = counts[1:]
			}
		}
	}
	slices.SortStableFunc(w.visits, func(a, b *visit) int { return a.at.Compare(b.at) })
	for i, v := range w.visits {
		v.number = i + 1
		v.patient.last = v
		v.patient.visits++
		if v.disease.lasting && !slices.Contains(v.patient.conditions, v.disease.name) {
			v.patient.conditions = append(v.patient.conditions, v.disease.name)
		}
		if v.at.Before(v.patient.registered) {
			v.patient.registered = v.at
		}
	}
}

func newVisit(l *lot, people []*patient, s *disease, month int) *visit {
	d := people[0].district
	v := &visit{disease: s, month: month, at: workday(l, month, d.country.zone)}
	v.patient = s.patient(l, people, v.at)
	v.house = v.patient.house
	for l.percent(10) || !v.house.reports(month) {
		v.house = pick(l, d.houses)
	}
	v.severe = l.percent(s.severe)
	if s.test != nil {
		v.positive = l.percent(s.test.positive)
	}
	return v
}

// patient draws somebody who may have the disease at a time. Should nobody be found
// soon, it is anybody who was born.
func (s *disease) patient(l *lot, people []*patient, at time.Time) *patient {
	child := l.percent(s.children)
	for tries := 0; ; tries++ {
		p := pick(l, people)
		if at.Before(p.birth.AddDate(0, 0, 14)) {
			continue
		}
		years, _ := p.age(at)
		fits := years >= s.from && years <= s.to && (years >= 5 || s.from >= 5)
		if child {
			fits = years < 5 && years <= s.to
		}
		if s.female {
			fits = fits && p.female
		}
		if fits || tries > 3000 {
			return p
		}
	}
}

func (w *world) makeTreatments(l *lot) {
	var treated []*visit
	for _, v := range w.visits {
		if len(v.disease.medicines) > 0 {
			treated = append(treated, v)
		}
	}
	for i := range treatmentCount {
		v := treated[i*len(treated)/treatmentCount]
		t := &treatment{number: i + 1, visit: v, start: v.at.Add(time.Duration(l.between(5, 90)) * time.Minute)}
		longest := 0
		for _, m := range v.disease.medicines {
			longest = max(longest, m.days)
		}
		t.end = t.start.AddDate(0, 0, longest)
		switch n := l.below(100); {
		case t.end.After(asOf):
			t.status = "active"
		case n < 84:
			t.status = "completed"
		case n < 91:
			t.status = "stopped"
		case n < 98:
			t.status = "lost to follow-up"
		default:
			t.status = "changed"
		}
		p := v.patient
		t.alone = p.until.Before(t.start)
		if end := t.end.AddDate(0, 0, 15); end.After(p.until) {
			p.until = end
		}
		w.treatments = append(w.treatments, t)
	}
}

func (w *world) makeOutcomes(l *lot) {
	var followed []*treatment
	for _, t := range w.treatments {
		if t.end.AddDate(0, 0, 15).Before(asOf) {
			followed = append(followed, t)
		}
	}
	for i := range outcomeCount {
		t := followed[i*len(followed)/outcomeCount]
		o := &outcome{number: i + 1, treatment: t}
		o.at = time.Date(t.end.Year(), t.end.Month(), t.end.Day()+l.between(1, 14), 8+l.below(10), l.below(60), 0, 0, t.end.Location())
		o.result = drawResult(l, t)
		if o.result == "died" {
			o.at = t.start.Add(time.Duration(l.between(1, 5)*24) * time.Hour)
			t.end, t.status = o.at, "stopped"
			t.visit.patient.died = o.at
		}
		w.outcomes = append(w.outcomes, o)
	}
	slices.SortStableFunc(w.outcomes, func(a, b *outcome) int { return a.at.Compare(b.at) })
	for i, o := range w.outcomes {
		o.number = i + 1
	}
}

// drawResult says how it ended. Nobody dies who was seen again afterwards.
func drawResult(l *lot, t *treatment) string {
	v := t.visit
	if v.severe && t.alone && v.patient.last == v && l.below(1000) < 6*v.disease.fatal {
		return "died"
	}
	n := l.below(100)
	if v.severe {
		n -= 25
	}
	switch {
	case n < -15:
		return "referred"
	case n < 8:
		return "unchanged"
	case n < 30:
		return "improved"
	case n < 92:
		return "recovered"
	}
	return "lost to follow-up"
}
