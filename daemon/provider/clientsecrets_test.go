package provider

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

const installedFile = `{"installed":{"client_id":"1-a.apps.googleusercontent.com","project_id":"demo",
	"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token",
	"auth_provider_x509_cert_url":"https://www.googleapis.com/oauth2/v1/certs","client_secret":"hidden-secret",
	"redirect_uris":["http://localhost"]}}`

func TestParseClientSecrets(t *testing.T) {
	for name, file := range map[string]string{"plain": installedFile, "byte order mark": "\xef\xbb\xbf" + installedFile + "\n"} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseClientSecrets([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			if got.ClientSecret.Reveal() != "hidden-secret" {
				t.Error("the secret differs")
			}
			got.ClientSecret = account.Secret{}
			want := ClientSecrets{
				Kind: "installed", ClientID: "1-a.apps.googleusercontent.com", ProjectID: "demo",
				AuthURI: "https://accounts.google.com/o/oauth2/auth", TokenURI: "https://oauth2.googleapis.com/token",
				AuthProviderX509CertURL: "https://www.googleapis.com/oauth2/v1/certs", RedirectURIs: []string{"http://localhost"},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	web, err := ParseClientSecrets([]byte(`{"web":{"client_id":"w","javascript_origins":["https://a.example.com"],
		"redirect_uris":["https://a.example.com/cb","http://localhost:8080/cb","http://127.0.0.1:9/x","http://a.example.com/","http://[::1]:7/y#z"]}}`))
	if err != nil || web.Kind != KindWeb || !reflect.DeepEqual(web.JavascriptOrigins, []string{"https://a.example.com"}) || !web.ClientSecret.IsZero() {
		t.Errorf("web: got %+v, %v", web, err)
	}
	if got, want := web.LoopbackRedirects(), []string{"http://localhost:8080/cb", "http://127.0.0.1:9/x"}; !reflect.DeepEqual(got, want) {
		t.Errorf("loopback redirects: got %v, want %v", got, want)
	}
}

func TestParseClientSecretsRefuses(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "empty"},
		{"blank", " \n\xef\xbb\xbf", "not JSON"},
		{"only a byte order mark", "\xef\xbb\xbf \n", "empty"},
		{"cut off", `{"installed":{"client_id":"hidden"`, "cut off: its JSON ends unfinished after byte 34"},
		{"syntax", `{"installed":{"client_id":hidden}}`, "syntax error at byte 27"},
		{"not JSON", `hidden`, "syntax error at byte 1"},
		{"array", `[{"installed":{}}]`, "array"},
		{"string", `"hidden"`, "not an object"},
		{"null", `null`, "not an object"},
		{"both", `{"installed":{"client_id":"hidden"},"web":{"client_id":"hidden"}}`, "both"},
		{"service account", `{"type":"service_account","private_key":"hidden","client_id":"1"}`, "service account key"},
		{"authorized user", `{"type":"authorized_user","refresh_token":"hidden","client_id":"1"}`, "authorized_user"},
		{"external account", `{"type":"external_account","audience":"hidden"}`, "external_account"},
		{"saved token", `{"token":"hidden","refresh_token":"hidden","client_id":"1"}`, "saved token"},
		{"saved token, as a refresh token", `{"refresh_token":"hidden"}`, "saved token"},
		{"saved token, as an access token", `{"access_token":"hidden"}`, "saved token"},
		{"saved token, as a token", `{"token":"hidden"}`, "saved token"},
		{"flat", `{"client_id":"hidden","client_secret":"hidden"}`, "client_id at its top level"},
		{"client_id with a delete", `{"installed":{"client_id":"hidden\u007f"}}`, "client_id has a character"},
		{"client_id beyond ASCII", `{"installed":{"client_id":"hiddené"}}`, "client_id has a character"},
		{"something else", `{"hidden":1,"type":7}`, "neither"},
		{"wrong case", `{"Installed":{"client_id":"hidden"}}`, "neither"},
		{"not an object", `{"installed":"hidden"}`, `"installed" is not an object`},
		{"null inside", `{"web":null}`, `"web" is not an object`},
		{"no client_id", `{"installed":{"client_secret":"hidden"}}`, "no client_id"},
		{"client_id a number", `{"installed":{"client_id":7}}`, "installed.client_id is not a string"},
		{"client_id with a line break", `{"installed":{"client_id":"hidden\n"}}`, "client_id has a character"},
		{"secret with a line break", `{"installed":{"client_id":"1","client_secret":"hidden\n"}}`, "client_secret has a character"},
		{"secret an object", `{"installed":{"client_id":"1","client_secret":{"hidden":1}}}`, "installed.client_secret is not a string"},
		{"redirects a string", `{"web":{"client_id":"1","redirect_uris":"hidden"}}`, "web.redirect_uris is not a list of strings"},
		{"large", strings.Repeat(" ", MaxBody+1), "larger"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseClientSecrets([]byte(tc.file))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

func TestClientSecretsProvider(t *testing.T) {
	const auth, token = "https://accounts.google.com/o/oauth2/auth", "https://oauth2.googleapis.com/token"
	for _, tc := range []struct{ name, auth, token, provider string }{
		{"google", auth, token, "google"},
		{"google of old", auth, "https://accounts.google.com/o/oauth2/token", "google"},
		{"google v4", auth, "https://www.googleapis.com/oauth2/v4/token", "google"},
		{"loopback", "http://127.0.0.1:9/auth", "http://127.0.0.1:9/token", "127.0.0.1:9"},
		{"localhost", "http://localhost:9/auth", "http://localhost:9/token", "localhost:9"},
		{"doctored token_uri", auth, "https://evil.example.com/token", ""},
		{"doctored auth_uri", "https://accounts.google.com.evil.example.com/auth", token, ""},
		{"half loopback", auth, "http://127.0.0.1:9/token", ""},
		{"google over http", auth, "http://oauth2.googleapis.com/token", ""},
		{"user information", auth, "https://oauth2.googleapis.com@evil.example.com/token", ""},
		{"port", auth, "https://oauth2.googleapis.com:8443/token", ""},
		{"elsewhere", "https://login.example.com/a", "https://login.example.com/t", ""},
		{"no token_uri", auth, "", ""},
		{"no auth_uri", "", token, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := ClientSecrets{Kind: KindInstalled, ClientID: "1", AuthURI: tc.auth, TokenURI: tc.token}.Provider()
			if (tc.auth == "" || tc.token == "") && !strings.Contains(err.Error(), "has no auth_uri or no token_uri") {
				t.Errorf("got %v, want what is missing", err)
			}
			if p.Name != tc.provider || (err == nil) != (tc.provider != "") {
				t.Errorf("got %q, %v; want %q", p.Name, err, tc.provider)
			}
			if strings.HasPrefix(tc.auth, "http:") && (p.Endpoints.Authorization != tc.auth || p.Endpoints.Token != tc.token) {
				t.Errorf("endpoints: got %+v", p.Endpoints)
			}
		})
	}
}

func FuzzParseClientSecrets(f *testing.F) {
	f.Add([]byte(installedFile))
	f.Add([]byte(`{"web":{"client_id":"w","redirect_uris":["http://localhost:1/"]}}`))
	f.Add([]byte(`{"type":"service_account"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cs, err := ParseClientSecrets(data)
		if err != nil {
			return
		}
		if cs.ClientID == "" || cs.Kind != KindInstalled && cs.Kind != KindWeb {
			t.Errorf("accepted kind %q with client_id %q", cs.Kind, cs.ClientID)
		}
		secret := cs.ClientSecret.Reveal()
		if len(secret) > 20 && bytes.Contains(fmt.Appendf(nil, "%+v", cs), []byte(secret)) && !strings.Contains(cs.ClientID, secret) {
			t.Error("the secret is printed")
		}
		_, _ = cs.Provider()
		cs.LoopbackRedirects()
	})
}
