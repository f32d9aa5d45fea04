package oauthtest

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func deviceConfig(now *clock) Config {
	cfg := testConfig()
	cfg.Device = true
	cfg.Now = now.now
	cfg.Clients = append(cfg.Clients, Client{ID: "browser only", GrantTypes: []string{"authorization_code"}})
	return cfg
}

// startDevice returns a device authorization response.
func startDevice(t *testing.T, r *Running, changes ...string) answer {
	t.Helper()
	form := change(url.Values{"client_id": {"app"}, "scope": {"openid email offline_access"}}, changes...)
	a := post(t, r, "/device_authorization", form)
	if a.status != http.StatusOK {
		t.Fatalf("device authorization: got status %d %s, want 200", a.status, a.text("error"))
	}
	return a
}

func pollForm(deviceCode string, changes ...string) url.Values {
	return change(url.Values{"grant_type": {deviceGrantType}, "client_id": {"app"}, "device_code": {deviceCode}}, changes...)
}

func TestDeviceAuthorization(t *testing.T) {
	cfg := deviceConfig(newClock())
	cfg.DeviceLifetime, cfg.DeviceInterval = 90*time.Second, 7*time.Second
	r := startPipe(t, cfg)
	a := startDevice(t, r)
	code := a.text("user_code")
	if len(code) != 9 || code[4] != '-' || strings.ContainsAny(code, "AEIOUY0123456789") {
		t.Errorf("user_code: got %q, want eight consonants", code)
	}
	if a.text("verification_uri") != r.Issuer()+"/device" ||
		a.text("verification_uri_complete") != r.Issuer()+"/device?user_code="+code ||
		a.fields["expires_in"] != 90.0 || a.fields["interval"] != 7.0 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v, %v, %v, %v", a.fields["verification_uri"], a.fields["verification_uri_complete"], a.fields["expires_in"],
			a.fields["interval"])
	}
	if got := r.WaitingDevices(); !reflect.DeepEqual(got, []string{code}) {
		t.Errorf("WaitingDevices: got %v, want %q", got, code)
	}
	for _, tc := range []struct {
		name   string
		form   []string
		status int
		want   string
	}{
		{"no scope", []string{"scope", "-"}, 400, "invalid_scope"},
		{"unknown scope", []string{"scope", "files.read"}, 400, "invalid_scope"},
		{"unknown client", []string{"client_id", "nobody"}, 401, "invalid_client"},
		{"confidential client without its secret", []string{"client_id", "post"}, 401, "invalid_client"},
		{"client of another grant", []string{"client_id", "browser only"}, 400, "unauthorized_client"},
		{"relative resource", []string{"resource", "/api"}, 400, "invalid_target"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form := change(url.Values{"client_id": {"app"}, "scope": {"openid"}}, tc.form...)
			wantError(t, post(t, r, "/device_authorization", form), tc.status, tc.want)
		})
	}
	if a := get(t, r, r.Issuer()+"/device_authorization"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got status %d, want 405", a.status)
	}
}

func TestDevicePolling(t *testing.T) {
	now := newClock()
	r := startPipe(t, deviceConfig(now))
	a := startDevice(t, r)
	code := a.text("device_code")
	poll := func(changes ...string) answer { t.Helper(); return post(t, r, "/token", pollForm(code, changes...)) }

	wantError(t, poll(), 400, "authorization_pending") // the first may come at any time
	now.advance(5*time.Second - 1)
	wantError(t, poll(), 400, "slow_down")
	now.advance(9 * time.Second)
	wantError(t, poll(), 400, "slow_down") // 10 s now
	now.advance(15 * time.Second)
	wantError(t, poll(), 400, "authorization_pending")
	wantError(t, poll("client_id", "other"), 400, "invalid_grant")
	wantError(t, poll("client_id", "browser only"), 400, "unauthorized_client")
	wantError(t, poll("device_code", "guess"), 400, "invalid_grant")

	if err := r.ApproveDevice(strings.ToLower(strings.ReplaceAll(a.text("user_code"), "-", " "))); err != nil {
		t.Fatal(err)
	}
	wantError(t, poll(), 400, "slow_down") // also when the answer is there
	now.advance(20 * time.Second)
	got := poll()
	if got.status != http.StatusOK || got.text("refresh_token") == "" || got.text("id_token") == "" ||
		got.text("scope") != "openid email offline_access" {
		t.Fatalf("got %d %q, refresh token %t", got.status, got.text("error"), got.text("refresh_token") != "")
	}
	now.advance(20 * time.Second)
	wantError(t, poll(), 400, "invalid_grant")
	if a := post(t, r, "/token", refreshForm(got.text("refresh_token"))); a.status != http.StatusOK {
		t.Errorf("refresh: got %d %q, want 200", a.status, a.text("error"))
	}
	if claims := decodeClaims(got.text("id_token")); claims["sub"] != "ada" || claims["nonce"] != nil {
		t.Errorf("ID token: got sub %v, nonce %v, want ada and none", claims["sub"], claims["nonce"])
	}
	if got := r.TokenRequests(deviceGrantType); got != 10 {
		t.Errorf("TokenRequests: got %d, want 10", got)
	}
}

func TestDeviceEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(r *Running, now *clock, userCode string) error
		want string
	}{
		{"denied", func(r *Running, _ *clock, userCode string) error { return r.DenyDevice(userCode) }, "access_denied"},
		{"too late", func(_ *Running, now *clock, _ string) error { now.advance(10 * time.Minute); return nil }, "expired_token"},
		{"approved and fetched too late", func(r *Running, now *clock, userCode string) error {
			err := r.ApproveDevice(userCode)
			now.advance(10 * time.Minute)
			return err
		}, "expired_token"},
		{"withdrawn", func(r *Running, _ *clock, userCode string) error { r.RevokeAll(); return nil }, "expired_token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := newClock()
			r := startPipe(t, deviceConfig(now))
			a := startDevice(t, r)
			if err := tc.do(r, now, a.text("user_code")); err != nil {
				t.Fatal(err)
			}
			wantError(t, post(t, r, "/token", pollForm(a.text("device_code"))), 400, tc.want)
			if r.ApproveDevice(a.text("user_code")) == nil {
				t.Error("it was approved all the same")
			}
		})
	}
	r := startPipe(t, deviceConfig(newClock()))
	for _, code := range []string{"", "BCDF-GHJK"} {
		if r.ApproveDevice(code) == nil || r.DenyDevice(code) == nil {
			t.Errorf("user code %q: got no error", code)
		}
	}
}

func TestDeviceIsOffered(t *testing.T) {
	r := startPipe(t, testConfig())
	wantError(t, post(t, r, "/token", pollForm("x")), 400, "unsupported_grant_type")
	if a := post(t, r, "/device_authorization", url.Values{"client_id": {"app"}}); a.status != http.StatusNotFound {
		t.Errorf("got status %d where it is not offered, want 404", a.status)
	}
}

func TestDevicePage(t *testing.T) {
	now := newClock()
	cfg := deviceConfig(now)
	cfg.Issuer = "/tenant"
	cfg.Clients[0].Name = "Tool & <b>Co</b>"
	r := startPipe(t, cfg)
	address := r.Issuer() + "/device"

	page := get(t, r, address)
	if page.status != http.StatusOK || !strings.Contains(page.body, `id="user_code"`) || !strings.Contains(page.body, `action="/tenant/device"`) {
		t.Errorf("got status %d, want a page that asks for the code", page.status)
	}
	if page := get(t, r, address+"?user_code=%3Cscript"); page.status != http.StatusNotFound || strings.Contains(page.body, "<script") {
		t.Errorf("a wrong code: got status %d, want 404 and nothing echoed", page.status)
	}
	for _, tc := range []struct{ decision, want string }{{Allow, ""}, {Deny, "access_denied"}} {
		t.Run(tc.decision, func(t *testing.T) {
			a := startDevice(t, r)
			page := get(t, r, a.text("verification_uri_complete"))
			for _, want := range []string{"Tool &amp; &lt;b&gt;Co&lt;/b&gt;", a.text("user_code"), "ada@example.com", "See your email address"} {
				if !strings.Contains(page.body, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script") {
				t.Errorf("Content-Security-Policy: got %q", policy)
			}
			if strings.Contains(page.body, a.text("device_code")) {
				t.Error("the page shows the device code")
			}
			wantError(t, post(t, r, "/token", pollForm(a.text("device_code"))), 400, "authorization_pending") // looking decides nothing
			now.advance(5 * time.Second)
			_, form, ok := findForm(Page{URL: address, Body: page.body}, tc.decision)
			if !ok {
				t.Fatal("got no form")
			}
			if a := post(t, r, "/device", form); a.status != http.StatusOK {
				t.Errorf("got status %d, want 200", a.status)
			}
			if a := post(t, r, "/device", form); a.status != http.StatusBadRequest {
				t.Errorf("the same form again: got status %d, want 400", a.status)
			}
			got := post(t, r, "/token", pollForm(a.text("device_code")))
			if tc.want != "" {
				wantError(t, got, 400, tc.want)
			} else if got.status != http.StatusOK {
				t.Errorf("got status %d, want 200", got.status)
			}
		})
	}
	for _, form := range []url.Values{{"decision": {Allow}}, {"request": {"guess"}, "decision": {Allow}}} {
		if a := post(t, r, "/device", form); a.status != http.StatusBadRequest {
			t.Errorf("form %v: got status %d, want 400", form, a.status)
		}
	}
}
