package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"oauthd/daemon/oauthtest"
)

// An account is made of nothing but the URL of a server: the server says where its tokens come from, that one registers the
// client, and the tokens are for the server alone. A server that names another issuer later changes nothing.
func TestLoginFromAResource(t *testing.T) {
	s := newSeat(t, oauthtest.Config{Registration: true})
	s.env = append(s.env, "BROWSER=agent allow %s")
	var issuer atomic.Value
	issuer.Store(s.provider.Issuer())
	self := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := "http://" + r.Host
		switch {
		case r.URL.Path == "/metadata":
			fmt.Fprintf(w, `{"resource":%q,"authorization_servers":[%q],"scopes_supported":["openid"]}`, own+"/mcp", issuer.Load())
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+own+`/metadata", scope="openid email"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(self.Close)

	if exit, _, stderr := s.run(t, "", "oauthd", "login", "notion", "--resource", self.URL+"/mcp"); exit != 0 {
		t.Fatalf("login: got exit %d, %s", exit, stderr)
	}
	file := s.accountFile("notion")
	for _, want := range []string{"issuer = '" + s.provider.Issuer() + "'", "resource = '" + self.URL + "/mcp'", "hosts = ['" + self.URL + "/mcp']", "'openid', 'email'"} {
		if !strings.Contains(file, want) {
			t.Errorf("the account's file is %q, want it to have %q", file, want)
		}
	}
	if exit, stdout, stderr := s.run(t, "", "oauthd", "match", self.URL+"/mcp/tools"); exit != 0 || stdout != "notion\n" {
		t.Errorf("match: got exit %d, %q, %s", exit, stdout, stderr)
	}
	if exit, _, _ := s.run(t, "", "oauthd", "match", self.URL+"/other"); exit == 0 {
		t.Error("its tokens may be used elsewhere on the host")
	}
	if exit, stdout, stderr := s.run(t, "", "oauthd", "token", "notion"); exit != 0 || !tokenPattern.MatchString(stdout) {
		t.Errorf("token: got exit %d, %s", exit, stderr)
	}

	issuer.Store("https://evil.example.com")
	exit, _, stderr := s.run(t, "", "oauthd", "login", "notion", "--resource", self.URL+"/mcp")
	if exit == 0 || strings.Contains(s.accountFile("notion"), "evil") {
		t.Errorf("another issuer: got exit %d, %s", exit, stderr)
	}
	exit, _, stderr = s.run(t, "", "oauthd", "login", "other", "--resource", self.URL+"/nowhere")
	if exit != 2 || !strings.Contains(stderr, "is for the resource") || s.accountFile("other") != "" {
		t.Errorf("a server that is another resource: got exit %d, %s, want a refusal and no account", exit, stderr)
	}
}
