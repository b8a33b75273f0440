package record

import (
	"cmp"
	"strings"
)

// compareVersions compares as Elasticsearch's type version does: valid versions
// by the precedence of Semantic Versioning, what is no version after them all,
// by code point. Versions of equal precedence are told apart by their text, so
// that only equal texts are equal.
func compareVersions(a, b string) int {
	va, vb := splitVersion(a), splitVersion(b)
	if va.ok != vb.ok {
		if va.ok {
			return -1
		}
		return 1
	}
	if va.ok {
		if c := compareParts(va.core, vb.core); c != 0 {
			return c
		}
		if c := comparePre(va.pre, vb.pre); c != 0 {
			return c
		}
	}
	return strings.Compare(a, b)
}

type versionParts struct {
	core, pre string
	ok        bool
}

// splitVersion takes 1.2.3-pre+build apart. Any number of numeric parts is a version, as in Elasticsearch.
func splitVersion(s string) (v versionParts) {
	rest, build, hasBuild := strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	if hasBuild && !identifiers(build, false, true) || hasPre && !identifiers(pre, false, false) || !identifiers(core, true, false) {
		return v
	}
	return versionParts{core, pre, true}
}

// identifiers reports whether s is a list of identifiers joined by points, each
// of letters, digits and hyphens. With only digits allowed it is a main version.
// Zeros may lead a number in a build only.
func identifiers(s string, numeric, build bool) bool {
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, ".")
		number := true
		for i := 0; i < len(part); i++ {
			c := part[i]
			if isDigit(c) {
				continue
			}
			if numeric || c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
			number = false
		}
		if part == "" || number && !build && len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return true
}

// comparePre compares pre-releases: none comes after any.
func comparePre(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(b2i(a == ""), b2i(b == ""))
	}
	return compareParts(a, b)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareParts compares identifier by identifier; the longer list wins a tie.
func compareParts(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareIdentifier(x, y); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), 0) - cmp.Compare(len(b), 0)
}

// compareIdentifier compares numbers by value, before all words, and words by code point.
func compareIdentifier(x, y string) int {
	nx, ny := identifiers(x, true, true), identifiers(y, true, true)
	switch {
	case nx && ny:
		if c := cmp.Compare(len(x), len(y)); c != 0 {
			return c
		}
	case nx:
		return -1
	case ny:
		return 1
	}
	return strings.Compare(x, y)
}
