package fhir

import "github.com/digit-health/dhr/internal/nearest"

// Nearest returns the name that is most like what was written, or "" if none is. It is for "did you mean".
func Nearest(written string, names []string) string {
	return nearest.Of(written, (len(written)+2)/3, names)
}
