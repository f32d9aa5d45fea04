package kubectl

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon has one account.
type daemon struct {
	token api.Token
	err   error
	asked []api.TokenRequest
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	t := d.token
	if !r.IDToken {
		t.IDToken, t.IDTokenExpiresAt = "", nil
	}
	return t, d.err
}

func newDaemon(scope string) *daemon {
	return &daemon{token: api.Token{
		AccessToken: "access", ExpiresAt: new(time.Unix(1_800_000_000, 0).UTC()), Scope: scope, Account: "corp",
		IDToken: "id", IDTokenExpiresAt: new(time.Unix(1_800_000_300, 0).UTC()),
	}}
}

const (
	v1       = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}`
	v1beta1  = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{}}`
	atATTY   = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}`
	cluster1 = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://k8s.example.com:6443","certificate-authority-data":"x","config":null},"interactive":false}}`
)

func TestServe(t *testing.T) {
	const (
		access = `"status":{"token":"access","expirationTimestamp":"2027-01-15T08:00:00Z"}}` + "\n"
		id     = `"status":{"token":"id","expirationTimestamp":"2027-01-15T08:05:00Z"}}` + "\n"
		head   = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false},`
	)
	for _, test := range []struct {
		name    string
		r       Request
		scope   string
		want    string
		request api.TokenRequest // the last one
	}{
		{"an access token", Request{Account: "corp", Info: v1}, "api", head + access, api.TokenRequest{Account: "corp"}},
		{"an ID token, by the scope", Request{Account: "corp", Info: v1}, "email openid", head + id, api.TokenRequest{Account: "corp", IDToken: true}},
		{"an ID token, by the flag", Request{Account: "corp", Kind: IDToken, Info: v1}, "", head + id, api.TokenRequest{Account: "corp", IDToken: true}},
		{"an access token, by the flag", Request{Account: "corp", Kind: AccessToken, Info: v1}, "openid", head + access, api.TokenRequest{Account: "corp"}},
		{"no environment", Request{Account: "corp"}, "", head + access, api.TokenRequest{Account: "corp"}},
		{"an older kubectl", Request{Account: "corp", Info: v1beta1}, "", strings.Replace(head, "io/v1", "io/v1beta1", 1) + access, api.TokenRequest{Account: "corp"}},
		{"a person is there", Request{Account: "corp", Info: atATTY}, "openid", strings.Replace(head, "false", "true", 1) + id, api.TokenRequest{Account: "corp", IDToken: true, Interactive: true}},
		{"by the cluster", Request{Info: cluster1}, "", head + access, api.TokenRequest{URL: "https://k8s.example.com:6443"}},
		{"an account in spite of the cluster", Request{Account: "corp", Info: cluster1}, "", head + access, api.TokenRequest{Account: "corp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDaemon(test.scope)
			var out strings.Builder
			if err := Serve(t.Context(), test.r, &out, d); err != nil || out.String() != test.want {
				t.Errorf("got %q, %v, want %q", out.String(), err, test.want)
			}
			if got := d.asked[len(d.asked)-1]; got != test.request {
				t.Errorf("asked for %+v, want %+v", got, test.request)
			}
		})
	}
}

// A token whose end is not known goes without one.
func TestNoEnd(t *testing.T) {
	d := &daemon{token: api.Token{AccessToken: "access"}}
	var out strings.Builder
	if err := Serve(t.Context(), Request{Account: "corp"}, &out, d); err != nil || !strings.HasSuffix(out.String(), `"status":{"token":"access"}}`+"\n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestRefusals(t *testing.T) {
	required := &api.Error{Code: api.LoginRequired, Message: "corp needs a login"}
	for _, test := range []struct {
		name   string
		r      Request
		change func(d *daemon)
		want   string
	}{
		{"a login is needed", Request{Account: "corp"}, func(d *daemon) { d.err = required }, "corp needs a login"},
		{"no account and no cluster", Request{Info: v1}, nil, "does not say which cluster"},
		{"a cluster without a server", Request{Info: `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{}}}`}, nil, "does not say which cluster"},
		{"another version", Request{Account: "corp", Info: strings.Replace(v1, "io/v1", "io/v1alpha1", 1)}, nil, "v1alpha1, which oauthd does not know"},
		{"another group", Request{Account: "corp", Info: strings.Replace(v1, "client.", "server.", 1)}, nil, "which oauthd does not know"},
		{"another kind", Request{Account: "corp", Info: strings.Replace(v1, "ExecC", "C", 1)}, nil, "is no ExecCredential"},
		{"no JSON", Request{Account: "corp", Info: "{"}, nil, "is no ExecCredential"},
		{"no ID token", Request{Account: "corp", Kind: IDToken}, func(d *daemon) { d.token.IDToken = "" }, "gave no ID token"},
		{"a line break", Request{Account: "corp"}, func(d *daemon) { d.token.AccessToken = "T\nx" }, "line break"},
		{"a zero byte", Request{Account: "corp", Kind: IDToken}, func(d *daemon) { d.token.IDToken = "T\x00" }, "line break"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDaemon("")
			if test.change != nil {
				test.change(d)
			}
			var out strings.Builder
			err := Serve(t.Context(), test.r, &out, d)
			var known *api.Error
			if out.Len() > 0 || !errors.As(err, &known) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v, want %q", out.String(), err, test.want)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	want := `apiVersion: v1
kind: Config
users:
- name: "corp"
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: IfAvailable
      provideClusterInfo: true
      command: "oauthd"
      args:
      - "helper"
      - "say \"x\""
`
	if got := Config("corp", "oauthd", "helper", `say "x"`); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzServe(f *testing.F) {
	f.Add(v1)
	f.Add(cluster1)
	f.Fuzz(func(t *testing.T, info string) {
		var out strings.Builder
		if err := Serve(t.Context(), Request{Info: info}, &out, newDaemon("")); err != nil && out.Len() > 0 {
			t.Errorf("got %q beside %v", out.String(), err)
		}
	})
}
