package grant

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
)

func TestRegister(t *testing.T) {
	uris := []string{"http://127.0.0.1/callback", "http://[::1]/callback"}
	for _, tc := range []struct {
		name string
		r    Registration
		want string
	}{
		{"least", Registration{RedirectURIs: uris}, `{"redirect_uris":["http://127.0.0.1/callback","http://[::1]/callback"],` +
			`"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],` +
			`"application_type":"native","client_name":"oauthd"}`},
		{"all", Registration{RedirectURIs: uris[:1], Name: "Desk", Scopes: []string{"openid", "email"}, Device: true},
			`{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none",` +
				`"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],` +
				`"response_types":["code"],"application_type":"native","client_name":"Desk","scope":"openid email"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got string
			tc.r.Endpoint = serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
				if r.Header.Get("Authorization") != "" {
					t.Error("the request has an Authorization header")
				}
				say(201, "application/json", `{"client_id":"c-1","token_endpoint_auth_method":"none"}`)(w, r)
			})
			var c Client
			made, err := c.Register(t.Context(), tc.r)
			if err != nil || made.ClientID != "c-1" || made.AuthMethod != "none" {
				t.Errorf("got %+v, %v", made, err)
			}
			if want := "POST application/json " + tc.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	t.Run("no redirect URI", func(t *testing.T) {
		var c Client
		_, err := c.Register(t.Context(), Registration{Endpoint: "https://login.example.com/register"})
		if pe := asProviderError(t, err); pe.Kind != Configuration {
			t.Errorf("got %s, want configuration", pe.Kind)
		}
	})
}

func TestRegisteredAnswer(t *testing.T) {
	at := time.Unix(1795348800, 0)
	secret := account.NewSecret("cs-1")
	type made struct {
		id, method, uri string
		secret, token   bool
		expiry          time.Time
	}
	for _, tc := range []struct {
		name, body string
		status     int
		want       made
		kind       Kind // "" = accepted
		code       string
	}{
		{"least", `{"client_id":"c-1"}`, 201, made{id: "c-1", method: "none"}, "", ""},
		{"ok", `{"client_id":"c-1","client_secret":null}`, 200, made{id: "c-1", method: "none"}, "", ""},
		{"secret, no method", `{"client_id":"c-1","client_secret":"cs-1","client_secret_expires_at":0}`, 201,
			made{id: "c-1", method: "client_secret_basic", secret: true}, "", ""},
		{"post", `{"client_id":"c-1","client_secret":"cs-1","client_secret_expires_at":1795348800,"token_endpoint_auth_method":"client_secret_post"}`, 201,
			made{id: "c-1", method: "client_secret_post", secret: true, expiry: at}, "", ""},
		{"none with a secret", `{"client_id":"c-1","client_secret":"cs-1","client_secret_expires_at":1795348800,"token_endpoint_auth_method":"none"}`, 201,
			made{id: "c-1", method: "none"}, "", ""},
		{"managed", `{"client_id":"c-1","registration_access_token":"ra-1","registration_client_uri":"https://login.example.com/register/c-1"}`, 201,
			made{id: "c-1", method: "none", uri: "https://login.example.com/register/c-1", token: true}, "", ""},
		{"managed at no place to go to", `{"client_id":"c-1","registration_access_token":"ra-1","registration_client_uri":"http://login.example.com/"}`, 201,
			made{id: "c-1", method: "none"}, "", ""},
		{"no client_id", `{"client_secret":"cs-1"}`, 201, made{}, Unknown, ""},
		{"client_id for a terminal", `{"client_id":"\u001b[2J"}`, 201, made{}, Unknown, ""},
		{"client_id a number", `{"client_id":7}`, 201, made{}, Unknown, ""},
		{"longest client_id", `{"client_id":"` + strings.Repeat("c", 2048) + `"}`, 201, made{id: strings.Repeat("c", 2048), method: "none"}, "", ""},
		{"client_id too long", `{"client_id":"` + strings.Repeat("c", 2049) + `"}`, 201, made{}, Unknown, ""},
		{"secret a number", `{"client_id":"c-1","client_secret":7}`, 201, made{}, Unknown, ""},
		{"method a list", `{"client_id":"c-1","token_endpoint_auth_method":["none"]}`, 201, made{}, Unknown, ""},
		{"method without its secret", `{"client_id":"c-1","token_endpoint_auth_method":"client_secret_basic"}`, 201, made{}, Configuration, ""},
		{"method not ours", `{"client_id":"c-1","client_secret":"cs-1","token_endpoint_auth_method":"private_key_jwt"}`, 201, made{}, Configuration, ""},
		{"invalid_redirect_uri", `{"error":"invalid_redirect_uri"}`, 400, made{}, Configuration, "invalid_redirect_uri"},
		{"invalid_client_metadata", `{"error":"invalid_client_metadata"}`, 400, made{}, Configuration, "invalid_client_metadata"},
		{"closed", `{"error":"invalid_token"}`, 401, made{}, Unknown, "invalid_token"},
		{"trouble", ``, 503, made{}, Transient, ""},
		{"redirect", ``, 308, made{}, Unknown, ""},
		{"HTML", `<html>`, 201, made{}, Unknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, fail := answerOf(tc.status, "application/json", tc.body).registered()
			got := made{r.ClientID, r.AuthMethod, r.RegistrationClientURI, r.ClientSecret.Equal(secret),
				r.RegistrationAccessToken.Equal(account.NewSecret("ra-1")), r.SecretExpiry}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if tc.kind == "" && fail != nil || tc.kind != "" && (fail == nil || fail.Kind != tc.kind || fail.Code != tc.code) {
				t.Errorf("got %v, want %q %q", fail, tc.kind, tc.code)
			}
		})
	}
}

func TestRegisterAtAServer(t *testing.T) {
	s, err := oauthtest.Listen(oauthtest.Config{Registration: true, Device: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := provider.Discover(t.Context(), nil, s.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	var c Client
	r := Registration{Endpoint: p.RegistrationEndpoint, RedirectURIs: []string{"http://127.0.0.1/callback"}, Device: true}
	made, err := c.Register(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	device := DeviceAuthorization{
		Endpoint: p.Endpoints.Device, Scopes: []string{"openid"}, Auth: ClientAuth{ID: made.ClientID, Method: provider.AuthMethod(made.AuthMethod)},
	}
	if _, err := c.AuthorizeDevice(t.Context(), device); err != nil {
		t.Errorf("the registered client: %v", err)
	}
	s.ForgetClients()
	_, err = c.AuthorizeDevice(t.Context(), device)
	if pe := asProviderError(t, err); pe.Code != "invalid_client" {
		t.Errorf("the forgotten client: got %v, want invalid_client", err)
	}
	r.RedirectURIs = []string{"http://login.example.com/callback"}
	_, err = c.Register(t.Context(), r)
	if pe := asProviderError(t, err); pe.Kind != Configuration || pe.Code != "invalid_redirect_uri" {
		t.Errorf("a far redirect URI: got %v, want invalid_redirect_uri", err)
	}
}

func FuzzRegistrationAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"client_id":"c","client_secret":"s","client_secret_expires_at":1e300,"token_endpoint_auth_method":"client_secret_post"}`,
		`{"client_id":"c","registration_client_uri":"-x","registration_access_token":"t"}`, `{"client_id":"\u0000"}`,
		`{"error":{"code":"invalid_redirect_uri"}}`, `[]`, `null`, `{"client_id":"c","client_secret":{}}`,
	} {
		f.Add(201, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		r, fail := answerOf(status, "application/json", string(body)).registered()
		if fail != nil {
			if fail.Kind == "" || strings.ContainsAny(fail.Error(), "\x00\n\r\x1b") || r != (Registered{}) {
				t.Errorf("kind %q, error %q", fail.Kind, fail)
			}
			return
		}
		if _, err := (provider.Provider{}).PinAuthMethod(!r.ClientSecret.IsZero(), false, r.AuthMethod); err != nil || r.ClientID == "" ||
			strings.ContainsFunc(r.ClientID, notPrintable) || r.RegistrationClientURI != "" && provider.CheckURL(r.RegistrationClientURI) != nil {
			t.Errorf("accepted %+v (%v)", r, err)
		}
	})
}
