package record

import (
	"bytes"
	"strings"
)

// isPoint reports whether json, a sound JSON value, is a single point in a form
// that a geo_point takes: an object with lat and lon, with a geohash, or as
// GeoJSON has it; a list of two or three numbers; a string. Where the point
// lies is not looked at.
func isPoint(json []byte) bool {
	switch json[0] {
	case '{':
		return isPointObject(json)
	case '[':
		return isPointList(json)
	case '"':
		var buf [64]byte
		return isPointText(view(characters(buf[:0], json)))
	}
	return false
}

// characters returns what stands in the quotes of json, a sound string.
func characters(buf, json []byte) []byte {
	json = json[1 : len(json)-1]
	if bytes.IndexByte(json, '\\') < 0 {
		return json
	}
	return unescape(buf, json)
}

// isPointObject reports whether json, a sound object, is a point.
func isPointObject(json []byte) bool {
	s := scanner{src: json}
	var lat, lon, hash, typ, coordinates bool
	var buf [32]byte
	s.enter()
	if s.space() == '}' {
		return false
	}
	for more := true; more; more, _ = s.next('}') {
		start := s.pos
		s.skip()
		key := characters(buf[:0], json[start:s.pos])
		s.colon()
		start = s.pos
		s.skip()
		value, ok := json[start:s.pos], false
		switch string(key) {
		case "lat":
			ok, lat = isCoordinate(value) && !lat, true
		case "lon":
			ok, lon = isCoordinate(value) && !lon, true
		case "geohash":
			ok, hash = value[0] == '"' && isGeohash(view(value[1:len(value)-1])) && !hash, true
		case "type":
			ok, typ = strings.EqualFold(view(value), `"point"`) && !typ, true
		case "coordinates":
			ok, coordinates = value[0] == '[' && isPointList(value) && !coordinates, true
		}
		if !ok {
			return false
		}
	}
	switch {
	case lat || lon:
		return lat && lon && !hash && !typ && !coordinates
	case hash:
		return !typ && !coordinates
	}
	return typ && coordinates
}

// isCoordinate reports whether json is a number, which may stand in quotes.
func isCoordinate(json []byte) bool {
	if json[0] == '"' {
		return isNumber(view(json[1 : len(json)-1]))
	}
	return json[0] == '-' || isDigit(json[0])
}

// isPointList reports whether json, a sound list, holds two or three numbers.
func isPointList(json []byte) bool {
	s := scanner{src: json}
	s.enter()
	if s.space() == ']' {
		return false
	}
	n := 0
	for more := true; more; more, _ = s.next(']') {
		if c := s.src[s.pos]; c != '-' && !isDigit(c) {
			return false
		}
		s.skip()
		n++
	}
	return n == 2 || n == 3
}

// isPointText reports whether text is "lat,lon", a POINT as WKT has it, or a geohash.
func isPointText(text string) bool {
	if inside, ok := cutWKT(text); ok {
		return countNumbers(inside, " \t\n\r")
	}
	if strings.IndexByte(text, ',') >= 0 {
		return countNumbers(text, ",")
	}
	return isGeohash(text)
}

// cutWKT returns what stands in the brackets of POINT (30 10).
func cutWKT(text string) (inside string, ok bool) {
	const word = "point"
	text = strings.TrimSpace(text)
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return "", false
	}
	text = strings.TrimSpace(text[len(word):])
	if len(text) < 2 || text[0] != '(' || text[len(text)-1] != ')' {
		return "", false
	}
	return text[1 : len(text)-1], true
}

// countNumbers reports whether text is two or three numbers with one of the
// separators between each two; spaces do not count as further ones.
func countNumbers(text, separators string) bool {
	n := 0
	for more := true; more; n++ {
		text = strings.TrimSpace(text)
		part := text
		i := strings.IndexAny(text, separators)
		if more = i >= 0; more {
			part, text = text[:i], text[i+1:]
		}
		if !isNumber(strings.TrimSpace(part)) {
			return false
		}
	}
	return n == 2 || n == 3
}

// isNumber reports whether text is a decimal number.
func isNumber(text string) bool {
	_, ok := splitNumber(text)
	return ok
}

// isGeohash reports whether text has the digits and letters of a geohash only.
func isGeohash(text string) bool {
	for i := 0; i < len(text); i++ {
		if strings.IndexByte("0123456789bcdefghjkmnpqrstuvwxyz", text[i]) < 0 {
			return false
		}
	}
	return text != ""
}
