package screen

import (
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Width returns how many columns of a terminal text takes: a Chinese character two, an accent of its own none.
func Width(text string) int { return displaywidth.String(text) }

// Shorten cuts text to most columns, in its middle: the beginning and the end are what a person knows it by. No character
// is cut into its parts.
func Shorten(text string, most int) string {
	if most < 1 {
		return ""
	}
	if Width(text) <= most {
		return text
	}
	var characters []string
	for each := displaywidth.StringGraphemes(text); each.Next(); {
		characters = append(characters, each.Value())
	}
	var head, tail string
	for _, c := range characters {
		if Width(head+c) > most/2 {
			break
		}
		head += c
	}
	for _, c := range slices.Backward(characters) {
		if Width(c+tail) > most-1-most/2 {
			break
		}
		tail = c + tail
	}
	return head + "…" + tail
}

// Wrap breaks text between words into lines of at most so many columns; 0 is one line. A word that is longer gets a
// line of its own.
func Wrap(text string, columns int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := Width(word)
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
