package grant

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
)

// TypeDPoP is the token_type of an access token that is bound to a key (RFC 9449 §5).
const TypeDPoP = "DPoP"

// ProofKey is the private key that an account's tokens are bound to (RFC 9449): on P-256, for ES256, which every server
// that knows DPoP is likely to take. It prints as [redacted] with every fmt verb, in JSON and in zerolog. The zero ProofKey
// is no key. A ProofKey is immutable and safe for concurrent use.
type ProofKey struct{ key ClientKey }

// NewProofKey makes a key.
func NewProofKey() (ProofKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ProofKey{}, fmt.Errorf("grant: make a key: %w", err)
	}
	return proofKey(private), nil
}

func proofKey(private *ecdsa.PrivateKey) ProofKey {
	return ProofKey{ClientKey{&privateKey{signer: private, algorithm: jose.ES256}}}
}

// ParseProofKey reads what [ProofKey.Text] has written; an unset text gives the zero ProofKey. The error never quotes it.
func ParseProofKey(text account.Secret) (ProofKey, error) {
	if text.IsZero() {
		return ProofKey{}, nil
	}
	scalar, err := base64.RawURLEncoding.DecodeString(text.Reveal())
	if err != nil {
		return ProofKey{}, errors.New("the saved DPoP key is damaged")
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return ProofKey{}, errors.New("the saved DPoP key is damaged")
	}
	return proofKey(private), nil
}

// Text returns the key for the store: its number alone, in base64url, because keychains are small. The zero ProofKey gives
// the zero Secret.
func (k ProofKey) Text() account.Secret {
	if k.IsZero() {
		return account.Secret{}
	}
	private, ok := k.key.private.signer.(*ecdsa.PrivateKey)
	if !ok {
		return account.Secret{}
	}
	return account.NewSecret(base64.RawURLEncoding.EncodeToString(rawScalar(private)))
}

// IsZero reports whether k is no key.
func (k ProofKey) IsZero() bool { return k.key.IsZero() }

// Format implements [fmt.Formatter].
func (k ProofKey) Format(f fmt.State, verb rune) { k.key.Format(f, verb) }

// String implements [fmt.Stringer].
func (k ProofKey) String() string { return k.key.String() }

// MarshalText implements [encoding.TextMarshaler].
func (k ProofKey) MarshalText() ([]byte, error) { return k.key.MarshalText() }

// Thumbprint is the dpop_jkt of an authorization request (RFC 9449 §10, RFC 7638); "" for the zero ProofKey. It is not
// secret.
func (k ProofKey) Thumbprint() string {
	if k.IsZero() {
		return ""
	}
	sum, err := (&jose.JSONWebKey{Key: k.key.private.signer.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Proof is what a DPoP proof says of one request (RFC 9449 §4.2).
type Proof struct {
	Method string
	// URL is where the request goes; a query and a fragment are left out.
	URL string
	// Access is the access token that goes along; unset at a token endpoint.
	Access account.Secret
	// Nonce is the one that the server gave last; "" if it gave none.
	Nonce string
}

// Check returns what is wrong with p, or nil. It quotes nothing of it.
func (p Proof) Check() error {
	_, err := proofTarget(p.URL)
	switch {
	case err != nil:
		return err
	case p.Method == "" || len(p.Method) > 64 || strings.ContainsFunc(p.Method, notGraphic):
		return errors.New("the method is not one of HTTP")
	case p.Nonce != "" && !usableNonce(p.Nonce):
		return errors.New("the nonce is too long, or has a character that is not allowed (RFC 9449 §8.1)")
	}
	return nil
}

// Prove returns the proof for one request, made now: the value of a DPoP header. Each has a jti of its own. The error is
// that of [Proof.Check], if p has one.
func (k ProofKey) Prove(p Proof, now time.Time) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	target, err := proofTarget(p.URL)
	if err != nil {
		return "", err
	}
	claims := map[string]any{"jti": rand.Text(), "htm": p.Method, "htu": target, "iat": now.Unix()}
	if p.Nonce != "" {
		claims["nonce"] = p.Nonce
	}
	if !p.Access.IsZero() {
		sum := sha256.Sum256([]byte(p.Access.Reveal()))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	proof, err := k.key.sign(claims, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	return proof.Reveal(), err
}

// proofTarget returns the htu of a request to a URL: without query and fragment, in the normal form of RFC 3986 §6.2.2 and
// §6.2.3 as far as a client may differ there from its server.
func proofTarget(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("the url is not an absolute URL of https or http")
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; strings.HasSuffix(host, port) {
		host = strings.TrimSuffix(host, port)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path, nil
}
