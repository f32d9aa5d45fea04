package grant

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
)

// minRSABits is what RFC 7518 §3.3 requires.
const minRSABits = 2048

// ClientKey is the private key of a client (RFC 7523 §2.2) or of a service account. It prints as [redacted] with every
// fmt verb, in JSON and in zerolog. The zero ClientKey is no key, and prints the same way. A ClientKey is immutable and
// safe for concurrent use.
type ClientKey struct {
	// A pointer, because fmt prints unexported fields of an enclosing struct without asking any method.
	private *privateKey
}

type privateKey struct {
	signer    crypto.Signer
	algorithm jose.SignatureAlgorithm
	id        string
}

// ParseClientKey reads a private key: PEM (PKCS #8, PKCS #1 or SEC 1), or a JWK (RFC 7517). It takes RSA of at least
// 2048 bits, P-256, P-384, P-521 and Ed25519. keyID is the key's name at the provider; it overrides the kid of a JWK,
// and "" leaves that in place. The error says why the data is not such a key, and what it is if that is clear; it never
// quotes the data.
func ParseClientKey(data []byte, keyID string) (ClientKey, error) {
	data, err := trimFile(data)
	if err != nil {
		return ClientKey{}, fmt.Errorf("the file %w", err)
	}
	if strings.ContainsFunc(keyID, notPrintable) || len(keyID) > 1024 {
		return ClientKey{}, errors.New("the key ID is longer than 1024 bytes, or has a character that is not allowed")
	}
	var key *privateKey
	if data[0] == '{' || data[0] == '[' {
		key, err = parseJWK(data)
	} else {
		key, err = parsePEM(data)
	}
	if err != nil {
		return ClientKey{}, fmt.Errorf("the file %w", err)
	}
	if keyID != "" {
		key.id = keyID
	}
	return ClientKey{key}, nil
}

// Text returns the key for the store, as one line that [ParseClientKey] reads back: a JWK with its kid. The zero
// ClientKey gives the zero Secret.
func (k ClientKey) Text() account.Secret {
	if k.IsZero() {
		return account.Secret{}
	}
	jwk := jose.JSONWebKey{
		Key: k.private.signer, KeyID: k.private.id, Algorithm: string(k.private.algorithm), Use: "sig",
	}
	line, err := json.Marshal(jwk)
	if err != nil {
		// Every key that newPrivateKey takes has a JWK form.
		return account.Secret{}
	}
	return account.NewSecret(string(line))
}

// PEM returns the key for the store, as PKCS #8 in PEM (RFC 7468), without its name. The zero ClientKey gives the zero
// Secret.
func (k ClientKey) PEM() account.Secret {
	if k.IsZero() {
		return account.Secret{}
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private.signer)
	if err != nil {
		// Every key that newPrivateKey takes has that form.
		return account.Secret{}
	}
	return account.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// IsZero reports whether k is no key.
func (k ClientKey) IsZero() bool { return k.private == nil }

// KeyID is the key's name at the provider, the kid of what it signs; "" for none. It is not secret.
func (k ClientKey) KeyID() string {
	if k.IsZero() {
		return ""
	}
	return k.private.id
}

// Algorithm is the name of the signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1); "" for the zero ClientKey. It is not
// secret.
func (k ClientKey) Algorithm() string {
	if k.IsZero() {
		return ""
	}
	return string(k.private.algorithm)
}

// Format implements [fmt.Formatter].
func (k ClientKey) Format(f fmt.State, verb rune) { account.Secret{}.Format(f, verb) }

// String implements [fmt.Stringer].
func (k ClientKey) String() string { return account.Secret{}.String() }

// MarshalText implements [encoding.TextMarshaler], which encoding/json and zerolog use too.
func (k ClientKey) MarshalText() ([]byte, error) { return account.Secret{}.MarshalText() }

// parseJWK reads one private key (RFC 7517 §4); errors complete "the file …".
func parseJWK(data []byte) (*privateKey, error) {
	members, err := ParseKeyFile(data)
	if err != nil {
		return nil, err
	}
	var jwk jose.JSONWebKey
	switch kind := members.Text("kty"); {
	case members["kty"] == nil:
		return nil, fmt.Errorf("holds %s, not a private key", members.Describe())
	case kind == "oct":
		return nil, errors.New("holds a symmetric key, not a private key")
	case kind != "RSA" && kind != "EC" && kind != "OKP":
		return nil, errors.New("holds a JSON Web Key of a kind that cannot sign")
	case members["d"] == nil:
		return nil, errors.New("holds a public key, not the private one")
	case kind == "RSA" && (members["p"] == nil || members["q"] == nil):
		return nil, errors.New("holds an RSA key without its primes p and q")
	case members.Text("use") == "enc":
		return nil, errors.New("holds a key for encryption, not for signing")
	case json.Unmarshal(data, &jwk) != nil:
		return nil, errors.New("holds a JSON Web Key that is damaged, or of a kind that cannot be used here")
	}
	key, err := newPrivateKey(jwk.Key)
	if err != nil {
		return nil, err
	}
	key.id = jwk.KeyID
	if strings.ContainsFunc(key.id, notPrintable) || len(key.id) > 1024 {
		return nil, errors.New("holds a JSON Web Key whose kid is too long, or has a character that is not allowed")
	}
	return key, key.use(jwk.Algorithm)
}

// use makes the key sign with the algorithm that its JWK names (RFC 7517 §4.4); "" leaves the usual one.
func (k *privateKey) use(algorithm string) error {
	_, isRSA := k.signer.(*rsa.PrivateKey)
	switch {
	case algorithm == "", algorithm == string(k.algorithm):
		return nil
	case isRSA && slices.Contains([]string{"RS384", "RS512", "PS256", "PS384", "PS512"}, algorithm):
		k.algorithm = jose.SignatureAlgorithm(algorithm)
		return nil
	default:
		return errors.New("holds a JSON Web Key whose alg does not fit the key")
	}
}

// newPrivateKey checks a key as a parser returned it; errors complete "the file …".
func newPrivateKey(parsed any) (*privateKey, error) {
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("holds an RSA key of %d bits; at least %d are needed", bits, minRSABits)
		}
		if len(key.Primes) != 2 || key.Validate() != nil {
			return nil, errors.New("holds an RSA key that is damaged, or has more than two primes")
		}
		return &privateKey{signer: key, algorithm: jose.RS256}, nil
	case *ecdsa.PrivateKey:
		algorithm, ok := map[string]jose.SignatureAlgorithm{
			"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512,
		}[key.Curve.Params().Name]
		if !ok {
			return nil, errors.New("holds an elliptic curve key that is not on P-256, P-384 or P-521")
		}
		// With the public part of another key, nobody could verify the signatures.
		whole, err := ecdsa.ParseRawPrivateKey(key.Curve, rawScalar(key))
		if err != nil || !whole.PublicKey.Equal(&key.PublicKey) {
			return nil, errors.New("holds an elliptic curve key that is damaged")
		}
		return &privateKey{signer: key, algorithm: algorithm}, nil
	case ed25519.PrivateKey:
		if len(key) != ed25519.PrivateKeySize {
			return nil, errors.New("holds an Ed25519 key that is damaged")
		}
		return &privateKey{signer: key, algorithm: jose.EdDSA}, nil
	default:
		return nil, errors.New("holds a private key of a kind that cannot sign here; RSA, P-256, P-384, P-521 and Ed25519 can")
	}
}

func rawScalar(key *ecdsa.PrivateKey) []byte {
	raw, err := key.Bytes()
	if err != nil {
		return nil
	}
	return raw
}
