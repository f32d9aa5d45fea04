package grant

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/provider"
)

func TestKeysAreHeldAndFetchedAnew(t *testing.T) {
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first, second := key(), key()
	k := newKeyServer(t)
	now := idTokenNow
	c := Client{Now: func() time.Time { return now }}
	verify := func(kid string, by *ecdsa.PrivateKey, ok bool, asked int32) {
		t.Helper()
		_, _, err := c.VerifyIDToken(t.Context(), signed(t, jose.ES256, kid, by, goodClaims()), expectAt(k.uri, "ES256"))
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrIDToken) {
			t.Errorf("got %v, want ok %t", err, ok)
		}
		if got := k.asked.Load(); got != asked {
			t.Errorf("fetched %d times, want %d", got, asked)
		}
	}
	k.hold(t, jose.JSONWebKey{KeyID: "1", Key: first.Public()})
	verify("1", first, true, 1)
	verify("1", first, true, 1)
	k.hold(t, jose.JSONWebKey{KeyID: "2", Key: second.Public()})
	verify("2", second, true, 2)
	verify("3", second, false, 3)
	verify("1", first, false, 4) // withdrawn
	now = now.Add(24 * time.Hour)
	verify("2", second, true, 5)
	now = now.Add(-time.Hour)
	verify("2", second, true, 6) // the clock went back: nobody knows how old they are

	// When the keys cannot be fetched, the held ones go on.
	k.answer(say(503, "", ""))
	verify("2", second, true, 6)
}

func TestKeysThatCannotBeHad(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw := signed(t, jose.ES256, "e", key, goodClaims())
	var elsewhere atomic.Int32
	target := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	for _, tc := range []struct {
		name  string
		h     http.HandlerFunc
		after time.Duration
	}{
		{"busy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(503)
		}, 9 * time.Second},
		{"not found", say(404, "text/html", "<html>"), 0},
		{"HTML", say(200, "text/html", "<html>hidden</html>"), 0},
		{"no key set", say(200, "application/json", `{"keys":"hidden"}`), 0},
		{"keys null", say(200, "application/json", `{"keys":null}`), 0},
		{"no keys member", say(200, "application/json", `{}`), 0},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }, 0},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[],"filler":"`+strings.Repeat("x", provider.MaxBody)+`"}`)
		}, 0},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"keys":[]`)
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newKeyServer(t)
			k.answer(tc.h)
			var c Client
			id, _, err := c.VerifyIDToken(t.Context(), raw, expectAt(k.uri, "ES256"))
			pe := asProviderError(t, err)
			if after, ok := pe.Transient(); !ok || after != tc.after || pe.Op != "key set request" || errors.Is(err, ErrIDToken) || id != (Identity{}) {
				t.Errorf("got %v (transient %t, after %v), want transient after %v", err, ok, after, tc.after)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Error("the error quotes the answer")
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		k := newKeyServer(t)
		k.answer(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		var c Client
		if _, _, err := c.VerifyIDToken(ctx, raw, expectAt(k.uri, "ES256")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("no jwks_uri", func(t *testing.T) {
		var c Client
		if _, _, err := c.VerifyIDToken(t.Context(), jwt(`{"alg":"RS256"}`, goodClaims()), expectAt("")); err != nil {
			t.Errorf("got %v, want what ParseIDToken says", err)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"","e":""},null,7]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",` +
		`"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`)) // RFC 7515 §A.3
	f.Add([]byte(`{"keys":null}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`))
	jws, err := jose.ParseSignedCompact(jwt(`{"alg":"ES256"}`, `{}`).Reveal(), asymmetric())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, fail := answerOf(200, "application/json", string(body)).keys()
		for _, key := range keys {
			if !key.IsPublic() {
				t.Errorf("accepted a %T", key.Key)
			}
		}
		if fail != nil && keys != nil {
			t.Errorf("refused with %d keys", len(keys))
		}
		if _, ok := (keyRing{keys: keys}).verify(jws); ok {
			t.Error("a key verified what nobody signed")
		}
	})
}
