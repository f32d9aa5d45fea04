//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	publicClient       = "desktop"
	confidentialClient = "desktop-with-secret"
	clientSecret       = "this client's secret, with % and +"

	person   = "test-user2"
	email    = "test-user2@zitadel.ch"
	password = "verysecure"
)

// zitadel is an OpenID provider that shares no code with oauthd. It rotates refresh tokens at every use.
type zitadel struct {
	*storage.Storage
	issuer  string
	handler http.Handler
	one     sync.Mutex // held for each request: the example storage does not bear some pairs of them at once

	mu        sync.Mutex // guards the fields below
	lifetime  time.Duration
	broken    bool
	gate      chan struct{} // refreshes wait until it is closed; nil lets them through
	refreshes int
	authorize int
	refresh   string          // the newest refresh token
	access    string          // the newest access token
	secrets   map[string]bool // refresh tokens, codes, verifiers and client secrets that were seen
	handedOut map[string]bool // access and ID tokens, which callers may see
}

// startZitadel starts a provider; it ends with the test.
func startZitadel(t *testing.T) *zitadel {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	z := &zitadel{
		issuer:    "http://" + server.Listener.Addr().String() + "/",
		lifetime:  5 * time.Minute,
		secrets:   map[string]bool{},
		handedOut: map[string]bool{},
	}
	const redirectURI = "http://127.0.0.1/callback"
	z.Storage = storage.NewStorageWithClients(storage.NewUserStore(z.issuer), map[string]*storage.Client{
		publicClient:       storage.NativeClient(publicClient, redirectURI),
		confidentialClient: storage.WebClient(confidentialClient, clientSecret, redirectURI),
	})
	z.handler = exampleop.SetupServer(z.issuer, z, slog.New(slog.DiscardHandler), false)
	server.Config.Handler = z
	server.Start()
	t.Cleanup(server.Close)
	return z
}

// native makes a confidential client one whose loopback redirect URI may have any port (RFC 8252 §7.3).
type native struct{ op.Client }

func (native) ApplicationType() op.ApplicationType { return op.ApplicationTypeNative }

func (z *zitadel) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := z.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return native{c}, nil
}

func (z *zitadel) CreateAccessToken(ctx context.Context, r op.TokenRequest) (string, time.Time, error) {
	id, _, err := z.Storage.CreateAccessToken(ctx, r)
	return id, z.expiry(), err
}

func (z *zitadel) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, current string) (
	id, refresh string, expiry time.Time, err error,
) {
	id, refresh, _, err = z.Storage.CreateAccessAndRefreshTokens(ctx, ofDevice(r), current)
	return id, refresh, z.expiry(), err
}

func (z *zitadel) expiry() time.Time {
	z.mu.Lock()
	defer z.mu.Unlock()
	return time.Now().Add(z.lifetime)
}

func (z *zitadel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/favicon.ico": // else the browser's console says that there is none
		w.WriteHeader(http.StatusNoContent)
		return
	case "/auth":
		z.mu.Lock()
		z.authorize++
		z.mu.Unlock()
	case "/oauth/token":
		z.token(w, r)
		return
	case "/device_authorization":
		z.authorizeDevice(w, r)
		return
	}
	copyAnswer(w, z.serve(r))
}

func (z *zitadel) serve(r *http.Request) *httptest.ResponseRecorder {
	z.one.Lock()
	defer z.one.Unlock()
	answer := httptest.NewRecorder()
	z.handler.ServeHTTP(answer, r)
	if to, err := url.Parse(answer.Header().Get("Location")); err == nil {
		z.see(z.secrets, to.Query().Get("code"))
	}
	return answer
}

// token is the token endpoint, with what the tests want to know and to break.
func (z *zitadel) token(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, _ := url.ParseQuery(string(body))
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, basic, _ := r.BasicAuth()
	basicSecret, _ := url.QueryUnescape(basic) // RFC 6749 §2.3.1
	for _, secret := range []string{
		form.Get("code"), form.Get("code_verifier"), form.Get("refresh_token"), form.Get("client_secret"), basicSecret,
		form.Get("device_code"),
	} {
		z.see(z.secrets, secret)
	}
	z.mu.Lock()
	broken, gate := z.broken, z.gate
	if form.Get("grant_type") == "refresh_token" {
		z.refreshes++
	}
	z.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	if broken {
		http.Error(w, "nothing works today", http.StatusInternalServerError)
		return
	}
	answer := z.serve(r)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	if json.Unmarshal(answer.Body.Bytes(), &tokens) == nil && tokens.Access != "" {
		z.see(z.secrets, tokens.Refresh)
		z.see(z.handedOut, tokens.Access)
		z.see(z.handedOut, tokens.ID)
		z.mu.Lock()
		z.access, z.refresh = tokens.Access, tokens.Refresh
		z.mu.Unlock()
	}
	copyAnswer(w, answer)
}

func copyAnswer(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (z *zitadel) see(kind map[string]bool, text string) {
	if text == "" {
		return
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	kind[text] = true
}

// saw reports whether a secret came to the provider, or from it.
func (z *zitadel) saw(secret string) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.secrets[secret]
}

// secretCount returns how many secrets the provider has seen.
func (z *zitadel) secretCount() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.secrets)
}

// set changes what the provider does: how long access tokens live, and whether its token endpoint is out of order.
func (z *zitadel) set(lifetime time.Duration, broken bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.lifetime, z.broken = lifetime, broken
}

// hold makes refreshes wait until release is called.
func (z *zitadel) hold() (release func()) {
	gate := make(chan struct{})
	z.mu.Lock()
	z.gate = gate
	z.mu.Unlock()
	return sync.OnceFunc(func() {
		z.mu.Lock()
		z.gate = nil
		z.mu.Unlock()
		close(gate)
	})
}

func (z *zitadel) refreshCount() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.refreshes
}

func (z *zitadel) authorizeCount() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.authorize
}

// newest returns the access token and the refresh token that were issued last.
func (z *zitadel) newest() (access, refresh string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.access, z.refresh
}

// alive reports whether the provider still takes a refresh token.
func (z *zitadel) alive(t *testing.T, refresh string) bool {
	t.Helper()
	if refresh == "" {
		t.Fatal("the provider has issued no refresh token")
	}
	z.one.Lock()
	defer z.one.Unlock()
	_, err := z.Storage.TokenRequestByRefreshToken(t.Context(), refresh)
	return err == nil
}

// leaks names the kinds of secrets that text holds; withTokens counts access and ID tokens among them.
func (z *zitadel) leaks(text string, withTokens bool) (kinds []string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	holds := func(kind map[string]bool) bool {
		for secret := range kind {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				return true
			}
		}
		return false
	}
	if holds(z.secrets) {
		kinds = append(kinds, "a refresh token, code, verifier or client secret")
	}
	if withTokens && holds(z.handedOut) {
		kinds = append(kinds, "an access or ID token")
	}
	return kinds
}

// redact makes text fit for a failure message.
func (z *zitadel) redact(text string) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, kind := range []map[string]bool{z.secrets, z.handedOut} {
		for secret := range kind {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// signIn is a user agent without a screen: it fills in the provider's form and returns the page it ends at.
func (z *zitadel) signIn(t *testing.T, authorizationURL string) (page string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	agent := &http.Client{Jar: jar, Timeout: waitLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	form, err := agent.Get(authorizationURL)
	if err != nil {
		t.Fatalf("open the authorization URL: %v", withoutURL(err))
	}
	_ = form.Body.Close()
	id := form.Request.URL.Query().Get("authRequestID")
	if form.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("open the authorization URL: got status %d at %s, want the login form", form.StatusCode, form.Request.URL.Path)
	}
	end, err := agent.PostForm(z.issuer+"login/username", url.Values{"id": {id}, "username": {person}, "password": {password}})
	if err != nil {
		t.Fatalf("send the login form: %v", withoutURL(err))
	}
	defer end.Body.Close()
	text, err := io.ReadAll(end.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutURL takes the URL out of an error, because the code is in it.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
