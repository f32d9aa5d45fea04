package grant

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
)

func TestPushAuthorization(t *testing.T) {
	secret := account.NewSecret("cs-1")
	for _, tc := range []struct {
		name   string
		auth   ClientAuth
		basic  bool
		secret string
	}{
		{"public", public, false, ""},
		{"post", ClientAuth{ID: "desk", Secret: secret, Method: provider.AuthPost}, false, "cs-1"},
		{"basic beside client_id", ClientAuth{ID: "desk", Secret: secret, Method: provider.AuthBasic}, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var form url.Values
			var basic bool
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				form = r.PostForm
				_, _, basic = r.BasicAuth()
				say(201, "application/json", `{"request_uri":"urn:ietf:params:oauth:request_uri:x","expires_in":60}`)(w, r)
			})
			now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			c := Client{Now: func() time.Time { return now }}
			parameters := url.Values{"response_type": {"code"}, "state": {"s-1"}, "resource": {"https://a.example.com", "https://b.example.com"}}
			before := parameters.Encode()
			uri, expiry, err := c.PushAuthorization(t.Context(), PushedAuthorization{Endpoint: endpoint, Auth: tc.auth, Parameters: parameters})
			if err != nil || uri != "urn:ietf:params:oauth:request_uri:x" || expiry != now.Add(time.Minute) {
				t.Errorf("got %q, %v, %v", uri, expiry, err)
			}
			want, _ := url.ParseQuery(before)
			setAll(want, "client_id", "desk", "client_secret", tc.secret)
			if form.Encode() != want.Encode() || basic != tc.basic {
				t.Errorf("form: got %s, Basic %t; want %s, %t", form.Encode(), basic, want.Encode(), tc.basic)
			}
			if parameters.Encode() != before {
				t.Errorf("the parameters were changed to %s", parameters.Encode())
			}
		})
	}
}

func TestPushedAnswer(t *testing.T) {
	const js = "application/json"
	u := func(uri string) string { return `{"request_uri":"` + uri + `","expires_in":60}` }
	for _, tc := range []struct {
		name, body string
		status     int
		kind       Kind // "" = accepted
		code       string
	}{
		{"created", u("urn:example:1"), 201, "", ""},
		{"ok, of servers before the RFC", u("urn:example:1"), 200, "", ""},
		{"https", u("https://login.example.com/r/1"), 201, "", ""},
		{"no expiry", `{"request_uri":"urn:example:1"}`, 201, "", ""},
		{"accepted", u("urn:example:1"), 202, Unknown, ""},
		{"no request_uri", `{"expires_in":60}`, 201, Unknown, ""},
		{"relative", u("/r/1"), 201, Unknown, ""},
		{"blank", u("urn:example: 1"), 201, Unknown, ""},
		{"for a terminal", u(`urn:example:\u001b[2J`), 201, Unknown, ""},
		{"too long", u("urn:example:" + strings.Repeat("x", 2048)), 201, Unknown, ""},
		{"longest", u("urn:example:" + strings.Repeat("x", 2048-12)), 201, "", ""},
		{"refused", `{"error":"invalid_request","error_description":"no state-secret-1"}`, 400, Configuration, "invalid_request"},
		{"error in 201", `{"error":"invalid_target"}`, 201, Configuration, "invalid_target"},
		{"trouble", ``, 503, Transient, ""},
		{"too many", ``, 429, Transient, ""},
		{"redirect", ``, 307, Unknown, ""},
		{"HTML", `<html>`, 200, Unknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			uri, expiry, fail := answerOf(tc.status, js, tc.body).pushed()
			if tc.kind == "" {
				if fail != nil || uri == "" {
					t.Errorf("got %q, %v; want a request_uri", uri, fail)
				}
				if said := strings.Contains(tc.body, "expires_in"); expiry.IsZero() == said {
					t.Errorf("expiry: got %v, want one: %t", expiry, said)
				}
				return
			}
			if fail == nil || fail.Kind != tc.kind || fail.Code != tc.code || uri != "" {
				t.Errorf("got %q, %v; want nothing and %s %q", uri, fail, tc.kind, tc.code)
			}
		})
	}
}

func TestExpiryOfAPushedRequest(t *testing.T) {
	for members, want := range map[string]time.Duration{
		``: 0, `,"expires_in":60`: time.Minute, `,"expires_in":"60s"`: time.Minute, `,"expires_in":0`: 0, `,"expires_in":"soon"`: 0,
		`,"expires_in":"2026-11-22T11:00:00Z"`: 0,
	} {
		a := answerOf(201, "application/json", `{"request_uri":"urn:example:1~"`+members+`}`)
		uri, expiry, fail := a.pushed()
		if fail != nil || uri != "urn:example:1~" || want == 0 && !expiry.IsZero() || want > 0 && !expiry.Equal(a.now.Add(want)) {
			t.Errorf("%s: got %q until %v, %v; want %v from now", members, uri, expiry, fail, want)
		}
	}
	if uri, _, fail := answerOf(201, "application/json", `{"request_uri":"urn:example:1\u007f"}`).pushed(); fail == nil || uri != "" {
		t.Errorf("got %q, want a delete character refused", uri)
	}
}

func TestNothingIsPushedWhenTheRequestIsWrong(t *testing.T) {
	endpoint := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request came") })
	for name, p := range map[string]PushedAuthorization{
		"request_uri":  {Endpoint: endpoint, Auth: public, Parameters: url.Values{"request_uri": {"urn:x"}}},
		"no method":    {Endpoint: endpoint, Auth: ClientAuth{ID: "desk"}},
		"far http":     {Endpoint: "http://login.example.com/par", Auth: public},
		"no client_id": {Endpoint: endpoint, Auth: ClientAuth{Method: provider.AuthNone}},
	} {
		t.Run(name, func(t *testing.T) {
			var c Client
			_, _, err := c.PushAuthorization(t.Context(), p)
			if pe := asProviderError(t, err); pe.Kind != Configuration {
				t.Errorf("got %s, want configuration", pe.Kind)
			}
		})
	}
}

// What was pushed is what the browser's short URL stands for, once.
func TestPushAtAServer(t *testing.T) {
	s, err := oauthtest.Listen(oauthtest.Config{
		RequirePAR: true, AutoApprove: true,
		Clients: []oauthtest.Client{{ID: "desk", Secret: "cs-1", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := provider.Discover(t.Context(), nil, s.Issuer())
	if err != nil || !p.RequirePAR {
		t.Fatalf("got %+v, %v; want RequirePAR", p, err)
	}
	var c Client
	uri, expiry, err := c.PushAuthorization(t.Context(), PushedAuthorization{
		Endpoint: p.PushedAuthorizationEndpoint,
		Auth:     ClientAuth{ID: "desk", Secret: account.NewSecret("cs-1"), Method: provider.AuthBasic},
		Parameters: url.Values{
			"response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:9/callback"}, "state": {"s-1"}, "scope": {"openid"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		},
	})
	if err != nil || !expiry.After(time.Now()) {
		t.Fatalf("got expiry %v, %v", expiry, err)
	}
	agent := *s.Client()
	agent.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, want := range []int{http.StatusSeeOther, http.StatusBadRequest} {
		res, err := agent.Get(p.Endpoints.Authorization + "?" + url.Values{"client_id": {"desk"}, "request_uri": {uri}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("got status %d, want %d", res.StatusCode, want)
		}
		if at, err := res.Location(); want == http.StatusSeeOther && (err != nil || at.Query().Get("state") != "s-1") {
			t.Errorf("got no redirect with the pushed state (%v)", err)
		}
	}
}
