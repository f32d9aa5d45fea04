package ipc

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

func TestProof(t *testing.T) {
	r := start(t, full(), nil)
	for _, test := range []struct {
		name, method, body string
		status             int
		want               string
	}{
		{"a proof, and the token that goes along", "POST", `{"account":"work","method":"GET","url":"https://api.example.com/me","nonce":"n-1"}`, 200,
			`"access_token":"ya29.sample","token_type":"DPoP",`},
		{"the proof", "POST", `{"account":"work","method":"GET","url":"https://api.example.com/me","nonce":"n-1"}`, 200,
			`"proof":"GET https://api.example.com/me n-1"`},
		{"with what a token's request has", "POST", `{"account":"work","method":"GET","url":"https://a.example/","scope":"a b","min_ttl":5}`, 200, `"scope":"a b"`},
		{"the account found by the url", "POST", `{"method":"GET","url":"https://a.example/"}`, 200, `"proof":"GET https://a.example/ "`},
		{"no method", "POST", `{"account":"work","url":"https://a.example/"}`, 400, "method is missing"},
		{"no url", "POST", `{"account":"work","method":"GET"}`, 400, "url is missing"},
		{"a wrong name", "POST", `{"account":"../x","method":"GET","url":"https://a.example/"}`, 400, `"code":"bad_request"`},
		{"min_ttl out of range", "POST", `{"account":"work","method":"GET","url":"https://a.example/","min_ttl":-1}`, 400, "min_ttl"},
		{"a field twice", "POST", `{"account":"work","method":"GET","method":"PUT","url":"https://a.example/"}`, 400, "method is given more than once"},
		{"an unknown field", "POST", `{"account":"work","method":"GET","url":"https://a.example/","access_token":"x"}`, 400, "unknown field"},
		{"no text", "POST", `{"account":"work","method":7,"url":"https://a.example/"}`, 400, "method must be a string"},
		{"GET", "GET", "", 405, "POST"},
	} {
		request := fmt.Sprintf("%s /v1/proof HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", test.method, len(test.body), test.body)
		resp, body := exchange(t, r.path, request)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s, want %d and %s", test.name, resp.StatusCode, body, test.status, test.want)
		}
	}
}

// A restricted socket gives proofs of its own account alone, and asks nobody to log in.
func TestProofOfARestrictedSocket(t *testing.T) {
	sv := &serving{Server: New(Config{Backend: backendOf(full())}), socket: &account.Socket{Account: "work"}}
	ask := func(r api.ProofRequest) (api.Proof, error) {
		r.Method, r.URL = "GET", "https://a.example/"
		return sv.proof(context.Background(), r)
	}
	for _, name := range []string{"", "work"} {
		if p, err := ask(api.ProofRequest{TokenRequest: api.TokenRequest{Account: name}}); err != nil || p.Account != "work" || p.Proof == "" {
			t.Errorf("account %q: got a proof of %q, %v; want one of work", name, p.Account, err)
		}
	}
	_, err := ask(api.ProofRequest{TokenRequest: api.TokenRequest{Account: "other"}})
	if e := api.AsError(err); err == nil || e.Code != api.PolicyDenied {
		t.Errorf("another account: got %v, want policy_denied", err)
	}
}
