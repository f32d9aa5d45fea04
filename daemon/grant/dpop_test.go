package grant

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
)

// claimsOf verifies a proof with the library that did not make it alone: by the key in its header, which must be public.
func claimsOf(t *testing.T, proof string) (map[string]any, jose.JSONWebKey) {
	t.Helper()
	jws, err := jose.ParseSigned(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	if got := header.ExtraHeaders[jose.HeaderType]; got != "dpop+jwt" || header.JSONWebKey == nil || !header.JSONWebKey.IsPublic() {
		t.Fatalf("got typ %v, jwk public %t; want dpop+jwt and a public key", got, header.JSONWebKey != nil && header.JSONWebKey.IsPublic())
	}
	payload, err := jws.Verify(header.JSONWebKey)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims, *header.JSONWebKey
}

func TestProve(t *testing.T) {
	key := must(NewProofKey())
	now := time.Unix(1800000000, 0)
	sum := sha256.Sum256([]byte("at-1"))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	for _, tc := range []struct {
		name string
		p    Proof
		want map[string]any
	}{
		{"at a token endpoint", Proof{Method: "POST", URL: "https://login.example.com/token"},
			map[string]any{"htm": "POST", "htu": "https://login.example.com/token"}},
		{"query and fragment left out", Proof{Method: "GET", URL: "https://api.example.com/a%2Fb/c?q=1#f"},
			map[string]any{"htm": "GET", "htu": "https://api.example.com/a%2Fb/c"}},
		{"no path", Proof{Method: "GET", URL: "https://api.example.com?q"},
			map[string]any{"htm": "GET", "htu": "https://api.example.com/"}},
		{"capitals, the usual port, a user", Proof{Method: "GET", URL: "HTTPS://ada:pw@API.example.com:443/X"},
			map[string]any{"htm": "GET", "htu": "https://api.example.com/X"}},
		{"another port", Proof{Method: "DELETE", URL: "http://[::1]:8080/"},
			map[string]any{"htm": "DELETE", "htu": "http://[::1]:8080/"}},
		{"at a resource", Proof{Method: "GET", URL: "https://api.example.com/", Access: account.NewSecret("at-1"), Nonce: "n-1"},
			map[string]any{"htm": "GET", "htu": "https://api.example.com/", "ath": ath, "nonce": "n-1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			proof, err := key.Prove(tc.p, now)
			if err != nil {
				t.Fatal(err)
			}
			got, jwk := claimsOf(t, proof)
			jti, _ := got["jti"].(string)
			if len(jti) < 16 { // RFC 9449 §4.2 wants 96 bits at least
				t.Errorf("got jti %q, want a long one", jti)
			}
			tc.want["jti"], tc.want["iat"] = got["jti"], float64(1800000000)
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if again, _ := key.Prove(tc.p, now); again == proof {
				t.Error("two proofs are the same")
			}
			print := must(jwk.Thumbprint(5)) // SHA-256
			if key.Thumbprint() != base64.RawURLEncoding.EncodeToString(print) {
				t.Error("the thumbprint is not that of the key in the proof")
			}
		})
	}
}

func TestProveRefuses(t *testing.T) {
	key := must(NewProofKey())
	for _, tc := range []struct {
		name string
		p    Proof
	}{
		{"no method", Proof{URL: "https://a.example/"}},
		{"a method of two lines", Proof{Method: "GET\n", URL: "https://a.example/"}},
		{"no host", Proof{Method: "GET", URL: "/api"}},
		{"another scheme", Proof{Method: "GET", URL: "ftp://a.example/"}},
		{"no URL", Proof{Method: "GET", URL: "https://a.example/%zz"}},
		{"nonce with a quote", Proof{Method: "GET", URL: "https://a.example/", Nonce: `a"b`}},
		{"nonce too long", Proof{Method: "GET", URL: "https://a.example/", Nonce: strings.Repeat("n", maxNonce+1)}},
	} {
		if proof, err := key.Prove(tc.p, time.Now()); err == nil || proof != "" {
			t.Errorf("%s: got a proof, want an error", tc.name)
		}
	}
	if _, err := (ProofKey{}).Prove(Proof{Method: "GET", URL: "https://a.example/"}, time.Now()); err == nil {
		t.Error("no key: got a proof")
	}
}

func TestProofKeyText(t *testing.T) {
	key := must(NewProofKey())
	same := must(ParseProofKey(key.Text()))
	if same.Thumbprint() != key.Thumbprint() || key.Thumbprint() == "" {
		t.Error("got another key back")
	}
	if none, err := ParseProofKey(account.Secret{}); err != nil || !none.IsZero() || !none.Text().IsZero() || none.Thumbprint() != "" {
		t.Errorf("got %v, zero %t; want no key for no text", err, none.IsZero())
	}
	for _, text := range []string{"!", "AAAA", strings.Repeat("A", 43), strings.Repeat("_", 43)} {
		if _, err := ParseProofKey(account.NewSecret(text)); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want an error that does not quote the text", err)
		}
	}
	secret := key.Text().Reveal()
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%+v %#v %x", key, key, key), fmt.Sprintf("%+v", ClientAuth{ProofKey: key}),
		string(must(json.Marshal(key))), string(must(json.Marshal(ClientAuth{ProofKey: key})))} {
		if strings.Contains(text, secret) || strings.Contains(text, "0xc0") {
			t.Errorf("got %q, want the key redacted", text)
		}
	}
}

// FuzzParseProofKey: whatever the store has, a key that is read signs, and is written as it was.
func FuzzParseProofKey(f *testing.F) {
	f.Add(must(NewProofKey()).Text().Reveal())
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseProofKey(account.NewSecret(text))
		if err != nil || key.IsZero() {
			return
		}
		if again, err := ParseProofKey(key.Text()); err != nil || again.Thumbprint() != key.Thumbprint() {
			t.Errorf("got %v, want the same key", err)
		}
		if _, err := key.Prove(Proof{Method: "GET", URL: "https://a.example/"}, time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
	})
}

func TestNonces(t *testing.T) {
	var n nonces
	at := time.Unix(1800000000, 0)
	header := func(values ...string) http.Header { return http.Header{"Dpop-Nonce": values} }
	n.note("https://A.example/token", header("n-1"), at)
	n.note("https://b.example/token", header("n-2"), at.Add(time.Second))
	n.note("https://a.example/other", header(), at.Add(2*time.Second))
	n.note("https://a.example/other", header("two", "of them"), at.Add(2*time.Second))
	n.note("https://a.example/other", header("a\x7fb"), at.Add(2*time.Second))
	if got := n.get("https://a.example/userinfo"); got.text != "n-1" || !got.fresh(at.Add(freshNonce-1)) || got.fresh(at.Add(freshNonce)) || got.fresh(at.Add(-freshNonce)) {
		t.Errorf("got %+v, want n-1, fresh for a minute", got)
	}
	if got := n.get("https://a.example:8443/userinfo"); got.text != "" || got.fresh(at) {
		t.Errorf("got %+v of another port, want nothing", got)
	}
	for i := range maxNonces {
		n.note(fmt.Sprintf("https://%d.example/", i), header("n"), at.Add(time.Duration(i)*time.Minute))
	}
	if len(n.of) != maxNonces || n.get("https://a.example/").text != "" || n.get("https://255.example/").text == "" {
		t.Errorf("got %d servers, want %d, and the oldest forgotten", len(n.of), maxNonces)
	}
}

// What is sent, in which order, when a refresh needs a nonce.
func TestNonceIsFetchedFirst(t *testing.T) {
	type sent struct{ refreshToken, nonce string }
	for _, tc := range []struct {
		name   string
		answer func(w http.ResponseWriter, nonce, refreshToken string)
		want   []sent
		again  []sent // by a second refresh, a moment later
	}{
		{"a server that wants none", func(http.ResponseWriter, string, string) {},
			[]sent{{"none", ""}, {"rt-old-secret", ""}}, []sent{{"rt-old-secret", ""}}},
		{"one that refuses a proof without", func(w http.ResponseWriter, nonce, _ string) {
			if nonce != "n-1" {
				w.Header().Set("DPoP-Nonce", "n-1")
				refuse(w, "use_dpop_nonce")
			}
		}, []sent{{"none", ""}, {"rt-old-secret", "n-1"}}, []sent{{"rt-old-secret", "n-1"}}},
		{"one that gives a new one each time", func(w http.ResponseWriter, nonce, _ string) {
			w.Header().Set("DPoP-Nonce", "n-1"+nonce)
		}, []sent{{"none", ""}, {"rt-old-secret", "n-1"}}, []sent{{"rt-old-secret", "n-1n-1"}}},
		{"one that does not take the nonce it gave", func(w http.ResponseWriter, nonce, token string) {
			if token != "none" && nonce == "n-1" {
				w.Header().Set("DPoP-Nonce", "n-2")
				refuse(w, "use_dpop_nonce")
				return
			}
			w.Header().Set("DPoP-Nonce", "n-1")
		}, []sent{{"none", ""}, {"rt-old-secret", "n-1"}, {"rt-old-secret", "n-2"}},
			[]sent{{"rt-old-secret", "n-1"}, {"rt-old-secret", "n-2"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []sent
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				claims, _ := claimsOf(t, r.Header.Get("DPoP"))
				nonce, _ := claims["nonce"].(string)
				token := r.PostFormValue("refresh_token")
				got = append(got, sent{token, nonce})
				answer := &refusals{ResponseWriter: w}
				if tc.answer(answer, nonce, token); answer.done {
					return
				}
				if token == "none" {
					refuse(w, "invalid_grant")
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"access_token":"at-1","token_type":"dpop","expires_in":3600}`))
			})
			c := &Client{}
			refresh := refreshAt(endpoint)
			refresh.Auth.ProofKey = must(NewProofKey())
			for i, want := range [][]sent{tc.want, tc.again} {
				got = nil
				r, err := c.Refresh(t.Context(), refresh)
				if err != nil || r.Token.Type != "DPoP" || !r.Token.ProofKey.Equal(refresh.Auth.ProofKey.Text()) {
					t.Fatalf("refresh %d: got %v, type %q; want a token bound to the key", i, err, r.Token.Type)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("refresh %d: got %v, want %v", i, got, want)
				}
			}
		})
	}
}

// refusals notes that an answer was written.
type refusals struct {
	http.ResponseWriter
	done bool
}

func (r *refusals) WriteHeader(status int) {
	r.done = true
	r.ResponseWriter.WriteHeader(status)
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `{"error":%q}`, code)
}

// A server that asks for another nonce each time is asked twice, not forever.
func TestEndlessNonces(t *testing.T) {
	n := 0
	endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("DPoP-Nonce", fmt.Sprintf("n-%d", n))
		refuse(w, "use_dpop_nonce")
	})
	refresh := refreshAt(endpoint)
	refresh.Auth.ProofKey = must(NewProofKey())
	_, err := (&Client{}).Refresh(t.Context(), refresh)
	if e := asProviderError(t, err); e.Kind != Configuration || n != 3 {
		t.Errorf("got %s after %d requests, want configuration after 3", e.Kind, n)
	}
}

// The type of a token is the one that was asked for.
func TestTypeOfABoundToken(t *testing.T) {
	for _, tc := range []struct {
		tokenType string
		bound, ok bool
	}{
		{`"DPoP"`, true, true}, {`"dPoP"`, true, true}, {`"Bearer"`, true, false}, {`null`, true, false}, {`7`, true, false},
		{`"DPoP"`, false, false}, {`"Bearer"`, false, true},
	} {
		endpoint := serve(t, say(200, "application/json", `{"access_token":"at-1","refresh_token":"rt-new","token_type":`+tc.tokenType+`}`))
		refresh := refreshAt(endpoint)
		if tc.bound {
			refresh.Auth.ProofKey = must(NewProofKey())
		}
		r, err := (&Client{}).Refresh(t.Context(), refresh)
		if (err == nil) != tc.ok || r.RefreshToken.Reveal() != "rt-new" {
			t.Errorf("token_type %s, bound %t: got %v, new refresh token %t", tc.tokenType, tc.bound, err, !r.RefreshToken.IsZero())
		}
	}
}

// The userinfo endpoint is a resource: it gets the token as DPoP, with its ath, and a nonce if it wants one.
func TestUserinfoWithABoundToken(t *testing.T) {
	key := must(NewProofKey())
	var nonces []any
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		claims, _ := claimsOf(t, r.Header.Get("DPoP"))
		nonces = append(nonces, claims["nonce"])
		if r.Header.Get("Authorization") != "DPoP at-1" || claims["ath"] == nil {
			t.Errorf("got %q, ath %v; want the token as DPoP with its ath", r.Header.Get("Authorization"), claims["ath"])
		}
		w.Header().Set("DPoP-Nonce", "n-1")
		if claims["nonce"] != "n-1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		say(200, "application/json", `{"sub":"ada"}`)(w, r)
	})
	c := &Client{}
	tok := account.Token{Access: account.NewSecret("at-1"), Type: TypeDPoP, ProofKey: key.Text()}
	for range 2 {
		if who, err := c.Userinfo(t.Context(), endpoint, tok, expectAt("").Provider); err != nil || who.Subject != "ada" {
			t.Fatalf("got %q, %v; want ada", who.Subject, err)
		}
	}
	if fmt.Sprint(nonces) != "[<nil> n-1 n-1]" {
		t.Errorf("got nonces %v, want none, then the server's, and that again", nonces)
	}
}
