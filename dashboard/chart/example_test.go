package chart_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/digit-health/dhr/dashboard/chart"
)

// A picture of one number, and the same in words for those who cannot see it.
func Example() {
	d, err := chart.Layout(&chart.Chart{
		Type: chart.Stat, Title: "Malaria cases", Locale: "en-IN",
		Series:   []chart.Series{{Points: []chart.Point{{Key: "2026-07", Label: "July 2026", Value: 1234567}}}},
		Previous: &chart.Previous{Label: "June 2026", Value: 1100000},
	}, &chart.Options{Width: 240, Height: 120})
	if err != nil {
		panic(err)
	}
	fmt.Println(d.Description())
	if err := d.HTML(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// Number: July 2026: 12,34,567; +12.2%; June 2026: 11,00,000.
	// <table class="dhr-chart-table" lang="en-IN"><caption dir="auto">Malaria cases</caption>
	// <thead><tr><th scope="col" dir="auto">Time</th><th scope="col" class="number" dir="auto">Value</th></tr></thead>
	// <tbody>
	// <tr><th scope="row" dir="auto" data-key="2026-07">July 2026</th><td class="number" dir="auto" data-key="2026-07">12,34,567</td></tr>
	// <tr><th scope="row" dir="auto">June 2026</th><td class="number" dir="auto">11,00,000</td></tr>
	// </tbody></table>
}

// What would say something untrue is refused, with the place where it stands.
func ExampleLayout_refused() {
	_, err := chart.Layout(&chart.Chart{Type: chart.Bar, Series: []chart.Series{
		{Label: "Weight", Unit: "kg", Points: []chart.Point{{Label: "Patna", Value: 12}}},
		{Label: "Height", Unit: "cm", Points: []chart.Point{{Label: "Patna", Value: 80}}},
	}}, nil)
	fmt.Println(err)
	fmt.Println(errors.Is(err, chart.ErrUnits))
	// Output:
	// chart: series[1].unit: different units on one axis: "cm" beside "kg"
	// true
}
