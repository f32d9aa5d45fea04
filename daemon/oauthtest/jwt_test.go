package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// signer signs assertions, with a library that the server does not use.
type signer struct {
	private   crypto.Signer
	algorithm jose.SignatureAlgorithm
	keyID     string
}

func newSigner(t testing.TB, keyID string) signer {
	t.Helper()
	return signer{newTestECDSA(t, elliptic.P256()), jose.ES256, keyID}
}

func newTestECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newTestRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s signer) key() Key { return Key{ID: s.keyID, Public: s.private.Public()} }

// sign returns claims as a JWT in compact form.
func (s signer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if s.keyID != "" {
		options = options.WithHeader("kid", s.keyID)
	}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: s.algorithm, Key: s.private}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := made.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// changed returns claims with changes: name, value, … where nil takes the claim out.
func changed(claims map[string]any, changes ...any) map[string]any {
	for i := 0; i < len(changes); i += 2 {
		name := changes[i].(string)
		claims[name] = changes[i+1]
		if changes[i+1] == nil {
			delete(claims, name)
		}
	}
	return claims
}

func TestSignatures(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, p256, p384 := newTestRSA(t, 2048), newTestECDSA(t, elliptic.P256()), newTestECDSA(t, elliptic.P384())
	for _, tc := range []struct {
		name   string
		signer signer
		keys   []Key
		want   bool
	}{
		{"RS256", signer{rsaKey, jose.RS256, "1"}, []Key{{"1", rsaKey.Public()}}, true},
		{"PS256", signer{rsaKey, jose.PS256, "1"}, []Key{{"1", rsaKey.Public()}}, true},
		{"ES256", signer{p256, jose.ES256, "1"}, []Key{{"1", p256.Public()}}, true},
		{"ES384", signer{p384, jose.ES384, "1"}, []Key{{"1", p384.Public()}}, true},
		{"EdDSA", signer{edwards, jose.EdDSA, "1"}, []Key{{"1", edwards.Public()}}, true},
		{"second key", signer{p256, jose.ES256, "1"}, []Key{{"1", rsaKey.Public()}, {"1", p256.Public()}}, true},
		{"key without an id", signer{p256, jose.ES256, "1"}, []Key{{"", p256.Public()}}, true},
		{"no kid", signer{p256, jose.ES256, ""}, []Key{{"1", p256.Public()}}, true},
		{"kid of another key", signer{p256, jose.ES256, "2"}, []Key{{"1", p256.Public()}}, false},
		{"other key", signer{p256, jose.ES256, "1"}, []Key{newSigner(t, "1").key()}, false},
		{"no key", signer{p256, jose.ES256, "1"}, nil, false},
		{"other algorithm of the key", signer{rsaKey, jose.RS512, "1"}, []Key{{"1", rsaKey.Public()}}, false},
		{"short RSA key", signer{newTestRSA(t, 1024), jose.RS256, ""}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "short RSA key" {
				tc.keys = []Key{tc.signer.key()}
			}
			text := tc.signer.sign(t, map[string]any{"iss": "me"})
			a, err := parseAssertion(text)
			if err != nil || a.claims.Issuer != "me" {
				t.Fatalf("parse: got iss %q, error %v", a.claims.Issuer, err)
			}
			if got := a.signedBy(tc.keys); got != tc.want {
				t.Errorf("signedBy: got %t, want %t", got, tc.want)
			}
			a.input += "x"
			if a.signedBy(tc.keys) {
				t.Error("the signature holds for another text")
			}
		})
	}
}

func TestAlgorithmConfusion(t *testing.T) {
	p256 := newSigner(t, "")
	a, err := parseAssertion(p256.sign(t, map[string]any{"iss": "me"}))
	if err != nil || !a.verifies(p256.private.Public()) {
		t.Fatalf("a right signature was refused, parse error %v", err)
	}
	for _, algorithm := range []string{"none", "HS256", "RS256", "ES384", "EdDSA", "es256", ""} {
		other := a
		other.algorithm = algorithm
		if other.verifies(p256.private.Public()) {
			t.Errorf("alg %q: the signature of ES256 was taken", algorithm)
		}
		other.signature = nil
		if other.verifies(p256.private.Public()) {
			t.Errorf("alg %q: no signature was taken", algorithm)
		}
	}
}

func TestMalformedAssertion(t *testing.T) {
	text := func(header, claims string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." +
			base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
	}
	const header = `{"alg":"ES256"}`
	for _, tc := range []struct {
		name, text string
		ok         bool
	}{
		{"right", text(header, `{"aud":"a","exp":1}`), true},
		{"list and fraction", text(header, `{"aud":["a","b"],"exp":1.5}`), true},
		{"empty", "", false},
		{"two parts", "e30.e30", false},
		{"four parts", text(header, `{}`) + ".", false},
		{"padding", "e30=.e30=.", false},
		{"loose bits", "e31.e30.", false},
		{"no JSON", text(header, `{`), false},
		{"header no object", text(`[]`, `{}`), false},
		{"critical extension", text(`{"alg":"ES256","crit":["b64"],"b64":false}`, `{}`), false},
		{"iss a number", text(header, `{"iss":1}`), false},
		{"aud a number", text(header, `{"aud":1}`), false},
		{"exp a text", text(header, `{"exp":"1"}`), false},
		{"exp negative", text(header, `{"exp":-1}`), false},
		{"exp too large", text(header, `{"exp":1e30}`), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := parseAssertion(tc.text); (err == nil) != tc.ok {
				t.Errorf("got error %v, want success %t", err, tc.ok)
			}
		})
	}
}

func FuzzAssertion(f *testing.F) {
	s := newSigner(f, "1")
	f.Add(s.sign(f, map[string]any{"iss": "me", "aud": []string{"a"}, "exp": 1}))
	f.Add("e30.e30.e30")
	other := []Key{newSigner(f, "").key(), {Public: ed25519.PublicKey("short")}, {Public: "no key"}}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := parseAssertion(text); err == nil && a.signedBy(other) {
			t.Error("signed by a key that has signed nothing")
		}
	})
}
