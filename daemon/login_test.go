package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestLoginMakesAnAccount(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	l := r.begin("work", r.definition("openid", "email", "calendar.read"))
	url := l.url()
	q := query(t, url)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "app", "code_challenge_method": "S256", "prompt": "consent",
		"scope": "openid email calendar.read offline_access",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if uri := q.Get("redirect_uri"); !strings.HasPrefix(uri, "http://127.0.0.1:") || !strings.HasSuffix(uri, "/callback") {
		t.Errorf("got redirect_uri %q, want http://127.0.0.1:PORT/callback", uri)
	}
	if _, err := os.Stat(config.AccountFile(r.dir, "work")); !os.IsNotExist(err) || r.store.raw(t, "work") != "" {
		t.Error("something was kept before anybody had logged in")
	}
	if err := l.decide(url, oauthtest.Allow); err != nil {
		t.Fatalf("got %v, want done", err)
	}
	done := l.last()
	scopes := []string{"openid", "email", "calendar.read", "offline_access"}
	if done.Event != api.EventDone || done.Email != "ada@example.com" || done.Subject != "ada" ||
		!slices.Equal(done.ScopesGranted, scopes) || done.Warnings != nil {
		t.Errorf("got %+v, want done with ada@example.com and the scopes, without warnings", done)
	}

	c := r.store.credential(t, "work")
	if !r.server.Active(c.RefreshToken.Reveal()) || c.Issuer != r.server.Issuer() || c.ClientID != "app" ||
		c.TokenEndpoint != r.server.Issuer()+"/token" || c.Generation != 1 || c.AuthMethod != "none" {
		t.Errorf("got record of %s, %s, %s, generation %d; want this login's", c.Issuer, c.TokenEndpoint, c.ClientID, c.Generation)
	}
	if tok := r.token(); tok.Scope != strings.Join(scopes, " ") || tok.TokenType != "Bearer" || r.refreshes() != 0 {
		t.Errorf("got scope %q after %d refreshes, want the login's token", tok.Scope, r.refreshes())
	}
	if a := r.shown("work"); a.State != api.StateReady || a.Email != "ada@example.com" || a.ExpiresAt == nil {
		t.Errorf("got %+v, want ready", a)
	}
	r.restart()
	r.token()
	if n := r.refreshes(); n != 1 {
		t.Errorf("got %d refreshes after a restart, want 1", n)
	}
}

func TestEachLoginIsBoundAnew(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	seen := map[string]bool{}
	for range 3 {
		l := r.begin("work", r.definition("openid"))
		q := query(t, l.url())
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			value := q.Get(name)
			if len(value) < 43 || seen[value] {
				t.Errorf("%s has %d characters, or was sent before; want 256 fresh bits", name, len(value))
			}
			seen[value] = true
		}
		l.cancel()
		r.wants(<-l.ended, api.LoginFailed)
	}
	r.nothingLeft("work")
}

func TestLoginAgain(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid", "email")
	def.ClientID, def.ClientSecret = "web", clientSecret
	def.AuthParams = map[string]string{"login_hint": "ada@example.com"}
	r.loggedIn("work", def)
	file := r.snapshot("work").file
	if strings.Contains(file, clientSecret) {
		t.Error("the account's file holds the client secret")
	}
	first := r.store.credential(t, "work")
	if first.ClientSecret.Reveal() != clientSecret || first.AuthMethod != "client_secret_basic" {
		t.Errorf("got auth method %q, want the client secret kept in the store", first.AuthMethod)
	}
	r.restart()
	resource := api.TokenRequest{Account: "work", Resource: "https://api.example.com"}
	old, err := r.ask(resource)
	if err != nil {
		t.Fatal(err)
	}
	first = r.store.credential(t, "work")
	r.loggedIn("work", api.AccountDefinition{})
	if tok, err := r.ask(resource); err != nil || tok.AccessToken == old.AccessToken {
		t.Errorf("got %v, or a token of the former login, want one of the new", err)
	}
	second := r.store.credential(t, "work")
	if second.RefreshToken.Equal(first.RefreshToken) || !second.ClientSecret.Equal(first.ClientSecret) || second.Generation <= first.Generation {
		t.Errorf("got generation %d after %d, want a new refresh token for the same client", second.Generation, first.Generation)
	}
	if got := r.snapshot("work").file; got != file {
		t.Errorf("got file %q, want %q", got, file)
	}

	r.loggedIn("work", api.AccountDefinition{Scopes: []string{"calendar.read"}})
	if got := r.shown("work"); !slices.Equal(got.ScopesRequested, []string{"openid", "email", "calendar.read"}) {
		t.Errorf("got scopes %q, want the new one added", got.ScopesRequested)
	}
}

func TestLoginEndsDeath(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid"))
	r.server.RevokeAll()
	r.restart()
	r.refused(api.LoginRequired)
	before := r.refreshes()
	r.restart()
	r.refused(api.LoginRequired)
	if r.refreshes() != before {
		t.Error("a refused refresh token was sent again after a restart")
	}
	r.loggedIn("work", api.AccountDefinition{})
	r.token()
	if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil || r.store.credential(t, "work").Dead {
		t.Errorf("got state %s, last error %v; want a new login to clear it", a.State, a.LastError)
	}
}

func TestPersonsFileIsNeverRewritten(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	text := "# mine\nissuer    = \"" + r.server.Issuer() + "\"\nclient_id = \"app\"\nscopes = [\"openid\"]\n"
	r.write("accounts/work.toml", text)
	r.start()
	r.loggedIn("work", api.AccountDefinition{})
	if got := r.snapshot("work").file; got != text {
		t.Errorf("got file %q, want %q", got, text)
	}
	_, err := r.login("work", api.AccountDefinition{Scopes: []string{"email"}})
	r.wants(err, api.ConfigInvalid)
	if err != nil && !strings.Contains(api.AsError(err).Hint, "scopes = ") {
		t.Errorf("got hint %q, want the line to change", api.AsError(err).Hint)
	}
	_, err = r.d.Remove(t.Context(), "work")
	r.wants(err, api.ConfigInvalid)
	if got := r.snapshot("work").file; got != text {
		t.Errorf("got file %q, want %q", got, text)
	}
	r.token()
}

func TestNoRefreshToken(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     oauthtest.Config
		fault   oauthtest.Fault
		warning string
	}{
		{"a provider without", oauthtest.Config{Scopes: []string{"openid", "email"}}, nil, "gave no refresh token; some providers"},
		{"although asked for", oauthtest.Config{}, oauthtest.Remove("refresh_token"), "gave no refresh token although offline_access was asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, tt.cfg)
			r.start()
			if tt.fault != nil {
				r.server.Script(oauthtest.Token, tt.fault)
			}
			done := r.loggedIn("work", r.definition("openid", "email"))
			if len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0], tt.warning) || !strings.Contains(done.Warnings[0], "access token is stored until") {
				t.Errorf("got warnings %q, want one with %q", done.Warnings, tt.warning)
			}
			first := r.token()
			r.restart()
			if a := r.shown("work"); a.State != api.StateReady {
				t.Errorf("got state %s after a restart, want ready", a.State)
			}
			if got := r.token(); got.AccessToken != first.AccessToken || got.ExpiresAt == nil || !got.ExpiresAt.Equal(*first.ExpiresAt) {
				t.Errorf("got another token after a restart, or end %v; want the kept one until %v", got.ExpiresAt, first.ExpiresAt)
			}
			r.mu.Lock()
			r.ahead = time.Hour
			r.mu.Unlock()
			if a := r.shown("work"); a.State != api.StateLoginRequired {
				t.Errorf("got state %s once the token has ended, want login_required", a.State)
			}
			r.refused(api.LoginRequired)
			if a := r.shown("work"); a.State != api.StateLoginRequired {
				t.Errorf("got state %s once it was asked for, want login_required", a.State)
			}
			r.restart()
			if a := r.shown("work"); a.State != api.StateLoginRequired {
				t.Errorf("got state %s after another restart, want login_required", a.State)
			}
			if n := r.refreshes(); n != 0 {
				t.Errorf("got %d refresh requests, want none", n)
			}
		})
	}
}

func TestUnknownAccountIsLookedForInTheFiles(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.refused(api.UnknownAccount)
	r.account("work")
	r.token()

	r.write("accounts/home.toml", "colour = \"red\"\n")
	_, err := r.ask(api.TokenRequest{Account: "home"})
	r.wants(err, api.ConfigInvalid)
	if err != nil && !strings.Contains(err.Error(), "home.toml:1: ") {
		t.Errorf("got %v, want file and line", err)
	}
	r.write("accounts/work.toml", "broken")
	if _, err := r.d.Accounts(t.Context()); err != nil {
		t.Errorf("got %v, want the rest told", err)
	}
	r.token() // what was right before is kept
	if a := r.shown("work"); a.State != api.StateReady {
		t.Errorf("got state %s, want ready", a.State)
	}
}
