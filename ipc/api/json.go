package api

import (
	"bytes"
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
	if bytes.IndexFunc(text, escapes) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		high, low := utf16.EncodeRune(r)
		switch {
		case !escapes(r):
			out = append(out, text[:size]...)
		case high != utf8.RuneError:
			out = appendEscape(appendEscape(out, high), low)
		default:
			out = appendEscape(out, r)
		}
		text = text[size:]
	}
	return out
}

// escapes reports whether r must not stand in JSON as itself. Valid JSON has no control characters in its strings.
func escapes(r rune) bool {
	switch {
	case r >= ' ' && r <= '~', r == '\n', r == '\r', r == '\t':
		return false
	}
	return r == utf8.RuneError || !shows(r)
}

func appendEscape(out []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[r>>12&0xf], digits[r>>8&0xf], digits[r>>4&0xf], digits[r&0xf])
}
