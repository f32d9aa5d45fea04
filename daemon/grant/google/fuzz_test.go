package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

// strange reports whether a request goes to a host that is neither Google's nor this machine.
func strange(req *http.Request) bool {
	host := strings.ToLower(req.URL.Hostname())
	switch {
	case host == "localhost" || host == "::1" || strings.HasPrefix(host, "127."):
		return false
	case req.URL.Scheme != "https":
		return true
	}
	return host != "accounts.google.com" && host != "www.googleapis.com" && !strings.HasSuffix(host, ".googleapis.com")
}

// FuzzCredentialsFile: unless the account's file permits it, no credentials file makes oauthd ask a host that is
// neither Google's nor this machine, nor run a program, and no error quotes a secret or steers a terminal.
func FuzzCredentialsFile(f *testing.F) {
	dir := f.TempDir()
	ran, subject := filepath.Join(dir, "ran"), filepath.Join(dir, "subject")
	if err := os.WriteFile(subject, []byte("subject-hunter2"), 0o600); err != nil {
		f.Fatal(err)
	}
	source := fmt.Sprintf(`{"file":%q}`, subject)
	for _, seed := range []string{
		gcloudUser, keyFile(nil), keyFile(map[string]any{"token_uri": "https://evil.example/token"}), impersonated(gcloudUser),
		impersonated(impersonated(gcloudUser)), external(source, ""), external(source, impersonating),
		external(executable("/usr/bin/touch "+ran), ""), external(`{"url":"https://evil.example/","headers":{"a":"b"}}`, ""),
		external(`{"environment_id":"aws1","region_url":"http://169.254.169.254/r","url":"http://169.254.169.254/u",`+
			`"regional_cred_verification_url":"https://sts.{region}.amazonaws.com"}`, ""),
		strings.ReplaceAll(external(source, ""), "sts.googleapis.com", "sts.evil.example"),
		strings.ReplaceAll(external(source, impersonating), "iamcredentials.googleapis.com", "iamcredentials.googleapis.com.evil.example"),
		strings.TrimSuffix(gcloudUser, "}") + `,"token_uri":"https://evil.example/t"}`,
		`{"type":"external_account_authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_url":"https://sts.googleapis.com/v1/oauthtoken"}`,
		`{"type":"service_account","client_email":"a@example.com","private_key":"x"}`, "\xef\xbb\xbf{}", `{"type":`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, answered bool) {
		path := filepath.Join(t.TempDir(), "credentials.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c := Client{Grants: &grant.Client{HTTP: &http.Client{Transport: tripper(func(req *http.Request) (*http.Response, error) {
			if strange(req) {
				t.Errorf("asked %s://%s", req.URL.Scheme, req.URL.Host)
			}
			if !answered {
				return nil, errors.New("no network")
			}
			const token = `{"access_token":"at","expires_in":60,"accessToken":"at","expireTime":"2099-01-01T00:00:00Z"}`
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(token)), Request: req}, nil
		})}}}
		got, err := c.ApplicationDefault(context.Background(), ADCRequest{File: path, Scopes: []string{"s"}})
		if _, missing := os.Stat(ran); missing == nil {
			t.Fatal("a program was run")
		}
		if !got.Response.RefreshToken.IsZero() || err == nil && got.Response.Token.Access.IsZero() {
			t.Error("got a refresh token, or no access token")
		}
		if err == nil {
			return
		}
		said := strings.ReplaceAll(err.Error(), dir, "")
		if said != api.Printable(said) {
			t.Errorf("the error %q can steer a terminal", said)
		}
		for _, secret := range []string{"subject-hunter2", "gcloud-secret", "rt-of-ada"} {
			if strings.Contains(said, secret) {
				t.Error("the error quotes a secret")
			}
		}
	})
}
