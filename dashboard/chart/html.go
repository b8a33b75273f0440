package chart

import "io"

// HTML writes the figures of the chart as a table element, for those who cannot see the picture, or want to know exactly. Cells of points
// with a Key have it as data-key. What runs from right to left may stand beside what does not.
func (d *Drawing) HTML(w io.Writer) error {
	b := append([]byte(nil), `<table class="dhr-chart-table" lang="`...)
	b = append(b, d.locale.language()...)
	b = append(b, `"><caption dir="auto">`...)
	b = appendEscaped(b, d.name())
	b = append(b, "</caption>\n<thead><tr>"...)
	for _, c := range d.tabled().columns {
		b = append(b, `<th scope="col"`...)
		if c.number {
			b = append(b, ` class="number"`...)
		}
		b = append(b, ` dir="auto">`...)
		b = appendEscaped(b, c.label)
		b = append(b, "</th>"...)
	}
	b = append(b, "</tr></thead>\n<tbody>\n"...)
	for _, row := range d.tabled().rows {
		b = append(b, "<tr>"...)
		for i, c := range row {
			tag, class := "td", ""
			if i == 0 {
				tag, class = "th", ` scope="row"`
			}
			if d.tabled().columns[i].number {
				class += ` class="number"`
			}
			b = append(append(append(b, '<'), tag...), class...)
			b = append(b, ` dir="auto"`...)
			if c.key != "" {
				b = append(b, ` data-key="`...)
				b = appendEscaped(b, c.key)
				b = append(b, '"')
			}
			b = append(b, '>')
			b = appendEscaped(b, c.text)
			b = append(append(append(b, "</"...), tag...), '>')
		}
		b = append(b, "</tr>\n"...)
	}
	b = append(b, "</tbody></table>\n"...)
	_, err := w.Write(b)
	return err
}
