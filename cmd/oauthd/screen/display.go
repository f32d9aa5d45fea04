package screen

import (
	"io"
	"os"

	"oauthd/ipc/api"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Display is what is known about the terminal behind a stream. The zero value is a pipe or a file: whatever is written
// there has no colours and no end of the line.
type Display struct {
	Columns, Rows int
	Colours       bool
}

// DisplayOf looks at the stream behind w, which may be resized between two calls.
func DisplayOf(w io.Writer) Display {
	f, ok := Raw(w).(*os.File)
	if !ok || !IsTerminal(f) {
		return Display{}
	}
	d := Display{Columns: 80, Rows: 24}
	if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && rows > 0 {
		d.Columns, d.Rows = columns, rows
	}
	d.Colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && showsColours(f) // https://no-color.org
	return d
}

// Style is how a word stands out on a terminal with colours (ECMA-48, SGR).
type Style string

// The styles, of which Plain leaves a text as it is.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint returns text, filtered, in a style if the display has colours. Write it to [Raw].
func (d Display) Paint(s Style, text string) string {
	text = api.Printable(text)
	if s == Plain || text == "" || !d.Colours {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// styled is an argument for [Say]: a text in a style.
type styled struct {
	style Style
	text  string
}

// Styled returns an argument for [Say], which writes text in a style if the terminal has colours.
func Styled(s Style, text string) any { return styled{s, text} }

// IsTerminal reports whether stream, a reader or writer, is a terminal.
func IsTerminal(stream any) bool {
	if s, ok := stream.(*screen); ok {
		stream = s.to
	}
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
