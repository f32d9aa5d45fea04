package ipc

import (
	"bytes"

	"oauthd/ipc/api"
)

// scanTokenRequest reads the usual form of a token request in one pass: a flat object of known fields, each given once,
// with strings of ASCII without escapes. It gives up (ok is false) at anything else, right or wrong, and leaves it to
// the strict decoder. A fuzz test checks that the two agree.
func scanTokenRequest(data []byte) (r api.TokenRequest, ok bool) {
	s := scanner{rest: data}
	seen := 0
	if !s.take('{') {
		return r, false
	}
	for {
		key, good := s.text()
		if !good || !s.take(':') {
			return r, false
		}
		field := 0
		switch string(key) {
		case "account":
			field, good = 1, s.string(&r.Account)
		case "scope":
			field, good = 2, s.string(&r.Scope)
		case "audience":
			field, good = 4, s.string(&r.Audience)
		case "resource":
			field, good = 8, s.string(&r.Resource)
		case "min_ttl":
			r.MinTTL = new(int64)
			field, good = 16, s.seconds(r.MinTTL)
		case "force":
			field, good = 32, s.flag(&r.Force)
		case "id_token":
			field, good = 64, s.flag(&r.IDToken)
		case "url":
			field, good = 128, s.string(&r.URL)
		default:
			return r, false
		}
		if !good || seen&field != 0 {
			return r, false
		}
		seen |= field
		if s.take(',') {
			continue
		}
		end := s.take('}')
		s.space()
		return r, end && len(s.rest) == 0
	}
}

type scanner struct{ rest []byte }

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == '\r' || s.rest[0] == '\n') {
		s.rest = s.rest[1:]
	}
}

func (s *scanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for i, c := range s.rest {
		if c == '"' {
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text, true
		}
		if !plain(c) {
			return nil, false
		}
	}
	return nil, false
}

func (s *scanner) string(into *string) bool {
	text, ok := s.text()
	if ok {
		*into = string(text)
	}
	return ok
}

func (s *scanner) flag(into *bool) bool {
	s.space()
	for _, f := range []struct {
		text  string
		value bool
	}{{"true", true}, {"false", false}} {
		if rest, ok := bytes.CutPrefix(s.rest, []byte(f.text)); ok {
			s.rest, *into = rest, f.value
			return true
		}
	}
	return false
}

// seconds reads a number of up to nine digits.
func (s *scanner) seconds(into *int64) bool {
	s.space()
	digits := 0
	for digits < len(s.rest) && s.rest[digits] >= '0' && s.rest[digits] <= '9' {
		*into = *into*10 + int64(s.rest[digits]-'0')
		if digits++; digits > 9 {
			return false
		}
	}
	if digits == 0 || digits > 1 && s.rest[0] == '0' {
		return false
	}
	s.rest = s.rest[digits:]
	return true
}

// plain reports whether c stands for itself in a JSON string and is ASCII.
func plain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }
