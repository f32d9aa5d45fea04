// Package apitest has what tests of the exits share: text as a hostile stranger would send it, and a judge of what arrives
// at a terminal, a log or a page. The judge is written from Unicode's lists, without the filter it judges.
package apitest

import (
	"fmt"
	"strings"
	"unicode"
)

// Unprintable describes the first character of text that must never be shown: a control character other than a line
// break, a bidi or other format character, a zero-width or blank one, or a byte that is not UTF-8. It returns "" if there
// is none.
func Unprintable(text string) string {
	for i, r := range text {
		switch {
		case r == '\n':
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], "\ufffd"):
			return fmt.Sprintf("the byte %#x at %d, which is not UTF-8", text[i], i)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp),
			unicode.In(r, unicode.Bidi_Control, unicode.Join_Control, unicode.Variation_Selector,
				unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point):
			return fmt.Sprintf("%U at %d", r, i)
		}
	}
	return ""
}

// Hostile returns texts that steer a terminal, forge a line, reorder what stands beside them, do not show, are not UTF-8,
// or are far too long.
func Hostile() []string {
	return []string{
		"\x1b]0;X\a\x1b[31m\nhint: forged",
		"\x1b[2J\x1b[H\x1b[?1049h",
		"\u009b31m\u009d0;X\u009c\u0085x",
		"\x9b31m\x90\xff\xfe\xe2\x80",
		"\r\noauthd: forged\roauthd:",
		"a\u2028hint: forged\u2029b\vc\fd\te",
		"\u202egnp.exe\u202c\u2066x\u2069\u200e\u200f\u061c",
		"ad\u200bm\u200ci\u200dn\u2060\ufeff\u00ad\u180e",
		"\U000e0001\U000e0041\U000e007f\ufe0f\U000e0100\ufff9a\ufffab\ufffb",
		"\u115f\u1160\u3164\uffa0\u034f\u17b4\u206a\ue000\U0010fffd\uffff",
		"\x00\x01\x7f\b\b\b",
		strings.Repeat("\x1b[31mX", 300),
		strings.Repeat("é", 1500),
		`"};\`,
		"%s%n%[1]q",
	}
}
