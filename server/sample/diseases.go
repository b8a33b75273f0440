package sample

import "strings"

// A season says how a disease comes and goes.
type season int

const (
	always season = iota
	afterRains
	inRains
	inCold
	outbreak
)

// A disease is what a visit is about: a diagnosis, or an occasion.
type disease struct {
	icd10, name string
	weight      int
	season      season
	female      bool // women of 15 to 49 alone
	children    int  // of 100 cases, those under five
	from, to    int  // ages beside these
	severe      int  // of 100, severe ones
	lasting     bool // it does not pass
	fatal       int  // how deadly severe ones are, of 1000
	kind        string
	symptoms    []string
	medicines   []medicine
	test        *labTest
}

type medicine struct {
	name string
	mg   int
	days int
}

type labTest struct {
	name, loinc string
	unit        string
	low, high   int // of the result in tenths, or 0 for positive and negative
	positive    int // of 100
}

var (
	rapidTest   = &labTest{name: "Malaria rapid test", loinc: "70569-9", positive: 88}
	haemoglobin = &labTest{name: "Haemoglobin", loinc: "718-7", unit: "g/dL", low: 62, high: 109}
	glucose     = &labTest{name: "Glucose, fasting", loinc: "1558-6", unit: "mg/dL", low: 1180, high: 2960}
	sputum      = &labTest{name: "Sputum GeneXpert", loinc: "85362-2", positive: 71}
	stool       = &labTest{name: "Vibrio cholerae, rapid", loinc: "72141-5", positive: 83}
	dengueTest  = &labTest{name: "Dengue NS1 antigen", loinc: "75377-2", positive: 76}

	act         = medicine{"Artemether-lumefantrine", 120, 3}
	artesunate  = medicine{"Artesunate", 60, 2}
	paracetamol = medicine{"Paracetamol", 500, 3}
	ors         = medicine{"Oral rehydration salts", 20500, 3}
	zinc        = medicine{"Zinc sulfate", 20, 10}
	amoxicillin = medicine{"Amoxicillin", 250, 5}
)

func words(s string) []string { return strings.Fields(s) }

var diseases = []*disease{
	{icd10: "B50.9", name: "Malaria due to Plasmodium falciparum", weight: 260, season: afterRains, children: 55, to: 80, severe: 9, fatal: 45, kind: "outpatient",
		symptoms: words("fever chills headache vomiting fatigue sweating"), medicines: []medicine{act, paracetamol}, test: rapidTest},
	{icd10: "B50.8", name: "Severe malaria with anaemia", weight: 22, season: afterRains, children: 80, to: 60, severe: 100, fatal: 60, kind: "inpatient",
		symptoms: words("fever convulsions pallor vomiting breathlessness"), medicines: []medicine{artesunate, act}, test: haemoglobin},
	{icd10: "A00.9", name: "Cholera", weight: 1, season: outbreak, children: 30, to: 80, severe: 40, fatal: 70, kind: "emergency",
		symptoms: words("watery-diarrhoea vomiting dehydration cramps"), medicines: []medicine{ors, {"Doxycycline", 300, 1}}, test: stool},
	{icd10: "A09", name: "Infectious gastroenteritis", weight: 90, season: inRains, children: 60, to: 85, severe: 8, fatal: 20, kind: "outpatient",
		symptoms: words("diarrhoea vomiting fever cramps dehydration"), medicines: []medicine{ors, zinc}},
	{icd10: "A01.0", name: "Typhoid fever", weight: 22, season: inRains, children: 15, from: 5, to: 60, severe: 12, fatal: 15, kind: "outpatient",
		symptoms: words("fever headache abdominal-pain fatigue rash"), medicines: []medicine{{"Azithromycin", 500, 7}, paracetamol}},
	{icd10: "A90", name: "Dengue fever", weight: 26, season: afterRains, children: 15, from: 5, to: 70, severe: 10, fatal: 12, kind: "outpatient",
		symptoms: words("fever joint-pain rash headache bleeding"), medicines: []medicine{paracetamol}, test: dengueTest},
	{icd10: "J06.9", name: "Acute upper respiratory infection", weight: 150, season: inCold, children: 45, to: 85, severe: 1, kind: "outpatient",
		symptoms: words("cough runny-nose sore-throat fever"), medicines: []medicine{paracetamol}},
	{icd10: "J18.9", name: "Pneumonia", weight: 48, season: inCold, children: 65, to: 90, severe: 28, fatal: 40, kind: "inpatient",
		symptoms: words("cough fever fast-breathing chest-pain breathlessness"), medicines: []medicine{amoxicillin, paracetamol}},
	{icd10: "B05.9", name: "Measles", weight: 6, season: inCold, children: 80, from: 5, to: 15, severe: 10, fatal: 20, kind: "outpatient",
		symptoms: words("rash fever cough red-eyes"), medicines: []medicine{{"Vitamin A", 60, 2}, paracetamol}},
	{icd10: "A15.0", lasting: true, name: "Tuberculosis of lung", weight: 18, from: 12, to: 75, severe: 15, fatal: 35, kind: "outpatient",
		symptoms: words("cough weight-loss night-sweats fever fatigue"), medicines: []medicine{{"Rifampicin, isoniazid, pyrazinamide, ethambutol", 1150, 168}}, test: sputum},
	{icd10: "E43", name: "Severe acute malnutrition", weight: 20, season: inRains, children: 100, to: 5, severe: 45, fatal: 30, kind: "outpatient",
		symptoms: words("weight-loss oedema fatigue"), medicines: []medicine{{"Ready-to-use therapeutic food", 92000, 42}, amoxicillin}},
	{icd10: "D50.9", name: "Iron deficiency anaemia", weight: 34, children: 25, from: 10, to: 60, severe: 9, kind: "outpatient",
		symptoms: words("fatigue pallor dizziness"), medicines: []medicine{{"Ferrous sulfate with folic acid", 200, 90}}, test: haemoglobin},
	{icd10: "I10", lasting: true, name: "Essential hypertension", weight: 60, from: 35, to: 90, severe: 6, fatal: 10, kind: "outpatient",
		symptoms: words("headache dizziness"), medicines: []medicine{{"Amlodipine", 5, 30}}},
	{icd10: "E11.9", lasting: true, name: "Type 2 diabetes mellitus", weight: 38, from: 35, to: 88, severe: 5, fatal: 10, kind: "outpatient",
		symptoms: words("thirst fatigue weight-loss blurred-vision"), medicines: []medicine{{"Metformin", 500, 30}}, test: glucose},
	{icd10: "Z34.9", name: "Supervision of normal pregnancy", weight: 64, female: true, from: 16, to: 44, kind: "antenatal",
		medicines: []medicine{{"Ferrous sulfate with folic acid", 200, 90}, {"Sulfadoxine-pyrimethamine", 1500, 1}}, test: haemoglobin},
	{icd10: "Z27.9", name: "Immunization", weight: 88, children: 100, to: 2, kind: "immunization"},
	{icd10: "T14.9", name: "Injury", weight: 36, children: 10, from: 5, to: 80, severe: 14, fatal: 12, kind: "emergency",
		symptoms: words("pain bleeding swelling"), medicines: []medicine{{"Ibuprofen", 400, 5}}},
	{icd10: "L30.9", name: "Dermatitis", weight: 26, children: 30, to: 70, kind: "outpatient",
		symptoms: words("rash itching"), medicines: []medicine{{"Hydrocortisone cream", 10, 7}}},
}

// Of 100 cases in the peak month, how many there are so many months before or after it.
var (
	steep  = []int{100, 78, 44, 24, 13, 9, 8}
	gentle = []int{100, 90, 70, 52, 40, 34, 30}
)

// weightIn says how many cases of a disease there are in a district and month, in
// relation to other such cells.
func (s *disease) weightIn(d *district, month int) int {
	w := 10 * s.weight * d.people
	calendar := int(monthStart(month, d.country.zone).Month())
	switch s.season {
	case afterRains:
		w = w * d.malaria / 60 * steep[apart(calendar, d.peak)] / 50
		if d.nets {
			w = w * netEffect(month) / 100
		}
	case inRains:
		w = w * gentle[apart(calendar, d.peak-1)] / 60
	case inCold:
		w = w * gentle[apart(calendar, 1)] / 60
	case outbreak:
		if d.code == outbreakDistrict {
			w *= map[int]int{19: 600, 20: 1300, 21: 450}[month]
		} else {
			w /= 10
		}
	}
	return w
}

// netEffect is what is left of 100 cases of malaria: bed nets were given out in
// November 2025, and more and more people sleep under them.
func netEffect(month int) int {
	const given = 11
	return 100 - 5*max(0, month-given)
}

// apart is how many months lie between two, the short way round the year.
func apart(a, b int) int {
	n := ((a-b)%12 + 12) % 12
	return min(n, 12-n)
}
