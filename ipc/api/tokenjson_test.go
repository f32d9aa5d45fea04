package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What AppendJSON writes is what encoding/json would have written, but for how characters are escaped.
func FuzzTokenAppendJSON(f *testing.F) {
	f.Add("ya29.a", "Bearer", "openid email", "", "work", int64(3599), int64(1_790_000_000))
	f.Add("a\"b\\c\n<&>\u2028é\xff", "", "", "id", "", int64(-1), int64(0))
	f.Fuzz(func(t *testing.T, access, typ, scope, id, name string, in, at int64) {
		tok := Token{AccessToken: access, TokenType: typ, Scope: scope, IDToken: id, Account: name}
		if in >= 0 {
			tok.ExpiresIn = &in
		}
		if at > 0 && at < 1<<37 {
			tok.ExpiresAt = new(time.Unix(at, 0).UTC())
			tok.IDTokenExpiresAt = new(time.Unix(at, 500).UTC())
		}
		reference, err := json.Marshal(tok)
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		for name, tok := range map[string]Token{"as it is": tok, "encoded": tok.Encoded()} {
			out := tok.AppendJSON([]byte("["))
			got = nil
			if err := json.Unmarshal(out[1:], &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v, %v\nwant %v", name, got, err, want)
			}
		}
	})
}

func TestTokenEncoded(t *testing.T) {
	tok := Token{AccessToken: "a", TokenType: "Bearer", Account: "work", ExpiresIn: new(int64(60))}.Encoded()
	for _, want := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":60,"account":"work"}`,
		`{"access_token":"a","token_type":"Bearer","expires_in":59,"account":"work"}`,
		`{"access_token":"a","token_type":"Bearer","account":"work"}`,
	} {
		if got := string(tok.AppendJSON(nil)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if tok.ExpiresIn = nil; strings.Contains(want, "60") {
			tok.ExpiresIn = new(int64(59))
		}
	}
	tok.Scope = "openid"
	if got := string(new(tok.Encoded()).AppendJSON(nil)); !strings.Contains(got, `"scope":"openid"`) {
		t.Errorf("encoded again: got %s, want the new scope in it", got)
	}
}
