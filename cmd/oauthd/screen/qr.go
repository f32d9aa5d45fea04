package screen

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mdp/qrterminal/v3"
)

// QR prints a URL as a QR code, if it fits into so many characters and lines. The caller has checked that a browser may be
// sent there.
func QR(w io.Writer, address string, columns, rows int) {
	const most = 500 // bytes: more is hard to scan off a screen
	if len(address) > most {
		return
	}
	var code strings.Builder
	qrterminal.GenerateWithConfig(address, qrterminal.Config{
		Level: qrterminal.L, Writer: &code, HalfBlocks: true, QuietZone: 2,
		BlackChar: qrterminal.BLACK_BLACK, WhiteChar: qrterminal.WHITE_WHITE,
		BlackWhiteChar: qrterminal.BLACK_WHITE, WhiteBlackChar: qrterminal.WHITE_BLACK,
	})
	first, _, _ := strings.Cut(code.String(), "\n")
	if utf8.RuneCountInString(first) > columns || strings.Count(code.String(), "\n") > rows {
		return
	}
	fmt.Fprintln(w, code.String())
}
