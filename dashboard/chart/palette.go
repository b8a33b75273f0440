package chart

// A palette is the colours of a theme.
type palette struct {
	background, text, muted, grid, axis colour
	rest                                colour   // of "other"
	series                              []colour // one for each series or slice
}

var themes = map[Theme]*palette{
	Light: {
		background: 0xFFFFFF, text: 0x1B2733, muted: 0x56636F, grid: 0xE4E8EC, axis: 0x8A96A1, rest: 0x8A8F94,
		series: []colour{0x2E4A9E, 0xD12900, 0x0F7F57, 0x88619F, 0x76070F, 0x2895FF, 0xBF8A00, 0x160065},
	},
	Dark: {
		background: 0x12181F, text: 0xE8ECF0, muted: 0xA3AFBA, grid: 0x29323B, axis: 0x66727E, rest: 0x8F969D,
		series: []colour{0x56B4E9, 0xE69F00, 0x4A9D58, 0xD3B3B2, 0xFFEB18, 0x6456BC, 0xA54C02, 0xBEEEFF},
	},
}

// maxSeries is how many series can be told apart.
const maxSeries = 8

// of returns the colour of a series, or of what is left when there is no other.
func (p *palette) of(series int) colour {
	if series < 0 || series >= len(p.series) {
		return p.rest
	}
	return p.series[series]
}

// dashes tell lines apart where colours do not.
var dashes = [][]float64{nil, {7, 3}, {2, 3}, {9, 3, 2, 3}, {12, 4}, {4, 2, 1, 2}, {1, 3}, {14, 3, 4, 3}}
