package grant

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func keyAuth(t *testing.T) ClientAuth {
	return ClientAuth{ID: "desk", Method: provider.AuthPrivateKeyJWT, Key: clientKeyOf(t, p256Key(), "k-1")}
}

// Every request in which a client authenticates, as one function each.
func authenticatedRequests(auth ClientAuth) map[string]func(context.Context, *Client, string) error {
	return map[string]func(context.Context, *Client, string) error{
		"exchange": func(ctx context.Context, c *Client, at string) error {
			_, err := c.Exchange(ctx, Exchange{TokenEndpoint: at, Auth: auth, Code: account.NewSecret("code-1")})
			return err
		},
		"refresh": func(ctx context.Context, c *Client, at string) error {
			_, err := c.Refresh(ctx, Refresh{TokenEndpoint: at, Auth: auth, RefreshToken: account.NewSecret("rt-1")})
			return err
		},
		"client credentials": func(ctx context.Context, c *Client, at string) error {
			_, err := c.ClientCredentials(ctx, ClientCredentials{TokenEndpoint: at, Auth: auth})
			return err
		},
		"pushed authorization": func(ctx context.Context, c *Client, at string) error {
			_, _, err := c.PushAuthorization(ctx, PushedAuthorization{Endpoint: at, Auth: auth,
				Parameters: url.Values{"state": {"s-1"}, "client_assertion": {"somebody else's"}}})
			return err
		},
		"device authorization": func(ctx context.Context, c *Client, at string) error {
			_, err := c.AuthorizeDevice(ctx, DeviceAuthorization{Endpoint: at, Auth: auth})
			return err
		},
		"revocation": func(ctx context.Context, c *Client, at string) error {
			return c.Revoke(ctx, Revoke{RevocationEndpoint: at, Auth: auth, Token: account.NewSecret("rt-1")})
		},
	}
}

func TestPrivateKeyJWTInEveryRequest(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	seen := map[any]bool{}
	for _, audience := range []string{"", "https://login.example.com"} {
		auth := keyAuth(t)
		auth.Secret, auth.AssertionAudience = account.NewSecret("never sent"), audience
		for name, ask := range authenticatedRequests(auth) {
			t.Run(name+" "+audience, func(t *testing.T) {
				var got *http.Request
				endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
					_ = r.ParseForm()
					got = r
					say(200, "application/json", `{"access_token":"at-1","request_uri":"urn:x","device_code":"dc-1",`+
						`"user_code":"AB","verification_uri":"https://login.example.com/"}`)(w, r)
				})
				c := Client{Now: func() time.Time { return now }}
				for range 2 { // a second request has an assertion of its own
					if err := ask(t.Context(), &c, endpoint); err != nil {
						t.Fatal(err)
					}
					form := got.PostForm
					if len(form["client_assertion"]) != 1 || form.Get("client_id") != "desk" || form.Has("client_secret") ||
						got.Header.Get("Authorization") != "" ||
						form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
						t.Fatalf("the form's members are %d, or not as RFC 7521 §4.2 has them", len(form))
					}
					header, claims := verified(t, form.Get("client_assertion"), p256Key().Public())
					want := audience
					if want == "" {
						want = endpoint
					}
					if header["kid"] != "k-1" || claims["iss"] != "desk" || claims["sub"] != "desk" || claims["aud"] != want {
						t.Errorf("got %v %v, want aud %q", header, claims, want)
					}
					issued, expires := claims["iat"].(float64), claims["exp"].(float64)
					if issued >= float64(now.Unix()) || expires <= float64(now.Unix()) || expires-issued > 300 {
						t.Errorf("times: got iat %v, exp %v; want from a little before %d, at most 300 s apart", issued, expires, now.Unix())
					}
					jti, _ := claims["jti"].(string)
					if len(jti) < 22 || seen[jti] {
						t.Errorf("jti %q is short or was used before", jti)
					}
					seen[jti] = true
				}
			})
		}
	}
}

func TestPrivateKeyJWTWithoutKey(t *testing.T) {
	auth := ClientAuth{ID: "desk", Method: provider.AuthPrivateKeyJWT, Secret: account.NewSecret("cs-1")}
	for name, ask := range authenticatedRequests(auth) {
		t.Run(name, func(t *testing.T) {
			endpoint := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
			var c Client
			pe := asProviderError(t, ask(t.Context(), &c, endpoint))
			if pe.Kind != Configuration || !strings.Contains(pe.Error(), "private key") {
				t.Errorf("got %s, %v; want configuration, about the private key", pe.Kind, pe)
			}
		})
	}
}

// A provider that quotes the assertion in its refusal does not get it into an error.
func TestAssertionIsNotInErrors(t *testing.T) {
	for name, ask := range authenticatedRequests(keyAuth(t)) {
		t.Run(name, func(t *testing.T) {
			var sent string
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				sent = r.PostForm.Get("client_assertion")
				say(401, "application/json", `{"error":"invalid_client","error_description":"no: `+sent+`"}`)(w, r)
			})
			var c Client
			err := ask(t.Context(), &c, endpoint)
			if pe := asProviderError(t, err); pe.Code != "invalid_client" || pe.Kind != Configuration {
				t.Errorf("got %s %q, want configuration invalid_client", pe.Kind, pe.Code)
			}
			if sent == "" || strings.Contains(err.Error(), sent[:40]) {
				t.Error("the error quotes the assertion, or none was sent")
			}
		})
	}
}
