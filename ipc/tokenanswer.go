package ipc

import (
	"strconv"
	"time"

	"oauthd/ipc/api"
)

// appendToken appends t as JSON. It is written by hand because it is most of the work of a cached answer; a test holds
// it to encoding/json.
func appendToken(out []byte, t *api.Token) []byte {
	out = append(out, `{"access_token":`...)
	out = appendString(out, t.AccessToken)
	out = append(out, `,"token_type":`...)
	out = appendString(out, t.TokenType)
	if t.ExpiresIn != nil {
		out = append(out, `,"expires_in":`...)
		out = strconv.AppendInt(out, *t.ExpiresIn, 10)
	}
	if t.Scope != "" {
		out = append(out, `,"scope":`...)
		out = appendString(out, t.Scope)
	}
	if t.IDToken != "" {
		out = append(out, `,"id_token":`...)
		out = appendString(out, t.IDToken)
	}
	out = append(out, `,"account":`...)
	out = appendString(out, t.Account)
	out = appendTime(out, `,"expires_at":`, t.ExpiresAt)
	out = appendTime(out, `,"id_token_expires_at":`, t.IDTokenExpiresAt)
	return append(out, '}')
}

func appendTime(out []byte, key string, t *time.Time) []byte {
	if t == nil {
		return out
	}
	out = append(out, key...)
	out = append(out, '"')
	out = t.AppendFormat(out, time.RFC3339Nano)
	return append(out, '"')
}

// appendString appends s as a JSON string (RFC 8259 §7).
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if !plain(s[i]) {
			b, err := api.Marshal(s)
			if err != nil {
				return append(out, `""`...)
			}
			return append(out, b...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// plain reports whether c stands for itself in a JSON string and is ASCII.
func plain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }
