package terraform

import (
	"context"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// daemon answers for tf.example.com, on two ports.
type daemon struct {
	token string
	err   error
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	if r.URL != "https://tf.example.com/" && r.URL != "https://tf.example.com:8443/" {
		return api.Token{}, &api.Error{Code: api.UnknownAccount}
	}
	return api.Token{AccessToken: d.token}, d.err
}

func TestServe(t *testing.T) {
	for _, test := range []struct {
		name, operation, host string
		token                 string
		err                   error
		want, wantErr         string
	}{
		{name: "get", operation: "get", host: "tf.example.com", want: `{"token":"T"}` + "\n"},
		{name: "a port", operation: "get", host: "tf.example.com:8443", want: `{"token":"T"}` + "\n"},
		{name: "an unknown host", operation: "get", host: "evil.example", want: "{}\n"},
		{name: "locked", operation: "get", host: "tf.example.com", err: &api.Error{Code: api.Locked, Message: "oauthd is locked"}, wantErr: "is locked"},
		{name: "a line break", operation: "get", host: "tf.example.com", token: "T\nU", wantErr: "line break"},
		{name: "store", operation: "store", host: "tf.example.com", wantErr: "stores no tokens"},
		{name: "forget", operation: "forget", host: "tf.example.com", wantErr: "stores no tokens"},
		{name: "another operation", operation: "list", host: "tf.example.com", wantErr: "does not know list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.token == "" {
				test.token = "T"
			}
			var out strings.Builder
			err := Serve(t.Context(), test.operation, test.host, &out, &daemon{test.token, test.err})
			if out.String() != test.want {
				t.Errorf("got %q, want %q", &out, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
		})
	}
}
