package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"

	"golang.org/x/oauth2"
)

// boundAccount writes the file of an account whose tokens are bound to a key, and puts a credential of it into the store.
func (r *rig) boundAccount(name string) {
	r.t.Helper()
	r.write("accounts/"+name+".toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\nhosts = [%[1]q, \"https://a.example\"]\n", r.server.Issuer()))
	key, err := grant.NewProofKey()
	if err != nil {
		r.t.Fatal(err)
	}
	scopes := []string{"openid", "email", "offline_access", "calendar.read"}
	verifier := oauth2.GenerateVerifier()
	code, agent, cfg := r.code(verifier, scopes...)
	client := grant.Client{HTTP: agent}
	got, err := client.Exchange(context.Background(), grant.Exchange{
		TokenEndpoint: cfg.Endpoint.TokenURL, Auth: grant.ClientAuth{ID: "app", Method: provider.AuthNone, ProofKey: key},
		Code: account.NewSecret(code), Verifier: account.NewSecret(verifier), RedirectURI: cfg.RedirectURL,
	})
	if err != nil {
		r.t.Fatalf("the code was not exchanged: %v", err)
	}
	c := r.credential(got.RefreshToken.Reveal(), scopes...)
	c.ProofKey = key.Text()
	r.store.save(r.t, name, c)
}

// hello uses a token at the server's resource, with what headers say of it, and returns the status and the nonce.
func (r *rig) hello(tok api.Token, proof string) (status int, nonce string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.server.Issuer()+"/api/hello?name=ada", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", tok.TokenType+" "+tok.AccessToken)
	if proof != "" {
		req.Header.Set("DPoP", proof)
	}
	resp, err := r.server.Client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("DPoP-Nonce")
}

// A refresh with a proof rotates as any other does, before and after a restart, and whatever the server thinks of nonces:
// also if it spends the refresh token before it looks at the proof, and if the last nonce is long out of date.
func TestBoundRefresh(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oauthtest.Config
	}{
		{"no nonces", oauthtest.Config{DPoP: true}},
		{"nonces", oauthtest.Config{DPoP: true, DPoPNonces: 5 * time.Minute}},
		{"nonces, and the refresh token is spent first", oauthtest.Config{DPoP: true, DPoPNonces: 5 * time.Minute, DPoPSpendsFirst: true}},
		{"no rotation", oauthtest.Config{DPoP: true, DPoPNonces: 5 * time.Minute, KeepRefreshTokens: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.cfg.AccessTokenLifetime = time.Hour
				r := newRig(t, tt.cfg)
				r.boundAccount("work")
				r.start()
				key := r.store.credential(t, "work").ProofKey
				var last api.Token
				for i := range 4 {
					if i == 2 {
						r.restart()
					}
					tok := r.token()
					if tok.TokenType != "DPoP" || tok.AccessToken == last.AccessToken {
						t.Fatalf("token %d: got type %s, new %t; want a new DPoP token", i, tok.TokenType, tok.AccessToken != last.AccessToken)
					}
					last = tok
					c := r.store.credential(t, "work")
					if !r.server.Active(c.RefreshToken.Reveal()) || c.Dead || !c.ProofKey.Equal(key) {
						t.Fatalf("token %d: active %t, dead %t, key as before %t; want the login alive", i, r.server.Active(c.RefreshToken.Reveal()), c.Dead, c.ProofKey.Equal(key))
					}
					time.Sleep(61 * time.Minute)
				}
			})
		})
	}
}

// The proof is demanded for real: another key does not refresh the public client's token.
func TestBoundRefreshWithAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		c := r.store.credential(t, "work")
		key, err := grant.NewProofKey()
		if err != nil {
			t.Fatal(err)
		}
		c.ProofKey = key.Text()
		r.store.save(t, "work", c)
		r.start()
		r.refused(api.LoginRequired)
		if !r.server.Active(c.RefreshToken.Reveal()) {
			t.Error("the refresh token was spent")
		}
	})
}

// An account that became one with a key after its login: the key is in the store before the provider hears of it.
func TestBoundLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		c := r.store.credential(t, "work")
		// A confidential client's refresh token is not bound (RFC 9449 §5), which is what one of an earlier login looks like.
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"web\"\ndpop = true\n", r.server.Issuer()))
		verifier := oauth2.GenerateVerifier()
		key, err := grant.ParseProofKey(c.ProofKey)
		if err != nil {
			t.Fatal(err)
		}
		c = r.confidential(verifier, key)
		r.store.save(t, "work", c)
		r.start()
		before := r.refreshes()

		r.store.failing("put", errFault)
		r.refused(api.KeystoreUnavailable)
		if r.refreshes() != before {
			t.Error("something was sent before the store had the key")
		}
		r.store.script(nil)
		if tok := r.token(); tok.TokenType != "DPoP" {
			t.Errorf("got type %s, want DPoP", tok.TokenType)
		}
		made := r.store.credential(t, "work").ProofKey
		if made.IsZero() {
			t.Fatal("the store has no key")
		}
		r.restart()
		if r.token(); !r.store.credential(t, "work").ProofKey.Equal(made) {
			t.Error("got another key, want the account's own for good")
		}
	})
}

// confidential obtains a credential of the client with a secret, without a key.
func (r *rig) confidential(verifier string, key grant.ProofKey) account.Credential {
	r.t.Helper()
	scopes := []string{"openid", "offline_access"}
	code, agent, cfg := r.codeOf("web", verifier, scopes...)
	client := grant.Client{HTTP: agent}
	got, err := client.Exchange(context.Background(), grant.Exchange{
		TokenEndpoint: cfg.Endpoint.TokenURL,
		Auth:          grant.ClientAuth{ID: "web", Secret: account.NewSecret(clientSecret), Method: provider.AuthBasic, ProofKey: key},
		Code:          account.NewSecret(code), Verifier: account.NewSecret(verifier), RedirectURI: cfg.RedirectURL,
	})
	if err != nil {
		r.t.Fatalf("the code was not exchanged: %v", err)
	}
	c := r.credential(got.RefreshToken.Reveal(), scopes...)
	c.ClientID, c.ClientSecret, c.AuthMethod = "web", account.NewSecret(clientSecret), string(provider.AuthBasic)
	return c
}

// A server that answers a proof with a bearer token is refused, and the refresh token that it rotated is not lost.
func TestBearerAnswerToAProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		if tok := r.token(); tok.TokenType != "Bearer" {
			t.Errorf("got type %s, want Bearer", tok.TokenType)
		}
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\n", r.server.Issuer()))
		if _, err := r.d.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		old := r.store.credential(t, "work").RefreshToken
		if err := r.refused(api.ProviderRejected); !strings.Contains(err.Message, "DPoP") {
			t.Errorf("got %q, want it to say what is missing", err.Message)
		}
		c := r.store.credential(t, "work")
		if c.RefreshToken.Equal(old) || !r.server.Active(c.RefreshToken.Reveal()) || c.Dead {
			t.Errorf("rotated %t, active %t, dead %t; want the newest refresh token in the store", !c.RefreshToken.Equal(old), r.server.Active(c.RefreshToken.Reveal()), c.Dead)
		}
	})
}

// If the server demands a key and the account has none, the error shows what to write.
func TestProofDemanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\n", r.server.Issuer()))
		c := r.store.credential(t, "work")
		c.ProofKey = account.Secret{}
		r.store.save(t, "work", c)
		r.start()
		if err := r.refused(api.ProviderRejected); !strings.Contains(err.Hint, "dpop = true") {
			t.Errorf("got hint %q, want it to name dpop = true", err.Hint)
		}
	})
}

// A server that does not answer when a nonce is asked for costs a try, and no refresh token.
func TestNoNonceNoRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute, DPoPSpendsFirst: true})
		r.boundAccount("work")
		r.start()
		old, before := r.store.credential(t, "work").RefreshToken, r.refreshes()
		r.server.Script(oauthtest.Token, oauthtest.Error(503, "temporarily_unavailable"))
		r.refused(api.ProviderUnreachable)
		if !r.server.Active(old.Reveal()) || r.refreshes() != before+1 {
			t.Errorf("active %t after %d requests, want the refresh token unspent by the one for a nonce", r.server.Active(old.Reveal()), r.refreshes()-before)
		}
		time.Sleep(5 * time.Minute)
		r.token()
	})
}

// A login by the browser binds the code, the tokens and the identity's request to the account's key, and a second login
// keeps the key.
func TestBoundLogin(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute, DPoPSpendsFirst: true})
	r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\nscopes = [\"openid\", \"email\", \"offline_access\"]\n", r.server.Issuer()))
	r.start()
	if done := r.loggedIn("work", api.AccountDefinition{}); done.Email != "ada@example.com" {
		t.Errorf("got %q, want to know who it was", done.Email)
	}
	first := r.store.credential(t, "work")
	if tok := r.token(); tok.TokenType != "DPoP" {
		t.Errorf("got type %s, want DPoP", tok.TokenType)
	}
	r.loggedIn("work", api.AccountDefinition{})
	again := r.store.credential(t, "work")
	if first.ProofKey.IsZero() || !again.ProofKey.Equal(first.ProofKey) {
		t.Error("got another key, want the account's own")
	}
	if _, err := r.d.Logout(context.Background(), "work"); err != nil {
		t.Fatal(err)
	}
	if r.store.raw(t, "work") != "" {
		t.Error("the store has the key after a logout")
	}
}

// Without an ID token, the userinfo endpoint says who it was, and takes no token without its proof.
func TestBoundUserinfo(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute})
	r.server.Always(oauthtest.Token, oauthtest.Remove("id_token"))
	r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\nscopes = [\"openid\", \"email\", \"offline_access\"]\n", r.server.Issuer()))
	r.start()
	if done := r.loggedIn("work", api.AccountDefinition{}); done.Email != "ada@example.com" {
		t.Errorf("got %q, want what userinfo says", done.Email)
	}
}

// A program's own tokens are bound too, both if its secret is stored and if that is in a file of the person's, so that
// nothing is stored.
func TestBoundMachine(t *testing.T) {
	for _, tt := range []struct{ name, file, secret string }{
		{"stored", "", clientSecret},
		{"in a file", fmt.Sprintf("client_secrets = %q\n", "c.json"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute, Clients: []oauthtest.Client{
					{ID: "robot", Secret: clientSecret, GrantTypes: []string{"client_credentials"}, Scopes: []string{"calendar.read"}},
				}})
				r.write("accounts/c.json", `{"installed":{"client_id":"robot","client_secret":"`+clientSecret+`"}}`)
				r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"robot\"\ngrant = \"client_credentials\"\ndpop = true\n%s", r.server.Issuer(), tt.file))
				r.start()
				if err := r.d.Login(context.Background(), "work", api.AccountDefinition{ClientSecret: api.Confidential(tt.secret)}, func(e api.LoginEvent) { r.tell(e) }); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if tok := r.token(); tok.TokenType != "DPoP" {
						t.Errorf("got type %s, want DPoP", tok.TokenType)
					}
					if stored := r.store.raw(t, "work") != ""; stored != (tt.file == "") {
						t.Errorf("stored %t, want %t", stored, tt.file == "")
					}
					r.restart()
				}
			})
		})
	}
}

// An issuer that registers the client for bound tokens alone says so, and nobody need have known before.
func TestBoundRegistration(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute, Registration: true})
	r.start()
	r.loggedIn("work", api.AccountDefinition{Issuer: r.server.Issuer(), Scopes: []string{"openid", "offline_access"}})
	key := r.store.credential(t, "work").ProofKey
	if tok := r.token(); tok.TokenType != "DPoP" || key.IsZero() {
		t.Errorf("got type %s, a key %t; want DPoP and one", tok.TokenType, !key.IsZero())
	}
	if a, _ := r.d.book.Configured("work"); !a.DPoP {
		t.Error("the account's file does not say dpop = true")
	}
	r.restart()
	r.token()
	r.loggedIn("other", api.AccountDefinition{Issuer: r.server.Issuer(), Scopes: []string{"openid", "offline_access"}})
	if other := r.store.credential(t, "other").ProofKey; other.IsZero() || other.Equal(key) {
		t.Error("a second account of the same client: want a key of its own")
	}
	if got := r.server.Requests(oauthtest.Registration); got != 1 {
		t.Errorf("got %d registrations, want 1", got)
	}
}
