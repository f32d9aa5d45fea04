package quick

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAccessToken(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"a full answer", `{"access_token":"tok","token_type":"Bearer","expires_in":3599,"scope":"a b","id_token":"e.y.J","account":"work","expires_at":"2030-01-02T03:04:05Z"}` + "\n", "tok"},
		{"nothing else", `{"access_token":"tok"}` + "\n", "tok"},
		{"the token last", `{"expires_in":0,"access_token":"tok"}` + "\n", "tok"},
		{"every character that stands for itself", `{"access_token":" !#$%&'()*+,-./:;<=>?@[]^_{|}~"}` + "\n", ` !#$%&'()*+,-./:;<=>?@[]^_{|}~`},
		{"an error", `{"error":{"code":"login_required","message":"log in"}}` + "\n", ""},
		{"a token and an error", `{"access_token":"tok","error":{"code":"busy"}}` + "\n", ""},
		{"two tokens", `{"access_token":"a","access_token":"b"}` + "\n", ""},
		{"two tokens, the first empty", `{"access_token":"","access_token":"b"}` + "\n", ""},
		{"two tokens, spelt differently", `{"access_token":"a","Access_Token":"b"}` + "\n", ""},
		{"a token of one character", `{"access_token":"t"}` + "\n", "t"},
		{"two tokens, one with an A", `{"access_token":"a","Access_token":"b"}` + "\n", ""},
		{"a string that is broken off where the answer could end", `{"access_token":"tok","scope":"}` + "\n", ""},
		{"a number with a letter", `{"expires_in":1a,"access_token":"tok"}` + "\n", ""},
		{"no number", `{"expires_in":,"access_token":"tok"}` + "\n", ""},
		{"an empty token", `{"access_token":""}` + "\n", ""},
		{"a number for a token", `{"access_token":1}` + "\n", ""},
		{"no token", `{"token_type":"Bearer"}` + "\n", ""},
		{"bound to a key, which the slow lane knows about", `{"access_token":"tok","token_type":"DPoP"}` + "\n", ""},
		{"an empty object", "{}\n", ""},
		{"an escape", `{"access_token":"a\u0062"}` + "\n", ""},
		{"an escape elsewhere", `{"access_token":"a","scope":"\""}` + "\n", ""},
		{"a control character", "{\"access_token\":\"a\x1b[31m\"}\n", ""},
		{"a letter that is not ASCII", `{"access_token":"é"}` + "\n", ""},
		{"no end", `{"access_token":"tok"}`, ""},
		{"an end within", "{\"access_token\":\"tok\"}\n\n", ""},
		{"an end too early", "{\"access_token\":\"tok\"\n", ""},
		{"a comma too many", `{"access_token":"tok",}` + "\n", ""},
		{"a number too odd", `{"access_token":"tok","expires_in":01}` + "\n", ""},
		{"a negative number", `{"access_token":"tok","expires_in":-1}` + "\n", ""},
		{"space", `{ "access_token":"tok"}` + "\n", ""},
		{"an open string", `{"access_token":"tok`, ""},
		{"another object", `[{"access_token":"tok"}]` + "\n", ""},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, ok := accessToken([]byte(tt.answer))
			if string(got) != tt.want && ok || ok != (tt.want != "") {
				t.Errorf("got %q, %t, want %q", got, ok, tt.want)
			}
		})
	}
}

// FuzzAccessToken checks that every answer that is accepted is JSON that means the same to package client.
func FuzzAccessToken(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"access_token":"a","expires_in":10}` + "\n"))
	f.Add([]byte(`{"error":{"code":"busy"}}` + "\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, _, ok := accessToken(answer)
		if !ok {
			return
		}
		var want struct {
			AccessToken string          `json:"access_token"`
			Error       json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(answer, &want); err != nil || want.AccessToken != string(got) {
			t.Errorf("got %q, want %q, %v", got, want.AccessToken, err)
		}
		if len(want.Error) > 0 && want.Error[0] == '{' {
			t.Errorf("got a token, want the error %s", want.Error)
		}
		if strings.ContainsFunc(string(got), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("got %q, want what can be printed", got)
		}
	})
}
