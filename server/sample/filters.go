package sample

// A Filter is a saved question that a new server has, for everybody to see.
type Filter struct {
	Name        string
	Description string
	JQL         string
	Indexes     []string
}

// Filters returns the saved questions of the sample. Their relative dates are
// meant to be asked as of [AsOf].
func Filters() []Filter { return append(askedFilters(), shownFilters()...) }

// askedFilters are those that are there to be asked.
func askedFilters() []Filter {
	return []Filter{
		{
			Name:        "Malaria in small children",
			Description: "Children under five with malaria, the latest first.",
			JQL:         `diagnosis ~ malaria AND age < 5 ORDER BY visited_at DESC`,
			Indexes:     []string{Visits},
		},
		{
			Name:        "Cholera in Mabiri",
			Description: "The outbreak of 2026, day by day.",
			JQL:         `icd10 = A00.9 AND district = Mabiri AND visited_at >= 2026-07-01 ORDER BY visited_at`,
			Indexes:     []string{Visits},
		},
		{
			Name:        "Severe this month",
			Description: "Severe cases since the first of the month.",
			JQL:         `severity = severe AND visited_at >= startOfMonth() ORDER BY visited_at DESC`,
			Indexes:     []string{Visits},
		},
		{
			Name:        "Out of stock",
			Description: "Facilities that had nothing left of a medicine at the end of a month.",
			JQL:         `kind = stock AND out_of_stock = "true" ORDER BY month DESC, facility`,
			Indexes:     []string{Analytics},
		},
		{
			Name:        "Missing reports",
			Description: "Districts in which a facility sent no report.",
			JQL:         `kind = reporting AND coverage_percent < 100 ORDER BY month DESC`,
			Indexes:     []string{Analytics},
		},
		{
			Name:        "Treatments given up",
			Description: "Treatments that went from active to stopped, or whose patients did not come back.",
			JQL:         `status CHANGED FROM active AND status IN (stopped, "lost to follow-up") ORDER BY started_at DESC`,
			Indexes:     []string{Treatments},
		},
		{
			Name:        "Deaths",
			Description: "Patients who died under treatment.",
			JQL:         `fatal = "true" ORDER BY recorded_at DESC`,
			Indexes:     []string{Outcomes},
		},
		{
			Name:        "Children not treated in the campaign",
			Description: "Tasks of the campaign of 2026 that ended without medicine, and how.",
			JQL:         `campaign = CMP-2026-06-03-000315 AND status != ADMINISTRATION_SUCCESS ORDER BY Data.taskDates DESC`,
			Indexes:     []string{Tasks},
		},
	}
}

// shownFilters are those of which the dashboards of the sample are made.
func shownFilters() []Filter {
	return []Filter{
		{
			Name:        "Malaria",
			Description: "Visits with malaria of any form.",
			JQL:         `diagnosis ~ malaria ORDER BY visited_at DESC`,
			Indexes:     []string{Visits},
		},
		{
			Name:        "Malaria in November 2026",
			Description: "Visits with malaria of any form in the last month of the sample.",
			JQL:         `diagnosis ~ malaria AND visited_at >= 2026-11-01 AND visited_at <= 2026-11-30`,
			Indexes:     []string{Visits},
		},
		{
			Name:        "Campaign of 2026",
			Description: "What each cycle of malaria chemoprevention reached, by district.",
			JQL:         `campaign = CMP-2026-06-03-000315 AND kind = campaign ORDER BY month, district`,
			Indexes:     []string{Analytics},
		},
		{
			Name:        "Last cycle of 2026",
			Description: "What the last cycle of malaria chemoprevention reached, by district.",
			JQL:         `campaign = CMP-2026-06-03-000315 AND kind = campaign AND cycle = "04" ORDER BY district`,
			Indexes:     []string{Analytics},
		},
		{
			Name:        "Stock of AL in November 2026",
			Description: "What facilities had left of artemether-lumefantrine at the end of the month.",
			JQL:         `kind = stock AND product_code = AL AND month >= 2026-11-01 AND month <= 2026-11-30 ORDER BY on_hand`,
			Indexes:     []string{Analytics},
		},
	}
}
