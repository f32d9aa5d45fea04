package api

import (
	"strconv"
	"time"
)

// encoding is a token as JSON, without its expires_in, which is what changes from one answer to the next.
type encoding struct{ head, tail string }

// Encoded returns t with its JSON beside it, so that [Token.AppendJSON] only copies. It is for a token that is handed
// out many times: ExpiresIn may be set anew each time, and no other field may change any more.
func (t Token) Encoded() Token {
	t.encoded = &encoding{string(t.appendHead(nil)), string(t.appendTail(nil))}
	return t
}

// AppendJSON appends t as JSON to out, as [Marshal] would write it.
func (t *Token) AppendJSON(out []byte) []byte {
	if e := t.encoded; e != nil {
		return append(t.appendExpiresIn(append(out, e.head...)), e.tail...)
	}
	return t.appendTail(t.appendExpiresIn(t.appendHead(out)))
}

func (t *Token) appendHead(out []byte) []byte {
	out = appendString(append(out, `{"access_token":`...), t.AccessToken)
	return appendString(append(out, `,"token_type":`...), t.TokenType)
}

func (t *Token) appendExpiresIn(out []byte) []byte {
	if t.ExpiresIn == nil {
		return out
	}
	return strconv.AppendInt(append(out, `,"expires_in":`...), *t.ExpiresIn, 10)
}

func (t *Token) appendTail(out []byte) []byte {
	if t.Scope != "" {
		out = appendString(append(out, `,"scope":`...), t.Scope)
	}
	if t.IDToken != "" {
		out = appendString(append(out, `,"id_token":`...), t.IDToken)
	}
	out = appendString(append(out, `,"account":`...), t.Account)
	out = appendTime(out, `,"expires_at":`, t.ExpiresAt)
	out = appendTime(out, `,"id_token_expires_at":`, t.IDTokenExpiresAt)
	return append(out, '}')
}

func appendTime(out []byte, key string, t *time.Time) []byte {
	if t == nil {
		return out
	}
	out = append(append(out, key...), '"')
	return append(t.AppendFormat(out, time.RFC3339Nano), '"')
}

// appendString appends s as a JSON string (RFC 8259 §7).
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			b, err := Marshal(s)
			if err != nil {
				return append(out, `""`...)
			}
			return append(out, b...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
