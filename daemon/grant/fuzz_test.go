package grant

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// member is a JSON member with text for its value, as it is if it is JSON, else as a string.
func member(name string, text []byte) string {
	if !json.Valid(text) {
		text = must(json.Marshal(string(text)))
	}
	return fmt.Sprintf("%q:%s", name, text)
}

// FuzzTokenMembers: whatever is in whichever member, a token that is served can be served, a new refresh token is not
// lost, and no text steers a terminal or repeats a secret.
func FuzzTokenMembers(f *testing.F) {
	for _, seed := range [][]string{
		{"200", `"at-1"`, `"Bearer"`, `3600`, `null`, `null`, `"rt-new"`, `"a b"`, `null`, `null`, `null`},
		{"200", `"at-1"`, `null`, `"3600s"`, `"2026-11-22T13:00:00Z"`, `5184000`, `123`, `["a","b"]`, `"not-a-jwt"`, `""`, `null`},
		{"200", `"at-1"`, `"mac"`, `1e999`, `253402300799`, `-1e308`, `{}`, `7`, `[]`, `{}`, `null`},
		{"200", `"eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTUzNDg4MDB9."`, `null`, `"inf"`, `"NaN"`, `1795348800000`, `"r"`, `null`, `7`, `null`, `null`},
		{"400", `null`, `null`, `null`, `null`, `null`, `"rt-new"`, `null`, `null`, `"invalid_grant"`, `"\u001b[31m rt-old-secret \u202e"`},
		{"400", `null`, `null`, `null`, `null`, `null`, `null`, `null`, `null`, `{"code":"\u200b","message":"rt-\u200bold-secret"}`, `null`},
	} {
		var b [11][]byte
		for i, text := range seed {
			b[i] = []byte(text)
		}
		f.Add(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10])
	}
	f.Fuzz(func(t *testing.T, status, access, kind, in, at, expires, refresh, scope, idToken, code, description []byte) {
		code200 := 400
		if string(status) == "200" {
			code200 = 200
		}
		a := answerOf(code200, "application/json", "{"+strings.Join([]string{
			member("access_token", access), member("token_type", kind), member("expires_in", in), member("expires_at", at),
			member("expires", expires), member("refresh_token", refresh), member("scope", scope), member("id_token", idToken),
			member("refresh_token_expires_in", in), member("error", code), member("error_description", description),
			member("error_subtype", description),
		}, ",")+"}")
		for _, openID := range []bool{false, true} {
			resp, fail := a.token(Dialect{}, openID)
			if sent := text(json.RawMessage(member("", refresh)[3:])); a.OK() && resp.RefreshToken.Reveal() != sent {
				t.Error("the refresh token of the answer is lost, or another one")
			}
			if fail != nil {
				said := fail.Error()
				if fail.Kind == "" || said != api.Printable(said) || strings.Contains(said, "rt-old-secret") {
					t.Errorf("kind %q, error %q", fail.Kind, said)
				}
				if !resp.Token.Access.IsZero() || resp.Warnings != nil {
					t.Error("a refused answer has a token or warnings")
				}
				continue
			}
			tok := resp.Token
			if tok.Access.IsZero() || tok.Type != "Bearer" || strings.ContainsFunc(tok.Access.Reveal(), notPrintable) || !a.OK() {
				t.Errorf("accepted an access token that cannot be served, as %q", tok.Type)
			}
			left := tok.Expiry.Sub(a.sentAt)
			if tok.Lifetime < 0 || tok.Lifetime > maxLifetime || !tok.Expiry.IsZero() && left != tok.Lifetime && !(left <= 0 && tok.Lifetime == 0) {
				t.Errorf("a lifetime of %v until %v", tok.Lifetime, tok.Expiry)
			}
			for _, warning := range resp.Warnings {
				if !strings.HasPrefix(warning, "the answer's ") || warning != api.Excerpt(warning) {
					t.Errorf("warning %q", warning)
				}
			}
			for _, scope := range resp.Scopes {
				if strings.ContainsFunc(scope, notGraphic) {
					t.Errorf("scope %q", scope)
				}
			}
		}
	})
}
