package api

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text from a stranger (a provider, a certificate, a caller, a file) may hold characters that steer a terminal, reorder
// what stands beside them or do not show at all. The functions of this file are the one filter against them.

const (
	// maxExcerpt is how many characters of a stranger's text are shown.
	maxExcerpt = 200
	// maxLines and maxLine bound a text that has lines of our own, and each of its lines, in characters.
	maxLines, maxLine = 4000, 1000
)

// Printable returns s as text on one line: without control, format, bidi and zero-width characters, private and
// unassigned code points, and with one space for a line break or tab, or several of them in a row, and for every other
// kind of space. A byte that is not UTF-8 becomes U+FFFD. Text of plain ASCII is returned as it is.
func Printable(s string) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	blank := false // whether b ends in a space
	for _, r := range s {
		switch {
		case breaksLine(r):
			if blank {
				continue
			}
			r = ' '
		case unicode.Is(unicode.Zs, r):
			r = ' '
		case !shows(r):
			continue
		}
		blank = r == ' '
		b.WriteRune(r)
	}
	return b.String()
}

// Excerpt is [Printable] without spaces around it, cut after 200 characters, which an ellipsis then shows.
func Excerpt(s string) string {
	return cut(strings.TrimSpace(Printable(s)), maxExcerpt)
}

// Lines is [Printable] for a text that has lines of our own: they stay lines, empty ones and spaces at their ends are
// dropped, and what is far too long for a person to read is cut.
func Lines(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimRight(Printable(line), " "); line != "" {
			lines = append(lines, cut(line, maxLine))
		}
	}
	return cut(strings.Join(lines, "\n"), maxLines)
}

// Foreign returns err with an [Excerpt] for its text, so that it may be quoted; nil for nil. It is for errors of
// libraries, which repeat what a stranger sent. [errors.Is] and [errors.As] see through it.
func Foreign(err error) error {
	if err == nil {
		return nil
	}
	return foreign{err}
}

type foreign struct{ err error }

// Error returns an excerpt.
func (f foreign) Error() string { return Excerpt(f.err.Error()) }

// Unwrap returns the error as the library made it.
func (f foreign) Unwrap() error { return f.err }

// shows reports whether r is a character that a person sees, in its place. strconv knows letters, marks, numbers,
// punctuation and symbols; some of them are blank all the same (Unicode, Default_Ignorable_Code_Point).
func shows(r rune) bool {
	return strconv.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// breaksLine reports whether r is a tab or one of Unicode's line breaks (UAX #14, BK, CR, LF and NL).
func breaksLine(r rune) bool {
	return r >= '\t' && r <= '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cut shortens s to most characters and an ellipsis.
func cut(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	for i := range s {
		if most == 0 {
			return s[:i] + "…"
		}
		most--
	}
	return s
}
