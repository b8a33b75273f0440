package sample

import (
	"strings"
	"time"
)

// The two countries are invented, and so are their districts.
type country struct {
	name, state string
	zone        *time.Location
	zoneName    string
	currency    string
	dialling    string
}

// Both keep one time all year, so that no database of time zones is needed here.
var (
	suryadesh = &country{"Suryadesh", "Nadipradesh", time.FixedZone("", 330*60), "Asia/Kolkata", "INR", "+91"}
	zambara   = &country{"Zambara", "Lake Province", time.FixedZone("", 60*60), "Africa/Lagos", "XAF", "+237"}
)

// A district is where everything is counted.
type district struct {
	code    string // two digits
	name    string
	country *country
	lat     int // of its middle, in millionths of a degree
	lon     int
	people  int  // its share of the patients
	malaria int  // how much malaria there is, of 100
	peak    int  // the month in which there is most: some weeks after the rains
	nets    bool // it had bed nets in November 2025
	tongue  *tongue
	wards   []string
	houses  []*facility
}

var districts = []*district{
	{code: "01", name: "Ambagarh", country: suryadesh, lat: 22_410_000, lon: 81_230_000, people: 14, malaria: 45, peak: 9, tongue: devanagari},
	{code: "02", name: "Chandravali", country: suryadesh, lat: 22_960_000, lon: 80_120_000, people: 10, malaria: 30, peak: 9, tongue: devanagari},
	{code: "03", name: "Devnagri", country: suryadesh, lat: 23_310_000, lon: 82_040_000, people: 8, malaria: 38, peak: 10, tongue: devanagari},
	{code: "04", name: "Kaverimalai", country: suryadesh, lat: 20_180_000, lon: 80_870_000, people: 12, malaria: 20, peak: 12, tongue: tamil},
	{code: "05", name: "Meenapuram", country: suryadesh, lat: 19_760_000, lon: 81_540_000, people: 7, malaria: 16, peak: 11, tongue: tamil},
	{code: "06", name: "Padmachar", country: suryadesh, lat: 22_070_000, lon: 83_330_000, people: 9, malaria: 52, peak: 10, tongue: bengali},
	{code: "07", name: "Sonapahar", country: suryadesh, lat: 23_870_000, lon: 83_010_000, people: 6, malaria: 70, peak: 8, tongue: bengali},
	{code: "08", name: "Guruwala", country: suryadesh, lat: 24_520_000, lon: 79_480_000, people: 8, malaria: 8, peak: 9, tongue: gurmukhi},
	{code: "09", name: "Bandaro", country: zambara, lat: 11_840_000, lon: 14_270_000, people: 12, malaria: 90, peak: 9, nets: true, tongue: latin},
	{code: "10", name: "Dikomba", country: zambara, lat: 10_930_000, lon: 13_620_000, people: 9, malaria: 95, peak: 10, nets: true, tongue: latin},
	{code: "11", name: "Ganturi", country: zambara, lat: 12_260_000, lon: 15_110_000, people: 7, malaria: 80, peak: 9, nets: true, tongue: arabic},
	{code: "12", name: "Hamarou", country: zambara, lat: 13_050_000, lon: 14_690_000, people: 6, malaria: 60, peak: 8, nets: true, tongue: arabic},
	{code: "13", name: "Kelengu", country: zambara, lat: 9_970_000, lon: 14_020_000, people: 10, malaria: 100, peak: 10, nets: true, tongue: amharic},
	{code: "14", name: "Mabiri", country: zambara, lat: 12_710_000, lon: 13_880_000, people: 11, malaria: 85, peak: 9, tongue: latin},
	{code: "15", name: "Ndosala", country: zambara, lat: 9_440_000, lon: 15_360_000, people: 8, malaria: 92, peak: 11, tongue: amharic},
	{code: "16", name: "Wuralo", country: zambara, lat: 11_180_000, lon: 15_940_000, people: 6, malaria: 88, peak: 10, tongue: latin},
}

// The cholera of Mabiri, from July to September 2026.
const outbreakDistrict = "14"

// wardNames are parts of the names of the wards of a district.
var wardNames = map[*country][]string{
	suryadesh: strings.Fields("Purani-Basti Naya-Gaon Station-Road Talab-Para Bazar-Tola Mandir-Chowk"),
	zambara:   strings.Fields("Sabon-Layi Kasuwa Dutsen-Kura Bakin-Rafi Angwar-Dutse Tudun-Fili"),
}

// A facility sees patients and sends a report each month, or should.
type facility struct {
	id       string // five digits, most with a zero in front
	name     string
	kind     string
	district *district
	ward     string
	lat, lon int
	silent   []int            // months without a report
	out      map[string][]int // months in which a product had run out
}

var facilityKinds = []string{"District Hospital", "Health Centre", "Dispensary"}

func (f *facility) reports(month int) bool { return !has(f.silent, month) }

// silences are the facilities that sent no report, and when; months count from December 2024.
var silences = map[string][]int{"00302": {7, 8}, "00703": {15, 16, 17}, "01203": {22}, "01502": {4, 21, 22}}

// shortages are the two facilities whose stock had run out at the end.
var shortages = map[string]map[string][]int{
	"01303": {"Artemether-lumefantrine 20/120 mg": {22, 23}},
	"01402": {"ORS sachet": {20, 21, 23}},
}

// makePlaces returns the districts with their wards and facilities, each time new ones.
func makePlaces(l *lot) []*district {
	var all []*district
	for _, d := range districts {
		d := *d
		for _, w := range wardNames[d.country] {
			d.wards = append(d.wards, d.name+" "+strings.ReplaceAll(w, "-", " "))
		}
		for i, kind := range facilityKinds {
			f := &facility{id: "0" + d.code + padded(i+1, 2), kind: kind, district: &d, ward: d.wards[i]}
			f.name = f.ward + " " + kind
			if i == 0 {
				f.name = d.name + " " + kind
			}
			f.lat, f.lon = d.lat+l.between(-90_000, 90_000), d.lon+l.between(-90_000, 90_000)
			f.silent, f.out = silences[f.id], shortages[f.id]
			d.houses = append(d.houses, f)
		}
		all = append(all, &d)
	}
	return all
}

func has(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

const (
	firstYear, firstMonth = 2024, time.December
	months                = 24
	lastMonth             = months - 1
)

// monthStart returns the first instant of a month, counted from December 2024.
func monthStart(month int, zone *time.Location) time.Time {
	return time.Date(firstYear, firstMonth+time.Month(month), 1, 0, 0, 0, 0, zone)
}

// workday draws a time of day in a month at which a facility is open: from 8 to
// 17:59 in its own zone, seldom on a Sunday.
func workday(l *lot, month int, zone *time.Location) time.Time {
	start := monthStart(month, zone)
	for {
		t := start.AddDate(0, 0, l.below(start.AddDate(0, 1, -1).Day()))
		if t.Weekday() != time.Sunday || l.percent(15) {
			return t.Add(time.Duration(8*3600+l.below(10*3600)) * time.Second)
		}
	}
}
