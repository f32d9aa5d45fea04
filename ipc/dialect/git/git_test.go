package git

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon answers for git.example.com and github.com.
type daemon struct {
	token  string
	err    error
	forced int
	asked  []string // the places
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	if r.Force {
		d.forced++
		return api.Token{AccessToken: d.token, Account: r.Account}, d.err
	}
	d.asked = append(d.asked, r.URL)
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Scheme != "https":
		return api.Token{}, &api.Error{Code: api.BadRequest}
	case u.Host == "both.example.com" && u.User.Username() != "home":
		return api.Token{}, &api.Error{Code: api.Ambiguous, Message: "home and work answer equally well"}
	case u.Host == "both.example.com", u.Host == "git.example.com", u.Host == "github.com":
		return api.Token{AccessToken: d.token, Account: "work", ExpiresAt: new(time.Unix(1_800_000_000, 0))}, d.err
	}
	return api.Token{}, &api.Error{Code: api.UnknownAccount}
}

func TestServe(t *testing.T) {
	required := &api.Error{Code: api.LoginRequired, Message: "work needs a login", Hint: "oauthd login work"}
	for _, test := range []struct {
		name, operation, in string
		err                 error
		want, wantErr       string
		forced              int
	}{
		{name: "get", operation: "get", in: "protocol=https\nhost=git.example.com\n\n",
			want: "username=oauth2\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "without a blank line", operation: "get", in: "protocol=https\nhost=git.example.com",
			want: "username=oauth2\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "the host's user name", operation: "get", in: "protocol=https\nhost=github.com\n\n",
			want: "username=x-access-token\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "the request's user name", operation: "get", in: "protocol=https\nhost=git.example.com\nusername=ada\n\n",
			want: "username=ada\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "a git that takes a header", operation: "get", in: "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example.com\n\n",
			want: "capability[]=authtype\nauthtype=Basic\ncredential=b2F1dGgyOlQ=\nephemeral=1\nusername=oauth2\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "an unknown host", operation: "get", in: "protocol=https\nhost=evil.example\n\n"},
		{name: "plain http", operation: "get", in: "protocol=http\nhost=git.example.com\n\n"},
		{name: "a login is needed", operation: "get", in: "protocol=https\nhost=git.example.com\n\n", err: required, want: "quit=1\n", wantErr: "work needs a login"},
		{name: "two accounts", operation: "get", in: "protocol=https\nhost=both.example.com\n\n", want: "quit=1\n", wantErr: "equally well"},
		{name: "a user name that decides", operation: "get", in: "protocol=https\nhost=both.example.com\nusername=home\n\n",
			want: "username=home\npassword=T\npassword_expiry_utc=1800000000\n"},
		{name: "a carriage return", operation: "get", in: "protocol=https\r\nhost=git.example.com\n\n", wantErr: "cannot be read"},
		{name: "a zero byte", operation: "get", in: "protocol=https\nhost=git.example.com\x00\n\n", wantErr: "cannot be read"},
		{name: "no key", operation: "get", in: "nonsense\n\n", wantErr: "cannot be read"},
		{name: "too much", operation: "get", in: "path=" + strings.Repeat("x", mostInput), wantErr: "cannot be read"},
		{name: "erase the token at hand", operation: "erase", in: "protocol=https\nhost=git.example.com\nusername=oauth2\npassword=T\n\n", forced: 1},
		{name: "erase an old token", operation: "erase", in: "protocol=https\nhost=git.example.com\npassword=OLD\n\n"},
		{name: "erase without a password", operation: "erase", in: "protocol=https\nhost=git.example.com\n\n"},
		{name: "erase elsewhere", operation: "erase", in: "protocol=https\nhost=evil.example\npassword=T\n\n"},
		{name: "store", operation: "store", in: "protocol=https\nhost=git.example.com\npassword=x\n\n"},
		{name: "capability", operation: "capability", want: "version 0\ncapability authtype\n"},
		{name: "of a later git", operation: "frob", in: "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{token: "T", err: test.err}
			var out strings.Builder
			err := Serve(t.Context(), test.operation, strings.NewReader(test.in), &out, d)
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
			if d.forced != test.forced {
				t.Errorf("got %d forced refreshes, want %d", d.forced, test.forced)
			}
		})
	}
}

func TestTokenWithALineBreakIsRefused(t *testing.T) {
	d := &daemon{token: "T\nusername=evil"}
	var out strings.Builder
	err := Serve(t.Context(), "get", strings.NewReader("protocol=https\nhost=git.example.com\n\n"), &out, d)
	if !errors.Is(err, &api.Error{Code: api.Unsupported}) || out.String() != "quit=1\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestUserNameOfAHost(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "x-access-token", "GitHub.com:443": "x-access-token", "gist.github.com": "x-access-token",
		"bitbucket.org": "x-token-auth", "api.bitbucket.org": "x-token-auth",
		"gitlab.com": "oauth2", "git.example.com:8443": "oauth2", "notgithub.com": "oauth2", "github.com.evil.example": "oauth2",
	} {
		if got := userFor(host); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("protocol=https\nhost=git.example.com\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := read(strings.NewReader(text))
		if err == nil && strings.ContainsAny(r.protocol+r.host+r.path+r.username+r.password, "\r\n\x00") {
			t.Errorf("got %+v", r)
		}
	})
}
