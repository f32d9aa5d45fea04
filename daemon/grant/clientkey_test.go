package grant

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"
)

// jwkOf is a private JWK with some members changed; a nil value takes one away.
func jwkOf(t testing.TB, key any, change map[string]any) string {
	t.Helper()
	b := must(json.Marshal(jose.JSONWebKey{Key: key}))
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return string(must(json.Marshal(members)))
}

func TestParseClientKey(t *testing.T) {
	for _, tc := range []struct {
		name, data string
		public     crypto.PublicKey
		keyID      string
		alg, kid   string
	}{
		{"PKCS #8 RSA", pkcs8(rsaKey()), rsaKey().Public(), "k-1", "RS256", "k-1"},
		{"PKCS #1", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), rsaKey().Public(), "", "RS256", ""},
		{"SEC 1", pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key()))), p256Key().Public(), "", "ES256", ""},
		{"SEC 1 after its parameters", pemOf("EC PARAMETERS", []byte{6, 8}) +
			pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p384Key()))), p384Key().Public(), "", "ES384", ""},
		{"PKCS #8 P-521", pkcs8(p521Key()), p521Key().Public(), "", "ES512", ""},
		{"PKCS #8 Ed25519", pkcs8(edKeyOne()), edKeyOne().Public(), "", "EdDSA", ""},
		{"beside its certificate", pemOf("CERTIFICATE", []byte("any")) + pkcs8(p256Key()), p256Key().Public(), "", "ES256", ""},
		{"byte order mark, text before", "\xef\xbb\xbf\r\n\r\nBag Attributes\r\n" + pkcs8(p256Key()), p256Key().Public(), "", "ES256", ""},
		{"JWK RSA", jwkOf(t, rsaKey(), map[string]any{"kid": "of-the-file"}), rsaKey().Public(), "", "RS256", "of-the-file"},
		{"JWK, its kid replaced", jwkOf(t, p256Key(), map[string]any{"kid": "of-the-file"}), p256Key().Public(), "mine", "ES256", "mine"},
		{"JWK with alg", jwkOf(t, rsaKey(), map[string]any{"alg": "PS256", "use": "sig"}), rsaKey().Public(), "", "PS256", ""},
		{"longest key ID", pkcs8(p256Key()), p256Key().Public(), strings.Repeat("k", 1024), "ES256", strings.Repeat("k", 1024)},
		{"JWK with the longest kid", jwkOf(t, p256Key(), map[string]any{"kid": strings.Repeat("k", 1024)}), p256Key().Public(), "",
			"ES256", strings.Repeat("k", 1024)},
		{"JWK P-384", jwkOf(t, p384Key(), nil), p384Key().Public(), "", "ES384", ""},
		{"JWK P-521", jwkOf(t, p521Key(), nil), p521Key().Public(), "", "ES512", ""},
		{"JWK Ed25519", jwkOf(t, edKeyOne(), nil), edKeyOne().Public(), "", "EdDSA", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := ParseClientKey([]byte(tc.data), tc.keyID)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseClientKey([]byte(key.Text().Reveal()), "")
			if err != nil {
				t.Fatalf("its text: %v", err)
			}
			if text := key.Text().Reveal(); strings.Contains(text, "\n") || !strings.Contains(text, `"use":"sig"`) {
				t.Error("its text is more than a line, or does not say that the key signs")
			}
			fromPEM, err := ParsePEMKey([]byte("\n"+key.PEM().Reveal()), tc.kid)
			if err != nil || fromPEM.KeyID() != tc.kid || !fromPEM.private.signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(tc.public) {
				t.Errorf("its PEM: got %q, %v; want the same key", fromPEM.KeyID(), err)
			}
			if !again.Text().Equal(key.Text()) {
				t.Error("its text, read and written again, differs")
			}
			for _, k := range []ClientKey{key, again} {
				jws, err := k.Sign(map[string]any{"sub": "desk"})
				if err != nil {
					t.Fatal(err)
				}
				header, claims := verified(t, jws.Reveal(), tc.public)
				kid, _ := header["kid"].(string)
				if header["alg"] != tc.alg || kid != tc.kid || header["typ"] != "JWT" || claims["sub"] != "desk" {
					t.Errorf("got %v %v, want %s %q JWT", header, claims, tc.alg, tc.kid)
				}
				if k.Algorithm() != tc.alg || k.KeyID() != tc.kid || k.IsZero() {
					t.Errorf("got %s %q, want %s %q", k.Algorithm(), k.KeyID(), tc.alg, tc.kid)
				}
			}
		})
	}
}

func TestAlgorithmsOfRSAKeys(t *testing.T) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		key, err := ParseClientKey([]byte(jwkOf(t, rsaKey(), map[string]any{"alg": alg})), "")
		if err != nil || key.Algorithm() != alg {
			t.Fatalf("got %q, %v; want %s", key.Algorithm(), err, alg)
		}
		if jws, err := key.Sign(map[string]any{}); err != nil || !strings.HasPrefix(jws.Reveal(),
			base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`"`))) {
			t.Errorf("%s: got %v, want a JWS whose header names it", alg, err)
		}
	}
}

func TestNoKey(t *testing.T) {
	var none ClientKey
	if !none.Text().IsZero() || !none.PEM().IsZero() || none.KeyID() != "" || none.Algorithm() != "" {
		t.Error("the zero ClientKey has a text, a name or an algorithm")
	}
	if _, err := none.Sign(map[string]any{}); err == nil {
		t.Error("the zero ClientKey signs")
	}
	if _, err := clientKeyOf(t, p256Key(), "").Sign(map[string]any{"x": func() {}}); err == nil {
		t.Error("what is not JSON is signed")
	}
	for _, key := range []ClientKey{none, clientKeyOf(t, p256Key(), "k-1")} {
		if got := fmt.Sprintf("%v %s %s", key, key, must(json.Marshal(key))); got != `[redacted] [redacted] "[redacted]"` {
			t.Errorf("got %s, want it redacted", got)
		}
	}
}

func TestParseClientKeySaysWhatIsWrong(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	//lint:ignore SA1019 keys of three primes exist, and must be refused or read, not crash
	three := must(rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	var swapped map[string]any
	if err := json.Unmarshal([]byte(jwkOf(t, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), nil)), &swapped); err != nil {
		t.Fatal(err)
	}
	delete(swapped, "d")
	public := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	whole := pkcs8(rsaKey())
	for _, tc := range []struct{ name, data, want string }{
		{"empty", " \n", "is empty"},
		{"too large", strings.Repeat("x", MaxKeyFile+1), "is larger than"},
		{"public key", pemOf("PUBLIC KEY", public), "a public key, not the private one"},
		{"RSA public key", pemOf("RSA PUBLIC KEY", public), "a public key, not the private one"},
		{"certificate", pemOf("CERTIFICATE", public), "a certificate, not a private key"},
		{"certificate request", pemOf("CERTIFICATE REQUEST", public), "a certificate request"},
		{"encrypted", pemOf("ENCRYPTED PRIVATE KEY", public), "an encrypted private key"},
		{"encrypted in the old way", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: public,
			Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}})), "an encrypted private key"},
		{"OpenSSH", pemOf("OPENSSH PRIVATE KEY", public), "OpenSSH's form"},
		{"encrypted, says one header", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: public,
			Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}})), "an encrypted private key"},
		{"encrypted, says the other header", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: public,
			Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}})), "an encrypted private key"},
		{"OpenSSH public on a curve", "ecdsa-sha2-nistp256 AAAAE2Vj ada@example.com", "an OpenSSH public key"},
		{"OpenSSH public", "ssh-ed25519 AAAAC3Nz ada@example.com", "an OpenSSH public key"},
		{"parameters alone", pemOf("EC PARAMETERS", []byte{6, 8}), "the parameters of a key"},
		{"PEM of another kind", pemOf("PKCS7", public), "PEM, but no private key"},
		{"UTF-16", "-\x00-\x00-\x00", "the file is in UTF-16; save it as UTF-8"},
		{"JWK RSA without q", jwkOf(t, rsaKey(), map[string]any{"q": nil}), "without its primes p and q"},
		{"JWK RSA without p", jwkOf(t, rsaKey(), map[string]any{"p": nil}), "without its primes p and q"},
		{"three primes", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(three)), "more than two primes"},
		{"cut off", whole[:len(whole)/2], "damaged or cut off"},
		{"damaged", pemOf("PRIVATE KEY", public), "a PRIVATE KEY block that is damaged"},
		{"two keys", whole + pkcs8(p256Key()), "more than one private key"},
		{"DER", string(must(x509.MarshalPKCS8PrivateKey(p256Key()))), "is binary"},
		{"text", "hunter2-and-more", "neither PEM nor a JSON Web Key"},
		{"RSA too small", pkcs8(small), "1024 bits; at least 2048"},
		{"P-224", pkcs8(p224), "not on P-256, P-384 or P-521"},
		{"X25519", pkcs8(must(ecdh.X25519().GenerateKey(rand.Reader))), "of a kind that cannot sign here"},
		{"JWK public", jwkOf(t, p256Key(), map[string]any{"d": nil}), "a public key, not the private one"},
		{"JWK symmetric", `{"kty":"oct","k":"aHVudGVyMg"}`, "a symmetric key"},
		{"JWK of unknown kind", `{"kty":"AKP","d":"eA"}`, "a kind that cannot sign"},
		{"JWK without primes", jwkOf(t, rsaKey(), map[string]any{"p": nil, "q": nil}), "without its primes"},
		{"JWK for encryption", jwkOf(t, rsaKey(), map[string]any{"use": "enc"}), "for encryption"},
		{"JWK alg of another kind", jwkOf(t, p256Key(), map[string]any{"alg": "RS256"}), "whose alg does not fit"},
		{"JWK RSA for encryption by alg", jwkOf(t, rsaKey(), map[string]any{"alg": "RSA-OAEP"}), "whose alg does not fit"},
		{"JWK kid with a line break", jwkOf(t, p256Key(), map[string]any{"kid": "a\nb"}), "whose kid"},
		{"JWK damaged", jwkOf(t, p256Key(), map[string]any{"x": "AAAA"}), "a JSON Web Key that is damaged"},
		{"JWK whose halves differ", jwkOf(t, p256Key(), swapped), "an elliptic curve key that is damaged"},
		{"key set", `{"keys":[]}`, "a set of keys"},
		{"service account", `{"type":"service_account","private_key":"x"}`, "a Google service account's key"},
		{"client_secrets", `{"installed":{"client_id":"x"}}`, "an OAuth client"},
		{"saved token", `{"refresh_token":"hunter2-and-more"}`, "a saved token"},
		{"JSON array", `[1]`, "not an object"},
		{"JSON cut off", `{"kty":"EC","d":"hunter2`, "is cut off"},
		{"JSON broken", `{"kty":hunter2}`, "syntax error at byte 8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := ParseClientKey([]byte(tc.data), "")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "the file ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if !key.IsZero() {
				t.Error("there is a key next to the error")
			}
			for _, piece := range append(pieces(tc.data), "hunter2") {
				if err != nil && strings.Contains(err.Error(), piece) {
					t.Error("the error quotes the data")
				}
			}
		})
	}
	if _, err := ParseClientKey([]byte(whole), "a\nb"); err == nil {
		t.Error("key ID with a line break: got nil, want an error")
	}
}

func TestClientKeyNeverPrints(t *testing.T) {
	key := clientKeyOf(t, p256Key(), "k-1")
	another := clientKeyOf(t, rsaKey(), "k-2")
	var out bytes.Buffer
	for _, value := range []any{key, &key, ClientAuth{Key: key}, struct{ inner ClientKey }{key}, []ClientKey{key}, another} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, value)
		}
		out.Write(must(json.Marshal(value)))
		log := zerolog.New(&out)
		log.Info().Interface("value", value).Msg(fmt.Sprint(value))
	}
	var secrets []string
	for _, n := range []*big.Int{new(big.Int).SetBytes(must(p256Key().Bytes())), rsaKey().D, rsaKey().Primes[0], rsaKey().Primes[1]} {
		secrets = append(secrets, n.String(), n.Text(16), fmt.Sprintf("%X", n))
	}
	for _, s := range append(secrets, pieces(pkcs8(p256Key()))...) {
		if strings.Contains(out.String(), s) {
			t.Fatal("a private key is printed")
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("the output lacks [redacted]")
	}
	if !(ClientKey{}).IsZero() || !(ClientKey{}).Text().IsZero() || (ClientKey{}).Algorithm() != "" || (ClientKey{}).KeyID() != "" {
		t.Error("the zero ClientKey is not none")
	}
	if _, err := (ClientKey{}).Sign(nil); err == nil {
		t.Error("the zero ClientKey signs")
	}
}

func FuzzParseClientKey(f *testing.F) {
	for _, seed := range []string{
		pkcs8(p256Key()), pkcs8(edKeyOne()), pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key()))),
		jwkOf(f, p256Key(), nil), jwkOf(f, edKeyOne(), map[string]any{"alg": "EdDSA"}), `{"kty":"oct"}`, "-----BEGIN ", "0", "[",
	} {
		f.Add([]byte(seed), "k")
	}
	f.Fuzz(func(t *testing.T, data []byte, id string) {
		key, err := ParseClientKey(data, id)
		if err != nil {
			if !key.IsZero() || strings.ContainsAny(err.Error(), "\x00\n\r\x1b") {
				t.Errorf("got %v", err)
			}
			return
		}
		again, err := ParseClientKey([]byte(key.Text().Reveal()), "")
		if err != nil || !again.Text().Equal(key.Text()) {
			t.Errorf("its text cannot be read back: %v", err)
		}
		if _, err := key.Sign(map[string]any{}); err != nil {
			t.Error(err)
		}
	})
}
