package grant

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func TestPlace(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://login.example.com/token?key=hunter2": "https://login.example.com/token",
		"https://ada:hunter2@login.example.com/a%2Fb": "https://login.example.com/a%2Fb",
		"http://127.0.0.1:8080":                       "http://127.0.0.1:8080",
		"/token?hunter2":                              "(no URL)",
		"https://%zz/hunter2":                         "(no URL)",
		"":                                            "(no URL)",
	} {
		if got := place(endpoint); got != want {
			t.Errorf("%q: got %q, want %q", endpoint, got, want)
		}
	}
}

// What goes through another transport is held to the same rules, but for the URL.
func TestSendThrough(t *testing.T) {
	var seen []*http.Request
	through := tripper(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r)
		return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"http://elsewhere.example.com/"}},
			Body: io.NopCloser(strings.NewReader("moved")), Request: r}, nil
	})
	var c Client
	a, fail := c.Send(t.Context(), Request{
		Op: "metadata request", Method: http.MethodPut, Endpoint: "http://169.254.169.254/hidden", Place: "the metadata server", Body: "x", Through: through,
	})
	if fail != nil || a.Status != 307 || string(a.Body) != "moved" || len(seen) != 1 {
		t.Fatalf("got %d, %v after %d requests; want the redirect itself", a.Status, fail, len(seen))
	}
	if got := a.Fail(Unknown, "x").Error(); got != "metadata request to the metadata server: x [HTTP 307]" {
		t.Errorf("got %q, want the place that was given", got)
	}
	if r := seen[0]; r.Method != http.MethodPut || r.ContentLength != 1 || r.Header.Get("User-Agent") != "oauthd" {
		t.Errorf("got %s with %d bytes, want PUT with 1", r.Method, r.ContentLength)
	}
	for endpoint, through := range map[string]http.RoundTripper{"http://169.254.169.254/": nil, "http://%zz/": through} {
		_, fail := c.Send(t.Context(), Request{Op: "x", Method: http.MethodGet, Endpoint: endpoint, Through: through})
		if fail == nil || fail.Kind != Configuration || fail.Reason == "" {
			t.Errorf("%s: got %v, want configuration and why", endpoint, fail)
		}
	}
	if len(seen) != 1 {
		t.Errorf("got %d requests, want 1", len(seen))
	}
}

// Every request that carries a secret keeps it out of the error, whatever the provider quotes.
func TestNoRequestsSecretIsInItsError(t *testing.T) {
	var sent string
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		form, _ := url.ParseQuery(sent)
		said := sent + " " + r.Header.Get("Authorization")
		for _, values := range form {
			said += " " + values[0]
		}
		say(400, "application/json", string(must(json.Marshal(map[string]string{"error": "invalid_request", "error_description": said}))))(w, r)
	})
	secret := func(name string) account.Secret { return account.NewSecret(name + "-hunter2/+") }
	auth := ClientAuth{ID: "desk", Secret: secret("cs"), Method: "client_secret_post"}
	for name, ask := range map[string]func(c *Client) error{
		"exchange": func(c *Client) error {
			_, err := c.Exchange(t.Context(), Exchange{TokenEndpoint: endpoint, Auth: auth, Code: secret("code"), Verifier: secret("verifier")})
			return err
		},
		"refresh": func(c *Client) error {
			_, err := c.Refresh(t.Context(), Refresh{TokenEndpoint: endpoint, Auth: auth, RefreshToken: secret("rt")})
			return err
		},
		"device": func(c *Client) error {
			_, err := c.PollDevice(t.Context(), DevicePoll{TokenEndpoint: endpoint, Auth: auth, Code: DeviceCode{Code: secret("dc"), Interval: time.Nanosecond}})
			return err
		},
		"pushed": func(c *Client) error {
			_, _, err := c.PushAuthorization(t.Context(), PushedAuthorization{Endpoint: endpoint, Auth: auth, Parameters: url.Values{"state": {"s-hunter2/+"}}})
			return err
		},
		"revocation": func(c *Client) error {
			return c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint, Auth: auth, Token: secret("rt")})
		},
		"revocation by bearer": func(c *Client) error {
			return c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint, Form: provider.RevokeBearerForm, Token: secret("at")})
		},
		"revocation at GitHub": func(c *Client) error {
			return c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint, Form: provider.RevokeGitHub, Auth: auth, Token: secret("at")})
		},
		"userinfo": func(c *Client) error {
			_, err := c.Userinfo(t.Context(), endpoint, account.Token{Access: secret("at")}, expectAt("").Provider)
			return err
		},
		"JWT bearer": func(c *Client) error {
			_, err := c.JWTBearer(t.Context(), JWTBearer{TokenEndpoint: endpoint, Key: clientKeyOf(t, p256Key(), ""), Claims: map[string]any{"sub": "x"}})
			return err
		},
		"private_key_jwt": func(c *Client) error {
			by := ClientAuth{ID: "desk", Method: "private_key_jwt", Key: clientKeyOf(t, p256Key(), "")}
			_, err := c.ClientCredentials(t.Context(), ClientCredentials{TokenEndpoint: endpoint, Auth: by})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c Client
			err := ask(&c)
			pe := asProviderError(t, err)
			if !strings.Contains(pe.Description, "[redacted]") {
				t.Errorf("got %q, want what was sent redacted", pe.Description)
			}
			assertion := ""
			if form, err := url.ParseQuery(sent); err == nil {
				assertion = form.Get("assertion") + form.Get("client_assertion")
			}
			if strings.Contains(err.Error(), "hunter2") || assertion != "" && strings.Contains(err.Error(), assertion[:40]) {
				t.Errorf("the error holds a secret")
			}
		})
	}
}
