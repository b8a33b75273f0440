package sample

import "time"

// The index of figures has records of several kinds: what is expected, what was reached, and
// what is in stock. Those of cases and of campaigns are counted from the other indexes.

func (w *world) analyticsDocuments(yield func(string, []byte) bool) {
	l := newLot("analytics documents")
	a := &figures{l: l, yield: yield}
	for _, d := range w.districts {
		for _, f := range d.houses {
			for _, p := range products {
				a.stock(f, p)
			}
		}
		a.reporting(d)
		a.vaccination(d)
		a.nets(d)
	}
	a.cases(w)
	for _, r := range w.rounds {
		a.round(r)
	}
}

// figures writes the records, until nobody wants more.
type figures struct {
	document
	l       *lot
	yield   func(string, []byte) bool
	stopped bool
	id      string
}

func (a *figures) start(id, kind, indicator string, d *district, month int) {
	a.begin()
	a.id = id
	a.text("figure_id", id)
	a.text("kind", kind)
	a.text("indicator", indicator)
	a.time("month", monthStart(month, d.country.zone), "2006-01")
	a.place(d)
}

func (a *figures) end() {
	if !a.stopped && !a.yield(a.id, a.bytes()) {
		a.stopped = true
	}
}

// reached says how much of a target was reached, with the percentage to one digit.
func (a *figures) reached(target, reached int) {
	a.whole("target", int64(target))
	a.whole("reached", int64(reached))
	a.fixed("coverage_percent", (2000*reached/target+1)/2, 1)
}

func monthCode(month int) string { return monthStart(month, time.UTC).Format("200601") }

type product struct {
	code, name string
	monthly    int // that a health centre needs
	disease    string
}

var products = []product{
	{"AL", "Artemether-lumefantrine 20/120 mg", 160, "B50.9"},
	{"ORS", "ORS sachet", 220, "A09"},
}

// stock follows one product in one facility from month to month: what is left is what was left before,
// and what came, less what was used. Months without a report are silent.
func (a *figures) stock(f *facility, p product) {
	left := p.monthly * 2
	for month := range months {
		need := p.monthly * weightOf(p.disease, f.district, month) / weightOf(p.disease, f.district, 9) * a.l.between(80, 120) / 100
		need = max(need, p.monthly/20)
		received := max(0, 2*need+a.l.between(0, p.monthly)-left)
		used := need
		if has(f.out[p.name], month) {
			received, used = 0, left
		}
		left += received - used
		if !f.reports(month) {
			continue
		}
		a.start("STOCK-"+monthCode(month)+"-"+f.id+"-"+p.code, "stock", "Stock of medicines", f.district, month)
		a.facility(f)
		a.text("facility_type", f.kind)
		a.text("product", p.name)
		a.text("product_code", p.code)
		a.whole("received", int64(received))
		a.whole("used", int64(used))
		a.whole("on_hand", int64(left))
		if used > 0 {
			a.fixed("months_of_stock", 10*left/used, 1)
		}
		a.truth("out_of_stock", left == 0)
		reported := monthStart(month, f.district.country.zone).AddDate(0, 1, -1)
		a.instant("reported_at", reported.Add(time.Duration(9*60+a.l.below(8*60))*time.Minute))
		a.end()
	}
}

// weightOf is how much of a disease there is, never nothing.
func weightOf(icd10 string, d *district, month int) int {
	for _, s := range diseases {
		if s.icd10 == icd10 {
			return max(1, s.weightIn(d, month))
		}
	}
	return 1
}

func (a *figures) reporting(d *district) {
	for month := range months {
		sent := 0
		for _, f := range d.houses {
			if f.reports(month) {
				sent++
			}
		}
		a.start("REPORTS-"+monthCode(month)+"-"+d.code, "reporting", "Monthly reports of facilities", d, month)
		a.reached(len(d.houses), sent)
		a.end()
	}
}

func (a *figures) vaccination(d *district) {
	usual := a.l.between(78, 96)
	for month := range months {
		target := 9 * d.people
		a.start("MCV1-"+monthCode(month)+"-"+d.code, "coverage", "Measles vaccine, first dose", d, month)
		a.reached(target, target*(usual+a.l.between(-8, 9))/100)
		a.end()
	}
}

func (a *figures) nets(d *district) {
	if !d.nets {
		return
	}
	const month = 11
	a.start("NETS-"+monthCode(month)+"-"+d.code, "campaign", "Bed nets given out", d, month)
	a.text("campaign", "NETS-2025")
	target := 1_000 * d.people
	a.reached(target, target*a.l.between(88, 103)/100)
	a.end()
}

// cases are the visits with malaria of each district and month, as the visits say.
func (a *figures) cases(w *world) {
	counts := map[string][]int{}
	for _, d := range w.districts {
		counts[d.code] = make([]int, months)
	}
	for _, v := range w.visits {
		if v.disease.season == afterRains && v.disease.icd10 != "A90" {
			counts[v.house.district.code][v.month]++
		}
	}
	for _, d := range w.districts {
		for month, n := range counts[d.code] {
			a.start("MALARIA-"+monthCode(month)+"-"+d.code, "cases", "Malaria, all forms", d, month)
			a.whole("cases", int64(n))
			a.end()
		}
	}
}

func (a *figures) round(r *round) {
	start := r.start()
	month := (start.Year()-firstYear)*12 + int(start.Month()) - int(firstMonth)
	a.start("SMC-"+monthCode(month)+"-"+r.district.code, "campaign", "Children treated, malaria chemoprevention", r.district, month)
	a.text("campaign", r.campaign())
	a.text("cycle", padded(r.cycle, 2))
	a.reached(r.target, r.treated)
	a.end()
}
