package api

import (
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// Marshal is [json.Marshal] for JSON that a person may look at: every character that [Printable] would change stands
// there as an escape, which means the same to a program.
func Marshal(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return EscapeJSON(text), nil
}

// EscapeJSON returns valid JSON with every character in it that [Printable] would change as an escape (RFC 8259 §7),
// line breaks and spaces between tokens excepted, and a byte that is not UTF-8 as U+FFFD. It does not change what the
// JSON means, and returns text itself if there is nothing to do.
func EscapeJSON(text []byte) []byte {
	var out []byte
	done := 0 // text[:done] is in out
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c <= '~' || c == '\n' { // most of a long answer
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r != '\r' && r != '\t' && (r == utf8.RuneError || !shows(r)) {
			out = append(out, text[done:i]...)
			if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
				out = appendEscape(appendEscape(out, high), low)
			} else {
				out = appendEscape(out, r)
			}
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

func appendEscape(out []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[r>>12&0xf], digits[r>>8&0xf], digits[r>>4&0xf], digits[r&0xf])
}
