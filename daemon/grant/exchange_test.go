package grant

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

const exchanged = `"issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"`

// unsigned returns a JWT with these claims, which nobody has signed.
func unsigned(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"ES256","typ":"oauth-id-jag+jwt"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

func TestExchangeToken(t *testing.T) {
	var got *http.Request
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		say(200, "application/json", `{"access_token":"at-2",`+exchanged+
			`,"expires_in":300,"scope":"a","refresh_token":"rt-never-kept","id_token":"`+unsigned(`{"exp":4102444800}`)+`"}`)(w, r)
	})
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	c := Client{Now: func() time.Time { return now }}
	const fixed = "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
	const types = "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
	const subject = "&subject_token=at-1&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
	for _, tc := range []struct {
		name string
		ask  TokenExchange
		want string
	}{
		{"all", TokenExchange{Auth: &confidential, Scopes: []string{"a", "b"}, Audience: "api", Resource: "https://api.example.com/", Options: "{}"},
			"audience=api&client_id=robot&client_secret=cs-1-secret" + fixed + "&options=%7B%7D" + types +
				"&resource=https%3A%2F%2Fapi.example.com%2F&scope=a+b" + subject},
		{"without a client", TokenExchange{}, fixed[1:] + types + subject},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.ask.TokenEndpoint, tc.ask.Subject, tc.ask.SubjectType = endpoint, account.NewSecret("at-1"), TypeAccessToken
			resp, err := c.ExchangeToken(t.Context(), tc.ask)
			if err != nil {
				t.Fatal(err)
			}
			if g := got.PostForm.Encode(); g != tc.want {
				t.Errorf("form: got %s, want %s", g, tc.want)
			}
			if !resp.RefreshToken.IsZero() || !resp.IDToken.IsZero() || !resp.Token.IDToken.IsZero() || !resp.Token.IDTokenExpiry.IsZero() {
				t.Error("a refresh token or an ID token is kept")
			}
			if resp.Token.Access.Reveal() != "at-2" || !slices.Equal(resp.Token.Scopes, []string{"a"}) ||
				!resp.Token.Expiry.Equal(now.Add(5*time.Minute)) {
				t.Errorf("got scopes %v until %v", resp.Token.Scopes, resp.Token.Expiry)
			}
		})
	}
}

func TestExchangeFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		kind   Kind
	}{
		{"invalid_grant is no lost login", 400, `{"error":"invalid_grant"}`, Configuration},
		{"login_required is none either", 400, `{"error":"login_required"}`, Configuration},
		{"invalid_target", 400, `{"error":"invalid_target"}`, Configuration},
		{"invalid_scope", 400, `{"error":"invalid_scope"}`, Configuration},
		{"500", 500, `<html>`, Transient},
		{"no issued_token_type", 200, `{"access_token":"at-2","token_type":"Bearer"}`, Configuration},
		{"a refresh token in its place", 200,
			`{"access_token":"rt-2","issued_token_type":"urn:ietf:params:oauth:token-type:refresh_token","token_type":"Bearer"}`, Configuration},
		{"a token of no type", 200, `{"access_token":"at-2","issued_token_type":"urn:ietf:params:oauth:token-type:jwt","token_type":"N_A"}`, Configuration},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			resp, err := c.ExchangeToken(t.Context(), TokenExchange{
				TokenEndpoint: serve(t, say(tc.status, "application/json", tc.body)), Auth: &confidential,
				Subject: account.NewSecret("at-1"), SubjectType: TypeAccessToken,
			})
			if pe := asProviderError(t, err); pe.Kind != tc.kind || pe.Op != OpExchange {
				t.Errorf("got %s of %q (%v), want %s", pe.Kind, pe.Op, pe, tc.kind)
			}
			if !resp.Token.Access.IsZero() || !resp.RefreshToken.IsZero() {
				t.Error("got a token along with the error")
			}
		})
	}
}

func TestIdentityAssertion(t *testing.T) {
	const server = "https://auth.notes.example"
	answer := func(issued, assertion string) string {
		return fmt.Sprintf(`{"issued_token_type":%q,"access_token":%q,"token_type":"N_A","expires_in":300}`, issued, assertion)
	}
	good := unsigned(`{"aud":"` + server + `"}`)
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   Kind // "" for an assertion
	}{
		{"an assertion", 200, answer(TypeIDJAG, good), ""},
		{"a list of one audience", 200, answer(TypeIDJAG, unsigned(`{"aud":["`+server+`"]}`)), ""},
		{"for somebody else", 200, answer(TypeIDJAG, unsigned(`{"aud":"https://evil.example"}`)), Unknown},
		{"for somebody else as well", 200, answer(TypeIDJAG, unsigned(`{"aud":["`+server+`","https://evil.example"]}`)), Unknown},
		{"for nobody", 200, answer(TypeIDJAG, unsigned(`{}`)), Unknown},
		{"no JWT", 200, answer(TypeIDJAG, "at-2"), Unknown},
		{"an access token", 200, answer(TypeAccessToken, good), Configuration},
		{"of a login that has ended", 400, `{"error":"invalid_grant"}`, LoginRequired},
		{"that takes a stronger login", 400, `{"error":"insufficient_user_authentication"}`, LoginRequired},
		{"denied", 400, `{"error":"invalid_target"}`, Configuration},
		{"busy", 503, `{}`, Transient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			got, err := c.IdentityAssertion(t.Context(), TokenExchange{
				TokenEndpoint: serve(t, say(tc.status, "application/json", tc.body)), Auth: &confidential,
				Subject: account.NewSecret("eyJ"), SubjectType: TypeIDToken, Audience: server,
			})
			if tc.want == "" {
				if err != nil || got.IsZero() {
					t.Errorf("got %v, want an assertion", err)
				}
				return
			}
			if pe := asProviderError(t, err); pe.Kind != tc.want || !got.IsZero() {
				t.Errorf("got %s (%v), want %s", pe.Kind, pe, tc.want)
			}
		})
	}
}

func TestAssertionGrant(t *testing.T) {
	var form string
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.PostForm.Encode()
		say(200, "application/json", `{"access_token":"at-2","token_type":"Bearer","refresh_token":"rt-never-kept"}`)(w, r)
	})
	var c Client
	ask := AssertionGrant{TokenEndpoint: endpoint, Auth: ClientAuth{ID: "notes", Method: provider.AuthNone}, Assertion: account.NewSecret("a.b.c")}
	resp, err := c.AssertionGrant(t.Context(), ask)
	if err != nil || resp.Token.Access.Reveal() != "at-2" || !resp.RefreshToken.IsZero() {
		t.Errorf("got %v, want a token and no refresh token", err)
	}
	if want := "assertion=a.b.c&client_id=notes&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"; form != want {
		t.Errorf("form: got %s, want %s", form, want)
	}
	ask.TokenEndpoint = serve(t, say(400, "application/json", `{"error":"invalid_grant"}`))
	_, err = c.AssertionGrant(t.Context(), ask)
	if pe := asProviderError(t, err); pe.Kind != Configuration {
		t.Errorf("got %s, want no lost login", pe.Kind)
	}
}

// A provider may quote what it refuses.
func TestNoExchangesSecretIsInItsError(t *testing.T) {
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		quoted := r.PostForm.Get("subject_token") + " " + r.PostForm.Get("assertion") + " " + r.PostForm.Get("client_secret")
		say(400, "application/json", fmt.Sprintf(`{"error":"invalid_request","error_description":"refused %s"}`, quoted))(w, r)
	})
	secret := account.NewSecret("hunter2-hunter2/+")
	auth := ClientAuth{ID: "desk", Secret: account.NewSecret("cs-hunter2/+"), Method: provider.AuthPost}
	ask := TokenExchange{TokenEndpoint: endpoint, Auth: &auth, Subject: secret, SubjectType: TypeAccessToken}
	for name, send := range map[string]func(c *Client) error{
		"exchange":  func(c *Client) error { _, err := c.ExchangeToken(t.Context(), ask); return err },
		"assertion": func(c *Client) error { _, err := c.IdentityAssertion(t.Context(), ask); return err },
		"grant": func(c *Client) error {
			_, err := c.AssertionGrant(t.Context(), AssertionGrant{TokenEndpoint: endpoint, Auth: auth, Assertion: secret})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c Client
			err := send(&c)
			if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "[redacted]") {
				t.Error("the error holds a secret, or there is none")
			}
		})
	}
}
