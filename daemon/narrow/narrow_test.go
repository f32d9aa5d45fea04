package narrow

import (
	"errors"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/ipc/api"
)

func TestNarrow(t *testing.T) {
	const calendar, mail = "https://www.googleapis.com/auth/calendar", "https://mail.google.com/"
	for _, tt := range []struct {
		name             string
		account          account.Account
		granted          []string
		wanted           string
		want             string
		missing          string
		loggedOut, ended bool
		code             api.Code
	}{
		{name: "all of it", account: account.Account{Provider: "google"}, granted: []string{calendar, mail}, wanted: mail + " " + calendar},
		{name: "some of it, sorted", account: account.Account{Provider: "google"}, granted: []string{calendar, mail, "openid"},
			wanted: "openid " + mail + " openid", want: mail + " openid"},
		{name: "by another name", account: account.Account{Provider: "google"},
			granted: []string{"https://www.googleapis.com/auth/userinfo.email", mail}, wanted: "email", want: "email"},
		{name: "not granted", account: account.Account{Provider: "google"}, granted: []string{mail}, wanted: mail + " " + calendar,
			code: api.ScopeNotGranted, missing: calendar},
		{name: "never said, so as asked for", account: account.Account{Provider: "google", Scopes: []string{mail, calendar}}, wanted: mail, want: mail},
		{name: "never said, and not asked for", account: account.Account{Provider: "google", Scopes: []string{mail}}, wanted: calendar,
			code: api.ScopeNotGranted, missing: calendar},
		{name: "nothing granted", account: account.Account{Provider: "google", Scopes: []string{mail}}, granted: []string{}, wanted: mail,
			code: api.ScopeNotGranted, missing: mail},
		{name: "case and resource do not count at Microsoft", account: account.Account{Provider: "microsoft"},
			granted: []string{"https://graph.microsoft.com/Mail.Read", "https://graph.microsoft.com/Files.Read"}, wanted: "mail.read", want: "mail.read"},
		{name: "wider scope at GitHub", account: account.Account{Provider: "github"}, granted: []string{"repo", "user"}, wanted: "public_repo"},
		{name: "GitLab cannot narrow without harm", account: account.Account{Provider: "gitlab"}, granted: []string{"openid", "email"}, wanted: "openid"},
		{name: "an issuer nobody knows is tried", account: account.Account{Issuer: "https://login.example.com"}, granted: []string{"a", "b"},
			wanted: "a", want: "a"},
		{name: "nobody logged in", account: account.Account{Provider: "google"}, loggedOut: true, wanted: mail, code: api.LoginRequired},
		{name: "login ended", account: account.Account{Provider: "google"}, granted: []string{mail}, ended: true, wanted: mail, code: api.LoginRequired},
		{name: "no such provider", account: account.Account{Provider: "corp"}, granted: []string{mail}, wanted: mail, code: api.UnknownProvider},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read, err := config.Load(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			b := book.New(book.Config{Config: read, Now: time.Now, Changed: func(string, bool) {}})
			tt.account.Name = "work"
			b.Stored(account.Account{Name: "work"}, book.Facts{Scopes: tt.granted, LoggedIn: !tt.loggedOut, Dead: tt.ended})
			got, err := Narrower{Book: b}.narrow(t.Context(), tt.account, strings.Fields(tt.wanted))
			if tt.code != "" {
				if !errors.Is(err, &api.Error{Code: tt.code}) {
					t.Fatalf("got %v, want %s", err, tt.code)
				}
				if !strings.Contains(err.Error(), tt.missing) {
					t.Errorf("got %v, want %s named", err, tt.missing)
				}
				return
			}
			if err != nil || got.String() != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
