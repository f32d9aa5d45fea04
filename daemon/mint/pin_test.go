package mint

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// newKey makes a client's private key, as its file has it.
func newKey(t *testing.T) account.Secret {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return account.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// text is what the store would hold of a client key.
func text(t *testing.T, key account.Secret) string {
	t.Helper()
	parsed, err := grant.ParseClientKey([]byte(key.Reveal()), "")
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Text().Reveal()
}

// What comes with a login counts before what the account's files say, and that before what is stored of the same client.
func TestWhichSecretCounts(t *testing.T) {
	given, filed, stored := newKey(t), newKey(t), newKey(t)
	file := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(file, []byte(filed.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := func(s string) account.Secret { return account.NewSecret(s) }
	const none, basic, jwt = provider.AuthNone, provider.AuthBasic, provider.AuthPrivateKeyJWT
	for _, tt := range []struct {
		name   string
		with   Given
		change func(a *account.Account, before *account.Credential)
		method provider.AuthMethod
		secret string
		key    account.Secret // that signs; the zero one for none
		save   account.Secret // what is to be stored of it
	}{
		{"a secret that came with it", Given{Secret: secret("given")}, func(a *account.Account, _ *account.Credential) {
			a.ClientSecret, a.KeyFile = secret("filed"), file
		}, basic, "given", account.Secret{}, account.Secret{}},
		{"a key that came with it", Given{Key: given}, func(_ *account.Account, before *account.Credential) {
			before.Key = stored
		}, jwt, "", given, given},
		{"a secret in the files", Given{}, func(a *account.Account, _ *account.Credential) {
			a.ClientSecret = secret("filed")
		}, basic, "filed", account.Secret{}, account.Secret{}},
		{"a key in the files", Given{}, func(a *account.Account, before *account.Credential) {
			a.KeyFile, before.Key = file, stored
		}, jwt, "", filed, account.Secret{}},
		{"the stored secret", Given{}, func(*account.Account, *account.Credential) {}, basic, "stored", account.Secret{}, account.Secret{}},
		{"the stored key", Given{}, func(_ *account.Account, before *account.Credential) {
			before.ClientSecret, before.Key = account.Secret{}, stored
		}, jwt, "", stored, stored},
		{"the stored secret of another client", Given{}, func(a *account.Account, _ *account.Credential) {
			a.ClientID = "another"
		}, none, "", account.Secret{}, account.Secret{}},
		{"the stored secret for another token endpoint", Given{}, func(_ *account.Account, before *account.Credential) {
			before.TokenEndpoint = "https://other.example.com/token"
		}, none, "", account.Secret{}, account.Secret{}},
		{"the stored secret of another issuer", Given{}, func(_ *account.Account, before *account.Credential) {
			before.Issuer = "https://other.example.com"
		}, none, "", account.Secret{}, account.Secret{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := provider.Provider{Row: provider.Row{Issuer: "https://login.example.com"}}
			p.Endpoints.Token = "https://login.example.com/token"
			a := account.Account{ClientID: "app", Grant: account.GrantAuthorizationCode}
			before := account.Credential{
				ClientID: "app", Issuer: p.Issuer, TokenEndpoint: p.Endpoints.Token, ClientSecret: account.NewSecret("stored"),
			}
			tt.change(&a, &before)
			auth, save, err := Pin(a, p, tt.with, before)
			if err != nil || auth.Method != tt.method || auth.ID != a.ClientID || auth.AssertionAudience != p.Endpoints.Token {
				t.Fatalf("got %q by %q for %q, %v; want %q by %q for the token endpoint",
					auth.ID, auth.Method, auth.AssertionAudience, err, a.ClientID, tt.method)
			}
			if auth.Secret.Reveal() != tt.secret {
				t.Errorf("got another secret, want %q", tt.secret)
			}
			if !tt.key.IsZero() && auth.Key.Text().Reveal() != text(t, tt.key) || tt.key.IsZero() != auth.Key.IsZero() {
				t.Error("got another key, want the one named")
			}
			if !save.Equal(tt.save) {
				t.Error("got another key to store, want the one named")
			}
		})
	}
}

// A client that cannot authenticate is told so before a person is asked for anything.
func TestClientsThatCannotAuthenticate(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, tt := range []struct {
		name string
		a    account.Account
		with Given
		want api.Code
		says string
	}{
		{"a secret at a public client", account.Account{Endpoints: account.Endpoints{AuthMethod: "none"}},
			Given{Secret: account.NewSecret("given")}, api.ConfigInvalid, "the client has a secret"},
		{"a key file that is gone", account.Account{KeyFile: missing}, Given{}, api.ConfigInvalid, "no such file"},
		{"a key that is none", account.Account{}, Given{Key: account.NewSecret("{}")}, api.ConfigInvalid, "the private key of work"},
		{"a program without a secret", account.Account{Grant: account.GrantClientCredentials}, Given{}, api.BadRequest, "no client secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Name, tt.a.ClientID = "work", "app"
			_, _, err := Pin(tt.a, provider.Provider{}, tt.with, account.Credential{})
			var told *api.Error
			if !errors.As(err, &told) || told.Code != tt.want || !strings.Contains(told.Message, tt.says) || told.Hint == "" {
				t.Errorf("got %v, want %s that says %q, with a hint", err, tt.want, tt.says)
			}
		})
	}
}

// Later requests authenticate as the login did.
func TestClientAuthOfARecord(t *testing.T) {
	key := newKey(t)
	c := account.Credential{
		ClientID: "app", TokenEndpoint: "https://login.example.com/token", AuthMethod: "private_key_jwt", Key: key,
	}
	auth, err := clientAuth(account.Account{Name: "work", KeyID: "k1"}, c, provider.Provider{})
	if err != nil || auth.ID != "app" || auth.AssertionAudience != c.TokenEndpoint || auth.Key.IsZero() {
		t.Errorf("got %q for %q, %v; want app, with its key, for the token endpoint", auth.ID, auth.AssertionAudience, err)
	}
	c.Key = account.Secret{}
	_, err = clientAuth(account.Account{Name: "work"}, c, provider.Provider{})
	var told *api.Error
	if !errors.As(err, &told) || told.Code != api.LoginRequired {
		t.Errorf("got %v without the key, want login_required", err)
	}
}
