package google

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/grant"
)

const (
	iamBase = "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + robot
	iamURL  = "https://" + iamBase + ":generateAccessToken"
)

func impersonated(source string) string {
	return `{"type":"impersonated_service_account","delegates":["projects/-/serviceAccounts/first@example.com"],` +
		`"service_account_impersonation_url":"` + iamURL + `","source_credentials":` + source + `}`
}

func TestADCImpersonated(t *testing.T) {
	google := newCloud(t, map[string]http.HandlerFunc{
		oauth2Token: say(200, "application/json", `{"access_token":"ya29.ada","expires_in":3599}`),
		iamBase + ":generateAccessToken": func(w http.ResponseWriter, r *http.Request) {
			want := `{"delegates":["projects/-/serviceAccounts/first@example.com"],"lifetime":"3600s","scope":["a","b"]}`
			if got := r.PostForm.Get(""); got != want || r.Header.Get("Authorization") != "Bearer ya29.ada" {
				t.Errorf("got %s, want %s", got, want)
			}
			// The provider's clock says when it ends.
			w.Header().Set("Date", then.Add(time.Hour).Format(http.TimeFormat))
			say(200, "application/json", `{"accessToken":"ya29.robot","expireTime":"2026-11-22T14:00:00Z"}`)(w, r)
		},
		iamBase + ":generateIdToken": func(w http.ResponseWriter, r *http.Request) {
			want := `{"audience":"https://api.example.com","delegates":["projects/-/serviceAccounts/first@example.com"],"includeEmail":true}`
			if got := r.PostForm.Get(""); got != want || r.Header.Get("Authorization") != "Bearer ya29.ada" {
				t.Errorf("got %s, want %s", got, want)
			}
			say(200, "application/json", `{"token":"`+idTokenUntil(then.Add(time.Hour), "")+`"}`)(w, r)
		},
	})
	for _, tc := range []struct {
		name            string
		scopes          []string
		idToken         bool
		access, hasIDTo bool
	}{
		{"access token", []string{"a", "b"}, false, true, false},
		{"ID token", nil, true, false, true},
		{"both", []string{"a", "b"}, true, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ask := ADCRequest{File: file(t, impersonated(gcloudUser)), Scopes: tc.scopes, IDToken: tc.idToken}
			if tc.idToken {
				ask.Audience = "https://api.example.com"
			}
			got, err := google.client().ApplicationDefault(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			r := got.Response
			if got.Kind != "impersonated_service_account" || got.Email != robot {
				t.Errorf("got %q %q", got.Kind, got.Email)
			}
			if r.Token.Access.IsZero() == tc.access || r.IDToken.IsZero() == tc.hasIDTo || !r.Token.IDToken.Equal(r.IDToken) {
				t.Errorf("got access token %t, ID token %t", !r.Token.Access.IsZero(), !r.IDToken.IsZero())
			}
			if tc.access && (!r.Token.Expiry.Equal(then.Add(time.Hour)) || r.Token.Access.Reveal() != "ya29.robot" || r.Token.Type != "Bearer") {
				t.Errorf("got %v, want an hour", r.Token.Expiry)
			}
			if tc.hasIDTo && !r.Token.IDTokenExpiry.Equal(then.Add(time.Hour)) {
				t.Errorf("ID token: got %v", r.Token.IDTokenExpiry)
			}
		})
	}
}

// The source of an impersonation asks for the scope that impersonating needs, not for those of the result.
func TestADCImpersonatedByAServiceAccount(t *testing.T) {
	service := newTokenService(t)
	iam := serve(t, func(w http.ResponseWriter, r *http.Request) {
		say(200, "application/json", `{"accessToken":"ya29.robot","expireTime":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`)(w, r)
	})
	text := strings.ReplaceAll(impersonated(keyFile(map[string]any{"token_uri": service.endpoint})), iamURL, iam+"/r@example.com:generateAccessToken")
	c := Client{Grants: &grant.Client{}}
	got, err := c.ApplicationDefault(t.Context(), ADCRequest{File: file(t, text), Scopes: []string{"calendar"}, Sources: []string{SourceURL}})
	if err != nil || got.Email != "r@example.com" {
		t.Fatalf("got %q, %v", got.Email, err)
	}
	if scope := service.asked()[0]["scope"]; scope != "https://www.googleapis.com/auth/cloud-platform" {
		t.Errorf("scope of the source: got %v", scope)
	}
}

func TestADCImpersonatedFaults(t *testing.T) {
	const okSource = `{"access_token":"ya29.ada","expires_in":3599}`
	for _, tc := range []struct {
		name   string
		source string
		status int
		body   string
		kind   grant.Kind
		want   string
	}{
		{"forbidden", okSource, 403, `{"error":{"code":403,"message":"Permission denied for ya29.ada","status":"PERMISSION_DENIED"}}`,
			grant.Configuration, "PERMISSION_DENIED: Permission denied for [redacted]"},
		{"no such account", okSource, 404, `{"error":{"code":404,"status":"NOT_FOUND"}}`, grant.Configuration, "NOT_FOUND"},
		{"busy", okSource, 503, `{"error":{"code":503,"status":"UNAVAILABLE"}}`, grant.Transient, "UNAVAILABLE"},
		{"no token", okSource, 200, `{}`, grant.Unknown, "no usable accessToken"},
		{"a page", okSource, 200, `<html>`, grant.Transient, "a web page"},
		{"no time", okSource, 200, `{"accessToken":"x","expireTime":"soon"}`, grant.Unknown, "expireTime"},
		{"over already", okSource, 200, `{"accessToken":"x","expireTime":"2020-01-01T00:00:00Z"}`, grant.Unknown, "has expired"},
		{"redirect", okSource, 308, ``, grant.Unknown, "redirect"},
		{"the source refused", `{"error":"invalid_grant"}`, 200, ``, grant.Configuration, "invalid_grant: gcloud auth"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{
				oauth2Token:                      say(200, "application/json", tc.source),
				iamBase + ":generateAccessToken": say(tc.status, "application/json", tc.body),
			})
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, impersonated(gcloudUser)), Scopes: []string{"a"}})
			if pe := asProviderError(t, err); pe.Kind != tc.kind || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v; want %s, %q", pe.Kind, err, tc.kind, tc.want)
			}
			if strings.Contains(err.Error(), "ya29") || strings.Contains(err.Error(), "rt-of-ada") {
				t.Error("the error holds a secret")
			}
		})
	}
}

func TestADCImpersonatedRefuses(t *testing.T) {
	good := impersonated(gcloudUser)
	for _, tc := range []struct {
		name, text string
		ask        ADCRequest
		want       string
	}{
		{"no URL", strings.ReplaceAll(good, iamURL, ""), ADCRequest{Scopes: []string{"a"}}, "no service_account_impersonation_url"},
		{"URL elsewhere", strings.ReplaceAll(good, "iamcredentials.googleapis.com", "iamcredentials.googleapis.com.evil.example"),
			ADCRequest{Scopes: []string{"a"}}, `credential_sources = ["url"]`},
		{"URL on this machine", strings.ReplaceAll(good, "https://iamcredentials.googleapis.com", "http://127.0.0.1:9"),
			ADCRequest{Scopes: []string{"a"}}, `credential_sources = ["url"]`},
		{"URL for something else", strings.ReplaceAll(good, ":generateAccessToken", ":signBlob"), ADCRequest{Scopes: []string{"a"}}, "does not end in"},
		{"no source", strings.ReplaceAll(good, gcloudUser, "7"), ADCRequest{Scopes: []string{"a"}}, "source_credentials are missing"},
		{"source of no kind", strings.ReplaceAll(good, "authorized_user", "hunter2"), ADCRequest{Scopes: []string{"a"}}, "source_credentials: the file holds"},
		{"delegates", strings.ReplaceAll(good, `["projects/-/serviceAccounts/first@example.com"]`, `"x"`), ADCRequest{Scopes: []string{"a"}}, "delegates are not"},
		{"no scopes", good, ADCRequest{}, "no scopes"},
		{"access token for an audience", good, ADCRequest{Audience: "x"}, "only an ID token"},
		{"ID token for nobody", good, ADCRequest{IDToken: true}, "an ID token needs an audience"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, nil)
			tc.ask.File = file(t, tc.text)
			_, err := google.client().ApplicationDefault(t.Context(), tc.ask)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if google.count() != 0 {
				t.Error("somebody was asked")
			}
		})
	}
}

func TestTrustedService(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://sts.googleapis.com/v1/token":              true,
		"https://sts.mtls.googleapis.com/v1/token":         true,
		"https://us-east1.sts.googleapis.com/v1/token":     true,
		"https://sts.us-east1.googleapis.com/v1/token":     true,
		"https://us-east1.storage.googleapis.com/v1/token": false,
		"https://a.sts.b.googleapis.com/v1/token":          false,
		"https://ada@sts.googleapis.com/v1/token":          false,
		"https://sts.googleapis.com/v1/token#x":            false,
		"https://storage.googleapis.com/sts":               false,
		"https://sts.storage.googleapis.com/v1/token":      false,
		"https://sts..googleapis.com/v1/token":             false,
		"https://sts.storage.evil.googleapis.com/v1/token": false,
		"https://sts.googleapis.com.evil.example/v1/token": false,
		"https://evilsts.googleapis.com/v1/token":          false,
		"https://sts.googleapis.com:8443/v1/token":         false,
		"http://sts.googleapis.com/v1/token":               false,
		"http://127.0.0.1/v1/token":                        false,
	} {
		if got := trustedService("sts")(uri); got != want {
			t.Errorf("%s: got %t, want %t", uri, got, want)
		}
	}
}
