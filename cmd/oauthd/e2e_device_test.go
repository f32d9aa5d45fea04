//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oauthd/keystore/storetest"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// GrantTypes lets every client use the device grant.
func (n native) GrantTypes() []oidc.GrantType {
	return append(slices.Clone(n.Client.GrantTypes()), oidc.GrantTypeDeviceCode)
}

// authorizeDevice answers with an interval of 1 s, because the provider's 5 s are long in a test.
func (z *zitadel) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	answer := z.serve(r)
	body := bytes.Replace(answer.Body.Bytes(), []byte(`"interval":5`), []byte(`"interval":1`), 1)
	answer.Body = bytes.NewBuffer(body)
	answer.Header().Del("Content-Length")
	copyAnswer(w, answer)
}

// CompleteDeviceAuthorization keeps the id of the person, where the example storage keeps the name and then finds nobody.
func (z *zitadel) CompleteDeviceAuthorization(ctx context.Context, userCode, username string) error {
	ids := map[string]string{person: "id2"}
	return z.Storage.CompleteDeviceAuthorization(ctx, userCode, ids[username])
}

// ofDevice makes the request of a device one whose client the example storage remembers, else its refresh token is
// never taken.
func ofDevice(r op.TokenRequest) op.TokenRequest {
	if d, ok := r.(*op.DeviceAuthorizationState); ok {
		return &storage.AuthRequest{ApplicationID: d.ClientID, UserID: d.Subject, Scopes: d.Scopes}
	}
	return r
}

// decideDevice is a person who logs in at the provider's page, enters a code, and presses a button: allowed or denied.
func (z *zitadel) decideDevice(t *testing.T, page, userCode, button string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	agent := &http.Client{Jar: jar, Timeout: waitLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	visit := func(what string, response *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || response.Request.URL.Query().Has("prompt") {
			t.Fatalf("%s: got status %d, %q, %v", what, response.StatusCode, response.Request.URL.Query().Get("prompt"), err)
		}
		return string(text)
	}
	response, err := agent.Get(page)
	visit("open the page", response, err)
	response, err = agent.PostForm(page+"/login", url.Values{"user_code": {userCode}, "username": {person}, "password": {password}})
	visit("enter the code", response, err)
	response, err = agent.Get(page + "/confirm?action=" + button)
	if text, want := visit("decide", response, err), "Device authorization "+button; !strings.Contains(text, want) {
		t.Fatalf("decide: got %q, want %q in it", text, want)
	}
}

var deviceSteps = regexp.MustCompile(`(?m)^  1\. open   (\S+)\n  2\. enter  (\S+)\n`)

func testDeviceGrant(t *testing.T, h *house) {
	for _, tc := range []struct {
		button string
		exit   int
	}{{"allowed", 0}, {"denied", 4}} {
		t.Run(tc.button, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, h, storetest.Keyring{})
			c := d.start(t, "", append([]string{"login", "work", "--device"}, d.workFlags()...)...)
			steps := c.match(t, deviceSteps)
			if want := d.provider.issuer + "device"; steps[1] != want {
				t.Errorf("where to enter the code: got %s, want %s", steps[1], want)
			}
			d.provider.decideDevice(t, steps[1], steps[2], tc.button)
			r := c.wait(t)
			if strings.ContainsAny(r.stderr, "\r\x1b█") || !strings.Contains(r.stderr, "never enter a") {
				t.Errorf("stderr: got %q, want a warning, no picture, and nothing that steers a terminal", r.stderr)
			}
			if tc.exit != 0 {
				if want := "oauthd: the login was denied"; r.exit != tc.exit || !strings.Contains(r.stderr, want) {
					t.Errorf("oauthd login: got exit %d, stderr %s, want exit %d and %q", r.exit, r.stderr, tc.exit, want)
				}
				d.wantNothing(t)
				return
			}
			if r.exit != 0 || !strings.Contains(r.stdout, "work: logged in as "+email) ||
				!strings.Contains(r.stdout, "granted: openid email profile offline_access\n") {
				t.Fatalf("oauthd login: got exit %d, stdout %q, stderr %s, want exit 0, who and the scopes", r.exit, r.stdout, r.stderr)
			}
			first := d.token(t, "work")
			for range 2 {
				if d.token(t, "work", "--force") == first {
					t.Error("got the same token again, want one from a refresh")
				}
			}
			if got, want := d.provider.refreshCount(), 2; got != want {
				t.Errorf("got %d refreshes, want %d", got, want)
			}
		})
	}
}
