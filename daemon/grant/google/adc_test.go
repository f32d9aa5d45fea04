package google

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
)

const (
	gcloudUser = `{"type":"authorized_user","client_id":"gcloud","client_secret":"gcloud-secret","refresh_token":"rt-of-ada",` +
		`"account":"ada@example.com","quota_project_id":"p","universe_domain":"googleapis.com"}`
	oauth2Token = "oauth2.googleapis.com/token"
)

func TestADCUser(t *testing.T) {
	idToken := idTokenUntil(then.Add(time.Hour), `,"email":"ada@example.org"`)
	google := newCloud(t, map[string]http.HandlerFunc{
		oauth2Token: say(200, "application/json", `{"access_token":"ya29.ada","expires_in":3599,"scope":"openid email","id_token":"`+idToken+`"}`),
	})
	got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, gcloudUser), Scopes: []string{"a"}, IDToken: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != "authorized_user" || got.Email != "ada@example.com" || !strings.HasSuffix(got.Place, "credentials.json") {
		t.Errorf("got %q %q %q", got.Kind, got.Email, got.Place)
	}
	r := got.Response
	if r.Token.Access.Reveal() != "ya29.ada" || len(r.Scopes) != 2 || !r.Token.Expiry.Equal(then.Add(3599*time.Second)) || r.IDToken.IsZero() {
		t.Errorf("got scopes %v until %v, ID token %t", r.Scopes, r.Token.Expiry, !r.IDToken.IsZero())
	}
	want := "client_id=gcloud&client_secret=gcloud-secret&grant_type=refresh_token&refresh_token=rt-of-ada"
	if form := google.last().PostForm.Encode(); form != want {
		t.Errorf("the form differs: got %d bytes, want %d", len(form), len(want))
	}
}

// A file that does not name the person leaves that to the ID token.
func TestADCUserNamedByTheIDToken(t *testing.T) {
	text := strings.ReplaceAll(gcloudUser, `"account":"ada@example.com",`, "")
	for idToken, want := range map[string]string{
		idTokenUntil(then.Add(time.Hour), `,"email":"ada@example.org"`): "ada@example.org", "not-a-jwt": "",
	} {
		google := newCloud(t, map[string]http.HandlerFunc{
			oauth2Token: say(200, "application/json", `{"access_token":"ya29.ada","id_token":"`+idToken+`"}`),
		})
		got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, text)})
		if err != nil || got.Email != want {
			t.Errorf("got %q, %v; want %q", got.Email, err, want)
		}
	}
}

func TestADCUserOfAWorkforcePool(t *testing.T) {
	google := newCloud(t, map[string]http.HandlerFunc{
		"sts.googleapis.com/v1/oauthtoken": say(200, "application/json", `{"access_token":"ya29.w","expires_in":60,"refresh_token":"rt-new"}`),
	})
	got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, `{"type":"external_account_authorized_user",`+
		`"token_url":"https://sts.googleapis.com/v1/oauthtoken","client_id":"c","client_secret":"s","refresh_token":"rt-w"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if user, _, ok := google.last().BasicAuth(); !ok || user != "c" || google.last().PostForm.Get("refresh_token") != "rt-w" {
		t.Error("the request is not a refresh with HTTP Basic")
	}
	if got.Response.Token.Access.IsZero() || !got.Response.RefreshToken.IsZero() {
		t.Error("got no access token, or a refresh token")
	}
}

func TestADCServiceAccount(t *testing.T) {
	service := newTokenService(t)
	path := file(t, keyFile(map[string]any{"token_uri": service.endpoint}))
	c := Client{Grants: &grant.Client{Now: at(then)}}
	got, err := c.ApplicationDefault(t.Context(), ADCRequest{
		Places: ADCPlaces{Env: path}, Scopes: []string{"a"}, Subject: "ada@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != "service_account" || got.Email != robot || got.Place != path || got.Response.Token.Access.IsZero() {
		t.Errorf("got %q %q %q", got.Kind, got.Email, got.Place)
	}
	if claims := service.asked()[0]; claims["sub"] != "ada@example.com" || claims["scope"] != "a" {
		t.Errorf("claims: got %v", claims)
	}
}

// Files change on disk, and what they say now counts.
func TestADCReadsFilesEachTime(t *testing.T) {
	google := newCloud(t, map[string]http.HandlerFunc{oauth2Token: say(200, "application/json", okBody)})
	c, path := google.client(), file(t, gcloudUser)
	ask := ADCRequest{Places: ADCPlaces{WellKnown: path}}
	for _, want := range []string{"rt-of-ada", "rt-of-later"} {
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(gcloudUser, "rt-of-ada", want)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ApplicationDefault(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		if google.last().PostForm.Get("refresh_token") != want {
			t.Errorf("the file's new content was not used")
		}
	}
}

func TestADCFindsTheFirst(t *testing.T) {
	user := func(name string) string {
		return file(t, strings.ReplaceAll(gcloudUser, "ada@example.com", name+"@example.com"))
	}
	file1, file2, file3 := user("one"), user("two"), user("three")
	google := newCloud(t, map[string]http.HandlerFunc{oauth2Token: say(200, "application/json", okBody)})
	for _, tc := range []struct {
		name string
		ask  ADCRequest
		want string
	}{
		{"key_file", ADCRequest{File: file1, Places: ADCPlaces{file2, file3}}, "one@example.com"},
		{"the environment", ADCRequest{Places: ADCPlaces{file2, file3}}, "two@example.com"},
		{"gcloud's", ADCRequest{Places: ADCPlaces{"", file3}}, "three@example.com"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := google.client().ApplicationDefault(t.Context(), tc.ask)
			if err != nil || got.Email != tc.want {
				t.Errorf("got %q, %v; want %q", got.Email, err, tc.want)
			}
		})
	}
}

func TestADCNothingFound(t *testing.T) {
	if name, _ := os.ReadFile("/sys/class/dmi/id/product_name"); strings.HasPrefix(string(name), "Google") {
		t.Skip("on Compute Engine there is a metadata server")
	}
	t.Setenv("GCE_METADATA_HOST", "")
	missing := filepath.Join(t.TempDir(), "application_default_credentials.json")
	_, err := newCloud(t, nil).client().ApplicationDefault(t.Context(), ADCRequest{Places: ADCPlaces{WellKnown: missing}})
	if !errors.Is(err, ErrNoDefaultCredentials) {
		t.Fatalf("got %v, want ErrNoDefaultCredentials", err)
	}
	for _, want := range []string{"GOOGLE_APPLICATION_CREDENTIALS is not set", missing, "metadata server",
		"gcloud auth application-default login", "key_file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to tell of %q", err, want)
		}
	}
}

func TestADCRefuses(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.json")
	evil := func(text, name string) ADCRequest {
		return ADCRequest{File: file(t, strings.TrimSuffix(text, "}")+`,"`+name+`":"https://evil.example/token?hunter2"}`)}
	}
	request := func(text string) ADCRequest { return ADCRequest{File: file(t, text), Scopes: []string{"a"}} }
	forAudience, forSubject := request(gcloudUser), request(gcloudUser)
	forAudience.Audience, forAudience.IDToken = "x", true
	forSubject.Subject = "grace@example.com"
	otherSource := evil(gcloudUser, "token_uri")
	otherSource.Sources = []string{SourceExecutable}
	deep := `{"type":"authorized_user"}`
	for range 6 {
		deep = `{"type":"impersonated_service_account","service_account_impersonation_url":` +
			`"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/r@example.com:generateAccessToken","source_credentials":` + deep + `}`
	}
	for _, tc := range []struct {
		name string
		ask  ADCRequest
		want string
	}{
		{"no such file", ADCRequest{File: gone}, "gone.json: no such file"},
		{"no such file of the environment", ADCRequest{Places: ADCPlaces{Env: gone}}, "GOOGLE_APPLICATION_CREDENTIALS: "},
		{"a relative path in the environment", ADCRequest{Places: ADCPlaces{Env: "adc.json"}}, "GOOGLE_APPLICATION_CREDENTIALS is not an absolute path"},
		{"a directory", ADCRequest{Places: ADCPlaces{WellKnown: t.TempDir()}}, "not a regular file"},
		{"not JSON", request("hunter2"), "credentials.json: the file is not JSON"},
		{"UTF-16", request("\xff\xfe{\x00"), "credentials.json: the file is in UTF-16; save it as UTF-8"},
		{"too large", request(strings.Repeat(" ", 2*grant.MaxKeyFile)), "credentials.json has more than 65536 bytes"},
		{"client_secrets", request(`{"installed":{"client_secret":"hunter2"}}`), "an OAuth client (client_secrets), not application default"},
		{"unknown type", request(`{"type":"hunter2"}`), "something else"},
		{"GDCH", request(`{"type":"gdch_service_account"}`), "not supported"},
		{"no refresh token", request(`{"type":"authorized_user","client_id":"c","client_secret":"hunter2"}`), "credentials.json: the file has no refresh_token"},
		{"refresh token a number", request(`{"type":"authorized_user","refresh_token":7}`), "the file's refresh_token is not a string"},
		{"account a number", request(strings.ReplaceAll(gcloudUser, `"ada@example.com"`, "7")), "the file's account is not a string"},
		{"token_uri elsewhere", evil(gcloudUser, "token_uri"), `credential_sources = ["url"]`},
		{"token_uri elsewhere, another source permitted", otherSource, `credential_sources = ["executable", "url"]`},
		{"token_uri http", request(strings.TrimSuffix(gcloudUser, "}") + `,"token_uri":"http://evil.example/"}`), "the file's token_uri: not https"},
		{"key's token_uri elsewhere", request(keyFile(map[string]any{"token_uri": "https://evil.example/"})), `credential_sources = ["url"]`},
		{"key damaged", request(keyFile(map[string]any{"private_key": "hunter2"})), "the file's private_key is neither PEM"},
		{"a person's, for an audience", forAudience, "give no token for an audience"},
		{"a person's, for a subject", forSubject, "can act for a subject"},
		{"workforce without token_url", request(`{"type":"external_account_authorized_user","client_id":"c","client_secret":"s","refresh_token":"hunter2"}`),
			"the file's token_url: the URL is empty"},
		{"nested", request(deep), "nested too deeply"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, nil)
			_, err := google.client().ApplicationDefault(t.Context(), tc.ask)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			for _, secret := range []string{"hunter2", "rt-of-ada", "gcloud-secret"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Error("the error quotes the file")
				}
			}
			if google.count() != 0 {
				t.Error("somebody was asked")
			}
		})
	}
}

// Whoever can write to the file could have our requests answered by anybody.
func TestADCFileThatOthersMayWriteTo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access lists are not looked at")
	}
	path := file(t, gcloudUser)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []ADCRequest{{File: path}, {Places: ADCPlaces{Env: path}}, {Places: ADCPlaces{WellKnown: path}}} {
		google := newCloud(t, nil)
		_, err := google.client().ApplicationDefault(t.Context(), ask)
		if err == nil || !strings.Contains(err.Error(), "can be written to by others") || google.count() != 0 {
			t.Errorf("got %v after %d requests, want it refused", err, google.count())
		}
	}
}

func TestADCUserFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		kind   grant.Kind
		want   string
	}{
		{"revoked", 400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked.","error_subtype":"invalid_rapt"}`,
			grant.Configuration, "revoked.; gcloud auth application-default login"},
		{"quotes the token", 400, `{"error":"invalid_grant","error_description":"rt-of-ada by gcloud-secret"}`, grant.Configuration, "[redacted] by [redacted]"},
		{"no code", 400, `rt-of-ada`, grant.Unknown, "HTTP 400"},
		{"500", 500, `rt-of-ada`, grant.Transient, "HTTP 500"},
		{"permitted elsewhere", 307, ``, grant.Unknown, "redirect"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{"login.example.com/token": say(tc.status, "application/json", tc.body)})
			got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
				File:    file(t, strings.TrimSuffix(gcloudUser, "}")+`,"token_uri":"https://login.example.com/token"}`),
				Sources: []string{SourceURL},
			})
			if pe := asProviderError(t, err); pe.Kind != tc.kind || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v; want %s, %q", pe.Kind, err, tc.kind, tc.want)
			}
			if strings.Contains(err.Error(), "rt-of-ada") || strings.Contains(err.Error(), "gcloud-secret") {
				t.Error("the error holds a secret")
			}
			if got.Kind != "authorized_user" || got.Place == "" || got.Response.Token.Access != (account.Secret{}) {
				t.Errorf("next to the error: got %q %q", got.Kind, got.Place)
			}
		})
	}
}
