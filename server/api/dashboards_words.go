package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/dashboard/figures"
)

// A voice has, in one language, what is said in pictures of figures beside the words of package chart. English has no metrics, since
// figures are labelled in it.
type voice struct {
	more, undated          string            // how many are not shown
	open                   map[string]string // that the last span of time is not over, by interval
	cannotShow, cannotDraw string
	records, percentile    string
	metrics                map[string]string
}

// voices are by language. Each is one that charts have numbers of: another one is another entry.
var voices = map[string]*voice{
	"en": {
		more: "%d more with %d records are not shown", undated: "%d records without a date are not shown",
		open: map[string]string{"hour": "the last hour is not over", "day": "the last day is not over", "week": "the last week is not over", "month": "the last month is not over",
			"quarter": "the last quarter is not over", "year": "the last year is not over"},
		cannotShow: "a %s cannot show these figures: %s", cannotDraw: "these figures cannot be drawn: %s",
	},
	"hi": {
		more: "%d और, %d अभिलेखों के साथ, नहीं दिखाए गए", undated: "बिना तारीख़ वाले %d अभिलेख नहीं दिखाए गए",
		open: map[string]string{"hour": "अंतिम घंटा पूरा नहीं हुआ है", "day": "अंतिम दिन पूरा नहीं हुआ है", "week": "अंतिम सप्ताह पूरा नहीं हुआ है", "month": "अंतिम महीना पूरा नहीं हुआ है",
			"quarter": "अंतिम तिमाही पूरी नहीं हुई है", "year": "अंतिम वर्ष पूरा नहीं हुआ है"},
		cannotShow: "%s ये आँकड़े नहीं दिखा सकता: %s", cannotDraw: "ये आँकड़े चित्र में नहीं दिखाए जा सकते: %s", records: "अभिलेखों की संख्या", percentile: "%[2]s का %[1]v पर्सेंटाइल",
		metrics: map[string]string{"sum": "%s का योग", "avg": "%s का औसत", "min": "न्यूनतम %s", "max": "अधिकतम %s", "cardinality": "%s के अलग-अलग मान"},
	},
	"de": {
		more: "%d weitere mit %d Datensätzen sind nicht gezeigt", undated: "%d Datensätze ohne Datum sind nicht gezeigt",
		open: map[string]string{"hour": "die letzte Stunde ist nicht vorbei", "day": "der letzte Tag ist nicht vorbei", "week": "die letzte Woche ist nicht vorbei", "month": "der letzte Monat ist nicht vorbei",
			"quarter": "das letzte Quartal ist nicht vorbei", "year": "das letzte Jahr ist nicht vorbei"},
		cannotShow: "%s kann diese Zahlen nicht zeigen: %s", cannotDraw: "diese Zahlen lassen sich nicht zeichnen: %s", records: "Anzahl der Datensätze", percentile: "Perzentil %v von %s",
		metrics: map[string]string{"sum": "Summe von %s", "avg": "Mittel von %s", "min": "Kleinster Wert von %s", "max": "Größter Wert von %s", "cardinality": "Verschiedene Werte von %s"},
	},
	"fr": {
		more: "%d de plus, avec %d enregistrements, ne sont pas montrés", undated: "%d enregistrements sans date ne sont pas montrés",
		open: map[string]string{"hour": "la dernière heure n’est pas finie", "day": "le dernier jour n’est pas fini", "week": "la dernière semaine n’est pas finie", "month": "le dernier mois n’est pas fini",
			"quarter": "le dernier trimestre n’est pas fini", "year": "la dernière année n’est pas finie"},
		cannotShow: "%s ne peut pas montrer ces chiffres : %s", cannotDraw: "ces chiffres ne peuvent pas être dessinés : %s", records: "Nombre d’enregistrements", percentile: "Percentile %v de %s",
		metrics: map[string]string{"sum": "Somme de %s", "avg": "Moyenne de %s", "min": "Minimum de %s", "max": "Maximum de %s", "cardinality": "Valeurs différentes de %s"},
	},
}

// voiceOf returns the voice of a locale, such as hi-IN; of one without, the English one.
func voiceOf(locale string) *voice {
	language, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	if v := voices[language]; v != nil {
		return v
	}
	return voices["en"]
}

// measure says what the values of a column are, as far as that is a metric.
func (v *voice) measure(c *figures.Column) string {
	op, _, _ := strings.Cut(c.Name, "(")
	switch {
	case c.Name == "count" && c.Of == "" && c.Kind == "number":
		return v.records
	case c.Of == "":
		return c.Label
	case c.Percent != nil:
		return fmt.Sprintf(v.percentile, *c.Percent, c.Of)
	case v.metrics[op] != "":
		return fmt.Sprintf(v.metrics[op], c.Of)
	}
	return c.Label
}

// said returns data with the labels of what is measured in the language of the voice. The data itself does not change.
func (v *voice) said(data *figures.Data) *figures.Data {
	if v.metrics == nil || len(data.Columns) == 0 || len(data.Series) == 0 {
		return data
	}
	out := *data
	out.Columns = slices.Clone(data.Columns)
	last := &out.Columns[len(out.Columns)-1]
	before := last.Label
	last.Label = v.measure(last)
	out.Series = slices.Clone(data.Series)
	for i := range out.Series {
		s := &out.Series[i]
		if s.Label != before || s.Key != nil {
			continue
		}
		s.Label = last.Label
		if data.Type == "stat" {
			s.Points = slices.Clone(s.Points)
			for j := range s.Points {
				s.Points[j].Label = last.Label
			}
		}
	}
	return &out
}
