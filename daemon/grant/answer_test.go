package grant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestStatusOfAnAnswer(t *testing.T) {
	for status, want := range map[int]struct {
		ok, redirect bool
		kind         Kind
	}{
		199: {false, false, Unknown}, 200: {true, false, ""}, 299: {true, false, ""}, 300: {false, true, Unknown}, 399: {false, true, Unknown},
		400: {false, false, Unknown}, 407: {false, false, Unknown}, 408: {false, false, Transient}, 409: {false, false, Unknown},
		429: {false, false, Transient}, 499: {false, false, Unknown}, 500: {false, false, Transient}, 599: {false, false, Transient},
	} {
		a := answerOf(status, "application/json", `{"a":1}`)
		_, fail := a.Members()
		switch {
		case a.OK() != want.ok:
			t.Errorf("%d: got ok %t, want %t", status, a.OK(), want.ok)
		case want.ok && fail != nil, !want.ok && (fail == nil || fail.Kind != want.kind || fail.Status != status):
			t.Errorf("%d: got %v, want kind %q", status, fail, want.kind)
		case !want.ok && strings.Contains(fail.Error(), "redirect") != want.redirect:
			t.Errorf("%d: got %v, want the redirect named: %t", status, fail, want.redirect)
		}
	}
}

func TestWholeAnswer(t *testing.T) {
	a := answerOf(200, "application/json", `{}`)
	cut, large := a, a
	cut.broken, large.tooLarge = errors.New("reset"), true
	if !a.Whole() || cut.Whole() || large.Whole() {
		t.Errorf("got %t, cut off %t, too large %t; want only the first whole", a.Whole(), cut.Whole(), large.Whole())
	}
}

// Errors come as a code, or as one of the objects that APIs use.
func TestErrorObjects(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"invalid_grant","error_description":"gone"}`:                        "invalid_grant gone",
		`{"error":{"code":"invalid_grant","message":"gone"}}`:                         "invalid_grant gone",
		`{"error":{"error":"invalid_grant","error_description":"gone"}}`:              "invalid_grant gone",
		`{"error":{"type":"invalid_grant","description":"gone"}}`:                     "invalid_grant gone",
		`{"error":{"status":"NOT_FOUND","code":404},"error_description":"elsewhere"}`: "NOT_FOUND ",
		`{"error":{}}`: " ",
	} {
		_, fail := answerOf(400, "application/json", body).Members()
		if fail == nil || fail.Code+" "+fail.Description != want {
			t.Errorf("%s: got %v, want %q", body, fail, want)
		}
	}
}

func TestQuotableForms(t *testing.T) {
	a := answerOf(400, "", "")
	a.secrets = []string{"rt-1", "rt-1-and-more", "rt-1", "abc", "", "a b/c", `cs_12345678&"/+short`}
	for text, want := range map[string]string{
		"rt-1":          "[redacted]",
		"rt-1-and-more": "[redacted]",
		"x rt-1-and y":  "x [redacted]-and y",
		"abc":           "abc",
		"a b/c":         "[redacted]",
		"a+b%2Fc":       "[redacted]",
		"a%20b%2Fc":     "[redacted]",

		`cs_12345678&"/+short`:                  "[redacted]",
		"cs_12345678&amp;&#34;/+short":          "[redacted]&amp;&#34;/+short",
		`cs_12345678\u0026\"\/+short`:           `[redacted]\u0026\"\/+short`,
		"cs_12345678%252526%252522%25252Fshort": "[redacted]%252526%252522%25252Fshort",
	} {
		if got := a.excerpt(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRefusalKeepsTheAnswersOwnSecrets(t *testing.T) {
	for _, name := range []string{
		"access_token", "client_secret", "device_code", "id_token", "refresh_token", "registration_access_token",
	} {
		body := fmt.Sprintf(`{"error":"slow_down","error_description":"see secret-of-%[1]s","error_subtype":"secret-of-%[1]s",%[1]q:"secret-of-%[1]s"}`, name)
		_, fail := answerOf(400, "application/json", body).Members()
		if fail == nil || fail.Code != "slow_down" || fail.Description != "see [redacted]" || fail.Subtype != "[redacted]" {
			t.Errorf("%s: got %v, want it redacted", name, fail)
		}
	}
}

// A form says what it is even if the rest of its content type is damaged.
func TestFormWithADamagedContentType(t *testing.T) {
	members, fail := answerOf(200, "application/x-www-form-urlencoded; charset", "access_token=at-1").Members()
	if fail != nil || members.Text("access_token") != "at-1" {
		t.Errorf("got %v, want the form read", fail)
	}
}

func TestIDTokenAlone(t *testing.T) {
	good := jwt(`{"alg":"RS256"}`, `{"exp":1795348800}`)
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, claims := verified(t, r.PostForm.Get("assertion"), rsaKey().Public())
		if r.PostForm.Get("grant_type") != jwtBearerGrantType || claims["target_audience"] != "x" || len(r.PostForm) != 2 {
			t.Errorf("got %d parameters with claims %v, want a JWT bearer grant", len(r.PostForm), claims)
		}
		say(200, "application/json", `{"id_token":"`+good.Reveal()+`","refresh_token":"rt-1"}`)(w, r)
	})
	ask := JWTBearer{
		TokenEndpoint: endpoint, Key: clientKeyOf(t, rsaKey(), "k-1"), Claims: map[string]any{"target_audience": "x"}, IDTokenAlone: true,
	}
	var c Client
	resp, err := c.JWTBearer(t.Context(), ask)
	if err != nil || !resp.IDToken.Equal(good) || !resp.Token.IDToken.Equal(good) || resp.Token.IDTokenExpiry.Unix() != 1795348800 {
		t.Errorf("got %v, want the ID token and its expiry", err)
	}
	if !resp.RefreshToken.IsZero() || !resp.Token.Access.IsZero() {
		t.Error("got a refresh token or an access token")
	}
	ask.IDTokenAlone = false
	if _, err := c.JWTBearer(t.Context(), ask); asProviderError(t, err).Kind != Unknown {
		t.Errorf("for an access token: got %v, want unknown", err)
	}
	ask.TokenEndpoint = serve(t, say(200, "application/json", `{"access_token":"at-1","refresh_token":"rt-1"}`))
	if resp, err := c.JWTBearer(t.Context(), ask); err != nil || resp.Token.Access.Reveal() != "at-1" || !resp.RefreshToken.IsZero() {
		t.Errorf("got %v, want an access token and no refresh token", err)
	}
	ask.Key = ClientKey{}
	if _, err := c.JWTBearer(t.Context(), ask); asProviderError(t, err).Kind != Configuration {
		t.Errorf("without a key: got %v, want configuration", err)
	}
	for body, kind := range map[string]Kind{`{"token":7}`: Unknown, `{"token":"x"}`: Unknown, `{}`: Unknown, `<html>`: Transient} {
		if got, fail := answerOf(200, "application/json", body).IDToken("token"); fail == nil || fail.Kind != kind || !got.IsZero() {
			t.Errorf("%s: got %v, want %s", body, fail, kind)
		}
	}
	if got, fail := answerOf(200, "application/json", `{"token":"`+good.Reveal()+`"}`).IDToken("token"); fail != nil || !got.Equal(good) {
		t.Errorf("got %v, want the ID token", fail)
	}
}

func TestTransport(t *testing.T) {
	custom := tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("unused") })
	with := Client{HTTP: &http.Client{Transport: custom}}
	if _, ok := with.Transport().(tripper); !ok {
		t.Errorf("got %T, want the client's own", with.Transport())
	}
	without := Client{HTTP: &http.Client{}}
	if without.Transport() != http.DefaultTransport {
		t.Errorf("got %T, want the default one", without.Transport())
	}
	var zero Client
	if transport, ok := zero.Transport().(*http.Transport); !ok || !transport.DisableKeepAlives {
		t.Errorf("got %T, want that of provider.NewHTTPClient", zero.Transport())
	}
}

// Nobody but ClientAuth says who the client is.
func TestForeignClientParametersAreRemoved(t *testing.T) {
	planted := map[string][]string{
		"client_id": {"evil"}, "client_secret": {"evil"}, "client_assertion": {"evil"}, "client_assertion_type": {"evil"}, "state": {"s-1"},
	}
	var got string
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r.PostForm.Encode()
		say(201, "application/json", `{"request_uri":"urn:example:1"}`)(w, r)
	})
	for _, method := range []ClientAuth{public, {ID: "desk", Secret: account.NewSecret("cs-1"), Method: "client_secret_basic"}} {
		var c Client
		if _, _, err := c.PushAuthorization(t.Context(), PushedAuthorization{Endpoint: endpoint, Auth: method, Parameters: planted}); err != nil {
			t.Fatal(err)
		}
		if want := "client_id=desk&state=s-1"; got != want {
			t.Errorf("%s: got %s, want %s", method.Method, got, want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  ProviderError
		want string
	}{
		{"code", ProviderError{Op: "token request", Endpoint: "https://a.example.com/t", Code: "invalid_grant", Subtype: "rapt", Description: "gone", Status: 400},
			"token request to https://a.example.com/t: invalid_grant (rapt): gone [HTTP 400]"},
		{"reason", ProviderError{Op: "a", Endpoint: "b", Reason: "the answer is too large", Status: 200}, "a to b: the answer is too large [HTTP 200]"},
		{"deadline", ProviderError{Op: "a", Endpoint: "b", cause: context.DeadlineExceeded}, "a to b: no answer in time"},
		{"cause", ProviderError{Op: "a", Endpoint: "b", cause: errors.New("reset")}, "a to b: reset"},
		{"nothing", ProviderError{Op: "a", Endpoint: "b"}, "a to b: an error without a code"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.err.Error(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
