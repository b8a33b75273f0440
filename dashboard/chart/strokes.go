package chart

import "math"

// A polyline is places that are joined by straight lines.
type polyline [][2]float64

// flat returns the lines of a path, with curves as many short ones.
func flat(path outline) []polyline {
	var all []polyline
	var line polyline
	end := func() {
		if len(line) > 0 {
			all = append(all, line)
		}
		line = nil
	}
	for _, s := range path {
		switch s.op {
		case 'M':
			end()
			line = polyline{{s.at[0], s.at[1]}}
		case 'L':
			line = append(line, [2]float64{s.at[0], s.at[1]})
		case 'C':
			from := line[len(line)-1]
			const parts = 16
			for i := 1; i <= parts; i++ {
				t := float64(i) / parts
				u := 1 - t
				var p [2]float64
				for j := range p {
					p[j] = u*u*u*from[j] + 3*u*u*t*s.at[j] + 3*u*t*t*s.at[2+j] + t*t*t*s.at[4+j]
				}
				line = append(line, p)
			}
		default:
			line = append(line, line[0])
		}
	}
	end()
	return all
}

// dashed returns the parts of lines that are drawn.
func dashed(lines []polyline, dash []float64) []polyline {
	if len(dash) == 0 {
		return lines
	}
	var all []polyline
	for _, line := range lines {
		n, left := 0, dash[0]
		current := polyline{line[0]}
		for i := 1; i < len(line); i++ {
			from, to := line[i-1], line[i]
			length := math.Hypot(to[0]-from[0], to[1]-from[1])
			done := 0.0
			for length-done > left {
				done += left
				at := [2]float64{from[0] + (to[0]-from[0])*done/length, from[1] + (to[1]-from[1])*done/length}
				if n%2 == 0 {
					all = append(all, append(current, at))
				}
				current = polyline{at}
				n++
				left = dash[n%len(dash)]
			}
			left -= length - done
			current = append(current, to)
		}
		if n%2 == 0 {
			all = append(all, current)
		}
	}
	return all
}

// stroked returns what is filled for lines of a thickness: a rectangle for each, and a circle where two meet. All go the same way around, so
// that they add up.
func stroked(lines []polyline, thick float64) []outline {
	var all []outline
	half := thick / 2
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			length := math.Hypot(b[0]-a[0], b[1]-a[1])
			if length == 0 {
				continue
			}
			nx, ny := -(b[1]-a[1])/length*half, (b[0]-a[0])/length*half
			all = append(all, outline{move(a[0]-nx, a[1]-ny), lineTo(b[0]-nx, b[1]-ny), lineTo(b[0]+nx, b[1]+ny), lineTo(a[0]+nx, a[1]+ny), closed})
			if i+1 < len(line) && thick > 1 {
				all = append(all, append(arc(outline{move(b[0], b[1]-half)}, b[0], b[1], half, 0, 2*math.Pi), closed))
			}
		}
	}
	return all
}
