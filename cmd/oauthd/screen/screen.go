// Package screen is the terminal as this program writes to it: text that is safe to show, styles, spinners, tables, and
// words for times, each in the width there is. A stream that is no terminal gets the same text, whole and without colours.
// What is written through [On] is filtered ([api.Printable]); only [Raw] goes around that.
package screen

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"oauthd/ipc/api"
)

// screen is a stream that a person may look at: whatever is written to it arrives as text ([api.Printable]), with its
// line breaks. What is ours and must arrive byte by byte, a token or what steers the terminal, goes around it through
// [Raw].
type screen struct {
	to io.Writer

	mu      sync.Mutex // guards the fields below
	rest    []byte     // the beginning of a character whose end is still to come
	spinner *spinner   // what [Progress] shows; nil for nothing
}

// Write implements [io.Writer].
func (s *screen) Write(p []byte) (int, error) {
	EndProgress(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(s.rest, p...)
	whole := len(text) - unfinished(text)
	s.rest = bytes.Clone(text[whole:])
	lines := strings.Split(string(text[:whole]), "\n")
	for i, line := range lines {
		lines[i] = api.Printable(line)
	}
	if _, err := io.WriteString(s.to, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unfinished returns how many bytes at the end of text begin a character that they do not complete.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// On returns w as a screen, which it may be already when one command runs another.
func On(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s
	}
	return &screen{to: w}
}

// Raw returns the stream behind a screen, for bytes of our own.
func Raw(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s.to
	}
	return w
}

// Say prints a sentence of ours about what is a stranger's: every text and error in args stays on its line. A
// [Styled] argument is in its style if w shows colours.
func Say(w io.Writer, format string, args ...any) {
	to := w
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = api.Printable(arg)
		case styled:
			args[i] = DisplayOf(w).Paint(arg.style, arg.text)
			to = Raw(w)
		case error:
			args[i] = api.Printable(arg.Error())
		default:
			if kind := reflect.ValueOf(arg).Kind(); kind >= reflect.Array { // no number, in which there is nothing to filter
				args[i] = api.Printable(fmt.Sprint(arg))
			}
		}
	}
	if to != w {
		EndProgress(w)
	}
	fmt.Fprintf(to, format, args...)
}

// Lines prints text after its label. Further lines are indented, so that none can pass for a label.
func Lines(w io.Writer, label, text string) {
	labels := map[string]Style{"oauthd: ": Red, "hint: ": Cyan, "warning: ": Yellow}
	EndProgress(w)
	// In one piece, because a prompt is shown anew after each.
	_, _ = io.WriteString(Raw(w), DisplayOf(w).Paint(labels[label], label)+strings.ReplaceAll(api.Lines(text), "\n", "\n  ")+"\n")
}

// Excerpts lists a stranger's words, each cut.
func Excerpts(words []string) string {
	shown := make([]string, len(words))
	for i, word := range words {
		shown[i] = api.Excerpt(word)
	}
	return strings.Join(shown, " ")
}
