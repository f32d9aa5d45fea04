package keyring

import (
	"context"
	"errors"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// daemon answers for pkg.example.com, and for the hosts whose user names are known.
type daemon struct {
	token string
	err   error
	asked []string // the places, with the user after a space
}

func (d *daemon) Match(_ context.Context, place, user string) (api.Match, error) {
	d.asked = append(d.asked, place+" "+user)
	switch {
	case strings.HasPrefix(place, "http://"):
		return api.Match{}, &api.Error{Code: api.BadRequest, Message: "plain http would show the token to everyone on the way"}
	case strings.Contains(place, "both.example.com"):
		return api.Match{}, &api.Error{Code: api.Ambiguous, Message: "home and work answer equally well"}
	case strings.Contains(place, "evil.example"):
		return api.Match{}, &api.Error{Code: api.UnknownAccount}
	}
	return api.Match{Account: "work"}, nil
}

func (d *daemon) Token(context.Context, api.TokenRequest) (api.Token, error) {
	return api.Token{AccessToken: d.token}, d.err
}

func TestServe(t *testing.T) {
	const index = "https://pkg.example.com/simple/"
	for _, test := range []struct {
		name string
		Request
		err           error // of the request for a token
		want, wantErr string
		wantAsked     string
	}{
		{name: "a password", Request: Request{Service: index, User: "ada"}, want: "T\n", wantAsked: index + " ada"},
		{name: "JSON", Request: Request{Service: index, User: "ada", JSON: true}, want: `{"password":"T"}` + "\n"},
		{name: "both", Request: Request{Service: index, Creds: true}, want: "__token__\nT\n", wantAsked: index + " "},
		{name: "both, for a user", Request: Request{Service: index, User: "ada", Creds: true}, want: "ada\nT\n"},
		{name: "both, as JSON", Request: Request{Service: index, Creds: true, JSON: true}, want: `{"username":"__token__","password":"T"}` + "\n"},
		{name: "Google's user name", Request: Request{Service: "https://europe-python.pkg.dev/p/r/simple/", Creds: true}, want: "oauth2accesstoken\nT\n"},
		{name: "Azure's user name", Request: Request{Service: "https://pkgs.dev.azure.com/o/_packaging/f/python/simple/", Creds: true}, want: "VssSessionToken\nT\n"},
		{name: "a host that only ends like Google's", Request: Request{Service: "https://notpkg.dev/simple/", Creds: true}, want: "__token__\nT\n"},
		{name: "a path like Google's host", Request: Request{Service: "https://ada@pkg.example.com:8443/x.pkg.dev", Creds: true}, want: "__token__\nT\n"},
		{name: "an unknown host", Request: Request{Service: "https://evil.example/simple/", User: "ada"}, wantErr: ErrNothing.Error()},
		{name: "a host alone", Request: Request{Service: "pkg.example.com", User: "ada"}, wantErr: ErrNothing.Error()},
		{name: "a host with a port", Request: Request{Service: "pkg.example.com:443", User: "ada"}, wantErr: ErrNothing.Error()},
		{name: "plain http", Request: Request{Service: "http://pkg.example.com/simple/", User: "ada"}, wantErr: "plain http"},
		{name: "two accounts", Request: Request{Service: "https://both.example.com/", User: "ada"}, wantErr: "equally well"},
		{name: "a login is needed", Request: Request{Service: index, User: "ada"}, err: &api.Error{Code: api.LoginRequired, Message: "work needs a login"}, wantErr: "needs a login"},
		{name: "locked", Request: Request{Service: index, User: "ada"}, err: &api.Error{Code: api.Locked, Message: "oauthd is locked"}, wantErr: "is locked"},
		{name: "an outage", Request: Request{Service: index, User: "ada"}, err: &api.Error{Code: api.ProviderUnreachable, Message: "no answer"}, wantErr: "no answer"},
		{name: "no user", Request: Request{Service: index}, wantErr: "a user name"},
		{name: "a user with a line break", Request: Request{Service: index, User: "ada\nb", Creds: true}, wantErr: "line break"},
		{name: "set", Request: Request{Operation: "set", Service: index, User: "ada"}, wantErr: "stores no passwords"},
		{name: "del", Request: Request{Operation: "del", Service: index, User: "ada"}, wantErr: "stores no passwords"},
		{name: "another operation", Request: Request{Operation: "diagnose"}, wantErr: "does not know diagnose"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.Operation == "" {
				test.Operation = "get"
			}
			d := &daemon{token: "T", err: test.err}
			var out strings.Builder
			err := Serve(t.Context(), test.Request, &out, d)
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
			if asked := strings.Join(d.asked, "\n"); test.wantAsked != "" && asked != test.wantAsked {
				t.Errorf("asked for %q, want %q", asked, test.wantAsked)
			}
		})
	}
}

func TestTokenWithALineBreakIsRefused(t *testing.T) {
	for _, token := range []string{"T\nU", "T\rU", "T\x00U"} {
		for _, asJSON := range []bool{false, true} {
			var out strings.Builder
			err := Serve(t.Context(), Request{Operation: "get", Service: "https://pkg.example.com/", User: "ada", JSON: asJSON}, &out, &daemon{token: token})
			if !errors.Is(err, &api.Error{Code: api.Unsupported}) || out.Len() > 0 {
				t.Errorf("%q: got %q, %v, want nothing and unsupported", token, out.String(), err)
			}
		}
	}
}
