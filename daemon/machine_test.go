package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// robotEmail is the service account of the tests.
const robotEmail = "robot@project.example.com"

// machineKeys are made once: RSA keys take long.
var machineKeys = sync.OnceValue(func() (keys struct {
	client *ecdsa.PrivateKey
	robot  *rsa.PrivateKey
}) {
	var err error
	if keys.client, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	if keys.robot, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	return keys
})

// machines is a server with a program that has a secret, one that has a key, and a service account.
func machines() oauthtest.Config {
	keys := machineKeys()
	return oauthtest.Config{
		Scopes: []string{"openid", "email", "calendar.read", "mail.read", "files.read"},
		Clients: []oauthtest.Client{
			{ID: "build", Secret: clientSecret, GrantTypes: []string{"client_credentials"}},
			{ID: "deploy", Keys: []oauthtest.Key{{ID: "k1", Public: keys.client.Public()}}, GrantTypes: []string{"client_credentials"}},
		},
		ServiceAccounts: []oauthtest.ServiceAccount{{
			Email: robotEmail, Keys: []oauthtest.Key{{ID: "r1", Public: keys.robot.Public()}},
			Scopes: []string{"storage.read", "storage.write"}, Subjects: []string{"ada@example.com"},
		}},
	}
}

func pemOf(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// robotKey is the service account's key as Google gives it, for the rig's server.
func (r *rig) robotKey() string {
	r.t.Helper()
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": "r1",
		"private_key": pemOf(r.t, machineKeys().robot), "client_email": robotEmail, "client_id": "1",
		"token_uri": r.server.Issuer() + "/token",
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// tried runs a login without a person, which is not to fail.
func (r *rig) tried(name string, def api.AccountDefinition) api.LoginEvent {
	r.t.Helper()
	l := r.begin(name, def)
	if err := <-l.ended; err != nil || l.last().Event != api.EventDone {
		r.t.Fatalf("login: got %v, last event %q; want done", err, l.last().Event)
	}
	return l.last()
}

func (r *rig) buildDefinition(scopes ...string) api.AccountDefinition {
	return api.AccountDefinition{
		Grant: "client_credentials", Issuer: r.server.Issuer(), ClientID: "build", ClientSecret: clientSecret, Scopes: scopes,
	}
}

func TestClientCredentials(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	done := r.tried("work", r.buildDefinition("calendar.read", "mail.read"))
	if want := []string{"calendar.read", "mail.read"}; !slices.Equal(done.ScopesGranted, want) || done.Grant != "client_credentials" {
		t.Errorf("got %q by %q, want %q by client_credentials", done.ScopesGranted, done.Grant, want)
	}
	first := r.token()
	if first.Scope != "calendar.read mail.read" || first.ExpiresIn == nil {
		t.Errorf("got scope %q, want both, and an end", first.Scope)
	}
	for range 50 {
		if again := r.token(); again.AccessToken != first.AccessToken {
			t.Fatal("got another token, want the cached one")
		}
	}
	if n := r.server.TokenRequests("client_credentials"); n != 1 {
		t.Errorf("got %d token requests, want the login's alone", n)
	}

	r.restart()
	if r.token().AccessToken == first.AccessToken {
		t.Error("got the old token after a restart, want a new one from what is kept")
	}
	if a := r.shown("work"); a.State != api.StateReady || a.LoginEndsAt != nil || a.LastError != nil {
		t.Errorf("got %+v, want ready and no end", a)
	}
	if raw := r.store.raw(t, "work"); !strings.Contains(raw, clientSecret) || strings.Contains(raw, "access_token") {
		t.Error("the record has not the secret, or has a token; want the one without the other")
	}
	file, err := os.ReadFile(config.AccountFile(r.dir, "work"))
	if err != nil {
		t.Fatal(err)
	}
	r.tell(string(file)) // to be searched for secrets
	if !strings.Contains(string(file), "grant = 'client_credentials'") {
		t.Errorf("got file %q, want the grant", file)
	}
}

func TestNarrowedClientCredentials(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", r.buildDefinition("calendar.read", "mail.read"))
	one, err := r.ask(api.TokenRequest{Account: "work", Scope: "mail.read"})
	if err != nil || one.Scope != "mail.read" {
		t.Errorf("got %q, %v; want the one scope", one.Scope, err)
	}
	if a := r.shown("work"); len(a.ScopesGranted) != 2 {
		t.Errorf("got granted %q, want both still", a.ScopesGranted)
	}
	_, err = r.ask(api.TokenRequest{Account: "work", Scope: "files.read"})
	r.wants(err, api.ScopeNotGranted)
	done := r.tried("work", api.AccountDefinition{Scopes: []string{"files.read"}})
	if !slices.Contains(done.ScopesGranted, "files.read") || !slices.Contains(done.ScopesGranted, "mail.read") {
		t.Errorf("got %q after a login for more, want all", done.ScopesGranted)
	}
}

func TestRefusedClientCredentialsLeaveNothing(t *testing.T) {
	for name, change := range map[string]func(r *rig, def *api.AccountDefinition){
		"wrong secret": func(_ *rig, def *api.AccountDefinition) { def.ClientSecret = "another" },
		"not allowed":  func(_ *rig, def *api.AccountDefinition) { def.ClientID = "web" },
		"wrong key": func(r *rig, def *api.AccountDefinition) {
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				r.t.Fatal(err)
			}
			def.ClientID, def.ClientSecret, def.Key = "deploy", "", api.Confidential(pemOf(r.t, other))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, machines())
			r.start()
			def := r.buildDefinition("calendar.read")
			change(r, &def)
			l := r.begin("work", def)
			r.wants(<-l.ended, api.ProviderRejected)
			if n := len(l.told); n != 0 {
				t.Errorf("got %d events of a login that failed, want none", n)
			}
			r.nothingLeft("work")
		})
	}
}

// A program's refused secret is no login that a person could renew, and what is kept stays.
func TestRefusedLaterIsNoLoginRequired(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", r.buildDefinition("calendar.read"))
	r.restart()
	r.server.Always(oauthtest.Token, oauthtest.Error(400, "invalid_grant"))
	r.refused(api.ProviderRejected)
	if a := r.shown("work"); a.State != api.StateError {
		t.Errorf("got state %s, want error", a.State)
	}
}

func TestClientWithAKey(t *testing.T) {
	def := func(r *rig) api.AccountDefinition {
		d := r.buildDefinition("calendar.read")
		d.ClientID, d.ClientSecret = "deploy", ""
		return d
	}
	t.Run("kept", func(t *testing.T) {
		r := newRealRig(t, machines())
		r.start()
		d := def(r)
		d.Key, d.KeyID = api.Confidential(pemOf(t, machineKeys().client)), "k1"
		r.tried("work", d)
		r.restart()
		if got := r.token(); got.Scope != "calendar.read" {
			t.Errorf("got scope %q, want the one", got.Scope)
		}
		// A login that changes nothing goes on with the kept key.
		r.tried("work", api.AccountDefinition{})
	})
	t.Run("in a file", func(t *testing.T) {
		r := newRealRig(t, machines())
		key := r.write("deploy.pem", pemOf(t, machineKeys().client))
		r.write("accounts/work.toml", "grant = \"client_credentials\"\nissuer = \""+r.server.Issuer()+
			"\"\nclient_id = \"deploy\"\nkey_file = \"../deploy.pem\"\nkey_id = \"k1\"\nscopes = [\"calendar.read\"]\n")
		// Nothing is kept, so that no store is needed.
		r.store.script(func(context.Context, string, string) error { return errors.New("no store here") })
		r.start()
		if got := r.token(); got.Scope != "calendar.read" {
			t.Errorf("got scope %q, want the one", got.Scope)
		}
		if a := r.shown("work"); a.State != api.StateReady {
			t.Errorf("got state %s, want ready", a.State)
		}
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		_, err := r.ask(api.TokenRequest{Account: "work", Force: true})
		r.wants(err, api.ConfigInvalid)
	})
}

func TestServiceAccount(t *testing.T) {
	for _, way := range []string{"kept", "in a file"} {
		t.Run(way, func(t *testing.T) {
			r := newRealRig(t, machines())
			if way == "in a file" {
				r.write("accounts/robot.json", r.robotKey())
				r.write("accounts/work.toml", "grant = \"service_account\"\nkey_file = \"robot.json\"\nscopes = [\"storage.read\", \"storage.write\"]\n")
				r.start()
			} else {
				r.start()
				done := r.tried("work", api.AccountDefinition{
					Grant: "service_account", Key: api.Confidential(r.robotKey()), Scopes: []string{"storage.read", "storage.write"},
				})
				if done.Email != robotEmail || done.Provider != "google" {
					t.Errorf("got %q at %q, want the robot at google", done.Email, done.Provider)
				}
				r.restart()
			}
			if got := r.token(); got.Scope != "storage.read storage.write" || got.ExpiresIn == nil {
				t.Errorf("got scope %q, want both, and an end", got.Scope)
			}
			if a := r.shown("work"); a.State != api.StateReady || a.Email != robotEmail || a.Provider != "google" {
				t.Errorf("got %+v, want the robot, ready", a)
			}
			narrow, err := r.ask(api.TokenRequest{Account: "work", Scope: "storage.read"})
			if err != nil || narrow.Scope != "storage.read" {
				t.Errorf("got %q, %v; want the one scope", narrow.Scope, err)
			}
			_, err = r.ask(api.TokenRequest{Account: "work", Scope: "storage.admin"})
			r.wants(err, api.ScopeNotGranted)

			before := len(r.posted())
			signed, err := r.ask(api.TokenRequest{Account: "work", Audience: "https://api.example.com/"})
			if err != nil || claimsOf(t, signed.AccessToken)["aud"] != "https://api.example.com/" {
				t.Errorf("got %v, want a token that the robot has signed for the audience", err)
			}
			if n := len(r.posted()) - before; n != 0 {
				t.Errorf("got %d requests for it, want none", n)
			}
			identity, err := r.ask(api.TokenRequest{Account: "work", Audience: "https://run.example.com", IDToken: true})
			if err != nil || claimsOf(t, identity.IDToken)["aud"] != "https://run.example.com" || identity.AccessToken == "" {
				t.Errorf("got %v, want an ID token for the audience", err)
			}
			_, err = r.ask(api.TokenRequest{Account: "work", IDToken: true})
			r.wants(err, api.BadRequest)
		})
	}
}

func TestServiceAccountForAPerson(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	def := api.AccountDefinition{
		Grant: "service_account", Key: api.Confidential(r.robotKey()), Scopes: []string{"storage.read"}, Subject: "ada@example.com",
	}
	if done := r.tried("work", def); done.Email != "ada@example.com" {
		t.Errorf("got %q, want whom it acts for", done.Email)
	}
	def.Subject = "grace@example.com"
	l := r.begin("other", def)
	r.wants(<-l.ended, api.ProviderRejected)
	r.nothingLeft("other")
}

func TestLogoutOfAMachineForgetsTheKey(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", api.AccountDefinition{Grant: "service_account", Key: api.Confidential(r.robotKey()), Scopes: []string{"storage.read"}})
	result, err := r.d.Logout(context.Background(), "work")
	if err != nil || result.Revoked || !strings.Contains(result.Detail, "until it is deleted there") {
		t.Errorf("got %+v, %v; want the truth about the key", result, err)
	}
	r.tell(result)
	if r.store.raw(t, "work") != "" {
		t.Error("the key is still in the store")
	}
	r.refused(api.LoginRequired)
}

func TestApplicationDefault(t *testing.T) {
	r := newRealRig(t, machines())
	file := r.write("adc.json", r.robotKey())
	r.write("accounts/work.toml", "grant = \"adc\"\nscopes = [\"storage.read\"]\n")
	r.adc = ADCPlaces{Env: file}
	r.start()
	// A login tries it out, stores nothing, and what it saw is listed before anybody asks for a token.
	if done := r.tried("work", api.AccountDefinition{}); !slices.Equal(done.ScopesGranted, []string{"storage.read"}) || done.Email != robotEmail ||
		done.Provider != "google" {
		t.Errorf("login: got %q of %q at %q, want the scope and the robot at google", done.ScopesGranted, done.Email, done.Provider)
	}
	if a := r.shown("work"); !slices.Equal(a.ScopesGranted, []string{"storage.read"}) || r.store.raw(t, "work") != "" {
		t.Errorf("got %q listed, want the scope, and nothing stored", a.ScopesGranted)
	}
	r.restart()
	if got := r.token(); got.Scope != "storage.read" {
		t.Errorf("got scope %q, want the one", got.Scope)
	}
	if a := r.shown("work"); a.State != api.StateReady || a.Email != robotEmail {
		t.Errorf("got %+v, want the robot, ready", a)
	}
	r.adc = ADCPlaces{Env: filepath.Join(r.dir, "missing.json")}
	r.restart()
	r.refused(api.ConfigInvalid)
}

// A login with another grant has nothing a token could come from.
func TestGrantChangedInTheFile(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", r.buildDefinition("calendar.read"))
	r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"build\"\nscopes = [\"calendar.read\"]\n")
	if _, err := r.d.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.refused(api.LoginRequired)
}

// What was known of a login says nothing of an account that now takes its key from a file.
func TestFactsOfAnotherGrantAreForgotten(t *testing.T) {
	r := newRealRig(t, machines())
	r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"app\"\n")
	r.start()
	if a := r.shown("work"); a.State != api.StateLoginRequired {
		t.Errorf("got state %s of an account that nobody is logged in to, want login_required", a.State)
	}
	r.write("accounts/robot.json", r.robotKey())
	r.write("accounts/work.toml", "grant = \"service_account\"\nkey_file = \"robot.json\"\nscopes = [\"storage.read\"]\n")
	if _, err := r.d.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if a := r.shown("work"); a.State != api.StateReady {
		t.Errorf("got state %s with a key, want ready", a.State)
	}
}

func TestDefinitionsWithoutAPerson(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	key := api.Confidential(r.robotKey())
	for name, def := range map[string]api.AccountDefinition{
		"no client":                {Grant: "client_credentials", Issuer: r.server.Issuer()},
		"no service account":       {Grant: "service_account", Scopes: []string{"a"}},
		"subject of a program":     {Grant: "client_credentials", Issuer: r.server.Issuer(), ClientID: "build", Subject: "ada@example.com"},
		"audience of a person":     {Issuer: r.server.Issuer(), ClientID: "app", Audience: "https://api.example.com"},
		"key of this machine":      {Grant: "adc", Key: key},
		"key id without a key":     {Grant: "client_credentials", Issuer: r.server.Issuer(), ClientID: "build", KeyID: "k"},
		"unknown grant":            {Grant: "password", Issuer: r.server.Issuer(), ClientID: "build"},
		"key that is none":         {Grant: "service_account", Key: "{}"},
		"client key of a robot":    {Grant: "client_credentials", Issuer: r.server.Issuer(), ClientID: "deploy", Key: key},
		"neither scope nor target": {Grant: "service_account", Key: key},
	} {
		t.Run(name, func(t *testing.T) {
			l := r.begin("work", def)
			err := <-l.ended
			if e := api.AsError(err); err == nil || e.Hint == "" || e.Code.ExitStatus() != 2 {
				t.Errorf("got %v, want a usage error with a hint", err)
			}
			r.nothingLeft("work")
		})
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("got %d parts, want a JWT", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal("the claims are not base64url")
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal("the claims are not JSON")
	}
	return claims
}
