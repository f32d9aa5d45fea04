package screen

import (
	"strings"
	"unicode/utf8"
)

// Shorten cuts text to most characters, in its middle: the beginning and the end are what a person knows it by.
func Shorten(text string, most int) string {
	if most < 1 {
		return ""
	}
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	head := most / 2
	tail := most - 1 - head
	return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
}

// Wrap breaks text between words into lines of at most columns characters; 0 is one line. A word that is longer gets a
// line of its own.
func Wrap(text string, columns int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if used > 0 && columns > 0 && used+1+n > columns {
			lines = append(lines, line.String())
			line.Reset()
			used = 0
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(word)
		used += n
	}
	return append(lines, line.String())
}
