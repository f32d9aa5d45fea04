package grant

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// zitadel is an OpenID provider that shares no code with this package. Its keys are those of clients and service
// accounts.
type zitadel struct {
	*storage.Storage
	issuer string
	keys   map[string]crypto.PublicKey

	one sync.Mutex // held for each request: the example storage cannot handle some pairs of them at once
}

func startZitadel(t *testing.T, keys map[string]crypto.PublicKey) *zitadel {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	z := &zitadel{issuer: "http://" + server.Listener.Addr().String() + "/", keys: keys}
	z.Storage = storage.NewStorageWithClients(storage.NewUserStore(z.issuer), map[string]*storage.Client{
		"desk": storage.DeviceClient("desk", "a secret that is not used"),
	})
	handler := exampleop.SetupServer(z.issuer, z, slog.New(slog.DiscardHandler), false)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z.one.Lock()
		defer z.one.Unlock()
		if !z.takeAssertion(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return z
}

// takeAssertion does what the provider lacks: it accepts private_key_jwt everywhere except for client credentials. The
// assertion is verified by the provider's own code.
func (z *zitadel) takeAssertion(r *http.Request) bool {
	_ = r.ParseForm()
	if r.PostForm.Get("grant_type") != "client_credentials" || !r.PostForm.Has("client_assertion") {
		return true
	}
	verifier := op.NewJWTProfileVerifier(z, z.issuer, time.Hour, time.Second)
	asserted, err := op.VerifyJWTAssertion(r.Context(), r.PostForm.Get("client_assertion"), verifier)
	if err != nil || asserted.Issuer != r.PostForm.Get("client_id") {
		return false
	}
	r.PostForm.Set("client_secret", "verysecret")
	r.Form.Set("client_secret", "verysecret")
	return true
}

// signing is a client that authenticates by its key.
type signing struct{ op.Client }

func (signing) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodPrivateKeyJWT }

func (z *zitadel) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := z.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return signing{c}, nil
}

func (z *zitadel) GetKeyByIDAndClientID(_ context.Context, keyID, _ string) (*jose.JSONWebKey, error) {
	key, ok := z.keys[keyID]
	if !ok {
		return nil, errors.New("no such key")
	}
	return &jose.JSONWebKey{KeyID: keyID, Use: "sig", Key: key}, nil
}

func (z *zitadel) ValidateJWTProfileScopes(_ context.Context, _ string, scopes []string) ([]string, error) {
	return scopes, nil
}

func TestZitadelClientCredentials(t *testing.T) {
	z := startZitadel(t, map[string]crypto.PublicKey{"k-rsa": rsaKey().Public(), "k-ec": p256Key().Public()})
	secret := account.NewSecret("verysecret")
	signer := func(key any, id string) ClientAuth {
		return ClientAuth{ID: "sid1", Method: provider.AuthPrivateKeyJWT, Key: clientKeyOf(t, key, id), AssertionAudience: z.issuer}
	}
	elsewhere := signer(p256Key(), "k-ec")
	elsewhere.AssertionAudience = "https://login.example.com/"
	for _, tc := range []struct {
		name  string
		auth  ClientAuth
		taken bool
	}{
		{"basic", ClientAuth{ID: "sid1", Secret: secret, Method: provider.AuthBasic}, true},
		{"post", ClientAuth{ID: "sid1", Secret: secret, Method: provider.AuthPost}, true},
		{"wrong secret", ClientAuth{ID: "sid1", Secret: account.NewSecret("wrong"), Method: provider.AuthPost}, false},
		{"private_key_jwt RSA", signer(rsaKey(), "k-rsa"), true},
		{"private_key_jwt P-256", signer(p256Key(), "k-ec"), true},
		{"another key", signer(p384Key(), "k-ec"), false},
		{"another audience", elsewhere, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			resp, err := c.ClientCredentials(t.Context(), ClientCredentials{
				TokenEndpoint: z.issuer + "oauth/token", Auth: tc.auth, Scopes: []string{"openid", "custom"},
			})
			if !tc.taken {
				if pe := asProviderError(t, err); pe.Kind == LoginRequired || pe.Kind == Transient {
					t.Errorf("got %s, want neither login_required nor transient", pe.Kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.Token.Access.IsZero() || resp.Token.Lifetime <= 0 || !slices.Equal(resp.Scopes, []string{"openid", "custom"}) {
				t.Errorf("got lifetime %v, scopes %v", resp.Token.Lifetime, resp.Scopes)
			}
		})
	}
}

// The provider's own private_key_jwt, at endpoints other than the token endpoint.
func TestZitadelPrivateKeyJWT(t *testing.T) {
	z := startZitadel(t, map[string]crypto.PublicKey{"k-ec": p256Key().Public()})
	for id, taken := range map[string]bool{"k-ec": true, "k-other": false} {
		auth := ClientAuth{ID: "desk", Method: provider.AuthPrivateKeyJWT, Key: clientKeyOf(t, p256Key(), id), AssertionAudience: z.issuer}
		var c Client
		_, err := c.AuthorizeDevice(t.Context(), DeviceAuthorization{Endpoint: z.issuer + "device_authorization", Auth: auth, Scopes: []string{"openid"}})
		if (err == nil) != taken {
			t.Errorf("device authorization with key %s: got %v, want taken: %t", id, err, taken)
		}
		err = c.Revoke(t.Context(), Revoke{RevocationEndpoint: z.issuer + "revoke", Auth: auth, Token: account.NewSecret("unknown")})
		if (err == nil) != taken {
			t.Errorf("revocation with key %s: got %v, want taken: %t", id, err, taken)
		}
	}
}

func TestZitadelJWTBearer(t *testing.T) {
	z := startZitadel(t, map[string]crypto.PublicKey{"kid-1": rsaKey().Public()})
	now := time.Now()
	ask := JWTBearer{
		TokenEndpoint: z.issuer + "oauth/token", Key: clientKeyOf(t, rsaKey(), "kid-1"),
		Claims: map[string]any{
			"iss": "robot@example.com", "sub": "robot@example.com", "aud": z.issuer, "scope": "openid custom",
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
	}
	var c Client
	resp, err := c.JWTBearer(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Token.Access.IsZero() || resp.Token.Lifetime <= 0 {
		t.Errorf("got no access token, or lifetime %v", resp.Token.Lifetime)
	}
	ask.Key = clientKeyOf(t, rsaKey(), "kid-2")
	_, err = c.JWTBearer(t.Context(), ask)
	if pe := asProviderError(t, err); pe.Kind == LoginRequired {
		t.Errorf("unknown key: got %s", pe.Kind)
	}
}
