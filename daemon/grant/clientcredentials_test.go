package grant

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

var confidential = ClientAuth{ID: "robot", Secret: account.NewSecret("cs-1-secret"), Method: provider.AuthPost}

func TestClientCredentials(t *testing.T) {
	var got *http.Request
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		say(200, "application/json",
			`{"access_token":"at-1","token_type":"bearer","expires_in":300,"scope":"a,b","refresh_token":"rt-never-kept"}`)(w, r)
	})
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := Client{Now: func() time.Time { return now }}
	basic := confidential
	basic.Method = provider.AuthBasic
	for _, tc := range []struct {
		name string
		ask  ClientCredentials
		want string
	}{
		{"all", ClientCredentials{Auth: confidential, Scopes: []string{"a", "b"}, Resource: "https://api.example.com/", Audience: "api"},
			"audience=api&client_id=robot&client_secret=cs-1-secret&grant_type=client_credentials" +
				"&resource=https%3A%2F%2Fapi.example.com%2F&scope=a+b"},
		{"least, basic", ClientCredentials{Auth: basic}, "grant_type=client_credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.ask.TokenEndpoint, tc.ask.Dialect.ScopeSeparator = endpoint, ","
			resp, err := c.ClientCredentials(t.Context(), tc.ask)
			if err != nil {
				t.Fatal(err)
			}
			if g := got.PostForm.Encode(); g != tc.want {
				t.Errorf("form: got %s, want %s", g, tc.want)
			}
			if !resp.RefreshToken.IsZero() {
				t.Error("a refresh token is kept")
			}
			if resp.Token.Access.Reveal() != "at-1" || !slices.Equal(resp.Scopes, []string{"a", "b"}) ||
				!resp.Token.Expiry.Equal(now.Add(5*time.Minute)) {
				t.Errorf("got scopes %v until %v", resp.Scopes, resp.Token.Expiry)
			}
		})
	}
}

func TestClientCredentialsFaults(t *testing.T) {
	const js = "application/json"
	for _, tc := range []struct {
		name   string
		status int
		body   string
		kind   Kind
	}{
		{"invalid_grant is no lost login", 400, `{"error":"invalid_grant"}`, Configuration},
		{"login_required is none either", 400, `{"error":"login_required"}`, Configuration},
		{"invalid_client", 401, `{"error":"invalid_client"}`, Configuration},
		{"unauthorized_client", 400, `{"error":"unauthorized_client"}`, Configuration},
		{"invalid_scope", 400, `{"error":"invalid_scope"}`, Configuration},
		{"server_error", 400, `{"error":"server_error"}`, Transient},
		{"429", 429, `{"error":"invalid_grant"}`, Transient},
		{"500", 500, `<html>`, Transient},
		{"redirect", 302, ``, Unknown},
		{"no token", 200, `{}`, Transient},
		{"a refresh token alone", 200, `{"refresh_token":"rt-1"}`, Unknown},
		{"cut off", 200, `{"access_token":"at-1`, Transient},
		{"DPoP", 200, `{"access_token":"at-1","token_type":"DPoP"}`, Configuration},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := serve(t, say(tc.status, js, tc.body))
			var c Client
			resp, err := c.ClientCredentials(t.Context(), ClientCredentials{TokenEndpoint: endpoint, Auth: confidential})
			if pe := asProviderError(t, err); pe.Kind != tc.kind || pe.Status != tc.status {
				t.Errorf("got %s %d, want %s %d", pe.Kind, pe.Status, tc.kind, tc.status)
			}
			if !resp.Token.Access.IsZero() || !resp.RefreshToken.IsZero() {
				t.Error("there is a token next to the error")
			}
			if strings.Contains(err.Error(), "cs-1-secret") {
				t.Error("the error holds the client secret")
			}
		})
	}
}

func TestClientCredentialsNeedsAuthentication(t *testing.T) {
	endpoint := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	var c Client
	_, err := c.ClientCredentials(t.Context(), ClientCredentials{TokenEndpoint: endpoint, Auth: public})
	if pe := asProviderError(t, err); pe.Kind != Configuration || !strings.Contains(pe.Reason, "secret") {
		t.Errorf("got %s %q, want configuration, about a secret", pe.Kind, pe.Reason)
	}
}

// Only an assertion depends on this machine's clock.
func TestClientCredentialsTellOfTheClock(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		auth ClientAuth
		told bool
	}{"private_key_jwt": {keyAuth(t), true}, "secret": {confidential, false}} {
		t.Run(name, func(t *testing.T) {
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", now.Add(10*time.Minute).UTC().Format(http.TimeFormat))
				say(401, "application/json", `{"error":"invalid_client","error_description":"expired"}`)(w, r)
			})
			c := Client{Now: func() time.Time { return now }}
			_, err := c.ClientCredentials(t.Context(), ClientCredentials{TokenEndpoint: endpoint, Auth: tc.auth})
			told := strings.Contains(err.Error(), "expired; this machine's clock is 10 minutes slow")
			if told != tc.told {
				t.Errorf("got %v; want the clock told of: %t", err, tc.told)
			}
		})
	}
}
