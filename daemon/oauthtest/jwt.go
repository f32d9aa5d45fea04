package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Key is a public key that signatures are checked with.
type Key struct {
	// ID is the kid of what the key has signed (RFC 7517 §4.5); "" lets it be any, or absent.
	ID string
	// Public is an [*rsa.PublicKey] of at least 2048 bits, an [*ecdsa.PublicKey] on P-256 or P-384, or an
	// [ed25519.PublicKey]; no other verifies anything.
	Public crypto.PublicKey
}

// assertionAlgorithms are those an assertion may be signed with (RFC 7518 §3.1, RFC 8037 §3.1).
func assertionAlgorithms() []string { return []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} }

// Errors of an assertion. They quote nothing of it.
var (
	errMalformed = errors.New("the assertion is not a JWT")
	errSignature = errors.New("the signature is not that of a registered key")
)

// assertion is a JWT that somebody else has signed (RFC 7523 §3).
type assertion struct {
	algorithm string
	keyID     string
	claims    assertionClaims
	input     string // what is signed
	signature []byte
}

type assertionClaims struct {
	Issuer         string       `json:"iss"`
	Subject        string       `json:"sub"`
	Audience       audience     `json:"aud"`
	Expires        *numericDate `json:"exp"`
	IssuedAt       *numericDate `json:"iat"`
	NotBefore      *numericDate `json:"nbf"`
	ID             string       `json:"jti"`
	Scope          string       `json:"scope"`
	TargetAudience string       `json:"target_audience"`
}

// audience is one text or a list of them (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON implements [json.Unmarshaler].
func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// numericDate is a time in seconds (RFC 7519 §2).
type numericDate struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (d *numericDate) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > 1<<40 {
		return errMalformed
	}
	d.Time = time.Unix(int64(seconds), 0)
	return nil
}

// parseAssertion reads a JWT in compact form (RFC 7515 §3.1). It says nothing about who has signed it.
func parseAssertion(text string) (assertion, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return assertion{}, errMalformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return assertion{}, errMalformed
		}
	}
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	a := assertion{input: parts[0] + "." + parts[1], signature: decoded[2]}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &a.claims) != nil {
		return assertion{}, errMalformed
	}
	if header.Critical != nil { // nothing critical is understood here (RFC 7515 §4.1.11)
		return assertion{}, errMalformed
	}
	a.algorithm, a.keyID = header.Algorithm, header.KeyID
	return a, nil
}

// signedBy reports whether one of keys has signed the assertion.
func (a assertion) signedBy(keys []Key) bool {
	return slices.ContainsFunc(keys, func(k Key) bool {
		return (k.ID == "" || a.keyID == "" || k.ID == a.keyID) && a.verifies(k.Public)
	})
}

// verifies checks the signature. The key has to be of the algorithm's own kind, so that no key is ever used in a way it
// was not made for (RFC 8725 §3.1).
func (a assertion) verifies(key crypto.PublicKey) bool {
	switch public := key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 2048 { // RFC 7518 §3.3
			return false
		}
		sum := sha256.Sum256([]byte(a.input))
		switch a.algorithm {
		case "RS256":
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], a.signature) == nil
		case "PS256":
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(public, crypto.SHA256, sum[:], a.signature, options) == nil
		}
	case *ecdsa.PublicKey:
		switch {
		case a.algorithm == "ES256" && public.Curve == elliptic.P256():
			sum := sha256.Sum256([]byte(a.input))
			return verifiesECDSA(public, sum[:], a.signature, 32)
		case a.algorithm == "ES384" && public.Curve == elliptic.P384():
			sum := sha512.Sum384([]byte(a.input))
			return verifiesECDSA(public, sum[:], a.signature, 48)
		}
	case ed25519.PublicKey:
		return a.algorithm == "EdDSA" && len(public) == ed25519.PublicKeySize &&
			ed25519.Verify(public, []byte(a.input), a.signature)
	}
	return false
}

// verifiesECDSA checks a signature that is two numbers of size bytes (RFC 7518 §3.4).
func verifiesECDSA(public *ecdsa.PublicKey, sum, signature []byte, size int) bool {
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, sum, r, s)
}
