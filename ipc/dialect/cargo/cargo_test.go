package cargo

import (
	"context"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon answers for places below https://crates.example.com/.
type daemon struct {
	token api.Token
	err   error
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	switch {
	case strings.HasPrefix(r.URL, "http://"):
		return api.Token{}, &api.Error{Code: api.BadRequest}
	case !strings.HasPrefix(r.URL, "https://crates.example.com/"):
		return api.Token{}, &api.Error{Code: api.UnknownAccount}
	}
	return d.token, d.err
}

func TestServe(t *testing.T) {
	const registry = `"registry":{"index-url":"sparse+https://crates.example.com/index/","name":"r","headers":["WWW-Authenticate: cargo"]}`
	const read = `{"v":1,"kind":"get","operation":"read",` + registry + `,"args":[]}`
	at := func(index string) string {
		return `{"v":1,"kind":"get","operation":"read","registry":{"index-url":"` + index + `"}}`
	}
	end := time.Unix(1800000000, 0)
	const got = `{"Ok":{"kind":"get","token":"Bearer T","cache":"never","operation_independent":true}}`
	const another = `{"Err":{"kind":"url-not-supported"}}`
	for _, test := range []struct {
		name, request string
		token         api.Token
		err           error
		want          string
	}{
		{name: "read", request: read, want: got},
		{name: "until the token ends", request: read, token: api.Token{AccessToken: "T", ExpiresAt: &end},
			want: `{"Ok":{"kind":"get","token":"Bearer T","cache":"expires","expiration":1800000000,"operation_independent":true}}`},
		{name: "publish", request: strings.Replace(read, "read", `publish","name":"x","vers":"0.1.0","cksum":"0`, 1), want: got},
		{name: "an unknown registry", request: at("sparse+https://evil.example/"), want: another},
		{name: "plain http", request: at("sparse+http://crates.example.com/"), want: another},
		{name: "an index in git, though its host is known", request: at("https://crates.example.com/index"), want: another},
		{name: "login", request: strings.Replace(read, "get", "login", 1), want: `{"Err":{"kind":"operation-not-supported"}}`},
		{name: "another kind", request: strings.Replace(read, "get", "rotate", 1), want: `{"Err":{"kind":"operation-not-supported"}}`},
		{name: "another version", request: strings.Replace(read, `"v":1`, `"v":2`, 1), want: `{"Err":{"kind":"other","message":"oauthd speaks version 1 of cargo's protocol alone"}}`},
		{name: "locked", request: read, err: &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}, want: `{"Err":{"kind":"other","message":"oauthd is locked\nhint: oauthd unlock"}}`},
		{name: "a line break", request: read, token: api.Token{AccessToken: "T\nU", Account: "work"},
			want: `{"Err":{"kind":"other","message":"the token of work has a line break, which no header can have\nhint: oauthd account show work"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.token.AccessToken == "" {
				test.token.AccessToken = "T"
			}
			var out strings.Builder
			// Cargo may ask more than once.
			if err := Serve(t.Context(), strings.NewReader(test.request+"\n"+test.request+"\n"), &out, &daemon{test.token, test.err}); err != nil {
				t.Fatal(err)
			}
			if want := hello + test.want + "\n" + test.want + "\n"; out.String() != want {
				t.Errorf("got %s, want %s", &out, want)
			}
		})
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, in := range []string{"hello\n", "{\n", strings.Repeat("x", mostInput+1)} {
		var out strings.Builder
		if err := Serve(t.Context(), strings.NewReader(in), &out, &daemon{}); err == nil || out.String() != hello {
			t.Errorf("got %q, %v, want an error after the hello", &out, err)
		}
	}
}
