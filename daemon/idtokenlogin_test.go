package daemon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// forged replaces the header and the signature of an ID token.
func forged(header string, sign func(input string) []byte) oauthtest.Fault {
	return oauthtest.AlterFields(func(fields map[string]any) {
		jwt, _ := fields["id_token"].(string)
		parts := strings.Split(jwt, ".")
		if len(parts) != 3 {
			return
		}
		input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1]
		fields["id_token"] = input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
	})
}

func TestIDTokenOfSomebodyElse(t *testing.T) {
	none := func(string) []byte { return nil }
	rubbish := func(string) []byte { return make([]byte, 64) }
	mac := func(input string) []byte {
		h := hmac.New(sha256.New, []byte(clientSecret))
		h.Write([]byte(input))
		return h.Sum(nil)
	}
	for _, tt := range []struct {
		name     string
		endpoint oauthtest.Endpoint
		fault    func(s *oauthtest.Server) oauthtest.Fault
		want     api.Code
		word     string
	}{
		{"bad signature", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterFields(func(fields map[string]any) {
				jwt, _ := fields["id_token"].(string)
				head, _, _ := strings.Cut(jwt, ".")
				fields["id_token"] = jwt[:strings.LastIndexByte(jwt, '.')+1] + base64.RawURLEncoding.EncodeToString(rubbish(head))
			})
		}, api.LoginFailed, "signature was not made with a key"},
		{"another payload", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterFields(func(fields map[string]any) {
				jwt, _ := fields["id_token"].(string)
				parts := strings.Split(jwt, ".")
				claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
				changed := strings.Replace(string(claims), `"sub":"ada"`, `"sub":"bob"`, 1)
				fields["id_token"] = parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
			})
		}, api.LoginFailed, "signature was not made with a key"},
		{"a key that was withdrawn", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterFields(func(map[string]any) { s.RotateKey() })
		}, api.LoginFailed, "signature was not made with a key"},
		{"a kid nobody knows", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"alg":"ES256","kid":"k9"}`, rubbish)
		}, api.LoginFailed, "signature was not made with a key"},
		{"alg none", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"alg":"none"}`, none)
		}, api.LoginFailed, "signature algorithm"},
		{"alg None", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"alg":"None"}`, none)
		}, api.LoginFailed, "signature algorithm"},
		{"HS256 by the client secret", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"alg":"HS256"}`, mac)
		}, api.LoginFailed, "signature algorithm"},
		{"no alg", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"typ":"JWT"}`, none)
		}, api.LoginFailed, "header"},
		{"an algorithm the provider does not use", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return forged(`{"alg":"RS256"}`, rubbish)
		}, api.LoginFailed, "signature algorithm"},
		{"not a JWT", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.Set("id_token", "opaque")
		}, api.LoginFailed, "not a JWT"},
		{"keys out of reach", oauthtest.JWKS, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Reset() }, api.ProviderUnreachable, ""},
		{"keys out of order", oauthtest.JWKS, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Status(503) }, api.ProviderUnreachable, ""},
		{"keys answered by a portal", oauthtest.JWKS, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.HTML(200) }, api.ProviderUnreachable, ""},
		{"no keys", oauthtest.JWKS, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.Set("keys", []string{})
		}, api.LoginFailed, "signature was not made with a key"},
		{"nonce of another login", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault {
			return s.SetClaim("nonce", strings.Repeat("A", 52))
		}, api.LoginFailed, "nonce"},
	} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, known %t", tt.name, known), func(t *testing.T) {
				r := newRealRig(t, oauthtest.Config{})
				if known {
					r.account("work")
				}
				r.start()
				before := r.snapshot("work")
				r.server.Always(tt.endpoint, tt.fault(r.server.Server))
				def := api.AccountDefinition{}
				if !known {
					def = r.definition("openid", "email")
					def.ClientID, def.ClientSecret = "web", clientSecret
				}
				_, err := r.login("work", def)
				r.wants(err, tt.want)
				if err != nil && !strings.Contains(err.Error(), tt.word) {
					t.Errorf("got %q, want %q in it", err, tt.word)
				}
				r.server.Reset(tt.endpoint)
				if known {
					r.unchanged("work", before)
					r.token()
					return
				}
				r.nothingLeft("work")
			})
		}
	}
}

func TestKeysAreFetchedAnewForATokenOfANewKey(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid"))
	r.loggedIn("home", r.definition("openid"))
	if n := r.server.Requests(oauthtest.JWKS); n != 1 {
		t.Errorf("got %d requests for keys, want 1", n)
	}
	r.server.RotateKey()
	r.loggedIn("work", r.definition("openid"))
	if n := r.server.Requests(oauthtest.JWKS); n != 2 {
		t.Errorf("got %d requests for keys, want 2", n)
	}
}
