package mint

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

// robotPEM is a service account's private key, made once: RSA keys take long.
var robotPEM = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

// robotKey is the key file of a service account whose tokens come from tokenURI.
func robotKey(t *testing.T, tokenURI string) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "private_key_id": "r1", "private_key": robotPEM(), "client_email": "robot@example.com",
		"token_uri": tokenURI,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// program makes the account one of a program that has a secret in its files.
func (s *stub) program() {
	s.provider.Endpoints.AuthMethod = ""
	s.account.Grant, s.account.ClientSecret = account.GrantClientCredentials, account.NewSecret("fake-secret")
}

// The request names the target before the account does, and the answer is read in the provider's own way.
func TestProgramWithASecretInItsFiles(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"a,b"}`)
	s.program()
	s.provider.ScopeSeparator = ","
	s.account.Scopes, s.account.Resource, s.account.Audience = []string{"a", "b", "c"}, "https://own.example.com", "own"
	s.start()
	if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got scopes %q, want what was granted", got.Scopes)
	}
	s.minted(token.Key{Audience: "other", Resource: "https://other.example.com"})
	s.wantAsked("scope", "a b c", "a b c")
	s.wantAsked("audience", "own", "other")
	s.wantAsked("resource", "https://own.example.com", "https://other.example.com")
}

// What was asked for is what was granted if the provider does not say (RFC 6749 §5.1).
func TestProgramsAnswerWithoutScopes(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.program()
	s.account.Scopes = []string{"a", "b"}
	s.start()
	if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got scopes %q, want what was asked for", got.Scopes)
	}
	if want := []string{"app:fake-secret"}; !slices.Equal(s.clients, want) {
		t.Errorf("got clients %q, want %q", s.clients, want)
	}
}

// A program whose issuer does not answer, or whose files do not fit it, is told so before any token is asked for.
func TestProgramWithoutAPlaceToAsk(t *testing.T) {
	t.Run("no issuer there", func(t *testing.T) {
		s := newStub(t)
		s.program()
		s.issuer()
		s.document = ""
		s.start()
		_, err := s.Mint(t.Context(), token.Key{Account: "work"})
		if err == nil || !strings.Contains(err.Error(), "login.example.com") || s.forms != nil {
			t.Errorf("got %v after %d requests for a token, want what discovery said after none", err, len(s.forms))
		}
	})
	t.Run("a secret for a public client", func(t *testing.T) {
		s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
		s.program()
		s.account.Endpoints.AuthMethod = "none"
		s.start()
		_, err := s.Mint(t.Context(), token.Key{Account: "work"})
		if told := api.AsError(err); err == nil || told.Code != api.ConfigInvalid || s.forms != nil {
			t.Errorf("got %v after %d requests, want config_invalid after none", err, len(s.forms))
		}
	})
}

// A service account's access token is for scopes or for an audience; its ID token is for an audience in either case.
func TestTargetsOfAServiceAccount(t *testing.T) {
	const uri = "https://oauth2.googleapis.com/token"
	part := base64.RawURLEncoding.EncodeToString
	access := `{"access_token":"fake","token_type":"Bearer","expires_in":3600}`
	id := `{"id_token":"` + part([]byte(`{"alg":"RS256"}`)) + "." +
		part([]byte(`{"aud":"https://run.example.com","exp":4102444800}`)) + "." + part([]byte("signature")) + `"}`
	for _, tt := range []struct {
		name     string
		key      token.Key
		answers  []string
		requests int
	}{
		{"scopes alone", token.Key{Scopes: account.ScopeSetOf("a")}, []string{access}, 1},
		{"scopes, and an ID token", token.Key{Scopes: account.ScopeSetOf("a"), Audience: "https://run.example.com", IDToken: true}, []string{access, id}, 2},
		{"the account's audience", token.Key{}, []string{access}, 0},
		{"a refusal", token.Key{Scopes: account.ScopeSetOf("a")}, []string{`{"error":"invalid_scope"}`}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStub(t, tt.answers...)
			s.account = account.Account{
				Name: "work", Grant: account.GrantServiceAccount, KeyFile: keyFile(t, robotKey(t, uri)), Audience: "https://own.example.com",
			}
			s.start()
			tt.key.Account = "work"
			got, err := s.Mint(t.Context(), tt.key)
			if (err != nil) != (tt.name == "a refusal") || err == nil && got.Access.IsZero() || tt.key.IDToken && got.IDToken.IsZero() {
				t.Errorf("got %v, want the tokens that were asked for", err)
			}
			if len(s.forms) != tt.requests {
				t.Errorf("got %d requests, want %d", len(s.forms), tt.requests)
			}
		})
	}
}

// A token endpoint that is not Google's is used if a person has named it in the account's file.
func TestTrustedTokenEndpointOfAServiceAccount(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.account = account.Account{
		Name: "work", Grant: account.GrantServiceAccount, KeyFile: keyFile(t, robotKey(t, tokenEndpoint)), Scopes: []string{"a"},
	}
	s.start()
	if _, err := s.Mint(t.Context(), token.Key{Account: "work"}); err == nil || s.forms != nil {
		t.Errorf("got %v after %d requests, want the key's own endpoint refused", err, len(s.forms))
	}
	s = newStub(t, s.answers...)
	s.account = account.Account{
		Name: "work", Grant: account.GrantServiceAccount, KeyFile: keyFile(t, robotKey(t, tokenEndpoint)), Scopes: []string{"a"},
		Endpoints: account.Endpoints{Token: tokenEndpoint},
	}
	s.start()
	s.minted(token.Key{})
}

// The account's own credentials file counts before the search, and is trusted as far as the account says.
func TestOwnCredentialsFile(t *testing.T) {
	const user = `{"type":"authorized_user","client_id":"app","client_secret":"fake","refresh_token":"fake","token_uri":"` + tokenEndpoint + `"}`
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.account = account.Account{Name: "work", Grant: account.GrantADC, KeyFile: keyFile(t, user)}
	s.start()
	s.adc = google.ADCPlaces{Env: filepath.Join(t.TempDir(), "missing.json")}
	_, err := s.Mint(t.Context(), token.Key{Account: "work"})
	if told := api.AsError(err); err == nil || told.Code != api.ConfigInvalid || s.forms != nil {
		t.Errorf("an endpoint that nobody trusts: got %v after %d requests, want config_invalid after none", err, len(s.forms))
	}
	s.account.CredentialSources = []string{google.SourceURL}
	s.minted(token.Key{})
}

// A record that is in the store again is known at once, with what its login brought and not what one token has.
func TestRecordThatCameBack(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"a"}`)
	s.program()
	s.account.ClientSecret = account.Secret{}
	s.start()
	s.book.Missing("work")
	s.save(func(c *account.Credential) {
		c.RefreshToken, c.ClientSecret, c.AuthMethod = account.Secret{}, account.NewSecret("fake-secret"), "client_secret_basic"
		c.Scopes = []string{"a", "b"}
	})
	s.minted(token.Key{})
	if f, _ := s.book.KnownFacts("work"); !f.LoggedIn || !slices.Equal(f.Scopes, []string{"a", "b"}) {
		t.Errorf("got logged in %t with %q, want it logged in with both scopes", f.LoggedIn, f.Scopes)
	}
}

// A key that is missing is named, and nothing is asked for without it.
func TestKeysThatAreMissing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *stub)
		want   api.Code
		says   string
	}{
		{"a program's file", func(s *stub) {
			s.program()
			s.account.ClientSecret, s.account.KeyFile = account.Secret{}, filepath.Join(s.t.TempDir(), "missing.pem")
		}, api.ConfigInvalid, "no such file"},
		{"a service account's file", func(s *stub) {
			s.account.Grant, s.account.KeyFile = account.GrantServiceAccount, filepath.Join(s.t.TempDir(), "missing.json")
		}, api.ConfigInvalid, "no such file"},
		{"a service account's file that is none", func(s *stub) {
			s.account.Grant, s.account.KeyFile = account.GrantServiceAccount, keyFile(s.t, "{}")
		}, api.ConfigInvalid, "the private key of work"},
		{"a program's stored key", func(s *stub) {
			s.program()
			s.account.ClientSecret = account.Secret{}
		}, api.LoginRequired, "work has no private key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStub(t)
			tt.change(s)
			s.start()
			s.save(func(c *account.Credential) { c.RefreshToken, c.AuthMethod = account.Secret{}, "private_key_jwt" })
			_, err := s.Mint(t.Context(), token.Key{Account: "work"})
			if told := api.AsError(err); err == nil || told.Code != tt.want || !strings.Contains(told.Message, tt.says) || s.forms != nil {
				t.Errorf("got %v after %d requests, want %s with %q after none", err, len(s.forms), tt.want, tt.says)
			}
		})
	}
}
