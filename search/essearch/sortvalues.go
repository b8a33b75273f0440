package essearch

import "unsafe"

// elements returns how many elements a JSON array has. It must be a sound one.
func elements(array []byte) int {
	n, depth := 0, 0
	for i := 0; i < len(array); i++ {
		switch array[i] {
		case '"':
			i = endOfText(array, i)
			n = max(n, 1)
		case '[', '{':
			if depth++; depth > 1 {
				n = max(n, 1)
			}
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		case ' ', '\n', '\r', '\t':
		default:
			n = max(n, 1)
		}
		if n == 1 && array[i] == ',' && depth == 1 {
			n = 2
		}
	}
	return n
}

// endOfText returns the place of the quote that ends the string that begins at i.
func endOfText(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}
