package googleexternal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon has one token.
type daemon struct {
	token api.Token
	err   error
	asked []api.TokenRequest
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	return d.token, d.err
}

func TestServe(t *testing.T) {
	ends := new(time.Unix(1_800_000_000, 0))
	for _, test := range []struct {
		name  string
		r     Request
		token api.Token
		err   error
		want  string
	}{
		{name: "an ID token", r: Request{TokenType: typeIDToken}, token: api.Token{AccessToken: "A", IDToken: "I", IDTokenExpiresAt: ends},
			want: `{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"I","expiration_time":1800000000}`},
		{name: "a JWT", r: Request{TokenType: typeJWT}, token: api.Token{IDToken: "I", IDTokenExpiresAt: ends},
			want: `{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"I","expiration_time":1800000000}`},
		{name: "no type, no end", token: api.Token{IDToken: "I"},
			want: `{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"I"}`},
		{name: "SAML", r: Request{TokenType: "urn:ietf:params:oauth:token-type:saml2"}, token: api.Token{IDToken: "I"},
			want: `{"version":1,"success":false,"code":"unsupported","message":"oauthd has no token of the type urn:ietf:params:oauth:token-type:saml2; hint: ` +
				`create the credential configuration with --subject-token-type=urn:ietf:params:oauth:token-type:id_token"}`},
		{name: "no ID token", token: api.Token{AccessToken: "A"},
			want: `{"version":1,"success":false,"code":"unsupported","message":"the provider of corp gave no ID token; hint: oauthd login corp --scope openid"}`},
		{name: "a line break", token: api.Token{IDToken: "I\n"},
			want: `{"version":1,"success":false,"code":"unsupported","message":"the provider of corp gave no ID token; hint: oauthd login corp --scope openid"}`},
		{name: "a login is needed", err: &api.Error{Code: api.LoginRequired, Message: "corp needs a login", Hint: "oauthd login corp"},
			want: `{"version":1,"success":false,"code":"login_required","message":"corp needs a login; hint: oauthd login corp"}`},
		{name: "text from a stranger", err: &api.Error{Code: api.ProviderUnreachable, Message: "no\u202e answer\n\x1b[31m"},
			want: `{"version":1,"success":false,"code":"provider_unreachable","message":"no answer [31m"}`},
		{name: "a fault", err: errors.New("secret detail"),
			want: `{"version":1,"success":false,"code":"internal","message":"internal error; hint: see the daemon's log for details"}`},
		{name: "log out", r: Request{Revoke: true}, token: api.Token{IDToken: "I"},
			want: `{"version":1,"success":false,"code":"unsupported","message":"the login of corp serves other programs too; hint: oauthd logout corp ends it"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.r.Account = "corp"
			var out strings.Builder
			if err := Serve(t.Context(), test.r, &out, &daemon{token: test.token, err: test.err}); err != nil || out.String() != test.want+"\n" {
				t.Errorf("got %q, %v, want %q", out.String(), err, test.want)
			}
		})
	}
}

// A person is asked to log in only if the library says that there is one.
func TestInteractive(t *testing.T) {
	for _, interactive := range []bool{false, true} {
		d := &daemon{}
		var out strings.Builder
		if err := Serve(t.Context(), Request{Account: "corp", Interactive: interactive}, &out, d); err != nil {
			t.Fatal(err)
		}
		if want := (api.TokenRequest{Account: "corp", IDToken: true, Interactive: interactive}); len(d.asked) != 1 || d.asked[0] != want {
			t.Errorf("asked for %+v, want %+v", d.asked, want)
		}
	}
}
