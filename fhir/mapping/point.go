package mapping

import (
	"encoding/json"
	"strings"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// axis returns a coordinate of each point: its latitude for 'a', its longitude for 'o'. What is no point that has
// coordinates, such as a geohash, makes the record unmappable.
func (x *run) axis(points []record.Value, axis byte) []record.Value {
	x.some = x.some[:0]
	for _, p := range points {
		lat, lon := coordinates(p.Text())
		text := lat
		if axis == 'o' {
			text = lon
		}
		if !fhir.IsNumber(text) {
			x.fail("position", "found %q; expected a point with coordinates", short(p.Text()))
			return nil
		}
		x.some = append(x.some, record.StringValue(text))
	}
	return x.some
}

// coordinates returns the digits of a geo_point's coordinates, or "".
func coordinates(text string) (lat, lon string) {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "{"):
		var p struct{ Lat, Lon json.Number }
		if json.Unmarshal([]byte(text), &p) != nil {
			return "", ""
		}
		return p.Lat.String(), p.Lon.String()
	case strings.HasPrefix(text, "["):
		var p []json.Number
		if json.Unmarshal([]byte(text), &p) != nil || len(p) < 2 {
			return "", ""
		}
		return p[1].String(), p[0].String()
	case strings.HasPrefix(text, `"`):
		if json.Unmarshal([]byte(text), &text) != nil {
			return "", ""
		}
	}
	if point, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(text)), "POINT"); ok {
		parts := strings.Fields(strings.Trim(strings.TrimSpace(point), "()"))
		if len(parts) < 2 {
			return "", ""
		}
		return parts[1], parts[0]
	}
	lat, lon, _ = strings.Cut(text, ",")
	return strings.TrimSpace(lat), strings.TrimSpace(lon)
}
