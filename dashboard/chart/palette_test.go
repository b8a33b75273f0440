package chart_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

// linear returns the light of a colour.
func linear(c int32) [3]float64 {
	var all [3]float64
	for i := range all {
		v := float64(c>>(16-8*i)&255) / 255
		if v <= 0.04045 {
			all[i] = v / 12.92
		} else {
			all[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return all
}

func contrast(a, b int32) float64 {
	light := func(c int32) float64 { l := linear(c); return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2] + 0.05 }
	return max(light(a), light(b)) / min(light(a), light(b))
}

// eyes are what people see who lack one kind of cone (Machado, Oliveira, Fernandes 2009), and who lack none.
var eyes = map[string][9]float64{
	"all":          {1, 0, 0, 0, 1, 0, 0, 0, 1},
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

// oklab returns where a colour stands among all that people can tell apart.
func oklab(c int32, eye [9]float64) [3]float64 {
	in := linear(c)
	var l [3]float64
	for i := range l {
		l[i] = max(eye[3*i]*in[0]+eye[3*i+1]*in[1]+eye[3*i+2]*in[2], 0)
	}
	a := math.Cbrt(0.4122214708*l[0] + 0.5363325363*l[1] + 0.0514459929*l[2])
	b := math.Cbrt(0.2119034982*l[0] + 0.6806995451*l[1] + 0.1073969566*l[2])
	d := math.Cbrt(0.0883024619*l[0] + 0.2817188376*l[1] + 0.6299787005*l[2])
	return [3]float64{0.2104542553*a + 0.7936177850*b - 0.0040720468*d, 1.9779984951*a - 2.4285922050*b + 0.4505937099*d, 0.0259040371*a + 0.7827717662*b - 0.8086757660*d}
}

// Colours of series stand out from the background, texts can be read, and any two colours can be told apart.
func TestPalettes(t *testing.T) {
	t.Parallel()
	for _, theme := range []chart.Theme{chart.Light, chart.Dark} {
		background, texts, series := chart.Palette(theme)
		for _, c := range texts {
			require.GreaterOrEqual(t, contrast(c, background), 4.5, "%s: %06x", theme, c)
		}
		for i, c := range series {
			require.GreaterOrEqual(t, contrast(c, background), 3.0, "%s: %06x", theme, c)
			for _, other := range series[:i] {
				for name, eye := range eyes {
					a, b := oklab(c, eye), oklab(other, eye)
					require.GreaterOrEqual(t, math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2]), 0.08, "%s: %06x and %06x with %s", theme, c, other, name)
				}
			}
		}
	}
}
