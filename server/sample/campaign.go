package sample

import "time"

// A round is one cycle of a campaign of seasonal malaria chemoprevention in one
// district: children of 3 to 59 months are given medicine, each month of the rains.
type round struct {
	district *district
	year     int
	cycle    int // from 1 to 4: July to October
	target   int // children that there are
	treated  int
	children []*child // those that were visited; the first are those treated
}

// A child is one of a campaign, visited in its cycles.
type child struct {
	number      int
	given, head string
	family      string
	female      bool
	birth       time.Time
	ward        string
	house       *facility
	lat, lon    int
	household   int
	distributor int
}

// coverages are of 100 children those that were treated: by year, cycle, and district of
// Zambara. Mabiri fell behind when it had cholera; Kelengu counted more children than were expected.
var coverages = map[int][4][8]int{
	2025: {{84, 79, 72, 76, 91, 85, 70, 80}, {88, 82, 75, 78, 95, 87, 73, 83}, {90, 84, 77, 81, 98, 88, 76, 84}, {86, 83, 74, 79, 97, 86, 75, 82}},
	2026: {{92, 88, 81, 84, 101, 78, 82, 88}, {95, 90, 84, 87, 104, 70, 85, 90}, {97, 92, 86, 89, 105, 73, 88, 93}, {94, 91, 85, 88, 103, 81, 87, 92}},
}

func (w *world) makeRounds(l *lot) {
	number := 0
	for year := 2025; year <= 2026; year++ {
		var pools [8][]*child
		for cycle := 1; cycle <= 4; cycle++ {
			for i, d := range w.districts[8:] {
				r := &round{district: d, year: year, cycle: cycle, target: 12*d.people + 7*(year-2025)}
				r.treated = r.target * coverages[year][cycle-1][i] / 100
				for len(pools[i]) < r.target*115/100 {
					number++
					pools[i] = append(pools[i], newChild(l, d, number, year))
				}
				// Who is treated changes a little from cycle to cycle.
				visited := append([]*child(nil), pools[i]...)
				for range r.target / 6 {
					a, b := l.below(len(visited)), l.below(len(visited))
					visited[a], visited[b] = visited[b], visited[a]
				}
				r.children = visited[:r.treated+r.target*l.between(4, 9)/100]
				w.rounds = append(w.rounds, r)
			}
		}
	}
}

func newChild(l *lot, d *district, number, year int) *child {
	c := &child{number: number, female: l.percent(50), house: pick(l, d.houses), ward: pick(l, d.wards)}
	c.given, c.family, _ = d.tongue.person(l, c.female)
	c.head, _, _ = d.tongue.person(l, l.percent(30))
	// From 3 to 59 months in the first cycle, and not much older in the last.
	c.birth = time.Date(year, time.July, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -l.between(95, 56*30))
	c.lat, c.lon = c.house.lat+l.between(-30_000, 30_000), c.house.lon+l.between(-30_000, 30_000)
	c.household = 1 + l.below(400)
	c.distributor = 1 + l.below(6)
	return c
}

// start is the first day of the round: five days in the first half of a month.
func (r *round) start() time.Time {
	return time.Date(r.year, time.June+time.Month(r.cycle), 6+int(r.district.code[1]-'0')%4, 0, 0, 0, 0, r.district.country.zone)
}

func (w *world) taskCount() int {
	n := 0
	for _, r := range w.rounds {
		n += len(r.children)
	}
	return n
}
