package login

import (
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/mint"
	"oauthd/ipc/api"
)

const (
	googleFile = `{"installed":{"client_id":"from-file","client_secret":"fake-secret","redirect_uris":["http://localhost"],
		"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token"}}`
	webFile = `{"web":{"client_id":"from-file","client_secret":"fake-secret","redirect_uris":["http://127.0.0.1:8400/cb"],
		"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token"}}`
	// namelessFile says nothing of its provider.
	namelessFile = `{"installed":{"client_id":"from-file","client_secret":"fake-secret","redirect_uris":["http://localhost"]}}`
)

// known is an account in which everything is set that a login of a person may change.
func known() account.Account {
	return account.Account{
		Name: "work", Grant: account.GrantAuthorizationCode, Managed: true, File: "/accounts/work.toml",
		Provider: "keycloak", Tenant: "sso.example.com/realms/main", ClientID: "app", ClientSecret: account.NewSecret("fake-old-secret"),
		Scopes: []string{"openid"}, AuthParams: map[string]string{"login_hint": "ada@example.com"}, Resource: "https://api.example.com",
		RedirectURI: "http://127.0.0.1:8500/cb", RedirectPorts: []int{8500},
	}
}

// TestApply checks what a definition changes, and that it changes nothing else.
func TestApply(t *testing.T) {
	at := func(issuer string) account.Account {
		a := known()
		a.Provider, a.Tenant, a.Issuer = "", "", issuer
		return a
	}
	for _, tt := range []struct {
		name   string
		before account.Account
		def    api.AccountDefinition
		want   func(a *account.Account)
		secret string // that came with it
	}{
		{"nothing", known(), api.AccountDefinition{}, func(*account.Account) {}, ""},
		{"an issuer", known(), api.AccountDefinition{Issuer: "https://login.example.com"}, func(a *account.Account) {
			a.Provider, a.Tenant, a.Issuer = "", "", "https://login.example.com"
		}, ""},
		{"a provider", at("https://login.example.com"), api.AccountDefinition{Provider: "google"}, func(a *account.Account) {
			a.Provider, a.Issuer = "google", ""
		}, ""},
		{"a provider, of an account with a tenant", known(), api.AccountDefinition{Provider: "google"}, func(a *account.Account) {
			a.Provider, a.Tenant = "google", ""
		}, ""},
		{"a tenant", known(), api.AccountDefinition{Tenant: "other.example.com/realms/a"}, func(a *account.Account) {
			a.Tenant = "other.example.com/realms/a"
		}, ""},
		{"a provider and a tenant", at("https://login.example.com"), api.AccountDefinition{Provider: "okta", Tenant: "acme.okta.com"}, func(a *account.Account) {
			a.Provider, a.Tenant, a.Issuer = "okta", "acme.okta.com", ""
		}, ""},
		{"a client", known(), api.AccountDefinition{ClientID: "other", ClientSecret: "fake-secret"}, func(a *account.Account) {
			a.ClientID, a.ClientSecret = "other", account.Secret{}
		}, "fake-secret"},
		{"the same grant", known(), api.AccountDefinition{Grant: "authorization_code"}, func(*account.Account) {}, ""},
		{"another grant of a person", known(), api.AccountDefinition{Grant: "device_code"}, func(a *account.Account) {
			a.Grant = account.GrantDeviceCode
		}, ""},
		{"a grant without a client", known(), api.AccountDefinition{Grant: "adc"}, func(a *account.Account) {
			*a = account.Account{Name: "work", Grant: account.GrantADC, Managed: true, File: a.File, Scopes: a.Scopes}
		}, ""},
		{"a client_secrets file", known(), api.AccountDefinition{ClientSecrets: googleFile}, func(a *account.Account) {
			a.Provider, a.Tenant, a.ClientID, a.ClientSecret = "google", "", "from-file", account.Secret{}
		}, "fake-secret"},
		{"a client_secrets file, of an account at an issuer", at("https://login.example.com"), api.AccountDefinition{ClientSecrets: googleFile}, func(a *account.Account) {
			a.Provider, a.Issuer, a.ClientID, a.ClientSecret = "google", "", "from-file", account.Secret{}
		}, "fake-secret"},
		{"a client_secrets file, and an issuer", known(), api.AccountDefinition{ClientSecrets: googleFile, Issuer: "https://accounts.google.com"}, func(a *account.Account) {
			a.Provider, a.Tenant, a.Issuer = "", "", "https://accounts.google.com"
			a.ClientID, a.ClientSecret = "from-file", account.Secret{}
		}, "fake-secret"},
		{"a client_secrets file that names no provider", known(), api.AccountDefinition{ClientSecrets: namelessFile}, func(a *account.Account) {
			a.ClientID, a.ClientSecret = "from-file", account.Secret{}
		}, "fake-secret"},
		{"a web client, of an account with a redirect URI", known(), api.AccountDefinition{ClientSecrets: webFile}, func(a *account.Account) {
			a.Provider, a.Tenant, a.ClientID, a.ClientSecret = "google", "", "from-file", account.Secret{}
		}, "fake-secret"},
		{"a web client, of an account without", account.Account{Name: "work"}, api.AccountDefinition{ClientSecrets: webFile}, func(a *account.Account) {
			a.Provider, a.ClientID, a.RedirectURI = "google", "from-file", "http://127.0.0.1:8400/cb"
		}, "fake-secret"},
		{"a resource", known(), api.AccountDefinition{Resource: "https://mail.example.com"}, func(a *account.Account) {
			a.Resource = "https://mail.example.com"
		}, ""},
		{"a redirect URI", known(), api.AccountDefinition{RedirectURI: "http://localhost/cb"}, func(a *account.Account) {
			a.RedirectURI, a.RedirectPorts = "http://localhost/cb", nil
		}, ""},
		{"scopes, one of them known", known(), api.AccountDefinition{Scopes: []string{"email", "openid", "email"}}, func(a *account.Account) {
			a.Scopes = []string{"openid", "email"}
		}, ""},
		{"parameters", known(), api.AccountDefinition{AuthParams: map[string]string{"login_hint": "a", "hd": "b"}}, func(a *account.Account) {
			a.AuthParams = map[string]string{"login_hint": "a", "hd": "b"}
		}, ""},
		{"parameters, of an account without", account.Account{Name: "work"}, api.AccountDefinition{AuthParams: map[string]string{"hd": "b"}}, func(a *account.Account) {
			a.AuthParams = map[string]string{"hd": "b"}
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, want := tt.before, tt.before
			tt.want(&want)
			with, err := apply(&got, tt.def)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			if with.Secret.Reveal() != tt.secret || !with.Key.IsZero() {
				t.Errorf("got a key %t, or another secret than %q, for the store", !with.Key.IsZero(), tt.secret)
			}
		})
	}
}

// TestApplyRefuses checks the definitions that contradict themselves or the account.
func TestApplyRefuses(t *testing.T) {
	issuer := account.Account{Name: "work", Issuer: "https://login.example.com", Grant: account.GrantAuthorizationCode}
	endpoints := account.Account{Name: "work", Grant: account.GrantAuthorizationCode}
	endpoints.Endpoints.Token = "https://login.example.com/token"
	adc := account.Account{Name: "work", Grant: account.GrantADC}
	program := account.Account{Name: "work", Issuer: "https://login.example.com", Grant: account.GrantClientCredentials}
	robot := account.Account{Name: "work", Grant: account.GrantServiceAccount}
	for _, tt := range []struct {
		name   string
		before account.Account
		def    api.AccountDefinition
		says   string
	}{
		{"two secrets", known(), api.AccountDefinition{ClientSecret: "fake", ClientSecrets: googleFile}, "a client secret or a client_secrets file"},
		{"two clients", known(), api.AccountDefinition{ClientID: "app", ClientSecrets: googleFile}, "a client id or a client_secrets file"},
		{"a tenant of an issuer", issuer, api.AccountDefinition{Tenant: "acme"}, "an issuer's URL names its own"},
		{"a tenant of endpoints", endpoints, api.AccountDefinition{Tenant: "acme"}, "an issuer's URL names its own"},
		{"a reserved parameter", known(), api.AccountDefinition{AuthParams: map[string]string{"state": "x"}}, "set by oauthd itself"},
		{"a key of application default credentials", adc, api.AccountDefinition{Key: "fake"}, "bring their own key"},
		{"a subject of a program", program, api.AccountDefinition{Subject: "ada@example.com"}, "for a service account"},
		{"an audience of a person", known(), api.AccountDefinition{Audience: "https://api.example.com"}, "without a person"},
		{"a key id alone", program, api.AccountDefinition{KeyID: "k1"}, "there is none"},
		{"a robot's key that is none", robot, api.AccountDefinition{Key: "{}"}, "the private key of work"},
		{"a program's key that is none", program, api.AccountDefinition{Key: "{}"}, "the private key of work"},
		{"a provider of a robot", robot, api.AccountDefinition{Provider: "google"}, "no provider, client or redirect"},
		{"an issuer of a robot", robot, api.AccountDefinition{Issuer: "https://login.example.com"}, "no provider, client or redirect"},
		{"a tenant of a robot", robot, api.AccountDefinition{Tenant: "acme"}, "no provider, client or redirect"},
		{"a client of a robot", robot, api.AccountDefinition{ClientID: "app"}, "no provider, client or redirect"},
		{"a secret of a robot", robot, api.AccountDefinition{ClientSecret: "fake"}, "no provider, client or redirect"},
		{"a client_secrets file of a robot", robot, api.AccountDefinition{ClientSecrets: googleFile}, "no provider, client or redirect"},
		{"a redirect URI of a robot", robot, api.AccountDefinition{RedirectURI: "http://localhost/"}, "no provider, client or redirect"},
		{"a resource of a robot", robot, api.AccountDefinition{Resource: "https://api.example.com"}, "no provider, client or redirect"},
		{"a parameter of a robot", robot, api.AccountDefinition{AuthParams: map[string]string{"hd": "b"}}, "no provider, client or redirect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.before
			_, err := apply(&a, tt.def)
			if err == nil || !strings.Contains(err.Error(), tt.says) || api.AsError(err).Hint == "" {
				t.Errorf("got %v, want %q in it, and a hint", err, tt.says)
			}
		})
	}
}

// TestDefineChangesACopy checks that a definition leaves the account as it is configured alone until the login is done.
func TestDefineChangesACopy(t *testing.T) {
	w := &witness{t: t}
	l := w.logins()
	before := known()
	text, err := config.Encode(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.book.Write(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	a, _, err := l.define(t.Context(), "work", api.AccountDefinition{Scopes: []string{"email"}, AuthParams: map[string]string{"hd": "example.com"}})
	if err != nil || len(a.Scopes) != 2 || a.AuthParams["hd"] == "" {
		t.Errorf("got %+v, %v; want what was added", a, err)
	}
	after, _ := l.book.Configured("work")
	if got, err := config.Encode(after); err != nil || string(got) != string(text) {
		t.Errorf("got %s, %v; want %s", got, err, text)
	}
}

// TestApplyMachine checks what a definition changes of accounts that need no person.
func TestApplyMachine(t *testing.T) {
	filed := account.Account{
		Name: "work", Issuer: "https://login.example.com", Grant: account.GrantClientCredentials, ClientID: "app",
		KeyFile: "/keys/app.pem", KeyID: "k0", Audience: "https://own.example.com",
	}
	a := filed
	with, err := apply(&a, api.AccountDefinition{})
	if err != nil || !reflect.DeepEqual(a, filed) || with != (mint.Given{}) {
		t.Errorf("nothing: got %+v, %v; want the account as it was", a, err)
	}
	a = filed
	if _, err = apply(&a, api.AccountDefinition{Audience: "https://api.example.com"}); err != nil || a.Audience != "https://api.example.com" || a.KeyFile == "" {
		t.Errorf("an audience: got %q, %v; want it, and the key's file as before", a.Audience, err)
	}
	a = filed
	with, err = apply(&a, api.AccountDefinition{Key: api.Confidential(clientPEM(t)), KeyID: "k1"})
	if err != nil || a.KeyFile != "" || a.KeyID != "" || !strings.Contains(with.Key.Reveal(), `"kid":"k1"`) {
		t.Errorf("a key: got file %q, id %q, %v; want the key for the store, with its id", a.KeyFile, a.KeyID, err)
	}
	here := account.Account{Name: "work", Grant: account.GrantADC, KeyFile: "/keys/adc.json", CredentialSources: []string{"url"}}
	a = here
	if _, err = apply(&a, api.AccountDefinition{Grant: "adc"}); err != nil || !reflect.DeepEqual(a, here) {
		t.Errorf("the same grant: got %+v, %v; want the account as it was", a, err)
	}
	robot := account.Account{Name: "work", Grant: account.GrantServiceAccount, Subject: "ada@example.com"}
	if _, err := apply(&robot, api.AccountDefinition{}); err != nil || robot.Subject != "ada@example.com" {
		t.Errorf("a robot: got subject %q, %v; want it as before", robot.Subject, err)
	}
}
