package az

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon has an account for vault.azure.net, and knows when its tokens end.
type daemon struct {
	token   string
	err     error
	endless bool
	asked   []api.TokenRequest
	places  []string
}

func (d *daemon) Match(_ context.Context, place, _ string) (api.Match, error) {
	d.places = append(d.places, place)
	if place == "https://vault.azure.net/" {
		return api.Match{Account: "matched"}, nil
	}
	return api.Match{}, &api.Error{Code: api.UnknownAccount, Message: "no account's hosts allow " + place}
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	t := api.Token{AccessToken: d.token, ExpiresAt: new(time.Unix(1_800_000_000, 0))}
	if d.endless {
		t.ExpiresAt = nil
	}
	return t, d.err
}

const whole = `{
  "accessToken": "T",
  "expiresOn": "2027-01-15 10:00:00.000000",
  "expires_on": 1800000000,
  "tokenType": "Bearer"
}
`

func TestServe(t *testing.T) {
	locked := &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
	for _, test := range []struct {
		name, line string
		account    string // "" for work, none for no account
		err        error
		want       string
		scope      string // what the daemon is asked for
		wantErr    string
	}{
		{name: "as JavaScript's library asks", line: "--output json --resource https://vault.azure.net", want: whole, scope: "https://vault.azure.net/.default"},
		{name: "as Go's asks", line: "-o json --resource https://vault.azure.net --tenant t --subscription s", want: whole, scope: "https://vault.azure.net/.default"},
		{name: "as Terraform asks", line: "--output json --scope https://management.azure.com/.default --tenant t", want: whole, scope: "https://management.azure.com/.default"},
		{name: "with a slash", line: "--resource=https://management.core.windows.net/", want: whole, scope: "https://management.core.windows.net//.default"},
		{name: "for nothing in particular", line: "", want: whole, scope: "https://management.azure.com/.default"},
		{name: "by a short name", line: "--resource-type ms-graph", want: whole, scope: "https://graph.microsoft.com/.default"},
		{name: "as scripts ask", line: "--resource-type oss-rdbms --query accessToken --output tsv", want: "T\n", scope: "https://ossrdbms-aad.database.windows.net/.default"},
		{name: "one field as JSON", line: "--query accessToken", want: "\"T\"\n", scope: "https://management.azure.com/.default"},
		{name: "a number", line: "--query expires_on -o tsv --only-show-errors", want: "1800000000\n", scope: "https://management.azure.com/.default"},
		{name: "another field", line: "--query tenant", scope: "https://management.azure.com/.default", wantErr: "--query tenant is not one of"},
		{name: "matched", account: "none", line: "--resource https://vault.azure.net", want: whole, scope: "https://vault.azure.net/.default"},
		{name: "matched by a scope", account: "none", line: "--scope https://vault.azure.net/secrets/.default", want: whole, scope: "https://vault.azure.net/secrets/.default"},
		{name: "no match", account: "none", line: "--resource https://evil.example", wantErr: "no account's hosts allow https://evil.example/"},
		{name: "an option of later", line: "--claims-challenge x", wantErr: "--claims-challenge is not answered by oauthd"},
		{name: "a missing value", line: "--resource", wantErr: "--resource needs a value"},
		{name: "another format", line: "--output table", wantErr: "--output table is not answered"},
		{name: "another short name", line: "--resource-type media", wantErr: "give --resource URL"},
		{name: "two scopes", line: "--resource\x00https://a.example https://b.example", wantErr: "is not a scope"},
		{name: "locked", line: "--resource https://vault.azure.net", err: locked, scope: "https://vault.azure.net/.default", wantErr: "oauthd is locked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{token: "T", err: test.err}
			args := append([]string{"account", "get-access-token"}, strings.Fields(test.line)...)
			if strings.Contains(test.line, "\x00") {
				args = append(args[:2], strings.Split(test.line, "\x00")...)
			}
			account, asked := "work", "work"
			if test.account != "" {
				account, asked = "", "matched"
			}
			var out strings.Builder
			err := Serve(t.Context(), args, account, time.FixedZone("", 2*60*60), &out, d)
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
			if test.scope == "" && len(d.asked) == 0 {
				return
			}
			if len(d.asked) != 1 || d.asked[0] != (api.TokenRequest{Account: asked, Scope: test.scope}) {
				t.Errorf("asked for %+v, want the scope %q of %s", d.asked, test.scope, asked)
			}
		})
	}
}

func TestTokenOfUnknownLifeIsAskedForAgain(t *testing.T) {
	var out strings.Builder
	err := Serve(t.Context(), []string{"account", "get-access-token", "--query", "expires_on"}, "work", time.UTC, &out, &daemon{token: "T", endless: true})
	left, parsed := time.ParseDuration(strings.TrimSpace(out.String()) + "s")
	if until := time.Until(time.Unix(int64(left/time.Second), 0)); err != nil || parsed != nil || until <= 0 || until > 5*time.Minute {
		t.Errorf("got %q, %v, want a time that comes soon", out.String(), err)
	}
}

func TestTokenWithALineBreakIsRefused(t *testing.T) {
	var out strings.Builder
	err := Serve(t.Context(), []string{"account", "get-access-token"}, "work", time.UTC, &out, &daemon{token: "T\nU"})
	if !errors.Is(err, &api.Error{Code: api.ProviderRejected}) || out.String() != "" {
		t.Errorf("got %q, %v, want a refusal", out.String(), err)
	}
}

func TestOtherCommandsAreTheRealOnes(t *testing.T) {
	for line, want := range map[string]bool{
		"account get-access-token": true, "account get-access-token --resource x": true,
		"": false, "account": false, "account show": false, "--version": false, "login": false, "--debug account get-access-token": false,
	} {
		args := strings.Fields(line)
		if got := Answers(args); got != want {
			t.Errorf("az %s: got %t, want %t", line, got, want)
		}
		if err := Serve(t.Context(), args, "work", time.UTC, new(strings.Builder), &daemon{token: "T"}); (err == nil) != want {
			t.Errorf("az %s: got %v", line, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("--resource\nhttps://vault.azure.net\n--output\njson")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := read(strings.Split(text, "\n"))
		if err == nil && (len(strings.Fields(r.scope)) != 1 || strings.ContainsAny(r.scope, "\x00\"\\")) {
			t.Errorf("got %+v", r)
		}
	})
}
