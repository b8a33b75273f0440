package chart

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A locale is how numbers, dates and the words around a chart are written. Another one is another entry of locales.
type locale struct {
	group   string // between the digits of large numbers
	indian  bool   // groups of two digits above the first thousand: 12,34,567
	point   string // before decimals
	gap     string // between a number and %
	dayMark string // behind the day of a month
	scales  []scale
	months  [12]string
	quarter string // with one %d
	week    string // with the first day
	words   words
}

// A scale is a word for a power of ten.
type scale struct {
	power int
	name  string
}

// words are said around the figures. What counts stands behind a colon, so that no language needs its plurals.
type words struct {
	empty, zero, other, categories, sum, total, missing string
	category, time, value, share, series                string
	notSummed, moreSeries, moreRows, moreColumns        string
	points, notDrawn, crowded                           string
	before, unchanged                                   string
	pie, bar, line, stat, table                         string
	from, to                                            string
	page, question, by, at, zone, lacking               string
}

const narrow, solid = "\u202F", "\u00A0" // blanks at which no line is broken

var locales = map[string]*locale{
	"en": {
		group: ",", point: ".", scales: []scale{{3, "k"}, {6, "M"}, {9, "B"}, {12, "T"}},
		months:  [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		quarter: "Q%d", week: "Week of %s", words: english,
	},
	"en-IN": {
		group: ",", indian: true, point: ".", scales: []scale{{5, "lakh"}, {7, "crore"}},
		months:  [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		quarter: "Q%d", week: "Week of %s", words: english,
	},
	"hi": {
		group: ",", indian: true, point: ".", scales: []scale{{5, "लाख"}, {7, "करोड़"}},
		months:  [12]string{"जन॰", "फ़र॰", "मार्च", "अप्रैल", "मई", "जून", "जुल॰", "अग॰", "सित॰", "अक्टू॰", "नव॰", "दिस॰"},
		quarter: "ति%d", week: "%s से सप्ताह",
		words: words{
			empty: "कोई डेटा नहीं", zero: "सभी मान 0 हैं", other: "अन्य", categories: "श्रेणियाँ", sum: "योग", total: "कुल", missing: "कोई मान नहीं",
			category: "श्रेणी", time: "समय", value: "मान", share: "हिस्सा", series: "शृंखलाएँ",
			notSummed: "नहीं दिखाई गई श्रेणियाँ", moreSeries: "नहीं दिखाई गई शृंखलाएँ", moreRows: "नहीं दिखाई गई पंक्तियाँ", moreColumns: "नहीं दिखाए गए स्तंभ",
			before: "पहले", unchanged: "कोई बदलाव नहीं", notDrawn: "चित्र में नहीं", points: "प्रतिशत अंक", crowded: "इस चित्र के लिए जगह कम है",
			pie: "पाई चार्ट", bar: "बार चार्ट", line: "रेखा चार्ट", stat: "संख्या", table: "तालिका", from: "न्यूनतम", to: "अधिकतम",
			page: "पृष्ठ %d / %d", question: "प्रश्न", by: "द्वारा", at: "समय", zone: "समय क्षेत्र", lacking: "जो अक्षर फ़ॉन्ट में नहीं हैं और � दिखाए गए हैं",
		},
	},
	"de": {
		group: ".", point: ",", gap: solid, dayMark: ".", scales: []scale{{6, "Mio."}, {9, "Mrd."}, {12, "Bio."}},
		months:  [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
		quarter: "Q%d", week: "Woche ab %s",
		words: words{
			empty: "Keine Daten", zero: "Alle Werte sind 0", other: "Andere", categories: "Kategorien", sum: "Summe", total: "Gesamt", missing: "kein Wert",
			category: "Kategorie", time: "Zeit", value: "Wert", share: "Anteil", series: "Reihen",
			notSummed: "Nicht gezeigte Kategorien", moreSeries: "Nicht gezeigte Reihen", moreRows: "Nicht gezeigte Zeilen", moreColumns: "Nicht gezeigte Spalten",
			before: "Vorher", unchanged: "unverändert", notDrawn: "Nicht gezeichnet", points: "Prozentpunkte", crowded: "Zu wenig Platz für dieses Bild",
			pie: "Kreisdiagramm", bar: "Balkendiagramm", line: "Liniendiagramm", stat: "Zahl", table: "Tabelle", from: "kleinster Wert", to: "größter Wert",
			page: "Seite %d von %d", question: "Frage", by: "Von", at: "Am", zone: "Zeitzone", lacking: "Zeichen, die den Schriften fehlen und als � gezeigt sind",
		},
	},
	"fr": {
		group: narrow, point: ",", gap: narrow, scales: []scale{{6, "M"}, {9, "Md"}},
		months:  [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
		quarter: "T%d", week: "Semaine du %s",
		words: words{
			empty: "Aucune donnée", zero: "Toutes les valeurs sont 0", other: "Autres", categories: "catégories", sum: "somme", total: "Total", missing: "aucune valeur",
			category: "Catégorie", time: "Temps", value: "Valeur", share: "Part", series: "séries",
			notSummed: "Catégories non montrées", moreSeries: "Séries non montrées", moreRows: "Lignes non montrées", moreColumns: "Colonnes non montrées",
			before: "Avant", unchanged: "inchangé", notDrawn: "Non dessiné", points: "points de pourcentage", crowded: "Trop peu de place pour cette image",
			pie: "Diagramme en secteurs", bar: "Diagramme à barres", line: "Courbes", stat: "Nombre", table: "Tableau", from: "minimum", to: "maximum",
			page: "Page %d sur %d", question: "Question", by: "Par", at: "Le", zone: "Fuseau horaire", lacking: "Caractères absents des polices, montrés comme �",
		},
	},
}

var english = words{
	empty: "No data", zero: "All values are 0", other: "Other", categories: "categories", sum: "sum", total: "Total", missing: "no value",
	category: "Category", time: "Time", value: "Value", share: "Share", series: "series",
	notSummed: "Categories not shown", moreSeries: "Series not shown", moreRows: "Rows not shown", moreColumns: "Columns not shown",
	before: "Before", unchanged: "unchanged", notDrawn: "Not drawn", points: "percentage points", crowded: "Too little room for this picture",
	pie: "Pie chart", bar: "Bar chart", line: "Line chart", stat: "Number", table: "Table", from: "least", to: "greatest",
	page: "Page %d of %d", question: "Question", by: "By", at: "At", zone: "Time zone", lacking: "Characters that the fonts lack, shown as �",
}

// Locales returns the tags of the locales that there are.
func Locales() []string { return slices.Sorted(maps.Keys(locales)) }

// localeOf returns the locale of a tag, or of what the tag is a kind of: "de-AT" is written as "de".
func localeOf(tag string) (*locale, error) {
	if tag == "" {
		tag = "en"
	}
	known := strings.ReplaceAll(tag, "_", "-")
	for {
		for name, l := range locales {
			if strings.EqualFold(name, known) {
				return l, nil
			}
		}
		cut := strings.LastIndexByte(known, '-')
		if cut < 0 {
			return nil, refuse(ErrLocale, fmt.Sprintf("%s, where there are %s", strconv.Quote(tag), strings.Join(Locales(), ", ")), "locale")
		}
		known = known[:cut]
	}
}

// language is what the page's attribute lang says.
func (l *locale) language() string {
	for tag, other := range locales {
		if l == other {
			return tag
		}
	}
	return ""
}

func (l *locale) date(t time.Time) string {
	return strconv.Itoa(t.Day()) + l.dayMark + solid + l.months[t.Month()-1] + solid + strconv.Itoa(t.Year())
}

func (l *locale) month(t time.Time) string {
	return l.months[t.Month()-1] + solid + strconv.Itoa(t.Year())
}

func clock(t time.Time) string {
	if t.Second() != 0 || t.Nanosecond() != 0 {
		return t.Format("15:04:05.999999999")
	}
	return t.Format("15:04")
}

// moment writes the time of a bucket.
func (l *locale) moment(t time.Time, i Interval) string {
	switch i {
	case Year:
		return strconv.Itoa(t.Year())
	case Quarter:
		return fmt.Sprintf(l.quarter, (t.Month()+2)/3) + solid + strconv.Itoa(t.Year())
	case Month:
		return l.month(t)
	case Week:
		return fmt.Sprintf(l.week, l.date(t))
	case Day:
		return l.date(t)
	}
	return l.date(t) + ", " + clock(t)
}

func (l *locale) name(t Type) string {
	w := &l.words
	return map[Type]string{Pie: w.pie, Bar: w.bar, Line: w.line, Stat: w.stat, Table: w.table}[t]
}
