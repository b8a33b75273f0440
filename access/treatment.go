package access

import (
	"errors"
	"fmt"
	"slices"
)

// Bounds on masks.
const (
	maxWidth  = 1_000_000
	maxLength = 10_000
	maxText   = 1024
)

// units are those of a Date, the coarsest first.
var units = []string{"year", "month", "day"}

// check returns what is wrong with t.
func (t *Treatment) check() error {
	known := Treatment{As: t.As}
	switch t.As {
	case Hidden, Removed, Visible:
	case Constant:
		known.Text = t.Text
		if len(t.Text) > maxText {
			return fmt.Errorf("a text of more than %d bytes", maxText)
		}
	case Pseudonym:
		known.Domain = t.Domain
		if len(t.Domain) > maxText {
			return fmt.Errorf("a domain of more than %d bytes", maxText)
		}
	case Date:
		known.Unit = t.Unit
		if !slices.Contains(units, t.Unit) {
			return fmt.Errorf("the unit %q of a date is not year, month or day", t.Unit)
		}
	case Band:
		known.Width, known.Top = t.Width, t.Top
		if t.Width < 1 || t.Width > maxWidth {
			return fmt.Errorf("the width %d of a band is not between 1 and %d", t.Width, maxWidth)
		}
		if t.Top < 0 || t.Top%t.Width != 0 {
			return fmt.Errorf("the top %d of bands is no multiple of their width %d", t.Top, t.Width)
		}
	case First:
		known.Length = t.Length
		if t.Length < 1 || t.Length > maxLength {
			return fmt.Errorf("the length %d is not between 1 and %d", t.Length, maxLength)
		}
	default:
		return fmt.Errorf("%q is no way to show a field; the ways are hidden, removed, constant, pseudonym, date, band, first and visible", t.As)
	}
	if known != *t {
		return errors.New("there is more than a field that is shown as " + string(t.As) + " needs")
	}
	return nil
}

// meet returns the strictest of two treatments: one that says nothing that
// cannot be told from either of them.
func meet(a, b Treatment) Treatment {
	if rank(a) > rank(b) {
		a, b = b, a
	}
	switch {
	case a == b, rank(a) < 2, b.As == Visible:
		return a
	case a.As != b.As:
		return Treatment{As: Removed}
	}
	switch a.As {
	case Date:
		return Treatment{As: Date, Unit: units[min(slices.Index(units, a.Unit), slices.Index(units, b.Unit))]}
	case First:
		return Treatment{As: First, Length: min(a.Length, b.Length)}
	case Band:
		return meetBands(a, b)
	}
	return Treatment{As: Removed} // pseudonyms of two domains, or two texts
}

// rank puts treatments in an order in which a stricter one comes before the other.
func rank(t Treatment) int {
	switch t.As {
	case Hidden, "":
		return 0
	case Removed:
		return 1
	case Visible:
		return 3
	}
	return 2
}

// meetBands returns the finest bands that both a and b can be put together to.
func meetBands(a, b Treatment) Treatment {
	w := a.Width / gcd(a.Width, b.Width) * b.Width
	if w > maxWidth {
		return Treatment{As: Removed}
	}
	top := max(a.Top, b.Top)
	if a.Top > 0 && b.Top > 0 {
		top = min(a.Top, b.Top)
	}
	if top > 0 {
		if top -= top % w; top == 0 {
			return Treatment{As: Removed}
		}
	}
	return Treatment{As: Band, Width: w, Top: top}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// within reports whether a shows nothing that b does not.
func within(a, b Treatment) bool { return meet(a, b) == a }
