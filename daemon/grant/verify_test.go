package grant

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
)

// keyServer serves a key set that can be changed, and counts.
type keyServer struct {
	uri   string
	asked atomic.Int32
	say   atomic.Pointer[http.HandlerFunc]
}

func newKeyServer(t *testing.T) *keyServer {
	k := &keyServer{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		(*k.say.Load())(w, r)
	}))
	t.Cleanup(srv.Close)
	k.uri = srv.URL + "/jwks"
	return k
}

func (k *keyServer) answer(h http.HandlerFunc) { k.say.Store(&h) }

// hold serves keys; what is no JWK is served as it is.
func (k *keyServer) hold(t *testing.T, keys ...any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	k.answer(say(200, "application/json", string(text)))
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, kid string, key any, claims string) account.Secret {
	t.Helper()
	options := &jose.SignerOptions{}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return account.NewSecret(text)
}

var idTokenNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// goodClaims pass the check of [expectAt].
func goodClaims() string {
	return fmt.Sprintf(`{"iss":"https://login.example.com","aud":"desk","sub":"u-1","exp":%d,"nonce":"n-1"}`, idTokenNow.Add(time.Hour).Unix())
}

func expectAt(uri string, algorithms ...string) Expect {
	return Expect{
		Provider: provider.Provider{Row: provider.Row{Issuer: "https://login.example.com", JWKSURI: uri, IDTokenAlgorithms: algorithms}},
		ClientID: "desk", Nonce: "n-1", Now: idTokenNow,
	}
}

func TestVerifyIDToken(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hmacKey := []byte(strings.Repeat("k", 32))
	jwk := func(kid string, key any) jose.JSONWebKey { return jose.JSONWebKey{KeyID: kid, Key: key} }
	good := func(alg jose.SignatureAlgorithm, kid string, key any) account.Secret {
		return signed(t, alg, kid, key, goodClaims())
	}
	unsecured := jwt(`{"alg":"none"}`, goodClaims()).Reveal()
	ec := good(jose.ES256, "e", ecKey).Reveal()
	ecParts := strings.Split(ec, ".")
	swapped := strings.Split(signed(t, jose.ES256, "e", ecKey, strings.Replace(goodClaims(), "u-1", "u-2", 1)).Reveal(), ".")
	for _, tc := range []struct {
		name       string
		keys       []any
		raw        account.Secret
		algorithms []string
		ok         bool
	}{
		{"RS256", []any{jwk("r", rsaKey.Public())}, good(jose.RS256, "r", rsaKey), []string{"RS256"}, true},
		{"PS256, nothing advertised", []any{jwk("r", rsaKey.Public())}, good(jose.PS256, "r", rsaKey), nil, true},
		{"ES256", []any{jwk("e", ecKey.Public())}, account.NewSecret(ec), []string{"RS256", "ES256"}, true},
		{"EdDSA", []any{jwk("d", edPublic)}, good(jose.EdDSA, "d", edKey), []string{"EdDSA"}, true},
		{"no kid", []any{jwk("a", otherKey.Public()), jwk("b", ecKey.Public())}, good(jose.ES256, "", ecKey), nil, true},
		{"two keys of a kid", []any{jwk("e", otherKey.Public()), jwk("e", ecKey.Public())}, account.NewSecret(ec), nil, true},
		{"among keys not understood", []any{
			map[string]any{"kty": "XX", "kid": "e"}, 7, map[string]any{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
			map[string]any{"kty": "oct", "k": "a2V5", "kid": "e"}, jwk("e", ecKey.Public()),
		}, account.NewSecret(ec), nil, true},
		{"key says so", []any{jose.JSONWebKey{KeyID: "e", Key: ecKey.Public(), Use: "sig", Algorithm: "ES256"}}, account.NewSecret(ec), nil, true},

		{"unknown kid", []any{jwk("other", ecKey.Public())}, account.NewSecret(ec), nil, false},
		{"another key", []any{jwk("e", otherKey.Public())}, account.NewSecret(ec), nil, false},
		{"no keys", []any{}, account.NewSecret(ec), nil, false},
		{"key for encryption", []any{jose.JSONWebKey{KeyID: "e", Key: ecKey.Public(), Use: "enc"}}, account.NewSecret(ec), nil, false},
		{"key for another algorithm", []any{jose.JSONWebKey{KeyID: "r", Key: rsaKey.Public(), Algorithm: "PS256"}}, good(jose.RS256, "r", rsaKey), nil, false},
		{"other claims under the signature", []any{jwk("e", ecKey.Public())},
			account.NewSecret(ecParts[0] + "." + swapped[1] + "." + ecParts[2]), nil, false},
		{"no signature", []any{jwk("e", ecKey.Public())}, account.NewSecret(ecParts[0] + "." + ecParts[1] + "."), nil, false},
		{"alg not advertised", []any{jwk("e", ecKey.Public())}, account.NewSecret(ec), []string{"RS256"}, false},
		{"nothing of ours advertised", []any{jwk("e", ecKey.Public())}, account.NewSecret(ec), []string{}, false},
		{"none", []any{jwk("e", ecKey.Public())}, account.NewSecret(unsecured), nil, false},
		{"none, advertised", []any{jwk("e", ecKey.Public())}, account.NewSecret(unsecured), []string{"none", "ES256"}, false},
		{"HS256", []any{jwk("h", hmacKey)}, good(jose.HS256, "h", hmacKey), nil, false},
		{"HS256, advertised", []any{jwk("h", hmacKey)}, good(jose.HS256, "h", hmacKey), []string{"HS256"}, false},
		{"a claim of another type", []any{jwk("e", ecKey.Public())},
			signed(t, jose.ES256, "e", ecKey, strings.Replace(goodClaims(), `"sub"`, `"iat":"now","sub"`, 1)), nil, false},
		{"claims that do not fit", []any{jwk("e", ecKey.Public())},
			signed(t, jose.ES256, "e", ecKey, strings.Replace(goodClaims(), "n-1", "n-2", 1)), nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newKeyServer(t)
			k.hold(t, tc.keys...)
			var c Client
			id, expiry, err := c.VerifyIDToken(t.Context(), tc.raw, expectAt(k.uri, tc.algorithms...))
			if tc.ok {
				if err != nil || id.Subject != "u-1" || !expiry.Equal(idTokenNow.Add(time.Hour)) {
					t.Errorf("got %+v, %v, %v", id, expiry, err)
				}
				return
			}
			if !errors.Is(err, ErrIDToken) || id != (Identity{}) || !expiry.IsZero() {
				t.Errorf("got %+v, %v, %v; want ErrIDToken alone", id, expiry, err)
			}
			if err != nil && (strings.Contains(err.Error(), ecParts[1]) || strings.Contains(err.Error(), "u-1")) {
				t.Error("the error quotes the token")
			}
			if n := k.asked.Load(); n > 1 {
				t.Errorf("the keys were fetched %d times, want once at most", n)
			}
		})
	}
}

// A signature that verifies is not blamed for a claim of another type, with held keys either.
func TestClaimOfAnotherTypeIsSaid(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeyServer(t)
	k.hold(t, jose.JSONWebKey{KeyID: "e", Key: key.Public()})
	raw := signed(t, jose.ES256, "e", key, strings.Replace(goodClaims(), `"sub"`, `"iat":"now","sub"`, 1))
	var c Client
	for range 2 {
		if _, _, err := c.VerifyIDToken(t.Context(), raw, expectAt(k.uri)); err == nil || !strings.Contains(err.Error(), "wrong type") {
			t.Errorf("got %v, want the claim blamed", err)
		}
	}
	if n := k.asked.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
}

// An empty list of algorithms must not mean the library's default.
func TestNoAlgorithmIsAskedForNoKeys(t *testing.T) {
	k := newKeyServer(t)
	k.hold(t)
	var c Client
	raw := jwt(`{"alg":"RS256"}`, goodClaims())
	x := expectAt(k.uri)
	x.Provider.IDTokenAlgorithms = []string{}
	if _, _, err := c.VerifyIDToken(t.Context(), raw, x); !errors.Is(err, ErrIDToken) {
		t.Errorf("got %v, want ErrIDToken", err)
	}
	x.Nonce = "n-2"
	x.Provider.IDTokenAlgorithms = nil
	if _, _, err := c.VerifyIDToken(t.Context(), raw, x); !errors.Is(err, ErrIDToken) {
		t.Errorf("got %v, want ErrIDToken", err)
	}
	if n := k.asked.Load(); n != 0 {
		t.Errorf("the keys were fetched %d times for tokens that cannot be accepted, want 0", n)
	}
}

// An independent reader of its keys accepts what the test provider signs.
func TestVerifyAtAServer(t *testing.T) {
	s, err := oauthtest.Listen(oauthtest.Config{Device: true, Clients: []oauthtest.Client{{ID: "desk"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := provider.Discover(t.Context(), nil, s.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	var c Client
	for i, want := range []bool{true, true, true, false} {
		switch i {
		case 2:
			s.RotateKey()
		case 3:
			s.Script(oauthtest.Token, oauthtest.AlterFields(func(fields map[string]any) {
				text, _ := fields["id_token"].(string)
				fields["id_token"] = text[:len(text)-4] + "AAAA"
			}))
		}
		code, err := c.AuthorizeDevice(t.Context(), DeviceAuthorization{Endpoint: p.Endpoints.Device, Auth: public, Scopes: []string{"openid", "email"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ApproveDevice(code.UserCode); err != nil {
			t.Fatal(err)
		}
		code.Interval = time.Millisecond
		resp, err := c.PollDevice(t.Context(), DevicePoll{TokenEndpoint: p.Endpoints.Token, Auth: public, Code: code})
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := c.VerifyIDToken(t.Context(), resp.IDToken, Expect{Provider: p, ClientID: "desk", Now: time.Now()})
		if (err == nil) != want || want && id.Email != "ada@example.com" {
			t.Errorf("token %d: got %+v, %v; want ok %t", i, id, err, want)
		}
	}
	if got, want := s.Requests(oauthtest.JWKS), 3; got != want {
		t.Errorf("the keys were fetched %d times, want %d", got, want)
	}
}
