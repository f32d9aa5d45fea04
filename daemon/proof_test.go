package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// proof asks for a proof for the server's resource, and is not to fail.
func (r *rig) proof(request api.ProofRequest) api.Proof {
	r.t.Helper()
	if request.URL == "" {
		request.Method, request.URL = http.MethodGet, r.server.Issuer()+"/api/hello?name=ada"
	}
	p, err := r.d.Proof(context.Background(), request)
	if err != nil {
		r.tell(err)
		r.t.Fatalf("proof: got %v, want one", err)
	}
	return p
}

// A token is good for its resource with its proof, once, and for nothing without.
func TestProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true, DPoPNonces: time.Minute})
		r.boundAccount("work")
		r.start()
		ask := api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work"}}
		p := r.proof(ask)
		status, nonce := r.hello(p.Token, p.Proof)
		if status != http.StatusUnauthorized || nonce == "" {
			t.Errorf("without a nonce: got %d, nonce %q; want 401 and one", status, nonce)
		}
		ask.Nonce = nonce
		p = r.proof(ask)
		if status, _ := r.hello(p.Token, p.Proof); status != http.StatusOK {
			t.Errorf("got %d, want 200", status)
		}
		if status, _ := r.hello(p.Token, p.Proof); status != http.StatusUnauthorized {
			t.Errorf("a proof used twice: got %d, want 401", status)
		}
		if status, _ := r.hello(p.Token, ""); status != http.StatusUnauthorized {
			t.Errorf("no proof: got %d, want 401", status)
		}
		ask.Method, ask.URL = http.MethodPost, r.server.Issuer()+"/api/hello"
		if p := r.proof(ask); p.TokenType != "DPoP" {
			t.Errorf("got %s, want DPoP", p.TokenType)
		} else if status, _ := r.hello(p.Token, p.Proof); status != http.StatusUnauthorized {
			t.Errorf("a proof of another method: got %d, want 401", status)
		}
		if again, first := r.proof(ask), r.token(); again.AccessToken != first.AccessToken {
			t.Error("the proof's token is not the account's")
		}
		ask.Force, ask.Method, ask.URL = true, http.MethodGet, r.server.Issuer()+"/api/hello"
		if p := r.proof(ask); p.AccessToken == r.proof(api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work"}}).AccessToken {
			if status, _ := r.hello(p.Token, p.Proof); status != http.StatusOK {
				t.Errorf("a new token: got %d, want 200", status)
			}
		} else {
			t.Error("force: got a token that is not the newest")
		}
	})
}

func TestProofOfABearerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\nhosts = [%[1]q]\n", r.server.Issuer()))
		r.start()
		p := r.proof(api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work"}})
		if status, _ := r.hello(p.Token, p.Proof); p.TokenType != "Bearer" || p.Proof != "" || status != http.StatusOK {
			t.Errorf("got %s, a proof %t, status %d; want a bearer token alone", p.TokenType, p.Proof != "", status)
		}
	})
}

// Proofs are for the places alone where the account's tokens may go, and find the account by that.
func TestProofGoesWhereTheTokenMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\nhosts = [\"https://api.example.com\"]\n", r.server.Issuer()))
		r.start()
		for _, tt := range []struct {
			account, url string
			code         api.Code
		}{
			{"work", "https://api.example.com/me?q", ""},
			{"", "https://api.example.com/me", ""},
			{"work", "https://evil.example.net/", api.PolicyDenied},
			{"", "https://evil.example.net/", api.UnknownAccount},
			{"work", "http://api.example.com/", api.BadRequest},
			{"work", "/me", api.BadRequest},
			{"nobody", "https://api.example.com/", api.UnknownAccount},
		} {
			p, err := r.d.Proof(context.Background(), api.ProofRequest{TokenRequest: api.TokenRequest{Account: tt.account, URL: tt.url}, Method: "GET"})
			switch {
			case tt.code != "":
				r.wants(err, tt.code)
				if p.AccessToken != "" || p.Proof != "" {
					t.Errorf("%q at %s: got a token or a proof next to the error", tt.account, tt.url)
				}
			case err != nil || p.Account != "work" || p.Proof == "":
				t.Errorf("%q at %s: got %v, want a proof of work", tt.account, tt.url, err)
			}
		}
	})
}

func TestProofIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.start()
		before := r.refreshes()
		for _, wrong := range []api.ProofRequest{
			{Method: "GET /", TokenRequest: api.TokenRequest{URL: "https://a.example/"}},
			{Method: "GET", TokenRequest: api.TokenRequest{URL: "ftp://a.example/"}},
			{Method: "GET", TokenRequest: api.TokenRequest{URL: "https://a.example/"}, Nonce: "a\nb"},
		} {
			wrong.Account = "work"
			_, err := r.d.Proof(context.Background(), wrong)
			r.wants(err, api.BadRequest)
		}
		if r.refreshes() != before {
			t.Error("a token was asked for, for a proof that cannot be made")
		}
	})
}

// The rules that hold for the token hold for the proof: who may not have the one gets neither.
func TestProofNeedsPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\nhosts = [\"https://a.example\"]\n\n[[allow]]\nexe = \"/usr/bin/good\"\n", r.server.Issuer()))
		r.state = t.TempDir()
		r.start()
		as := func(exe string) context.Context {
			return account.WithCaller(context.Background(), account.Caller{PID: 7, Evidence: func() account.Evidence {
				return account.Evidence{Process: account.Process{PID: 7, Executable: exe}}
			}})
		}
		ask := api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work", URL: "https://a.example/"}, Method: "GET"}
		_, err := r.d.Proof(as("/usr/bin/evil"), ask)
		r.wants(err, api.PolicyDenied)
		if p, err := r.d.Proof(as("/usr/bin/good"), ask); err != nil || p.Proof == "" {
			t.Errorf("got %v, want a proof for the program of the rule", err)
		}
	})
}

// No part of the private key appears in answers, logs or proofs.
func TestProofKeyStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.start()
		p := r.proof(api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work"}})
		text := r.store.credential(t, "work").ProofKey
		key, err := grant.ParseProofKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if key.Thumbprint() == "" || strings.Contains(p.Proof, text.Reveal()) {
			t.Error("the proof has the private key")
		}
		_ = r.shown("work")
		r.mu.Lock()
		defer r.mu.Unlock()
		if strings.Contains(r.out.String(), text.Reveal()) {
			t.Error("the private key was logged or told")
		}
	})
}

// Many programs at once get proofs that differ, from one refresh.
func TestManyProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true})
		r.boundAccount("work")
		r.start()
		before := r.refreshes()
		made := make(chan string, 50)
		for range cap(made) {
			go func() {
				p, err := r.d.Proof(context.Background(), api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work", URL: "https://a.example/"}, Method: "GET"})
				if err != nil {
					t.Error(err)
				}
				made <- p.Proof
			}()
		}
		var all []string
		for range cap(made) {
			all = append(all, <-made)
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != cap(made) || r.refreshes() != before+2 { // the one for a nonce too
			t.Errorf("got %d proofs by %d requests, want %d by 2", len(all), r.refreshes()-before, cap(made))
		}
	})
}
