package pnpm

import (
	"context"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// daemon answers for npm.example.com.
type daemon struct {
	token string
	err   error
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	if !strings.HasPrefix(r.URL, "https://npm.example.com/") {
		return api.Token{}, &api.Error{Code: api.UnknownAccount, Message: "no account answers for that"}
	}
	return api.Token{AccessToken: d.token, Account: "work"}, d.err
}

func TestServe(t *testing.T) {
	for _, test := range []struct {
		name, registry, token string
		err                   error
		want, wantErr         string
	}{
		{name: "a registry", registry: "https://npm.example.com/", token: "T", want: "Bearer T\n"},
		{name: "another registry", registry: "https://evil.example/", token: "T", wantErr: "no account answers"},
		{name: "a login is needed", registry: "https://npm.example.com/", err: &api.Error{Code: api.LoginRequired, Message: "work needs a login"}, wantErr: "needs a login"},
		{name: "a line break", registry: "https://npm.example.com/", token: "T\nX: y", wantErr: "line break"},
		{name: "a carriage return", registry: "https://npm.example.com/", token: "T\r", wantErr: "line break"},
		{name: "a zero byte", registry: "https://npm.example.com/", token: "T\x00", wantErr: "line break"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			err := Serve(t.Context(), test.registry, &out, &daemon{token: test.token, err: test.err})
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
		})
	}
}
