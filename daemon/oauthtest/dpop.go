package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// proofAge is how far from now a proof may have been made (RFC 9449 §11.1).
const proofAge = time.Minute

// proof is a DPoP proof whose signature is right (RFC 9449 §4.2).
type proof struct {
	// thumbprint is the key's (RFC 7638), the jkt that tokens are bound to.
	thumbprint string
	claims     struct {
		ID       string       `json:"jti"`
		Method   string       `json:"htm"`
		URI      string       `json:"htu"`
		IssuedAt *numericDate `json:"iat"`
		Nonce    string       `json:"nonce"`
		Access   string       `json:"ath"`
	}
}

// parseProof reads a proof, and checks its header and its signature (RFC 9449 §4.3, points 2 to 7); it returns what is
// wrong with it.
func parseProof(text string) (p proof, wrong string) {
	a, err := parseAssertion(text)
	if err != nil {
		return p, "the proof is not a JWT"
	}
	parts := strings.Split(text, ".")
	var header struct {
		Type string            `json:"typ"`
		Key  map[string]string `json:"jwk"`
	}
	head, _ := base64.RawURLEncoding.DecodeString(parts[0])
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if json.Unmarshal(head, &header) != nil || json.Unmarshal(body, &p.claims) != nil {
		return p, "the proof's header or claims are not what they have to be"
	}
	x, errX := base64.RawURLEncoding.DecodeString(header.Key["x"])
	y, errY := base64.RawURLEncoding.DecodeString(header.Key["y"])
	_, private := header.Key["d"]
	switch {
	case header.Type != "dpop+jwt":
		return p, "typ is not dpop+jwt"
	case private:
		return p, "jwk has the private key"
	case a.algorithm != "ES256", header.Key["kty"] != "EC", header.Key["crv"] != "P-256", errX != nil, errY != nil:
		return p, "the key is not one for ES256"
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil || !a.verifies(public) {
		return p, "the signature is not that of jwk"
	}
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + header.Key["x"] + `","y":"` + header.Key["y"] + `"}`))
	p.thumbprint = base64.RawURLEncoding.EncodeToString(sum[:])
	return p, ""
}

// proven checks the proof of a request (RFC 9449 §4.3), which is for a resource if access is not "", and returns the
// thumbprint of its key. The answer gets a nonce if that of the proof is not the newest.
func (s *Server) proven(w http.ResponseWriter, r *http.Request, access string) (thumbprint string, problem *oauthError) {
	refuse := func(why string) (string, *oauthError) {
		return "", &oauthError{http.StatusBadRequest, "invalid_dpop_proof", why}
	}
	if len(r.Header.Values("DPoP")) != 1 {
		return refuse("there is not one DPoP header")
	}
	p, wrong := parseProof(r.Header.Get("DPoP"))
	if wrong != "" {
		return refuse(wrong)
	}
	issuer, _ := url.Parse(s.cfg.Issuer)
	now, ath, host := s.cfg.Now(), "", issuer.Host
	if access != "" {
		host = r.Host // which may be a server of its own, see [Server.Protect]
		sum := sha256.Sum256([]byte(access))
		ath = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	switch c := p.claims; {
	case c.Method != r.Method:
		return refuse("htm is another method")
	case c.URI != issuer.Scheme+"://"+host+r.URL.EscapedPath():
		return refuse("htu is another URI")
	case c.IssuedAt == nil || now.Sub(c.IssuedAt.Time).Abs() > proofAge:
		return refuse("iat is not now")
	case c.Access != ath:
		return refuse("ath is not that of the access token")
	case c.ID == "":
		return refuse("jti is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.DPoPNonces > 0 {
		newest, known := s.nonceLocked(now), s.nonces[p.claims.Nonce]
		if p.claims.Nonce != newest {
			w.Header().Set("DPoP-Nonce", newest)
		}
		if known.IsZero() || now.Sub(known) >= s.cfg.DPoPNonces {
			return "", &oauthError{http.StatusBadRequest, "use_dpop_nonce", "the proof needs the nonce that comes with this"}
		}
	}
	for id, made := range s.proofs {
		if now.Sub(made) > 2*proofAge {
			delete(s.proofs, id)
		}
	}
	if _, used := s.proofs[p.claims.ID]; used {
		return refuse("jti was used before")
	}
	s.proofs[p.claims.ID] = now
	return p.thumbprint, nil
}

// nonceLocked returns the newest nonce, and makes one if that is older than half its life.
func (s *Server) nonceLocked(now time.Time) string {
	newest, at := "", time.Time{}
	for text, made := range s.nonces {
		if made.After(at) {
			newest, at = text, made
		}
		if now.Sub(made) >= s.cfg.DPoPNonces {
			delete(s.nonces, text)
		}
	}
	if newest == "" || now.Sub(at) >= s.cfg.DPoPNonces/2 {
		newest = newSecret("no-")
		s.nonces[newest] = now
	}
	return newest
}

// boundElsewhere reports whether the code or refresh token of a request is bound to another key than the proof's.
func (s *Server) boundElsewhere(form url.Values, thumbprint string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound := ""
	if c := s.codes[form.Get("code")]; c != nil {
		bound = c.boundTo
	}
	if t := s.refresh[form.Get("refresh_token")]; t != nil {
		bound = t.boundTo
	}
	return bound != "" && bound != thumbprint
}

// bind binds what a token request has earned to a key: the access token, and the refresh token of a public client (RFC
// 9449 §5).
func (s *Server) bind(client Client, earned issue, thumbprint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.access[earned.accessToken]; t != nil {
		t.boundTo = thumbprint
	}
	if t := s.refresh[earned.refreshToken]; t != nil && client.AuthMethod == AuthNone {
		t.boundTo = thumbprint
	}
}

// presented returns the access token of a request to a resource, as its scheme has it: Bearer, or for a token that is bound
// to a key DPoP, with a proof (RFC 9449 §7). refused says why there is none, "" if there was no try.
func (s *Server) presented(w http.ResponseWriter, r *http.Request) (t accessToken, scheme, refused string) {
	used, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, valid := s.lookup(text)
	switch {
	case strings.EqualFold(used, "DPoP"):
		scheme = "DPoP"
	case !strings.EqualFold(used, "Bearer"):
		if s.cfg.DPoP {
			return t, "DPoP", ""
		}
		return t, "Bearer", ""
	case s.cfg.DPoP:
		return t, "DPoP", "invalid_token" // one that is bound is not good for Bearer (§7.2)
	default:
		scheme = "Bearer"
	}
	if !valid || (scheme == "DPoP") != (t.boundTo != "") {
		return t, scheme, "invalid_token"
	}
	if scheme == "DPoP" {
		thumbprint, problem := s.proven(w, r, text)
		if problem != nil {
			return t, scheme, problem.code
		}
		if thumbprint != t.boundTo {
			return t, scheme, "invalid_token"
		}
	}
	return t, scheme, ""
}
