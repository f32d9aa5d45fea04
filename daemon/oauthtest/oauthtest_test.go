package oauthtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	testRedirect  = "http://127.0.0.1:4711/callback"
	testVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	testChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	testState     = "a state & its = signs? é"
)

// testConfig has one client of each kind: "app" is public.
func testConfig() Config {
	redirects := []string{"http://127.0.0.1/callback"}
	return Config{
		AutoApprove: true,
		Clients: []Client{
			{ID: "app", Name: "Calendar tool", RedirectURIs: redirects},
			{ID: "other", RedirectURIs: redirects},
			{ID: "basic app", Secret: "b&sic: sécret", RedirectURIs: redirects},
			{ID: "post", Secret: "post-secret", AuthMethod: AuthPost, RedirectURIs: redirects},
		},
	}
}

func startPipe(t *testing.T, cfg Config) *Running {
	t.Helper()
	r := Pipe(cfg)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// parameters returns a right authorization request, with changes: name, value, … where "-" takes the name out.
func parameters(changes ...string) url.Values {
	q := url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {testRedirect}, "state": {testState},
		"scope": {"openid email offline_access calendar.read"}, "nonce": {"n-1"},
		"code_challenge": {testChallenge}, "code_challenge_method": {"S256"},
	}
	return change(q, changes...)
}

func change(q url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "-" {
			q.Del(changes[i])
		}
	}
	return q
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
	fields map[string]any
}

func (a answer) text(field string) string { s, _ := a.fields[field].(string); return s }

func do(t *testing.T, r *Running, req *http.Request) answer {
	t.Helper()
	client := *r.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read: %v", req.Method, req.URL.Path, err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.fields)
	return a
}

func get(t *testing.T, r *Running, address string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return do(t, r, req)
}

// post sends a form; basic, where given, is id and secret as they are.
func post(t *testing.T, r *Running, path string, form url.Values, basic ...string) answer {
	t.Helper()
	return do(t, r, postRequest(t, r, path, form.Encode(), basic...))
}

func postRequest(t *testing.T, r *Running, path, body string, basic ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.Issuer()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		req.SetBasicAuth(url.QueryEscape(basic[0]), url.QueryEscape(basic[1]))
	}
	return req
}

// authorize sends an authorization request and returns the parameters of the response.
func authorize(t *testing.T, r *Running, q url.Values) url.Values {
	t.Helper()
	a := get(t, r, r.Issuer()+"/authorize?"+q.Encode())
	if a.status != http.StatusSeeOther {
		t.Fatalf("authorize: got status %d, want 303", a.status)
	}
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		t.Fatal("authorize: Location cannot be parsed")
	}
	return u.Query()
}

func exchangeForm(code string, changes ...string) url.Values {
	return change(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"app"}, "code": {code}, "redirect_uri": {testRedirect},
		"code_verifier": {testVerifier},
	}, changes...)
}

func refreshForm(refreshToken string, changes ...string) url.Values {
	return change(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {refreshToken},
	}, changes...)
}

// login returns the token response of a whole login.
func login(t *testing.T, r *Running, changes ...string) answer {
	t.Helper()
	a := post(t, r, "/token", exchangeForm(authorize(t, r, parameters(changes...)).Get("code")))
	if a.status != http.StatusOK {
		t.Fatalf("login: got status %d %s, want 200", a.status, a.text("error"))
	}
	return a
}

// wantError checks an OAuth error.
func wantError(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Errorf("got %d %q, want %d %q", a.status, a.text("error"), status, code)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: got %q, want no-store", got)
	}
}

// clock is a Now that is moved by hand.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }
