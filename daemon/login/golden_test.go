package login

import (
	"cmp"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenDir holds one file for each row of the provider table: what the daemon sends there.
const goldenDir = "../../testdata/golden/providers"

// goldenTenants stand in the rows that have no tenant of their own.
var goldenTenants = map[string]string{
	"asgardeo":       "acme",
	"auth0":          "acme.eu.auth0.com",
	"azure-ad-b2c":   "contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_SignIn",
	"cognito":        "acme.auth.eu-west-1.amazoncognito.com",
	"hipchat-server": "chat.example.com",
	"keycloak":       "sso.example.com/realms/main",
	"okta":           "acme.okta.com/oauth2/default",
	"shopify":        "acme.myshopify.com",
}

// TestGoldenProviders drives a login, the refreshes and a logout at each row of the table, and compares what was sent.
func TestGoldenProviders(t *testing.T) {
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			got := ""
			synctest.Test(t, func(t *testing.T) { got = journey(t, name) })
			file := filepath.Join(goldenDir, name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; -update rewrites it. Got:\n%s\nwant:\n%s", file, got, want)
			}
		})
	}
}

func TestGoldenFilesAreOfRows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".txt"); !slices.Contains(provider.Names(), name) {
			t.Errorf("%s: the table has no %q", file, name)
		}
	}
}

// journey returns what is sent to a provider, from the first login to the logout.
func journey(t *testing.T, name string) string {
	ctx := t.Context()
	w := &witness{t: t}
	p := w.resolve(ctx, name)
	l := w.logins()
	ctx, slot, err := l.Begin(ctx, "work")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.End()
	begin := func(g account.Grant) *attempt {
		a := &attempt{Logins: l, slot: slot}
		a.Provider = p
		a.Account = account.Account{
			Name: "work", Provider: name, Tenant: goldenTenants[name], ClientID: "fake-client-id", Grant: g, Managed: true,
		}
		if p.RedirectPort == api.RedirectPortFixed {
			a.Account.RedirectURI = p.RedirectURI()
		}
		if p.DefaultScopes == nil && p.Name != "github-app" {
			a.Account.Scopes = []string{"scope-a", "scope-b"}
		}
		secret := p.Endpoints.AuthMethod != string(provider.AuthNone)
		method, err := p.PinAuthMethod(secret, false, p.Endpoints.AuthMethod)
		if err != nil {
			t.Fatal(err)
		}
		a.Auth = grant.ClientAuth{ID: "fake-client-id", Method: method}
		if secret {
			a.Auth.Secret = account.NewSecret("fake-client-secret")
		}
		a.askScopes()
		return a
	}
	w.out.WriteString("# " + p.Title + "\n")
	w.provider = p

	attempt := begin(account.GrantAuthorizationCode)
	if err := checkRedirect(attempt.Account, p); err != nil {
		t.Fatal(err)
	}
	request := authorizationRequest{state: "(state)", redirectURI: goldenRedirect(attempt), verifier: account.NewSecret("(verifier)")}
	if !p.NoNonce {
		request.nonce = "(nonce)"
	}
	where, _, err := attempt.authorizationURL(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	w.section("The browser goes to")
	w.url("", where)
	w.section("The code is exchanged")
	if _, err := attempt.exchange(ctx, request, account.NewSecret("fake-code")); err != nil {
		t.Fatal(err)
	}
	c, err := l.vault.Load(ctx, "work")
	if err != nil {
		t.Fatal(err)
	}
	if !c.RefreshToken.IsZero() {
		w.refresh(attempt)
	}
	if c.RevocationEndpoint != "" {
		w.section("At a logout")
		if result := l.mint.Revoke(ctx, attempt.Account, c); !result.Revoked {
			t.Errorf("logout: got %+v, want the grant revoked", result)
		}
	}
	if p.Endpoints.Device != "" {
		w.section("The device grant")
		if _, err := begin(account.GrantDeviceCode).viaDevice(ctx, func(api.LoginEvent) {}); err != nil {
			t.Fatal(err)
		}
	}
	return w.out.String()
}

// logins makes what a login takes, with w as every provider.
func (w *witness) logins() *Logins {
	v := vault.New(&keystore.Memory{})
	client := &http.Client{Transport: w}
	grants := &grant.Client{HTTP: client, UserAgent: "oauthd/1"}
	b := book.New(book.Config{
		Dir: w.t.TempDir(), Config: &config.Config{Accounts: map[string]*account.Account{}}, Vault: v, Log: zerolog.Nop(), HTTP: client,
		Now: time.Now, Changed: func(string, bool) {},
	})
	m := mint.New(mint.Config{Book: b, Vault: v, Grants: grants, Log: zerolog.Nop(), Now: time.Now})
	return New(Config{
		Book: b, Vault: v, Grants: grants, Mint: m, Tokens: token.New(token.Config{Minter: m, Now: time.Now}), Log: zerolog.Nop(),
		Now: time.Now, Minted: func(token.Key, account.Token) {},
	})
}

// refresh asks for a token of all scopes, and of one if the provider can narrow.
func (w *witness) refresh(a *attempt) {
	w.section("The token is refreshed")
	if _, err := a.mint.Mint(w.t.Context(), token.Key{Account: "work"}); err != nil {
		w.t.Fatal(err)
	}
	if a.Provider.Narrowing == provider.NarrowRefresh {
		w.section("A narrower token")
		if _, err := a.mint.Mint(w.t.Context(), token.Key{Account: "work", Scopes: account.ScopeSetOf(a.Asked[0])}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// goldenRedirect is the redirect URI of a login, with a word for a port that the system picks.
func goldenRedirect(a *attempt) string {
	uri := a.redirectURIs()[0]
	u, err := url.Parse(uri)
	if err != nil || u.Port() != "" {
		return uri
	}
	return strings.Replace(uri, u.Host, u.Host+":PORT", 1)
}

// witness is a provider's end: it notes what arrives and answers alike everywhere.
type witness struct {
	t        *testing.T
	provider provider.Provider

	mu  sync.Mutex // guards out
	out strings.Builder
}

// resolve returns a row as a login would use it.
func (w *witness) resolve(ctx context.Context, name string) provider.Provider {
	p, _ := provider.Lookup(name)
	var err error
	if p.NeedsTenant() {
		if p, err = p.ForTenant(goldenTenants[name]); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
	}
	if p.Endpoints.Token == "" {
		found, err := provider.Discover(ctx, &http.Client{Transport: discoveredAt(p.Issuer)}, p.Issuer)
		if err != nil {
			w.t.Fatal(err)
		}
		p = p.WithDiscovered(found)
	}
	return p
}

// discoveredAt answers as an issuer does that has what most have.
type discoveredAt string

// RoundTrip implements [http.RoundTripper].
func (issuer discoveredAt) RoundTrip(*http.Request) (*http.Response, error) {
	at := strings.TrimSuffix(string(issuer), "/") + "/discovered/"
	return answerWith(200, fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"revocation_endpoint":%q,
		"userinfo_endpoint":%q,"device_authorization_endpoint":%q,"scopes_supported":["openid","email","offline_access"]}`,
		string(issuer), at+"authorize", at+"token", at+"revoke", at+"userinfo", at+"device")), nil
}

func answerWith(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/.well-known/") {
		return discoveredAt(w.provider.Issuer).RoundTrip(r)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	w.url(r.Method+" ", r.URL.String())
	if h := r.Header.Get("Authorization"); h != "" {
		fmt.Fprintf(&w.out, "  Authorization: %s\n", readable(h))
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" && err == nil:
		w.params(form)
	case len(body) > 0:
		fmt.Fprintf(&w.out, "  %s\n", body)
	}
	switch {
	case r.Method == http.MethodGet:
		return answerWith(200, `{"sub":"1","id":"1","account_id":"1","email":"ada@example.com"}`), nil
	case form.Has("grant_type"):
		return answerWith(200, w.tokenResponse(form.Get("grant_type"))), nil
	case form.Has("client_id") && !form.Has("token"), r.Header.Get("Authorization") != "" && form.Has("scope"):
		return answerWith(200, `{"device_code":"fake-device-code","user_code":"WDJB-MJHT","verification_uri":"https://device.example.com/"}`), nil
	}
	return answerWith(200, `{}`), nil
}

// tokenResponse is an answer of the token endpoint, in the provider's dialect.
func (w *witness) tokenResponse(grantType string) string {
	members := fmt.Sprintf(`"access_token":"fake-access-token","token_type":%q`, cmp.Or(w.provider.TokenType, "bearer"))
	if w.provider.Rotation != provider.RotationNone {
		members += `,"refresh_token":"fake-refresh-token"`
	}
	if w.provider.TokenMember != "" && grantType == "authorization_code" {
		return fmt.Sprintf(`{"ok":true,%q:{%s}}`, w.provider.TokenMember, members)
	}
	return "{" + members + "}"
}

// readable undoes HTTP Basic.
func readable(authorization string) string {
	encoded, ok := strings.CutPrefix(authorization, "Basic ")
	if !ok {
		return authorization
	}
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return authorization
	}
	return "Basic " + string(pair)
}

func (w *witness) section(title string) { fmt.Fprintf(&w.out, "\n%s\n", title) }

func (w *witness) url(method, raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	params := u.Query()
	if params.Has("code_challenge") {
		params.Set("code_challenge", "(challenge)")
	}
	u.RawQuery = ""
	fmt.Fprintf(&w.out, "%s%s\n", method, u)
	w.params(params)
}

func (w *witness) params(params url.Values) {
	var names []string
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range params[name] {
			fmt.Fprintf(&w.out, "  %s = %s\n", name, value)
		}
	}
}
