package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// jwk is the public half of the signing key (RFC 7517). The order of its fields is that of RFC 7638 §3.2, which makes
// its JSON the thumbprint's input while the last three are empty.
type jwk struct {
	Curve     string `json:"crv"`
	Type      string `json:"kty"`
	X         string `json:"x"`
	Y         string `json:"y"`
	KeyID     string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

// newKey returns a signing key and its id, the RFC 7638 thumbprint.
func newKey() (*ecdsa.PrivateKey, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: make a P-256 key: %v", err)) // crypto/rand does not fail
	}
	text, _ := json.Marshal(publicJWK(key))
	sum := sha256.Sum256(text)
	return key, base64.RawURLEncoding.EncodeToString(sum[:])
}

func publicJWK(key *ecdsa.PrivateKey) jwk {
	point, err := key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		panic(fmt.Sprintf("oauthtest: encode a P-256 key: %v", err)) // it was made on that curve
	}
	return jwk{
		Curve: "P-256",
		Type:  "EC",
		X:     base64.RawURLEncoding.EncodeToString(point[1:33]),
		Y:     base64.RawURLEncoding.EncodeToString(point[33:65]),
	}
}

func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	private, id := s.signingKey()
	key := publicJWK(private)
	key.KeyID, key.Use, key.Algorithm = id, "sig", "ES256"
	writeJSON(w, http.StatusOK, map[string][]jwk{"keys": {key}})
}

// RotateKey makes a new signing key; the old one is no longer in the key set.
func (s *Server) RotateKey() {
	key, id := newKey()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.keyID = key, id
}

func (s *Server) signingKey() (key *ecdsa.PrivateKey, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key, s.keyID
}

// sign returns claims as a JWT in compact form, signed with ES256 (RFC 7515 §3.1, RFC 7518 §3.4).
func (s *Server) sign(claims map[string]any) (string, error) { return s.signAs("JWT", claims) }

// signAs is [Server.sign] with another type in the header (RFC 7519 §5.1).
func (s *Server) signAs(typ string, claims map[string]any) (string, error) {
	key, id := s.signingKey()
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": id, "typ": typ})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(input))
	sigR, sigS, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	signature := make([]byte, 64)
	sigR.FillBytes(signature[:32])
	sigS.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// idToken makes the ID token of c (OpenID Connect Core §2). That of a refresh carries no nonce (§12.2).
func (s *Server) idToken(c *consent, scopes []string, refreshed bool) (string, error) {
	now := s.cfg.Now()
	claims := userClaims(c.user, scopes)
	claims["iss"] = s.cfg.Issuer
	claims["aud"] = c.client
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(s.cfg.IDTokenLifetime.Truncate(time.Second)).Unix()
	claims["auth_time"] = c.at.Unix()
	if c.nonce != "" && !refreshed {
		claims["nonce"] = c.nonce
	}
	return s.sign(claims)
}

// userClaims are the claims about u that scopes open (OpenID Connect Core §5.4).
func userClaims(u User, scopes []string) map[string]any {
	claims := map[string]any{"sub": u.Subject}
	if slices.Contains(scopes, "email") && u.Email != "" {
		claims["email"] = u.Email
		claims["email_verified"] = true
	}
	if slices.Contains(scopes, "profile") && u.Name != "" {
		claims["name"] = u.Name
	}
	return claims
}
