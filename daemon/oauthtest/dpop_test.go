package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// prover makes proofs, right ones unless a test changes them.
type prover struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	now func() time.Time
}

func newProver(t *testing.T, now func() time.Time) *prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &prover{t, key, now}
}

// proof is for a request; change has claims, or members of the header under "header.", to set, or to take out if nil.
func (p *prover) proof(method, uri string, change map[string]any) string {
	p.t.Helper()
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": p.now().Unix()}
	for name, value := range change {
		in, key := claims, name
		if len(name) > 7 && name[:7] == "header." {
			in, key = header, name[7:]
		}
		if in[key] = value; value == nil {
			delete(in, key)
		}
	}
	head, _ := json.Marshal(header)
	body, _ := json.Marshal(claims)
	input := b64(head) + "." + b64(body)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + b64(signature)
}

func athOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// postProven is post with a DPoP header; "" is none.
func postProven(t *testing.T, r *Running, form url.Values, proof string) answer {
	t.Helper()
	req := postRequest(t, r, "/token", form.Encode())
	if proof != "" {
		req.Header.Set("DPoP", proof)
	}
	return do(t, r, req)
}

func dpopConfig() (Config, *clock) {
	cfg, now := testConfig(), newClock()
	cfg.Now, cfg.DPoP = now.now, true
	return cfg, now
}

func TestDPoPRefuses(t *testing.T) {
	cfg, now := dpopConfig()
	r := startPipe(t, cfg)
	p, uri := newProver(t, now.now), r.Issuer()+"/token"
	private := map[string]string{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}
	for _, tc := range []struct {
		name, proof string
	}{
		{"none", ""},
		{"no JWT", "proof"},
		{"typ JWT", p.proof("POST", uri, map[string]any{"header.typ": "JWT"})},
		{"alg none", p.proof("POST", uri, map[string]any{"header.alg": "none"})},
		{"the private key", p.proof("POST", uri, map[string]any{"header.jwk": private})},
		{"another key's signature", p.proof("POST", uri, map[string]any{"header.jwk": otherKey(t)})},
		{"another method", p.proof("GET", uri, nil)},
		{"another URI", p.proof("POST", r.Issuer()+"/par", nil)},
		{"a query", p.proof("POST", uri+"?q", nil)},
		{"too old", p.proof("POST", uri, map[string]any{"iat": now.now().Add(-2 * time.Minute).Unix()})},
		{"too new", p.proof("POST", uri, map[string]any{"iat": now.now().Add(2 * time.Minute).Unix()})},
		{"no iat", p.proof("POST", uri, map[string]any{"iat": nil})},
		{"no jti", p.proof("POST", uri, map[string]any{"jti": nil})},
		{"ath without a token", p.proof("POST", uri, map[string]any{"ath": athOf("at")})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code := authorize(t, r, parameters()).Get("code")
			wantError(t, postProven(t, r, exchangeForm(code), tc.proof), 400, "invalid_dpop_proof")
			if a := postProven(t, r, exchangeForm(code), p.proof("POST", uri, nil)); a.status != 200 || a.text("token_type") != "DPoP" {
				t.Errorf("afterwards: got %d, type %q; want the code unspent, and DPoP", a.status, a.text("token_type"))
			}
		})
	}
	once := p.proof("POST", uri, nil)
	code := authorize(t, r, parameters()).Get("code")
	if a := postProven(t, r, exchangeForm(code), once); a.status != 200 {
		t.Fatalf("got %d, want 200", a.status)
	}
	wantError(t, postProven(t, r, exchangeForm(authorize(t, r, parameters()).Get("code")), once), 400, "invalid_dpop_proof")
}

func otherKey(t *testing.T) map[string]string {
	t.Helper()
	point, err := newProver(t, time.Now).key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
}

func TestDPoPBinds(t *testing.T) {
	cfg, now := dpopConfig()
	r := startPipe(t, cfg)
	p, other := newProver(t, now.now), newProver(t, now.now)
	uri := r.Issuer() + "/token"
	a := postProven(t, r, exchangeForm(authorize(t, r, parameters()).Get("code")), p.proof("POST", uri, nil))
	access, refresh := a.text("access_token"), a.text("refresh_token")

	renew := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"app"}}
	wantError(t, postProven(t, r, renew, other.proof("POST", uri, nil)), 400, "invalid_grant")
	if !r.Active(refresh) {
		t.Error("another key spent the refresh token")
	}
	if a := postProven(t, r, renew, p.proof("POST", uri, nil)); a.status != 200 || a.text("refresh_token") == "" {
		t.Errorf("got %d, want a refresh with the key", a.status)
	}

	hello := r.Issuer() + "/api/hello"
	for _, tc := range []struct {
		name, scheme, proof string
		status              int
		challenge           string
	}{
		{"right", "DPoP", p.proof("GET", hello, map[string]any{"ath": athOf(access)}), 200, ""},
		{"as a bearer token", "Bearer", "", 401, `DPoP realm="oauthtest", algs="ES256", error="invalid_token"`},
		{"no proof", "DPoP", "", 401, `DPoP realm="oauthtest", algs="ES256", error="invalid_dpop_proof"`},
		{"no ath", "DPoP", p.proof("GET", hello, nil), 401, `DPoP realm="oauthtest", algs="ES256", error="invalid_dpop_proof"`},
		{"another key", "DPoP", other.proof("GET", hello, map[string]any{"ath": athOf(access)}), 401, `DPoP realm="oauthtest", algs="ES256", error="invalid_token"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, hello, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", tc.scheme+" "+access)
			req.Header.Set("DPoP", tc.proof)
			if tc.proof == "" {
				req.Header.Del("DPoP")
			}
			a := do(t, r, req)
			if a.status != tc.status || a.header.Get("WWW-Authenticate") != tc.challenge {
				t.Errorf("got %d, %q; want %d, %q", a.status, a.header.Get("WWW-Authenticate"), tc.status, tc.challenge)
			}
		})
	}

	code := authorize(t, r, parameters("dpop_jkt", "of-another-key")).Get("code")
	wantError(t, postProven(t, r, exchangeForm(code), p.proof("POST", uri, nil)), 400, "invalid_grant")
}

func TestDPoPNonces(t *testing.T) {
	cfg, now := dpopConfig()
	cfg.DPoPNonces = 2 * time.Minute
	r := startPipe(t, cfg)
	p, uri := newProver(t, now.now), r.Issuer()+"/token"
	try := func(nonce string) answer {
		t.Helper()
		change := map[string]any{}
		if nonce != "" {
			maps.Copy(change, map[string]any{"nonce": nonce})
		}
		return postProven(t, r, exchangeForm(authorize(t, r, parameters()).Get("code")), p.proof("POST", uri, change))
	}
	a := try("")
	wantError(t, a, 400, "use_dpop_nonce")
	first := a.header.Get("DPoP-Nonce")
	if a := try(first); a.status != 200 || a.header.Get("DPoP-Nonce") != "" {
		t.Errorf("got %d, another nonce %q; want 200 and none", a.status, a.header.Get("DPoP-Nonce"))
	}
	now.advance(90 * time.Second)
	a = try(first)
	second := a.header.Get("DPoP-Nonce")
	if a.status != 200 || second == "" || second == first {
		t.Errorf("got %d, nonce %q; want 200, and a newer one", a.status, second)
	}
	now.advance(40 * time.Second)
	wantError(t, try(first), 400, "use_dpop_nonce")
	wantError(t, try("guess"), 400, "use_dpop_nonce")
	if a := try(second); a.status != 200 {
		t.Errorf("got %d, want 200", a.status)
	}
}
