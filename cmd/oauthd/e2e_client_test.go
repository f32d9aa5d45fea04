//go:build linux

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore/storetest"

	xoauth2 "golang.org/x/oauth2"
)

// environment is where a client in this process finds the desk's daemon.
func (d *desk) environment() api.Environment {
	return api.Environment{
		Getenv: func(name string) string {
			for _, entry := range d.env {
				if value, ok := strings.CutPrefix(entry, name+"="); ok {
					return value
				}
			}
			return ""
		},
		UID:          os.Getuid(),
		GOOS:         "linux",
		RuntimeDirOK: func(string) bool { return false },
	}
}

func testGoClient(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	d.provider.set(2*time.Second, false)
	d.loginWork(t)
	first, _ := d.provider.newest()

	// An API that takes the newest token and no other.
	protected := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if access, _ := d.provider.newest(); r.Header.Get("Authorization") != "Bearer "+access {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer protected.Close()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	c := &client.Client{Environment: d.environment()}
	defer c.Close()
	web := xoauth2.NewClient(ctx, c.TokenSource(ctx, api.TokenRequest{Account: "work"}))
	call := func(web *http.Client, url string) (status int, body string) {
		t.Helper()
		resp, err := web.Get(url)
		if err != nil {
			t.Fatal(withoutURL(err))
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}

	if status, _ := call(web, protected.URL); status != http.StatusOK {
		t.Errorf("with the login's token: got status %d, want 200", status)
	}
	awaitExpiry(t, d)
	d.provider.set(5*time.Minute, false)
	before := d.provider.refreshCount()
	for range 3 {
		if status, _ := call(web, protected.URL); status != http.StatusOK {
			t.Errorf("after the token's end: got status %d, want 200", status)
		}
	}
	if now, _ := d.provider.newest(); now == first {
		t.Error("after the token's end: got the login's token, want a refreshed one")
	}
	if got := d.provider.refreshCount() - before; got != 1 {
		t.Errorf("after the token's end: got %d refreshes for 3 requests, want 1", got)
	}
	// The provider's own API agrees.
	if status, body := call(web, d.provider.issuer+"userinfo"); status != http.StatusOK || !strings.Contains(body, email) {
		t.Errorf("userinfo: got status %d, the person's email %t, want 200 and the email", status, strings.Contains(body, email))
	}

	d.kill(t)
	fresh := &client.Client{Environment: d.environment()}
	defer fresh.Close()
	_, err := fresh.Token(ctx, api.TokenRequest{Account: "work"})
	if e := api.AsError(err); e == nil || e.Code != api.NoDaemon {
		t.Errorf("without a daemon: got %v, want %s", err, api.NoDaemon)
	}
}

func testExplicitEndpoints(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	dir := d.path(".config", "oauthd")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := strings.ReplaceAll(`[providers.corp]
authorization_endpoint = "ISSUERauth"
token_endpoint = "ISSUERoauth/token"
userinfo_endpoint = "ISSUERuserinfo"
revocation_endpoint = "ISSUERrevoke"
`, "ISSUER", d.provider.issuer)
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	login := d.start(t, "", "login", "work", "--no-browser", "--provider", "corp", "--client-id", publicClient,
		"--scope", "openid", "--scope", "email", "--scope", "offline_access")
	page := d.provider.signIn(t, login.url(t))
	if !strings.Contains(page, "You are logged in") {
		t.Error("the page does not say that the login succeeded")
	}
	r := login.wait(t)
	if r.exit != 0 || !strings.Contains(r.stdout, "work: logged in as "+email+" at corp") {
		t.Fatalf("oauthd login: got exit %d, stdout %q, stderr %s, want who at corp", r.exit, r.stdout, r.stderr)
	}
	d.token(t, "work")
	d.kill(t)
	d.token(t, "work")
	if got := d.provider.refreshCount(); got != 1 {
		t.Errorf("got %d refreshes, want 1", got)
	}
	_, refresh := d.provider.newest()
	if r := d.run(t, "logout", "work"); r.exit != 0 || d.provider.alive(t, refresh) {
		t.Errorf("oauthd logout: got exit %d, stderr %s, refresh token alive %t", r.exit, r.stderr, d.provider.alive(t, refresh))
	}
}
