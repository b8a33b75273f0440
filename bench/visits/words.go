package visits

import (
	"math"
	"math/rand/v2"
	"strings"
)

// vocabulary is how many words notes are made of.
const vocabulary = 6000

// commonWords are the most frequent words of notes, the first the most.
var commonWords = strings.Fields(`patient with and reports for days no mild fever since complains of
cough advised rest follow up blood pressure normal history headache given oral fluids review after week
chest clear pain started tablet twice daily weakness body weight stable referred test sample malaria dengue
negative positive बुखार दवा खांसी मरीज़ वैक्सीन காய்ச்சல் vaccinated visit home child mother anaemia sugar improved`)

var districts = strings.Fields(`Pune Mumbai Nagpur Thane Nashik Aurangabad Solapur Amravati Kolhapur Nanded Sangli
Jalgaon Akola Latur Dhule Ahmednagar Chandrapur Parbhani Jalna Bhandara Satara Beed Yavatmal Gondia Wardha Osmanabad
Nandurbar Washim Hingoli Gadchiroli Raigad Ratnagiri Sindhudurg Palghar Buldhana Wai`)

var symptoms = strings.Fields(`fever cough headache fatigue nausea vomiting diarrhoea rash chills sweating
breathlessness jaundice sore-throat joint-pain back-pain dizziness loss-of-appetite swelling itching bleeding`)

var diagnoses = strings.Fields(`malaria dengue typhoid anaemia hypertension diabetes asthma bronchitis pneumonia
gastroenteritis tuberculosis measles influenza dermatitis hepatitis cholera migraine arthritis otitis conjunctivitis`)

var degrees = strings.Fields(`mild moderate severe acute chronic recurrent suspected confirmed uncomplicated resolving`)

var afters = strings.Fields(`fever infection deficiency complication exposure relapse pregnancy surgery injury dehydration`)

var syllables = strings.Fields(`ka ri mo tel san vi dor ne pha lu ber gin ta mi ro qua ser el pon dra cha ul te
nor vas ic lam pre do sti ra fen`)

// makeWords returns n different words, of which the first are given.
func makeWords(first []string, n int, r *rand.Rand) []string {
	words := make([]string, 0, n)
	seen := map[string]bool{}
	add := func(w string) {
		if !seen[w] && len(words) < n {
			seen[w] = true
			words = append(words, w)
		}
	}
	for _, w := range first {
		add(w)
	}
	for len(words) < n {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteString(syllables[r.IntN(len(syllables))])
		}
		add(b.String())
	}
	return words
}

// A lottery draws numbers with given chances, each in constant time.
type lottery struct {
	keep  []float64 // the chance to stay at a number once it was hit
	other []int32   // and where to go otherwise
}

// zipf returns a lottery of n numbers in which number i is drawn (i+1)^-s as often as 0.
func zipf(n int, s float64) *lottery {
	weights := make([]float64, n)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -s)
		sum += weights[i]
	}
	l := &lottery{make([]float64, n), make([]int32, n)}
	var small, large []int
	for i := range weights {
		weights[i] *= float64(n) / sum
		if weights[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		few, many := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		l.keep[few], l.other[few] = weights[few], int32(many)
		if weights[many] -= 1 - weights[few]; weights[many] < 1 {
			large = large[:len(large)-1]
			small = append(small, many)
		}
	}
	for _, i := range append(small, large...) {
		l.keep[i] = 1
	}
	return l
}

func (l *lottery) draw(r *rand.Rand) int {
	i := r.IntN(len(l.keep))
	if r.Float64() < l.keep[i] {
		return i
	}
	return int(l.other[i])
}
