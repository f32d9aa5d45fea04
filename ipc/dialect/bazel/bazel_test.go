package bazel

import (
	"context"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon answers for places below https://build.example.com/.
type daemon struct {
	token api.Token
	err   error
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	switch {
	case strings.HasPrefix(r.URL, "http://"):
		return api.Token{}, &api.Error{Code: api.BadRequest}
	case !strings.HasPrefix(r.URL, "https://build.example.com/"):
		return api.Token{}, &api.Error{Code: api.UnknownAccount}
	}
	return d.token, d.err
}

func TestServe(t *testing.T) {
	const uri = `{"uri":"https://build.example.com/x"}`
	end := time.Date(2030, 1, 1, 10, 0, 0, 5, time.FixedZone("", 3600))
	const got, nothing = `{"headers":{"Authorization":["Bearer T"]}}` + "\n", `{"headers":{}}` + "\n"
	for _, test := range []struct {
		name, command, in string
		token             api.Token
		err               error
		want, wantErr     string
	}{
		{name: "https", in: uri, want: got},
		{name: "gRPC", in: `{"uri":"grpcs://build.example.com/build.bazel.remote.execution.v2.Execution/Execute"}`, want: got},
		{name: "members to come", in: `{"new":[1],"uri":"https://build.example.com/"}`, want: got},
		{name: "until the token ends", in: uri, token: api.Token{AccessToken: "T", ExpiresAt: &end},
			want: `{"headers":{"Authorization":["Bearer T"]},"expires":"2030-01-01T09:00:00Z"}` + "\n"},
		{name: "an unknown host", in: `{"uri":"https://evil.example/"}`, want: nothing},
		{name: "gRPC without encryption", in: `{"uri":"grpc://build.example.com/"}`, want: nothing},
		{name: "locked", in: uri, err: &api.Error{Code: api.Locked, Message: "oauthd is locked"}, wantErr: "is locked"},
		{name: "a line break", in: uri, token: api.Token{AccessToken: "T\rU"}, wantErr: "line break"},
		{name: "another command", command: "list", in: uri, wantErr: "does not know list"},
		{name: "no JSON", in: "https://build.example.com/", wantErr: "cannot be read"},
		{name: "no URI", in: "{}", wantErr: "cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.command == "" {
				test.command = "get"
			}
			if test.token.AccessToken == "" {
				test.token.AccessToken = "T"
			}
			var out strings.Builder
			err := Serve(t.Context(), test.command, strings.NewReader(test.in), &out, &daemon{test.token, test.err})
			if out.String() != test.want {
				t.Errorf("got %q, want %q", &out, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
		})
	}
}
