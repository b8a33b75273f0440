package essearch

// firstElements returns the beginning of a sound JSON array, up to the end of
// its nth element or else of its last, and how many elements that are.
func firstElements(array []byte, n int) (part []byte, count int) {
	depth, any := 0, false
	for i := 0; i < len(array); i++ {
		switch array[i] {
		case '"':
			i, any = endOfText(array, i), true
		case '[', '{':
			depth++
			any = any || depth > 1
		case ']', '}':
			if depth--; depth == 0 {
				if any {
					count++
				}
				return array[:i], count
			}
		case ',':
			if depth == 1 {
				if count++; count == n {
					return array[:i], count
				}
			}
		case ' ', '\n', '\r', '\t':
		default:
			any = true
		}
	}
	return array, count
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

// elements returns how many elements a JSON array has.
func elements(array []byte) int {
	_, n := firstElements(array, -1)
	return n
}

// appendElement returns a copy of a JSON array with one more element; nothing counts as an empty one.
func appendElement(array []byte, element string) []byte {
	part, n := firstElements(array, -1)
	b := append(make([]byte, 0, len(array)+len(element)+2), part...)
	if len(b) == 0 {
		b = append(b, '[')
	}
	if n > 0 {
		b = append(b, ',')
	}
	return append(append(b, element...), ']')
}
