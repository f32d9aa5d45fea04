package grant

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash"
	"math/big"
	"strings"
	"sync"
	"testing"
)

// The keys of the tests, made once: an RSA key costs a second.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	edKeyOne = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func pkcs8(key any) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

// clientKeyOf reads a key as a person's file would have it.
func clientKeyOf(t *testing.T, key any, id string) ClientKey {
	t.Helper()
	k, err := ParseClientKey([]byte(pkcs8(key)), id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// verified checks a JWS in compact form by the standard library alone and returns its header and claims.
func verified(t *testing.T, jws string, public crypto.PublicKey) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		t.Fatalf("the JWS has %d parts, want 3", len(parts))
	}
	var decoded [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatalf("part %d of the JWS: %v", i, err)
		}
		decoded[i] = b
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		t.Fatal("the JWS does not hold two JSON objects")
	}
	signed, signature, ok := []byte(parts[0]+"."+parts[1]), decoded[2], false
	sum := func(h hash.Hash) []byte { h.Write(signed); return h.Sum(nil) }
	raw := func(size int, digest []byte) bool {
		return len(signature) == 2*size && ecdsa.Verify(public.(*ecdsa.PublicKey), digest,
			new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	}
	switch alg := header["alg"]; alg {
	case "RS256":
		ok = rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, sum(sha256.New()), signature) == nil
	case "PS256":
		ok = rsa.VerifyPSS(public.(*rsa.PublicKey), crypto.SHA256, sum(sha256.New()), signature,
			&rsa.PSSOptions{SaltLength: sha256.Size}) == nil
	case "ES256":
		ok = raw(32, sum(sha256.New()))
	case "ES384":
		ok = raw(48, sum(sha512.New384()))
	case "ES512":
		ok = raw(66, sum(sha512.New()))
	case "EdDSA":
		ok = ed25519.Verify(public.(ed25519.PublicKey), signed, signature)
	default:
		t.Fatalf("alg: got %v, want one of ours", alg)
	}
	if !ok {
		t.Fatalf("the signature by %v does not verify", header["alg"])
	}
	return header, claims
}

// pieces are what of a key must be in no message.
func pieces(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 30 && !strings.HasPrefix(line, "-----") {
			found = append(found, line[:20], line[len(line)-20:])
		}
	}
	return found
}
